package replica

import (
	"fmt"
	"math/rand/v2"
	"time"

	"gokeeper/server/database"
	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// writeLog is the log writer's goroutine: it appends all that waits, syncs once, and
// tells the loop. It ends with its queue, or when the log fails, which ends the replica
// without telling the loop that anything more is durable.
func (r *Replica) writeLog() {
	defer r.durable.end()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for range r.logQueue.ready {
		r.await(timer)
		if !r.logTurn() {
			return
		}
	}
}

// await lets more come before the next sync, if that pays.
func (r *Replica) await(timer *time.Timer) {
	want, wait := r.gather.limit(time.Now())
	if wait <= 0 {
		return
	}
	timer.Reset(wait)
	for {
		if n, ended := r.logQueue.waits(); n >= want || ended {
			return
		}
		select {
		case <-r.logQueue.ready:
		case <-timer.C:
			return
		}
	}
}

// logTurn is one turn of the log writer. It returns false when that was the last.
func (r *Replica) logTurn() bool {
	entries := r.logQueue.take()
	if len(entries) == 0 {
		return !r.logQueue.done()
	}
	last, err := r.append(entries)
	if err != nil {
		r.fail(err)
		r.Log.Error().Err(err).Msg("transaction log failed; the server stops, since what is on disk is unknown")
		r.logQueue.end()
		return false
	}
	if last != 0 {
		r.durable.put(last)
	}
	for i := range entries {
		if done := entries[i].done; done != nil {
			close(done)
		}
	}
	return true
}

// append makes the entries durable, starts a snapshot when it is time, and returns the
// last zxid, 0 when there was none.
func (r *Replica) append(entries []entry) (last proto.Zxid, err error) {
	log, m := r.Dir.Log(), r.Metrics
	n, begin := 0, time.Now()
	m.SyncQueueSize.Observe(int64(len(entries)))
	measureQueued(m.SyncQueueTime, entries, r.now())
	for i := range entries {
		if entries[i].raw == nil {
			continue
		}
		last = entries[i].commit.Txn.Zxid
		if err := log.Append(last, entries[i].raw); err != nil {
			return 0, fmt.Errorf("append %v to the transaction log: %w", last, err)
		}
		n++
	}
	if n == 0 {
		return 0, nil
	}
	m.SyncQueued.Add(int64(n))
	m.SyncTime.Observe(time.Since(begin).Milliseconds())
	begin = time.Now()
	if err := log.Sync(); err != nil {
		return 0, fmt.Errorf("sync the transaction log: %w", err)
	}
	end := time.Now()
	waiting, _ := r.logQueue.waits()
	r.gather.note(n, waiting, begin, end)
	took := end.Sub(begin)
	r.Events.Synced(n, took)
	m.SyncFlushTime.Observe(took.Milliseconds())
	measureQueued(m.SyncAndQueueTime, entries, r.now())
	r.since1970(m.AckCreationTime, entries)
	if !r.trigger.due(n, log.Size()) {
		return last, nil
	}
	if err := log.Roll(); err != nil {
		return 0, fmt.Errorf("roll the transaction log: %w", err)
	}
	r.snapshots.put(picture{})
	return last, nil
}

// task is one thing for the applier: a committed transaction, or a call in its place
// between transactions.
type task struct {
	commit database.Commit
	call   func()
	at     int64 // when it was committed, monotonic milliseconds
}

// apply is the applier's goroutine. It ends with its queue.
func (r *Replica) apply() {
	for range r.applies.ready {
		if !r.applyTurn() {
			return
		}
	}
}

// applyTurn is one turn of the applier. It returns false when that was the last.
func (r *Replica) applyTurn() bool {
	tasks := r.applies.take()
	if len(tasks) == 0 && r.applies.done() {
		return false
	}
	batch, at := r.applying, int64(0)
	r.Metrics.CommitQueueSize.Observe(int64(len(tasks)))
	for i := range tasks {
		if tasks[i].call == nil {
			if len(batch) == 0 {
				at = tasks[i].at
			}
			batch = append(batch, tasks[i].commit)
			continue
		}
		batch = r.applyBatch(batch, at)
		tasks[i].call()
	}
	r.applying = r.applyBatch(batch, at)
	return true
}

// applyBatch applies transactions, of which the first was committed at a time, and returns
// the slice to be filled again.
func (r *Replica) applyBatch(batch []database.Commit, committed int64) []database.Commit {
	if len(batch) == 0 {
		return batch
	}
	begin := time.Now()
	r.Database.Apply(batch, r.mismatch)
	r.measureApplied(batch, committed, time.Since(begin))
	r.applied.Store(int64(batch[len(batch)-1].Txn.Zxid))
	r.Events.Applied(len(batch))
	clear(batch)
	return batch[:0]
}

// mismatch reports a transaction whose digest is not that of the tree. The server goes
// on, as Java does.
func (r *Replica) mismatch(x *txn.Txn) {
	r.Events.Mismatch()
	r.Log.Warn().Stringer("zxid", x.Zxid).Stringer("type", x.Type).Msg("tree digest differs from the transaction's")
}

// takeSnapshots is the snapshotter's goroutine: it writes one snapshot at a time, and
// purges old files. A snapshot that fails ends the replica, as in Java.
func (r *Replica) takeSnapshots() {
	var purge <-chan time.Time
	if r.cfg.Purge > 0 {
		t := time.NewTicker(r.cfg.Purge)
		defer t.Stop()
		purge = t.C
		r.purge()
	}
	for {
		select {
		case <-purge:
			r.purge()
			continue
		case <-r.snapshots.ready:
		}
		if r.snapshots.done() {
			return
		}
		r.take()
	}
}

// picture is a snapshot to be taken, or with done set only the place in the queue at
// which it is closed.
type picture struct {
	replace bool // what the directory holds belongs to another history
	done    chan struct{}
	answer  chan taken // is told how the snapshot ended, whose failure then ends nothing; nil: nobody is
}

// take does what waits for the snapshotter: one snapshot, however many are wanted.
func (r *Replica) take() {
	wanted, replace := false, false
	pictures := r.snapshots.take()
	for _, p := range pictures {
		switch {
		case p.answer != nil:
			zxid, err := r.snapshot(false)
			p.answer <- taken{zxid, err}
		case p.done == nil:
			wanted = true
		}
		replace = replace || p.replace
	}
	if wanted && r.stopped.Err() != nil {
		return // nobody waits any more, and nothing may be called saved that is not
	}
	if wanted {
		if _, err := r.snapshot(replace); err != nil {
			r.fail(err)
			r.Log.Error().Err(err).Msg("snapshot failed")
			return
		}
	}
	for _, p := range pictures {
		if p.done != nil {
			close(p.done)
		}
	}
	if replace {
		r.inbox.put(input{saved: true})
	}
}

// purge removes old files. What cannot be removed stays for the next time.
func (r *Replica) purge() {
	removed, err := r.Dir.Purge(r.cfg.Retain)
	if err != nil {
		r.Log.Warn().Err(err).Msg("purge incomplete")
	}
	if len(removed) > 0 {
		r.Log.Info().Strs("files", removed).Msg("old snapshots and logs removed")
	}
}

// trigger decides when a snapshot is due: after between half of and all of count
// transactions or size bytes of log, at random so that the servers of an ensemble do
// not all write at the same time. Java: SyncRequestProcessor.shouldSnapshot.
type trigger struct {
	count, atCount int
	size, atSize   int64
	since          int
	random         *rand.Rand
}

func newTrigger(count int, size int64, replayed int, seed uint64) trigger {
	t := trigger{count: count, size: size, random: rand.New(rand.NewPCG(seed, seed))}
	t.draw()
	t.since = replayed
	return t
}

func (t *trigger) draw() {
	t.since = 0
	t.atCount = t.count/2 + t.random.IntN(max(t.count/2, 1))
	if t.size > 0 {
		t.atSize = t.size/2 + t.random.Int64N(max(t.size/2, 1))
	}
}

// due counts n more transactions in a log that is size bytes long.
func (t *trigger) due(n int, size int64) bool {
	t.since += n
	if t.since <= t.atCount && (t.atSize == 0 || size <= t.atSize) {
		return false
	}
	t.draw()
	return true
}
