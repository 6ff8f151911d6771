package tree

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// thing is in sets of the tests: things of one name can differ.
type thing struct {
	name string
	id   int
}

func (t thing) Name() string { return t.name }

func collect(s *set[thing]) map[string]int {
	out := map[string]int{}
	s.all(func(x thing) bool {
		out[x.name] = x.id
		return true
	})
	return out
}

// TestSetIsAMap puts, replaces and removes at random, with few names and with many.
func TestSetIsAMap(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		names := []int{1, 2, 9, 100, 3000, 40_000}[seed%6]
		s, want := &set[thing]{}, map[string]int{}
		for i := range 6 * names {
			x := thing{fmt.Sprint(r.IntN(names)), i}
			if r.IntN(3) == 0 {
				s.remove(x.name)
				delete(want, x.name)
			} else {
				s.put(x)
				want[x.name] = x.id
			}
			probe := fmt.Sprint(r.IntN(names))
			got, ok := s.get(probe)
			if id, there := want[probe]; ok != there || got.id != id || s.len() != len(want) {
				t.Fatalf("%q is %v, %v, want %v, %v; %d things, want %d", probe, got.id, ok, id, there, s.len(), len(want))
			}
		}
		if got := collect(s); !maps.Equal(got, want) {
			t.Fatalf("%d things, not those that were put", len(got))
		}
		for name := range want {
			s.remove(name)
		}
		if s.n != 0 || s.tags != nil || s.places != nil || s.parts != nil {
			t.Errorf("an empty set keeps memory: %+v", s)
		}
	})
}

// room returns how many places there are.
func room(s *set[thing]) int {
	n := len(s.places)
	if s.parts != nil {
		for i := range s.parts {
			n += room(&s.parts[i])
		}
	}
	return n
}

func TestSetIsDense(t *testing.T) {
	for _, n := range []int{1, 2, 10, 1000, 100_000} {
		s := &set[thing]{}
		for i := range n {
			s.put(thing{fmt.Sprint("node-", i), i})
		}
		if got := room(s); got > n+n*3/4+1 {
			t.Errorf("%d places for %d things", got, n)
		}
		for i := range min(20*n, 50_000) { // others come, the oldest go
			s.remove(fmt.Sprint("node-", i))
			s.put(thing{fmt.Sprint("node-", n+i), i})
		}
		if got := room(s); s.len() != n || got > n+n*3/4+1 {
			t.Errorf("%d places for %d things, some time later", got, s.len())
		}
	}
}

func TestSetStopsWhenToldTo(t *testing.T) {
	s := &set[thing]{}
	for i := range 2000 {
		s.put(thing{fmt.Sprint(i), i})
	}
	n := 0
	if s.all(func(thing) bool { n++; return n < 5 }) || n != 5 {
		t.Errorf("%d things seen, want 5", n)
	}
}

func TestLeafKeepsTheState(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 127, 128, 1 << 40, math.MaxInt64, math.MinInt64} {
		for _, data := range []string{"", "x", string(make([]byte, 125)), string(make([]byte, 200)), string(make([]byte, 20_000))} {
			s := state{data: data, acl: int32(v), digest: uint32(v), null: data == "" && v < 0}
			for _, p := range []*int64{(*int64)(&s.Czxid), (*int64)(&s.Mzxid), (*int64)(&s.Pzxid), &s.Ctime, &s.Mtime, &s.Owner} {
				*p = v
				l := s.leaf("é-name")
				if got := l.state(); got != s || l.Name() != "é-name" || l.acl() != s.acl {
					t.Fatalf("%s: %+v, want %+v", l.Name(), got, s)
				}
			}
			for _, p := range []*int32{&s.Version, &s.Cversion, &s.Aversion} {
				*p = int32(v)
				if got := s.leaf("").state(); got != s {
					t.Fatalf("%+v, want %+v", got, s)
				}
			}
		}
	}
	for n := range 300 {
		name := string(slices.Repeat([]byte("n"), n))
		if l := (&state{}).leaf(name); l.Name() != name || l.state() != (state{}) {
			t.Errorf("%q: %+v", l.Name(), l.state())
		}
	}
}
