// Package replica runs a member: it is the one place where goroutines meet.
//
//	connections ─→ inbox ─→ loop ─→ log writer ─→ loop ─→ applier ─→ connections
//	links ────────────┘      ├─→ links    └─→ snapshotter
//	                         └─→ notifications
//
// The loop owns the member and is the only one to call it. Each stage takes all that
// waits for it: the loop prepares a whole inbox under one read lock, the log writer
// appends everything and syncs once, a moment later when more come then (see gather),
// the applier applies every committed transaction. What the member says must be durable
// is durable before anything that depends on it leaves; in particular a write is answered only after the log was synced. A log that
// cannot be written or synced ends the replica: what is on disk is then unknown.
//
// In an ensemble the server that leads gives the writes of all servers their order; the
// others send it theirs and wait for the transactions to come back.
package replica

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/auth"
	"gokeeper/server/database"
	"gokeeper/server/member"
	"gokeeper/server/metrics"
	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/storage"
	"gokeeper/server/zab"
)

// Write is a request that takes its place in the order of writes: a write, or sync.
type Write struct {
	Client  database.Client // nil for the server's own
	Session proto.SessionID
	Request proto.Request // the body is the replica's

	local bool // it asks for an ephemeral of a session that stays local
}

// Open is a connect request: a new session when Session is 0, otherwise one to resume.
type Open struct {
	Client   database.Client
	Session  proto.SessionID
	Timeout  int32  // milliseconds, negotiated
	Refuse   func() // called when there is no such session
	ReadOnly func() // called when a server that only serves reads can open none
}

// Config says what a replica does besides its member's decisions.
type Config struct {
	Member    member.Config
	SnapCount int           // transactions between snapshots: between half of it and all
	SnapSize  int64         // the same in bytes of log; 0 is no limit
	Purge     time.Duration // time between purges of old files; 0 is never
	Retain    int           // snapshots that a purge keeps
	Limit     int           // longest buffer of a transaction in bytes
	Audit     bool          // requests are kept until they are answered, for the audit log

	// Of an ensemble.
	SyncTime   time.Duration // how long a leader may be silent
	NoClients  bool          // a leader serves no clients
	NoLog      bool          // an observer keeps its history in memory only
	DiskFactor float64       // share of the snapshot's size up to which the log on disk brings a learner up
}

// Events tell what a replica does, for counting. Each is called from one of its
// goroutines and must not block. All must be set.
type Events struct {
	Proposed func(writes int, took time.Duration) // prepared in one turn
	Synced   func(txns int, took time.Duration)   // made durable by one sync of the log
	Applied  func(txns int)
	Snapshot func(took time.Duration)
	Mismatch func() // of a transaction's digest and the tree's
	Expired  func(sessions int)
}

// Parts are what a replica works with.
type Parts struct {
	Database  *database.Database
	Dir       *storage.Dir
	Policy    *auth.Policy
	Events    Events
	Metrics   *metrics.Set // nil: nobody looks
	Log       zerolog.Logger
	Start     time.Time // zero of the monotonic times that connections report
	Clock     Clock     // whose zero value is the machine's
	Transport Transport // nil: standalone
	Configs   Configs   // nil: standalone
	Drop      func()    // closes all connections of clients: the server does not serve
}

// Replica is a running server's heart. Its methods may be called from any goroutine.
type Replica struct {
	Parts
	cfg Config
	m   *member.Member // the loop's

	inbox    *queue[input]
	logQueue *queue[entry]
	durable  *queue[proto.Zxid]
	applies  *queue[task]
	applied  atomic.Int64 // zxid up to which the applier is done
	serving  atomic.Bool
	readOnly atomic.Bool
	role     atomic.Int32 // a member.Role
	diffs    atomic.Int64 // learners that are brought what they have missed
	snaps    atomic.Int64 // learners that are sent a snapshot
	since    atomic.Int64 // when it began to serve clients in this role
	sizes    sizes

	// the loop's
	batch       *batch
	outstanding []entry    // proposed and not committed, in zxid order
	committed   proto.Zxid // what the member decided last
	logged      proto.Zxid // up to where the log is durable
	logless     bool       // the role, or the last one, is that of an observer without a log
	unlogged    bool       // the database holds what neither log nor snapshots do
	waiting     waiting
	pace        pace
	lost, found int64 // when the last role ended, and the next was known, monotonic milliseconds
	received    map[zab.LinkID]*snapshot.Content
	pinged      int64           // when sessions were reported to the leader last
	stopped     context.Context // done when the replica stops or fails; set before any stage runs, as are the next
	fail        context.CancelCauseFunc
	steps       *Steps        // who runs the stages instead of goroutines, or nil
	over        chan struct{} // closed when Run has ended

	gather    gather            // when to sync next; the log writer's
	trigger   trigger           // when to take the next snapshot; the log writer's
	applying  []database.Commit // of one turn, used again; the applier's
	snapshots *queue[picture]
}

