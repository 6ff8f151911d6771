package metrics

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestSummary(t *testing.T) {
	f := func(want Figures, values ...int64) {
		t.Helper()
		var s Summary
		for _, v := range values {
			s.Observe(v)
		}
		if got := s.Figures(); got != want {
			t.Errorf("%v: got %+v, want %+v", values, got, want)
		}
		s.Reset()
		if got := s.Figures(); got != (Figures{}) {
			t.Errorf("after Reset: %+v", got)
		}
	}
	f(Figures{})
	f(Figures{1, 0, 0, 0}, 0)
	f(Figures{1, 7, 7, 7}, 7)
	f(Figures{3, 10, 0, 7}, 7, 0, 3)
	f(Figures{3, 12, 3, 5}, 5, 4, 3)
}

// TestObserveN wants n observations at once to be the same as one by one.
func TestObserveN(t *testing.T) {
	var once, each Distribution
	for _, v := range []int64{0, 3, 3, 100, 5000} {
		once.ObserveN(v, 4)
		for range 4 {
			each.Observe(v)
		}
	}
	if once.Figures() != each.Figures() {
		t.Errorf("figures %+v, want %+v", once.Figures(), each.Figures())
	}
	for _, q := range []float64{0, 0.25, 0.5, 0.95, 0.99, 0.999} {
		if got, want := once.Quantile(q), each.Quantile(q); got != want {
			t.Errorf("quantile %v: %d, want %d", q, got, want)
		}
	}
}

// TestQuantile compares with a sorted list: a quantile is never below the true one, and
// at most an eighth above it.
func TestQuantile(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, seed))
	for round := range 200 {
		var d Distribution
		values := make([]int64, 1+random.IntN(300))
		top := int64(1) << random.IntN(40)
		for i := range values {
			values[i] = random.Int64N(top)
			d.Observe(values[i])
		}
		slices.Sort(values)
		for _, q := range []float64{0, 0.1, 0.5, 0.95, 0.99, 0.999, 1} {
			want := values[min(int(q*float64(len(values))), len(values)-1)]
			if got := d.Quantile(q); got < want || got > want+want/8 {
				t.Fatalf("seed %d, round %d: quantile %v of %d values below %d is %d, want %d to %d",
					seed, round, q, len(values), top, got, want, want+want/8)
			}
		}
	}
	var none Distribution
	if got := none.Quantile(0.99); got != 0 {
		t.Errorf("quantile of nothing: %d", got)
	}
}

// TestBuckets wants buckets without gap or overlap, also for values out of range.
func TestBuckets(t *testing.T) {
	for b := range buckets - 1 {
		if v := top(b); bucketOf(v) != b || bucketOf(v+1) != b+1 {
			t.Fatalf("bucket %d ends with %d, which is in %d and the next in %d", b, v, bucketOf(v), bucketOf(v+1))
		}
	}
	if got := bucketOf(-5); got != 0 {
		t.Errorf("bucket of -5: %d", got)
	}
	if got := bucketOf(1<<63 - 1); got != buckets-1 {
		t.Errorf("bucket of the greatest: %d, want %d", got, buckets-1)
	}
}

// TestConcurrent observes, reads and resets from many goroutines, and then wants every
// observation counted.
func TestConcurrent(t *testing.T) {
	s := New()
	const workers, each = 8, 2000
	path := [][]byte{[]byte("/a/x"), []byte("/b"), []byte("/c/y/z")}
	work := func() {
		var all sync.WaitGroup
		for w := range workers {
			all.Go(func() {
				for i := range int64(each) {
					s.CommitCount.Add(2)
					s.FsyncTime.Observe(i)
					s.ReadLatency.ObserveN(i, 3)
					s.WriteBytes.Observe(path[i%3], i, 1)
					if i%500 == int64(w) {
						s.Lines()
						s.ReadLatency.Quantile(0.5)
					}
				}
			})
		}
		all.Wait()
	}
	work()
	const n, sum = workers * each, int64(workers) * each * (each - 1) / 2
	check := func(name string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	check("counter", s.CommitCount.Value(), int64(2*n))
	check("summary", s.FsyncTime.Figures(), Figures{n, sum, 0, each - 1})
	check("distribution", s.ReadLatency.Figures(), Figures{3 * n, 3 * sum, 0, each - 1})
	var total Figures
	s.WriteBytes.each(func(_ string, x *Distribution) {
		total.Count += x.Figures().Count
		total.Sum += x.Figures().Sum
	})
	check("namespaces", total, Figures{Count: n, Sum: sum})

	var resets sync.WaitGroup
	resets.Go(func() {
		for range 100 {
			s.Reset()
		}
	})
	work()
	resets.Wait()
	s.Reset()
	check("counter after Reset", s.CommitCount.Value(), int64(0))
	check("distribution after Reset", s.ReadLatency.Figures(), Figures{})
	for _, l := range s.Lines() {
		if l.Value != "0" && l.Value != "0.0" {
			t.Errorf("after Reset: %+v", l)
		}
	}
}

// TestAllocations holds that counting allocates nothing.
func TestAllocations(t *testing.T) {
	s := New()
	path := []byte("/some/path")
	s.ReadBytes.Observe(path, 1, 1)
	if n := testing.AllocsPerRun(100, func() {
		s.CommitCount.Add(1)
		s.FsyncTime.Observe(3)
		s.UpdateLatency.ObserveN(20, 2)
		s.ReadBytes.Observe(path, 100, 16)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	s := New()
	path := []byte("/some/path")
	for _, x := range []struct {
		name string
		do   func(v int64)
	}{
		{"counter", s.CommitCount.Add},
		{"summary", s.FsyncTime.Observe},
		{"distribution", s.ReadLatency.Observe},
		{"namespace", func(v int64) { s.ReadBytes.Observe(path, v, 1) }},
	} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for v := int64(0); p.Next(); v = (v + 1) & 1023 {
					x.do(v)
				}
			})
		})
	}
}
