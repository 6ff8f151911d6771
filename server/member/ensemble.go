package member

import (
	"errors"
	"fmt"

	"gokeeper/server/election"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/session"
	"gokeeper/server/zab"
)

// Action is one thing that a member wants done: one of those below, or of zab or
// election. Actions are carried out in their order, each completely before the next
// begins; see zab for the two that go on in the background.
type Action any

// The actions that are neither zab's nor election's.
type (
	// Lead opens the quorum port; each learner that connects gets a link.
	Lead struct{}
	// Follow connects to the leader.
	Follow struct {
		Link   zab.LinkID
		Leader quorum.Member
	}
	// Left ends the role: clients are dropped, the links closed, what is being logged is
	// finished and applied, committed or not, since the next vote stands for it. Partial
	// says that the database is incomplete and must be loaded from disk. Look follows.
	Left struct {
		Reason  error
		Partial bool
	}
	// ReadOnly begins or ends to serve reads without a leader. The end drops all clients.
	ReadOnly struct{ On bool }
	// Write is a write that came from a learner.
	Write struct {
		Link    zab.LinkID
		Request prep.Request
	}
	// Synced answers the oldest sync that was forwarded, once what was committed before is
	// applied.
	Synced struct{}
	// Revalidated answers whether the session may go on here, in the same manner.
	Revalidated struct {
		Session proto.SessionID
		Valid   bool
	}
	// Moved says that a session goes on at a learner, and through none of the leader's own
	// connections any more.
	Moved struct{ Session proto.SessionID }
)

// ErrUnreachable says that the elected leader did not answer.
var ErrUnreachable = errors.New("the elected leader cannot be reached")

func (m *Member) do(a Action) { m.actions = append(m.actions, a) }

// Actions returns what is to be done since the last call.
func (m *Member) Actions() []Action {
	list := m.actions
	m.actions = nil
	return list
}

// collect takes over what the machines want done.
func (m *Member) collect(now int64) {
	if m.elect == nil {
		return
	}
	for list := m.elect.Actions(); len(list) > 0; list = m.elect.Actions() {
		for _, a := range list {
			switch a := a.(type) {
			case election.Elected:
				m.elected(a, now)
				continue
			case election.Adopt:
				m.adopt(a.Config)
				continue
			case election.Bootstrap:
				m.state.Last = 0
			}
			m.do(a)
		}
	}
	if m.leader != nil {
		m.take(m.leader.Actions(), now)
	}
	if m.learner != nil {
		m.take(m.learner.Actions(), now)
	}
}

// take passes on the actions of the zab machine, and notes what they mean here.
func (m *Member) take(actions []zab.Action, now int64) {
	for _, a := range actions {
		switch a := a.(type) {
		case zab.Stop:
			m.left(a.Reason)
			return
		case zab.StoreAccepted:
			m.state.Accepted = a.Epoch
		case zab.StoreCurrent:
			m.state.Current = a.Epoch
		case zab.Install:
			m.state.Last, m.tail = a.Zxid, nil
			m.history.Reset(a.Zxid)
		case zab.Truncate:
			m.state.Last, m.tail = a.Zxid, nil
		case zab.Apply:
			m.advance(a.Entries)
			m.commit(m.state.Last)
		case zab.Log:
			m.advance(a.Entries)
		case zab.Decided:
			m.commit(a.Zxid)
		case zab.Seen:
			m.see(a.Config)
			continue
		case zab.Activate:
			if m.activate(a); m.role == Looking {
				return
			}
			continue
		case zab.Received:
			m.received(a.Link, a.Packet, now)
			continue
		case zab.Answered:
			m.answered(a.Packet)
			continue
		}
		m.do(a)
	}
}

// advance notes transactions that go to the log.
func (m *Member) advance(entries []zab.Entry) {
	m.tail = append(m.tail, entries...)
	m.state.Last = max(m.state.Last, entries[len(entries)-1].Zxid)
}

// commit moves transactions into the window from which learners are brought up.
func (m *Member) commit(zxid proto.Zxid) {
	n := 0
	for n < len(m.tail) && m.tail[n].Zxid <= zxid {
		m.history.Add(m.tail[n])
		n++
	}
	if m.tail = m.tail[n:]; len(m.tail) == 0 {
		m.tail = nil
	}
}

