// Package member makes the decisions of one server: which writes become which
// transactions, when they are committed, which sessions expire, which containers go.
// It is a state machine: requests, durable zxids and the time come in, transactions
// and commits go out. It does no I/O, reads no clock, starts no goroutine; replica
// runs it in one goroutine and simulations run it faster than time.
//
// A standalone server is an ensemble of one: what its own log holds durably is
// committed.
//
// Times are monotonic milliseconds unless a name says wall, which is milliseconds
// since 1970.
package member

import (
	"time"

	"gokeeper/server/auth"
	"gokeeper/server/jute"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/session"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
)

// Config is what a member's decisions depend on.
type Config struct {
	ServerID int64 // top byte of session ids; 1 when standalone
	Prep     prep.Config
	Tick     time.Duration // width of the buckets in which sessions expire

	// Containers and nodes with a TTL are looked for every ReapInterval and removed
	// at most ReapPerMinute a minute; a container that never had a child only when
	// ReapNeverUsed is positive and that old.
	ReapInterval  time.Duration
	ReapPerMinute int
	ReapNeverUsed time.Duration
}

// Member is one server's state machine. It is not safe for concurrent use.
type Member struct {
	cfg     Config
	ids     *session.Generator
	tracker *session.Table
	prep    *prep.Prep

	proposed  proto.Zxid // the newest zxid given out
	committed proto.Zxid
	reap      reaper
}

// New returns a member whose history ends at last and which knows the sessions (id to
// timeout in milliseconds). They have their full timeout from now on.
func New(cfg Config, policy *auth.Policy, last proto.Zxid, sessions map[proto.SessionID]int32, now, wall int64) *Member {
	m := &Member{
		cfg: cfg, proposed: last, committed: last,
		ids:     session.NewGenerator(cfg.ServerID, wall),
		tracker: session.New(cfg.Tick),
		reap:    reaper{next: now + cfg.ReapInterval.Milliseconds()},
	}
	m.prep = prep.New(cfg.Prep, policy, tracked{m.tracker})
	for id, timeout := range sessions {
		m.tracker.Touch(id, timeout, now)
	}
	return m
}

// tracked is the tracker as prep sees it.
type tracked struct{ *session.Table }

// Check lets the server itself (session 0) write, and every session that is known and
// not closing.
func (t tracked) Check(id proto.SessionID, _ bool) proto.Error {
	switch {
	case id == 0:
		return proto.OK
	case !t.Known(id):
		return proto.UnknownSession
	case t.Closing(id):
		return proto.SessionExpired
	}
	return proto.OK
}

// NewSession begins a session with the timeout in milliseconds and returns its id. It
// exists for others once the transaction of the createSession request that must follow
// is applied.
func (m *Member) NewSession(timeout int32, now int64) proto.SessionID {
	id := m.ids.Next()
	m.tracker.Touch(id, timeout, now)
	return id
}

// Resume says whether the session can be taken over by another connection, with the
// timeout in milliseconds, and touches it.
func (m *Member) Resume(id proto.SessionID, timeout int32, now int64) bool {
	if !m.tracker.Known(id) || m.tracker.Closing(id) {
		return false
	}
	m.tracker.Touch(id, timeout, now)
	return true
}

// Alive says whether requests of the session enter the order of writes: those of a
// session that is unknown or closing are dropped.
func (m *Member) Alive(id proto.SessionID) bool {
	return id == 0 || m.tracker.Known(id) && !m.tracker.Closing(id)
}

// Propose gives the write the next zxid and returns its transaction, which the caller
// must make durable before anything else may depend on it. t is the applied tree.
func (m *Member) Propose(t *tree.Tree, r *prep.Request, wall int64) txn.Txn {
	m.proposed++
	x := m.prep.Prepare(t, r, m.proposed, wall)
	if x.Type == proto.OpCloseSession {
		m.tracker.Close(r.Session)
	}
	return x
}

// Durable says that the log holds everything up to zxid, and returns up to where that
// commits.
func (m *Member) Durable(zxid proto.Zxid) proto.Zxid {
	m.committed = max(m.committed, zxid)
	return m.committed
}

// Applied says that the tree holds everything up to zxid.
func (m *Member) Applied(zxid proto.Zxid) { m.prep.Applied(zxid) }

// Closed forgets a session whose closing is applied.
func (m *Member) Closed(id proto.SessionID) { m.tracker.Remove(id) }

// Outstanding returns how many transactions are not committed.
func (m *Member) Outstanding() int { return int(m.proposed - m.committed) }

// Sessions returns the tracker, for reports.
func (m *Member) Sessions() *session.Table { return m.tracker }

// Expire returns the writes that close the sessions whose time is up. heard tells when
// a session was last heard and the timeout that holds for it, both in milliseconds; the
// tracker learns it only here, when a session's bucket is due.
func (m *Member) Expire(heard func(proto.SessionID) (int64, int32, bool), now int64) []prep.Request {
	var writes []prep.Request
	for _, id := range m.tracker.Due(now) {
		if at, timeout, ok := heard(id); ok {
			if m.tracker.Touch(id, timeout, at) > now {
				continue
			}
		}
		writes = append(writes, prep.Request{Session: id, Op: proto.OpCloseSession})
	}
	return writes
}

// Reap returns the writes that delete containers and nodes with a TTL whose time is up.
func (m *Member) Reap(t *tree.Tree, now, wall int64) []prep.Request {
	var writes []prep.Request
	for _, path := range m.reap.due(&m.cfg, t, now, wall) {
		writes = append(writes, prep.Request{Op: proto.OpDeleteContainer, Body: jute.AppendString(nil, path)})
	}
	return writes
}
