package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

// Misfortunes that are composed of several, so that what is rare happens.

// loseTail takes from the ensemble a leader that has logged what it could send to nobody,
// or to one only of four: its power fails, or it is cut off until another leads. Clients
// ask for nothing for a while, so that both come back to a leader that has proposed nothing
// yet: then they must forget their tails by TRUNC. Sometimes it is the next leader, and
// then all that it proposes.
func (w *world) loseTail() string {
	p := w.leader()
	if p == nil || w.chance(4) {
		w.doomed = true
		return "the next"
	}
	lost := []*process{p}
	if f := w.some(); f != p && len(w.newest().Voters()) > 3 {
		lost = append(lost, f)
	}
	w.cutFromOthers(lost)
	w.insist(p)
	if len(lost) > 1 && w.chance(2) {
		lost[1].deserts = p
	}
	w.after(w.between(0, w.plan.tick), func() {
		if w.calm {
			return
		}
		w.hold = w.now + 12*w.plan.tick
		if w.chance(3) {
			w.hold += 8 * w.plan.tick
			w.after(w.plan.tick, func() { w.startUnder(lost, 0) })
			return
		}
		for _, x := range lost {
			x.powerOff() // a process that is killed leaves to its kernel what the others have not got
		}
		w.net.mend()
		w.startUnder(lost, 0)
	})
	var ids []quorum.ServerID
	for _, x := range lost {
		ids = append(ids, x.s.id)
	}
	return fmt.Sprint(ids)
}

// cutFromOthers leaves to some servers only the links between them.
func (w *world) cutFromOthers(lost []*process) {
	for _, x := range lost {
		for _, id := range w.ids {
			if !slices.ContainsFunc(lost, func(y *process) bool { return y.s.id == id }) {
				w.cutOff(endpoint(x.s.id), endpoint(id))
				w.cutOff(endpoint(id), endpoint(x.s.id))
			}
		}
	}
}

// insist has the clients of a server ask for writes now.
func (w *world) insist(p *process) {
	for _, c := range w.clients {
		if c.open && !c.closing && !c.dead && !c.readOnly && c.server == int(p.s.id) && w.begun {
			for range 1 + w.IntN(1+w.IntN(10)) {
				c.set(c.register(), -1)
			}
		}
	}
}

// startUnder lets lost servers come back when another leads, or when that has had its time.
func (w *world) startUnder(lost []*process, waited int) {
	const patience = 20 // half ticks
	leader := w.leader()
	if (leader == nil || slices.Contains(lost, leader)) && waited < patience && !w.calm {
		w.after(w.plan.tick/2, func() { w.startUnder(lost, waited+1) })
		return
	}
	w.net.mend()
	for _, x := range lost {
		w.after(w.between(0, w.plan.tick), x.s.start)
	}
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
		if w.calm {
			return
		}
		if dies && leader == w.leader() {
			leader.powerOff()
			leader.s.restartLater()
		}
		x.reset()
	})
}

// failBehindNewLeader restarts a server, whose power fails when it has been brought up and
// makes that durable.
func (w *world) failBehindNewLeader() string {
	p := w.some()
	if p == nil || p == w.leader() {
		return ""
	}
	p.s.crashAt = 1 + w.IntN(12)
	p.kill()
	w.after(w.between(w.plan.tick, 6*w.plan.tick), p.s.start)
	return fmt.Sprintf("%v at operation %d", p.s.id, p.s.crashAt)
}

// rollingRestart stops one member after the other, the next when the one before serves again.
func (w *world) rollingRestart() string {
	var ids []quorum.ServerID
	for _, m := range w.newest().Members {
		ids = append(ids, m.ID)
	}
	w.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	w.roll(ids, 0)
	return fmt.Sprint(ids)
}

// roll goes on when the first of the servers serves, or has had its time.
func (w *world) roll(ids []quorum.ServerID, waited int) {
	if w.calm || len(ids) == 0 {
		return
	}
	p := w.servers[ids[0]].process
	const patience = 10 // ticks
	switch {
	case waited == 0 && p != nil && !p.paused:
		p.stop()
		p.s.after(w.between(0, w.plan.tick), p.s.start)
	case p != nil && p.serving || waited > patience:
		ids, waited = ids[1:], -1
	}
	w.after(w.plan.tick, func() { w.roll(ids, waited+1) })
}

// flap cuts off the leader and another server in turns, each for a short time.
func (w *world) flap() string {
	a, b := w.leader(), w.some()
	if a == nil || b == nil || a == b {
		return ""
	}
	w.swing(a.s.id, b.s.id, 3+w.IntN(6))
	return fmt.Sprint(a.s.id, b.s.id)
}

