package sim

import (
	"cmp"
	"container/heap"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// schedule is the virtual time and what is to happen in it. Everything in a run happens
// in one goroutine, one event after the other.
//
// Events at the same time are ordered by their source and by their number there, and each
// source draws from a generator of its own. So the order in which the servers do what has
// no order, such as sending to several clients, does not change what happens.
type schedule struct {
	seed   uint64
	now    time.Duration // since the beginning of the run
	events eventHeap
}

// source is where events come from: a server, one direction of a connection.
type source struct {
	*rand.Rand
	s    *schedule
	id   uint64
	made uint64 // events
}

// event is something that will happen.
type event struct {
	at     time.Duration
	source uint64
	number uint64
	do     func() // nil: it was cancelled
}

// source returns the source of the name, which must not be used twice in a run.
func (s *schedule) source(name string) *source {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	id := h.Sum64()
	return &source{Rand: rand.New(rand.NewPCG(s.seed, id)), s: s, id: id}
}

// after lets something happen when the time has passed.
func (c *source) after(d time.Duration, do func()) *event {
	c.made++
	e := &event{c.s.now + max(d, 0), c.id, c.made, do}
	heap.Push(&c.s.events, e)
	return e
}

// between draws a time from lo up to hi.
func (c *source) between(lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(c.Int64N(int64(hi-lo)))
}

// chance is true once in so many times; never for 0.
func (c *source) chance(oneIn int) bool { return oneIn > 0 && c.IntN(oneIn) == 0 }

// cancel keeps an event from happening.
func (e *event) cancel() {
	if e != nil {
		e.do = nil
	}
}

// step lets the next event happen. It returns false when there is none before the end.
func (s *schedule) step(end time.Duration) bool {
	for len(s.events) > 0 && s.events[0].at <= end {
		e := heap.Pop(&s.events).(*event)
		if e.do == nil {
			continue
		}
		s.now = e.at
		e.do()
		return true
	}
	s.now = end
	return false
}

// eventHeap implements heap.Interface.
type eventHeap []*event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.source, b.source), cmp.Compare(a.number, b.number)) < 0
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(*event)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
