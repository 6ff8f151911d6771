package sim

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

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
		{"power failure soon", 8, func(w *world) string { return w.endSoon(false) }},
		{"kill soon", 4, func(w *world) string { return w.endSoon(true) }},
		{"power failure of several", 2, (*world).powerFailures},
		{"quorum lost", 2, (*world).loseQuorum},
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
		{"one operation fails", 5, (*world).failOne},
		{"power failure at a new log", 3, (*world).failAtLog},
		{"history that cannot be cut", 3, (*world).failToCut},
		{"I/O error", 2, func(w *world) string { return w.breakDisk(syscall.EIO) }},
		{"disk full", 2, func(w *world) string { return w.breakDisk(syscall.ENOSPC) }},
		{"clock jump", 2, (*world).jump},
		{"disk wiped", 2, (*world).wipe},
		{"disk wiped that is missed", 3, (*world).wipeOfTwo},
		{"snapshots rot", 4, (*world).rot},
		{"client dies", 3, (*world).clientDies},
		{"client cut off", 3, (*world).cutClient},
		{"disk of an observer as it was", 3, (*world).restoreObserver},
		{"power failure behind NEWLEADER", 4, (*world).failBehindNewLeader},
		{"rolling restart", 2, (*world).rollingRestart},
		{"flapping links", 3, (*world).flap},
		{"reconfiguration", 8, (*world).reconfigure},
		{"leader lost in a reconfiguration", 8, (*world).loseReconfiguring},
		{"growth with a restart", 4, (*world).growAndRestart},
	}
}

// drawKinds draws the kinds of faults of a run: each with a chance, mending always.
func drawKinds(c *source, spares, grows, fragile bool) []string {
	var kinds []string
	for _, f := range allFaults() {
		switch {
		case f.name == "mend", f.name == "reconfiguration" && spares:
			kinds = append(kinds, f.name)
		case strings.Contains(f.name, "reconfiguration") && !spares, f.name == "growth with a restart" && !grows, strings.HasPrefix(f.name, "disk wiped") && fragile:
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

// endSoon lets the power fail inside one of the next operations on a disk, or the process
// end there: what it wrote and did not sync is what it finds again.
func (w *world) endSoon(spared bool) string {
	p := w.some()
	if p == nil {
		return ""
	}
	n := 1 + w.IntN(8)
	if w.chance(3) {
		n = 1 + w.IntN(100)
	}
	p.s.disk.crashIn, p.s.disk.spared = n, spared
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

// jump sets a wall clock. Decisions do not depend on it, but for those about times that
// clients see.
func (w *world) jump() string {
	s := w.servers[w.ids[w.IntN(len(w.ids))]]
	s.wall += w.between(-time.Hour, time.Hour)
	return fmt.Sprintf("%v by now %v", s.id, s.wall)
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
