package sim_test

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"gokeeper/server/sim"
)

var (
	seeds = flag.Int("seeds", 12, "how many ensembles TestSeeds runs")
	first = flag.Uint64("first", 1, "seed of the first")
	seed  = flag.Uint64("seed", 0, "run only this one, and tell its story")
	until = flag.Duration("until", 0, "begin no run after this time, however many seeds are left; 0: no limit")
)

// TestSeeds runs ensembles through bad days. A seed is a bug report.
func TestSeeds(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	if *seed != 0 {
		tell(t, *seed)
		return
	}
	list := make([]uint64, *seeds)
	for i := range list {
		list[i] = *first + uint64(i)
	}
	begin := time.Now()
	total := run(t, list)
	took := time.Since(begin)
	t.Logf("%s\nin %v: %.0f times as fast as time", total, took.Round(time.Millisecond), total.Lasted.Seconds()/took.Seconds())
}

// run runs the seeds on all processors and adds up what happened.
func run(t *testing.T, list []uint64) *sim.Total {
	t.Helper()
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		total sim.Total
		next  int
	)
	begin := time.Now()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				mu.Lock()
				if next == len(list) || t.Failed() || *until > 0 && time.Since(begin) > *until {
					mu.Unlock()
					return
				}
				s := list[next]
				next++
				mu.Unlock()
				r := sim.Run(s, sim.Options{})
				mu.Lock()
				total.Add(r)
				if r.Violation != nil {
					t.Errorf("%s", describe(r))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return &total
}

// shown is how many lines of a trace are printed when a seed fails.
const shown = 80

func describe(r *sim.Report) string {
	trace := r.Trace[max(0, len(r.Trace)-shown):]
	return fmt.Sprintf("seed %d (go test ./server/sim -run TestSeeds -seed %d): %s: %s\n%s\n%s", r.Seed, r.Seed,
		r.Violation.Invariant, r.Violation.What, r.Plan, strings.Join(trace, "\n"))
}

// tell runs one seed and prints everything.
func tell(t *testing.T, s uint64) {
	r := sim.Run(s, sim.Options{Tell: func(line string) { fmt.Println(line) }})
	var total sim.Total
	total.Add(r)
	t.Log(total.String())
	if r.Violation != nil {
		t.Errorf("%s: %s", r.Violation.Invariant, r.Violation.What)
	}
}

// TestCalm: without faults nothing is lost, nobody is elected twice, no session ends.
func TestCalm(t *testing.T) {
	t.Parallel()
	for s := range uint64(3) {
		r := sim.Run(s+1, sim.Options{Calm: true})
		if r.Violation != nil {
			t.Fatalf("%s", describe(r))
		}
	}
}

// TestSame: a run is a function of its seed.
func TestSame(t *testing.T) {
	t.Parallel()
	for _, s := range []uint64{3, 7, 9, 10} {
		var before []string
		for range 2 {
			var lines []string
			sim.Run(s, sim.Options{Tell: func(line string) { lines = append(lines, line) }})
			for i := range before {
				if i >= len(lines) || lines[i] != before[i] {
					t.Fatalf("seed %d: line %d was\n%s\nand is now\n%s", s, i, before[i], lines[min(i, len(lines)-1)])
				}
			}
			if before != nil && len(lines) != len(before) {
				t.Fatalf("seed %d: %d lines, and then %d", s, len(before), len(lines))
			}
			before = lines
		}
	}
}
