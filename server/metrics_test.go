package server_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"gokeeper/server"
	"gokeeper/server/jute"
	"gokeeper/server/metrics"
	"gokeeper/server/proto"
)

const prometheus = "metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider"

// scrape returns what the server exports, as Prometheus reads it.
func (r *running) scrape(query string) map[string]*dto.MetricFamily {
	r.t.Helper()
	a, err := http.Get("http://" + r.MetricsAddr().String() + "/metrics" + query)
	if err != nil {
		r.t.Fatal(err)
	}
	defer a.Body.Close()
	if got := a.Header.Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
		r.t.Errorf("type %q", got)
	}
	return parseMetrics(r.t, a.Body)
}

func parseMetrics(t *testing.T, in io.Reader) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(in)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// form is the kind of a family, its labels and its quantiles.
func form(f *dto.MetricFamily) string {
	m := f.Metric[0]
	out := strings.ToLower(f.GetType().String())
	for _, l := range m.Label {
		out += " " + l.GetName()
	}
	for _, q := range m.GetSummary().GetQuantile() {
		out += fmt.Sprint(" ", q.GetQuantile())
	}
	return out
}

// Of Java's families these are of its machine; a part of them is there as well.
var ofMachine = regexp.MustCompile(`^(jvm_(?:buffer|classes|gc|info|memory_pool|threads|memory_bytes_init|memory_objects|memory_pool_collection)|process_cpu|process_(?:start|max|open|resident|virtual))`)

// meant are the differences that are meant.
func meant(family string) bool {
	switch {
	case strings.HasPrefix(family, "go_"): // there is no Java to tell about
		return true
	case strings.HasPrefix(family, "process_"): // of this machine; Java's are among them
		return true
	case ofMachine.MatchString(family):
		return true
	case family == "quota_exceeded_error_per_namespace": // shown when there is one
		return true
	}
	return false
}

// compareMetrics wants what Java exports in the role: names, kinds, labels, quantiles.
func (r *running) compareMetrics(role string) {
	r.t.Helper()
	b, err := os.Open("metrics/testdata/prometheus/" + role + ".txt")
	if err != nil {
		r.t.Fatal(err)
	}
	defer b.Close()
	java, ours := parseMetrics(r.t, b), r.scrape("")
	if len(java) < 150 {
		r.t.Fatalf("%d families in the recording", len(java))
	}
	for name, f := range java {
		have := ours[name]
		switch {
		case have == nil && !meant(name):
			r.t.Errorf("%s: no %s", role, name)
		case have != nil && form(have) != form(f):
			r.t.Errorf("%s: %s is %s, in Java %s", role, name, form(have), form(f))
		}
	}
	for name := range ours {
		if java[name] == nil && !meant(name) {
			r.t.Errorf("%s: Java has no %s", role, name)
		}
	}
	for name, reason := range metrics.Absent() {
		if java[name] == nil {
			r.t.Errorf("%s (%s) is no name of Java's", name, reason)
		}
	}
}

// number returns the value of a family without labels, of a summary its count.
func number(t *testing.T, all map[string]*dto.MetricFamily, name string) float64 {
	t.Helper()
	f := all[name]
	if f == nil {
		t.Errorf("no %s", name)
		return 0
	}
	total := 0.0
	for _, m := range f.Metric {
		switch {
		case m.Summary != nil:
			total += float64(m.Summary.GetSampleCount())
		case m.Counter != nil:
			total += m.Counter.GetValue()
		default:
			total += m.Gauge.GetValue()
		}
	}
	return total
}

// quota gives /app a quota, as the recorded servers had one.
func (c *client) quota() {
	for _, path := range []string{"/zookeeper/quota/app", "/zookeeper/quota/app/zookeeper_limits", "/zookeeper/quota/app/zookeeper_stats"} {
		data := ""
		if strings.Contains(path, "_") {
			data = "count=10,bytes=1000"
		}
		c.create(path, data, proto.FlagPersistent)
	}
}

