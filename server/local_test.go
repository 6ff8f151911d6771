package server_test

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/session"
)

// shows waits for a member to answer a word with the text in it.
func (e *ensemble) shows(number int, word, text string) string {
	e.t.Helper()
	for limit := time.Now().Add(patience); ; runtime.Gosched() {
		got := e.members[number-1].word(word)
		if strings.Contains(got, text) {
			return got
		}
		if time.Now().After(limit) {
			e.t.Fatalf("%s of member %d has no %q:\n%s", word, number, text, got)
		}
	}
}

// TestLocalSessions: a local session is no transaction and known to its server only; its
// first ephemeral makes it a global one, or is refused, in the place of the request.
func TestLocalSessions(t *testing.T) {
	for _, upgrade := range []string{"true", "false"} {
		t.Run("upgrade "+upgrade, func(t *testing.T) {
			e := newEnsemble(t, 3, 0, "localSessionsEnabled=true", "localSessionsUpgradingEnabled="+upgrade)
			e.start()
			leader := e.settled()
			for i := range e.members {
				e.localSession(i+1, leader, upgrade == "true")
			}
		})
	}
}

// TestMovedFromLeader resumes a session of the leader's at a follower: the old connection
// ends, even if it would only read.
func TestMovedFromLeader(t *testing.T) {
	e := newEnsemble(t, 3, 0)
	e.start()
	leader := e.settled()
	old := e.connect(leader, nil)
	old.create("/a", "1", proto.FlagEphemeral)
	moved := e.connect(leader%3+1, old)
	if _, err := old.read(); !errors.Is(err, io.EOF) {
		t.Errorf("the old connection: %v, want %v", err, io.EOF)
	}
	moved.holds("/a", "1")
	back := e.connect(leader, moved)
	back.holds("/a", "1")
	back.do(proto.OpCloseSession, nil)
}

func (e *ensemble) localSession(number, leader int, upgrade bool) {
	t := e.t
	path := "/by-" + string(rune('0'+number))
	c := e.connect(number, nil)
	c.do(proto.OpSync, pathRecord("/", false)[:5])
	first := c.zxid
	e.shows(number, "mntr", "zk_local_sessions\t1\n")
	other := number%3 + 1
	if _, err := e.members[other-1].connect(c); !errors.Is(err, errExpired) {
		t.Errorf("member %d knows a session local to %d: %v", other, number, err)
	}
	// a write and an ephemeral in one go: the answers come in order
	x1 := c.send(proto.OpCreate, createRecord(path, "", proto.FlagPersistent))
	x2 := c.send(proto.OpCreate, createRecord(path+"/e", "", proto.FlagEphemeral))
	x3 := c.send(proto.OpCreate, createRecord(path+"/p", "", proto.FlagPersistent))
	_, e1 := c.reply(x1)
	if e1 != proto.OK || c.zxid.Counter() != first.Counter()+1 {
		t.Errorf("member %d: write of a local session: %v at %v, want the one behind %v", number, e1, c.zxid, first)
	}
	_, e2 := c.reply(x2)
	_, e3 := c.reply(x3)
	want := proto.EphemeralOnLocalSession
	if upgrade {
		want = proto.OK
	}
	if e2 != want || e3 != proto.OK {
		t.Errorf("member %d: %v, %v, want %v, OK", number, e2, e3, want)
	}
	if !upgrade && c.zxid.Counter() != first.Counter()+3 {
		t.Errorf("member %d: at %v behind an ephemeral that the leader has refused, want the third behind %v", number, c.zxid, first)
	}
	moved, err := e.members[other-1].connect(c)
	if upgrade {
		if err != nil {
			t.Fatalf("member %d: the session is global, yet %v", other, err)
		}
		moved.holds(path+"/e", "")
		moved.do(proto.OpCloseSession, nil)
		return
	}
	if !errors.Is(err, errExpired) {
		t.Errorf("a session that was not upgraded moves: %v", err)
	}
	resumed := e.connect(number, c)
	resumed.do(proto.OpCloseSession, nil)
	if _, err := e.members[number-1].connect(c); !errors.Is(err, errExpired) {
		t.Errorf("closed, yet %v", err)
	}
	e.shows(number, "mntr", "zk_local_sessions\t0\n")
}

