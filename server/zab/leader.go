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
	ErrOwnID     = errors.New("the learner has this server's id")
	ErrRetired   = errors.New("another server leads the new configuration")
	ErrBusy      = errors.New("too many observers are being brought up to date")
)

// LeaderConfig is what a leader begins with.
type LeaderConfig struct {
	Self      quorum.ServerID
	Quorum    quorum.Config  // committed configuration
	LastSeen  *quorum.Config // proposed by an earlier leader and newer; nil: none
	Reconfig  bool           // configurations may change
	Accepted  int64          // epochs on disk
	Current   int64
	Last      proto.Zxid // last zxid of the own log, all of which counts as history, and is durable
	Tick      time.Duration
	InitLimit int  // ticks until a learner is up to date
	SyncLimit int  // ticks without a sign of life
	DiskSync  bool // the log on disk serves where the window does not reach
	ForceSnap bool // always by a snapshot
	MaxSnaps  int  // observers are refused while as many learners are brought a snapshot; 0: never
	MaxDiffs  int  // the same with what is missing
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

	next    *proposedConfig // nil: none
	retired bool            // the committed configuration has another leader, or none
	idle    int64           // since when that is so

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
	state    learnerState
	snap     bool       // is brought a snapshot
	last     proto.Zxid // from ACKEPOCH
	acked    proto.Zxid
	heard    int64      // when the last packet came
	deadline int64      // tick up to which the learner counts as alive
	waiting  proto.Zxid // its oldest unacknowledged proposal, 0: none
	since    int64      // since when that is waited for
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

// Lead returns the leader of an ensemble that has just elected this server. A window that
// does not end where the log ends is not used: learners would miss what lies between.
func Lead(cfg LeaderConfig, now int64) *Leader {
	if last, ok := cfg.History.Last(); ok && last != cfg.Last && cfg.Last.Counter() != 0 {
		cfg.History.Reset(cfg.Last)
	}
	l := &Leader{
		cfg: cfg, since: now, epoch: cfg.Accepted + 1, learners: map[LinkID]*learner{}, nextPing: now,
		proposed: cfg.Last, committed: cfg.Last, durable: cfg.Last,
	}
	if cfg.Reconfig && cfg.LastSeen != nil && cfg.LastSeen.Version > cfg.Quorum.Version {
		l.next = &proposedConfig{config: *cfg.LastSeen}
	}
	l.heard.Add(cfg.Self)
	l.discover(now)
	return l
}

// Discovering says that the leader still waits for a quorum of followers to tell their
// epochs.
func (l *Leader) Discovering() bool { return l.phase == discovery }

// Epoch returns the epoch that the leader has or aims for.
func (l *Leader) Epoch() int64 { return l.epoch }

// Established says that the epoch is established and clients are served.
func (l *Leader) Established() bool { return l.phase == broadcast }

// Proposed returns the last zxid proposed.
func (l *Leader) Proposed() proto.Zxid { return l.proposed }

// Outstanding returns how many proposals are not committed.
func (l *Leader) Outstanding() int { return len(l.outstanding) }

// Connected says that a server has opened a link. It has as long as for an answer to say
// who it is.
func (l *Leader) Connected(link LinkID, now int64) {
	l.learners[link] = &learner{heard: now, deadline: l.tick + int64(l.cfg.InitLimit+l.cfg.SyncLimit)}
}

// Gone says that a link has ended.
func (l *Leader) Gone(link LinkID) {
	delete(l.learners, link)
	if l.retired && l.phase == broadcast && len(l.to(func(f *learner) bool { return f.state >= bringing })) == 0 {
		l.stop(ErrRetired) // all have heard who leads now
	}
	l.syncs = slices.DeleteFunc(l.syncs, func(s pendingSync) bool { return s.link == link })
}

// Progress says that a learner takes in what [Bring] sends: a long history is no silence.
func (l *Leader) Progress(link LinkID, now int64) {
	if f := l.learners[link]; f != nil {
		f.heard = max(f.heard, now)
	}
}

// drop ends a link.
func (l *Leader) drop(link LinkID, reason error) {
	l.do(Close{link, reason})
	l.Gone(link)
}

// Step handles a packet of a learner.
func (l *Leader) Step(link LinkID, p Packet, now int64) {
	f := l.learners[link]
	if f == nil || l.stopped {
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
	case info.Server == l.cfg.Self:
		l.drop(link, ErrOwnID) // its acknowledgements would pass for ours
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
	if l.phase != discovery {
		l.tell(link, f, now)
		return
	}
	if l.votes(f) {
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
	l.agreeOnVersion()
	for _, link := range l.links() {
		if f := l.learners[link]; f.state == informed {
			l.tell(link, f, now)
		}
	}
	l.agreed.Add(l.cfg.Self)
	l.synchronise(now)
}

// links returns the links in a fixed order, so that a run can be repeated.
func (l *Leader) links() []LinkID { return slices.Sorted(maps.Keys(l.learners)) }

// tell sends the epoch. The time that a learner has to answer begins now, as at each
// packet that it had to wait for.
func (l *Leader) tell(link LinkID, f *learner, now int64) {
	f.state, f.heard = told, now
	l.send(link, Packet{Type: LeaderInfo, Zxid: l.start(), Data: jute.AppendInt(nil, ProtocolVersion)})
}

func (l *Leader) send(link LinkID, packets ...Packet) { l.do(Send{[]LinkID{link}, packets}) }

// agree handles ACKEPOCH. A learner that has accepted the epoch before, in another
// election, says so and does not count: nobody may stand for an epoch twice.
func (l *Leader) agree(link LinkID, f *learner, p Packet, now int64) {
	if p.Type != AckEpoch {
		l.drop(link, fmt.Errorf("%v: %w", p.Type, ErrOrder))
		return
	}
	d := jute.NewDecoder(p.Data)
	current := int64(d.Int())
	if d.Err() != nil {
		l.drop(link, fmt.Errorf("%v without an epoch: %w", p.Type, ErrOrder))
		return
	}
	f.last = p.Zxid
	if l.phase == agreement && current != -1 {
		if current > l.cfg.Current || current == l.cfg.Current && f.last > l.cfg.Last {
			l.drop(link, ErrAhead)
			return
		}
		if l.votes(f) && f.last != -1 {
			l.agreed.Add(f.server)
		}
	}
	f.state = agreeing
	if l.phase > agreement {
		l.bring(link, f, now)
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
			l.bring(link, f, now)
		}
	}
	l.synced.Add(l.cfg.Self)
	l.establish(now)
}

// bring sends a learner what it lacks, and from then on what is proposed.
func (l *Leader) bring(link LinkID, f *learner, now int64) {
	plan := Plan{Op: Snap, Entries: l.cfg.History.after(l.cfg.History.applied)}
	if !l.cfg.ForceSnap {
		plan = l.cfg.History.Plan(f.last, l.committed, l.cfg.DiskSync)
	}
	f.snap = plan.Op == Snap && !plan.Disk
	if f.observer && l.busy(f.snap) {
		l.drop(link, ErrBusy)
		return
	}
	f.state, f.heard = bringing, now
	l.do(Bring{Link: link, Server: f.server, Peer: f.last, Plan: plan})
	before, behind := l.outstanding, []Entry(nil)
	config := &l.cfg.Quorum
	switch {
	case l.next == nil:
	case l.phase < broadcast:
		config = &l.next.config
	default: // the learner takes over what NEWLEADER says without waiting for its commit
		n := slices.IndexFunc(before, func(e Entry) bool { return e.Zxid >= l.next.from })
		before, behind = before[:n], before[n:]
	}
	if !f.observer && len(before) > 0 {
		l.send(link, proposals(before)...)
	}
	l.send(link, Packet{Type: NewLeader, Zxid: l.start(), Data: []byte(config.String())})
	if !f.observer && len(behind) > 0 {
		l.send(link, proposals(behind)...)
	}
}

// votes says whether a learner votes in the committed configuration.
func (l *Leader) votes(f *learner) bool { return !f.observer && l.cfg.Quorum.IsVoter(f.server) }

// busy says whether as many learners are brought up in that way as may be.
func (l *Leader) busy(snap bool) bool {
	limit, n := l.cfg.MaxDiffs, 0
	if snap {
		limit = l.cfg.MaxSnaps
	}
	for _, f := range l.learners {
		if f.state == bringing && f.snap == snap {
			n++
		}
	}
	return limit > 0 && n >= limit
}

// start returns the zxid before the epoch's first.
func (l *Leader) start() proto.Zxid { return proto.NewZxid(l.epoch, 0) }

// firstAck handles the ACK of NEWLEADER. Old followers may acknowledge proposals before
// it (ZOOKEEPER-4685): that is noted, and counts once the learner itself does.
func (l *Leader) firstAck(link LinkID, f *learner, p Packet, now int64) {
	switch {
	case p.Type != Ack:
		l.drop(link, fmt.Errorf("%v: %w", p.Type, ErrOrder))
		return
	case p.Zxid != l.start():
		l.ack(f, p.Zxid, now)
		return
	}
	f.state = acked
	if l.phase == broadcast {
		l.release(link, f, now)
		return
	}
	if !f.observer {
		l.synced.Add(f.server)
	}
	l.establish(now)
}

// release lets a learner serve. It may acknowledge proposals from now on.
func (l *Leader) release(link LinkID, f *learner, now int64) {
	f.state, f.acked = serving, max(f.acked, l.start())
	f.heard, f.deadline, f.waiting = now, max(f.deadline, l.tick+int64(l.cfg.SyncLimit)), 0
	if !f.observer && len(l.outstanding) > 0 && l.proposed > f.acked { // what is committed it has from the synchronisation
		f.waiting, f.since = max(f.acked+1, l.outstanding[0].Zxid), now
	}
	l.send(link, Packet{Type: UpToDate, Zxid: -1})
	l.commit()
}

// establish begins the broadcast once a quorum is up to date.
func (l *Leader) establish(now int64) {
	if l.phase != synchronisation || !l.hasQuorum(l.synced) {
		return
	}
	l.phase, l.since = broadcast, now
	l.proposed, l.committed, l.durable = l.start(), l.start(), l.start()
	l.inherited()
	l.idle = now
	l.do(Serve{l.epoch})
	for _, link := range l.links() {
		if f := l.learners[link]; f.state == acked {
			l.release(link, f, now)
		}
	}
}
