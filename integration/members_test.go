package integration

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// memberSettings are the configurations that the pairs of ensembles run with. The seed chooses the first one.
var memberSettings = [][]string{
	{"snapCount=300"},
	{"reconfigEnabled=true"},
	{"localSessionsEnabled=true"},
	{"localSessionsEnabled=true", "localSessionsUpgradingEnabled=true"},
	{"enforceQuota=true", "closeSessionTxn.enabled=false"},
	{"extendedTypesEnabled=false", "skipACL=yes"},
}

// TestDifferentialMembers sends one random stream of requests to an ensemble of ours and to one of Java's, three voters and
// an observer each, through connections to all members, which move from one to another. It compares every packet that comes
// back, what the members say to four-letter words, and in the end the trees of the two ensembles, those of all members of
// each, and their logs, with zxids. Only one connection asks at a time, and then all wait until their servers have what the
// ensemble has: what is compared is not up to chance.
//
// Left out are, besides what differs anyway, writes whose records break off or lack a part: a leader of Java's gives their
// failure the zxid of the write before, and the ensemble halts.
func TestDifferentialMembers(t *testing.T) {
	peer := java(t, "396")
	rnd := random(t)
	first := number(t, "GOKEEPER_SETTINGS", rnd.IntN(len(memberSettings)))
	for left, run := number(t, "GOKEEPER_STEPS", 250), 0; left > 0 && !t.Failed(); left, run = left-runSteps, run+1 {
		keys := memberSettings[(first+run)%len(memberSettings)]
		t.Run(fmt.Sprint(run, " ", strings.Join(keys, " ")), func(t *testing.T) { differentialMembers(t, peer, rnd, min(left, runSteps), keys) })
	}
}

func differentialMembers(t *testing.T, peer target, rnd *rand.Rand, steps int, keys []string) {
	keys = append(slices.Clone(keys), "DigestAuthenticationProvider.superDigest="+digestID(superUser, "pw"))
	ensembles := []*ensemble{membersOf(t, subject(t), keys), membersOf(t, peer, keys)}
	var sides []*side
	for _, e := range ensembles {
		sides = append(sides, sideOfMembers(t, e))
	}
	g := generator{Rand: rnd, members: true}
	g.local = slices.Contains(keys, "localSessionsEnabled=true")
	g.changes = slices.Contains(keys, "reconfigEnabled=true")
	converse(t, sides, g, steps)
	compareEnds(t, sides)
	for place := range sides[0].members {
		for _, word := range comparableWords {
			compareWord(t, sides, place, word)
		}
	}
	for i, e := range ensembles {
		sides[i].hangUp()
		sides[i].fill(t) // what the stream leaves is few nodes
		e.equal()
	}
	if !t.Failed() {
		exchangeMembers(t, sides, ensembles)
	}
}

// exchangeMembers ends both ensembles, compares their logs, starts each on the other's directories, and looks for the tree
// that was there at all members.
func exchangeMembers(t *testing.T, sides []*side, ensembles []*ensemble) {
	t.Helper()
	var trees []map[string]node
	for _, e := range ensembles {
		trees = append(trees, e.tree(1))
		e.halt(syscall.SIGTERM, e.sids()...)
	}
	for place := range sides[0].members {
		compareLogs(t, sides, place, true)
	}
	for n, s := range ensembles[0].nodes {
		other := ensembles[1].nodes[n]
		s.target, other.target = other.target, s.target
	}
	for i, e := range ensembles {
		e.launch()
		e.settled()
		for _, sid := range e.sids() {
			what := fmt.Sprintf("node %d (%s) on the directory of %s", sid, e.node(sid).name, sides[1-i].server.name)
			compareNodes(t, what, trees[i], e.tree(sid))
		}
		e.halt(syscall.SIGKILL, e.sids()...)
	}
}

// tree returns a member's tree as the super user sees it, without the node that each member writes at its start.
func (e *ensemble) tree(sid int) map[string]node {
	e.t.Helper()
	c := e.join(sid, opening{})
	c.ok(e.t, opSync, out(nil).str("/"))
	c.Close()
	tree := observe(e.t, e.node(sid))
	delete(tree, configPath)
	return tree
}

// fill makes nodes.
func (s *side) fill(t *testing.T) {
	t.Helper()
	c := s.server.connect(t, opening{})
	s.sessions[c.session] = "filler"
	for n := range 60 {
		path := fmt.Sprintf("/filled-%d", n)
		c.ok(t, opCreate, create(path, []byte(path), open, persistent))
	}
	c.Close()
}

