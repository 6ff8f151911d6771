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
	Key   string // of a gauge with a label: its value
}

// Label returns the name with the key in it, as mntr has it.
func (l Line) Label() string {
	if l.Key == "" {
		return l.Name
	}
	return l.Key + "_" + l.Name
}

// Lines returns counters and summaries in the order of their names.
func (s *Set) Lines() []Line {
	var out []Line
	for _, name := range slices.Sorted(maps.Keys(s.counters)) {
		out = append(out, Line{Name: name, Value: whole(s.counters[name].Value())})
	}
	s.QuotaExceeded.each(func(key string, n int64) {
		out = append(out, Line{Name: quotaExceeded, Key: key, Value: whole(n)})
	})
	advanced := advancedSet()
	for _, name := range slices.Sorted(maps.Keys(s.distributions)) {
		out = appendFigures(out, name, s.distributions[name], advanced[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.keyed)) {
		s.keyed[name].each(func(key string, d *Distribution) {
			out = appendFigures(out, key+"_"+name, d, advanced[name])
		})
	}
	return out
}

// advancedSet are the names of summaries with more quantiles than the median.
func advancedSet() map[string]bool {
	set := map[string]bool{"ack_latency": true, "learner_handler_qp_time_ms": true}
	for _, name := range strings.Fields(advancedNames) {
		set[name] = true
	}
	return set
}

// percentiles are those that mntr shows.
var percentiles = []struct {
	prefix string
	q      float64
}{{"p50_", 0.5}, {"p95_", 0.95}, {"p99_", 0.99}, {"p999_", 0.999}}

func appendFigures(out []Line, name string, d *Distribution, advanced bool) []Line {
	f := d.Figures()
	avg := 0.0
	if f.Count > 0 {
		avg = float64(f.Sum) / float64(f.Count)
	}
	line := func(prefix, value string) { out = append(out, Line{Name: prefix + name, Value: value}) }
	line("avg_", Average(avg))
	line("min_", whole(f.Min))
	line("max_", whole(f.Max))
	line("cnt_", whole(f.Count))
	line("sum_", whole(f.Sum))
	if advanced {
		for _, p := range percentiles {
			line(p.prefix, whole(d.Quantile(p.q)))
		}
	}
	return out
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
