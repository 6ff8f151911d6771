package zab_test

import (
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/zab"
)

func zxidOf(n int) proto.Zxid { return proto.Zxid(n) }

// agree checks what a server takes for committed against what was ever committed: one
// must begin like the other, and more than before is committed only when a quorum holds it
// durably. (A leader that fails right after it has sent COMMIT does not know it itself.)
// A leader that begins has everything.
func (w *simWorld) agree(n *simNode, committed []zab.Entry) {
	for i := range min(len(committed), len(w.committed)) {
		if !sameEntry(committed[i], w.committed[i]) {
			w.fail("server %v commits %s where %s was committed\n%s\n%s", n.id, show(committed[i].Zxid), show(w.committed[i].Zxid),
				showEntries(committed), showEntries(w.committed))
			return
		}
	}
	switch {
	case n.leader != nil && len(committed) < len(w.committed) && !w.outlived(n):
		w.fail("leader %v has lost all behind %s", n.id, show(w.committed[len(committed)].Zxid))
	case len(committed) <= len(w.committed):
	default:
		first := len(w.committed)
		w.committed = append(w.committed, committed[first:]...)
		w.durable(n, first)
	}
}

// outlived says whether a later epoch than the leader's is established: it may not know
// what that commits.
func (w *simWorld) outlived(n *simNode) bool {
	for epoch := range w.established {
		if epoch > n.leader.Epoch() {
			return true
		}
	}
	return false
}

// durable checks that quorums would still have what the server has just taken for
// committed, from the first on, if the power failed now: of the configuration that holds
// for each transaction, and of the one before for a reconfiguration itself.
func (w *simWorld) durable(n *simNode, first int) {
	for i := first; i < len(w.committed); i++ {
		var set quorum.Set
		for _, x := range w.nodes {
			h := x.disk.history(x.disk.synced)
			if len(h) > i && sameEntry(h[i], w.committed[i]) {
				set.Add(x.id)
			}
		}
		z := w.committed[i].Zxid
		ok := w.governing(z - 1).HasQuorum(set)
		if next, reconfigured := configOf(w.committed[i]); reconfigured {
			ok = ok && (!w.reconfig || next.HasQuorum(set))
		}
		if !ok {
			w.fail("server %v commits %s, which only %v have durably", n.id, show(z), set)
			return
		}
	}
}

// governing returns the configuration that decides what comes behind the zxid.
func (w *simWorld) governing(z proto.Zxid) quorum.Config {
	c := w.configs[0]
	consider := func(x quorum.Config) {
		if x.Version <= int64(z) && x.Version >= c.Version {
			c = x
		}
	}
	for _, x := range w.configs {
		consider(x)
	}
	for _, e := range w.committed {
		if x, ok := configOf(e); ok && w.reconfig {
			consider(x)
		}
	}
	return c
}

// settle starts every server, breaks nothing more, and wants all of them to follow one
// leader and to commit something new.
func (w *simWorld) settle() {
	w.crashes = 0
	w.drops = 1 << 30
	for _, n := range w.nodes {
		w.restart(n)
	}
	var goal zab.Entry
	for round := 0; w.failure == ""; round++ {
		if round > 300 {
			w.fail("no rest after %d rounds", round)
			return
		}
		w.round(round)
		leader := w.oneLeader()
		switch {
		case leader == nil:
		case goal.Raw == nil:
			w.propose(leader)
			goal = leader.hist[len(leader.hist)-1]
		case w.allHave(goal):
			return
		case round%100 == 0:
			goal = zab.Entry{} // lost with a leader that was not the last
		}
	}
}

// round lets everything that waits happen.
func (w *simWorld) round(round int) {
	for range 40 {
		w.deliver()
	}
	for _, n := range w.nodes {
		n.sync()
		n.apply()
		w.saved(n)
		w.connect(n)
	}
	leading := false
	for _, n := range w.nodes {
		if n.leader != nil && round%60 == 59 {
			// others may have accepted a later epoch, of an election that came to nothing:
			// like in Java, they cannot follow before there is another leader
			n.leave()
		}
		leading = leading || n.leader != nil
	}
	if !leading {
		w.elect(true)
	}
	for _, n := range w.nodes {
		w.join(n)
	}
	if round%5 == 0 {
		w.tick()
	}
}

// oneLeader returns the leader that all others follow and whose epoch is established.
func (w *simWorld) oneLeader() *simNode {
	var leader *simNode
	for _, n := range w.nodes {
		switch {
		case !n.serving, n.leader != nil && leader != nil:
			return nil
		case n.leader != nil:
			leader = n
		}
	}
	return leader
}

func (w *simWorld) allHave(e zab.Entry) bool {
	for _, n := range w.nodes {
		if n.decided == 0 || !sameEntry(n.hist[n.decided-1], e) {
			return false
		}
	}
	return true
}
