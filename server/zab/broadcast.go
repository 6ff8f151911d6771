package zab

import (
	"fmt"
	"math"
	"slices"

	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

// LastCounter is the last counter of an epoch that is given out: a leader that has
// committed it stops, since there must be another epoch. Java: ZOOKEEPER-1277; its leaders
// stop when they are asked for one more.
const LastCounter = math.MaxUint32 - 1

// Propose sends transactions, whose zxids follow the last one's, to the followers. The
// caller logs them and reports that by Durable.
func (l *Leader) Propose(entries []Entry, now int64) {
	if len(entries) == 0 || l.stopped {
		return
	}
	if l.phase != broadcast {
		panic(fmt.Sprintf("bug: %v proposed before the epoch is established", entries[0].Zxid))
	}
	if l.cfg.Reconfig {
		for i := range entries {
			if c, ok := entries[i].reconfiguration(); ok {
				l.proposeConfig(c, entries[i].Zxid)
			}
		}
	}
	l.outstanding = append(l.outstanding, entries...)
	l.proposed = entries[len(entries)-1].Zxid
	to := l.to(func(f *learner) bool { return f.state >= bringing && !f.observer })
	for _, link := range to {
		if f := l.learners[link]; f.state == serving && f.waiting == 0 {
			f.waiting, f.since = entries[0].Zxid, now
		}
	}
	if len(to) > 0 {
		l.do(Send{to, proposals(entries)})
	}
}

func proposals(entries []Entry) []Packet {
	packets := make([]Packet, len(entries))
	for i, e := range entries {
		packets[i] = Packet{Type: Proposal, Zxid: e.Zxid, Data: e.Raw}
	}
	return packets
}

// to returns the links of the learners that f selects, in a fixed order.
func (l *Leader) to(f func(*learner) bool) []LinkID {
	var to []LinkID
	for link, x := range l.learners {
		if f(x) {
			to = append(to, link)
		}
	}
	slices.Sort(to)
	return to
}

// Durable says that the own log holds everything up to the zxid.
func (l *Leader) Durable(zxid proto.Zxid) {
	l.durable = max(l.durable, zxid)
	l.commit()
}

// Sync asks for a SYNC packet to the link once everything up to the zxid is committed. It
// comes behind the commit of that and before the next. Zxids never descend.
func (l *Leader) Sync(link LinkID, zxid proto.Zxid) {
	if l.learners[link] == nil {
		return
	}
	if zxid <= l.committed {
		l.send(link, Packet{Type: Sync})
		return
	}
	l.syncs = append(l.syncs, pendingSync{zxid, link})
}

// Send passes a packet to a learner, behind everything sent before.
func (l *Leader) Send(link LinkID, p Packet) {
	if l.learners[link] != nil {
		l.send(link, p)
	}
}

// Server returns the server at the other end of the link.
func (l *Leader) Server(link LinkID) (quorum.ServerID, bool) {
	if f := l.learners[link]; f != nil {
		return f.server, true
	}
	return 0, false
}

// step handles a packet of the broadcast.
func (l *Leader) step(link LinkID, f *learner, p Packet, now int64) {
	switch p.Type {
	case Ack:
		l.ack(f, p.Zxid, now)
	case Request, Revalidate:
		l.do(Received{link, p})
	case Ping:
		if len(p.Data) > 0 {
			l.do(Received{link, p})
		}
	}
}

// ack notes that a learner has logged everything up to the zxid. Learners acknowledge in
// order. Zxids with counter 0 are those of NEWLEADER and UPTODATE.
func (l *Leader) ack(f *learner, zxid proto.Zxid, now int64) {
	if zxid.Counter() == 0 || zxid <= f.acked || zxid > l.proposed {
		return
	}
	f.acked = zxid
	switch {
	case zxid >= l.proposed:
		f.waiting = 0
	case zxid >= f.waiting:
		f.waiting, f.since = zxid+1, now
	}
	l.commit()
}

// commit commits what can be, and stops when that was the last zxid.
func (l *Leader) commit() {
	l.advance()
	if l.committed.Counter() >= LastCounter && !l.stopped {
		l.stop(ErrRollover)
	}
}

// advance finds up to where a quorum has logged the proposals. What a learner, or this
// server, acknowledged stands for all before it.
func (l *Leader) advance() {
	for l.phase == broadcast && !l.retired && len(l.outstanding) > 0 {
		upTo := l.reached(l.durable)
		for _, f := range l.learners {
			if f.counts() && f.acked > upTo {
				upTo = max(upTo, l.reached(f.acked))
			}
		}
		if upTo <= l.committed {
			return
		}
		reconfigured := l.next != nil && upTo >= l.next.from
		if reconfigured {
			upTo = l.next.from
		}
		for len(l.syncs) > 0 && l.syncs[0].zxid <= upTo {
			l.decide(l.syncs[0].zxid)
			l.send(l.syncs[0].link, Packet{Type: Sync})
			l.syncs = l.syncs[1:]
		}
		l.decide(upTo)
		if !reconfigured {
			return
		}
		// what is behind may be decided by other servers now
	}
}

// decide commits everything up to the zxid.
func (l *Leader) decide(zxid proto.Zxid) {
	n := 0
	for n < len(l.outstanding) && l.outstanding[n].Zxid <= zxid && !l.isProposed(l.outstanding[n].Zxid) {
		l.cfg.History.Add(l.outstanding[n])
		n++
	}
	if n > 0 {
		l.committed = l.outstanding[n-1].Zxid
		l.announce(l.outstanding[:n])
		l.outstanding = l.outstanding[n:]
		l.do(Decided{l.committed})
	}
	if len(l.outstanding) > 0 && l.outstanding[0].Zxid <= zxid && l.isProposed(l.outstanding[0].Zxid) {
		l.commitConfig()
	}
}

// isProposed says that the transaction is the one that proposes a configuration.
func (l *Leader) isProposed(zxid proto.Zxid) bool { return l.next != nil && l.next.from == zxid }

// counts says whether what a learner acknowledged counts for the quorum, if it votes:
// once it has the history before it.
func (f *learner) counts() bool { return !f.observer && f.state >= acked }

// reached returns the zxid if a quorum has logged everything up to it, otherwise what is
// committed. From a reconfiguration on it takes quorums of both configurations; what is
// before it need not wait for that.
func (l *Leader) reached(zxid proto.Zxid) proto.Zxid {
	if zxid <= l.committed {
		return l.committed
	}
	set := l.logged(zxid)
	switch joint := l.next != nil && zxid >= l.next.from; {
	case !joint && l.cfg.Quorum.HasQuorum(set), joint && l.hasQuorum(set):
		return zxid
	case joint:
		return l.reached(l.next.from - 1)
	}
	return l.committed
}

// logged returns the servers that have logged everything up to the zxid.
func (l *Leader) logged(zxid proto.Zxid) quorum.Set {
	set := make(quorum.Set, 0, 8)
	if l.durable >= zxid {
		set.Add(l.cfg.Self)
	}
	for _, f := range l.learners {
		if f.counts() && f.acked >= zxid {
			set.Add(f.server)
		}
	}
	return set
}

// announce tells the learners what is committed: followers have it already, observers
// get it now.
func (l *Leader) announce(entries []Entry) {
	followers := l.to(func(f *learner) bool { return f.state >= bringing && !f.observer })
	observers := l.to(func(f *learner) bool { return f.state >= bringing && f.observer })
	if len(followers) > 0 {
		packets := make([]Packet, len(entries))
		for i, e := range entries {
			packets[i] = Packet{Type: Commit, Zxid: e.Zxid}
		}
		l.do(Send{followers, packets})
	}
	if len(observers) > 0 {
		packets := make([]Packet, len(entries))
		for i, e := range entries {
			packets[i] = Packet{Type: Inform, Zxid: e.Zxid, Data: e.Raw}
		}
		l.do(Send{observers, packets})
	}
}

// Tick does what is due: pings twice a tick, and at every second ping the question
// whether a quorum still follows. Java: Leader.lead, LearnerHandler.ping.
func (l *Leader) Tick(now int64) {
	if l.phase != broadcast && now-l.since > l.ticks(l.cfg.InitLimit) {
		l.stop(ErrNoQuorum)
		return
	}
	if now < l.nextPing {
		return
	}
	l.nextPing = now + l.cfg.Tick.Milliseconds()/2
	if l.half = !l.half; !l.half {
		l.tick++
	}
	for _, link := range l.links() {
		l.watch(link, l.learners[link], now)
	}
	switch {
	case l.phase != broadcast || l.half:
	case !l.followed():
		l.stop(ErrNoQuorum)
	case !l.retired:
		l.idle = now
	case now-l.idle > l.ticks(l.cfg.SyncLimit):
		l.stop(ErrRetired)
	}
}

func (l *Leader) ticks(n int) int64 { return int64(n) * l.cfg.Tick.Milliseconds() }

// watch pings a learner, or drops it when it is silent or slow.
func (l *Leader) watch(link LinkID, f *learner, now int64) {
	limit := l.ticks(l.cfg.InitLimit)
	if f.state == serving {
		limit = l.ticks(l.cfg.SyncLimit)
	}
	// one that has acknowledged and waits for others has nothing to say
	waits := f.state == informed || f.state == agreeing || f.state == acked
	switch {
	case !waits && now-f.heard > limit:
		l.drop(link, ErrSilent)
	case f.state == serving && f.waiting != 0 && now-f.since > l.ticks(l.cfg.SyncLimit):
		l.drop(link, ErrSlowToLog)
	case f.state >= bringing:
		l.send(link, Packet{Type: Ping, Zxid: l.proposed})
	}
}

// followed says whether this server and those that were heard in time are a quorum. Those
// count, too, that are being brought up to date.
func (l *Leader) followed() bool {
	set := quorum.Set{l.cfg.Self}
	for _, f := range l.learners {
		if !f.observer && f.deadline >= l.tick {
			set.Add(f.server)
		}
	}
	return l.hasQuorum(set)
}

// PendingSyncs returns how many syncs of learners wait for a commit.
func (l *Leader) PendingSyncs() int { return len(l.syncs) }

// Follower is a learner for reports.
type Follower struct {
	Link     LinkID
	Server   quorum.ServerID
	Observer bool
	Voter    bool
	Synced   bool // serves clients
	Acked    proto.Zxid
}

// Followers returns the learners, by server.
func (l *Leader) Followers() []Follower {
	var out []Follower
	for link, f := range l.learners {
		if f.state > connected {
			out = append(out, Follower{link, f.server, f.observer, l.votes(f), f.state == serving, f.acked})
		}
	}
	slices.SortFunc(out, func(a, b Follower) int { return int(a.Server - b.Server) })
	return out
}