// elected begins the role that the election gave.
func (m *Member) elected(e election.Elected, now int64) {
	m.tail = nil
	if m.readOnly {
		m.readOnly = false
		m.locals = session.New(m.cfg.Tick)
		m.do(ReadOnly{false})
	}
	cfg := m.cfg.Ensemble
	m.since = now
	if e.State == election.Leading {
		m.role = Leading
		m.do(Lead{})
		m.leader = zab.Lead(zab.LeaderConfig{
			Self: cfg.Self, Quorum: m.quorum, LastSeen: m.seen, Reconfig: cfg.Reconfig, Accepted: m.state.Accepted, Current: m.state.Current, Last: m.state.Last,
			Tick: m.cfg.Tick, InitLimit: cfg.InitLimit, SyncLimit: cfg.SyncLimit,
			DiskSync: cfg.DiskSync, ForceSnap: cfg.ForceSnap, MaxSnaps: cfg.MaxSnaps, MaxDiffs: cfg.MaxDiffs,
			History: m.history,
		}, now)
		return
	}
	m.role = Following
	if e.State == election.Observing {
		m.role = Observing
	}
	m.chosen = e.Vote.Leader
	m.uplink-- // a transport counts up
	leader, ok := m.quorum.Member(m.chosen)
	if !ok && m.seen != nil {
		leader, ok = m.seen.Member(m.chosen)
	}
	if !ok {
		m.left(fmt.Errorf("server %v leads: %w", m.chosen, ErrUnreachable))
		return
	}
	m.do(Follow{m.uplink, leader})
}

// left ends the role.
func (m *Member) left(reason error) {
	partial := m.learner != nil && m.learner.Partial()
	for _, e := range m.tail {
		m.history.Add(e) // all of the log is history for the next leader
	}
	m.role, m.serving, m.leader, m.learner, m.order, m.tail = Looking, false, nil, nil, nil, nil
	m.locals = session.New(m.cfg.Tick)
	m.do(Left{reason, partial})
}

// Look begins a new election: the role has ended, and the tree ends with last. recent is
// given when the database was loaded anew.
func (m *Member) Look(last proto.Zxid, recent []zab.Entry, now int64) {
	if m.state.Last != -1 || last != 0 {
		m.state.Last = last
	}
	m.history.Applied(last)
	if recent != nil {
		m.remember(recent)
	}
	m.since = now
	if !m.succeed(now) {
		m.elect.Look(m.state.Last, m.state.Current, now)
	}
	m.collect(now)
}

// Reloaded says that the database was loaded anew, as Truncate asks for.
func (m *Member) Reloaded(recent []zab.Entry) { m.remember(recent) }

// Opened answers zab.Serve: everything decided is in the tree, which knows the sessions
// (id to timeout in milliseconds). From now on clients are served.
func (m *Member) Opened(epoch int64, sessions map[proto.SessionID]int32, now int64) {
	m.serving = true
	m.elect.Established(epoch)
	if m.leader != nil {
		m.order = newOrder(&m.cfg, m.policy, m.leader.Proposed(), sessions, m.stranger, now)
		m.order.prep.Lead(ensemble{m})
	}
}

// Notified takes in a notification of another server's election, or of the own.
func (m *Member) Notified(from quorum.ServerID, n election.Notification, now int64) {
	m.elect.Step(from, n, now)
	m.collect(now)
}

// Connected says that a learner has opened a link, or that the uplink is open.
func (m *Member) Connected(link zab.LinkID, now int64) {
	switch {
	case m.leader != nil:
		m.leader.Connected(link, now)
	case m.follows(link) && m.learner == nil:
		cfg := m.cfg.Ensemble
		m.learner = zab.Learn(zab.LearnerConfig{
			Self: cfg.Self, Observer: m.role == Observing, Accepted: m.state.Accepted, Current: m.state.Current,
			Last: m.state.Last, ConfigVersion: m.quorum.Version,
		})
	}
	m.collect(now)
}

func (m *Member) follows(link zab.LinkID) bool {
	return (m.role == Following || m.role == Observing) && link == m.uplink
}

// Received takes in packets that came over a link.
func (m *Member) Received(link zab.LinkID, packets []zab.Packet, now int64) {
	for i, p := range packets {
		switch {
		case isAck(p) && i+1 < len(packets) && isAck(packets[i+1]):
			// the next one stands for it
		case m.leader != nil:
			m.leader.Step(link, p, now)
		case m.learner != nil && m.follows(link):
			m.learner.Step(p)
		default:
			return
		}
		m.collect(now)
	}
}

