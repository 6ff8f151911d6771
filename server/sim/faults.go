package sim

import (
	"fmt"
	"slices"
	"syscall"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

// fault is one kind of misfortune. do says what it did, "" when it could not.
type fault struct {
	name   string
	weight int
	do     func(w *world) string
}

// allFaults returns all kinds. A run has some of them.
func allFaults() []fault {
	return []fault{
		{"kill", 6, (*world).kill},
		{"power failure", 6, (*world).powerFailure},
		{"power failure soon", 8, (*world).powerFailureSoon},
		{"power failure of several", 2, (*world).powerFailures},
		{"stop", 3, (*world).stop},
		{"pause", 4, (*world).pause},
		{"partition", 5, (*world).partition},
		{"one-way partition", 4, (*world).oneWay},
		{"bridge", 3, (*world).bridge},
		{"leader cut off", 4, (*world).cutLeader},
		{"leader lost with a tail", 9, (*world).loseTail},
		{"link lost behind SNAP", 4, (*world).loseSnap},
		{"mend", 8, (*world).mendSome},
		{"link reset", 6, (*world).resetLink},
		{"slow link", 3, (*world).slowLink},
		{"slow disk", 3, (*world).slowDisk},
		{"I/O error", 2, func(w *world) string { return w.breakDisk(syscall.EIO) }},
		{"disk full", 2, func(w *world) string { return w.breakDisk(syscall.ENOSPC) }},
		{"clock jump", 2, (*world).jump},
		{"disk wiped", 2, (*world).wipe},
		{"disk wiped that is missed", 3, (*world).wipeOfTwo},
		{"client dies", 3, (*world).clientDies},
		{"client cut off", 3, (*world).cutClient},
		{"reconfiguration", 6, (*world).reconfigure},
	}
}

// drawKinds draws the kinds of faults of a run: each with a chance, mending always.
func drawKinds(c *source, spares bool) []string {
	var kinds []string
	for _, f := range allFaults() {
		switch {
		case f.name == "mend", f.name == "reconfiguration" && spares:
			kinds = append(kinds, f.name)
		case f.name == "reconfiguration":
		case c.chance(2):
			kinds = append(kinds, f.name)
		}
	}
	return kinds
}

// misfortune is the next fault, and goes on.
func (w *world) misfortune() {
	if w.calm {
		return
	}
	var list []fault
	sum := 0
	for _, f := range allFaults() {
		if slices.Contains(w.plan.kinds, f.name) {
			list = append(list, f)
			sum += f.weight
		}
	}
	r := w.IntN(sum)
	for _, f := range list {
		if r -= f.weight; r < 0 {
			if what := f.do(w); what != "" {
				w.stats.Faults[f.name]++
				w.trace("-- %s: %s", f.name, what)
			}
			break
		}
	}
	w.after(w.between(w.plan.often/4, 2*w.plan.often), w.misfortune)
}

// some returns a server that runs, or nil.
func (w *world) some() *process {
	var list []*process
	for _, id := range w.ids {
		if p := w.servers[id].process; p != nil {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list[w.IntN(len(list))]
}

// leader returns a server that leads and serves, or nil.
func (w *world) leader() *process {
	for _, id := range w.ids {
		if p := w.servers[id].process; p != nil && p.serving && p.transport.listening != nil {
			return p
		}
	}
	return nil
}

func (w *world) kill() string {
	p := w.some()
	if p == nil {
		return ""
	}
	p.kill()
	p.s.restartLater()
	return fmt.Sprint(p.s.id)
}

func (w *world) powerFailure() string {
	p := w.some()
	if p == nil {
		return ""
	}
	p.powerOff()
	p.s.restartLater()
	return fmt.Sprint(p.s.id)
}

// powerFailureSoon lets the power fail inside one of the next operations on a disk.
func (w *world) powerFailureSoon() string {
	p := w.some()
	if p == nil {
		return ""
	}
	n := 1 + w.IntN(8)
	if w.chance(3) {
		n = 1 + w.IntN(100)
	}
	p.s.disk.crashIn = n
	return fmt.Sprintf("%v in %d operations", p.s.id, n)
}

// powerFailures takes several servers down at once, often all.
func (w *world) powerFailures() string {
	var ids []quorum.ServerID
	for _, id := range w.ids {
		if p := w.servers[id].process; p != nil && !w.chance(3) {
			p.powerOff()
			p.s.restartLater()
			ids = append(ids, id)
		}
	}
	return fmt.Sprint(ids)
}

func (w *world) stop() string {
	p := w.some()
	if p == nil || p.paused {
		return ""
	}
	p.stop()
	p.s.restartLater()
	return fmt.Sprint(p.s.id)
}

func (w *world) pause() string {
	p := w.some()
	if p == nil || p.paused {
		return ""
	}
	d := w.between(w.plan.tick/4, 12*w.plan.tick)
	p.pause()
	w.after(d, func() {
		if p.paused && !p.ended {
			p.resume()
		}
	})
	return fmt.Sprintf("%v for %v", p.s.id, d)
}

// cutOff cuts what goes from one endpoint to another until it is mended.
func (w *world) cutOff(from, to endpoint) { w.net.cut[way{from, to}] = true }

// partition divides the servers into two halves.
func (w *world) partition() string {
	var one, other []quorum.ServerID
	for _, id := range w.ids {
		if w.chance(2) {
			one = append(one, id)
		} else {
			other = append(other, id)
		}
	}
	for _, a := range one {
		for _, b := range other {
			w.cutOff(endpoint(a), endpoint(b))
			w.cutOff(endpoint(b), endpoint(a))
		}
	}
	return fmt.Sprint(one, other)
}

func (w *world) oneWay() string {
	a, b := w.ids[w.IntN(len(w.ids))], w.ids[w.IntN(len(w.ids))]
	if a == b {
		return ""
	}
	w.cutOff(endpoint(a), endpoint(b))
	return fmt.Sprintf("%v to %v", a, b)
}

// bridge leaves one server that reaches all others, which do not reach each other.
func (w *world) bridge() string {
	mid := w.ids[w.IntN(len(w.ids))]
	for _, a := range w.ids {
		for _, b := range w.ids {
			if a != mid && b != mid && a != b && (a < mid) != (b < mid) {
				w.cutOff(endpoint(a), endpoint(b))
			}
		}
	}
	return fmt.Sprint("around ", mid)
}

func (w *world) cutLeader() string {
	p := w.leader()
	if p == nil {
		return ""
	}
	for _, id := range w.ids {
		if id != p.s.id {
			w.cutOff(endpoint(p.s.id), endpoint(id))
			w.cutOff(endpoint(id), endpoint(p.s.id))
		}
	}
	return fmt.Sprint(p.s.id)
}

// loseTail kills a leader that has logged what it could send to nobody, or to one only of
// four. Clients ask for nothing for a while, so that both come back before the next leader
// has proposed anything: then they must forget their tails by TRUNC.
func (w *world) loseTail() string {
	p := w.leader()
	if p == nil {
		return ""
	}
	lost := []*process{p}
	if f := w.some(); f != p && len(w.newest().Voters()) > 3 {
		lost = append(lost, f)
	}
	for _, x := range lost {
		for _, id := range w.ids {
			if !slices.ContainsFunc(lost, func(y *process) bool { return y.s.id == id }) {
				w.cutOff(endpoint(x.s.id), endpoint(id))
				w.cutOff(endpoint(id), endpoint(x.s.id))
			}
		}
	}
	w.after(w.between(0, w.plan.tick), func() {
		w.hold = w.now + 12*w.plan.tick
		for _, x := range lost {
			x.kill()
			w.after(w.between(w.plan.tick, 3*w.plan.tick), x.s.start)
		}
		w.net.mend()
	})
	var ids []quorum.ServerID
	for _, x := range lost {
		ids = append(ids, x.s.id)
	}
	return fmt.Sprint(ids)
}

// loseSnap lets the link break that brings a server its next snapshot, and sees to it that
// one is brought: right behind the snapshot, when it is in memory and not on the disk, or
// a little later. Sometimes it is the leader that dies then.
func (w *world) loseSnap() string {
	p := w.some()
	if p == nil || p == w.leader() {
		return ""
	}
	p.s.loseSnap = 1 + w.IntN(3)
	p.kill()
	w.after(w.between(w.plan.tick, 6*w.plan.tick), p.s.start)
	return fmt.Sprint(p.s.id)
}

// brokeOff is told that a snapshot has come over a link and is in memory.
func (w *world) brokeOff(x *link) {
	s := x.t.p.s
	if s.loseSnap == 0 || w.calm {
		return
	}
	s.loseSnap--
	leader, dies := x.other.t.p, w.chance(3)
	w.after(w.between(0, w.between(0, 20*time.Millisecond)), func() {
		if dies && leader == w.leader() {
			leader.powerOff()
			leader.s.restartLater()
		}
		x.reset()
	})
}

func (w *world) mendSome() string {
	if len(w.net.cut) == 0 && len(w.net.slow) == 0 {
		return ""
	}
	w.net.mend()
	return "all"
}

func (w *world) resetLink() string {
	p := w.some()
	if p == nil || p.transport == nil {
		return ""
	}
	links := p.transport.all()
	if len(links) == 0 {
		return ""
	}
	x := links[w.IntN(len(links))]
	x.reset()
	return fmt.Sprintf("of %v", p.s.id)
}

func (w *world) slowLink() string {
	a, b := w.ids[w.IntN(len(w.ids))], w.ids[w.IntN(len(w.ids))]
	d := w.between(time.Millisecond, 2*w.plan.tick)
	w.net.slow[way{endpoint(a), endpoint(b)}] = d
	return fmt.Sprintf("%v to %v by %v", a, b, d)
}

func (w *world) slowDisk() string {
	s := w.servers[w.ids[w.IntN(len(w.ids))]]
	s.fsync = w.between(0, w.plan.tick)
	if w.chance(3) {
		s.fsync = 0
	}
	return fmt.Sprintf("%v %v", s.id, s.fsync)
}

// breakDisk makes every operation of a disk that writes fail for a while.
func (w *world) breakDisk(err syscall.Errno) string {
	s := w.servers[w.ids[w.IntN(len(w.ids))]]
	s.disk.broken = err
	d := w.between(w.plan.tick/2, 6*w.plan.tick)
	w.after(d, func() { s.disk.broken = 0 })
	return fmt.Sprintf("%v for %v", s.id, d)
}

// jump sets a wall clock. Decisions do not depend on it, but for those about times that
// clients see.
func (w *world) jump() string {
	s := w.servers[w.ids[w.IntN(len(w.ids))]]
	s.wall += w.between(-time.Hour, time.Hour)
	return fmt.Sprintf("%v by now %v", s.id, s.wall)
}

// wipe replaces the disk of a server by an empty one. It must not happen to another before
// a leader has brought this one up: that is the rule for operators, too.
func (w *world) wipe() string {
	return w.wipeServer(w.servers[w.ids[w.IntN(len(w.ids))]])
}

// wipeServer wipes the disk of a server, if the rule permits.
func (w *world) wipeServer(s *server) string {
	for _, id := range w.ids {
		s := w.servers[id]
		if s.wiped && (s.process == nil || !s.process.serving) {
			return ""
		}
		s.wiped = false
	}
	if len(w.ledger.entries) == 0 {
		return ""
	}
	if s.absent {
		return ""
	}
	if s.process != nil {
		s.process.powerOff()
	}
	s.wiped = true
	s.disk.wipe()
	s.restartLater()
	return fmt.Sprint(s.id)
}

// wipeOfTwo wipes the disk of a server that alone knows with the leader what was committed
// last, and cuts off the leader: the others must not begin without what it knew.
func (w *world) wipeOfTwo() string {
	p := w.leader()
	voters := w.newest().Voters()
	if p == nil || len(voters) != 3 {
		return ""
	}
	var others []*server
	for _, id := range voters {
		if id != p.s.id {
			others = append(others, w.servers[id])
		}
	}
	if w.chance(2) {
		slices.Reverse(others)
	}
	know, lag := others[0], others[1]
	cut := func(s *server) {
		w.cutOff(endpoint(p.s.id), endpoint(s.id))
		w.cutOff(endpoint(s.id), endpoint(p.s.id))
	}
	cut(lag)
	w.after(w.between(w.plan.tick, 3*w.plan.tick), func() {
		if w.calm || w.wipeServer(know) == "" {
			return
		}
		cut(know)
		w.trace("-- %v wiped, and the leader %v cut off", know.id, p.s.id)
	})
	return fmt.Sprintf("%v, while %v lags behind %v", know.id, lag.id, p.s.id)
}

func (w *world) clientDies() string {
	i := w.IntN(len(w.clients))
	c := w.clients[i]
	c.die()
	w.clients[i] = newClient(w, 100+w.born)
	w.born++
	return fmt.Sprint(c.id)
}

func (w *world) cutClient() string {
	c := w.clients[w.IntN(len(w.clients))]
	for _, id := range w.ids {
		if w.chance(2) {
			w.cutOff(c.endpoint(), endpoint(id))
			w.cutOff(endpoint(id), c.endpoint())
		}
	}
	return fmt.Sprint(c.id)
}

// reconfigure has a client ask for one server more or less, or for another role of one.
func (w *world) reconfigure() string {
	c := w.clients[w.IntN(len(w.clients))]
	if !c.open {
		return ""
	}
	now := w.newest()
	id := w.ids[w.IntN(len(w.ids))]
	var joining, leaving []byte
	_, in := now.Member(id)
	voters := len(now.Voters())
	switch {
	case !in:
		joining = []byte(memberLine(int(id), []string{"participant", "observer"}[w.IntN(2)]))
	case now.IsObserver(id):
		joining = []byte(memberLine(int(id), "participant"))
	case voters <= 3:
		return ""
	case w.chance(2):
		joining = []byte(memberLine(int(id), "observer"))
	default:
		leaving = fmt.Append(nil, id)
	}
	w.servers[id].absent = false
	w.servers[id].start()
	body := (&proto.ReconfigRequest{Joining: joining, Leaving: leaving, Version: -1}).Append(nil)
	c.write(proto.OpReconfig, fmt.Sprintf("reconfig join %q leave %q", joining, leaving), body)
	return fmt.Sprintf("join %q leave %q", joining, leaving)
}

// newest returns the newest committed configuration.
func (w *world) newest() quorum.Config {
	last := w.configs[0]
	for _, c := range w.configs {
		if c.Version > last.Version {
			last = c
		}
	}
	return last
}
