package zab

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

// Why a leader gives up, or ends a link.
var (
	ErrNoQuorum  = errors.New("no quorum of servers follows")
	ErrRollover  = errors.New("the epoch has no more zxids")
	ErrAhead     = errors.New("the learner is ahead of its leader")
	ErrOldPeer   = errors.New("the learner speaks a protocol older than 3.4's last")
	ErrConfig    = errors.New("the learner's configuration is newer than the leader's")
	ErrOrder     = errors.New("packet out of order")
	ErrSilent    = errors.New("nothing was heard in time")
	ErrSlowToLog = errors.New("a proposal was not acknowledged in time")
	ErrReplaced  = errors.New("the server has connected anew")
)

// LeaderConfig is what a leader begins with.
type LeaderConfig struct {
	Self      quorum.ServerID
	Quorum    quorum.Config // committed configuration
	Accepted  int64         // epochs on disk
	Current   int64
	Last      proto.Zxid // last zxid of the own log, all of which counts as history
	Tick      time.Duration
	InitLimit int // ticks
	SyncLimit int // ticks
	DiskSync  bool
	ForceSnap bool
	History   *History
}

// phase is how far a leader has come.
type phase uint8

const (
	discovery phase = iota // waits for FOLLOWERINFO of a quorum
	agreement              // waits for ACKEPOCH of a quorum
	synchronisation
	broadcast
)

// Leader is a leader's state machine. It is not safe for concurrent use. Times are
// monotonic milliseconds.
type Leader struct {
	actions
	cfg   LeaderConfig
	phase phase
	since int64 // when the phase began
	epoch int64

	heard    quorum.Set // servers whose accepted epoch counts in the new one
	agreed   quorum.Set // servers that acknowledged the epoch
	synced   quorum.Set // servers that acknowledged NEWLEADER
	learners map[LinkID]*learner

	outstanding []Entry // proposed, not committed
	proposed    proto.Zxid
	committed   proto.Zxid
	durable     proto.Zxid
	syncs       []pendingSync

	nextPing int64
	half     bool // every second ping is a tick
	tick     int64
}

// learner is what a leader knows of one link.
type learner struct {
	server   quorum.ServerID
	observer bool
	voter    bool
	state    learnerState
	last     proto.Zxid // from ACKEPOCH
	acked    proto.Zxid
	heard    int64 // when the last packet came
	deadline int64 // tick up to which the learner counts as alive
	waiting  proto.Zxid
	since    int64 // when waiting, its oldest unacknowledged proposal, was sent
}

type learnerState uint8

const (
	connected learnerState = iota
	informed               // FOLLOWERINFO came
	told                   // LEADERINFO was sent
	agreeing               // ACKEPOCH came
	bringing               // the synchronisation was sent
	acked                  // ACK of NEWLEADER came
	serving                // UPTODATE was sent
)

// pendingSync is a learner's sync that waits for a commit.
type pendingSync struct {
	zxid proto.Zxid
	link LinkID
}

// Lead returns the leader of an ensemble that has just elected this server.
func Lead(cfg LeaderConfig, now int64) *Leader {
	l := &Leader{
		cfg: cfg, since: now, epoch: cfg.Accepted + 1, learners: map[LinkID]*learner{}, nextPing: now,
		proposed: cfg.Last, committed: cfg.Last, durable: cfg.Last,
	}
	l.heard.Add(cfg.Self)
	l.discover(now)
	return l
}

// Epoch returns the epoch that the leader has or aims for.
func (l *Leader) Epoch() int64 { return l.epoch }

// Established says that the epoch is established and clients are served.
func (l *Leader) Established() bool { return l.phase == broadcast }

// Proposed returns the last zxid proposed.
func (l *Leader) Proposed() proto.Zxid { return l.proposed }

// Outstanding returns how many proposals are not committed.
func (l *Leader) Outstanding() int { return len(l.outstanding) }

// Connected says that a server has opened a link.
func (l *Leader) Connected(link LinkID, now int64) {
	l.learners[link] = &learner{heard: now, deadline: l.tick + int64(l.cfg.InitLimit+l.cfg.SyncLimit)}
}

// Gone says that a link has ended.
func (l *Leader) Gone(link LinkID) {
	delete(l.learners, link)
	l.syncs = slices.DeleteFunc(l.syncs, func(s pendingSync) bool { return s.link == link })
}

// drop ends a link.
func (l *Leader) drop(link LinkID, reason error) {
	l.do(Close{link, reason})
	l.Gone(link)
}

// Step handles a packet of a learner.
func (l *Leader) Step(link LinkID, p Packet, now int64) {
	f := l.learners[link]
	if f == nil {
		return
	}
	f.heard, f.deadline = now, max(f.deadline, l.tick+int64(l.cfg.SyncLimit))
	switch f.state {
	case connected:
		l.inform(link, f, p, now)
	case told:
		l.agree(link, f, p, now)
	case bringing:
		l.firstAck(link, f, p, now)
	case acked, serving:
		l.step(link, f, p, now)
	default:
		l.drop(link, fmt.Errorf("%v: %w", p.Type, ErrOrder))
	}
}

