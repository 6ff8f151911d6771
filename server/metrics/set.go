package metrics

import "strings"

// Set holds the metrics of one server, each under its Java name.
type Set struct {
	counters      map[string]*Counter
	summaries     map[string]*Summary
	distributions map[string]*Distribution
	namespaces    map[string]*Namespaces

	CommitCount         *Counter // transactions applied
	DigestMismatches    *Counter
	SnapCount           *Counter // snapshots sent to learners
	StaleSessions       *Counter // sessions expired
	FsyncTime           *Summary // ms per sync of the log
	SnapshotTime        *Summary // ms per snapshot
	SyncBatch           *Summary // transactions per sync
	PrepProcessTime     *Summary // ms to prepare one inbox
	DBInitTime          *Summary // ms to load the data directory
	StartupTxnsLoaded   *Summary
	StartupSnapLoadTime *Summary // ms
	RestoreTime         *Summary // ms per restore
	SnapshotErrors      *Counter // of snapshots that operators asked for, as are the next
	SnapshotLimited     *Counter
	RestoreErrors       *Counter
	RestoreLimited      *Counter
	ReadLatency         *Distribution // ms from reading a read to sending its reply
	UpdateLatency       *Distribution // the same for writes
	ReadBytes           *Namespaces   // of paths, data, names and stats that were read
	WriteBytes          *Namespaces   // of paths and data that were written
}

// New returns the metrics of a server, all zero.
func New() *Set {
	s := &Set{
		counters: map[string]*Counter{}, summaries: map[string]*Summary{}, distributions: map[string]*Distribution{},
		namespaces: map[string]*Namespaces{"read_per_namespace": newNamespaces(), "write_per_namespace": newNamespaces()},
	}
	for _, name := range strings.Fields(counterNames) {
		s.counters[name] = &Counter{}
	}
	for _, name := range strings.Fields(summaryNames) {
		s.summaries[name] = &Summary{}
	}
	for _, name := range strings.Fields(distributionNames) {
		s.distributions[name] = &Distribution{}
	}
	s.CommitCount = s.counters["commit_count"]
	s.DigestMismatches = s.counters["digest_mismatches_count"]
	s.SnapCount = s.counters["snap_count"]
	s.StaleSessions = s.counters["stale_sessions_expired"]
	s.FsyncTime = s.summaries["fsynctime"]
	s.SnapshotTime = s.summaries["snapshottime"]
	s.SyncBatch = s.summaries["sync_processor_batch_size"]
	s.PrepProcessTime = s.summaries["prep_process_time"]
	s.DBInitTime = s.summaries["dbinittime"]
	s.StartupTxnsLoaded = s.summaries["startup_txns_loaded"]
	s.StartupSnapLoadTime = s.summaries["startup_snap_load_time"]
	s.RestoreTime = s.summaries["restore_time"]
	s.SnapshotErrors = s.counters["snapshot_error_count"]
	s.SnapshotLimited = s.counters["snapshot_rate_limited_count"]
	s.RestoreErrors = s.counters["restore_error_count"]
	s.RestoreLimited = s.counters["restore_rate_limited_count"]
	s.ReadLatency = s.distributions["readlatency"]
	s.UpdateLatency = s.distributions["updatelatency"]
	s.ReadBytes = s.namespaces["read_per_namespace"]
	s.WriteBytes = s.namespaces["write_per_namespace"]
	return s
}

// Reset zeroes what the four-letter word srst zeroes: everything.
func (s *Set) Reset() {
	for _, c := range s.counters {
		c.n.Store(0)
	}
	for _, x := range s.summaries {
		x.Reset()
	}
	for _, d := range s.distributions {
		d.Reset()
	}
	for _, n := range s.namespaces {
		n.Reset()
	}
}

// SetCounter makes the counter of a Java name show n, for what is counted elsewhere.
func (s *Set) SetCounter(name string, n int64) {
	if c := s.counters[name]; c != nil {
		c.n.Store(n)
	}
}
