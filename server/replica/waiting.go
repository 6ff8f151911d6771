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
	writes map[proto.SessionID][]expected
	syncs  []*Write
	opens  map[proto.SessionID][]*Open
}

// expected is a request whose transaction is expected, and what is to be done behind it,
// before the session's next.
type expected struct {
	commit database.Commit
	then   []func()
}

func newWaiting() waiting {
	return waiting{writes: map[proto.SessionID][]expected{}, opens: map[proto.SessionID][]*Open{}}
}

// write notes who waits for the session's next transaction.
func (w *waiting) write(id proto.SessionID, c database.Commit) {
	w.writes[id] = append(w.writes[id], expected{commit: c})
}

// behind adds what is to be done behind the session's newest request. It returns false
// when none is waiting.
func (w *waiting) behind(id proto.SessionID, do func()) bool {
	queue := w.writes[id]
	if len(queue) == 0 {
		return false
	}
	newest := &queue[len(queue)-1]
	newest.then = append(newest.then, do)
	return true
}

// claim adds to a committed transaction who waits for it here: the oldest request of the
// session, if it is this one. Otherwise the write came through another server, or is the
// leader's own. It returns what is to be done behind it.
func (w *waiting) claim(c *database.Commit) (then []func()) {
	x := &c.Txn
	queue := w.writes[x.Session]
	if len(queue) > 0 && answers(x, &queue[0].commit) {
		head := &queue[0].commit
		c.Client, c.Xid, c.Op, c.Read = head.Client, head.Xid, head.Op, head.Read
		then = queue[0].then
		queue[0] = expected{}
		queue = queue[1:]
	}
	if len(queue) == 0 || x.Type == proto.OpCloseSession {
		delete(w.writes, x.Session)
	} else {
		w.writes[x.Session] = queue
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

// sync returns the oldest sync that waits.
func (w *waiting) sync() *Write {
	if len(w.syncs) == 0 {
		return nil
	}
	s := w.syncs[0]
	w.syncs[0] = nil
	w.syncs = w.syncs[1:]
	return s
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