func (w *world) swing(a, b quorum.ServerID, times int) {
	w.net.mend()
	if w.calm || times == 0 {
		return
	}
	for _, id := range w.ids {
		if id != a {
			w.cutOff(endpoint(a), endpoint(id))
			w.cutOff(endpoint(id), endpoint(a))
		}
	}
	w.after(w.between(w.plan.tick/10, 3*w.plan.tick), func() { w.swing(b, a, times-1) })
}

// reconfigure has a client ask for one server more or less, for another role of one, or for
// other roles, groups and weights of all.
func (w *world) reconfigure() string {
	now := w.newest()
	if now.Hierarchical() && !w.chance(4) || w.chance(5) {
		return w.askForAll()
	}
	id := w.ids[w.IntN(len(w.ids))]
	_, in := now.Member(id)
	least := 3
	if w.plan.fragile {
		least = 1
	}
	switch {
	case !in:
		return w.askFor(&proto.ReconfigRequest{Joining: []byte(memberLine(int(id), []string{participant, observer}[w.IntN(2)]))}, id)
	case now.IsObserver(id):
		return w.askFor(&proto.ReconfigRequest{Joining: []byte(memberLine(int(id), participant))}, id)
	case len(now.Voters()) <= least:
		return ""
	case w.chance(2):
		return w.askFor(&proto.ReconfigRequest{Joining: []byte(memberLine(int(id), observer))}, id)
	}
	return w.askFor(&proto.ReconfigRequest{Leaving: fmt.Append(nil, id)}, id)
}

// loseReconfiguring takes the leader from an ensemble that is changing itself: cut off,
// killed or with all others at once, before it is decided or right behind. Who knows of
// the change is chance, and must not matter; nor that the files do not tell of it.
func (w *world) loseReconfiguring() string {
	what := w.reconfigure()
	if what == "" {
		return ""
	}
	if w.chance(4) {
		for _, id := range w.ids {
			d := w.servers[id].disk
			d.sealed = seenFile
			w.after(2*w.plan.tick, func() { d.sealed = "" })
		}
	}
	w.after(w.between(0, w.between(0, w.plan.tick/4)), func() {
		p := w.leader()
		if p == nil || w.calm {
			return
		}
		w.insist(p)
		switch w.IntN(4) {
		case 0:
			w.cutFromOthers([]*process{p})
		case 1:
			w.powerFailures()
		case 2:
			if f := w.some(); f != p {
				w.cutFromOthers([]*process{p, f})
				break
			}
			fallthrough
		default:
			p.kill()
			p.s.restartLater()
		}
	})
	return what
}

// askForAll asks for a whole configuration.
func (w *world) askForAll() string {
	roles, voters := make([]string, len(w.ids)), 0
	for i := range roles {
		roles[i] = []string{participant, participant, participant, observer, ""}[w.IntN(5)]
		if roles[i] == participant {
			voters++
		}
	}
	if voters < 3 {
		return ""
	}
	c := w.plan.draw(w.source, roles, w.chance(2))
	var ids []quorum.ServerID
	for _, m := range c.Members {
		ids = append(ids, m.ID)
	}
	return w.askFor(&proto.ReconfigRequest{Members: []byte(strings.Join(c.Lines(), ","))}, ids...)
}

// askFor starts the servers, and has a client ask for the reconfiguration, unless a server
// is empty already: several at once are the operator's mistake.
func (w *world) askFor(r *proto.ReconfigRequest, ids ...quorum.ServerID) string {
	c := w.clients[w.IntN(len(w.clients))]
	if !c.open || c.closing || c.readOnly || w.bare(0) {
		return ""
	}
	for _, id := range ids {
		w.servers[id].absent = false
		w.servers[id].start()
	}
	r.Version = -1
	what := fmt.Sprintf("reconfig join %q leave %q all %q", r.Joining, r.Leaving, r.Members)
	c.authenticate(superSecret)
	c.write(proto.OpReconfig, what, r.Append(nil))
	return what
}

// growAndRestart has all servers that are no voters become some, and cuts the power of all
// at about the time at which that is decided (ZOOKEEPER-1367, 335), or that of the new
// voters when they write something, or begin a log.
func (w *world) growAndRestart() string {
	var lines []string
	var ids []quorum.ServerID
	for _, id := range w.ids {
		if !w.newest().IsVoter(id) {
			lines, ids = append(lines, memberLine(int(id), participant)), append(ids, id)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	what := w.askFor(&proto.ReconfigRequest{Joining: []byte(strings.Join(lines, ","))}, ids...)
	if what == "" {
		return ""
	}
	if w.chance(2) {
		for _, id := range ids {
			if d := w.servers[id].disk; w.chance(2) {
				d.crashIn = 1 + w.IntN(20)
			} else {
				d.crashLog = 1 + w.IntN(10)
			}
		}
		return what
	}
	w.after(w.between(0, w.plan.tick/2), func() {
		for _, id := range w.ids {
			if p := w.servers[id].process; p != nil && !w.calm {
				p.powerOff()
				p.s.restartLater()
			}
		}
	})
	return what
}