// TestReadOnly leaves a member without a quorum: it serves reads to clients that ask for
// no more, and everything again once there is a leader.
func TestReadOnly(t *testing.T) {
	e := newEnsemble(t, 3, 0, "localSessionsEnabled=true")
	for i := range e.configs {
		e.configs[i].ReadOnlyMode = true
	}
	e.start()
	e.settled()
	e.connect(1, nil).create("/a", "1", proto.FlagPersistent)
	e.sees("/a", "1")
	e.halt(2)
	e.halt(3)
	e.shows(1, "isro", "ro")
	if got := e.shows(1, "srvr", "Mode: read-only\n"); !strings.Contains(got, "READ-ONLY mode; serving only read-only clients\n") {
		t.Errorf("srvr:\n%s", got)
	}
	if _, err := e.members[0].connect(nil); !errors.Is(err, io.EOF) {
		t.Errorf("a client that wants to write: %v, want %v", err, io.EOF)
	}
	c, err := e.members[0].connectAs(nil, true)
	if err != nil {
		t.Fatal(err)
	}
	c.holds("/a", "1")
	for op, record := range map[proto.Op][]byte{
		proto.OpCreate: createRecord("/b", "", 0), proto.OpSync: pathRecord("/", false)[:5], proto.OpDelete: createRecord("/b", "", 0),
	} {
		if _, code := c.reply(c.send(op, record)); code != proto.NotReadOnly {
			t.Errorf("%v: %v, want %v", op, code, proto.NotReadOnly)
		}
	}
	e.start(2)
	e.settled()
	if _, err := c.read(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, want %v", err, io.EOF)
	}
	e.connect(1, nil).holds("/a", "1")
	e.shows(1, "isro", "rw")
}

// TestReadOnlySessions: a server without a quorum opens no session of the ensemble's, and
// does not end one either: who has such a session goes on to another server.
func TestReadOnlySessions(t *testing.T) {
	for _, local := range []string{"true", "false"} {
		t.Run("local "+local, func(t *testing.T) {
			e := newEnsemble(t, 3, 0, "localSessionsEnabled="+local, "localSessionsUpgradingEnabled="+local)
			for i := range e.configs {
				e.configs[i].ReadOnlyMode = true
			}
			e.start()
			e.settled()
			global := e.connect(1, nil)
			global.create("/a", "1", proto.FlagPersistent)
			global.create("/e", "", proto.FlagEphemeral)
			e.halt(2)
			e.halt(3)
			e.shows(1, "isro", "ro")
			if _, err := e.members[0].connectAs(global, true); !errors.Is(err, io.EOF) {
				t.Errorf("a session of the ensemble's: %v, want %v", err, io.EOF)
			}
			id := global.session + 100
			password := session.Password(id)
			c, err := e.members[0].connectAs(&client{session: id, password: password[:]}, true)
			if local == "true" {
				if !errors.Is(err, errExpired) {
					t.Errorf("a session that is not known: %v, want %v", err, errExpired)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c.holds("/a", "1")
			if _, code := c.reply(c.send(proto.OpCloseSession, nil)); code != proto.NotReadOnly {
				t.Errorf("closeSession: %v, want %v", code, proto.NotReadOnly)
			}
		})
	}
}

// TestLeaderServesNobody keeps clients off a leader.
func TestLeaderServesNobody(t *testing.T) {
	e := newEnsemble(t, 3, 0, "leaderServes=no")
	e.start()
	modes := func() (out string) {
		for i := range e.members {
			out += "[" + e.mode(i+1) + "]"
		}
		return out
	}
	for limit := time.Now().Add(patience); strings.Count(modes(), "[follower]") != 2; runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatal(modes())
		}
	}
	for i, m := range e.members {
		follower := e.mode(i+1) == "follower"
		if _, err := m.connect(nil); (err == nil) != follower {
			t.Errorf("member %d, %q: %v", i+1, e.mode(i+1), err)
		}
	}
}