// TestMetricsStandalone compares with Java, and wants every number that is not absent
// counted.
func TestMetricsStandalone(t *testing.T) {
	r := start(t, configure(t, t.TempDir(), prometheus, "metricsProvider.httpHost=127.0.0.1", "metricsProvider.httpPort=0"), server.Options{})
	r.mustConnect(nil).prepare()
	r.busy(0)
	r.compareMetrics("standalone")
	all := r.scrape("")
	counted := strings.Fields(`bytes_received_count response_bytes connection_request_count fsynctime readlatency updatelatency
		prep_processor_request_queued prep_process_time prep_processor_queue_time_ms prep_processor_queue_size
		close_session_prep_time outstanding_changes_queued outstanding_changes_removed sync_processor_request_queued
		sync_processor_queue_size sync_processor_queue_time_ms sync_process_time sync_processor_queue_flush_time_ms
		sync_processor_queue_and_flush_time_ms sync_processor_batch_size proposal_ack_creation_latency propagation_latency
		write_commitproc_time_ms local_write_committed_time_ms write_final_proc_time_ms commit_process_time dbinittime
		startup_snap_load_time startup_txns_load_time startup_txns_loaded read_per_namespace write_per_namespace znode_count watch_count
		num_alive_connections packets_received packets_sent uptime approximate_data_size global_sessions ephemerals_count
		jvm_memory_bytes_used process_open_fds go_goroutines connection_token_deficit`)
	for _, name := range counted {
		if number(t, all, name) <= 0 {
			t.Errorf("%s is 0", name)
		}
	}
	if got := number(t, all, "updatelatency"); got != 135 {
		t.Errorf("updatelatency has %v observations, want 135", got)
	}
	if some := r.scrape("?name[]=znode_count&name[]=fsynctime_sum"); len(some) != 2 {
		t.Errorf("filtered: %d families", len(some))
	}
	for path, want := range map[string]int{"/": 404, "/metrics/": 404, "/metrics": 200} {
		a, err := http.Get("http://" + r.MetricsAddr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != want {
			t.Errorf("GET %s: %d, want %d", path, a.StatusCode, want)
		}
	}
}

// TestMetricsEnsemble compares leader, follower and observer with Java.
func TestMetricsEnsemble(t *testing.T) {
	e := newEnsemble(t, 3, 1, prometheus, "metricsProvider.httpHost=127.0.0.1", "metricsProvider.httpPort=0")
	e.start()
	leader := e.settled()
	e.connect(leader, nil).prepare()
	e.connect(leader, nil).quota()
	for i, r := range e.members {
		r.busy(i)
	}
	counted := map[string]string{
		"leader": `looking_count election_time unavailable_time leader_unavailable_time proposal_count commit_count quorum_ack_latency
			ack_latency learner_handler_qp_size diff_count inflight_diff_count synced_followers learners quorum_size leader_uptime`,
		"follower": `looking_count election_time unavailable_time follower_sync_time learner_proposal_received_count learner_commit_received_count
			proposal_latency commit_propagation_latency proposal_ack_creation_latency server_write_committed_time_ms
			learner_request_processor_queue_size quorum_size`,
		"observer": `looking_count unavailable_time observer_sync_time learner_commit_received_count commit_propagation_latency
			learner_request_processor_queue_size`,
	}
	for i, r := range e.members {
		c := r.mustConnect(nil)
		c.do(proto.OpSync, jute.AppendString(nil, "/"))
		role := e.mode(i + 1)
		r.compareMetrics(role)
		all := r.scrape("")
		for _, name := range strings.Fields(counted[role]) {
			if number(t, all, name) <= 0 {
				t.Errorf("%s: %s is 0", role, name)
			}
		}
		if got := number(t, all, "quota_count_limit_per_namespace"); got != 10 {
			t.Errorf("%s: limit of the quota is %v", role, got)
		}
	}
}

// TestMetricsOf wants watches, revalidations and quotas counted.
func TestMetricsOf(t *testing.T) {
	r := start(t, configure(t, t.TempDir(), "enforceQuota=true"), server.Options{})
	c := r.mustConnect(nil)
	c.create("/app", "", proto.FlagPersistent)
	c.quota()
	c.do(proto.OpGetData, pathRecord("/app", true))
	c.do(proto.OpGetChildren, pathRecord("/app", true))
	c.do(proto.OpSetData, append(jute.AppendBuffer(jute.AppendString(nil, "/app"), []byte("x")), 0xff, 0xff, 0xff, 0xff))
	c.create("/app/child", "", proto.FlagPersistent)
	for range 20 {
		c.reply(c.send(proto.OpCreate, createRecord("/app/child", strings.Repeat("x", 3000), proto.FlagPersistent|proto.FlagSequential)))
	}
	hard := "count=-1,bytes=-1=;countHardLimit=1"
	c.do(proto.OpSetData, dataRecord("/zookeeper/quota/app/zookeeper_limits", hard, -1))
	if _, code := c.reply(c.send(proto.OpCreate, createRecord("/app/more", "", 0))); code != proto.QuotaExceeded {
		t.Errorf("above the quota: %v", code)
	}
	c.Close()
	r.mustConnect(c)
	got, _ := r.monitored()
	for name, want := range map[string]string{
		"cnt_node_changed_watch_count": "1", "sum_node_changed_watch_count": "1", "cnt_node_children_watch_count": "1",
		"connection_revalidate_count": "1", "watch_bytes": "72",
		"app_quota_count_limit_per_namespace": "1", "app_quota_exceeded_error_per_namespace": "1",
	} {
		if got["zk_"+name] != want {
			t.Errorf("%s is %s, want %s", name, got["zk_"+name], want)
		}
	}
}

// TestMetricsPortTaken wants no server without its metrics.
func TestMetricsPortTaken(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	cfg := configure(t, t.TempDir(), prometheus, "metricsProvider.httpHost=127.0.0.1", fmt.Sprintf("metricsProvider.httpPort=%d", ln.Addr().(*net.TCPAddr).Port))
	if s, err := server.New(cfg, server.Options{Listen: "127.0.0.1:0"}); err == nil || !strings.Contains(err.Error(), "metricsProvider.httpPort") {
		t.Errorf("%v, %v", s, err)
	}
}

// TestWatched wants every name that the dashboard and the alerts use exported by a server
// in some role; a name that is mistyped shows as an empty panel for ever.
func TestWatched(t *testing.T) {
	known := map[string]bool{"up": true}
	for _, role := range []string{"standalone", "leader", "follower", "observer"} {
		b, err := os.Open("metrics/testdata/prometheus/" + role + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		for name := range parseMetrics(t, b) {
			known[name] = true
		}
		b.Close()
	}
	r := start(t, configure(t, t.TempDir(), prometheus, "metricsProvider.httpHost=127.0.0.1", "metricsProvider.httpPort=0"), server.Options{})
	for name := range r.scrape("") {
		known[name] = true
	}
	word := regexp.MustCompile(`[a-z]+(_[a-z0-9]+)+\b`)
	for _, file := range []string{"../compose/grafana/dashboards/gokeeper.json", "../compose/prometheus/alerts.yml"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		used := 0
		for _, expr := range regexp.MustCompile(`(?m)"expr": *"((?:[^"\\]|\\.)*)"|^ *expr: (.*)$`).FindAllStringSubmatch(string(b), -1) {
			for _, name := range word.FindAllString(strings.ReplaceAll(expr[1]+expr[2], "__rate_interval", ""), -1) {
				family := strings.TrimSuffix(strings.TrimSuffix(name, "_sum"), "_count")
				if used++; !known[name] && !known[family] {
					t.Errorf("%s: nobody exports %s", file, name)
				}
			}
		}
		if used < 10 {
			t.Errorf("%s: only %d names", file, used)
		}
	}
}
