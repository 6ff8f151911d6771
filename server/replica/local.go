package replica

import (
	"gokeeper/server/member"
	"gokeeper/server/proto"
)

// openLocal begins a local session, or lets one go on. It returns false when the session
// is the ensemble's.
func (r *Replica) openLocal(o *Open, now int64) bool {
	id := o.Session
	switch {
	case id == 0 && r.m.LocalSessions():
		id = r.m.NewLocal(o.Timeout, now)
	case id != 0 && r.m.IsLocal(id):
		r.m.Touch(id, o.Timeout, now)
	default:
		return false
	}
	readOnly := r.m.ReadOnly()
	r.applies.put(task{call: func() { r.Database.OpenLocal(id, o.Client, o.Timeout, readOnly) }})
	return true
}

// writeLocal deals with what is special about the writes of a local session. It returns
// true when the write takes its usual way.
func (r *Replica) writeLocal(w *Write) bool {
	q := &w.Request
	switch {
	case q.Op == proto.OpCloseSession:
		if !r.m.Orders() { // otherwise when its place has come: it has sent writes before
			r.m.CloseLocal(w.Session)
		}
		r.inPlace(w, func() { r.Database.CloseLocal(w.Session, w.Client, q) })
		return false
	case !member.WantsEphemeral(q.Op, q.Body):
		return true
	}
	first, ok := r.m.Upgrade(w.Session, r.now())
	switch {
	case !ok:
		w.local = true
	case r.m.Orders():
		r.batch.own(&first, nil)
	default:
		r.batch.forward(member.Forwarded(&first))
	}
	return true
}

// inPlace has the applier do something in the place of a request: behind the answers to
// all earlier ones of its session.
func (r *Replica) inPlace(w *Write, do func()) {
	if r.m.Orders() {
		r.batch.call(w, do)
		return
	}
	if !r.waiting.behind(w.Session, do) {
		r.behind(do)
	}
}

// openReadOnly answers a connect request while only reads are served: local sessions may
// be opened. One of the ensemble's may go on elsewhere, so its client is told nothing. One
// that is not known here is over where there are local sessions, and otherwise may read:
// Java takes it for the ensemble's, which this server has not heard of yet.
func (r *Replica) openReadOnly(o *Open, now int64) {
	switch {
	case r.openLocal(o, now):
	case o.Session == 0:
		o.ReadOnly()
	case r.Database.Global(o.Session):
		o.Client.Abort()
	case r.m.LocalSessions():
		o.Refuse()
	default:
		r.applies.put(task{call: func() { r.Database.OpenLocal(o.Session, o.Client, o.Timeout, true) }})
	}
}

// writeReadOnly refuses a write or sync; only the end of a local session is none.
func (r *Replica) writeReadOnly(w *Write) {
	q := &w.Request
	if q.Op == proto.OpCloseSession && r.m.IsLocal(w.Session) {
		r.m.CloseLocal(w.Session)
		r.applies.put(task{call: func() { r.Database.CloseLocal(w.Session, w.Client, q) }})
		return
	}
	r.applies.put(task{call: func() { r.Database.Fail(w.Client, q, proto.NotReadOnly) }})
}

// expireLocal ends the local sessions whose time is up.
func (r *Replica) expireLocal(now int64) {
	for _, id := range r.m.ExpireLocal(r.Database.Heard, now) {
		r.applies.put(task{call: func() { r.Database.CloseLocal(id, nil, nil) }})
	}
}
