package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestGrowth makes a standalone server, with data, the first member of an ensemble whose other members are new.
func TestGrowth(t *testing.T) {
	t.Parallel()
	for _, cast := range growths() {
		t.Run(strings.Join(cast, "-"), func(t *testing.T) {
			t.Parallel()
			grow(t, cast[0], targets(t, cast[1:]...))
		})
	}
}

// growths returns the standalone servers of this run, each with the members of its ensemble.
func growths() [][]string {
	if os.Getenv("GOKEEPER_MIXED") == "" {
		return [][]string{{"java396", "gokeeper", "gokeeper", "gokeeper"}}
	}
	return [][]string{
		{"java396", "gokeeper", "gokeeper", "gokeeper"},
		{"java380", "gokeeper", "gokeeper", "gokeeper"},
		{"gokeeper", "gokeeper", "gokeeper", "gokeeper"},
		{"gokeeper", "gokeeper", "java396", "java380"},
		{"gokeeper", "gokeeper", "java396", "gokeeper"},
		{"gokeeper", "java396", "gokeeper", "gokeeper"},
		{"gokeeper", "java380", "java380", "gokeeper"},
		{"java396", "java380", "gokeeper", "java396"},
	}
}

func grow(t *testing.T, alone string, members []target) {
	e := newEnsemble(t, members, nil)
	first := e.node(1)
	member := first.target
	first.target = kind(t, alone)
	first.configure(t, lasting...)
	first.start(t)
	session := populate(t, first, "/alone", create2(t))
	before := dump(t, first)
	first.stop(t)
	first.target = member
	e.enrol(len(members), lasting...)
	if strings.Contains(fmt.Sprint(members[1:]), "java") {
		// new members of Java's would elect one of themselves: the one with data must be in the first quorum
		e.launch(1, 2)
		if members[1].name == "gokeeper" {
			e.launch(3) // a new member of ours waits for all
		}
		e.settled()
	}
	for _, sid := range e.sids() {
		if e.node(sid).cmd == nil {
			e.launch(sid)
		}
	}
	if leader := e.settled(); leader != 1 {
		t.Errorf("%d leads; only 1 had data", leader)
	}
	delete(before, configPath)
	for _, sid := range e.sids() {
		c := e.join(sid, opening{})
		c.ok(t, opSync, out(nil).str("/"))
		c.ok(t, opCloseSession, nil)
		after := dump(t, e.node(sid))
		delete(after, configPath)
		compareTrees(t, fmt.Sprintf("node %d (%s) beside %s alone", sid, e.node(sid).name, alone), before, after)
	}
	session = e.join(3, session.resume())
	session.ok(t, opDelete, at("/alone/ephemeral", -1))
	everywhere(t, e)
	e.equal()
}
