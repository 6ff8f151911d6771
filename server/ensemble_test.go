package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server"
	"gokeeper/server/config"
	"gokeeper/server/freeport"
	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// ensemble is several servers in this process that are members of one.
type ensemble struct {
	t       *testing.T
	dirs    []string
	configs []config.Config
	members []*running // nil: not started
}

// newEnsemble prepares voters and observers, numbered from 1, with these further lines in
// each configuration.
func newEnsemble(t *testing.T, voters, observers int, lines ...string) *ensemble {
	t.Helper()
	n := voters + observers
	ports := freeport.Some(t, 2*n)
	for i := range n {
		role := "participant"
		if i >= voters {
			role = "observer"
		}
		lines = append(lines, fmt.Sprintf("server.%d=127.0.0.1:%d:%d:%s", i+1, ports[2*i], ports[2*i+1], role))
	}
	e := &ensemble{t: t, members: make([]*running, n)}
	lines = append(lines, "initLimit=10", "syncLimit=5", "clientPort=2181")
	for i := range n {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "myid"), fmt.Append(nil, i+1), 0o644); err != nil {
			t.Fatal(err)
		}
		e.dirs = append(e.dirs, dir)
		e.configs = append(e.configs, configure(t, dir, lines...))
	}
	return e
}

// start starts the members with these numbers, all without any.
func (e *ensemble) start(numbers ...int) {
	e.t.Helper()
	if len(numbers) == 0 {
		for i := range e.members {
			numbers = append(numbers, i+1)
		}
	}
	for _, n := range numbers {
		e.members[n-1] = start(e.t, e.configs[n-1], server.Options{Log: e.log(n)})
	}
}

func (e *ensemble) halt(number int) {
	e.t.Helper()
	e.members[number-1].halt()
	e.members[number-1] = nil
}

// mode returns what a member says that it is, "" while it does not serve.
func (e *ensemble) mode(number int) string {
	e.t.Helper()
	_, mode, _ := strings.Cut(e.members[number-1].word("srvr"), "Mode: ")
	mode, _, _ = strings.Cut(mode, "\n")
	return mode
}

// settled waits until every member that runs serves, and returns who leads.
func (e *ensemble) settled() (leader int) {
	e.t.Helper()
	var modes []string
	for limit := time.Now().Add(patience); time.Now().Before(limit); runtime.Gosched() {
		leader, modes = 0, modes[:0]
		serving := true
		for i, m := range e.members {
			if m == nil {
				continue
			}
			mode := e.mode(i + 1)
			modes = append(modes, mode)
			serving = serving && mode != ""
			if mode == "leader" {
				leader = i + 1
			}
		}
		if serving && leader != 0 {
			return leader
		}
	}
	e.t.Fatalf("modes %q", modes)
	return 0
}

// connect opens a session on a member that serves.
func (e *ensemble) connect(number int, old *client) *client {
	e.t.Helper()
	return e.members[number-1].mustConnect(old)
}

// sees waits until a node has the data on each member.
func (e *ensemble) sees(path, want string) {
	e.t.Helper()
	for i, m := range e.members {
		if m != nil {
			c := e.connect(i+1, nil)
			c.do(proto.OpSync, jute.AppendString(nil, path))
			c.holds(path, want)
			c.do(proto.OpCloseSession, nil)
		}
	}
}

// TestEnsemble writes through each member and reads through all.
func TestEnsemble(t *testing.T) {
	e := newEnsemble(t, 3, 1)
	e.start()
	leader := e.settled()
	roles := map[string]int{}
	for i := range e.members {
		roles[e.mode(i+1)]++
	}
	if roles["leader"] != 1 || roles["follower"] != 2 || roles["observer"] != 1 || leader == 4 {
		t.Errorf("got %v, led by %d", roles, leader)
	}
	for i := range e.members {
		c := e.connect(i+1, nil)
		path := fmt.Sprintf("/by-%d", i+1)
		c.create(path, "data", proto.FlagPersistent)
		c.holds(path, "data")
		if _, code := c.reply(c.send(proto.OpCreate, createRecord(path, "", 0))); code != proto.NodeExists {
			t.Errorf("member %d: second create: %v", i+1, code)
		}
		e.sees(path, "data")
	}
	for i := range e.members {
		e.halt(i + 1)
	}
	noGoroutines(t)
}

// TestLeaderLost stops the leader: another leads, nothing is lost, sessions and their
// ephemerals go on at other members, and the old leader comes back as a follower.
func TestLeaderLost(t *testing.T) {
	e := newEnsemble(t, 3, 0)
	e.start()
	old := e.settled()
	c := e.connect(old, nil)
	c.create("/kept", "1", proto.FlagPersistent)
	c.create("/mine", "2", proto.FlagEphemeral)
	e.halt(old)
	leader := e.settled()
	if leader == old {
		t.Fatalf("%d leads, which was stopped", leader)
	}
	c = e.connect(leader, c)
	c.holds("/kept", "1")
	c.holds("/mine", "2")
	c.create("/later", "3", proto.FlagPersistent)
	other := 6 - old - leader
	c = e.connect(other, c) // moves
	c.holds("/mine", "2")
	e.start(old)
	if e.settled(); e.mode(old) != "follower" {
		t.Errorf("the old leader is %s", e.mode(old))
	}
	e.sees("/later", "3")
	c.do(proto.OpCloseSession, nil)
	d := e.connect(old, nil)
	d.do(proto.OpSync, jute.AppendString(nil, "/"))
	if _, code := d.get("/mine"); code != proto.NoNode {
		t.Errorf("ephemeral of a closed session: %v", code)
	}
}

