package member

import (
	"errors"

	"gokeeper/server/election"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/zab"
)

// A server knows two configurations of its ensemble: the one that is committed, and the
// one that it has seen last, if that is newer and not known to be committed. Elections,
// a new leader and what is proposed behind a reconfiguration need a quorum of both.
//
//	proposed          Seen: the last seen one, durable before the acknowledgement
//	committed         Activate: everywhere, with the server that leads from now on
//	at an election    Adopt: somebody has a newer committed one
//
// Who gets another role or leader by it leaves the role that it has, and takes up the
// new one at once where the leader is designated.
//
// Java: QuorumPeer.processReconfig.

// The actions of a reconfiguration.
type (
	// See makes a configuration durable as the one that was seen last.
	See struct{ Config quorum.Config }
	// Configure makes a configuration the committed one, durably, before anything is said
	// that rests on it. Seen is the one that was seen last, nil if it is not newer.
	Configure struct {
		Config quorum.Config
		Seen   *quorum.Config
	}
)

// ErrReconfigured says that the ensemble has a new configuration, in which the server's
// role or leader is another.
var ErrReconfigured = errors.New("the ensemble was reconfigured")

// succession is the role that a server takes up without an election.
type succession struct {
	leader quorum.ServerID
	zxid   proto.Zxid
}

// Quorum returns the committed configuration.
func (m *Member) Quorum() quorum.Config { return m.quorum }

// localised adds the own client address of the configuration file, which no text of a
// configuration shows, so that it counts as no change.
func (m *Member) localised(c quorum.Config) quorum.Config {
	self := m.cfg.Ensemble.Self
	if own, ok := m.cfg.Ensemble.Quorum.Member(self); ok && own.ClientFromStatic {
		return c.WithClient(self, own.Client)
	}
	return c
}

// see notes the configuration that was seen last.
func (m *Member) see(c quorum.Config) {
	last := m.quorum.Version
	if m.seen != nil {
		last = m.seen.Version
	}
	if !m.cfg.Ensemble.Reconfig || c.Version == last {
		return
	}
	if m.seen = nil; c.Version > m.quorum.Version {
		c = m.localised(c)
		m.seen = &c
	}
	m.elect.SetConfig(m.quorum, m.seen)
	m.do(See{c})
}

// Recall notes the configuration that the newest reconfiguration in the history made,
// which the tree has. The files do not always know it: they may not be writable, the
// power may have failed between two of them, and a leader without the proposal in its
// history may have overwritten what they had seen while the log still held it. Look
// follows.
func (m *Member) Recall(c quorum.Config) {
	if m.elect != nil && c.Version > m.quorum.Version && (m.seen == nil || c.Version > m.seen.Version) {
		m.see(c)
	}
}

// install makes the configuration the committed one, and returns the one before. It
// returns false when it is not newer.
func (m *Member) install(c quorum.Config) (before quorum.Config, ok bool) {
	if !m.cfg.Ensemble.Reconfig || c.Version <= m.quorum.Version {
		return quorum.Config{}, false
	}
	before, m.quorum = m.quorum, m.localised(c)
	if m.seen != nil && m.seen.Version <= c.Version {
		m.seen = nil
	}
	m.do(Configure{m.quorum, m.seen})
	m.elect.SetConfig(m.quorum, m.seen)
	return before, true
}

// adopt takes over a committed configuration that another server has.
func (m *Member) adopt(text string) {
	if c, err := quorum.Parse(text); err == nil {
		m.install(c)
	}
}

// activate makes a configuration the committed one, and ends the role if it, or the
// leader, is another in it. A leader goes on until its followers have left.
func (m *Member) activate(a zab.Activate) {
	before, ok := m.install(a.Config)
	if !ok || before.Equal(m.quorum) {
		return
	}
	self := m.cfg.Ensemble.Self
	if m.role == Leading {
		if a.Designated && a.Leader != self {
			m.succession = &succession{a.Leader, a.Zxid}
		}
		return
	}
	other := (m.role == Observing) != m.quorum.IsObserver(self)
	if a.Designated {
		other = other || a.Leader != m.chosen
		m.succession = &succession{a.Leader, a.Zxid}
	} else {
		other = other || !sameVoter(before, m.quorum, m.chosen)
	}
	if !other {
		m.succession = nil
		return
	}
	m.left(ErrReconfigured)
}

// sameVoter says that the server votes in both configurations, at the same address.
func sameVoter(a, b quorum.Config, id quorum.ServerID) bool {
	before, _ := a.Member(id)
	now, _ := b.Member(id)
	return a.IsVoter(id) && b.IsVoter(id) && before.Equal(now)
}

// succeed takes up the role that a reconfiguration gave. It returns false when there is
// none.
func (m *Member) succeed(now int64) bool {
	s := m.succession
	m.succession = nil
	if s == nil {
		return false
	}
	state := election.Following
	switch self := m.cfg.Ensemble.Self; {
	case s.leader == self:
		state = election.Leading
	case m.quorum.IsObserver(self):
		state = election.Observing
	}
	m.elect.Designate(state, s.leader, s.zxid)
	m.elected(election.Elected{State: state, Vote: election.Vote{Leader: s.leader}}, now)
	return true
}

// ensemble is the membership as prep sees it.
type ensemble struct{ m *Member }

// Configs implements prep.Membership.
func (e ensemble) Configs() (committed, seen quorum.Config) {
	if e.m.seen != nil {
		return e.m.quorum, *e.m.seen
	}
	return e.m.quorum, e.m.quorum
}

// Synced implements prep.Membership.
func (e ensemble) Synced(c quorum.Config) bool { return e.m.leader.Synced(c) }
