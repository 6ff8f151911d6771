package zab_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gokeeper/server/quorum"
	"gokeeper/server/zab"
)

var (
	simSeeds = flag.Int("seeds", 3000, "how many ensembles TestSimulation runs")
	simFirst = flag.Uint64("first", 1, "seed of the first")
	simSeed  = flag.Uint64("seed", 0, "run only this ensemble, and tell its story")
)

// TestSimulation runs ensembles of machines with fake disks, links that break, crashes at
// any point, and elections that choose well or badly. A seed is a bug report.
func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		simulate(t, *simSeed, true)
		return
	}
	for seed := range uint64(*simSeeds) {
		if simulate(t, *simFirst+seed, false); t.Failed() {
			return
		}
	}
}

// simPacket is a packet on its way to a learner, with a snapshot behind a SNAP.
type simPacket struct {
	zab.Packet
	payload []zab.Entry
}

// simLink connects a learner with its leader. Once it is broken, each side gets what was
// on its way, or a part of it, and then hears of the end.
type simLink struct {
	id              zab.LinkID
	leader, learner *simNode
	up              []zab.Packet
	down            []simPacket
	broken          bool
}

// simWorld is an ensemble.
type simWorld struct {
	seed        uint64
	rand        *rand.Rand
	nodes       []*simNode
	configs     []quorum.Config // that were ever committed
	links       []*simLink
	now         int64
	mark        int64
	made        zab.LinkID
	established map[int64]quorum.ServerID
	committed   []zab.Entry // by anybody, ever

	keep           int  // length of windows
	disk, snap     bool // LeaderConfig.DiskSync and ForceSnap
	epochZxid      bool // a database's zxid is the epoch's beginning once that is established
	reconfig       bool
	crashes, drops int // one action of so many
	loud           bool
	story          []string
	failure        string
}

func (w *simWorld) chance(one int) bool { return w.rand.IntN(one) == 0 }

func (w *simWorld) fail(format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf(format, args...)
	}
}

// trace notes what happens, if somebody wants to know. Actions print as in scripts.
func (w *simWorld) trace(format string, args ...any) {
	if !w.loud {
		return
	}
	for i, a := range args {
		if x, ok := a.(zab.Action); ok {
			args[i] = showAction(x)
		}
	}
	w.story = append(w.story, fmt.Sprintf(format, args...))
}

func newWorld(seed uint64, loud bool) *simWorld {
	w := &simWorld{seed: seed, rand: rand.New(rand.NewPCG(seed, 0)), established: map[int64]quorum.ServerID{}, loud: loud}
	w.keep = 1 + w.rand.IntN(6)
	w.disk, w.snap, w.epochZxid = w.chance(2), w.chance(8), w.chance(2)
	w.crashes, w.drops = 100+w.rand.IntN(400), 20+w.rand.IntN(100)
	voters := 3
	if w.chance(3) {
		voters = 4 + w.rand.IntN(2)
	}
	w.reconfig = w.chance(2)
	var ids, observers []quorum.ServerID
	for id := range quorum.ServerID(voters) {
		ids = append(ids, id+1)
	}
	if w.chance(4) {
		observers = append(observers, 9)
	}
	w.begin(ensemble(0, ids, observers))
	for joiner := quorum.ServerID(6); w.reconfig && joiner < 8; joiner++ {
		w.add(joiner, w.configs[0])
	}
	return w
}

// begin makes the servers of a configuration.
func (w *simWorld) begin(c quorum.Config) {
	w.configs = []quorum.Config{c}
	for _, m := range c.Members {
		w.add(m.ID, c)
	}
}

func (w *simWorld) add(id quorum.ServerID, c quorum.Config) {
	n := &simNode{w: w, id: id, window: zab.NewHistory(w.keep)}
	n.disk.config = c
	n.load()
	w.nodes = append(w.nodes, n)
}

// simulate runs an ensemble for a while, and then wants it to come to rest.
func simulate(t *testing.T, seed uint64, loud bool) {
	t.Helper()
	w := newWorld(seed, loud)
	steps := 300 + w.rand.IntN(900)
	if w.reconfig {
		steps *= 2
	}
	for range steps {
		if w.step(); w.failure != "" {
			break
		}
	}
	w.trace("-- all goes well from here on")
	w.settle()
	if w.failure == "" && !loud {
		return
	}
	for _, n := range w.nodes {
		w.story = append(w.story, n.String())
	}
	w.story = append(w.story, "committed "+showEntries(w.committed))
	t.Logf("seed %d:\n%s", seed, strings.Join(w.story, "\n"))
	if w.failure != "" {
		t.Errorf("seed %d (run with -seed %d): %s", seed, seed, w.failure)
	}
}

// step lets one thing happen.
func (w *simWorld) step() {
	n := w.nodes[w.rand.IntN(len(w.nodes))]
	switch r := w.rand.IntN(100); {
	case r < 50:
		w.deliver()
	case r < 62:
		if !n.down {
			n.sync()
		}
	case r < 66:
		n.apply()
	case r < 72:
		w.saved(n)
	case r < 80:
		if w.reconfig && w.chance(2) {
			w.reconfigure(n)
		} else {
			w.propose(n)
		}
	case r < 84:
		w.elect(!w.chance(4))
	case r < 88:
		w.join(n)
	case r < 94:
		w.connect(n)
	case r < 96:
		w.tick()
	case r < 97:
		if len(w.links) > 0 && w.chance(2) {
			w.breakLink(w.links[w.rand.IntN(len(w.links))])
		}
	case r < 98:
		if !n.down && w.chance(4) {
			w.trace("%v crashes", n.id)
			n.crash()
		} else if n.leader != nil && w.chance(3) || n.learner != nil {
			w.trace("%v gives up", n.id)
			n.leave()
		}
	default:
		w.restart(n)
	}
}

