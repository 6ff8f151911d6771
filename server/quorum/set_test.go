package quorum

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestHasQuorum(t *testing.T) {
	f := func(text string, want bool, ids ...ServerID) {
		t.Helper()
		if got := mustParse(t, text).HasQuorum(ids); got != want {
			t.Errorf("%q %v: got %v", text, ids, got)
		}
	}
	const m4 = "server.1=h:1:2\nserver.2=h:1:2\nserver.3=h:1:2\nserver.4=h:1:2\nserver.5=h:1:2:observer"
	f("", false)
	f("server.1=h:1:2", false)
	f("server.1=h:1:2", true, 1)
	f("server.1=h:1:2", false, 2)
	f(m4, false, 1, 2)
	f(m4, true, 1, 2, 4)
	f(m4, false, 1, 2, 5)
	f(m4, false, 1, 2, 9)

	// Losing 3 loses the quorum: both groups are needed.
	f(javaHierarchical, true, 1, 2, 3)
	f(javaHierarchical, false, 1, 2)
	f(javaHierarchical, false, 1, 3)
	const heavy = "server.1=h:1:2\nserver.2=h:1:2\nserver.3=h:1:2\ngroup.1=1:2\ngroup.2=3\nweight.1=3\nweight.3=0"
	f(heavy, true, 1)
	f(heavy, false, 2, 3)
	f(heavy, false, 3)
	f("server.1=h:1:2\ngroup.1=1\nweight.1=0", false, 1)
}

// javaQuorum counts as QuorumMaj and QuorumHierarchical do: weights summed into maps per
// group, group totals prepared beforehand.
func javaQuorum(c Config, set map[ServerID]bool) bool {
	acks := map[ServerID]bool{}
	voters := 0
	for _, m := range c.Members {
		if m.Role == Observer {
			continue
		}
		voters++
		if set[m.ID] {
			acks[m.ID] = true
		}
	}
	if !c.Hierarchical() {
		return 2*len(acks) > voters
	}
	total, groupOf := map[int64]int64{}, map[ServerID]int64{}
	for _, g := range c.Groups {
		for _, id := range g.Servers {
			groupOf[id] = g.ID
			total[g.ID] += c.Weights[id]
		}
	}
	groups := len(c.Groups)
	for _, w := range total {
		if w == 0 {
			groups--
		}
	}
	have := map[int64]int64{}
	for id := range acks {
		have[groupOf[id]] += c.Weights[id]
	}
	satisfied := 0
	for gid, w := range have {
		if w > total[gid]/2 {
			satisfied++
		}
	}
	return satisfied > groups/2
}

func TestHasQuorumAgainstOracle(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	yes := 0
	for range 20000 {
		text := randomConfig(r)
		c := mustParse(t, text)
		var set Set
		asMap := map[ServerID]bool{}
		for id := ServerID(0); id < 12; id++ {
			if r.IntN(3) > 0 {
				set.Add(id)
				asMap[id] = true
			}
		}
		r.Shuffle(len(set), func(i, j int) { set[i], set[j] = set[j], set[i] })
		got, want := c.HasQuorum(set), javaQuorum(c, asMap)
		if got != want {
			t.Fatalf("seed %d: %q %v: got %v want %v", seed, text, set, got, want)
		}
		if got {
			yes++
		}
	}
	if yes < 1000 || yes > 19000 {
		t.Errorf("seed %d: %d of 20000 are quorums, the test tests little", seed, yes)
	}
}

// randomConfig makes up to ten servers, in every second case with up to four groups and weights 0 to 3.
func randomConfig(r *rand.Rand) string {
	var b strings.Builder
	members := map[int][]string{}
	grouped := r.IntN(2) == 0
	groups := 1 + r.IntN(4)
	for id := range 1 + r.IntN(10) {
		role := "participant"
		if r.IntN(4) == 0 {
			role = "observer"
		}
		fmt.Fprintf(&b, "server.%d=h:1:2:%s\n", id, role)
		if !grouped {
			continue
		}
		hasWeight := r.IntN(2) == 0
		if hasWeight {
			fmt.Fprintf(&b, "weight.%d=%d\n", id, r.IntN(4))
		}
		if role == "participant" || hasWeight && r.IntN(2) == 0 {
			g := r.IntN(groups)
			members[g] = append(members[g], fmt.Sprint(id))
		}
	}
	for g, ids := range members {
		fmt.Fprintf(&b, "group.%d=%s\n", g, strings.Join(ids, ":"))
	}
	return b.String()
}

// TestQuorumsIntersect: any two quorums share a voter, or the ensemble could decide twice.
func TestQuorumsIntersect(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	for range 2000 {
		text := randomConfig(r)
		c := mustParse(t, text)
		var half, rest Set
		for _, m := range c.Members {
			if r.IntN(2) == 0 {
				half.Add(m.ID)
			} else {
				rest.Add(m.ID)
			}
		}
		if c.HasQuorum(half) && c.HasQuorum(rest) {
			t.Fatalf("seed %d: %q: %v and %v are both quorums", seed, text, half, rest)
		}
	}
}

func TestSet(t *testing.T) {
	var s Set
	if !s.Add(1) || s.Add(1) || !s.Add(2) || !s.Has(1) || s.Has(3) || len(s) != 2 {
		t.Errorf("after adding: %v", s)
	}
	if !s.Remove(1) || s.Remove(1) || s.Has(1) || !s.Has(2) || len(s) != 1 {
		t.Errorf("after removing: %v", s)
	}
}

func TestWeight(t *testing.T) {
	maj := mustParse(t, "server.1=h:1:2")
	tiers := mustParse(t, "server.1=h:1:2\nserver.2=h:1:2\ngroup.1=1:2\nweight.1=0")
	if maj.Weight(1) != 1 || maj.Weight(9) != 1 || tiers.Weight(1) != 0 || tiers.Weight(2) != 1 {
		t.Error("weights")
	}
}

func TestHasQuorumAllocatesNothing(t *testing.T) {
	c, d := mustParse(t, javaMajority), mustParse(t, javaHierarchical)
	set := Set{1, 3}
	if n := testing.AllocsPerRun(100, func() { c.HasQuorum(set); d.HasQuorum(set) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkHasQuorum(b *testing.B) {
	for name, text := range map[string]string{"majority": javaMajority, "groups": javaHierarchical} {
		b.Run(name, func(b *testing.B) {
			c := mustParse(b, text)
			set := Set{3, 1}
			for b.Loop() {
				c.HasQuorum(set)
			}
		})
	}
}
