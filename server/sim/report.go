package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Violation is what must not be.
type Violation struct {
	Invariant string
	What      string
}

// Report is what a run was.
type Report struct {
	Seed      uint64
	Violation *Violation // nil: it survived
	Stats     Stats
	Lasted    time.Duration // virtual
	Sum       uint64        // of the trace
	Trace     []string      // its last lines
	Plan      string
}

// Stats count what happened, by name.
type Stats struct {
	Faults  map[string]int // by kind
	Events  map[string]int
	Replies map[string]int // by operation
	Errors  map[string]int // that clients were answered, by error
}

func newStats() Stats {
	return Stats{Faults: map[string]int{}, Events: map[string]int{}, Replies: map[string]int{}, Errors: map[string]int{}}
}

// maps returns all counts.
func (s *Stats) maps() []map[string]int {
	return []map[string]int{s.Faults, s.Events, s.Replies, s.Errors}
}

// Total is what many runs were.
type Total struct {
	Seeds  int
	Lasted time.Duration // virtual, all together
	Stats
}

// Add adds a run.
func (t *Total) Add(r *Report) {
	if t.Faults == nil {
		t.Stats = newStats()
	}
	t.Seeds++
	t.Lasted += r.Lasted
	for i, counts := range r.Stats.maps() {
		for name, n := range counts {
			t.Stats.maps()[i][name] += n
		}
	}
}

// String tells all numbers.
func (t *Total) String() string {
	sum := 0
	for _, n := range t.Faults {
		sum += n
	}
	return fmt.Sprintf("%d seeds, %.2f simulated hours\n%d faults: %s\nsurvived: %s\nreplies: %s\nerrors: %s",
		t.Seeds, t.Lasted.Hours(), sum, list(t.Faults), list(t.Events), list(t.Replies), list(t.Errors))
}

// list returns counts by name, the names sorted.
func list(counts map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}