func (w *simWorld) restart(n *simNode) {
	if n.down {
		n.down = false
		n.load()
		w.trace("%v starts at %s, epochs %d %d", n.id, show(n.last()), n.disk.accepted, n.disk.current)
	}
}

func (w *simWorld) saved(n *simNode) {
	if n.saves {
		n.saved()
		n.learner.Saved()
		n.act()
	}
}

// propose lets an established leader propose.
func (w *simWorld) propose(n *simNode) {
	if n.leader == nil || !n.leader.Established() {
		return
	}
	var list []zab.Entry
	for range 1 + w.rand.IntN(3) {
		w.mark++
		list = append(list, entry(n.leader.Proposed()+1+zxidOf(len(list)), w.mark))
	}
	w.trace("%v proposes %s", n.id, showEntries(list))
	n.append(list)
	n.leader.Propose(list, w.now)
	n.act()
}

// elect makes a leader of a quorum of servers that look for one: the best of them, or
// any. Those whose configuration is old learn of a newer one on this occasion, as a rule.
func (w *simWorld) elect(best bool) {
	var looking []*simNode
	for _, n := range w.nodes {
		if n.looking() && (!best || !w.chance(5)) {
			looking = append(looking, n)
		}
	}
	w.gossip(looking)
	var leader *simNode
	for _, n := range looking {
		_, ok := electable(n, looking)
		if ok && (leader == nil || best && better(n, leader) || !best && w.chance(2)) {
			leader = n
		}
	}
	if leader == nil {
		return
	}
	w.trace("%v is elected", leader.id)
	set, _ := electable(leader, looking)
	for _, n := range looking {
		if n != leader && n.quorum(set) {
			n.follows = leader
		}
	}
	leader.lead()
}

// better is the order of votes.
func better(a, b *simNode) bool {
	switch {
	case a.disk.current != b.disk.current:
		return a.disk.current > b.disk.current
	case a.last() != b.last():
		return a.last() > b.last()
	}
	return a.id > b.id
}

// join lets a server that looks for a leader find one that leads or has led.
func (w *simWorld) join(n *simNode) {
	if !n.looking() {
		return
	}
	if to := w.nodes[w.rand.IntN(len(w.nodes))]; to.leader != nil {
		n.follows = to
	}
}

// connect opens a link to the elected leader, if that is one by now.
func (w *simWorld) connect(n *simNode) {
	if n.down || n.follows == nil || n.learner != nil {
		return
	}
	if n.follows.leader == nil {
		n.follows = nil
		return
	}
	w.made++
	x := &simLink{id: w.made, leader: n.follows, learner: n}
	w.links = append(w.links, x)
	n.uplink = x
	n.learner = zab.Learn(zab.LearnerConfig{
		Self: n.id, Observer: n.disk.config.IsObserver(n.id), ConfigVersion: n.disk.config.Version, Accepted: n.disk.accepted, Current: n.disk.current, Last: n.last(),
	})
	w.trace("%v connects to %v by link %d", n.id, x.leader.id, x.id)
	x.leader.leader.Connected(x.id, w.now)
	n.act()
}

// tick lets time pass for all.
func (w *simWorld) tick() {
	w.now += 500
	for _, n := range w.nodes {
		if n.leader != nil {
			n.leader.Tick(w.now)
			n.act()
		}
	}
}

// link returns a link; one that is gone swallows everything.
func (w *simWorld) link(id zab.LinkID) *simLink {
	for _, x := range w.links {
		if x.id == id && !x.broken {
			return x
		}
	}
	return &simLink{broken: true}
}

// breakLink breaks a link. Some of what is on its way may still arrive.
func (w *simWorld) breakLink(x *simLink) {
	if x.broken {
		return
	}
	x.broken = true
	x.up = x.up[:w.rand.IntN(len(x.up)+1)]
	x.down = x.down[:w.rand.IntN(len(x.down)+1)]
}

// deliver lets a packet arrive, or the news that a link is gone.
func (w *simWorld) deliver() {
	if len(w.links) == 0 {
		return
	}
	i := w.rand.IntN(len(w.links))
	x := w.links[i]
	if !x.broken && w.chance(w.drops*10) {
		w.breakLink(x)
	}
	if w.chance(2) {
		w.deliverUp(x)
	} else {
		w.deliverDown(x)
	}
	if x.broken && x.leader == nil && x.learner == nil {
		w.links = slices.DeleteFunc(w.links, func(y *simLink) bool { return y == x })
	}
}

// deliverUp brings the leader a packet. Who has another role by now does not hear.
func (w *simWorld) deliverUp(x *simLink) {
	n := x.leader
	switch {
	case n == nil:
	case n.leader == nil:
		x.leader = nil
	case len(x.up) > 0:
		p := x.up[0]
		x.up = x.up[1:]
		w.trace("%d→ %s", x.id, showPacket(p))
		n.leader.Step(x.id, p, w.now)
		n.act()
	case x.broken:
		x.leader = nil
		n.leader.Gone(x.id)
		n.act()
	}
}

// deliverDown brings the learner a packet.
func (w *simWorld) deliverDown(x *simLink) {
	n := x.learner
	switch {
	case n == nil:
	case n.uplink != x:
		x.learner = nil
	case len(x.down) > 0:
		p := x.down[0]
		x.down = x.down[1:]
		w.trace("%d← %s", x.id, showPacket(p.Packet))
		n.payload = p.payload
		n.learner.Step(p.Packet)
		n.act()
	case x.broken:
		x.learner = nil
		n.leave()
	}
}
