package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/zab"

	"github.com/anishathalye/porcupine"
)

// world is one run: an ensemble, its clients, and what happens to them.
type world struct {
	*schedule
	*source // of the run's own decisions
	plan    plan
	net     *network
	ids     []quorum.ServerID
	servers map[quorum.ServerID]*server
	clients []*client

	ledger       *ledger
	locals       map[proto.SessionID]*local
	histories    map[string][]porcupine.Operation
	acknowledged proto.Zxid // by anybody
	established  map[int64]quorum.ServerID
	newLeaders   map[int64]quorum.ServerID
	begins       map[int64][]zab.Entry // what leaders had beyond the ledger
	proposed     map[proto.Zxid][]byte
	configs      []quorum.Config

	begun       bool          // the clients have made the first nodes
	quiet       bool          // they ask for nothing any more
	hold        time.Duration // until then they ask for nothing
	uncut       int           // operation of the next server that cuts its history at which its disk fails; 0: it does not
	doomed      bool          // the next leader is lost at once, with all that it has proposed
	calm        bool          // nothing bad happens any more
	undisturbed bool          // nor has anything
	values      int
	succeeded   int // writes
	born        int // clients that took the place of others
	links       int
	stats       Stats
	log         *trace
	failed      *Violation
}

// Options say what a run is besides its seed.
type Options struct {
	Calm bool              // nothing bad happens
	Tell func(line string) // told each line of the trace; nil: nobody is
}

func newWorld(seed uint64, opt Options) *world {
	s := &schedule{seed: seed}
	w := &world{
		schedule: s, source: s.source("run"), net: newNetwork(s), servers: map[quorum.ServerID]*server{}, locals: map[proto.SessionID]*local{},
		histories: map[string][]porcupine.Operation{}, established: map[int64]quorum.ServerID{},
		newLeaders: map[int64]quorum.ServerID{}, begins: map[int64][]zab.Entry{}, proposed: map[proto.Zxid][]byte{}, log: newTrace(), calm: opt.Calm, undisturbed: opt.Calm,
	}
	w.log.tell = opt.Tell
	w.stats = newStats()
	w.plan = newPlan(w.source, opt.Calm)
	w.plan.clientele = drawClientele(s.source("clientele"))
	w.ledger = newLedger(w.plan.ensemble.String())
	w.configs = []quorum.Config{w.plan.ensemble}
	for id := 1; id <= len(w.plan.ensemble.Members)+w.plan.spares; id++ {
		w.addServer(quorum.ServerID(id), id > len(w.plan.ensemble.Members))
	}
	return w
}

func (w *world) addServer(id quorum.ServerID, absent bool) {
	src := w.schedule.source(fmt.Sprintf("server %v", id))
	s := &server{w: w, id: id, source: src, disk: newDisk(w.schedule.source(fmt.Sprintf("disk %v", id))), absent: absent}
	w.servers[id] = s
	w.ids = append(w.ids, id)
}

// trace notes what happens.
func (w *world) trace(format string, args ...any) { w.log.add(w.now, format, args...) }

// violated notes what must not be. The run ends.
func (w *world) violated(invariant, format string, args ...any) {
	if w.failed == nil {
		w.failed = &Violation{invariant, fmt.Sprintf(format, args...)}
		w.trace("VIOLATED %s: %s", invariant, w.failed.What)
	}
}

// brought counts how learners are brought up to date.
func (w *world) brought(t zab.Type) {
	switch t {
	case zab.Diff:
		w.stats.Events["DIFF"]++
	case zab.Trunc:
		w.stats.Events["TRUNC"]++
	}
}

// Run runs the ensemble of a seed through its bad days and then wants it to recover. It
// is a function of its arguments.
func Run(seed uint64, opt Options) *Report {
	w := newWorld(seed, opt)
	w.trace("%s", w.plan.String())
	for _, id := range w.ids {
		s := w.servers[id]
		s.after(s.between(0, w.plan.tick), s.start)
	}
	for i := range w.plan.clients {
		w.clients = append(w.clients, newClient(w, i+1))
	}
	if !w.calm {
		w.after(w.between(w.plan.tick, 10*w.plan.tick), w.misfortune)
	}
	w.until(w.plan.length, func() bool { return false })
	w.recover()
	if w.failed == nil {
		w.linearizable()
	}
	return &Report{
		Seed: seed, Violation: w.failed, Stats: w.stats, Lasted: w.now, Sum: w.log.sum.Sum64(), Trace: w.log.last(), Plan: w.plan.String(),
	}
}

// value returns a new value, which is long now and then if the plan says so.
func (w *world) value() string {
	w.values++
	v := fmt.Sprintf("v%d", w.values)
	if w.plan.padding > 0 && w.chance(4) {
		v += strings.Repeat(".", w.IntN(w.plan.padding))
	}
	return v
}

// until lets things happen for some time, or until something holds. It returns whether
// that does.
func (w *world) until(d time.Duration, holds func() bool) bool {
	end := w.now + d
	for n := 0; w.failed == nil; n++ {
		if n%64 == 0 && holds() {
			return true
		}
		if !w.step(end) {
			return holds()
		}
	}
	return false
}

// patience is how many ticks the ensemble has to recover.
const patience = 120