// inform handles FOLLOWERINFO and OBSERVERINFO.
func (l *Leader) inform(link LinkID, f *learner, p Packet, now int64) {
	if p.Type != FollowerInfo && p.Type != ObserverInfo {
		l.drop(link, fmt.Errorf("%v: %w", p.Type, ErrOrder))
		return
	}
	info, err := ParseInfo(p.Data)
	switch {
	case err != nil || info.Protocol < ProtocolVersion:
		l.drop(link, ErrOldPeer)
		return
	case info.ConfigVersion > l.cfg.Quorum.Version:
		l.drop(link, ErrConfig)
		return
	}
	for other, o := range l.learners {
		if o != f && o.server == info.Server && o.state != connected {
			l.drop(other, ErrReplaced)
		}
	}
	f.server, f.observer, f.state = info.Server, p.Type == ObserverInfo, informed
	f.voter = !f.observer && l.cfg.Quorum.IsVoter(f.server)
	if l.phase != discovery {
		l.tell(link, f)
		return
	}
	if f.voter {
		l.epoch = max(l.epoch, p.Zxid.Epoch()+1)
		l.heard.Add(f.server)
	}
	l.discover(now)
}

// discover fixes the epoch once a quorum has told which it has accepted.
func (l *Leader) discover(now int64) {
	if l.phase != discovery || !l.cfg.Quorum.HasQuorum(l.heard) {
		return
	}
	l.phase, l.since = agreement, now
	l.do(StoreAccepted{l.epoch})
	for _, link := range l.links() {
		if f := l.learners[link]; f.state == informed {
			l.tell(link, f)
		}
	}
	l.agreed.Add(l.cfg.Self)
	l.synchronise(now)
}

// links returns the links in a fixed order, so that a run can be repeated.
func (l *Leader) links() []LinkID { return slices.Sorted(maps.Keys(l.learners)) }

// tell sends the epoch.
func (l *Leader) tell(link LinkID, f *learner) {
	f.state = told
	l.send(link, Packet{Type: LeaderInfo, Zxid: proto.NewZxid(l.epoch, 0), Data: jute.AppendInt(nil, ProtocolVersion)})
}

func (l *Leader) send(link LinkID, packets ...Packet) { l.do(Send{[]LinkID{link}, packets}) }

// agree handles ACKEPOCH. A learner that has accepted the epoch before, in another
// election, says so and does not count: nobody may stand for an epoch twice.
func (l *Leader) agree(link LinkID, f *learner, p Packet, now int64) {
	if p.Type != AckEpoch {
		l.drop(link, fmt.Errorf("%v: %w", p.Type, ErrOrder))
		return
	}
	current := int64(jute.NewDecoder(p.Data).Int())
	f.last = p.Zxid
	if l.phase == agreement && current != -1 {
		if current > l.cfg.Current || current == l.cfg.Current && f.last > l.cfg.Last {
			l.drop(link, ErrAhead)
			return
		}
		if f.voter && f.last != -1 {
			l.agreed.Add(f.server)
		}
	}
	f.state = agreeing
	if l.phase > agreement {
		l.bring(link, f)
		return
	}
	l.synchronise(now)
}

// synchronise begins to bring the learners up once a quorum has agreed to the epoch.
func (l *Leader) synchronise(now int64) {
	if l.phase != agreement || !l.cfg.Quorum.HasQuorum(l.agreed) {
		return
	}
	l.phase, l.since = synchronisation, now
	l.do(StoreCurrent{l.epoch})
	for _, link := range l.links() {
		if f := l.learners[link]; f.state == agreeing {
			l.bring(link, f)
		}
	}
	l.synced.Add(l.cfg.Self)
	l.establish(now)
}

// bring sends a learner what it lacks, and from then on what is proposed.
func (l *Leader) bring(link LinkID, f *learner) {
	f.state = bringing
	last := l.committed
	plan := Plan{Op: Snap, Entries: l.cfg.History.after(l.cfg.History.applied)}
	if !l.cfg.ForceSnap {
		plan = l.cfg.History.Plan(f.last, last, l.cfg.DiskSync)
	}
	l.do(Bring{Link: link, Server: f.server, Peer: f.last, Plan: plan})
	if !f.observer {
		for _, e := range l.outstanding {
			l.send(link, Packet{Type: Proposal, Zxid: e.Zxid, Data: e.Raw})
		}
	}
	l.send(link, Packet{Type: NewLeader, Zxid: proto.NewZxid(l.epoch, 0), Data: []byte(l.cfg.Quorum.String())})
}

// firstAck handles the ACK of NEWLEADER.
func (l *Leader) firstAck(link LinkID, f *learner, p Packet, now int64) {
	if p.Type != Ack {
		l.drop(link, fmt.Errorf("%v: %w", p.Type, ErrOrder))
		return
	}
	f.state = acked
	if l.phase == broadcast {
		l.release(link, f)
		return
	}
	if f.voter && p.Zxid == proto.NewZxid(l.epoch, 0) {
		l.synced.Add(f.server)
	}
	l.establish(now)
}

// release lets a learner serve.
func (l *Leader) release(link LinkID, f *learner) {
	f.state, f.acked = serving, max(f.acked, proto.NewZxid(l.epoch, 0))
	l.send(link, Packet{Type: UpToDate, Zxid: -1})
}

// establish begins the broadcast once a quorum is up to date.
func (l *Leader) establish(now int64) {
	if l.phase != synchronisation || !l.cfg.Quorum.HasQuorum(l.synced) {
		return
	}
	l.phase, l.since = broadcast, now
	start := proto.NewZxid(l.epoch, 0)
	l.proposed, l.committed, l.durable = start, start, start
	l.do(Serve{l.epoch})
	for _, link := range l.links() {
		if f := l.learners[link]; f.state == acked {
			l.release(link, f)
		}
	}
}
