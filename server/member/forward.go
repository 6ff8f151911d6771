package member

import (
	"errors"

	"gokeeper/server/jute"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/zab"
)

// Forward sends requests of this server's clients to the leader.
func (m *Member) Forward(packets []zab.Packet) {
	if len(packets) > 0 {
		m.do(zab.Send{Packets: packets})
	}
}

// Forwarded returns the packet that carries a client's write or sync to the leader.
func Forwarded(r *prep.Request) zab.Packet {
	f := zab.Forwarded{Session: r.Session, Cxid: r.Cxid, Op: r.Op, Body: r.Body}
	return zab.Packet{Type: zab.Request, Zxid: -1, Data: f.Append(nil), Auth: r.IDs}
}

// Readable says whether the record of a write can be read. Our leader answers one that
// cannot, but Java's does not survive it, as it gives the failure the zxid before; so it does
// not go there. A multi that breaks off is a transaction that fails for both; only what lacks
// a part is as bad as the others (it ends Java's reader by another kind of exception).
func Readable(op proto.Op, body []byte) bool {
	d := jute.NewDecoder(body)
	switch op {
	case proto.OpCreate, proto.OpCreate2, proto.OpCreateContainer, proto.OpCreateTTL:
		var r proto.CreateRequest
		r.Decode(d, op)
	case proto.OpDelete:
		var r proto.PathVersion
		r.Decode(d)
	case proto.OpSetData:
		var r proto.SetDataRequest
		r.Decode(d)
	case proto.OpSetACL:
		var r proto.SetACLRequest
		r.Decode(d)
	case proto.OpReconfig:
		var r proto.ReconfigRequest
		r.Decode(d)
	case proto.OpMulti:
		proto.DecodeMulti(d)
		err := d.Err()
		return !errors.Is(err, proto.ErrNullPath) && !errors.Is(err, proto.ErrNullVector) && !errors.Is(err, proto.ErrNoTTL)
	}
	return d.Err() == nil
}

// Revalidation returns the packet that asks the leader whether a session may go on here,
// with the timeout in milliseconds.
func Revalidation(id proto.SessionID, timeout int32) zab.Packet {
	return zab.Packet{Type: zab.Revalidate, Zxid: -1, Data: zab.AppendTouched(nil, zab.Touched{Session: id, Timeout: timeout})}
}

// Pong returns the answer to a leader's ping: the sessions heard of since the last one.
func Pong(zxid proto.Zxid, heard []zab.Touched) zab.Packet {
	data := make([]byte, 0, 12*len(heard))
	for _, t := range heard {
		data = zab.AppendTouched(data, t)
	}
	return zab.Packet{Type: zab.Ping, Zxid: zxid, Data: data}
}

// received handles what a learner sends besides what zab is about. Before the epoch is
// established there is nobody who could ask; what cannot be read is passed over.
func (m *Member) received(link zab.LinkID, p zab.Packet, now int64) {
	if m.order == nil {
		return
	}
	switch p.Type {
	case zab.Request:
		if f, err := zab.ParseForwarded(p.Data); err == nil {
			m.forwarded(link, &f, p, now)
		}
	case zab.Revalidate:
		if t, err := zab.ParseTouched(p.Data); err == nil && len(t) == 1 {
			m.revalidate(link, t[0], now)
		}
	case zab.Ping:
		touched, _ := zab.ParseTouched(p.Data)
		for _, t := range touched {
			m.order.touch(t.Session, t.Timeout, now)
		}
	}
}

func (m *Member) forwarded(link zab.LinkID, f *zab.Forwarded, p zab.Packet, now int64) {
	if f.Op == proto.OpCreateSession {
		timeout := jute.NewDecoder(f.Body).Int()
		m.order.begin(f.Session, timeout, link, now)
	}
	m.do(Write{link, prep.Request{Session: f.Session, Cxid: f.Cxid, Op: f.Op, Body: f.Body, IDs: p.Auth}})
}

// revalidate lets a session go on at the learner. Java: LearnerHandler, case REVALIDATE.
func (m *Member) revalidate(link zab.LinkID, t zab.Touched, now int64) {
	valid := m.order.resume(t.Session, t.Timeout, link, now)
	if valid {
		m.do(Moved{t.Session})
	}
	data := jute.AppendBool(jute.AppendLong(nil, int64(t.Session)), valid)
	m.leader.Send(link, zab.Packet{Type: zab.Revalidate, Zxid: -1, Data: data})
	m.collect(now)
}

// Sync answers a learner's sync once everything up to the zxid is committed.
func (m *Member) Sync(link zab.LinkID, zxid proto.Zxid, now int64) {
	if m.leader != nil {
		m.leader.Sync(link, zxid)
		m.collect(now)
	}
}

// answered handles the leader's answers to requests of this server.
func (m *Member) answered(p zab.Packet) {
	if p.Type == zab.Sync {
		m.do(Synced{})
		return
	}
	d := jute.NewDecoder(p.Data)
	id, valid := proto.SessionID(d.Long()), d.Bool()
	if d.Err() == nil {
		m.do(Revalidated{id, valid})
	}
}
