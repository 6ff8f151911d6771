package replica

import (
	"context"
	"time"

	"gokeeper/server/database"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/session"
	"gokeeper/server/tree"
)

// maxTick bounds the time between two looks at what is due.
const maxTick = 100 * time.Millisecond

// loop is the member's goroutine. When the context is done it refuses new input,
// finishes what it has and ends the stages behind it.
func (r *Replica) loop(ctx context.Context) {
	tick := time.NewTicker(min(r.cfg.Member.Tick/2, maxTick))
	defer tick.Stop()
	stopping := ctx.Done()
	for {
		select {
		case <-stopping:
			r.inbox.end()
			stopping = nil
		case <-r.inbox.ready:
		case <-r.durable.ready:
		case <-tick.C:
			r.tick()
		}
		r.turn()
		if stopping == nil && r.inbox.done() {
			r.logQueue.end()
			if r.durable.done() {
				r.turn()
				r.applies.end()
				return
			}
		}
	}
}

// turn handles everything that has come in: first what became durable, then the
// inbox.
func (r *Replica) turn() {
	r.commit()
	r.m.Applied(proto.Zxid(r.applied.Load()))
	if in := r.inbox.take(); len(in) > 0 {
		r.handle(in)
	}
}

// handle turns one inbox into a batch of entries for the log.
func (r *Replica) handle(in []input) {
	now := r.now()
	batch := newBatch(r, len(in))
	for i := range in {
		switch in := &in[i]; {
		case in.write != nil:
			batch.write(in.write)
		case in.open != nil:
			r.open(batch, in.open, now)
		default:
			in.inspect(r.m)
		}
	}
	batch.send()
}

// open starts a new session, which is a write, or answers for an old one at once.
func (r *Replica) open(b *batch, o *Open, now int64) {
	if o.Session == 0 {
		id := r.m.NewSession(o.Timeout, now)
		b.own(&prep.Request{Session: id, Op: proto.OpCreateSession, Body: timeoutBody(o.Timeout)}, o.Client)
		return
	}
	if r.m.Resume(o.Session, o.Timeout, now) && r.Database.Attach(o.Session, o.Client, o.Timeout, session.Password(o.Session)) {
		o.Client.Flush()
		return
	}
	o.Refuse()
}

// tick expires sessions and reaps containers.
func (r *Replica) tick() {
	now := r.now()
	writes := r.m.Expire(r.Database.Heard, now)
	if len(writes) > 0 {
		r.Events.Expired(len(writes))
	}
	r.Database.View(func(t *tree.Tree) {
		writes = append(writes, r.m.Reap(t, now, time.Now().UnixMilli())...)
	})
	b := newBatch(r, len(writes))
	for i := range writes {
		b.own(&writes[i], nil)
	}
	b.send()
}

// commit passes on to the applier what is durable now.
func (r *Replica) commit() {
	zxids := r.durable.take()
	if len(zxids) == 0 {
		return
	}
	upTo := r.m.Durable(zxids[len(zxids)-1])
	n := 0
	for n < len(r.outstanding) && r.outstanding[n].commit.Txn.Zxid <= upTo {
		n++
	}
	commits := make([]database.Commit, n)
	for i := range commits {
		commits[i] = r.outstanding[i].commit
		if x := &commits[i].Txn; x.Type == proto.OpCloseSession {
			r.m.Closed(x.Session)
		}
	}
	clear(r.outstanding[:n])
	if r.outstanding = r.outstanding[n:]; len(r.outstanding) == 0 {
		r.outstanding = nil
	}
	r.applies.put(commits...)
}
