package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gokeeper/server/freeport"
)

// settleLimit is how long an ensemble may take to settle: Java processes start slowly on a busy machine.
const settleLimit = 90 * time.Second

// lasting lets no session expire while trees are compared.
var lasting = []string{"minSessionTimeout=600000", "maxSessionTimeout=600000"}

// An ensemble is servers that are members of one. The member with the id n is nodes[n-1].
type ensemble struct {
	t     testing.TB
	nodes []*server
	fuzzy bool // snapshots are sent under load: until a learner has caught up with them, digests differ from its tree's
}

// newEnsemble prepares one voter of each kind, and observers after them. Nothing is started.
func newEnsemble(t testing.TB, voters, observers []target, keys ...string) *ensemble {
	t.Helper()
	e := &ensemble{t: t}
	for _, tg := range slices.Concat(voters, observers) {
		e.nodes = append(e.nodes, newServer(t, tg))
	}
	e.enrol(len(voters), keys...)
	t.Cleanup(e.keepLogs)
	return e
}

// keepLogs copies the servers' logs, and says where they are, when the test has failed.
func (e *ensemble) keepLogs() {
	if !e.t.Failed() {
		return
	}
	dir, err := os.MkdirTemp("", "gokeeper-failed-")
	if err != nil {
		e.t.Error(err)
		return
	}
	for i, s := range e.nodes {
		for _, name := range []string{"log", "zoo.cfg"} {
			b, err := os.ReadFile(filepath.Join(s.dir, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.%s.%s", i+1, s.name, name)), b, 0o644)
			}
			if err != nil {
				e.t.Error(err)
			}
		}
	}
	e.t.Logf("logs of all servers: %s", dir)
}

// enrol writes the configuration of an ensemble, of which the first nodes are the voters.
func (e *ensemble) enrol(voters int, keys ...string) {
	e.t.Helper()
	lines := []string{"tickTime=1000", "initLimit=30", "syncLimit=10", "preAllocSize=1024"}
	for i := range e.nodes {
		role := "participant"
		if i >= voters {
			role = "observer"
		}
		lines = append(lines, fmt.Sprintf("server.%d=127.0.0.1:%d:%d:%s", i+1, freeport.One(e.t), freeport.One(e.t), role))
	}
	for i, s := range e.nodes {
		own := slices.Concat(lines, keys)
		if i >= voters {
			own = append(own, "peerType=observer")
		}
		s.configure(e.t, own...)
		data := filepath.Join(s.dir, "data")
		if err := os.MkdirAll(data, 0o755); err != nil {
			e.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, "myid"), fmt.Append(nil, i+1), 0o644); err != nil {
			e.t.Fatal(err)
		}
	}
}

func (e *ensemble) node(sid int) *server { return e.nodes[sid-1] }

// launch starts nodes, all without any, and does not wait for them.
func (e *ensemble) launch(sids ...int) {
	e.t.Helper()
	if len(sids) == 0 {
		sids = e.sids()
	}
	for _, sid := range sids {
		if err := e.node(sid).launch(); err != nil {
			e.t.Fatal(err)
		}
	}
}

func (e *ensemble) sids() []int {
	var all []int
	for i := range e.nodes {
		all = append(all, i+1)
	}
	return all
}

// others returns the nodes but for these.
func (e *ensemble) others(but ...int) []int {
	return slices.DeleteFunc(e.sids(), func(sid int) bool { return slices.Contains(but, sid) })
}

func (e *ensemble) mode(sid int) string {
	_, mode, _ := strings.Cut(e.node(sid).ask("srvr", 2*time.Second), "\nMode: ")
	mode, _, _ = strings.Cut(mode, "\n")
	return mode
}

// settled waits until each node that was started serves and one leads, and returns that one.
func (e *ensemble) settled() (leader int) {
	e.t.Helper()
	var modes []string
	for limit := time.Now().Add(settleLimit); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		var leaders []int
		serving := true
		modes = modes[:0]
		for sid, s := range e.nodes {
			if s.cmd == nil {
				modes = append(modes, "down")
				continue
			}
			if !s.running() {
				e.t.Fatalf("node %d (%s) ended by itself: %v\n%s", sid+1, s.name, s.end, s.logTail(4000))
			}
			mode := e.mode(sid + 1)
			modes = append(modes, mode)
			serving = serving && mode != ""
			if mode == "leader" {
				leaders = append(leaders, sid+1)
			}
		}
		if serving && len(leaders) == 1 {
			return leaders[0]
		}
	}
	for sid, s := range e.nodes {
		e.t.Logf("node %d (%s):\n%s", sid+1, s.name, s.logTail(3000))
	}
	e.t.Fatalf("the ensemble does not settle in %v: modes %q", settleLimit, modes)
	return 0
}

// join opens a session at a node, or resumes one. A server lets no client in for a moment after it changed its role, so
// this tries again, unless the session has expired.
func (e *ensemble) join(sid int, o opening) *client {
	e.t.Helper()
	var last error
	for limit := time.Now().Add(settleLimit); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		c, err := connect(e.node(sid).addr(), o)
		if err == nil {
			e.t.Cleanup(func() { c.Close() })
			return c
		}
		if last = err; err == errExpired {
			break
		}
	}
	e.t.Fatalf("node %d (%s) refuses a session: %v", sid, e.node(sid).name, last)
	return nil
}

// up returns the nodes that run.
func (e *ensemble) up() []int {
	return slices.DeleteFunc(e.sids(), func(sid int) bool { return e.node(sid).cmd == nil })
}

