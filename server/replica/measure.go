package replica

import (
	"time"

	"gokeeper/server/database"
	"gokeeper/server/jute"
	"gokeeper/server/member"
	"gokeeper/server/metrics"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/txn"
	"gokeeper/server/zab"
)

// What follows measures what the stages do. Times are of this server's clock, but where
// a transaction's own time counts, which its leader gave it.

// paceLimit is how many turns of proposals are remembered for their acknowledgements.
const paceLimit = 1 << 10

// pace remembers when a leader has proposed what. It is the loop's.
type pace struct {
	turns     []proposed // oldest first
	acked     map[quorum.ServerID]proto.Zxid
	committed proto.Zxid
}

// proposed is what was proposed in one turn.
type proposed struct {
	last proto.Zxid
	n    int64
	at   int64 // monotonic milliseconds
}

// propose notes a turn of proposals.
func (p *pace) propose(x proposed) {
	if len(p.turns) == paceLimit {
		p.turns = append(p.turns[:0], p.turns[paceLimit/2:]...)
	}
	p.turns = append(p.turns, x)
}

// between calls f for the turns that end behind after, and not behind upTo.
func (p *pace) between(after, upTo proto.Zxid, f func(*proposed)) {
	for i := len(p.turns) - 1; i >= 0 && p.turns[i].last > after; i-- {
		if p.turns[i].last <= upTo {
			f(&p.turns[i])
		}
	}
}

// measureAck is told that a server has logged everything up to the zxid.
func (r *Replica) measureAck(server quorum.ServerID, zxid proto.Zxid, now int64) {
	p := &r.pace
	if p.acked == nil {
		p.acked = map[quorum.ServerID]proto.Zxid{}
	}
	key := server.String()
	p.between(p.acked[server], zxid, func(x *proposed) { r.Metrics.AckTime.Observe(key, now-x.at, x.n) })
	p.acked[server] = max(p.acked[server], zxid)
}

// measurePackets looks at what learners say to their leader.
func (r *Replica) measurePackets(link zab.LinkID, packets []zab.Packet, now int64) {
	server, ok := r.m.LearnerID(link)
	if !ok {
		return
	}
	last := proto.Zxid(0)
	for i := range packets {
		switch packets[i].Type {
		case zab.Ack:
			last = max(last, packets[i].Zxid)
		case zab.Revalidate:
			r.Metrics.Revalidations.Add(1)
		}
	}
	if last.Counter() != 0 {
		r.measureAck(server, last, now)
	}
}

// measureProposed is told what a turn has made of its writes.
func (r *Replica) measureProposed(proposals []zab.Entry, now int64) {
	if n := len(proposals); n > 0 {
		r.Metrics.ProposalCount.Add(int64(n))
		r.pace.propose(proposed{proposals[n-1].Zxid, int64(n), now})
	}
}

// measureDecided is told of transactions that are committed, before they are applied.
func (r *Replica) measureDecided(entries []entry, now int64) {
	m, n := r.Metrics, int64(0)
	for i := range entries {
		c := &entries[i].commit
		if entries[i].call != nil {
			continue
		}
		n++
		if c.Client != nil && c.Read != 0 {
			m.WriteCommitTime.Observe(max(now-c.Read/1e6, 0))
		}
	}
	m.CommitQueued.Add(n)
	switch r.m.Role() {
	case member.Leading:
		m.CommitCount.Add(n)
		r.pace.between(r.pace.committed, r.committed, func(x *proposed) { m.QuorumAckTime.ObserveN(now-x.at, x.n) })
		r.pace.committed = r.committed
	case member.Following, member.Observing:
		m.CommitsReceived.Add(n)
		r.since1970(m.CommitArrivalTime, entries)
	}
}

// since1970 observes how old transactions are. Neighbours have mostly one time.
func (r *Replica) since1970(d *metrics.Distribution, entries []entry) {
	wall, at, n := r.wall(), int64(0), int64(0)
	tell := func() {
		if n > 0 {
			d.ObserveN(max(wall-at, 0), n)
		}
	}
	for i := range entries {
		x := &entries[i].commit.Txn
		if x.Zxid == 0 || entries[i].call != nil {
			continue
		}
		if x.Time != at {
			tell()
			at, n = x.Time, 0
		}
		n++
	}
	tell()
}

// measureQueued observes how long entries have waited for the log.
func measureQueued(d *metrics.Distribution, entries []entry, now int64) {
	at, n := int64(0), int64(0)
	for i := range entries {
		if entries[i].raw == nil {
			continue
		}
		if entries[i].at != at && n > 0 {
			d.ObserveN(max(now-at, 0), n)
			n = 0
		}
		at = entries[i].at
		n++
	}
	if n > 0 {
		d.ObserveN(max(now-at, 0), n)
	}
}

// measureApplied is told of a turn of the applier: what it applied, when the first of it
// was committed, and how long it took.
func (r *Replica) measureApplied(batch []database.Commit, committed int64, took time.Duration) {
	m, n, local := r.Metrics, int64(len(batch)), int64(0)
	wall, now := r.wall(), r.now()
	for i := range batch {
		m.PropagationTime.Observe(max(wall-batch[i].Txn.Time, 0))
		if batch[i].Client != nil {
			local++
		}
	}
	m.CommitBatch.Observe(n)
	m.CommitTime.Observe(took.Milliseconds())
	m.CommitBatchTime.Observe(took.Milliseconds())
	m.WriteFinalTime.ObserveN(took.Milliseconds()/n, n)
	if local > 0 {
		m.LocalWriteTime.ObserveN(max(now-committed, 0), local)
	}
	if n > local {
		m.RemoteWriteTime.ObserveN(max(now-committed, 0), n-local)
	}
	if role := r.Role(); role == member.Leading || role == member.Standalone {
		m.ChangesRemoved.Add(n)
	}
}

// measureExceeded counts a write that its quota has forbidden.
func (r *Replica) measureExceeded(q *prep.Request, x *txn.Txn) {
	if e, failed := x.Body.(*txn.Error); failed && e.Code == proto.QuotaExceeded {
		var d jute.Decoder
		d.Reset(q.Body, r.cfg.Limit)
		r.Metrics.QuotaExceeded.Add(metrics.Namespace(string(d.Buffer())), 1)
	}
}

// looking, elected and served tell when a role has ended, the next is known, and clients
// are served again.
func (r *Replica) looking() {
	r.Metrics.LookingCount.Add(1)
	r.lost, r.found = r.now(), 0
	r.pace = pace{}
}

func (r *Replica) elected() {
	r.found = r.now()
	r.Metrics.ElectionTime.Observe(r.found - r.lost)
}

func (r *Replica) served() {
	m, now := r.Metrics, r.now()
	m.UnavailableTime.Observe(now - r.lost)
	switch r.m.Role() {
	case member.Leading:
		m.LeaderUnavailable.Observe(now - r.lost)
	case member.Following:
		m.FollowerSyncTime.Observe(now - r.found)
	case member.Observing:
		m.ObserverSyncTime.Observe(now - r.found)
	}
}

// brings counts a learner that is being brought up to date, until the function that it
// returns is called.
func (r *Replica) brings(snap bool) (done func()) {
	m, inFlight := r.Metrics, &r.diffs
	count, flights := m.DiffCount, m.DiffsInFlight
	if snap {
		inFlight, count, flights = &r.snaps, m.SnapCount, m.SnapsInFlight
	}
	count.Add(1)
	flights.Observe(inFlight.Add(1))
	return func() { inFlight.Add(-1) }
}
