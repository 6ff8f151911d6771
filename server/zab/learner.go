package zab

import (
	"errors"
	"fmt"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

// Why a learner leaves its leader.
var (
	ErrStaleLeader = errors.New("the leader's epoch is older than one already accepted")
	ErrGap         = errors.New("a proposal is missing")
	ErrMismatch    = errors.New("the leader commits what it did not propose next")
	ErrMalformed   = errors.New("a proposal holds no transaction of its zxid")
)

// LearnerConfig is what a learner begins with.
type LearnerConfig struct {
	Self          quorum.ServerID
	Observer      bool  // does not vote
	Accepted      int64 // epochs on disk
	Current       int64
	Last          proto.Zxid // last zxid of the own log, all of it durable; -1: the data is empty and not trusted
	ConfigVersion int64      // of the committed configuration
}

// stage is how far a learner has come.
type stage uint8

const (
	greeting  stage = iota // waits for LEADERINFO
	waiting                // waits for DIFF, TRUNC or SNAP
	learning               // takes in the history, up to NEWLEADER
	storing                // makes it durable
	waitingUp              // waits for UPTODATE
	following              // broadcast
)

// Learner is the state machine of a follower or observer. It is not safe for concurrent
// use.
type Learner struct {
	actions
	cfg   LearnerConfig
	stage stage
	epoch int64

	direct   bool        // after SNAP and TRUNC, until NEWLEADER: what is committed is applied, not logged
	snapshot proto.Zxid  // up to where the snapshot that was installed holds everything; 0: none was
	last     proto.Zxid  // end of the history, proposals included
	pending  []Entry     // proposals that are not committed; the first ones may be logged
	commits  []committed // seen before UPTODATE, of entries in pending
	loggedTo proto.Zxid  // storing: what must be durable before the acknowledgement

	config  *quorum.Config // of NEWLEADER
	unacked []proto.Zxid   // logged or being logged, not acknowledged
	queued  []Packet       // came while storing
}

// Learn returns the learner of an ensemble that elected another server. Its first
// actions go to the leader.
func Learn(cfg LearnerConfig) *Learner {
	l := &Learner{cfg: cfg, last: cfg.Last}
	t := FollowerInfo
	if cfg.Observer {
		t = ObserverInfo
	}
	info := Info{Server: cfg.Self, Protocol: ProtocolVersion, ConfigVersion: cfg.ConfigVersion}
	l.send(Packet{Type: t, Zxid: proto.NewZxid(cfg.Accepted, 0), Data: info.Append(nil)})
	return l
}

// Epoch returns the leader's epoch, once known.
func (l *Learner) Epoch() int64 { return l.epoch }

// Following says that the learner is up to date and serves.
func (l *Learner) Following() bool { return l.stage == following }

// Outstanding returns how many proposals are not committed.
func (l *Learner) Outstanding() int { return len(l.pending) }

// Partial says that the database is neither what it was before nor complete and saved:
// when the learner stops now, it must be loaded from disk again.
func (l *Learner) Partial() bool { return l.direct && l.stage < waitingUp }

func (l *Learner) send(p Packet) { l.do(Send{Packets: []Packet{p}}) }

// Step handles a packet of the leader. A SNAP comes once the snapshot is read.
func (l *Learner) Step(p Packet) {
	if l.stopped {
		return
	}
	switch l.stage {
	case greeting:
		l.greet(p)
	case waiting:
		l.begin(p)
	case learning, waitingUp:
		l.learn(p)
	case storing:
		l.queued = append(l.queued, p)
	case following:
		l.follow(p)
	}
}

// greet handles LEADERINFO. Who has accepted the epoch before, in an election that came
// to nothing, must not be counted for it a second time, and says so.
func (l *Learner) greet(p Packet) {
	if p.Type != LeaderInfo {
		l.stop(fmt.Errorf("%v: %w", p.Type, ErrOrder))
		return
	}
	l.epoch = p.Zxid.Epoch()
	current := int32(l.cfg.Current)
	switch {
	case l.epoch < l.cfg.Accepted:
		l.stop(ErrStaleLeader)
		return
	case l.epoch == l.cfg.Accepted:
		current = -1
	default:
		l.do(StoreAccepted{l.epoch})
	}
	l.stage = waiting
	l.send(Packet{Type: AckEpoch, Zxid: l.cfg.Last, Data: jute.AppendInt(nil, current)})
}

// begin handles the first packet of the synchronisation.
func (l *Learner) begin(p Packet) {
	switch p.Type {
	case Diff:
	case Trunc:
		l.direct, l.last = true, p.Zxid
		l.do(Truncate{p.Zxid})
	case Snap:
		l.direct, l.last, l.snapshot = true, p.Zxid, p.Zxid
		l.do(Install{p.Zxid})
	default:
		l.stop(fmt.Errorf("%v: %w", p.Type, ErrOrder))
		return
	}
	l.stage = learning
}

// learn handles what comes before UPTODATE. Proposals are not acknowledged yet: the
// leader would take that for the ACK of NEWLEADER (ZOOKEEPER-4685). Pings, and answers
// to requests of an earlier life, are ignored.
func (l *Learner) learn(p Packet) {
	switch p.Type {
	case Proposal, Inform, InformAndActivate:
		l.take(p)
		if p.Type != Proposal {
			l.early(commitment(p))
		}
	case Commit, CommitAndActivate:
		l.early(commitment(p))
	case NewLeader:
		l.newLeader(p)
	case UpToDate:
		l.upToDate()
	}
}

// take adds a proposal to those that are not committed. It says whether it did: what the
// snapshot holds may be repeated behind it.
func (l *Learner) take(p Packet) bool {
	e, ok := l.entry(p)
	switch {
	case !ok:
		l.stop(fmt.Errorf("%v: %w", p, ErrMalformed))
		return false
	case l.known(e.Zxid):
		return false
	case !follows(l.last, e.Zxid):
		l.stop(fmt.Errorf("%v after %v: %w", e.Zxid, l.last, ErrGap))
		return false
	}
	l.last = e.Zxid
	l.pending = append(l.pending, e)
	if c, ok := e.reconfiguration(); ok && l.stage != following {
		l.do(Seen{c})
	}
	return true
}

// known says whether the snapshot that was installed holds the transaction.
func (l *Learner) known(zxid proto.Zxid) bool { return l.snapshot != 0 && zxid <= l.snapshot }

// follows says whether a transaction may come behind another in a log: a hole in what the
// leader sends must not become one in the log, nor in those of later learners
// (ZOOKEEPER-2418, 4925). Where an epoch ended, and which zxid is another's first, cannot
// be told.
func follows(last, next proto.Zxid) bool {
	return next == last+1 || next.Epoch() > last.Epoch() || next > last && last.Counter() == 0
}

// entry returns the transaction of a proposal. An INFORM that activates a configuration
// has the id of a server before it.
func (l *Learner) entry(p Packet) (Entry, bool) {
	const designated = 8
	raw := p.Data
	if p.Type == InformAndActivate {
		if len(raw) < designated {
			return Entry{}, false
		}
		raw = raw[designated:]
	}
	if len(raw) < header {
		return Entry{}, false
	}
	d := jute.NewDecoder(raw[8+4:])
	return Entry{p.Zxid, raw}, proto.Zxid(d.Long()) == p.Zxid
}

// early handles a commit that comes before UPTODATE.
func (l *Learner) early(c committed) {
	if l.known(c.zxid) {
		return
	}
	if !l.direct {
		l.commits = append(l.commits, c)
		return
	}
	if len(l.pending) > 0 && l.pending[0].Zxid == c.zxid {
		l.do(Apply{l.pending[:1:1]})
		l.pending = l.pending[1:]
	}
}

// newLeader makes durable what came. What is committed goes to the log, what is not
// stays aside; only then comes the epoch, and only then the acknowledgement
// (ZOOKEEPER-3911, 4643, 4646).
func (l *Learner) newLeader(p Packet) {
	if p.Zxid != proto.NewZxid(l.epoch, 0) || l.stage != learning {
		l.stop(fmt.Errorf("%v in epoch %d: %w", p, l.epoch, ErrOrder))
		return
	}
	l.stage = storing
	l.see(p.Data)
	if l.direct {
		l.do(Save{})
		return
	}
	n := l.committed()
	if n == 0 {
		l.stored()
		return
	}
	l.loggedTo = l.pending[n-1].Zxid
	l.do(Log{l.pending[:n:n]})
	l.do(Decided{l.loggedTo})
	l.pending = l.pending[n:]
}

// committed takes the commits that concern the first of the pending entries, and returns
// how many those are.
func (l *Learner) committed() int {
	n := 0
	for len(l.commits) > 0 && n < len(l.pending) && l.pending[n].Zxid == l.commits[0].zxid {
		n++
		l.commits = l.commits[1:]
	}
	return n
}

// Saved says that the snapshot is written.
func (l *Learner) Saved() {
	if l.stage == storing && l.direct {
		l.stored()
	}
}

// stored acknowledges NEWLEADER.
func (l *Learner) stored() {
	l.direct = false
	l.stage = waitingUp
	l.do(StoreCurrent{l.epoch})
	l.send(Packet{Type: Ack, Zxid: proto.NewZxid(l.epoch, 0)})
	queued := l.queued
	l.queued = nil
	for _, p := range queued {
		l.Step(p)
	}
}

// upToDate begins the broadcast with what was left aside: logged, acknowledged one by
// one, and committed as far as that was heard. Only then are clients served: a snapshot
// shows some of it already, and must not be taken for the state of its zxid. Java serves
// before.
func (l *Learner) upToDate() {
	if l.stage != waitingUp {
		l.stop(fmt.Errorf("UPTODATE: %w", ErrOrder))
		return
	}
	l.stage = following
	l.send(Packet{Type: Ack, Zxid: proto.NewZxid(l.epoch, 0)})
	l.agreed()
	commits := l.commits
	l.commits = nil
	if l.cfg.Observer { // has nothing from now on that is not committed
		l.pending = l.pending[:min(len(commits), len(l.pending))]
	}
	if len(l.pending) > 0 {
		l.log(l.pending)
	}
	for _, c := range commits {
		l.commit(c)
	}
	l.do(Serve{l.epoch})
}

// log appends to the log what will be acknowledged once it is durable.
func (l *Learner) log(entries []Entry) {
	l.do(Log{entries[:len(entries):len(entries)]})
	for i := range entries {
		if c, ok := entries[i].reconfiguration(); ok {
			l.do(Seen{c})
		}
	}
	if l.cfg.Observer {
		return
	}
	for _, e := range entries {
		l.unacked = append(l.unacked, e.Zxid)
	}
}

// Durable says that the log holds everything up to the zxid.
func (l *Learner) Durable(zxid proto.Zxid) {
	if l.stage == storing {
		if !l.direct && zxid >= l.loggedTo {
			l.stored()
		}
		return
	}
	var acks []Packet
	for len(l.unacked) > 0 && l.unacked[0] <= zxid {
		acks = append(acks, Packet{Type: Ack, Zxid: l.unacked[0]})
		l.unacked = l.unacked[1:]
	}
	if len(acks) > 0 {
		l.do(Send{Packets: acks})
	}
}

// follow handles the packets of the broadcast.
func (l *Learner) follow(p Packet) {
	switch p.Type {
	case Proposal:
		if !l.cfg.Observer && l.take(p) {
			l.log(l.pending[len(l.pending)-1:])
		}
	case Inform, InformAndActivate:
		if l.cfg.Observer && l.take(p) {
			l.log(l.pending[len(l.pending)-1:])
			l.commit(commitment(p))
		}
	case Commit, CommitAndActivate:
		if !l.cfg.Observer {
			l.commit(commitment(p))
		}
	case Ping:
		l.do(Pinged{p.Zxid})
	case Sync, Revalidate:
		l.do(Answered{p})
	}
}

// commit passes on that the oldest proposal is decided. Java exits when another is.
func (l *Learner) commit(c committed) {
	switch {
	case len(l.pending) == 0 || l.known(c.zxid):
	case l.pending[0].Zxid != c.zxid:
		l.stop(fmt.Errorf("%v before %v: %w", c.zxid, l.pending[0].Zxid, ErrMismatch))
	default:
		e := l.pending[0]
		l.pending = l.pending[1:]
		l.do(Decided{c.zxid})
		if config, ok := e.reconfiguration(); ok && c.active {
			l.do(Activate{Config: config, Zxid: c.zxid, Leader: c.leader, Designated: true})
		}
	}
}
