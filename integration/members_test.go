package integration

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestDifferentialMembers sends one random stream of requests to an ensemble of ours and to one of Java's, three voters and
// an observer each, through connections to all members, which move from one to another. It compares every packet that comes
// back, and in the end the trees of the two ensembles and those of all members of each. Only one connection asks at a time,
// and then all wait until their servers have what the ensemble has: what is compared is not up to chance.
//
// Left out are, besides what differs anyway, writes whose records break off or lack a part: a leader of Java's gives their
// failure the zxid of the write before, and the ensemble halts.
func TestDifferentialMembers(t *testing.T) {
	peer := java(t, "396")
	rnd := random(t)
	steps := number(t, "GOKEEPER_STEPS", 250)
	keys := []string{"snapCount=300", "DigestAuthenticationProvider.superDigest=" + digestID(superUser, "pw")}
	ensembles := []*ensemble{membersOf(t, subject(t), keys), membersOf(t, peer, keys)}
	var sides []*side
	for _, e := range ensembles {
		sides = append(sides, sideOfMembers(t, e))
	}
	converse(t, sides, rnd, steps)
	compareEnds(t, sides)
	for _, s := range sides {
		s.hangUp()
	}
	for _, e := range ensembles {
		populate(t, e.node(1), "/populated", create2(t)) // what the stream leaves is few nodes
		e.equal()
	}
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
	s := sideOf(t, e.node(leader))
	s.members = []*server{e.node(leader)}
	for _, sid := range e.others(leader) {
		s.members = append(s.members, e.node(sid))
	}
	for n := range slots {
		s.place[n] = n % len(s.members)
		e.join(s.sid(e, n), opening{}).ok(t, opCloseSession, nil) // it lets clients in
	}
	return s
}

func (s *side) sid(e *ensemble, slot int) int { return 1 + slices.Index(e.nodes, s.at(slot)) }

// converse has the sides do the same, step by step.
func converse(t *testing.T, sides []*side, rnd *rand.Rand, steps int) {
	t.Helper()
	g := generator{Rand: rnd, members: true}
	for n := range slots {
		step(t, sides, fmt.Sprintf("connect %d", n), n, func(s *side) { s.reopen(n, fresh()) })
	}
	for n := range steps {
		slot := rnd.IntN(slots)
		what := fmt.Sprintf("step %d on connection %d at member %d", n, slot, sides[0].place[slot])
		switch rnd.IntN(30) {
		case 0:
			place, same, abruptly := rnd.IntN(len(sides[0].members)), rnd.IntN(4) > 0, rnd.IntN(2) == 0
			step(t, sides, fmt.Sprintf("%s: move to member %d, same session %t", what, place, same), slot, func(s *side) {
				o := fresh()
				if same {
					o = s.last[slot]
				}
				s.place[slot] = place
				s.reconnect(slot, o, abruptly)
			})
		case 1:
			seed := rnd.Uint64()
			step(t, sides, what+": reconnect oddly", slot, func(s *side) { s.reconnect(slot, s.odd(slot, seed), false) })
		default:
			batch := g.batch(slot)
			step(t, sides, fmt.Sprintf("%s: %v", what, batch), slot, func(s *side) { s.run(slot, n, batch) })
		}
		reopenClosed(t, sides, rnd)
	}
}
