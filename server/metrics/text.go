package metrics

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Line is one name and value of mntr, without the prefix zk_.
type Line struct {
	Name  string
	Value string
}

// Lines returns counters and summaries in the order of their names.
func (s *Set) Lines() []Line {
	var out []Line
	for _, name := range slices.Sorted(maps.Keys(s.counters)) {
		out = append(out, Line{name, whole(s.counters[name].Value())})
	}
	for _, name := range slices.Sorted(maps.Keys(s.summaries)) {
		out = appendFigures(out, name, s.summaries[name].Figures())
	}
	for _, name := range slices.Sorted(maps.Keys(s.namespaces)) {
		out = s.namespaces[name].lines(out, name)
	}
	for _, name := range slices.Sorted(maps.Keys(s.distributions)) {
		d := s.distributions[name]
		out = appendFigures(out, name, d.Figures())
		for _, q := range []struct {
			name string
			q    float64
		}{{"p50_", 0.5}, {"p95_", 0.95}, {"p99_", 0.99}, {"p999_", 0.999}} {
			out = append(out, Line{q.name + name, whole(d.Quantile(q.q))})
		}
	}
	return out
}

func appendFigures(out []Line, name string, f Figures) []Line {
	avg := 0.0
	if f.Count > 0 {
		avg = float64(f.Sum) / float64(f.Count)
	}
	return append(out, Line{"avg_" + name, Average(avg)}, Line{"min_" + name, whole(f.Min)},
		Line{"max_" + name, whole(f.Max)}, Line{"cnt_" + name, whole(f.Count)}, Line{"sum_" + name, whole(f.Sum)})
}

func whole(n int64) string { return strconv.FormatInt(n, 10) }

// Average returns a mean as Java prints it: four digits, rounded half up, without
// zeros at the end but with one digit at least.
func Average(v float64) string {
	s := strconv.FormatFloat(math.Floor(v*10000+0.5)/10000, 'f', 4, 64)
	s = strings.TrimRight(s, "0")
	if strings.HasSuffix(s, ".") {
		s += "0"
	}
	return s
}
