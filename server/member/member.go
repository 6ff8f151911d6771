// Package member makes the decisions of one server: which role it has in its ensemble,
// which writes become which transactions, when they are committed, which sessions
// expire, which containers go. It is a state machine: requests, packets, durable zxids
// and the time come in, [Action] values come out. It does no I/O, reads no clock, starts
// no goroutine; replica runs it in one goroutine and simulations run it faster than time.
//
//	Standalone                     serves from the beginning: an ensemble of one, in
//	                               which what the own log holds durably is committed
//	Looking ─→ Leading             election decides who leads, zab how histories
//	        ─→ Following           become equal and stay so; this package joins them,
//	        ─→ Observing           and every role ends in Looking, by way of Left
//
// Times are monotonic milliseconds unless a name says wall, which is milliseconds
// since 1970.
//
// Java: QuorumPeer, and what its processor chains decide.
package member

import (
	"fmt"
	"time"

	"gokeeper/server/auth"
	"gokeeper/server/election"
	"gokeeper/server/jute"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/session"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/zab"
)

// Config is what a member's decisions depend on.
type Config struct {
	ServerID int64 // top byte of session ids; 1 when standalone
	Prep     prep.Config
	Tick     time.Duration // unit of the limits, and width of the buckets in which sessions expire

	// Containers and nodes with a TTL are looked for every ReapInterval and removed
	// at most ReapPerMinute a minute; a container that never had a child only when
	// ReapNeverUsed is positive and that old.
	ReapInterval  time.Duration
	ReapPerMinute int
	ReapNeverUsed time.Duration

	Ensemble *Ensemble // nil: standalone
}

// Ensemble is what a member of an ensemble is told about it.
type Ensemble struct {
	Self      quorum.ServerID
	Observer  bool
	Quorum    quorum.Config  // committed
	LastSeen  *quorum.Config // proposed and newer, nil: none
	InitLimit int            // ticks until a learner is up to date
	SyncLimit int            // ticks without a sign of life
	Recent    int            // committed transactions kept to bring learners up to date
	DiskSync  bool           // the log on disk serves for that, too
	ForceSnap bool           // always bring them up by a snapshot
	MaxSnaps  int            // of zab.LeaderConfig, as is the next
	MaxDiffs  int

	// Of election.Config; 0 is Java's value.
	MinInterval, MaxInterval time.Duration
	NoBootstrap              bool

	// MaxEpochWait is how long a leader waits for its quorum when that has changed its mind;
	// 0: InitLimit decides alone. Java: leader.maxTimeToWaitForEpoch.
	MaxEpochWait time.Duration

	Reconfig      bool // the configuration may change
	LocalSessions bool // new sessions are known to their server only
	Upgrade       bool // they become global with their first ephemeral
	ReadOnly      bool // serve reads while there is no leader
}

// State is what the data directory holds.
type State struct {
	Last     proto.Zxid // end of the history, all of which is in the tree; -1: empty and not trusted
	Sessions map[proto.SessionID]int32
	Accepted int64 // epochs
	Current  int64
	Recent   []zab.Entry // the newest transactions, oldest first
}

// Role is what a member does.
type Role uint8

// The roles.
const (
	Standalone Role = iota
	Looking
	Following
	Observing
	Leading
)

var roleNames = [...]string{"standalone", "looking", "follower", "observer", "leader"}

// String returns the name that operators see.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// Member is one server's state machine. It is not safe for concurrent use.
type Member struct {
	cfg    Config
	policy *auth.Policy
	ids    *session.Generator
	role   Role
	order  *order // gives writes their order; nil unless this server leads and serves

	actions []Action

	// of a member of an ensemble
	state   State
	elect   *election.Election
	history *zab.History
	leader  *zab.Leader
	learner *zab.Learner
	chosen  quorum.ServerID // who leads, while following or observing
	uplink  zab.LinkID      // to the leader; each is a number below the last
	tail    []zab.Entry     // logged or being logged, not committed
	serving bool

	quorum     quorum.Config  // committed
	seen       *quorum.Config // proposed and newer, nil: none
	succession *succession    // taken up when the role has ended; nil: an election

	locals   *session.Table // sessions that no other server knows
	readOnly bool           // serves reads while it looks for a leader
	since    int64          // when it began to look, or was elected
}

// New returns a member over the data that state describes. Start begins its work.
func New(cfg Config, policy *auth.Policy, state State, now, wall int64) *Member {
	m := &Member{
		cfg: cfg, policy: policy, state: state, ids: session.NewGenerator(cfg.ServerID, wall), locals: session.New(cfg.Tick),
	}
	if e := cfg.Ensemble; e != nil {
		m.role = Looking
		m.quorum = e.Quorum
		if e.Reconfig && e.LastSeen != nil && e.LastSeen.Version > e.Quorum.Version {
			seen := m.localised(*e.LastSeen)
			m.seen = &seen
		}
		m.elect = election.New(election.Config{
			Self: e.Self, Observer: e.Observer, Quorum: m.quorum, LastSeen: m.seen,
			MinInterval: e.MinInterval, MaxInterval: e.MaxInterval, NoBootstrap: e.NoBootstrap, Keep: keepNotifications,
		})
		m.history = zab.NewHistory(e.Recent)
		m.remember(state.Recent)
		return m
	}
	m.serving = true
	m.order = newOrder(&m.cfg, policy, state.Last, state.Sessions, m.stranger, now)
	return m
}

