package replica

import (
	"context"
	"fmt"
	"testing"

	"gokeeper/server/database"
	"gokeeper/server/jute"
	"gokeeper/server/member"
	"gokeeper/server/proto"
	"gokeeper/server/vfs"
	"gokeeper/server/zab"
)

// TestLocalSessionEnds: what was asked for before a local session is closed is done, also
// when both come at once.
func TestLocalSessionEnds(t *testing.T) {
	s := newStage(t, vfs.NewMem())
	s.lead()
	s.r.Inspect(context.Background(), func(m *member.Member) { // the loop sees nothing meanwhile
		id := m.NewLocal(40_000, s.r.now())
		s.r.Submit(&Write{Session: id, Request: createRequest("/a")})
		s.r.Submit(&Write{Session: id, Request: proto.Request{Op: proto.OpCloseSession}})
	})
	s.hears("send PROPOSAL 0x100000001")
	s.r.Inspect(context.Background(), func(m *member.Member) {
		if n := m.Locals().Len(); n != 0 {
			t.Errorf("%d local sessions are left", n)
		}
	})
}

// TestEphemeralRefused: the leader tells the client of a local session that asks for an
// ephemeral so. A container with an ephemeral's flags does not ask for one: all that is found
// of its session is that the ensemble does not know it.
func TestEphemeralRefused(t *testing.T) {
	s := newStage(t, vfs.NewMem())
	s.lead()
	var id proto.SessionID
	s.r.Inspect(context.Background(), func(m *member.Member) { id = m.NewLocal(40_000, s.r.now()) })
	c := told{replies: make(chan []byte, 1)}
	for i, want := range []proto.Error{proto.EphemeralOnLocalSession, proto.SessionExpired} {
		op := []proto.Op{proto.OpCreate, proto.OpCreateContainer}[i]
		r := proto.CreateRequest{Path: []byte("/a"), ACL: proto.OpenACL(), Flags: proto.FlagEphemeral}
		s.r.Submit(&Write{Session: id, Client: c, Request: proto.Request{Op: op, Body: r.Append(nil, op)}})
		zxid := proto.Zxid(0x100000001 + i)
		s.hears(fmt.Sprint("send PROPOSAL ", zxid))
		s.links.Received(7, []zab.Packet{{Type: zab.Ack, Zxid: zxid}})
		d := jute.NewDecoder(<-c.replies)
		if _, _, at, err := d.Int(), d.Int(), d.Long(), proto.Error(d.Int()); proto.Zxid(at) != zxid || err != want {
			t.Errorf("%v: %v at %v, want %v at %v", op, err, proto.Zxid(at), want, zxid)
		}
	}
}

// told is a client that keeps the replies.
type told struct {
	database.Client
	replies chan []byte
}

func (c told) Buffer() []byte                              { return nil }
func (c told) Release(b []byte) bool                       { c.replies <- b; return false }
func (c told) Done() []proto.Request                       { return nil }
func (c told) Answered(proto.Op, int32, proto.Zxid, int64) {}

// TestUnreadable: a write that cannot be read is refused by the learner. It does not go to
// the leader, which may be one of Java's: that would halt.
func TestUnreadable(t *testing.T) {
	s := newStage(t, vfs.NewMem())
	s.follow(1)
	s.packets(zab.Packet{Type: zab.Diff}, newLeader(1), zab.Packet{Type: zab.UpToDate})
	s.hears("send ACK 0x100000000")
	s.hears("send ACK 0x100000000")
	c := told{replies: make(chan []byte, 1)}
	q := createRequest("/a")
	whole := q.Body
	for n := range len(whole) {
		q.Body, q.Xid = whole[:n], int32(n)
		s.r.Submit(&Write{Session: 7, Client: c, Request: q})
		d := jute.NewDecoder(<-c.replies)
		if _, xid, _, err := d.Int(), d.Int(), d.Long(), proto.Error(d.Int()); xid != q.Xid || err != proto.MarshallingError {
			t.Errorf("%d of %d bytes: request %d, error %v", n, len(whole), xid, err)
		}
	}
	part := proto.MultiHeader{Op: proto.OpCreate, Err: -1}
	incomplete := proto.CreateRequest{Path: []byte("/b")} // without a list
	q.Op, q.Body = proto.OpMulti, proto.AppendMultiEnd(incomplete.Append(part.Append(nil), proto.OpCreate))
	s.r.Submit(&Write{Session: 7, Client: c, Request: q})
	if d := jute.NewDecoder(<-c.replies); d.Int() != 16 || d.Int() != q.Xid || d.Long() != 0 || proto.Error(d.Int()) != proto.MarshallingError {
		t.Error("a multi with a create without a list is not refused")
	}
	s.silent("send REQUEST")
	q.Op, q.Body = proto.OpCreate, whole
	s.r.Submit(&Write{Session: 7, Client: c, Request: q})
	s.hears("send REQUEST 0xffffffffffffffff")
}
