package integration

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// runSteps is how many steps a pair of servers gets before the next, fresh pair.
const runSteps = 1500

// settings are the configurations that the pairs of servers run with, the first one first.
var settings = [][]string{
	{"snapCount=300"},
	{"enforceQuota=true"},
	{"extendedTypesEnabled=false", "digest.enabled=false"},
	{"reconfigEnabled=true", "closeSessionTxn.enabled=false"},
	{"skipACL=yes"},
	{"DigestAuthenticationProvider.enabled=false"},
}

// TestDifferential sends one random stream of requests, good and bad ones, to this server and to Java 3.9.6, and compares
// every packet that comes back, what four-letter words say, what the transaction logs hold, and what each server finds in
// the other's directory at the end. Zxids, times and session ids are replaced by what they stand for.
func TestDifferential(t *testing.T) {
	peer := java(t, "396")
	rnd := random(t)
	first := number(t, "GOKEEPER_SETTINGS", 0)
	for left, run := number(t, "GOKEEPER_STEPS", 600), 0; left > 0 && !t.Failed(); left, run = left-runSteps, run+1 {
		keys := settings[(first+run)%len(settings)]
		t.Run(fmt.Sprint(run, " ", strings.Join(keys, " ")), func(t *testing.T) { differential(t, peer, rnd, min(left, runSteps), keys) })
	}
}

func differential(t *testing.T, peer target, rnd *rand.Rand, steps int, keys []string) {
	keys = append(slices.Clone(keys), "DigestAuthenticationProvider.superDigest="+digestID(superUser, "pw"))
	sides := []*side{newSide(t, subject(t), keys...), newSide(t, peer, keys...)}
	g := generator{Rand: rnd}
	resetCounts(sides, 0)
	for n := range slots {
		step(t, sides, fmt.Sprintf("connect %d", n), n, func(s *side) { s.reopen(n, fresh()) })
	}
	for n := range steps {
		slot := rnd.IntN(slots)
		what := fmt.Sprintf("step %d on connection %d", n, slot)
		switch rnd.IntN(80) {
		case 0:
			seed, odd := rnd.Uint64(), rnd.IntN(2) == 0
			step(t, sides, fmt.Sprintf("%s: connect elsewhere, oddly %t", what, odd), slot, func(s *side) {
				o := s.last[slot]
				if odd {
					o = s.odd(slot, seed)
				}
				s.steal(slot, o, !odd)
			})
		case 1:
			same, abruptly := rnd.IntN(2) == 0, rnd.IntN(2) == 0
			step(t, sides, fmt.Sprintf("%s: reconnect, same session %t", what, same), slot, func(s *side) {
				o := fresh()
				if same {
					o = s.last[slot]
				}
				s.reconnect(slot, o, abruptly)
			})
		case 2:
			seed := rnd.Uint64()
			step(t, sides, what+": reconnect oddly", slot, func(s *side) { s.reconnect(slot, s.odd(slot, seed), false) })
		case 3, 4:
			compareWord(t, sides, 0, pick(g, comparableWords...))
		default:
			batch := g.batch(slot)
			step(t, sides, fmt.Sprintf("%s: %v", what, batch), slot, func(s *side) { s.run(slot, n, batch) })
		}
		reopenClosed(t, sides, rnd)
	}
	compareEnds(t, sides)
	for _, word := range comparableWords {
		compareWord(t, sides, 0, word)
	}
	if t.Failed() {
		return
	}
	exchange(t, sides, !slices.Contains(keys, "digest.enabled=false"))
}

// odd returns a connect request of any form for a slot's session. Each side makes its own from one seed.
func (s *side) odd(slot int, seed uint64) opening {
	return generator{Rand: rand.New(rand.NewPCG(seed, 0))}.greeting(s.last[slot])
}

// step does the same on both sides and compares what all connections received.
func step(t *testing.T, sides []*side, what string, slot int, do func(*side)) {
	t.Helper()
	for _, s := range sides {
		do(s)
		s.settle(slot)
		if s.stuck != "" {
			_ = s.server.signal(syscall.SIGQUIT) // both print their threads
			t.Fatalf("%s\n%s gives %s\n%s", what, s.server.name, s.stuck, s.server.logTail(30000))
		}
	}
	a, b := sides[0], sides[1]
	trace(t, what, a.log)
	for n := range slots {
		if got, want := a.seen(n), b.seen(n); !slices.Equal(got, want) {
			t.Fatalf("%s\nconnection %d of %s got\n\t%s\nbut of %s\n\t%s", what, n, a.server.name, strings.Join(got, "\n\t"),
				b.server.name, strings.Join(want, "\n\t"))
		}
		a.log[n], b.log[n] = nil, nil
	}
	a.closed, b.closed = false, false
}

