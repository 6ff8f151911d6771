package metrics

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// window is the time that quantiles are of: between one and two of it. Java's are of the
// last ten minutes.
const window = 5 * time.Minute

// Exporter writes metrics in the text format of Prometheus, under the names, kinds and
// labels of Java's PrometheusMetricsProvider. It keeps what the quantiles have to forget,
// so that observing costs nothing for it.
type Exporter struct {
	set *Set

	mu    sync.Mutex // an export at a time
	since time.Time
	marks map[*Distribution]*mark
}

// mark is what a distribution held at the last two ends of a window.
type mark struct{ old, recent tally }

// NewExporter returns an exporter of the set.
func NewExporter(s *Set) *Exporter { return &Exporter{set: s, marks: map[*Distribution]*mark{}} }

// Append appends counters, summaries and the gauges, whose lines that are no numbers are
// left out. Only families that wanted says yes to are written; nil wants all.
func (e *Exporter) Append(b []byte, gauges []Line, now time.Time, wanted func(family string) bool) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	w := writer{b: b, wanted: wanted}
	e.rotate(now)
	w.gauges(gauges)
	for _, name := range slices.Sorted(maps.Keys(e.set.counters)) {
		if w.family(name, "counter") {
			w.sample(name, "", "", whole(e.set.counters[name].Value()))
		}
	}
	if w.family(quotaExceeded, "counter") {
		e.set.QuotaExceeded.each(func(key string, n int64) { w.sample(quotaExceeded, key, "", whole(n)) })
	}
	advanced := advancedSet()
	for _, name := range slices.Sorted(maps.Keys(e.set.distributions)) {
		if w.family(name, "summary") {
			e.summary(&w, name, "", e.set.distributions[name], advanced[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.set.keyed)) {
		if w.family(name, "summary") {
			e.set.keyed[name].each(func(key string, d *Distribution) { e.summary(&w, name, key, d, advanced[name]) })
		}
	}
	return w.b
}

// rotate begins a new window when the last one is over.
func (e *Exporter) rotate(now time.Time) {
	if e.since.IsZero() {
		e.since = now
	}
	if now.Sub(e.since) < window {
		return
	}
	e.since = now
	held := map[*Distribution]*mark{}
	hold := func(d *Distribution) {
		m := e.marks[d]
		if m == nil {
			m = &mark{}
		}
		m.old = m.recent
		d.counts(&m.recent)
		held[d] = m
	}
	for _, d := range e.set.distributions {
		hold(d)
	}
	for _, k := range e.set.keyed {
		k.each(func(_ string, d *Distribution) { hold(d) })
	}
	e.marks = held
}

// recent returns what was observed in the window; all of it after a reset.
func (e *Exporter) recent(d *Distribution) (t tally, some bool) {
	d.counts(&t)
	m := e.marks[d]
	for i := range t {
		if m != nil && t[i] >= m.old[i] {
			t[i] -= m.old[i]
		}
		some = some || t[i] > 0
	}
	return t, some
}

// Quantiles of the two kinds of summaries.
var (
	basicQuantiles    = []float64{0.5}
	advancedQuantiles = []float64{0.5, 0.9, 0.99}
)

func (e *Exporter) summary(w *writer, name, key string, d *Distribution, advanced bool) {
	list := basicQuantiles
	if advanced {
		list = advancedQuantiles
	}
	t, some := e.recent(d)
	f := d.Figures()
	for _, q := range list {
		value := "NaN"
		if some {
			value = whole(min(t.quantile(q), f.Max))
		}
		w.sample(name, key, strconv.FormatFloat(q, 'g', -1, 64), value)
	}
	w.sample(name+"_count", key, "", whole(f.Count))
	w.sample(name+"_sum", key, "", whole(f.Sum))
}

// quotaExceeded is the only counter with a label.
const quotaExceeded = "quota_exceeded_error_per_namespace"

// each calls f for every key in order.
func (k *KeyedCounter) each(f func(key string, n int64)) {
	k.mu.Lock()
	all := maps.Clone(k.all)
	k.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(all)) {
		f(key, all[key])
	}
}

// writer writes families.
type writer struct {
	b      []byte
	wanted func(string) bool
}

// family begins a family, and says whether it is wanted.
func (w *writer) family(name, kind string) bool {
	if w.wanted != nil && !w.wanted(name) {
		return false
	}
	w.b = append(w.b, "# HELP "+name+" "+name+"\n# TYPE "+name+" "+kind+"\n"...)
	return true
}

// gauges writes those that are numbers, the lines of one name together.
func (w *writer) gauges(lines []Line) {
	lines = slices.Clone(lines)
	slices.SortStableFunc(lines, func(a, b Line) int { return strings.Compare(a.Name, b.Name) })
	last, wanted := "", false
	for _, l := range lines {
		if _, err := strconv.ParseFloat(l.Value, 64); err != nil {
			continue
		}
		if l.Name != last {
			last, wanted = l.Name, w.family(l.Name, "gauge")
		}
		if wanted {
			w.sample(l.Name, l.Key, "", l.Value)
		}
	}
}

// sample writes a line. Java prints every number with a fraction, and a comma behind the
// last label.
func (w *writer) sample(name, key, quantile, value string) {
	w.b = append(w.b, name...)
	if key != "" || quantile != "" {
		w.b = append(w.b, '{')
		if key != "" {
			w.b = append(w.b, `key="`+escape.Replace(key)+`",`...)
		}
		if quantile != "" {
			w.b = append(w.b, `quantile="`+quantile+`",`...)
		}
		w.b = append(w.b, '}')
	}
	w.b = append(append(w.b, ' '), value...)
	if !strings.ContainsAny(value, ".N") {
		w.b = append(w.b, ".0"...)
	}
	w.b = append(w.b, '\n')
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
