package election

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

var seedFlag = flag.Uint64("seed", 0, "run the simulation of this seed only")

// TestSimulation runs ensembles on networks that lose and delay, with members that crash
// and come back, and with as much of the broadcast as an election depends on. It wants a
// leader that all follow once the network is quiet, and the best one when all look at the
// same time.
func TestSimulation(t *testing.T) {
	t.Parallel()
	if *seedFlag != 0 {
		simulate(t, *seedFlag)
		return
	}
	runs := 500
	if testing.Short() {
		runs = 100
	}
	first := uint64(time.Now().UnixNano())
	for i := range uint64(runs) {
		if simulate(t, first+i); t.Failed() {
			return
		}
	}
}

// world is a simulated ensemble.
type world struct {
	t       *testing.T
	seed    uint64
	r       *rand.Rand
	config  quorum.Config
	servers []*server
	now     int64
	flying  []parcel
	arrival map[[2]quorum.ServerID]int64 // links keep the order
	last    map[[2]quorum.ServerID][]byte
	loss    float64
	delay   int64
	epoch   int64 // the last one established
	trace   []string
}

type server struct {
	id          quorum.ServerID
	observer    bool
	e           *Election // nil: crashed
	zxid        proto.Zxid
	epoch       int64
	since       int64 // when the last election ended
	established bool  // leads a quorum, or follows such a leader
}

type parcel struct {
	at      int64
	from    quorum.ServerID
	to      *server
	payload []byte
}

func simulate(t *testing.T, seed uint64) {
	w := newWorld(t, seed)
	for w.now < 20_000 {
		w.step()
		if w.r.IntN(3000) == 0 {
			s := w.servers[w.r.IntN(len(w.servers))]
			if s.e == nil {
				w.start(s)
			} else {
				w.logf("%v crashes", s.id)
				s.e = nil
			}
		}
	}
	w.logf("quiet")
	w.loss, w.delay = 0, 20
	for _, s := range w.servers {
		if s.e == nil {
			w.start(s)
		}
	}
	for end := w.now + 200_000; !w.agree(); w.step() {
		if w.now > end {
			w.failf("no leader long after the network is quiet")
			return
		}
	}

	w.logf("all anew")
	var best *server
	for _, s := range w.servers {
		s.zxid += proto.Zxid(w.r.Int64N(4)) // proposals that not all have logged
		if best == nil || !s.observer && w.better(s, best) {
			best = s
		}
		s.e = nil
	}
	w.flying = nil
	for _, s := range w.servers {
		s.since = w.now + w.r.Int64N(100) // when it starts
	}
	for end := w.now + 30_000; !w.agree(); w.step() {
		for _, s := range w.servers {
			if s.e == nil && w.now >= s.since {
				w.start(s)
			}
		}
		if w.now > end {
			w.failf("no leader though all were started at the same time")
			return
		}
	}
	if best.e.State() != Leading {
		w.failf("%v is the best and does not lead", best.id)
	}
}

func newWorld(t *testing.T, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 0))
	w := &world{t: t, seed: seed, r: r, epoch: 3, arrival: map[[2]quorum.ServerID]int64{}, last: map[[2]quorum.ServerID][]byte{}}
	text := ""
	voters := quorum.ServerID(3 + r.IntN(5))
	for id := quorum.ServerID(1); id <= voters+1; id++ {
		role := "participant"
		if id > voters {
			role = "observer"
		}
		text += fmt.Sprintf("server.%v=h:1:2:%s\n", id, role)
		epoch := r.Int64N(3)
		w.servers = append(w.servers, &server{id: id, observer: id > voters, epoch: epoch, zxid: proto.NewZxid(epoch, r.Uint32N(4))})
	}
	c, err := quorum.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	w.config = c
	w.loss, w.delay = 0.05+0.4*r.Float64(), 400
	for _, s := range w.servers {
		w.start(s)
	}
	return w
}

// better says that a has the longer history than b.
func (w *world) better(a, b *server) bool {
	switch {
	case a.epoch != b.epoch:
		return a.epoch > b.epoch
	case a.zxid != b.zxid:
		return a.zxid > b.zxid
	}
	return a.id > b.id
}

func (w *world) start(s *server) {
	w.logf("%v starts with zxid %v epoch %d", s.id, s.zxid, s.epoch)
	s.e = New(Config{Self: s.id, Quorum: w.config, Observer: s.observer})
	for _, o := range w.servers { // what was sent last is sent again when a connection begins
		delete(w.last, [2]quorum.ServerID{s.id, o.id})
		if b := w.last[[2]quorum.ServerID{o.id, s.id}]; b != nil && o.e != nil && o != s {
			w.fly(o, s, b)
		}
	}
	w.look(s)
}

// fly puts a notification on its way.
func (w *world) fly(from, to *server, payload []byte) {
	link := [2]quorum.ServerID{from.id, to.id}
	at := max(w.now+1+w.r.Int64N(w.delay), w.arrival[link])
	w.arrival[link] = at
	w.flying = append(w.flying, parcel{at, from.id, to, payload})
}

