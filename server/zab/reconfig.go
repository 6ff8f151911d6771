package zab

import (
	"slices"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

// header is the length of what begins a transaction: long client, int cxid, long zxid,
// long time, int type.
const header = 32

// reconfiguration returns the configuration that the transaction of a reconfiguration
// proposes. It is quick about all others.
func (e *Entry) reconfiguration() (quorum.Config, bool) {
	if len(e.Raw) < header || proto.Op(jute.NewDecoder(e.Raw[header-4:]).Int()) != proto.OpReconfig {
		return quorum.Config{}, false
	}
	d := jute.NewDecoder(e.Raw[header:])
	_ = d.Buffer() // path
	text := d.Buffer()
	if d.Err() != nil {
		return quorum.Config{}, false
	}
	c, err := quorum.Parse(string(text))
	return c, err == nil
}

// A leader has, besides the committed configuration, at most one that is proposed: by the
// transaction from, or by the leader before it, in whose place it must complete that one;
// then from is 0. Everything from there on needs a quorum of both.
type proposedConfig struct {
	config quorum.Config
	from   proto.Zxid
}

// hasQuorum says whether the servers are a quorum of the committed configuration, and of
// the proposed one.
func (l *Leader) hasQuorum(set quorum.Set) bool {
	return l.cfg.Quorum.HasQuorum(set) && (l.next == nil || l.next.config.HasQuorum(set))
}

// propose makes a configuration the one that was seen last.
func (l *Leader) proposeConfig(c quorum.Config, from proto.Zxid) {
	l.next = &proposedConfig{c, from}
	l.do(Seen{c})
}

// agreeOnVersion gives the members that the first leader finds in its file, as all others
// do, a version, so that they win over what is in the file of a server that wants to
// join. Java: Leader.lead, ZOOKEEPER-1783.
func (l *Leader) agreeOnVersion() {
	if l.cfg.Reconfig && l.cfg.Quorum.Version == 0 && l.next == nil {
		l.proposeConfig(l.cfg.Quorum.WithVersion(int64(l.start())), 0)
	}
}

// inherited completes what an earlier leader proposed, or the agreement on a version,
// before anything else is proposed. A leader that is none in the new configuration goes
// as soon as the others do.
func (l *Leader) inherited() {
	if l.next == nil {
		return
	}
	stays := l.stays(&l.next.config)
	l.activate(Activate{Config: l.next.config, Zxid: l.start(), Leader: l.cfg.Self, Designated: stays})
}

// stays says that this server is a voter of the new configuration at its old address.
func (l *Leader) stays(c *quorum.Config) bool {
	old, listed := l.cfg.Quorum.Member(l.cfg.Self)
	m, ok := c.Member(l.cfg.Self)
	return ok && m.Role == quorum.Participant && (!listed || sameQuorumAddress(old, m))
}

func sameQuorumAddress(a, b quorum.Member) bool {
	return slices.EqualFunc(a.Addresses, b.Addresses, func(a, b quorum.Address) bool { return a.Quorum() == b.Quorum() })
}

// activate makes the proposed configuration the committed one.
func (l *Leader) activate(a Activate) {
	l.cfg.Quorum, l.next = a.Config, nil
	l.retired = !a.Designated || a.Leader != l.cfg.Self
	l.do(a)
}

// commitConfig commits the reconfiguration that is outstanding, at the head, and names
// who leads from now on. A leader that is not it commits nothing any more.
func (l *Leader) commitConfig() {
	e, next := l.outstanding[0], l.next.config
	leader := l.cfg.Self
	if !l.stays(&next) {
		leader = l.heir(&next, e.Zxid)
	}
	l.cfg.History.Add(e)
	l.outstanding = l.outstanding[1:]
	l.committed = e.Zxid
	designated := jute.AppendLong(nil, int64(leader))
	if to := l.to(func(f *learner) bool { return f.state >= bringing && !f.observer }); len(to) > 0 {
		l.do(Send{to, []Packet{{Type: CommitAndActivate, Zxid: e.Zxid, Data: designated}}})
	}
	if to := l.to(func(f *learner) bool { return f.state >= bringing && f.observer }); len(to) > 0 {
		l.do(Send{to, []Packet{{Type: InformAndActivate, Zxid: e.Zxid, Data: append(designated, e.Raw...)}}})
	}
	l.do(Decided{e.Zxid})
	l.activate(Activate{Config: next, Zxid: e.Zxid, Leader: leader, Designated: true})
}

// heir returns the voter of the new configuration that has acknowledged the
// reconfiguration and, of what follows it, the most: there must be one.
func (l *Leader) heir(c *quorum.Config, zxid proto.Zxid) quorum.ServerID {
	var best *learner
	for _, link := range l.links() {
		f := l.learners[link]
		if !f.counts() || f.acked < zxid || !c.IsVoter(f.server) || f.server == l.cfg.Self {
			continue
		}
		if best == nil || f.acked > best.acked {
			best = f
		}
	}
	if best == nil { // the quorum consists of this server alone, at another address
		return l.cfg.Self
	}
	return best.server
}

// Synced says whether this server and the followers that are up to date and were heard
// in time are a quorum of the configuration. Observers do not count, nor who is still
// connected as a follower and has become one: it would not count for the proposal once
// it has noticed, and with the leader gone nobody could complete it.
func (l *Leader) Synced(c quorum.Config) bool {
	set := quorum.Set{l.cfg.Self}
	for _, f := range l.learners {
		if !f.observer && f.state >= acked && f.deadline >= l.tick && !l.cfg.Quorum.IsObserver(f.server) {
			set.Add(f.server)
		}
	}
	return c.HasQuorum(set)
}

// see notes the configuration of NEWLEADER, which the learner must know before it
// acknowledges.
func (l *Learner) see(text []byte) {
	c, err := quorum.Parse(string(text))
	if err != nil || len(text) == 0 {
		return
	}
	l.config = &c
	// A reconfiguration that is behind the history is the newest of all.
	for i := range l.pending {
		if _, ok := l.pending[i].reconfiguration(); ok && int64(l.pending[i].Zxid) > c.Version {
			return
		}
	}
	l.do(Seen{c})
}

// agreed activates the configuration that came with NEWLEADER: a quorum has it now.
// Java's leaders send one that is merely proposed, too; then its commit is yet to come.
func (l *Learner) agreed() {
	c := l.config
	if c == nil {
		return
	}
	for _, e := range l.pending {
		if int64(e.Zxid) == c.Version && !slices.ContainsFunc(l.commits, func(m committed) bool { return m.zxid == e.Zxid }) {
			return
		}
	}
	l.do(Activate{Config: *c, Zxid: l.last})
}

// committed is a commit that came before UPTODATE.
type committed struct {
	zxid   proto.Zxid
	leader quorum.ServerID
	active bool // COMMITANDACTIVATE or INFORMANDACTIVATE
}

// commitment reads a commit.
func commitment(p Packet) committed {
	c := committed{zxid: p.Zxid}
	if p.Type == CommitAndActivate || p.Type == InformAndActivate {
		d := jute.NewDecoder(p.Data)
		c.leader = quorum.ServerID(d.Long())
		c.active = d.Err() == nil
	}
	return c
}
