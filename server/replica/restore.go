package replica

import (
	"errors"

	"gokeeper/server/member"
	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
)

// Why a database is not replaced.
var (
	ErrNotServing = errors.New("the server does not serve writers now")
	ErrStopped    = errors.New("the server stops")
)

// restoring is a database that waits to replace the one that is served.
type restoring struct {
	content *snapshot.Content
	done    chan error
}

// Restore replaces tree and sessions by the content of a snapshot, which it takes over,
// and returns when that is durable. All clients are dropped; sessions that the snapshot
// has can go on.
//
// It concerns this server alone, as in Java: in an ensemble every member has to be given
// the same snapshot, while nobody writes. The history goes on where it was, at the zxid
// of the old database, so that no zxid is given out twice; a standalone server goes on at
// the snapshot's, if that is later. (Java: ZooKeeperServer.restoreFromSnapshot, which
// also takes the snapshot's when that is earlier, and forgets the restore at its next
// start, since the log still has what came after.)
func (r *Replica) Restore(c *snapshot.Content) error {
	x := &restoring{content: c, done: make(chan error, 1)}
	if !r.inbox.put(input{restore: x}) {
		return ErrStopped
	}
	select {
	case err := <-x.done:
		if err != nil {
			return err
		}
	case <-r.over:
		return ErrStopped
	}
	_, err := r.Snapshot()
	return err
}

// restore is Restore's part in the loop.
func (r *Replica) restore(c *snapshot.Content) error {
	if !r.m.Serving() || r.m.ReadOnly() {
		return ErrNotServing
	}
	r.dropClients()
	r.finish() // what is committed belongs to the old database
	if !r.quiesce() {
		return ErrStopped
	}
	zxid := r.Database.LastZxid()
	if r.m.Role() == member.Standalone {
		zxid = max(zxid, c.Tree.LastZxid())
		r.at(zxid)
		r.applied.Store(int64(zxid))
	}
	c.Tree.SetLastZxid(zxid)
	c.Tree.SetDigestFrom(zxid)
	sessions := c.Sessions
	r.Database.Install(c.Tree, sessions)
	r.Database.Update(r.showConfig)
	r.m.Restored(zxid, sessions, r.now())
	r.Log.Warn().Stringer("zxid", zxid).Int("sessions", len(sessions)).Msg("database replaced by a snapshot")
	return nil
}

// Snapshot has the snapshotter write a snapshot of the database while it serves, and
// returns the zxid in its name. A failure ends nothing.
func (r *Replica) Snapshot() (proto.Zxid, error) {
	answer := make(chan taken, 1)
	if !r.snapshots.put(picture{answer: answer}) {
		return 0, ErrStopped
	}
	select {
	case x := <-answer:
		return x.zxid, x.err
	case <-r.over:
		return 0, ErrStopped
	}
}

// taken is a snapshot that somebody has asked for.
type taken struct {
	zxid proto.Zxid
	err  error
}
