package replica

import (
	"time"

	"gokeeper/server/database"
	"gokeeper/server/jute"
	"gokeeper/server/member"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/zab"
)

// batch collects the writes of one turn, so that they are prepared under one read lock
// and reach the log and the followers together; or those that go to the leader together.
// It is the loop's.
type batch struct {
	r       *Replica
	items   []item
	packets []zab.Packet // to the leader
}

// item is a write that waits for its transaction, and who waits for that; or a sync.
type item struct {
	req    prep.Request
	link   zab.LinkID // of the learner that it came from; 0: from here
	commit database.Commit
	sync   *Write // the sync of a client here
	call   func() // what is done in this place instead of a write
}

func newBatch(r *Replica, n int) *batch { return &batch{r: r, items: make([]item, 0, n)} }

// write adds a client's write or sync.
func (b *batch) write(w *Write) {
	q := &w.Request
	it := item{req: prep.Request{Session: w.Session, Cxid: q.Xid, Op: q.Op, Body: q.Body, IDs: q.IDs}}
	if q.Op == proto.OpSync {
		it.sync = w
	} else {
		it.commit = database.Commit{Client: w.Client, Xid: q.Xid, Op: q.Op, Read: q.Read}
	}
	b.items = append(b.items, it)
}

// own adds a write of the server itself. c is told when it is applied; it may be nil.
func (b *batch) own(req *prep.Request, c database.Client) {
	b.items = append(b.items, item{req: *req, commit: database.Commit{Client: c, Op: req.Op}})
}

// remote adds a write or sync that a learner has sent.
func (b *batch) remote(w *member.Write) {
	b.items = append(b.items, item{req: w.Request, link: w.Link, commit: database.Commit{Op: w.Request.Op}})
}

// call adds something for the applier that is not a write.
func (b *batch) call(id proto.SessionID, do func()) {
	b.items = append(b.items, item{req: prep.Request{Session: id}, call: do})
}

// forward adds a packet to the leader.
func (b *batch) forward(p zab.Packet) { b.packets = append(b.packets, p) }

// timeoutBody is the record of a createSession request.
func timeoutBody(ms int32) []byte { return jute.AppendInt(nil, ms) }

// send prepares the writes and passes their transactions to the log writer and the
// followers. Writes of connections here whose sessions are closing are dropped, also
// those behind their own closeSession; a learner gets a transaction for each of its own,
// since it waits for that.
func (b *batch) send() {
	r := b.r
	if len(b.packets) > 0 {
		r.m.Forward(b.packets)
		b.packets = nil
		r.act()
	}
	if len(b.items) == 0 || !r.m.Orders() {
		return
	}
	items := b.items
	b.items = nil
	entries := make([]entry, 0, len(items)) // those for the log
	order := make([]entry, 0, len(items))   // and what stands between them
	raw := make([]byte, 0, size(items))
	ends := make([]int, 0, len(items))
	begin := time.Now()
	wall := r.wall()
	r.Database.View(func(t *tree.Tree) {
		for i := range items {
			it := &items[i]
			switch {
			case it.call != nil:
				order = append(order, b.place(it.call))
				continue
			case it.link == 0 && !r.m.Alive(it.req.Session):
				continue
			case it.req.Op == proto.OpSync:
				order = append(order, b.sync(it))
				continue
			case !r.m.CanPropose():
				continue
			}
			it.commit.Txn = r.m.Propose(t, &it.req, it.link, wall)
			raw = it.commit.Txn.Append(raw)
			ends = append(ends, len(raw))
			entries = append(entries, entry{commit: it.commit})
			order = append(order, entry{commit: it.commit})
		}
	})
	start := 0
	proposals := make([]zab.Entry, len(ends))
	for i, end := range ends {
		entries[i].raw, start = raw[start:end:end], end
		r.sizes.add(len(entries[i].raw))
		proposals[i] = zab.Entry{Zxid: entries[i].commit.Txn.Zxid, Raw: entries[i].raw}
	}
	r.Events.Proposed(len(entries), time.Since(begin))
	r.outstanding = append(r.outstanding, order...)
	r.logQueue.put(entries...)
	r.m.Proposed(proposals, r.now())
	b.answerRemote(items)
	r.act()
	r.decided(r.committed)
}

// sync returns the place of a sync behind what was proposed so far. For a learner's the
// zxid is noted only.
func (b *batch) sync(it *item) entry {
	it.commit.Txn.Zxid = b.r.m.Last()
	if w := it.sync; w != nil {
		return b.place(func() { b.r.Database.Finish(w.Client, &w.Request) })
	}
	return b.place(func() {})
}

// place returns the place of a call behind what was proposed so far.
func (b *batch) place(call func()) entry {
	e := entry{call: call}
	e.commit.Txn.Zxid = b.r.m.Last()
	return e
}

// answerRemote lets the leader answer the syncs of learners.
func (b *batch) answerRemote(items []item) {
	for i := range items {
		if it := &items[i]; it.req.Op == proto.OpSync && it.link != 0 {
			b.r.m.Sync(it.link, it.commit.Txn.Zxid, b.r.now())
		}
	}
}

// entryOverhead is about what a transaction is longer than the request's record:
// header, digest and what prep adds.
const entryOverhead = 96

// size estimates the encoded length of all transactions.
func size(items []item) int {
	n := 0
	for i := range items {
		n += len(items[i].req.Body) + entryOverhead
	}
	return n
}
