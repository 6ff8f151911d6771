package server

import (
	"time"

	"gokeeper/server/database"
	"gokeeper/server/proto"
	"gokeeper/server/replica"
)

// traffic counts what clients read and write by namespace.
func (s *Server) traffic() database.Traffic {
	t := database.Traffic{
		Read:  s.metrics.ReadBytes.Observe,
		Event: s.fired,
		Write: func(path []byte, bytes int64) { s.metrics.WriteBytes.Observe(path, bytes, 1) },
	}
	if s.audit != nil {
		t.Audit = s.audit.outcome
	}
	return t
}

// fired counts the watches that one change has fired.
func (s *Server) fired(typ proto.EventType, watchers int, bytes int64) {
	m := s.metrics
	m.WatchBytes.Add(bytes)
	switch typ {
	case proto.EventNodeCreated:
		m.CreatedWatches.Observe(int64(watchers))
	case proto.EventNodeDeleted:
		m.DeletedWatches.Observe(int64(watchers))
	case proto.EventNodeDataChanged:
		m.ChangedWatches.Observe(int64(watchers))
	case proto.EventNodeChildrenChanged:
		m.ChildrenWatches.Observe(int64(watchers))
	}
}

// replied counts how long requests took.
func (s *Server) replied(write bool, n, ms int64) {
	if write {
		s.metrics.UpdateLatency.ObserveN(ms, n)
		return
	}
	s.metrics.ReadLatency.ObserveN(ms, n)
}

// events counts what the replica does.
func (s *Server) events() replica.Events {
	m := s.metrics
	return replica.Events{
		Proposed: func(writes int, took time.Duration) {
			if n := int64(writes); n > 0 {
				m.PrepTime.ObserveN(took.Milliseconds()/n, n)
			}
		},
		Synced: func(txns int, took time.Duration) {
			m.FsyncTime.Observe(took.Milliseconds())
			m.SyncBatch.Observe(int64(txns))
			if took > s.cfg.FsyncWarning {
				s.slowSyncs.Add(1)
				s.opt.Log.Warn().Dur("took", took).Int("txns", txns).Msg("sync of the transaction log is slow")
			}
		},
		Applied:  func(int) {},
		Snapshot: func(took time.Duration) { m.SnapshotTime.Observe(took.Milliseconds()) },
		Mismatch: func() { m.DigestMismatches.Add(1) },
		Expired:  func(sessions int) { m.StaleSessions.Add(int64(sessions)) },
	}
}
