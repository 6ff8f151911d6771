package replica

import (
	"time"

	"gokeeper/server/database"
	"gokeeper/server/jute"
	"gokeeper/server/prep"
	"gokeeper/server/tree"
)

// batch collects the writes of one turn, so that they are prepared under one read lock
// and reach the log together. It is the loop's.
type batch struct {
	r     *Replica
	items []item
}

// item is a write that waits for its transaction, and who waits for that.
type item struct {
	req    prep.Request
	commit database.Commit
}

func newBatch(r *Replica, n int) *batch { return &batch{r: r, items: make([]item, 0, n)} }

// write adds a client's write.
func (b *batch) write(w *Write) {
	q := &w.Request
	b.items = append(b.items, item{
		req:    prep.Request{Session: w.Session, Cxid: q.Xid, Op: q.Op, Body: q.Body, IDs: q.IDs},
		commit: database.Commit{Client: w.Client, Xid: q.Xid, Op: q.Op, Read: q.Read},
	})
}

// own adds a write of the server itself. c is told when it is applied; it may be nil.
func (b *batch) own(req *prep.Request, c database.Client) {
	b.items = append(b.items, item{req: *req, commit: database.Commit{Client: c, Op: req.Op}})
}

// timeoutBody is the record of a createSession request.
func timeoutBody(ms int32) []byte { return jute.AppendInt(nil, ms) }

// send prepares the writes and passes their transactions to the log writer. Writes of
// sessions that are closing are dropped, also those behind their own closeSession.
func (b *batch) send() {
	if len(b.items) == 0 {
		return
	}
	r := b.r
	entries := make([]entry, 0, len(b.items))
	raw := make([]byte, 0, b.size())
	ends := make([]int, 0, len(b.items))
	begin := time.Now()
	wall := begin.UnixMilli()
	r.Database.View(func(t *tree.Tree) {
		for i := range b.items {
			it := &b.items[i]
			if !r.m.Alive(it.req.Session) {
				continue
			}
			it.commit.Txn = r.m.Propose(t, &it.req, wall)
			raw = it.commit.Txn.Append(raw)
			ends = append(ends, len(raw))
			entries = append(entries, entry{commit: it.commit})
		}
	})
	start := 0
	for i, end := range ends {
		entries[i].raw, start = raw[start:end:end], end
	}
	r.Events.Proposed(len(entries), time.Since(begin))
	r.outstanding = append(r.outstanding, entries...)
	r.logQueue.put(entries...)
}

// entryOverhead is about what a transaction is longer than the request's record:
// header, digest and what prep adds.
const entryOverhead = 96

// size estimates the encoded length of all transactions.
func (b *batch) size() int {
	n := 0
	for i := range b.items {
		n += len(b.items[i].req.Body) + entryOverhead
	}
	return n
}
