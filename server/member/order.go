package member

import (
	"gokeeper/server/auth"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/session"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/zab"
)

// local stands for the connections of this server where a link says who owns a session.
const local zab.LinkID = 0

// order is what only the server has that gives writes their order: a leader, or a
// standalone server. A leader gets a new one with each epoch.
type order struct {
	tracker  *session.Table
	owners   map[proto.SessionID]zab.LinkID // through which server a session speaks; absent: not known yet
	prep     *prep.Prep
	from     zab.LinkID // whose write is being prepared
	proposed proto.Zxid // the newest zxid given out
	reap     reaper

	stranger func(id proto.SessionID, global bool) proto.Error // judges sessions that are not known
}

// newOrder begins behind the zxid. The sessions (id to timeout in milliseconds) have
// their full timeout from now on.
func newOrder(cfg *Config, policy *auth.Policy, last proto.Zxid, sessions map[proto.SessionID]int32,
	stranger func(proto.SessionID, bool) proto.Error, now int64) *order {
	o := &order{
		stranger: stranger,
		tracker:  session.New(cfg.Tick), owners: map[proto.SessionID]zab.LinkID{}, proposed: last,
		reap: reaper{next: now + cfg.ReapInterval.Milliseconds()},
	}
	o.prep = prep.New(cfg.Prep, policy, tracked{o})
	for id, timeout := range sessions {
		o.tracker.Touch(id, timeout, now)
	}
	return o
}

// tracked is the order as prep sees it.
type tracked struct{ *order }

// Check lets the server itself (session 0) write, and every session that is known, not
// closing, and speaks through the server that it spoke through last. A session without
// an owner, as all are when a leader begins, belongs to who comes first.
// Java: SessionTrackerImpl.checkSession.
func (t tracked) Check(id proto.SessionID, global bool) proto.Error {
	switch {
	case id == 0:
		return proto.OK
	case !t.tracker.Known(id):
		return t.stranger(id, global)
	case t.tracker.Closing(id):
		return proto.SessionExpired
	}
	owner, ok := t.owners[id]
	if !ok {
		t.owners[id] = t.from
		return proto.OK
	}
	if owner != t.from {
		return proto.SessionMoved
	}
	return proto.OK
}

// begin adds a session that speaks through the link.
func (o *order) begin(id proto.SessionID, timeout int32, link zab.LinkID, now int64) {
	o.tracker.Touch(id, timeout, now)
	o.owners[id] = link
}

// resume moves a session to the link, if it is alive.
func (o *order) resume(id proto.SessionID, timeout int32, link zab.LinkID, now int64) bool {
	if !o.tracker.Known(id) || o.tracker.Closing(id) {
		return false
	}
	o.begin(id, timeout, link, now)
	return true
}

// touch says that a session was heard elsewhere. One that is not known is over.
func (o *order) touch(id proto.SessionID, timeout int32, now int64) {
	if o.tracker.Known(id) {
		o.tracker.Touch(id, timeout, now)
	}
}

func (o *order) forget(id proto.SessionID) {
	o.tracker.Remove(id)
	delete(o.owners, id)
}

func (o *order) propose(t *tree.Tree, r *prep.Request, link zab.LinkID, wall int64) txn.Txn {
	o.proposed++
	o.from = link
	x := o.prep.Prepare(t, r, o.proposed, wall)
	if x.Type == proto.OpCloseSession {
		o.tracker.Close(r.Session)
	}
	return x
}

func (o *order) expire(heard func(proto.SessionID) (int64, int32, bool), now int64) []prep.Request {
	var writes []prep.Request
	for _, id := range o.tracker.Due(now) {
		if at, timeout, ok := heard(id); ok {
			if o.tracker.Touch(id, timeout, at) > now {
				continue
			}
		}
		writes = append(writes, prep.Request{Session: id, Op: proto.OpCloseSession})
	}
	return writes
}
