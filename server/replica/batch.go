package replica

import (
	"time"

	"gokeeper/server/database"
	"gokeeper/server/jute"
	"gokeeper/server/member"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/zab"
)

// batch collects the writes of one turn, so that they are prepared under one read lock
// and reach the log and the followers together; or those that go to the leader together.
// It is the loop's.
type batch struct {
	r       *Replica
	items   []item
	syncs   []remoteSync // of learners
	packets []zab.Packet // to the leader
}

// remoteSync is a sync of a learner, to be answered once the zxid is committed.
type remoteSync struct {
	link zab.LinkID
	zxid proto.Zxid
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
	it := item{req: prep.Request{Session: w.Session, Cxid: q.Xid, Op: q.Op, Body: q.Body, IDs: q.IDs, Local: w.local}}
	if q.Op == proto.OpSync {
		it.sync = w
	} else {
		it.commit = b.r.expects(w)
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

// call adds something for the applier to do in the place of a write that is none.
func (b *batch) call(w *Write, do func()) {
	b.items = append(b.items, item{req: prep.Request{Session: w.Session, Op: w.Request.Op}, call: do})
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
		r.Metrics.RequestsForwarded.Observe(int64(len(b.packets)))
		r.m.Forward(b.packets)
		b.packets = nil
		r.act()
	}
	if len(b.items) == 0 || !r.m.Orders() {
		return
	}
	now, begin := r.now(), time.Now()
	b.measure(now)
	order, writes := b.prepare(r.wall(), now)
	b.items = nil
	r.Events.Proposed(writes, time.Since(begin))
	r.Metrics.ChangesQueued.Add(int64(writes))
	r.outstanding = append(r.outstanding, order...)
	if writes > 0 {
		r.logQueue.put(order...)
	}
	if r.m.Role() == member.Leading {
		b.propose(order, writes)
	}
	r.act()
	r.decided(r.committed)
}

// measure counts what is about to be prepared, and how long it has waited.
func (b *batch) measure(now int64) {
	m := b.r.Metrics
	m.PrepQueued.Add(int64(len(b.items)))
	m.PrepQueueSize.Observe(int64(len(b.items)))
	for i := range b.items {
		if read := b.items[i].commit.Read; read != 0 {
			m.PrepQueueTime.Observe(max(now-read/1e6, 0))
		}
	}
}

// prepare turns the items into entries, and says how many of those are for the log.
func (b *batch) prepare(wall, now int64) (order []entry, writes int) {
	r := b.r
	order = make([]entry, 0, len(b.items))
	raw := make([]byte, 0, size(b.items))
	r.Database.View(func(t *tree.Tree) {
		for i := range b.items {
			it := &b.items[i]
			switch {
			case !r.m.CanPropose(): // the role is about to end, and nothing behind may be answered
				return
			case it.call != nil:
				if it.req.Op == proto.OpCloseSession {
					r.m.CloseLocal(it.req.Session)
				}
				order = append(order, b.place(it.call))
				continue
			case it.link == 0 && !r.m.Alive(it.req.Session):
				continue
			case it.sync != nil:
				w := it.sync
				order = append(order, b.place(func() { r.Database.Finish(w.Client, &w.Request) }))
				continue
			case it.req.Op == proto.OpSync:
				b.syncs = append(b.syncs, remoteSync{it.link, r.m.Last()})
				continue
			}
			it.commit.Txn = b.transaction(t, it, wall)
			start := len(raw)
			raw = it.commit.Txn.Append(raw)
			order = append(order, entry{commit: it.commit, raw: raw[start:len(raw):len(raw)], at: now})
			writes++
		}
	})
	return order, writes
}

// transaction returns what a write becomes, and measures what is rare among them.
func (b *batch) transaction(t *tree.Tree, it *item, wall int64) txn.Txn {
	r := b.r
	if it.req.Op == proto.OpCloseSession {
		begin := time.Now()
		defer func() { r.Metrics.CloseTime.Observe(time.Since(begin).Milliseconds()) }()
	}
	x := r.m.Propose(t, &it.req, it.link, wall)
	r.measureExceeded(&it.req, &x)
	return x
}

// propose sends what was prepared to the followers, and has the leader answer the syncs
// of learners.
func (b *batch) propose(order []entry, writes int) {
	proposals := make([]zab.Entry, 0, writes)
	for i := range order {
		if e := &order[i]; e.raw != nil {
			proposals = append(proposals, zab.Entry{Zxid: e.commit.Txn.Zxid, Raw: e.raw})
		}
	}
	now := b.r.now()
	b.r.sizes.add(proposals)
	b.r.measureProposed(proposals, now)
	b.r.m.Proposed(proposals, now)
	for _, s := range b.syncs {
		b.r.m.Sync(s.link, s.zxid, now)
	}
	b.syncs = nil
}

// place returns the place of a call behind what was proposed so far.
func (b *batch) place(call func()) entry {
	e := entry{call: call}
	e.commit.Txn.Zxid = b.r.m.Last()
	return e
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