// isAck says that a packet acknowledges a proposal, and all before it.
func isAck(p zab.Packet) bool { return p.Type == zab.Ack && p.Zxid.Counter() != 0 }

// Gone says that a link has ended, or could not be opened.
func (m *Member) Gone(link zab.LinkID, err error, now int64) {
	switch {
	case m.leader != nil:
		m.leader.Gone(link)
	case m.follows(link):
		m.left(err)
	}
	m.collect(now)
}

// Progress says that a learner takes in what Bring sends.
func (m *Member) Progress(link zab.LinkID, now int64) {
	if m.leader != nil {
		m.leader.Progress(link, now)
	}
}

// Saved says that the snapshot that Save asked for is written.
func (m *Member) Saved(now int64) {
	if m.learner != nil {
		m.learner.Saved()
	}
	m.collect(now)
}

// Failed ends the role: an action could not be carried out.
func (m *Member) Failed(reason error) {
	if m.role != Looking {
		m.left(reason)
	}
}

// Reach says to which servers a link of the election leads, while a leader is looked for.
func (m *Member) Reach(linked quorum.Set, now int64) {
	if m.role == Looking && m.elect != nil {
		m.elect.Reach(linked, now)
		m.collect(now)
	}
}

// Tick does what is due.
func (m *Member) Tick(now int64) {
	if m.elect == nil {
		return
	}
	m.elect.Tick(now)
	if m.leader != nil {
		m.leader.Tick(now)
	}
	if m.deserted(now) {
		m.left(zab.ErrNoQuorum)
	}
	if m.cfg.Ensemble.ReadOnly && m.role == Looking && !m.readOnly && now-m.since >= max(readOnlyWait, m.cfg.Tick.Milliseconds()) {
		m.readOnly = true
		m.do(ReadOnly{true})
	}
	m.collect(now)
}

// deserted says that a leader waits in vain for those who elected it.
func (m *Member) deserted(now int64) bool {
	limit := m.cfg.Ensemble.MaxEpochWait.Milliseconds()
	return limit > 0 && m.leader != nil && m.leader.Discovering() && now-m.since >= limit && m.elect.Deserted()
}

// Settling says that an election is about to end.
func (m *Member) Settling() bool { return m.role == Looking && m.elect != nil && m.elect.Settling() }

// readOnlyWait is how long a server at least looks for a leader before it serves reads,
// in milliseconds.
const readOnlyWait = 2000

// Deadline returns when Tick is due while a leader is looked for. In other roles it is
// to be called several times a tick.
func (m *Member) Deadline() (at int64, ok bool) {
	if m.elect == nil || m.role != Looking {
		return 0, false
	}
	return m.elect.Deadline()
}

// Restored says that the database was replaced by a snapshot with these sessions (id to
// timeout in milliseconds). A standalone server goes on behind the zxid, a leader behind
// what it has proposed.
func (m *Member) Restored(zxid proto.Zxid, sessions map[proto.SessionID]int32, now int64) {
	if m.order == nil {
		return
	}
	if m.leader != nil {
		zxid = m.leader.Proposed()
	}
	m.order = newOrder(&m.cfg, m.policy, zxid, sessions, m.stranger, now)
	if m.leader != nil {
		m.order.prep.Lead(ensemble{m})
	}
}

// LearnerID returns which server is at the other end of a leader's link.
func (m *Member) LearnerID(link zab.LinkID) (quorum.ServerID, bool) {
	if m.leader == nil {
		return 0, false
	}
	return m.leader.Server(link)
}

// Followers returns the learners of a leader, by server; none in other roles.
func (m *Member) Followers() []zab.Follower {
	if m.leader == nil {
		return nil
	}
	return m.leader.Followers()
}

// Learners counts who is connected to a leader.
type Learners struct {
	Connected int
	Followers int // synchronised voters
	NonVoting int // synchronised followers that do not vote
	Observers int // synchronised
	Syncs     int // of clients, that wait for a commit
}

// Learners returns how many learners a leader has; zero in other roles.
func (m *Member) Learners() Learners {
	var n Learners
	if m.leader == nil {
		return n
	}
	n.Syncs = m.leader.PendingSyncs()
	for _, f := range m.leader.Followers() {
		n.Connected++
		switch {
		case !f.Synced:
		case f.Observer:
			n.Observers++
		case f.Voter:
			n.Followers++
		default:
			n.NonVoting++
		}
	}
	return n
}
