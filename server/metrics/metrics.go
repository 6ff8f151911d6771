// Package metrics counts what a server does under the names that Java's monitoring
// uses: counters and summaries, with the text of the four-letter word mntr and that of
// Prometheus. Names that stand for something that this server does not have are there as
// well, at zero, so that dashboards find all they look for; [Absent] lists them.
//
// A counter is one atomic addition and a summary a few; nothing allocates. All methods
// may be called from any goroutine.
package metrics

import (
	"math/bits"
	"sync/atomic"
)

// Counter is a number that grows.
type Counter struct{ n atomic.Int64 }

// Add adds n.
func (c *Counter) Add(n int64) { c.n.Add(n) }

// Value returns the number.
func (c *Counter) Value() int64 { return c.n.Load() }

// Summary is count, sum, least and greatest of what was observed.
type Summary struct {
	count, sum atomic.Int64
	least      atomic.Int64 // plus 1; 0 for nothing observed
	greatest   atomic.Int64
}

// Observe adds an observation that is not negative.
func (s *Summary) Observe(v int64) { s.ObserveN(v, 1) }

// ObserveN adds n observations of the same value.
func (s *Summary) ObserveN(v, n int64) {
	s.count.Add(n)
	s.sum.Add(v * n)
	for old := s.least.Load(); (old == 0 || v+1 < old) && !s.least.CompareAndSwap(old, v+1); {
		old = s.least.Load()
	}
	for old := s.greatest.Load(); v > old && !s.greatest.CompareAndSwap(old, v); {
		old = s.greatest.Load()
	}
}

// Reset forgets everything.
func (s *Summary) Reset() {
	s.count.Store(0)
	s.sum.Store(0)
	s.least.Store(0)
	s.greatest.Store(0)
}

// Figures are the state of a summary.
type Figures struct {
	Count, Sum, Min, Max int64
}

// Figures returns the state. Observations that happen meanwhile may be in a part of it.
func (s *Summary) Figures() Figures {
	return Figures{s.count.Load(), s.sum.Load(), max(s.least.Load()-1, 0), s.greatest.Load()}
}

// buckets of a Distribution: eight for each power of two, so that a quantile is at most
// an eighth too high.
const buckets = 8 * 40

// Distribution is a summary with quantiles.
type Distribution struct {
	Summary
	in [buckets]atomic.Int64
}

// Observe adds an observation that is not negative.
func (d *Distribution) Observe(v int64) { d.ObserveN(v, 1) }

// ObserveN adds n observations of the same value.
func (d *Distribution) ObserveN(v, n int64) {
	d.Summary.ObserveN(v, n)
	d.in[bucketOf(v)].Add(n)
}

// Reset forgets everything.
func (d *Distribution) Reset() {
	d.Summary.Reset()
	for i := range d.in {
		d.in[i].Store(0)
	}
}

func bucketOf(v int64) int {
	if v < 16 {
		return int(max(v, 0))
	}
	exp := bits.Len64(uint64(v)) - 4
	return min(exp*8+int(v>>exp), buckets-1)
}

// top returns the greatest value of a bucket.
func top(bucket int) int64 {
	if bucket < 16 {
		return int64(bucket)
	}
	exp := bucket/8 - 1
	return int64(bucket-exp*8+1)<<exp - 1
}

// Quantile returns a value that the share q of the observations does not exceed.
func (d *Distribution) Quantile(q float64) int64 {
	var counts tally
	d.counts(&counts)
	return min(counts.quantile(q), d.Figures().Max)
}

// tally is how many observations are in each bucket.
type tally [buckets]int64

// counts reads the buckets.
func (d *Distribution) counts(out *tally) {
	for i := range d.in {
		out[i] = d.in[i].Load()
	}
}

// quantile returns the top of the bucket below whose end the share q lies, 0 of none.
func (t *tally) quantile(q float64) int64 {
	var total int64
	last := 0
	for i, n := range t {
		if total += n; n > 0 {
			last = i
		}
	}
	rank := int64(q * float64(total))
	for i, n := range t {
		if rank -= n; rank < 0 {
			return top(i)
		}
	}
	return top(last)
}
