package replica

import (
	"gokeeper/server/database"
	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// waiting is what a learner has asked the leader for and got no answer to: the answer to
// a write is its transaction, and each session's come in the order of its requests. It
// is the loop's. Java: CommitProcessor, LearnerSyncRequest, pendingRevalidations.
type waiting struct {
	writes map[proto.SessionID][]*asked
	syncs  []*asked
	newest map[proto.SessionID]*asked // of each session with any
	opens  map[proto.SessionID][]*Open
}

// asked is a write or sync whose answer is expected, and what is to be done behind it,
// before the session's next.
type asked struct {
	session proto.SessionID
	commit  database.Commit // of a write
	sync    *Write
	then    []func()
}

func newWaiting() waiting {
	return waiting{
		writes: map[proto.SessionID][]*asked{}, newest: map[proto.SessionID]*asked{}, opens: map[proto.SessionID][]*Open{},
	}
}

// write notes who waits for the session's next transaction.
func (w *waiting) write(id proto.SessionID, c database.Commit) {
	a := &asked{session: id, commit: c}
	w.writes[id] = append(w.writes[id], a)
	w.newest[id] = a
}

// sync notes a sync. The leader answers all of them in their order.
func (w *waiting) sync(s *Write) {
	a := &asked{session: s.Session, sync: s}
	w.syncs = append(w.syncs, a)
	w.newest[s.Session] = a
}

// behind adds what is to be done behind the session's newest request. It returns false
// when none is waiting.
func (w *waiting) behind(id proto.SessionID, do func()) bool {
	newest := w.newest[id]
	if newest == nil {
		return false
	}
	newest.then = append(newest.then, do)
	return true
}

// answered forgets a request, and returns what is to be done behind it.
func (w *waiting) answered(a *asked) (then []func()) {
	if w.newest[a.session] == a {
		delete(w.newest, a.session)
	}
	return a.then
}

// claim adds to a committed transaction who waits for it here: the oldest write of the
// session, if it is this one. Otherwise the write came through another server, or is the
// leader's own. It returns what is to be done behind it.
func (w *waiting) claim(c *database.Commit) (then []func()) {
	x := &c.Txn
	queue := w.writes[x.Session]
	if len(queue) > 0 && answers(x, &queue[0].commit) {
		head := &queue[0].commit
		head.Txn = c.Txn
		*c = *head
		then = w.answered(queue[0])
		if queue = queue[1:]; len(queue) > 0 {
			w.writes[x.Session] = queue
		}
	}
	if len(queue) == 0 || x.Type == proto.OpCloseSession {
		delete(w.writes, x.Session)
	}
	if x.Type == proto.OpCloseSession {
		delete(w.newest, x.Session)
	}
	return then
}

// answers says whether the transaction is what the request became.
func answers(x *txn.Txn, c *database.Commit) bool {
	for _, op := range []proto.Op{proto.OpCreateSession, proto.OpCloseSession} {
		if (x.Type == op) != (c.Op == op) {
			return false
		}
	}
	return x.Cxid == c.Xid
}

// synced returns the oldest sync that waits and what is to be done behind it, or nil.
func (w *waiting) synced() (s *Write, then []func()) {
	if len(w.syncs) == 0 {
		return nil, nil
	}
	a := w.syncs[0]
	w.syncs[0] = nil
	w.syncs = w.syncs[1:]
	return a.sync, w.answered(a)
}

// open returns the oldest connection that waits for the session.
func (w *waiting) open(id proto.SessionID) *Open {
	queue := w.opens[id]
	if len(queue) == 0 {
		return nil
	}
	if w.opens[id] = queue[1:]; len(queue) == 1 {
		delete(w.opens, id)
	}
	return queue[0]
}