// sees reads a node's data at all servers that run.
func (e *ensemble) sees(path, want string) {
	e.t.Helper()
	for _, sid := range e.up() {
		c := e.join(sid, opening{})
		c.ok(e.t, opSync, out(nil).str("/"))
		r, err := c.call(opGetData, watched(path, false))
		if err != nil {
			e.t.Fatal(err)
		}
		if got := r.in().buf(); r.err != 0 || string(got) != want {
			e.t.Errorf("node %d (%s): %s is %q (error %d), want %q", sid, e.node(sid).name, path, got, r.err, want)
		}
		c.ok(e.t, opCloseSession, nil)
	}
}

// lacks checks that no server that runs has the node.
func (e *ensemble) lacks(path string) {
	e.t.Helper()
	for _, sid := range e.up() {
		c := e.join(sid, opening{})
		c.ok(e.t, opSync, out(nil).str("/"))
		if r, err := c.call(opExists, watched(path, false)); err != nil || r.err != errNoNode {
			e.t.Errorf("node %d (%s) has %s: error %d, %v", sid, e.node(sid).name, path, r.err, err)
		}
		c.ok(e.t, opCloseSession, nil)
	}
}

// configPath is the node that holds the members of the ensemble.
const configPath = "/zookeeper/config"

// equal compares the trees of all servers, node by node with stat and ACL, and what they say about digests.
func (e *ensemble) equal() {
	e.t.Helper()
	var first map[string]node
	var config *node
	digests := map[string]string{}
	compared := 0
	for _, sid := range e.sids() {
		s := e.node(sid)
		c := e.join(sid, opening{})
		c.ok(e.t, opSync, out(nil).str("/"))
		c.ok(e.t, opCloseSession, nil)
		tree := dump(e.t, s)
		own := tree[configPath]
		delete(tree, configPath)
		own.Stat.Mtime = 0 // each server's own: it wrote the node when it started
		switch {
		case strings.HasPrefix(s.name, "java") && len(own.Data) == 0: // not written by a leader that was standalone before
		case config == nil:
			config = &own
		case !reflect.DeepEqual(*config, own):
			e.t.Errorf("node %d (%s): configuration %s\nelsewhere %s", sid, s.name, own, *config)
		}
		if first == nil {
			first = tree
		} else {
			compareTrees(e.t, fmt.Sprintf("node %d (%s) beside node 1 (%s)", sid, s.name, e.node(1).name), first, tree)
		}
		for zxid, d := range digestLog(s) {
			if other, there := digests[zxid]; there && other != d {
				e.t.Errorf("node %d (%s): digest %s at zxid %s, elsewhere %s", sid, s.name, d, zxid, other)
			} else if there {
				compared++
			}
			digests[zxid] = d
		}
		if n := s.metric("zk_digest_mismatches_count"); n > 0 && !e.fuzzy { // -1: the answer ended early, see alike
			e.t.Errorf("node %d (%s) reports %v digest mismatches", sid, s.name, n)
		}
	}
	if compared == 0 {
		e.t.Error("no two servers know a digest of the same zxid: this proves nothing")
	}
	e.t.Logf("%d nodes equal on %d servers, %d digests", len(first), len(e.nodes), compared)
}

var (
	javaLearner = regexp.MustCompile(`\[(LearnerHandler-\S+)\].* Synchronizing with Learner sid: (\d+) `)
	javaSent    = regexp.MustCompile(`\[(LearnerHandler-\S+)\].* Sending (DIFF|TRUNC|snapshot)`)
	oursSent    = regexp.MustCompile(`"peer":"?(\d+)"?.*"by":"(\w+)".*bringing a learner up to date`)
)

// broughtUp returns what the leader says how it brought a learner up to date the last time: DIFF, TRUNC or SNAP.
func (e *ensemble) broughtUp(leader, learner int) string {
	b, err := os.ReadFile(filepath.Join(e.node(leader).dir, "log"))
	if err != nil {
		e.t.Fatal(err)
	}
	by, thread := "", ""
	for line := range strings.Lines(string(b)) {
		if m := oursSent.FindStringSubmatch(line); m != nil && m[1] == fmt.Sprint(learner) {
			by = m[2]
		}
		if m := javaLearner.FindStringSubmatch(line); m != nil && m[2] == fmt.Sprint(learner) {
			by, thread = "TRUNC", m[1] // which Java logs only in one of its cases
		}
		if m := javaSent.FindStringSubmatch(line); m != nil && m[1] == thread {
			by = strings.ToUpper(m[2][:min(len(m[2]), 5)])
		}
	}
	return strings.ReplaceAll(by, "SNAPS", "SNAP")
}

// halt ends nodes by a signal and waits for their end.
func (e *ensemble) halt(sig syscall.Signal, sids ...int) {
	e.t.Helper()
	for _, sid := range sids {
		e.node(sid).mustSignal(e.t, sig)
	}
}

// freeze stops nodes in their tracks; only SIGKILL or SIGCONT gets them out of it.
func (e *ensemble) freeze(sids ...int) {
	e.t.Helper()
	for _, sid := range sids {
		if err := e.node(sid).cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			e.t.Fatal(err)
		}
	}
	for limit := time.Now().Add(settleLimit); time.Now().Before(limit); time.Sleep(time.Millisecond) {
		if !slices.ContainsFunc(sids, func(sid int) bool { return !frozen(e.node(sid).cmd.Process.Pid) }) {
			return
		}
	}
	e.t.Fatalf("nodes %v do not stop", sids)
}

// logged waits until a node's transaction log holds the text.
func (e *ensemble) logged(sid int, text string) {
	e.t.Helper()
	for limit := time.Now().Add(settleLimit); time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		for _, f := range e.node(sid).files(e.t, "log.") {
			if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), text) {
				return
			}
		}
	}
	e.t.Fatalf("node %d does not log %q", sid, text)
}
