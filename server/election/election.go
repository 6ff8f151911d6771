package election

import (
	"maps"
	"math"
	"slices"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

// Config is what a machine begins with.
type Config struct {
	Self     quorum.ServerID
	Observer bool           // does not vote; later a matter of the configuration
	Quorum   quorum.Config  // committed configuration
	LastSeen *quorum.Config // proposed and newer than the committed one; nil if there is none

	MinInterval  time.Duration // silence before all are told again, at first; 0 is 200 ms
	MaxInterval  time.Duration // and at last; 0 is one minute
	FinalizeWait time.Duration // silence before an agreement is taken as final; 0 is 200 ms

	// Keep is how long a notification that came before the round that it belongs to is
	// kept for it. 0 is as Java: not at all, but for those before the first round.
	Keep time.Duration

	NoBootstrap bool // never begin the ensemble's history; see [Bootstrap]
}

// Election is one member's part in elections. It is not safe for concurrent use. Times
// are monotonic milliseconds.
type Election struct {
	cfg    Config
	text   string            // of the committed configuration
	voters []quorum.ServerID // of both configurations, ascending
	wait   struct{ min, max, final int64 }

	actions []Action
	state   State
	running bool  // state is Looking, and a round has begun
	now     int64 // when the machine was last called
	clock   int64 // the round
	vote    Vote  // the proposal while looking, then what was decided

	last     proto.Zxid // what Look was told
	epoch    int64
	own      Vote    // the vote to begin a round with
	round    ballots // of this round
	decided  ballots // of those who follow and lead, whatever their round
	interval int64
	pollAt   int64 // when all are told again
	settling bool  // a quorum agrees with the proposal
	settleAt int64 // when that is final

	early     map[quorum.ServerID]kept // came before their round
	adopted   int64                    // highest version asked to adopt
	strangers map[quorum.ServerID]*allowance
	blank     quorum.Set // voters that never followed a leader, as far as was heard
	reach     quorum.Set // servers that a link leads to
	rounds    int        // that have ended with a leader
	winners   quorum.Set // who voted for this leader
	defected  quorum.Set // of these, who looked again
}

// New returns the machine of a server that has just started. It is looking, and says
// nothing until Look.
func New(cfg Config) *Election {
	e := &Election{cfg: cfg, early: map[quorum.ServerID]kept{}, strangers: map[quorum.ServerID]*allowance{}}
	e.wait.min = milliseconds(cfg.MinInterval, 200)
	e.wait.max = max(milliseconds(cfg.MaxInterval, 60_000), e.wait.min)
	e.wait.final = milliseconds(cfg.FinalizeWait, 200)
	e.configure(cfg.Quorum, cfg.LastSeen)
	return e
}

func milliseconds(d time.Duration, otherwise int64) int64 {
	if d <= 0 {
		return otherwise
	}
	return max(d.Milliseconds(), 1)
}

// State returns what the member does.
func (e *Election) State() State { return e.state }

// Vote returns the proposal while looking, then what was decided.
func (e *Election) Vote() Vote { return e.vote }

// Round returns the number of the last round. Java: logicalclock.
func (e *Election) Round() int64 { return e.clock }

// Deserted says that of those who voted for this leader so many were heard looking since
// that the others are no quorum: it waits in vain, unless they come back (ZOOKEEPER-3769).
func (e *Election) Deserted() bool { return len(e.winners) > 0 && !e.isQuorum(e.loyal()) }

// loyal returns who voted for this leader and was not heard looking since.
func (e *Election) loyal() quorum.Set {
	return slices.DeleteFunc(slices.Clone(e.winners), e.defected.Has)
}

// Settling says that there is an agreement, which becomes final unless somebody objects.
func (e *Election) Settling() bool { return e.running && e.settling }

// Actions returns what is to be done since the last call.
func (e *Election) Actions() []Action {
	list := e.actions
	e.actions = nil
	return list
}

func (e *Election) do(a Action) { e.actions = append(e.actions, a) }

// Deadline returns when Tick is due next, if it is.
func (e *Election) Deadline() (at int64, ok bool) {
	switch {
	case !e.running:
		return 0, false
	case e.settling:
		return e.settleAt, true
	}
	return e.pollAt, true
}

// Look begins a round. The server's log ends with the zxid last, durably, and its
// current epoch is epoch. A last zxid of -1 says that the data is empty and not trusted:
// the server then only joins a leader that others have elected.
func (e *Election) Look(last proto.Zxid, epoch, now int64) {
	e.now, e.last, e.epoch = now, last, epoch
	if !e.bootstrap() {
		e.begin()
	}
}

func (e *Election) begin() {
	e.clock++
	e.state, e.running, e.settling = Looking, true, false
	e.winners, e.defected = nil, nil
	e.round, e.decided = ballots{}, ballots{}
	e.interval, e.pollAt = e.wait.min, e.now+e.wait.min
	e.own = e.initial()
	e.propose(e.own)
	early := e.early
	e.early = map[quorum.ServerID]kept{}
	for _, from := range slices.Sorted(maps.Keys(early)) {
		if k := early[from]; e.rounds == 0 || e.now-k.at < e.cfg.Keep.Milliseconds() {
			e.Step(from, k.Notification, e.now)
		}
	}
	e.settle()
}

// kept is a notification that came before its round.
type kept struct {
	Notification
	at int64
}

// keep remembers what came before the round that it belongs to. When a leader is lost, one
// of its followers is the first to notice, and does not say so again before its poll; the
// others must not have forgotten it by then.
func (e *Election) keep(from quorum.ServerID, n Notification) {
	if e.rounds == 0 || n.Vote.Round > e.clock {
		e.early[from] = kept{n, e.now}
	}
}

// initial returns the vote of a server that has heard nothing yet. One that may not
// lead names nobody, and an observer has no history: that is never better than another.
func (e *Election) initial() Vote {
	v := Vote{Leader: e.cfg.Self, Zxid: e.last, Epoch: e.epoch}
	if !e.cfg.Quorum.IsVoter(e.cfg.Self) {
		v.Leader = math.MinInt64
	}
	if e.cfg.Observer {
		v = Vote{Leader: math.MinInt64, Zxid: math.MinInt64, Epoch: math.MinInt64}
	}
	return v
}

// propose takes the vote over for this round and tells all voters.
func (e *Election) propose(v Vote) {
	v.Round = e.clock
	e.vote = v
	if e.isVoter(e.cfg.Self) && e.own.Zxid != empty {
		e.round[e.cfg.Self] = ballot{state: Looking, vote: v}
	}
	for _, id := range e.voters {
		if id != e.cfg.Self {
			e.tell(id)
		}
	}
}

// tell sends the proposal, or what was decided.
func (e *Election) tell(to quorum.ServerID) {
	e.do(Send{to, Notification{State: e.state, Vote: e.vote, Version: Version, Config: e.text}})
}

func (e *Election) isVoter(id quorum.ServerID) bool {
	_, ok := slices.BinarySearch(e.voters, id)
	return ok
}

// Tick does what is due.
func (e *Election) Tick(now int64) {
	e.now = now
	switch at, ok := e.Deadline(); {
	case !ok || now < at:
	case e.settling:
		e.elect(e.vote, e.supporters())
	default:
		e.interval = min(2*e.interval, e.wait.max)
		e.pollAt = now + e.interval
		e.propose(e.vote)
	}
}

// Step takes in a notification.
func (e *Election) Step(from quorum.ServerID, n Notification, now int64) {
	e.now = now
	switch {
	case from == e.cfg.Self:
		return // the own vote is counted without
	case e.adopt(&n):
		return // meant for another ensemble than this server still believes in
	case !e.isVoter(from):
		e.answerStranger(from)
		return
	case n.State < Looking || n.State > Observing:
		return
	case e.state != Looking:
		if n.State == Looking {
			e.noteDefection(from)
			e.tell(from)
			e.keep(from, n)
		}
		return
	case !e.running:
		e.keep(from, n)
		return
	}
	if n.State == Looking && n.Vote.Round < e.clock {
		e.tell(from)
	}
	if e.noteBlank(from, &n) {
		return
	}
	if e.settling && !e.isBetter(n.Vote, e.vote) {
		// As in Java it changes nothing, and the silence begins anew.
		if n.State == Looking && n.Vote == e.vote {
			e.round[from] = n.ballot()
		}
		e.settle()
		return
	}
	switch {
	case e.isVoter(n.Vote.Leader):
		e.count(from, &n)
	case n.State == Looking && n.Vote.Round > e.clock && e.own.Zxid != empty:
		// It may not know yet that it is a voter, and so names nobody; in its round it takes
		// over a better vote. Java passes over it, and it over Java.
		e.join(n.Vote.Round, e.own)
	}
	e.settle()
}

// count takes in the ballot of another voter.
func (e *Election) count(from quorum.ServerID, n *Notification) {
	switch n.State {
	case Looking:
		e.countLooking(from, n)
	case Following, Leading:
		e.countDecided(from, n)
	case Observing:
		// Does not vote.
	}
}

func (e *Election) countLooking(from quorum.ServerID, n *Notification) {
	if e.own.Zxid == empty || n.Vote.Zxid == empty {
		return
	}
	switch {
	case n.Vote.Round < e.clock:
		return
	case n.Vote.Round > e.clock:
		v := e.own
		if e.isBetter(n.Vote, v) {
			v = n.Vote
		}
		e.join(n.Vote.Round, v)
	case e.isBetter(n.Vote, e.vote):
		e.propose(n.Vote)
	}
	e.round[from] = n.ballot()
}

// join begins anew in a round that others have come to.
func (e *Election) join(round int64, v Vote) {
	e.clock = round
	e.round = ballots{}
	e.propose(v)
}

func (e *Election) countDecided(from quorum.ServerID, n *Notification) {
	b := n.ballot()
	if n.Vote.Round == e.clock {
		e.round[from] = b
		if set := e.round.agreeing(b, sameInRound); e.isQuorum(set) && e.isLed(e.round, n.Vote) {
			e.elect(n.Vote, set)
			return
		}
	}
	// Others may have decided before this server came, in a round it knows nothing of.
	e.decided[from] = b
	if set := e.decided.agreeing(b, same); e.isFollowing(set, n.Vote) && e.isLed(e.decided, n.Vote) {
		e.clock = n.Vote.Round
		e.elect(n.Vote, set)
	}
}

// supporters returns who agrees with the proposal in this round.
func (e *Election) supporters() quorum.Set {
	return e.round.agreeing(ballot{state: Looking, vote: e.vote}, sameInRound)
}

// elect ends the election.
func (e *Election) elect(v Vote, supporters quorum.Set) {
	e.running, e.settling = false, false
	e.round, e.decided = nil, nil
	e.rounds++
	e.vote = v
	switch {
	case v.Leader == e.cfg.Self:
		e.state = Leading
		e.winners = supporters
	case e.cfg.Observer:
		e.state = Observing
	default:
		e.state = Following
	}
	e.do(Elected{e.state, v})
}

// noteDefection remembers who voted for this leader and looks again.
func (e *Election) noteDefection(from quorum.ServerID) {
	if e.winners.Has(from) {
		e.defected.Add(from)
	}
}

// Established says which epoch the leader has established. The vote names it from now
// on, so that all who joined the leader name the same, whatever they knew at first.
func (e *Election) Established(epoch int64) {
	if e.state != Looking {
		e.vote.Epoch = epoch
	}
}

// Designate ends what the member did, without an election: a reconfiguration has made
// it take the state, and named the leader, whose history ends with the zxid.
func (e *Election) Designate(state State, leader quorum.ServerID, zxid proto.Zxid) {
	e.state, e.running, e.settling = state, false, false
	e.winners, e.defected = nil, nil
	e.round, e.decided = nil, nil
	if e.vote.Leader != leader {
		e.vote = Vote{Leader: leader, Zxid: zxid, Round: -1, Epoch: -1}
	}
}
