package replica

import (
	"context"
	"slices"
	"time"

	"gokeeper/server/database"
	"gokeeper/server/member"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/session"
	"gokeeper/server/tree"
	"gokeeper/server/zab"
)

// maxTick bounds the time between two looks at what is due.
const maxTick = 100 * time.Millisecond

// maxAlarm bounds the time until the end of a link is noticed while an election settles.
const maxAlarm = 20 * time.Millisecond

// input is one thing that the loop is told: exactly one field is set.
type input struct {
	write    *Write
	open     *Open
	inspect  func(*member.Member)
	notified *notified
	link     *linkInput
	progress zab.LinkID // of a learner that takes in its snapshot
	saved    bool
	restore  *restoring
}

// loop is the member's goroutine. When the context is done it refuses new input,
// finishes what it has and ends the stages behind it.
func (r *Replica) loop(ctx context.Context) {
	tick := time.NewTicker(r.tickInterval())
	defer tick.Stop()
	alarm := time.NewTimer(0) // what is due before the next tick
	defer alarm.Stop()
	r.start()
	stopping := ctx.Done()
	for {
		select {
		case <-stopping:
			r.inbox.end()
			stopping = nil
		case <-r.inbox.ready:
		case <-r.durable.ready:
		case <-alarm.C:
			r.look()
		case <-tick.C:
			r.tick()
		}
		r.turn()
		if at, ok := r.m.Deadline(); ok {
			due := time.Duration(max(at-r.now(), 1)) * time.Millisecond
			if r.m.Settling() {
				due = min(due, maxAlarm)
			}
			alarm.Reset(due)
		}
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

// tickInterval returns the time between two looks at what is due.
func (r *Replica) tickInterval() time.Duration { return min(r.cfg.Member.Tick/2, maxTick) }

// start is what the loop does first.
func (r *Replica) start() {
	r.batch = newBatch(r, 0)
	if r.Transport != nil {
		r.looking()
	}
	r.m.Start(r.now())
	r.act()
}

// look goes on with an election.
func (r *Replica) look() {
	if r.Transport == nil {
		return
	}
	now := r.now()
	r.m.Reach(r.Transport.Reached(), now)
	r.m.Tick(now)
	r.act()
}

// turn handles everything that has come in: first what became durable, then the
// inbox.
func (r *Replica) turn() {
	if zxids := r.durable.take(); len(zxids) > 0 {
		r.logged = zxids[len(zxids)-1]
		if r.m.Role() == member.Leading {
			r.measureAck(r.cfg.Member.Ensemble.Self, r.logged, r.now())
		}
		r.m.Durable(r.logged, r.now())
		r.act()
		r.decided(r.committed)
	}
	r.m.Applied(proto.Zxid(r.applied.Load()))
	if in := r.inbox.take(); len(in) > 0 {
		r.handle(in)
	}
}

// handle turns one inbox into a batch of entries for the log.
func (r *Replica) handle(in []input) {
	now := r.now()
	r.batch = newBatch(r, len(in))
	for i := range in {
		switch in := &in[i]; {
		case in.write != nil:
			r.write(in.write)
		case in.open != nil:
			r.open(in.open, now)
		case in.notified != nil:
			r.m.Reach(r.Transport.Reached(), now)
			r.m.Notified(in.notified.from, in.notified.notification, now)
		case in.link != nil:
			r.link(in.link, now)
		case in.progress != 0:
			r.m.Progress(in.progress, now)
		case in.restore != nil:
			in.restore.done <- r.restore(in.restore.content)
		case in.saved:
			r.m.Saved(now)
		default:
			in.inspect(r.m)
		}
		r.act()
	}
	r.batch.send()
}

// write puts a client's write or sync into the order, or sends it to who does.
func (r *Replica) write(w *Write) {
	q := &w.Request
	switch {
	case r.m.ReadOnly():
		r.writeReadOnly(w)
	case !r.m.Serving():
		w.Client.Abort()
	case r.m.IsLocal(w.Session) && !r.writeLocal(w):
	case r.m.Orders():
		r.batch.write(w)
	case !member.Readable(q.Op, q.Body):
		r.inPlace(w, func() { r.Database.Fail(w.Client, q, proto.MarshallingError) })
	default:
		if q.Op == proto.OpSync {
			r.waiting.sync(w)
		} else {
			r.waiting.write(w.Session, r.expects(w))
		}
		r.batch.forward(member.Forwarded(&prep.Request{Session: w.Session, Cxid: q.Xid, Op: q.Op, Body: q.Body, IDs: q.IDs}))
	}
}

// expects returns what is to be filled with the transaction that a write becomes.
func (r *Replica) expects(w *Write) database.Commit {
	q := &w.Request
	c := database.Commit{Client: w.Client, Xid: q.Xid, Op: q.Op, Read: q.Read, Local: w.local}
	if r.cfg.Audit {
		c.Body = q.Body
	}
	return c
}

// open starts a new session, which is a write unless it is local, or lets an old one go on.
func (r *Replica) open(o *Open, now int64) {
	switch {
	case r.m.ReadOnly():
		r.openReadOnly(o, now)
	case !r.m.Serving():
		o.Client.Abort()
	case r.openLocal(o, now):
	case o.Session == 0:
		r.create(o, now)
	case !r.m.Orders():
		r.waiting.opens[o.Session] = append(r.waiting.opens[o.Session], o)
		r.batch.forward(member.Revalidation(o.Session, o.Timeout))
	case r.m.Resume(o.Session, o.Timeout, now):
		r.attach(o)
	default:
		o.Refuse()
	}
}

// create begins a new session of the ensemble.
func (r *Replica) create(o *Open, now int64) {
	id := r.m.NewSession(o.Timeout, now)
	q := prep.Request{Session: id, Op: proto.OpCreateSession, Body: timeoutBody(o.Timeout)}
	if r.m.Orders() {
		r.batch.own(&q, o.Client)
		return
	}
	r.waiting.write(id, database.Commit{Client: o.Client, Op: q.Op})
	r.batch.forward(member.Forwarded(&q))
}

// attach gives the session to its new connection, once everything committed before is
// applied: that may be the transaction that created it.
func (r *Replica) attach(o *Open) {
	r.behind(func() {
		if r.Database.Attach(o.Session, o.Client, o.Timeout, session.Password(o.Session)) {
			o.Client.Flush()
			return
		}
		o.Refuse()
	})
}

// behind has the applier do something once everything committed so far is applied.
func (r *Replica) behind(do func()) {
	n := 0
	for n < len(r.outstanding) && r.outstanding[n].commit.Txn.Zxid <= r.committed {
		n++
	}
	if n == 0 {
		r.applies.put(task{call: do})
		return
	}
	e := entry{call: do}
	e.commit.Txn.Zxid = r.outstanding[n-1].commit.Txn.Zxid
	r.outstanding = slices.Insert(r.outstanding, n, e)
}

// tick does what is due several times a tick: the member's own, expired sessions,
// containers.
func (r *Replica) tick() {
	now := r.now()
	r.batch = newBatch(r, 0)
	r.m.Tick(now)
	r.act()
	r.expireLocal(now)
	if !r.m.Orders() {
		r.batch.send()
		return
	}
	writes := r.m.Expire(r.Database.Heard, now)
	if len(writes) > 0 {
		r.Events.Expired(len(writes))
	}
	r.Database.View(func(t *tree.Tree) {
		writes = append(writes, r.m.Reap(t, now, r.wall())...)
	})
	for i := range writes {
		r.batch.own(&writes[i], nil)
	}
	r.batch.send()
}

// decided passes on to the applier what is committed now, if it is also in the own log: a
// quorum of the others may be faster, but what this server fails to log must not show in
// its memory, which later snapshots are made of (ZOOKEEPER-4882).
func (r *Replica) decided(upTo proto.Zxid) {
	r.committed = max(r.committed, upTo)
	n := 0
	for n < len(r.outstanding) && r.outstanding[n].commit.Txn.Zxid <= min(r.committed, r.logged) {
		n++
	}
	if n == 0 {
		return
	}
	if r.steps != nil {
		r.steps.tell(r.outstanding[:n])
	}
	now := r.now()
	r.measureDecided(r.outstanding[:n], now)
	forwards := !r.m.Orders()
	tasks := make([]task, 0, n)
	for i := range r.outstanding[:n] {
		e := &r.outstanding[i]
		tasks = append(tasks, task{e.commit, e.call, now})
		if e.call != nil {
			continue
		}
		if forwards {
			for _, do := range r.waiting.claim(&tasks[len(tasks)-1].commit) {
				tasks = append(tasks, task{call: do})
			}
		}
		if x := &e.commit.Txn; x.Type == proto.OpCloseSession {
			r.m.Closed(x.Session)
		}
	}
	clear(r.outstanding[:n])
	if r.outstanding = r.outstanding[n:]; len(r.outstanding) == 0 {
		r.outstanding = nil
	}
	r.applies.put(tasks...)
}

// answerSync answers the oldest sync that was forwarded.
func (r *Replica) answerSync() {
	w, then := r.waiting.synced()
	if w == nil {
		return
	}
	r.behind(func() {
		r.Database.Finish(w.Client, &w.Request)
		for _, do := range then {
			do()
		}
	})
}

// revalidated answers the connection that waits for the session.
func (r *Replica) revalidated(a member.Revalidated) {
	switch o := r.waiting.open(a.Session); {
	case o == nil:
	case a.Valid:
		r.attach(o)
	default:
		o.Refuse()
	}
}

// moved ends the connection that has carried the session, behind the answers to what came
// through it. Java does so at its next request: a leader checks those that read, too.
func (r *Replica) moved(id proto.SessionID) {
	if c := r.Database.Carrier(id); c != nil {
		r.batch.call(&Write{Session: id}, c.Abort)
	}
}

// pong answers the leader's ping with the sessions heard of since the last one.
func (r *Replica) pong(p zab.Pinged) {
	since := r.pinged
	r.pinged = r.now()
	var heard []zab.Touched
	for id, timeout := range r.Database.HeardSince(since) {
		heard = append(heard, zab.Touched{Session: id, Timeout: timeout})
	}
	r.Transport.Send(nil, []zab.Packet{member.Pong(p.Zxid, heard)})
}
