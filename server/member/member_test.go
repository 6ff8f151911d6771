package member

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gokeeper/server/auth"
	"gokeeper/server/election"
	"gokeeper/server/jute"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/zab"
)

const tick = 2 * time.Second

func standalone(sessions map[proto.SessionID]int32) *Member {
	return New(Config{ServerID: 1, Tick: tick}, &auth.Policy{}, State{Last: 5, Sessions: sessions}, 0, 1000)
}

// three is the configuration of an ensemble of three.
func three(t *testing.T) quorum.Config {
	t.Helper()
	c, err := quorum.Parse("server.1=h:1:2:participant\nserver.2=h:1:2:participant\nserver.3=h:1:2:participant\nversion=0")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// leader returns member 3 of three, which leads epoch 1 with link 7 from member 2, and
// has these sessions.
func leader(t *testing.T, e Ensemble, sessions map[proto.SessionID]int32) *Member {
	t.Helper()
	e.Self, e.Quorum, e.InitLimit, e.SyncLimit, e.Recent = 3, three(t), 10, 5, 500
	m := New(Config{ServerID: 3, Tick: tick, Ensemble: &e}, &auth.Policy{}, State{}, 0, 1000)
	m.Start(0)
	for _, from := range []quorum.ServerID{1, 2} {
		m.Notified(from, election.Notification{State: election.Looking, Vote: m.elect.Vote(), Version: election.Version}, 1)
	}
	info := zab.Info{Server: 2, Protocol: zab.ProtocolVersion}
	m.Connected(7, 1000)
	m.Received(7, []zab.Packet{{Type: zab.FollowerInfo, Data: info.Append(nil)}}, 1000)
	m.Received(7, []zab.Packet{{Type: zab.AckEpoch, Data: jute.AppendInt(nil, 0)}}, 1000)
	m.Received(7, []zab.Packet{{Type: zab.Ack, Zxid: proto.NewZxid(1, 0)}}, 1000)
	for _, a := range m.Actions() {
		if s, ok := a.(zab.Serve); ok {
			m.Opened(s.Epoch, sessions, 1000)
		}
	}
	m.Actions()
	if m.Role() != Leading || !m.Serving() || !m.Orders() {
		t.Fatalf("role %v, serving %v", m.Role(), m.Serving())
	}
	return m
}

// request returns the packet of a learner's request.
func request(id proto.SessionID, cxid int32, op proto.Op, body []byte) zab.Packet {
	return Forwarded(&prep.Request{Session: id, Cxid: cxid, Op: op, Body: body})
}

func create(path string, flags int32) []byte {
	b := jute.AppendBuffer(jute.AppendString(nil, path), nil)
	return jute.AppendInt(proto.AppendACL(b, proto.OpenACL()), flags)
}

// propose carries out the writes that the member took in, and returns what they became.
func propose(m *Member, tr *tree.Tree) string {
	var out []string
	for _, a := range m.Actions() {
		if w, ok := a.(Write); ok {
			x := m.Propose(tr, &w.Request, w.Link, 1)
			text := fmt.Sprintf("%v %v %d", x.Zxid, x.Type, x.Cxid)
			if e, ok := x.Body.(*txn.Error); ok {
				text += " " + e.Code.Error()
			}
			out = append(out, text)
		}
	}
	return strings.Join(out, ", ")
}

// TestSessionMoves: a session speaks through the server that it spoke through last;
// requests that are still under way from another are refused, each with a transaction,
// since the learner waits for one (quorum protocol: pitfall 17).
func TestSessionMoves(t *testing.T) {
	m := leader(t, Ensemble{}, map[proto.SessionID]int32{0x10: 4000})
	tr := tree.New()
	m.Received(7, []zab.Packet{request(0x10, 1, proto.OpCreate, create("/a", 0))}, 2000)
	if got := propose(m, tr); got != "0x100000001 create 1" {
		t.Errorf("first: %s", got)
	}
	if !m.Resume(0x10, 4000, 2000) { // now it is at the leader
		t.Fatal("not resumed")
	}
	m.Received(7, []zab.Packet{request(0x10, 2, proto.OpCreate, create("/b", 0))}, 2000)
	if got := propose(m, tr); got != "0x100000002 error 2 session moved" {
		t.Errorf("of a session that has moved: %s", got)
	}
	m.Received(7, []zab.Packet{Revalidation(0x10, 4000)}, 2000) // and back
	m.Received(7, []zab.Packet{request(0x10, 3, proto.OpCreate, create("/c", 0))}, 2000)
	if got := propose(m, tr); got != "0x100000003 create 3" {
		t.Errorf("after it has moved back: %s", got)
	}
	m.Received(7, []zab.Packet{request(0x99, 1, proto.OpCreate, create("/d", 0))}, 2000)
	if got := propose(m, tr); got != "0x100000004 error 1 session expired" {
		t.Errorf("of an unknown session, which in an ensemble is one that has expired: %s", got)
	}
}

// TestRevalidate answers a learner whose client wants to go on with a session.
func TestRevalidate(t *testing.T) {
	m := leader(t, Ensemble{}, map[proto.SessionID]int32{0x10: 4000, 0x20: 4000})
	m.Propose(tree.New(), &prep.Request{Session: 0x20, Op: proto.OpCloseSession}, local, 1) // closing
	for id, want := range map[proto.SessionID]bool{0x10: true, 0x20: false, 0x30: false} {
		m.Received(7, []zab.Packet{Revalidation(id, 6000)}, 2000)
		var got []zab.Packet
		for _, a := range m.Actions() {
			if s, ok := a.(zab.Send); ok {
				got = append(got, s.Packets...)
			}
		}
		data := jute.AppendBool(jute.AppendLong(nil, int64(id)), want)
		if len(got) != 1 || got[0].Type != zab.Revalidate || !slices.Equal(got[0].Data, data) {
			t.Errorf("session %v: got %v, want %v", id, got, want)
		}
	}
}

// TestTouched: what learners have heard of lives on, what nobody has heard of ends, once.
func TestTouched(t *testing.T) {
	m := leader(t, Ensemble{}, map[proto.SessionID]int32{0x10: 4000, 0x20: 4000})
	unheard := func(proto.SessionID) (int64, int32, bool) { return 0, 0, false }
	for now := int64(1000); now < 9000; now += 500 {
		pong := Pong(0, []zab.Touched{{Session: 0x10, Timeout: 4000}, {Session: 0x77, Timeout: 4000}})
		m.Received(7, []zab.Packet{pong}, now)
		for _, w := range m.Expire(unheard, now) {
			if w.Session != 0x20 || now < 5000 {
				t.Errorf("at %d: session %v expires", now, w.Session)
			}
			m.Propose(tree.New(), &w, local, 1)
		}
	}
	if m.Sessions().Known(0x77) {
		t.Error("a session that does not exist was made by touching it")
	}
	if !m.Sessions().Closing(0x20) || m.Sessions().Closing(0x10) {
		t.Error("0x20 should have expired, and 0x10 not")
	}
}

// TestForeignSession: with local sessions a leader takes the writes of sessions that it
// does not know, but no ephemerals, and nothing of a session of its own that is over.
func TestForeignSession(t *testing.T) {
	m := leader(t, Ensemble{LocalSessions: true}, nil)
	tr := tree.New()
	f := func(id proto.SessionID, flags int32, want string) {
		t.Helper()
		m.Received(7, []zab.Packet{request(id, 1, proto.OpCreate, create(fmt.Sprintf("/n%x", uint64(id)+uint64(flags)), flags))}, 2000)
		if got := propose(m, tr); !strings.Contains(got, want) {
			t.Errorf("session %v, flags %d: got %s, want %s", id, flags, got, want)
		}
	}
	f(0x0200000000000001, proto.FlagPersistent, "create")
	f(0x0200000000000001, proto.FlagEphemeral, "error")
	f(0x0300000000000001, proto.FlagPersistent, "error")
}

// TestUpgradeTimeout: a local session becomes global with the timeout that it began with.
func TestUpgradeTimeout(t *testing.T) {
	m := leader(t, Ensemble{LocalSessions: true, Upgrade: true}, nil)
	id := m.NewLocal(30000, 0)
	m.Touch(id, 4000, 1000)
	first, ok := m.Upgrade(id, 2000)
	if got := jute.NewDecoder(first.Body).Int(); !ok || first.Session != id || got != 30000 {
		t.Errorf("%v %v with timeout %d, want %v with 30000", ok, first.Session, got, id)
	}
}

// TestStandalone serves at once, and commits what its log holds.
func TestStandalone(t *testing.T) {
	m := standalone(map[proto.SessionID]int32{7: 4000})
	if !m.Serving() || !m.Orders() || m.Role() != Standalone {
		t.Fatal("does not serve")
	}
	x := m.Propose(tree.New(), &prep.Request{Session: 7, Cxid: 1, Op: proto.OpCreate, Body: create("/a", 0)}, local, 1)
	if x.Zxid != 6 || x.Type != proto.OpCreate {
		t.Errorf("%v %v", x.Zxid, x.Type)
	}
	m.Durable(6, 0)
	if got := m.Actions(); len(got) != 1 || got[0] != (zab.Decided{Zxid: 6}) {
		t.Errorf("got %v", got)
	}
}

// TestWantsEphemeral finds what a local session must not do.
func TestWantsEphemeral(t *testing.T) {
	multi := func(flags int32) []byte {
		h := proto.MultiHeader{Op: proto.OpCreate}
		return proto.AppendMultiEnd(append(h.Append(nil), create("/a", flags)...))
	}
	for _, c := range []struct {
		op   proto.Op
		body []byte
		want bool
	}{
		{proto.OpCreate, create("/a", proto.FlagEphemeral), true},
		{proto.OpCreate2, create("/a", proto.FlagEphemeralSequential), true},
		{proto.OpCreate, create("/a", proto.FlagSequential), false},
		{proto.OpCreate, nil, false},
		{proto.OpSetData, create("/a", proto.FlagEphemeral), false},
		{proto.OpMulti, multi(proto.FlagEphemeral), true},
		{proto.OpMulti, multi(proto.FlagPersistent), false},
		{proto.OpMulti, multi(proto.FlagEphemeral)[:len(multi(0))-1], false}, // breaks off, and will fail as a whole
	} {
		if got := WantsEphemeral(c.op, c.body); got != c.want {
			t.Errorf("%v %q: %v", c.op, c.body, got)
		}
	}
}

// TestRollover: the last zxid of an epoch is given out, and the leader gives up when it is committed
// (ZOOKEEPER-1277).
func TestRollover(t *testing.T) {
	m := leader(t, Ensemble{}, nil)
	m.order.proposed = proto.NewZxid(1, zab.LastCounter-1)
	if !m.CanPropose() {
		t.Fatal("one is left")
	}
	x := m.Propose(tree.New(), &prep.Request{Op: proto.OpCreateSession, Session: 1, Body: jute.AppendInt(nil, 1)}, local, 1)
	if m.CanPropose() {
		t.Error("another one is given out")
	}
	m.Proposed([]zab.Entry{{Zxid: x.Zxid}}, 1)
	m.Received(7, []zab.Packet{{Type: zab.Ack, Zxid: x.Zxid}}, 1)
	m.Durable(x.Zxid, 1)
	if m.Role() != Looking {
		t.Errorf("still %v", m.Role())
	}
}

// TestZOOKEEPER3769: a leader whose voter changed its mind looks again when it is told
// not to wait for it any longer, and otherwise waits as long as it may.
func TestZOOKEEPER3769(t *testing.T) {
	f := func(wait time.Duration, now int64, want Role) {
		t.Helper()
		m := New(Config{ServerID: 3, Tick: tick, Ensemble: &Ensemble{
			Self: 3, Quorum: three(t), InitLimit: 10, SyncLimit: 5, MaxEpochWait: wait,
		}}, &auth.Policy{}, State{}, 0, 1000)
		m.Start(0)
		looking := election.Notification{State: election.Looking, Vote: m.elect.Vote(), Version: election.Version}
		m.Notified(1, looking, 1)
		m.Tick(301)
		if m.Role() != Leading {
			t.Fatalf("role %v", m.Role())
		}
		again := looking
		again.Vote.Round++
		m.Notified(1, again, 400)
		m.Tick(now)
		if got := m.Role(); got != want {
			t.Errorf("wait %v: %v after %d ms, want %v", wait, got, now, want)
		}
	}
	f(time.Second, 900, Leading)
	f(time.Second, 1400, Looking)
	f(0, 1400, Leading)
}