// recover ends everything bad and wants all servers to serve, all clients to get
// answers, and all trees to be equal.
func (w *world) recover() {
	if w.failed != nil {
		return
	}
	w.trace("-- all goes well from here on")
	w.heal()
	if !w.until(patience*w.plan.tick, w.serves) {
		w.stuck("not all servers serve")
		return
	}
	before := w.succeeded
	if !w.until(patience*w.plan.tick, func() bool { return w.succeeded > before+5 && w.begun }) {
		w.stuck("clients get no answers")
		return
	}
	w.quiet = true
	if !w.until(patience*w.plan.tick, w.atRest) {
		w.stuck("the servers do not come to rest: " + w.unrest())
		return
	}
	w.idle()
	w.compare("Final")
	w.powerCycle()
}

// idle restarts a member that does not lead, and then lets nothing happen for longer than
// any limit is, but that servers and clients say that they are there. Nobody may look for a
// leader, but at the end of an epoch.
func (w *world) idle() {
	if s := w.members()[w.IntN(len(w.members()))]; w.failed == nil && s.process != w.leader() {
		s.process.stop()
		s.after(w.between(0, w.plan.tick), s.start)
		if !w.until(patience*w.plan.tick, w.serves) {
			w.stuck(fmt.Sprintf("server %v does not serve again", s.id))
			return
		}
	}
	before, from := w.stays(), w.ledger.last()
	w.until(12*w.plan.tick, func() bool { return false })
	if from.Epoch() != w.ledger.last().Epoch() || w.ledger.last().Counter() == zab.LastCounter {
		return
	}
	for id, stay := range w.stays() {
		if stay != before[id] {
			w.violated("Liveness", "server %v has looked for a leader although all was well and nobody asked for anything", id)
		}
	}
}

// stays returns how often each member has begun a role.
func (w *world) stays() map[quorum.ServerID]int {
	stays := map[quorum.ServerID]int{}
	for _, s := range w.members() {
		stays[s.id] = s.roles
	}
	return stays
}

func (w *world) stuck(what string) {
	if w.failed == nil {
		w.violated("Liveness", "%s after %d ticks in which all went well", what, patience)
	}
}

// powerCycle cuts the power of all servers at once. Nothing may be lost.
func (w *world) powerCycle() {
	if w.failed != nil {
		return
	}
	w.trace("-- the power fails everywhere")
	for _, id := range w.ids {
		if s := w.servers[id]; s.process != nil {
			s.process.powerOff()
			s.restartLater()
		}
	}
	if !w.until(patience*w.plan.tick, w.serves) || !w.until(patience*w.plan.tick, w.atRest) {
		w.stuck("the servers do not recover from a failure of all power")
		return
	}
	w.compare("Final")
}

// heal ends everything bad.
func (w *world) heal() {
	w.calm, w.uncut = true, 0
	w.net.mend()
	w.net.delay = [2]time.Duration{50 * time.Microsecond, time.Millisecond}
	w.plan.lossy = false
	for _, id := range w.ids {
		s := w.servers[id]
		d := s.disk
		d.broken, d.crashIn, d.crashLog, d.failIn, d.sealed, s.fsync, s.crashAt = 0, 0, 0, 0, "", 0, 0
		if s.process != nil && s.process.paused {
			s.process.resume()
		}
		s.start()
	}
}

// members returns the servers that are in the newest configuration.
func (w *world) members() []*server {
	var list []*server
	for _, m := range w.newest().Members {
		list = append(list, w.servers[m.ID])
	}
	return list
}

// serves says that all members serve.
func (w *world) serves() bool {
	for _, s := range w.members() {
		if s.process == nil || !s.process.serving {
			return false
		}
	}
	return true
}

// atRest says that all members have applied everything, and that only the sessions of
// clients that live are open.
func (w *world) atRest() bool { return w.unrest() == "" }

// unrest says what still has to happen; "": nothing.
func (w *world) unrest() string {
	for _, c := range w.clients {
		if len(c.waiting) > 0 && c.waiting[0].op != proto.OpPing {
			return fmt.Sprintf("client %d waits for the answer to %s", c.id, c.waiting[0].what)
		}
	}
	for _, s := range w.members() {
		switch {
		case s.process == nil || !s.process.serving:
			return fmt.Sprintf("server %v does not serve", s.id)
		case w.ledger.index(s.process.db.LastZxid()) != len(w.ledger.entries):
			return fmt.Sprintf("server %v has come to %v", s.id, s.process.db.LastZxid())
		case !s.process.localsEnd():
			return fmt.Sprintf("server %v: %d sessions are local, its database has %d and its tracker %d", s.id,
				w.localsAt(s), s.process.db.Counts().Locals, s.process.steps.Member().Locals().Len())
		}
	}
	live := map[proto.SessionID]bool{}
	for _, c := range w.clients {
		live[c.session] = !c.dead
	}
	for _, id := range slices.Sorted(maps.Keys(w.ledger.sessions)) {
		if !live[id] {
			return fmt.Sprintf("session %v is open", id)
		}
	}
	return ""
}

// compare wants every tree to be what was committed.
func (w *world) compare(invariant string) {
	for _, s := range w.members() {
		if at, wrong := s.process.state(); wrong != "" {
			w.violated(invariant, "server %v at %v: %s", s.id, at, wrong)
		}
		if got, want := s.process.members.committed.Version, w.newest().Version; got != want {
			w.violated(invariant, "server %v has configuration %x, want %x", s.id, got, want)
		}
		open := s.process.db.Sessions()
		for _, id := range slices.Sorted(maps.Keys(open)) {
			if _, ok := w.ledger.sessions[id]; !ok {
				w.violated("Session", "server %v has session %v, which is closed", s.id, id)
			}
		}
		if len(open) != len(w.ledger.sessions) {
			w.violated("Session", "server %v has %d sessions, want %d", s.id, len(open), len(w.ledger.sessions))
		}
	}
}