// entry is a transaction between its proposal and its commit, or something else that
// has its place between transactions: exactly one of raw, call and done is set.
type entry struct {
	commit database.Commit
	raw    []byte        // as the log holds it
	call   func()        // for the applier, once the zxid of commit is committed
	done   chan struct{} // closed by the log writer
	at     int64         // when it was queued for the log, monotonic milliseconds
}

// New returns a replica over the parts and what the data directory held. seed decides
// when snapshots are taken.
func New(cfg Config, parts Parts, rec *storage.Recovered, epochs storage.Epochs, seed uint64) *Replica {
	if parts.Metrics == nil {
		parts.Metrics = metrics.New()
	}
	r := &Replica{
		Parts: parts, cfg: cfg,
		inbox: newQueue[input](), logQueue: newQueue[entry](), durable: newQueue[proto.Zxid](),
		applies: newQueue[task](), snapshots: newQueue[picture](),
		trigger: newTrigger(cfg.SnapCount, cfg.SnapSize, rec.Replayed, seed),
		waiting: newWaiting(), received: map[zab.LinkID]*snapshot.Content{}, over: make(chan struct{}),
	}
	r.at(parts.Database.LastZxid())
	r.applied.Store(int64(r.committed))
	r.m = member.New(cfg.Member, parts.Policy, member.State{
		Last: rec.LastZxid, Sessions: parts.Database.Sessions(), Accepted: epochs.Accepted, Current: epochs.Current,
		Recent: recent(rec),
	}, r.now(), r.wall())
	r.note()
	return r
}

// recent returns the newest transactions that were replayed.
func recent(rec *storage.Recovered) []zab.Entry {
	out := make([]zab.Entry, len(rec.Recent))
	for i, x := range rec.Recent {
		out[i] = zab.Entry{Zxid: x.Zxid, Raw: x.Raw}
	}
	return out
}

// at says that the history ends with the zxid, committed and logged.
func (r *Replica) at(zxid proto.Zxid) { r.committed, r.logged = zxid, zxid }

// note publishes the member's role.
func (r *Replica) note() {
	r.role.Store(int32(r.m.Role()))
	r.readOnly.Store(r.m.ReadOnly())
	r.serving.Store(r.m.Serving() && !(r.cfg.NoClients && r.m.Role() == member.Leading))
}

// Serving says whether clients are served, and whether only those that read.
func (r *Replica) Serving() (serving, readOnly bool) {
	readOnly = r.readOnly.Load()
	return readOnly || r.serving.Load(), readOnly
}

// Role returns what this server does in its ensemble.
func (r *Replica) Role() member.Role { return member.Role(r.role.Load()) }

// Since returns when the server began to serve in its present role, in monotonic
// milliseconds.
func (r *Replica) Since() int64 { return r.since.Load() }

// Submit puts a write or sync into the order. It is dropped when its session is closing
// or the replica has stopped; the connection ends then.
func (r *Replica) Submit(w *Write) { r.inbox.put(input{write: w}) }

// Open begins or resumes a session and answers the connection in time.
func (r *Replica) Open(o *Open) {
	if !r.inbox.put(input{open: o}) {
		o.Refuse()
	}
}

// Inspect runs f with the member in the loop and waits for it. It returns false when
// the replica has stopped.
func (r *Replica) Inspect(ctx context.Context, f func(*member.Member)) bool {
	done := make(chan struct{})
	if !r.inbox.put(input{inspect: func(m *member.Member) { f(m); close(done) }}) {
		return false
	}
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// Run works until the context is done or the disk fails, which is the error it
// returns. Before it returns, everything that was submitted is logged, applied and
// answered, unless the disk failed. Call it once.
func (r *Replica) Run(ctx context.Context) error {
	defer close(r.over)
	failed, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var stages, snapshotter sync.WaitGroup
	r.stopped, r.fail = failed, fail
	stages.Go(r.writeLog)
	stages.Go(r.apply)
	snapshotter.Go(r.takeSnapshots)
	r.loop(failed)
	if r.Transport != nil {
		r.Transport.Leave()
	}
	stages.Wait()
	r.snapshots.end()
	snapshotter.Wait()
	if err := context.Cause(failed); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}
