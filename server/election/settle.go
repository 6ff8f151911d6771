package election

import (
	"slices"

	"gokeeper/server/quorum"
)

// short is the silence in milliseconds before an agreement is final when those who have
// not agreed cannot be reached anyway.
const short = 10

// settle finds out whether there is an agreement, and lets the time run that makes it
// final.
func (e *Election) settle() {
	if !e.running {
		return
	}
	agree := e.supporters()
	e.settling = e.own.Zxid != empty && e.isQuorum(agree)
	if !e.settling {
		return
	}
	e.settleAt = e.now + e.wait.final
	switch {
	case e.all(agree.Has):
		e.elect(e.vote, agree) // nobody is left who could say anything better
	case e.replaces(agree):
		e.settleAt = e.now + min(short, e.wait.final)
	}
}

// all says whether something holds for all voters but this server.
func (e *Election) all(holds func(quorum.ServerID) bool) bool {
	return !slices.ContainsFunc(e.voters, func(id quorum.ServerID) bool { return id != e.cfg.Self && !holds(id) })
}

// replaces says that there was a leader before, and that no link leads to those who do
// not agree: they are gone with it. Java waits for them. At the first start there is
// time for all to come.
func (e *Election) replaces(agree quorum.Set) bool {
	return e.rounds > 0 && e.all(func(id quorum.ServerID) bool { return agree.Has(id) || !e.reach.Has(id) })
}

// Reach says to which servers a link leads now.
func (e *Election) Reach(linked quorum.Set, now int64) {
	e.now, e.reach = now, linked
	if e.running && e.settling && e.replaces(e.supporters()) {
		e.settleAt = min(e.settleAt, now+min(short, e.wait.final))
	}
}

// noteBlank collects which voters have never followed a leader while this server has no
// history that it may trust. Once that is so for all, nothing can be lost: it votes. Who
// looks names the best history that it has heard of, so its own is no better. One of
// epoch 0 was made by a standalone server, which is about to become an ensemble.
func (e *Election) noteBlank(from quorum.ServerID, n *Notification) (begun bool) {
	if e.last != empty || e.epoch != 0 || e.cfg.NoBootstrap {
		return false
	}
	e.blank.Remove(from)
	if n.State == Looking && n.Vote.Epoch <= 0 && n.Vote.Zxid.Epoch() <= 0 {
		e.blank.Add(from)
	}
	return e.bootstrap()
}

// bootstrap begins an empty history if no voter has ever followed a leader.
func (e *Election) bootstrap() bool {
	if e.last != empty || e.epoch != 0 || e.cfg.NoBootstrap || !e.isVoter(e.cfg.Self) || !e.all(e.blank.Has) {
		return false
	}
	e.last = 0
	e.do(Bootstrap{})
	e.begin()
	return true
}
