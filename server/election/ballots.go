package election

import (
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

// empty is the last zxid of a server whose data is empty and not trusted.
const empty proto.Zxid = -1

// ballot is what a server said last.
type ballot struct {
	state State
	vote  Vote
	old   bool // version 0: it may not know the epoch of its leader
}

func (n *Notification) ballot() ballot { return ballot{n.State, n.Vote, n.Version < 1} }

// ballots holds the last word of each server.
type ballots map[quorum.ServerID]ballot

// agreeing returns the servers whose ballots are the same as b.
func (bs ballots) agreeing(b ballot, same func(a, b ballot) bool) quorum.Set {
	var set quorum.Set
	for id, x := range bs {
		if same(x, b) {
			set.Add(id)
		}
	}
	return set
}

// sameInRound compares ballots of one round, where a leader is elected once only: among
// those who have decided its name is enough.
func sameInRound(a, b ballot) bool {
	if a.state == Looking || b.state == Looking {
		return a.vote == b.vote
	}
	return a.vote.Leader == b.vote.Leader
}

// same compares ballots of those who have decided, in whatever round. Servers of old
// releases name another epoch than newer ones for the same leader.
func same(a, b ballot) bool {
	return a.vote.Leader == b.vote.Leader && (a.vote.Epoch == b.vote.Epoch || a.old != b.old)
}

// isBetter says that a is the better vote, and may be elected.
func (e *Election) isBetter(a, b Vote) bool {
	switch {
	case e.cfg.Quorum.Weight(a.Leader) == 0:
		return false
	case a.Epoch != b.Epoch:
		return a.Epoch > b.Epoch
	case a.Zxid != b.Zxid:
		return a.Zxid > b.Zxid
	}
	return a.Leader > b.Leader
}

// isQuorum says that the servers are a quorum of the committed configuration, and of the
// last seen one while that is newer.
func (e *Election) isQuorum(set quorum.Set) bool {
	return e.cfg.Quorum.HasQuorum(set) && (e.cfg.LastSeen == nil || e.cfg.LastSeen.HasQuorum(set))
}

// isFollowing says that the servers, all of which have decided, are enough to join them. A
// configuration that this server alone has seen proposed must not keep it away: nobody may
// ever commit it. If it was committed, then by servers that are in a later epoch, and this
// one, which has accepted that, turns away from who leads in an earlier. Java asks for a
// quorum of both, and its servers may wait there for ever.
func (e *Election) isFollowing(set quorum.Set, v Vote) bool {
	return e.cfg.Quorum.HasQuorum(set) && (v.Leader != e.cfg.Self || e.isQuorum(set))
}

// isLed says that the leader of the vote leads by its own word. The word of others may
// be about a leader that is gone.
func (e *Election) isLed(bs ballots, v Vote) bool {
	if v.Leader == e.cfg.Self {
		return v.Round == e.clock
	}
	return bs[v.Leader].state == Leading // the zero ballot is LOOKING
}