// TestRestartAll stops all members and starts them again.
func TestRestartAll(t *testing.T) {
	e := newEnsemble(t, 3, 0)
	for round := range 3 {
		e.start()
		leader := e.settled()
		c := e.connect(leader, nil)
		for i := range round {
			c.holds(fmt.Sprint("/", i), "x")
		}
		c.create(fmt.Sprint("/", round), "x", proto.FlagPersistent)
		for i := range e.members {
			e.halt(i + 1)
		}
	}
}

// TestNoQuorum leaves one of three members: it does not serve, until a second comes.
func TestNoQuorum(t *testing.T) {
	e := newEnsemble(t, 3, 0)
	e.start()
	e.settled()
	c := e.connect(1, nil)
	c.create("/a", "1", proto.FlagPersistent)
	e.halt(2)
	e.halt(3)
	for limit := time.Now().Add(patience); e.mode(1) != ""; runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatal("serves without a quorum")
		}
	}
	if _, err := e.members[0].connect(c); err == nil {
		t.Error("a client is let in without a quorum")
	}
	e.start(3)
	e.settled()
	e.connect(3, c).holds("/a", "1")
}

// TestWipedMember takes a member's data away: it does not help to elect a leader that
// lacks what it once acknowledged, and is brought up by one that has it.
func TestWipedMember(t *testing.T) {
	e := newEnsemble(t, 3, 0)
	e.start(1, 2)
	e.start(3)
	e.settled()
	e.halt(1)
	e.settled()
	e.connect(2, nil).create("/acknowledged", "by 2 and 3", proto.FlagPersistent)
	e.halt(2)
	e.halt(3)
	if err := os.RemoveAll(filepath.Join(e.dirs[2], "version-2")); err != nil {
		t.Fatal(err)
	}
	e.start(1, 3) // of these only 1 may vote, which lacks the write
	for limit := time.Now().Add(time.Second); time.Now().Before(limit); runtime.Gosched() {
		if e.mode(1) != "" || e.mode(3) != "" {
			t.Fatal("a leader was elected that lacks an acknowledged write")
		}
	}
	e.start(2)
	e.settled()
	e.sees("/acknowledged", "by 2 and 3")
}

// TestInitialize begins an ensemble without one of its members, as the operator says.
func TestInitialize(t *testing.T) {
	e := newEnsemble(t, 3, 0)
	for _, dir := range e.dirs[:2] {
		if err := os.WriteFile(filepath.Join(dir, "initialize"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e.start(1, 2)
	e.settled()
	e.connect(1, nil).create("/a", "1", proto.FlagPersistent)
	e.start(3)
	e.settled()
	e.sees("/a", "1")
}

// TestGrow makes a standalone server with data a member of an ensemble.
func TestGrow(t *testing.T) {
	e := newEnsemble(t, 3, 0)
	alone := start(t, configure(t, e.dirs[0]), server.Options{})
	alone.mustConnect(nil).create("/before", "1", proto.FlagPersistent)
	alone.halt()
	e.start()
	if leader := e.settled(); leader != 1 {
		t.Errorf("%d leads, want the one with the data", leader)
	}
	e.sees("/before", "1")
}

// TestFarBehind brings a member up by a snapshot, and one that was away for little by
// what it missed.
func TestFarBehind(t *testing.T) {
	e := newEnsemble(t, 3, 0, "snapCount=50", "snapshotSizeFactor=-1")
	e.start()
	leader := e.settled()
	away := leader%3 + 1
	for _, writes := range []int{3, 600} {
		e.halt(away)
		e.settled()
		c := e.connect(leader, nil)
		c.create(fmt.Sprint("/n", writes), "", proto.FlagPersistent)
		for i := range writes {
			c.do(proto.OpSetData, jute.AppendInt(jute.AppendBuffer(jute.AppendString(nil, fmt.Sprint("/n", writes)), fmt.Append(nil, i)), -1))
		}
		e.start(away)
		e.settled()
		e.sees(fmt.Sprint("/n", writes), fmt.Sprint(writes-1))
	}
}

// log writes what a member logs to the file that ENSEMBLE_LOG names, for looking at.
func (e *ensemble) log(number int) zerolog.Logger {
	name := os.Getenv("ENSEMBLE_LOG")
	if name == "" {
		return zerolog.Nop()
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { f.Close() })
	return zerolog.New(f).With().Int("member", number).Timestamp().Logger().Level(zerolog.InfoLevel)
}
