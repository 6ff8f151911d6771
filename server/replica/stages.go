package replica

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"gokeeper/server/txn"
)

// writeLog is the log writer's goroutine: it appends all that waits, syncs once, and
// tells the loop. It ends with its queue, or when the log fails, which ends the replica
// without telling the loop that anything more is durable.
func (r *Replica) writeLog(fail context.CancelCauseFunc) {
	defer r.durable.end()
	for range r.logQueue.ready {
		entries := r.logQueue.take()
		if len(entries) == 0 {
			if r.logQueue.done() {
				return
			}
			continue
		}
		if err := r.append(entries); err != nil {
			fail(err)
			r.Log.Error().Err(err).Msg("transaction log failed; the server stops, since what is on disk is unknown")
			r.logQueue.end()
			return
		}
		r.durable.put(entries[len(entries)-1].commit.Txn.Zxid)
	}
}

// append makes the entries durable and starts a snapshot when it is time.
func (r *Replica) append(entries []entry) error {
	log := r.Dir.Log()
	for i := range entries {
		if err := log.Append(entries[i].commit.Txn.Zxid, entries[i].raw); err != nil {
			return fmt.Errorf("append %v to the transaction log: %w", entries[i].commit.Txn.Zxid, err)
		}
	}
	begin := time.Now()
	if err := log.Sync(); err != nil {
		return fmt.Errorf("sync the transaction log: %w", err)
	}
	r.Events.Synced(len(entries), time.Since(begin))
	if !r.trigger.due(len(entries), log.Size()) {
		return nil
	}
	if err := log.Roll(); err != nil {
		return fmt.Errorf("roll the transaction log: %w", err)
	}
	r.snapshots.put(struct{}{})
	return nil
}

// apply is the applier's goroutine. It ends with its queue.
func (r *Replica) apply() {
	for range r.applies.ready {
		commits := r.applies.take()
		if len(commits) == 0 {
			if r.applies.done() {
				return
			}
			continue
		}
		r.Database.Apply(commits, r.mismatch)
		r.applied.Store(int64(commits[len(commits)-1].Txn.Zxid))
		r.Events.Applied(len(commits))
	}
}

// mismatch reports a transaction whose digest is not that of the tree. The server goes
// on, as Java does.
func (r *Replica) mismatch(x *txn.Txn) {
	r.Events.Mismatch()
	r.Log.Warn().Stringer("zxid", x.Zxid).Stringer("type", x.Type).Msg("tree digest differs from the transaction's")
}

// takeSnapshots is the snapshotter's goroutine: it writes one snapshot at a time, and
// purges old files. A snapshot that fails ends the replica, as in Java.
func (r *Replica) takeSnapshots(ctx context.Context, fail context.CancelCauseFunc) {
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
		if len(r.snapshots.take()) == 0 || ctx.Err() != nil {
			continue
		}
		if _, err := r.Snapshot(); err != nil {
			fail(err)
			r.Log.Error().Err(err).Msg("snapshot failed")
		}
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
