package server_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/recovery"
	"gokeeper/server/storage"
	"gokeeper/server/vfs"
)

// newFiled prepares an ensemble of three whose members have configuration files.
func newFiled(t *testing.T, lines ...string) *ensemble {
	t.Helper()
	e := newEnsemble(t, 3, 0)
	for i := range e.configs {
		e.rewrite(i+1, e.configs[i].Servers.Members, lines...)
	}
	return e
}

// lose takes the data of a member away for good.
func (e *ensemble) lose(number int, initialize bool) {
	e.t.Helper()
	if err := os.RemoveAll(filepath.Join(e.dirs[number-1], "version-2")); err != nil {
		e.t.Fatal(err)
	}
	if !initialize {
		return
	}
	if err := os.WriteFile(filepath.Join(e.dirs[number-1], "initialize"), nil, 0o644); err != nil {
		e.t.Fatal(err)
	}
}

// recover makes the data of a member an ensemble.
func (e *ensemble) recover(number int, lines ...string) *recovery.Plan {
	e.t.Helper()
	e.reread(number)
	plan, err := recovery.New(vfs.OS(), e.configs[number-1], lines)
	if err != nil {
		e.t.Fatal(err)
	}
	if err := plan.Apply(vfs.OS()); err != nil {
		e.t.Fatal(err)
	}
	e.reread(number)
	return plan
}

// newSurvivor returns an ensemble of three that is down: all have /kept, and member 1, which
// will survive, lacks /lost.
func newSurvivor(t *testing.T) *ensemble {
	t.Helper()
	e := newFiled(t)
	e.start()
	e.settled()
	e.connect(1, nil).create("/kept", "1", proto.FlagPersistent)
	e.sees("/kept", "1")
	e.halt(1)
	leader := e.settled()
	e.connect(leader, nil).create("/lost", "2", proto.FlagPersistent)
	e.halt(2)
	e.halt(3)
	return e
}

// TestRecoverSame lets a lone survivor of three serve again, with the same members: one of
// the others has an empty disk, one comes back with its old data, which goes further.
func TestRecoverSame(t *testing.T) {
	e := newSurvivor(t)
	e.lose(2, true)
	var lines []string
	for _, m := range e.configs[0].Servers.Members {
		m.ClientFromStatic = true
		lines = append(lines, fmt.Sprintf("server.%v=%v", m.ID, m))
	}
	plan := e.recover(1, lines...)
	if plan.Voices() != 1 || !strings.Contains(plan.Losses()[0], plan.Last.String()) {
		t.Errorf("%d voices, %q", plan.Voices(), plan.Losses())
	}
	e.start(1, 2)
	if leader := e.settled(); leader != 1 {
		t.Errorf("%d leads, want the survivor", leader)
	}
	e.connect(1, nil).create("/after", "3", proto.FlagPersistent)
	e.start(3) // with what it had
	e.settled()
	e.sees("/kept", "1")
	e.sees("/after", "3")
	for i := range e.members {
		if _, code := e.connect(i+1, nil).get("/lost"); code != proto.NoNode {
			t.Errorf("member %d has what was lost: %v", i+1, code)
		}
	}
}

// TestRecoverReturning elects the survivor although the other has the longer history.
func TestRecoverReturning(t *testing.T) {
	e := newSurvivor(t)
	e.recover(1, fmt.Sprintf("server.1=%v", e.configs[0].Servers.Members[0]), fmt.Sprintf("server.2=%v", e.configs[0].Servers.Members[1]))
	text, err := os.ReadFile(e.file(1))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "server.3") || !strings.Contains(string(text), "# the ensemble") {
		t.Errorf("got\n%s", text)
	}
	e.rewrite(2, e.configs[0].Servers.Members)
	e.start(1, 2)
	if leader := e.settled(); leader != 1 {
		t.Errorf("%d leads, want the survivor", leader)
	}
	e.sees("/kept", "1")
	if _, code := e.connect(2, nil).get("/lost"); code != proto.NoNode {
		t.Errorf("what was lost is back: %v", code)
	}
}

// TestRecoverDynamic makes a lone survivor an ensemble of one, whose configuration may
// change; others join it by a reconfiguration.
func TestRecoverDynamic(t *testing.T) {
	e := newChanging(t, 3, 0, "standaloneEnabled=false")
	e.start()
	e.settled()
	e.connect(1, nil).create("/kept", "1", proto.FlagPersistent)
	e.sees("/kept", "1")
	for i := range e.members {
		e.halt(i + 1)
	}
	e.lose(2, false)
	e.lose(3, false)
	plan := e.recover(1)
	e.start(1)
	if e.settled() != 1 {
		t.Fatal("it does not lead")
	}
	c := e.connect(1, nil)
	c.holds("/kept", "1")
	if got, _ := c.get("/zookeeper/config"); strings.Contains(got, "server.2") || !strings.Contains(got, fmt.Sprintf("version=%x", plan.Members.Version)) {
		t.Errorf("the configuration is %q", got)
	}
	n := e.join(1)
	e.start(n)
	e.settled()
	text := e.reconfigure(1, e.line(n, quorum.Participant), "", "")
	e.agrees(text, map[int]string{1: "leader", n: "follower"})
	e.sees("/kept", "1")
}

// TestRecoverRefused changes nothing where it cannot be right.
func TestRecoverRefused(t *testing.T) {
	e := newFiled(t)
	f := func(want error, lines ...string) {
		t.Helper()
		e.reread(1)
		plan, err := recovery.New(vfs.OS(), e.configs[0], lines)
		if err == nil {
			err = plan.Apply(vfs.OS())
		}
		if !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", lines, err, want)
		}
	}
	e.start(1, 2, 3)
	e.settled()
	e.connect(1, nil).create("/a", "1", proto.FlagPersistent)
	f(storage.ErrInUse)
	for i := range e.members {
		e.halt(i + 1)
	}
	f(recovery.ErrMembers, "server.2=127.0.0.1:1:2")
	f(recovery.ErrMembers, "server.1=127.0.0.1:1:2:observer", "server.2=127.0.0.1:1:2")
	f(recovery.ErrMembers, "server.1=nonsense")
	e.lose(1, false)
	if err := os.MkdirAll(filepath.Join(e.dirs[0], "version-2"), 0o755); err != nil {
		t.Fatal(err)
	}
	f(recovery.ErrData)
}
