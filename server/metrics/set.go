package metrics

import (
	"strings"
	"sync"
)

// Set holds the metrics of one server, each under its Java name. The counters and
// summaries that are not a field are those in [Absent].
type Set struct {
	counters      map[string]*Counter
	distributions map[string]*Distribution
	keyed         map[string]*Keyed

	// Of clients.
	ReadLatency   *Distribution // ms from reading a read to sending its reply
	UpdateLatency *Distribution // the same for writes
	ReadBytes     *Namespaces   // of paths, data, names and stats that were read
	WriteBytes    *Namespaces   // of paths and data that were written
	TokenDeficit  *Distribution // of the throttle, at each connect request
	StaleSessions *Counter      // sessions expired

	// Of watches.
	WatchBytes                                                      *Counter
	CreatedWatches, DeletedWatches, ChangedWatches, ChildrenWatches *Distribution // told of one change

	// Of the order of writes, on who gives it.
	PrepQueued     *Counter      // writes that came
	PrepQueueSize  *Distribution // what one turn found waiting
	PrepQueueTime  *Distribution // ms from reading a write to preparing it
	PrepTime       *Distribution // ms to prepare a write
	CloseTime      *Distribution // ms to prepare the end of a session
	ChangesQueued  *Counter      // transactions made
	ChangesRemoved *Counter      // and applied
	QuotaExceeded  *KeyedCounter // by namespace

	// Of the log.
	SyncQueued       *Counter
	SyncQueueSize    *Distribution // what one turn found waiting
	SyncQueueTime    *Distribution // ms until it was taken
	SyncTime         *Distribution // ms to append what was taken
	SyncFlushTime    *Distribution // ms to write and sync it
	SyncAndQueueTime *Distribution // ms from queueing to durable
	SyncBatch        *Distribution // transactions per sync
	FsyncTime        *Distribution // ms

	// Of commits.
	CommitQueued      *Counter
	CommitBatch       *Distribution // transactions applied in one turn
	CommitQueueSize   *Distribution // what that turn found waiting
	CommitTime        *Distribution // ms of that turn
	CommitBatchTime   *Distribution // the same
	WriteFinalTime    *Distribution // ms to apply one
	WriteCommitTime   *Distribution // ms from reading a write to its commit
	LocalWriteTime    *Distribution // ms from commit to applied, for writes that came through this server
	RemoteWriteTime   *Distribution // the same for those of others
	PropagationTime   *Distribution // ms from making a transaction, by its leader's clock, to applied
	DigestMismatches  *Counter
	Unrecoverable     *Counter
	RequestsForwarded *Distribution // writes sent to the leader in one turn

	// Of leaders.
	CommitCount      *Counter // proposals committed
	ProposalCount    *Counter
	QuorumAckTime    *Distribution // ms from proposing to a quorum's acknowledgement
	AckTime          *Keyed        // ms to the acknowledgement of one server, by id
	LearnerQueueSize *Keyed        // packets that wait for a learner, by id
	LearnerQueueTime *Keyed        // ms that its oldest packet waits
	SnapCount        *Counter      // snapshots sent to learners
	DiffCount        *Counter      // learners that needed only what they had missed
	SnapsInFlight    *Distribution
	DiffsInFlight    *Distribution
	Revalidations    *Counter // of sessions that learners asked about

	// Of learners.
	ProposalsReceived *Counter
	CommitsReceived   *Counter
	ProposalTime      *Distribution // ms from making a transaction to its proposal's arrival
	CommitArrivalTime *Distribution // the same to its commit's
	AckCreationTime   *Distribution // the same to the own acknowledgement
	FollowerSyncTime  *Distribution // ms to be brought up to date
	ObserverSyncTime  *Distribution

	// Of roles.
	LookingCount      *Counter
	ElectionTime      *Distribution // ms
	UnavailableTime   *Distribution // ms from losing a leader to serving again
	LeaderUnavailable *Distribution // the same on who leads

	// Of files.
	SnapshotTime        *Distribution // ms per snapshot
	DBInitTime          *Distribution // ms to load the data directory
	StartupTxnsLoaded   *Distribution
	StartupTxnsLoadTime *Distribution // ms
	StartupSnapLoadTime *Distribution // ms
	RestoreTime         *Distribution // ms per restore
	SnapshotErrors      *Counter      // of snapshots that operators asked for, as are the next
	SnapshotLimited     *Counter
	RestoreErrors       *Counter
	RestoreLimited      *Counter
	InsecureAdmin       *Counter // connections without TLS to an admin server that speaks it

	// Of clients that say which ensemble they mean.
	EnsembleRight   *Counter
	EnsembleWrong   *Counter
	EnsembleSkipped *Counter // there was nothing to compare
}

// New returns the metrics of a server, all zero.
func New() *Set {
	s := &Set{counters: map[string]*Counter{}, distributions: map[string]*Distribution{}, keyed: map[string]*Keyed{}}
	for _, name := range strings.Fields(counterNames) {
		s.counters[name] = &Counter{}
	}
	for _, name := range strings.Fields(basicNames + advancedNames) {
		s.distributions[name] = &Distribution{}
	}
	s.ReadBytes, s.WriteBytes = &Namespaces{newKeyed()}, &Namespaces{newKeyed()}
	s.keyed["read_per_namespace"], s.keyed["write_per_namespace"] = s.ReadBytes.Keyed, s.WriteBytes.Keyed
	for _, name := range []string{"ack_latency", "learner_handler_qp_size", "learner_handler_qp_time_ms"} {
		s.keyed[name] = newKeyed()
	}
	s.AckTime, s.LearnerQueueSize, s.LearnerQueueTime = s.keyed["ack_latency"], s.keyed["learner_handler_qp_size"], s.keyed["learner_handler_qp_time_ms"]
	s.QuotaExceeded = &KeyedCounter{}
	for name, c := range s.countersByName() {
		*c = s.counters[name]
	}
	for name, d := range s.distributionsByName() {
		*d = s.distributions[name]
	}
	return s
}

// Reset zeroes what the four-letter word srst zeroes: everything.
func (s *Set) Reset() {
	for _, c := range s.counters {
		c.n.Store(0)
	}
	for _, d := range s.distributions {
		d.Reset()
	}
	for _, k := range s.keyed {
		k.Reset()
	}
	s.QuotaExceeded.Reset()
}

// SetCounter makes the counter of a Java name show n, for what is counted elsewhere.
func (s *Set) SetCounter(name string, n int64) {
	if c := s.counters[name]; c != nil {
		c.n.Store(n)
	}
}

// KeyedCounter is a counter for each value of a label.
type KeyedCounter struct {
	mu  sync.Mutex
	all map[string]int64
}

// Add adds n to the key. New keys above a limit are not counted.
func (k *KeyedCounter) Add(key string, n int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil {
		k.all = map[string]int64{}
	}
	if _, ok := k.all[key]; ok || len(k.all) < keyLimit {
		k.all[key] += n
	}
}

// Reset forgets everything.
func (k *KeyedCounter) Reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.all)
}
