package admin

import (
	"bytes"
	"math"
	"net/http"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
	"github.com/rs/zerolog"

	"gokeeper/server/metrics"
)

// scrapeIdle is how long a connection of a scraper may be silent.
const scrapeIdle = 30 * time.Second

// MetricsOptions say what is exported.
type MetricsOptions struct {
	// Gauges are asked at each scrape. The counters and summaries are those of Set.
	Gauges func() []metrics.Line
	Set    *metrics.Set
	// Runtime adds process_*, go_*, and jvm_memory_bytes_* for the heap, which stands where
	// dashboards look for Java's.
	Runtime bool
	Log     zerolog.Logger
}

// Metrics serves /metrics in the manner of Java's PrometheusMetricsProvider.
type Metrics struct {
	*httpServer
	opt      MetricsOptions
	exporter *metrics.Exporter
	process  *prometheus.Registry // nil: not wanted
}

// NewMetrics returns a server for the metrics.
func NewMetrics(opt MetricsOptions) *Metrics {
	m := &Metrics{opt: opt, exporter: metrics.NewExporter(opt.Set)}
	m.httpServer = newHTTP(m, scrapeIdle, opt.Log)
	if opt.Runtime {
		m.process = prometheus.NewRegistry()
		m.process.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	return m
}

// ServeHTTP implements [http.Handler].
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/metrics":
		http.NotFound(w, r)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	respond(w, http.StatusOK, m.export(wanted(r.URL.Query()["name[]"])))
}

// wanted returns which families are asked for, nil for all. Who names a sample of a
// summary gets the summary.
func wanted(names []string) func(string) bool {
	if len(names) == 0 {
		return nil
	}
	return func(family string) bool {
		for _, n := range names {
			if rest, ok := strings.CutPrefix(n, family); ok && (rest == "" || rest == "_count" || rest == "_sum") {
				return true
			}
		}
		return false
	}
}

func (m *Metrics) export(wanted func(string) bool) []byte {
	b := m.exporter.Append(nil, m.opt.Gauges(), time.Now(), wanted)
	if m.process == nil {
		return b
	}
	families, err := m.process.Gather()
	if err != nil { // what could be gathered is there
		m.opt.Log.Debug().Err(err).Msg("metrics of the process are incomplete")
	}
	out := bytes.NewBuffer(b)
	for _, f := range families {
		if wanted == nil || wanted(f.GetName()) {
			_, _ = expfmt.MetricFamilyToText(out, f) // a buffer takes everything
		}
	}
	return appendHeap(out.Bytes(), wanted)
}

// heap are the figures of Go's memory that Java's dashboards have panels for.
var heap = []struct{ name, help, from string }{
	{"jvm_memory_bytes_used", "Bytes of live and dead objects.", "/memory/classes/heap/objects:bytes"},
	{"jvm_memory_bytes_committed", "Bytes mapped by the Go runtime.", "/memory/classes/total:bytes"},
}

// appendHeap appends them, and the limit of memory, -1 for none.
func appendHeap(b []byte, wanted func(string) bool) []byte {
	gauge := func(name, help string, value int64) {
		if wanted == nil || wanted(name) {
			b = append(b, "# HELP "+name+" "+help+"\n# TYPE "+name+" gauge\n"+name+`{area="heap",} `...)
			b = append(strconv.AppendInt(b, value, 10), ".0\n"...)
		}
	}
	for _, h := range heap {
		sample := []runtimemetrics.Sample{{Name: h.from}}
		runtimemetrics.Read(sample)
		gauge(h.name, h.help, int64(sample[0].Value.Uint64()))
	}
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		limit = -1
	}
	gauge("jvm_memory_bytes_max", "Limit of memory in bytes, -1 for none.", limit)
	return b
}