// trace appends a step, and what our side answered, to the file that GOKEEPER_TRACE names, to look for causes in.
func trace(t *testing.T, what string, log [slots][]string) {
	t.Helper()
	name := os.Getenv("GOKEEPER_TRACE")
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintln(f, what)
	for n, lines := range log {
		for _, line := range lines {
			fmt.Fprintf(f, "\t%d: %s\n", n, line)
		}
	}
}

// reopenClosed gives a new connection, with the old session or a new one, to each slot that lost its connection.
func reopenClosed(t *testing.T, sides []*side, rnd *rand.Rand) {
	t.Helper()
	for n := range slots {
		if sides[0].clients[n] != nil {
			continue
		}
		resume := rnd.IntN(2) == 0
		step(t, sides, "reopen", n, func(s *side) {
			if o := s.last[n]; resume {
				s.reopen(n, o)
			} else {
				s.reopen(n, fresh())
			}
			if s.clients[n] == nil { // the session is closed
				s.reopen(n, fresh())
			}
		})
	}
}

// treeLimit is more nodes than a stream makes: a walk that meets more does not end.
const treeLimit = 20000

// compareEnds compares the trees, as the super user sees them.
func compareEnds(t *testing.T, sides []*side) {
	t.Helper()
	const slot = slots - 1
	step(t, sides, "super user", slot, func(s *side) {
		s.run(slot, -1, []action{{op: opAuth, body: out(nil).i32(0).str("digest").buf([]byte(superUser + ":pw"))}})
	})
	if sides[0].clients[slot] == nil { // the scheme is off
		step(t, sides, "nobody", slot, func(s *side) { s.reopen(slot, s.last[slot]) })
	}
	nodes := 0
	for paths := []string{"/"}; len(paths) > 0; nodes++ {
		path := paths[0]
		paths = paths[1:]
		for _, s := range sides {
			s.children = nil // an answer may be an error
		}
		step(t, sides, "tree at "+path, slot, func(s *side) {
			s.run(slot, -1, []action{{op: opGetData, body: watched(path, false)}, {op: opGetACL, body: out(nil).str(path)},
				{op: opGetChildren2, body: watched(path, false)}})
		})
		for _, child := range sides[0].children {
			paths = append(paths, strings.TrimSuffix(path, "/")+"/"+child)
		}
		if nodes > treeLimit {
			t.Fatalf("the tree has more than %d nodes", nodes)
		}
	}
	kinds := sides[0].kinds
	t.Logf("%d events; %d nodes at the end; %d kinds of answers: %v", kinds["event"], nodes, len(kinds), kinds)
	if len(kinds) < 50 || kinds["event"] < 50 {
		t.Error("too few kinds of answers: this proves nothing")
	}
}

// exchange ends both servers, compares their logs, starts each on the other's directory, and looks for the tree and the
// sessions that were there.
func exchange(t *testing.T, sides []*side, digests bool) {
	t.Helper()
	a, b := sides[0].server, sides[1].server
	var trees [2]map[string]node
	for i, s := range sides {
		s.hangUp()
		trees[i] = observe(t, s.server)
		s.server.stop(t)
	}
	compareLogs(t, sides, 0, digests)
	a.target, b.target = b.target, a.target
	for i, s := range sides {
		s.server.start(t)
		what := fmt.Sprintf("%s on the directory of %s", s.server.name, sides[1-i].server.name)
		compareNodes(t, what, trees[i], observe(t, s.server))
		if n := s.server.metric("zk_digest_mismatches_count"); n > 0 { // -1: the answer ended early, see alike
			t.Errorf("%s: %v digest mismatches", what, n)
		}
		for n := range slots {
			if c, err := connect(s.server.addr(), s.last[n]); err != nil {
				t.Errorf("%s: session of connection %d: %v", what, n, err)
			} else {
				c.Close()
			}
		}
	}
}

// observe reads the whole tree as the super user, if the server knows one. Usage under a quota is counted anew at each
// start.
func observe(t testing.TB, s *server) map[string]node {
	t.Helper()
	tree := dumpAs(t, s, func(t testing.TB, s *server) *client {
		c := s.connect(t, opening{})
		if r, err := c.call(opAuth, out(nil).i32(0).str("digest").buf([]byte(superUser+":pw"))); err == nil && r.err == 0 {
			return c
		}
		return s.connect(t, opening{})
	})
	maps.DeleteFunc(tree, func(path string, _ node) bool { return strings.HasSuffix(path, "/zookeeper_stats") })
	for _, n := range tree {
		for i := range n.ACL { // Java cannot read again what it wrote: a code point in two surrogates
			n.ACL[i].ID = strings.ReplaceAll(n.ACL[i].ID, "\xed\xa0\xbd\xed\xb8\x80", "\uFFFD\uFFFD")
		}
	}
	return tree
}