func (w *world) look(s *server) {
	s.established = false
	s.e.Look(s.zxid, s.epoch, w.now)
	w.collect(s)
}

// step lets a millisecond pass.
func (w *world) step() {
	w.now++
	rest := w.flying[:0]
	var due []parcel
	for _, p := range w.flying {
		if p.at <= w.now {
			due = append(due, p)
		} else {
			rest = append(rest, p)
		}
	}
	w.flying = rest
	for _, p := range due {
		w.receive(p)
	}
	for _, s := range w.servers {
		if s.e == nil {
			continue
		}
		if at, ok := s.e.Deadline(); ok && at <= w.now {
			s.e.Tick(w.now)
			w.collect(s)
		}
	}
	if w.now%100 == 0 {
		w.link()
		w.serve()
	}
}

// link tells all who is up: who is, is reached.
func (w *world) link() {
	var up quorum.Set
	for _, s := range w.servers {
		if s.e != nil {
			up.Add(s.id)
		}
	}
	for _, s := range w.servers {
		if s.e != nil {
			s.e.Reach(up, w.now)
			w.collect(s)
		}
	}
}

func (w *world) receive(p parcel) {
	if p.to.e == nil {
		return
	}
	n, err := ParseNotification(p.payload)
	if err != nil {
		w.failf("%v", err)
		return
	}
	p.to.e.Step(p.from, n, w.now)
	w.collect(p.to)
}

func (w *world) collect(s *server) {
	for _, a := range s.e.Actions() {
		switch a := a.(type) {
		case Elected:
			w.logf("%v is elected: %v %v by %v", s.id, a.State, a.Vote, s.e.winners)
			s.since = w.now
			if a.State == Leading && a.Vote.Leader != s.id || a.State == Observing != s.observer && a.State != Leading {
				w.failf("%v is elected %v", s.id, a)
			}
		case Send:
			if a.To == s.id {
				w.failf("%v tells itself", s.id)
			}
			b := a.Notification.Append(nil)
			w.last[[2]quorum.ServerID{s.id, a.To}] = b
			if w.r.Float64() >= w.loss {
				w.fly(s, w.servers[a.To-1], b)
			}
		case Adopt:
			w.failf("%v adopts %q", s.id, a.Config)
		}
	}
}

// serve stands for all that comes after an election: a leader that a quorum follows
// establishes an epoch, and those whose hopes were in vain look again.
func (w *world) serve() {
	for _, s := range w.servers {
		if s.e == nil || s.e.State() == Looking || w.now < s.since+1500 {
			continue
		}
		leader := w.servers[s.e.Vote().Leader-1]
		again := s.established && leader.established && s.epoch != leader.epoch // it has led once more since: the link was lost
		if leader.e == nil || leader.e.State() != Leading || again {
			w.logf("%v finds no leader", s.id)
			w.look(s)
			continue
		}
		if leader == s {
			w.lead(s)
		}
	}
}

func (w *world) lead(s *server) {
	var set quorum.Set
	followers := []*server{s}
	for _, f := range w.servers {
		if f == s || f.e != nil && f.e.State() != Looking && f.e.Vote().Leader == s.id && f.e.State() != Leading {
			set.Add(f.id)
			if f != s {
				followers = append(followers, f)
			}
		}
	}
	switch {
	case !w.config.HasQuorum(set):
		w.logf("%v has no quorum, but %v", s.id, set)
		w.look(s)
		return
	case !s.established:
		for _, f := range followers {
			if !f.observer && w.better(f, s) && (f.epoch != s.epoch || f.zxid != s.zxid) {
				w.logf("%v is ahead of its leader %v", f.id, s.id)
				w.look(s)
				return
			}
		}
		w.epoch++
		s.epoch, s.zxid = w.epoch, proto.NewZxid(w.epoch, 0)
		w.logf("%v establishes epoch %d with %v", s.id, w.epoch, set)
	}
	for _, f := range followers {
		if !f.established {
			f.established, f.epoch, f.zxid = true, s.epoch, s.zxid
			f.e.Established(s.epoch)
		}
	}
}

// agree says that all follow one established leader.
func (w *world) agree() bool {
	for _, s := range w.servers {
		if s.e == nil || s.e.State() == Looking || !s.established || s.e.Vote().Leader != w.servers[0].e.Vote().Leader {
			return false
		}
	}
	return w.servers[w.servers[0].e.Vote().Leader-1].e.State() == Leading
}

func (w *world) logf(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf("%7d ", w.now)+fmt.Sprintf(format, args...))
}

func (w *world) failf(format string, args ...any) {
	w.t.Helper()
	if len(w.trace) > 200 {
		w.trace = w.trace[len(w.trace)-200:]
	}
	for _, line := range w.trace {
		w.t.Log(line)
	}
	w.t.Errorf("seed %d, at %d: %s", w.seed, w.now, fmt.Sprintf(format, args...))
}
