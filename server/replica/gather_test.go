package replica

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gokeeper/server/metrics"
	"gokeeper/server/proto"
	"gokeeper/server/storage"
	"gokeeper/server/vfs"
)

// disk is a log writer with a disk that takes sync for each, at the times at which
// writes arrive; done is told which became durable when, and may add more.
type disk struct {
	g        gather
	sync     time.Duration
	now      time.Time
	arrivals []time.Time // ascending
	done     func(n int, at time.Time)
	never    bool // puts off
}

// come adds a write.
func (d *disk) come(at time.Time) {
	i, _ := slices.BinarySearchFunc(d.arrivals, at, time.Time.Compare)
	d.arrivals = slices.Insert(d.arrivals, i, at)
}

// waiting returns how many writes have arrived until a time.
func (d *disk) waiting(at time.Time) int {
	n := 0
	for n < len(d.arrivals) && !d.arrivals[n].After(at) {
		n++
	}
	return n
}

// turn waits for a write, perhaps for more, and syncs once. It returns how long the sync
// was put off.
func (d *disk) turn() (off time.Duration) {
	if first := d.arrivals[0]; first.After(d.now) {
		d.now = first
	}
	begin := d.now
	if want, wait := d.g.limit(d.now); wait > 0 && !d.never {
		until := d.now.Add(wait)
		if n := min(want, len(d.arrivals)); n == want && n > 0 && d.arrivals[n-1].Before(until) {
			until = d.arrivals[n-1]
		}
		if until.After(d.now) {
			d.now = until
		}
	}
	off = d.now.Sub(begin)
	n, start := d.waiting(d.now), d.now
	d.now = d.now.Add(d.sync)
	d.arrivals = d.arrivals[n:]
	d.g.note(n, d.waiting(d.now), start, d.now)
	d.done(n, d.now)
	return off
}

// TestGather has clients that wait for each answer before they write again, and others
// that come when they like. With the former, two halves must not wait for each other's
// syncs; the latter must not wait for nothing.
func TestGather(t *testing.T) {
	const sync = 800 * time.Microsecond
	start := time.Unix(1_000_000, 0)
	rate := func(clients int, again time.Duration, never bool) float64 {
		d := &disk{sync: sync, now: start, never: never}
		r := rand.New(rand.NewPCG(1, 2))
		total := 0
		d.done = func(n int, at time.Time) {
			total += n
			for range n {
				d.come(at.Add(again/2 + time.Duration(r.Int64N(int64(again)))))
			}
		}
		for i := range clients {
			d.come(start.Add(time.Duration(i) * sync / time.Duration(clients)))
		}
		for range 20000 {
			d.turn()
		}
		return float64(total) / d.now.Sub(start).Seconds()
	}
	f := func(clients int, again time.Duration, least float64) {
		t.Helper()
		if with, without := rate(clients, again, false), rate(clients, again, true); with < least*without {
			t.Errorf("%d clients that come back in %v: %.0f writes a second, %.0f when nothing is put off", clients, again, with, without)
		}
	}
	f(16, sync/4, 1.4)
	f(2, sync/4, 1.4)
	f(1, sync/4, 1)
	f(16, sync, 0.95)
	f(16, 3*sync, 0.95)
	f(500, 3*sync, 0.95)

	d := &disk{sync: sync, now: start, done: func(int, time.Time) {}}
	r := rand.New(rand.NewPCG(3, 4))
	for at := start; at.Before(start.Add(20 * time.Second)); at = at.Add(time.Duration(r.ExpFloat64() * float64(sync) / 2)) {
		d.arrivals = append(d.arrivals, at)
	}
	var off time.Duration
	turns := 0
	for ; len(d.arrivals) > 0; turns++ {
		off += d.turn()
	}
	if mean := off / time.Duration(turns); mean > sync/10 {
		t.Errorf("clients that come when they like: syncs are put off by %v on average", mean)
	}
}

// BenchmarkLogWriter has clients that wait for each answer share a log on a real disk.
func BenchmarkLogWriter(b *testing.B) {
	for _, clients := range []int{1, 2, 16} {
		for _, way := range []string{"at once", "gathering"} {
			b.Run(fmt.Sprintf("%d clients/%s", clients, way), func(b *testing.B) {
				share(b, clients, way == "gathering")
			})
		}
	}
}

func share(b *testing.B, clients int, gathers bool) {
	dir, err := storage.Open(vfs.OS(), storage.Options{DataDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer dir.Close()
	r := &Replica{
		Parts:    Parts{Dir: dir, Metrics: metrics.New(), Events: Events{Synced: func(int, time.Duration) {}}},
		logQueue: newQueue[entry](), durable: newQueue[proto.Zxid](), trigger: newTrigger(math.MaxInt, 0, 0, 1),
	}
	if !gathers {
		r.gather.left = math.MaxInt
	}
	var writer, loop, all sync.WaitGroup
	writer.Go(r.writeLog)
	var mu sync.Mutex
	waiting := map[proto.Zxid]chan struct{}{}
	last := proto.Zxid(0)
	loop.Go(func() {
		for range r.durable.ready {
			mu.Lock()
			for _, zxid := range r.durable.take() {
				for z, c := range waiting {
					if z <= zxid {
						delete(waiting, z)
						c <- struct{}{}
					}
				}
			}
			mu.Unlock()
			if r.durable.done() {
				return
			}
		}
	})
	left := int64(b.N)
	b.ResetTimer()
	for range clients {
		all.Go(func() {
			answer, raw := make(chan struct{}, 1), make([]byte, 1024)
			for atomic.AddInt64(&left, -1) >= 0 {
				mu.Lock()
				last++
				waiting[last] = answer
				e := entry{raw: raw}
				e.commit.Txn.Zxid = last
				r.logQueue.put(e)
				mu.Unlock()
				<-answer
			}
		})
	}
	all.Wait()
	b.StopTimer()
	r.logQueue.end()
	writer.Wait()
	loop.Wait()
}