// membersOf starts an ensemble of one kind, in which nothing happens in its own time.
func membersOf(t *testing.T, tg target, keys []string) *ensemble {
	t.Helper()
	e := newEnsemble(t, []target{tg, tg, tg}, []target{tg}, slices.Concat([]string{"minSessionTimeout=100000", "maxSessionTimeout=600000"}, keys)...)
	for _, s := range e.nodes {
		s.env = []string{"SERVER_JVMFLAGS=-Dznode.container.checkIntervalMs=86400000"}
	}
	e.launch()
	return e
}

// sideOfMembers waits until an ensemble serves. Each slot connects to a member of its own.
func sideOfMembers(t *testing.T, e *ensemble) *side {
	t.Helper()
	leader := e.settled()
	var members []*server
	for _, sid := range append([]int{leader}, e.others(leader)...) {
		c := e.join(sid, opening{}) // it lets clients in
		c.ok(t, opCloseSession, nil)
		if err := drain(c); err != nil {
			t.Fatal(err)
		}
		members = append(members, e.node(sid))
	}
	s := sideOf(t, members...)
	for n := range slots {
		s.place[n] = n % len(members)
	}
	return s
}

// converse has the sides do the same, step by step.
func converse(t *testing.T, sides []*side, g generator, steps int) {
	t.Helper()
	for place := range sides[0].members {
		resetCounts(sides, place)
	}
	for n := range slots {
		step(t, sides, fmt.Sprintf("connect %d", n), n, func(s *side) { s.reopen(n, fresh()) })
	}
	for n := range steps {
		slot := g.IntN(slots)
		what := fmt.Sprintf("step %d on connection %d at member %d", n, slot, sides[0].place[slot])
		if kind := g.IntN(40); kind < 5 {
			move(t, sides, g, n, slot, kind, what)
		} else if kind == 5 {
			compareWord(t, sides, g.IntN(len(sides[0].members)), pick(g, comparableWords...))
		} else {
			batch := g.batch(slot)
			if kind == 6 {
				batch = []action{{op: opAuth, body: out(nil).i32(0).str("digest").buf([]byte(user(slot) + ":pw"))}, g.reconfig(), g.reconfig()}
			}
			step(t, sides, fmt.Sprintf("%s: %v", what, batch), slot, func(s *side) { s.run(slot, n, batch) })
		}
		reopenClosed(t, sides, g.Rand)
	}
}

// move takes a slot to another connection: at once, after a while, while the old one lives, or oddly.
func move(t *testing.T, sides []*side, g generator, n, slot, kind int, what string) {
	t.Helper()
	place := g.IntN(len(sides[0].members))
	switch kind {
	case 0, 1:
		same, abruptly := g.IntN(4) > 0, g.IntN(2) == 0
		step(t, sides, fmt.Sprintf("%s: move to member %d, same session %t", what, place, same), slot, func(s *side) {
			o := fresh()
			if same {
				o = s.last[slot]
			}
			s.place[slot] = place
			s.reconnect(slot, o, abruptly)
		})
	case 2:
		other := (slot + 1 + g.IntN(slots-1)) % slots
		between, back := g.batch(other), []action{g.setWatches(), g.request()}
		step(t, sides, fmt.Sprintf("%s: away while connection %d asks %v; then at member %d %v", what, other, between, place, back), slot, func(s *side) {
			s.clients[slot].Close()
			s.clients[slot] = nil
			s.run(other, n, between)
			s.settle(other)
			s.place[slot] = place
			if s.reopen(slot, s.last[slot]); s.clients[slot] != nil && s.catchUp(slot) {
				s.run(slot, n, back)
			}
		})
	case 3:
		late := g.write() // Java may answer what is behind it
		step(t, sides, fmt.Sprintf("%s: move to member %d; then the old connection asks %v", what, place, late), slot, func(s *side) {
			if place != s.place[slot] {
				s.leave(slot, n, place, late)
			}
		})
	case 4:
		seed := g.Uint64()
		step(t, sides, what+": reconnect oddly", slot, func(s *side) { s.reconnect(slot, s.odd(slot, seed), false) })
	}
}

// leave resumes a slot's session at another member, writes through the old connection, and drops it. A leader of ours has
// ended it before: it is not asked.
func (s *side) leave(slot, n, place int, late action) {
	old, from := s.clients[slot], s.place[slot]
	s.place[slot], s.clients[slot] = place, nil
	s.reopen(slot, s.last[slot])
	session := s.clients[slot]
	if s.clients[slot] = old; from != 0 {
		s.run(slot, n, []action{late})
	}
	s.clients[slot] = session
	old.Close()
}
