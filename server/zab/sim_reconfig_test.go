package zab_test

import (
	"slices"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/zab"
)

// Reconfigurations in the simulation: what a member does about configurations, see there.

// reconfigEntry returns the transaction that proposes the configuration.
func reconfigEntry(c quorum.Config, mark int64) zab.Entry {
	e := entry(proto.Zxid(c.Version), mark)
	raw := jute.AppendInt(e.Raw[:len(e.Raw)-4], int32(proto.OpReconfig))
	raw = jute.AppendString(jute.AppendString(raw, proto.PathConfig), c.String())
	return zab.Entry{Zxid: e.Zxid, Raw: jute.AppendInt(raw, -1)}
}

// configOf returns the configuration that the transaction proposes, if it does that.
func configOf(e zab.Entry) (quorum.Config, bool) {
	if len(e.Raw) <= 32 {
		return quorum.Config{}, false
	}
	d := jute.NewDecoder(e.Raw[32:])
	_ = d.String()
	c, err := quorum.Parse(d.String())
	if err != nil {
		panic(err)
	}
	return c, true
}

// reconfigure lets an established leader propose other members: one joins, leaves, or
// changes its role, or several do.
func (w *simWorld) reconfigure(n *simNode) {
	if !w.reconfig || n.leader == nil || !n.leader.Established() || n.disk.seen != nil {
		return
	}
	var voters, observers []quorum.ServerID
	for _, x := range w.nodes {
		voter, observer := n.disk.config.IsVoter(x.id), n.disk.config.IsObserver(x.id)
		if w.chance(4) {
			voter, observer = w.chance(2), w.chance(3)
		}
		switch {
		case voter:
			voters = append(voters, x.id)
		case observer:
			observers = append(observers, x.id)
		}
	}
	c := ensemble(int64(n.leader.Proposed()+1), voters, observers)
	if len(voters) < 2 || !n.leader.Synced(c) {
		return
	}
	w.mark++
	list := []zab.Entry{reconfigEntry(c, w.mark)}
	w.trace("%v proposes %s: %s", n.id, show(list[0].Zxid), showConfig(c))
	n.append(list)
	n.leader.Propose(list, w.now)
	n.act()
}

// see notes the configuration that was seen last.
func (n *simNode) see(c quorum.Config) {
	d := &n.disk
	if !n.w.reconfig || d.seen != nil && c.Version == d.seen.Version {
		return
	}
	if d.seen = nil; c.Version > d.config.Version {
		d.seen = &c
	}
}

// recall finds the configuration of a reconfiguration that is in the history and not
// known to be committed, whatever the files say: it is what /zookeeper/config has.
func (n *simNode) recall() {
	for _, e := range n.hist {
		if c, ok := configOf(e); ok && (n.disk.seen == nil || c.Version > n.disk.seen.Version) {
			n.see(c)
		}
	}
}

// adopt makes a configuration the committed one, if it is newer.
func (n *simNode) adopt(c quorum.Config) (changed bool) {
	d := &n.disk
	if !n.w.reconfig || c.Version <= d.config.Version {
		return false
	}
	before := d.config
	d.config = c
	if d.seen != nil && d.seen.Version <= c.Version {
		d.seen = nil
	}
	return !before.Equal(c)
}

// activate commits a configuration, and ends the role if it or its leader is another.
func (n *simNode) activate(a zab.Activate) {
	if n.w.reconfig && !slices.ContainsFunc(n.w.configs, func(c quorum.Config) bool { return c.Version == a.Config.Version }) {
		n.w.configs = append(n.w.configs, a.Config)
	}
	before := n.disk.config
	if !n.adopt(a.Config) {
		return
	}
	if n.leader != nil {
		if a.Designated && a.Leader != n.id {
			n.heir = n.w.node(a.Leader)
		}
		return
	}
	if before.IsObserver(n.id) == a.Config.IsObserver(n.id) {
		leader := n.follows.id
		if a.Designated && a.Leader == leader || !a.Designated && before.IsVoter(leader) && a.Config.IsVoter(leader) {
			return
		}
	}
	var heir *simNode
	if a.Designated {
		heir = n.w.node(a.Leader)
	}
	n.leave()
	n.succeed(heir)
}

// succeed takes up the role that a reconfiguration gave, if it gave one.
func (n *simNode) succeed(heir *simNode) {
	switch heir {
	case nil:
	case n:
		n.lead()
	default:
		n.follows = heir
	}
}

func (w *simWorld) node(id quorum.ServerID) *simNode {
	for _, n := range w.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

// quorum says whether the servers are a quorum for this one.
func (n *simNode) quorum(set quorum.Set) bool {
	return n.disk.config.HasQuorum(set) && (n.disk.seen == nil || n.disk.seen.HasQuorum(set))
}

// knows says whether another counts as a voter here.
func (n *simNode) knows(id quorum.ServerID) bool {
	return n.disk.config.IsVoter(id) || n.disk.seen != nil && n.disk.seen.IsVoter(id)
}

// electable returns who would vote for a server, and whether it would win with that.
func electable(n *simNode, among []*simNode) (set quorum.Set, ok bool) {
	for _, x := range among {
		if x.knows(n.id) && !x.disk.config.IsObserver(x.id) && n.knows(x.id) {
			set.Add(x.id)
		}
	}
	return set, set.Has(n.id) && n.disk.config.IsVoter(n.id) && n.quorum(set)
}

// gossip is the election's: who looks for a leader takes over a newer committed
// configuration that it hears of.
func (w *simWorld) gossip(looking []*simNode) {
	for _, n := range looking {
		for _, x := range looking {
			if w.crashes == 0 || !w.chance(4) {
				n.adopt(x.disk.config)
			}
		}
	}
}