// keepNotifications is how far apart the members may notice that their leader is gone
// without having to repeat themselves.
const keepNotifications = 100 * time.Millisecond

// remember fills the window of committed transactions anew.
func (m *Member) remember(recent []zab.Entry) {
	m.history.Reset(m.state.Last)
	for _, e := range recent {
		m.history.Add(e)
	}
}

// Start begins to look for a leader, unless the server is standalone.
func (m *Member) Start(now int64) {
	if m.elect != nil {
		m.since = now
		m.elect.Look(m.state.Last, m.state.Current, now)
		m.collect(now)
	}
}

// Role returns what the member does now.
func (m *Member) Role() Role { return m.role }

// Serving says whether clients are served: always when standalone, otherwise while a
// quorum is up to date.
func (m *Member) Serving() bool { return m.serving }

// Leader returns who leads, if somebody was elected.
func (m *Member) Leader() (quorum.ServerID, bool) {
	switch m.role {
	case Leading:
		return m.cfg.Ensemble.Self, true
	case Following, Observing:
		return m.chosen, true
	}
	return 0, false
}

// Orders says whether this server gives writes their order; otherwise it forwards them.
func (m *Member) Orders() bool { return m.order != nil }

// NewSession returns the id for a new session with the timeout in milliseconds. It
// exists for others once the transaction of the createSession request that must follow
// is applied.
func (m *Member) NewSession(timeout int32, now int64) proto.SessionID {
	id := m.ids.Next()
	if m.order != nil {
		m.order.begin(id, timeout, local, now)
	}
	return id
}

// Resume says whether the session can be taken over by another connection of this
// server, which orders writes, with the timeout in milliseconds, and touches it.
func (m *Member) Resume(id proto.SessionID, timeout int32, now int64) bool {
	return m.order.resume(id, timeout, local, now)
}

// Alive says whether requests of the session's connection here enter the order of
// writes: those of a session that is unknown or closing are dropped.
func (m *Member) Alive(id proto.SessionID) bool {
	return id == 0 || m.locals.Known(id) || m.order.tracker.Known(id) && !m.order.tracker.Closing(id)
}

// Propose gives the write of a client on the link, 0 for one of this server, the next
// zxid and returns its transaction, which the caller must make durable before anything
// else may depend on it. t is the applied tree. CanPropose must have said yes.
func (m *Member) Propose(t *tree.Tree, r *prep.Request, link zab.LinkID, wall int64) txn.Txn {
	return m.order.propose(t, r, link, wall)
}

// CanPropose says whether this server gives writes their order and the epoch has a zxid
// left for one more.
func (m *Member) CanPropose() bool {
	return m.order != nil && (m.leader == nil || m.order.proposed.Counter() < zab.LastCounter)
}

// Proposed says that the transactions go to the log, and sends them to the followers.
func (m *Member) Proposed(entries []zab.Entry, now int64) {
	if m.leader == nil || len(entries) == 0 {
		return
	}
	m.tail = append(m.tail, entries...)
	m.leader.Propose(entries, now)
	m.collect(now)
}

// Durable says that the log holds everything up to zxid.
func (m *Member) Durable(zxid proto.Zxid, now int64) {
	switch {
	case m.leader != nil:
		m.leader.Durable(zxid)
	case m.learner != nil:
		m.learner.Durable(zxid)
	case m.role == Standalone:
		m.do(zab.Decided{Zxid: zxid})
	}
	m.collect(now)
}

// Applied says that the tree holds everything up to zxid.
func (m *Member) Applied(zxid proto.Zxid) {
	if m.order != nil {
		m.order.prep.Applied(zxid)
	}
	if m.history != nil {
		m.history.Applied(zxid)
	}
}

// Closed forgets a session whose closing is committed.
func (m *Member) Closed(id proto.SessionID) {
	if m.order != nil {
		m.order.forget(id)
	}
}

// Last returns the last zxid given out or received.
func (m *Member) Last() proto.Zxid {
	if m.order != nil {
		return m.order.proposed
	}
	return m.state.Last
}

// Sessions returns the tracker, for reports; nil on a server that does not order writes.
func (m *Member) Sessions() *session.Table {
	if m.order == nil {
		return nil
	}
	return m.order.tracker
}

// Expire returns the writes that close the sessions whose time is up. heard tells when
// a session was last heard here and the timeout that holds for it, both in milliseconds;
// the tracker learns it only now, when a session's bucket is due.
func (m *Member) Expire(heard func(proto.SessionID) (int64, int32, bool), now int64) []prep.Request {
	if m.order == nil {
		return nil
	}
	return m.order.expire(heard, now)
}

// Reap returns the writes that delete containers and nodes with a TTL whose time is up.
func (m *Member) Reap(t *tree.Tree, now, wall int64) []prep.Request {
	if m.order == nil {
		return nil
	}
	var writes []prep.Request
	for _, path := range m.order.reap.due(&m.cfg, t, now, wall) {
		writes = append(writes, prep.Request{Op: proto.OpDeleteContainer, Body: jute.AppendString(nil, path)})
	}
	return writes
}
