package metrics

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readLines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// elsewhere are the lines of a Java server's mntr that the server adds from what it is
// at the moment: gauges.
var elsewhere = strings.Fields(`version server_state ephemerals_count num_alive_connections avg_latency
outstanding_requests znode_count global_sessions non_mtls_remote_conn_count last_client_response_size packets_sent
packets_received max_client_response_size connection_drop_probability watch_count auth_failed_count min_latency
max_file_descriptor_count approximate_data_size open_file_descriptor_count local_sessions uptime max_latency
outstanding_tls_handshake min_client_response_size non_mtls_local_conn_count`)

// TestMonitorLines compares names and forms of values with those of Java's mntr.
func TestMonitorLines(t *testing.T) {
	s := New()
	s.ReadBytes.Observe([]byte("/app/x"), 72, 1)
	s.WriteBytes.Observe([]byte("/app/x"), 4, 1)
	got := map[string]string{}
	for _, l := range s.Lines() {
		if _, twice := got[l.Name]; twice {
			t.Errorf("%s stands there twice", l.Name)
		}
		got[l.Name] = l.Value
	}
	form := func(v string) string { return regexp.MustCompile(`[0-9]+`).ReplaceAllString(v, "N") }
	for _, line := range readLines(t, "mntr.txt") {
		name, value, _ := strings.Cut(strings.TrimPrefix(line, "zk_"), "\t")
		if slices.Contains(elsewhere, name) {
			continue
		}
		ours, ok := got[name]
		if !ok {
			t.Errorf("no line %s", name)
		} else if form(ours) != form(value) {
			t.Errorf("%s is %q, in Java's form it is %q", name, ours, value)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("Java has no line %s", name)
	}
}

// TestKinds compares the kinds of the metrics with those that Java exports.
func TestKinds(t *testing.T) {
	s := New()
	ours := map[string]string{}
	for name := range s.counters {
		ours[name] = "counter"
	}
	for name := range s.distributions {
		ours[name] = "summary 0.5"
		if advancedSet()[name] {
			ours[name] = "summary 0.5 0.9 0.99"
		}
	}
	ours["read_per_namespace"], ours["write_per_namespace"] = "summary key 0.5", "summary key 0.5"
	typ := regexp.MustCompile(`^# TYPE (\w+) (counter|summary)$`)
	sample := regexp.MustCompile(`^(\w+)\{(key="\w+",)?quantile="([0-9.]+)",\} `)
	runtime := regexp.MustCompile(`^(process|jvm)_.*(_total|_seconds)$`) // of the process, not of the server
	java := map[string]string{}
	for _, line := range readLines(t, "prometheus/standalone.txt") {
		if m := typ.FindStringSubmatch(line); m != nil && !runtime.MatchString(m[1]) {
			java[m[1]] = m[2]
		}
		if m := sample.FindStringSubmatch(line); m != nil && java[m[1]] != "" {
			if m[2] != "" {
				java[m[1]] += " key"
			}
			java[m[1]] += " " + m[3]
		}
	}
	// With a label and, on a standalone server, never observed: nothing to tell them by.
	for _, name := range strings.Fields("ack_latency learner_handler_qp_size learner_handler_qp_time_ms quota_exceeded_error_per_namespace") {
		if _, ok := ours[name]; ok {
			t.Errorf("%s is there", name)
		}
		delete(java, name)
	}
	if len(java) < 100 {
		t.Fatalf("only %d metrics in the fixture", len(java))
	}
	for name, kind := range java {
		if ours[name] != kind {
			t.Errorf("%s is %q, in Java %q", name, ours[name], kind)
		}
		delete(ours, name)
	}
	for name := range ours {
		t.Errorf("Java has no %s", name)
	}
}

// TestLines shows the lines of each kind.
func TestLines(t *testing.T) {
	s := New()
	s.CommitCount.Add(3)
	s.FsyncTime.Observe(1)
	s.FsyncTime.Observe(4)
	for v := range int64(10) {
		s.ReadLatency.Observe(v)
	}
	s.WriteBytes.Observe([]byte("/b/c"), 10, 1)
	s.WriteBytes.Observe([]byte("/a"), 3, 1)
	s.SetCounter("connection_rejected", 5)
	s.SetCounter("nosuch", 5)
	f := func(metric, want string) {
		t.Helper()
		var got []string
		for _, l := range s.Lines() {
			if l.Name == metric || strings.HasSuffix(l.Name, "_"+metric) {
				got = append(got, l.Name+" "+l.Value)
			}
		}
		if text := strings.Join(got, "\n"); text != want {
			t.Errorf("%s: got\n%s\nwant\n%s", metric, text, want)
		}
	}
	f("commit_count", "commit_count 3")
	f("connection_rejected", "connection_rejected 5")
	f("nosuch", "")
	f("fsynctime", "avg_fsynctime 2.5\nmin_fsynctime 1\nmax_fsynctime 4\ncnt_fsynctime 2\nsum_fsynctime 5")
	f("readlatency", "avg_readlatency 4.5\nmin_readlatency 0\nmax_readlatency 9\ncnt_readlatency 10\nsum_readlatency 45\n"+
		"p50_readlatency 5\np95_readlatency 9\np99_readlatency 9\np999_readlatency 9")
	f("write_per_namespace", "avg_a_write_per_namespace 3.0\nmin_a_write_per_namespace 3\nmax_a_write_per_namespace 3\n"+
		"cnt_a_write_per_namespace 1\nsum_a_write_per_namespace 3\navg_b_write_per_namespace 10.0\n"+
		"min_b_write_per_namespace 10\nmax_b_write_per_namespace 10\ncnt_b_write_per_namespace 1\nsum_b_write_per_namespace 10")
}

func TestNamespaces(t *testing.T) {
	f := func(path, want string) {
		t.Helper()
		n := (&Namespaces{newKeyed()})
		n.Observe([]byte(path), 5, 2)
		got := ""
		for key, s := range n.all {
			got = fmt.Sprint(key, " ", s.Figures().Count)
		}
		if want != "" {
			want += " 2"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
	f("", "")
	f("/", "")
	f("/app", "app")
	f("/app/", "app")
	f("/app/one/two", "app")
	f("/äöü/x", "äöü")
}

// TestNamespaceLimit wants clients unable to make the table grow without end.
func TestNamespaceLimit(t *testing.T) {
	n := (&Namespaces{newKeyed()})
	for i := range 3 * keyLimit {
		n.Observe(fmt.Appendf(nil, "/n%d", i), 1, 1)
	}
	if len(n.all) != keyLimit {
		t.Errorf("%d namespaces, want %d", len(n.all), keyLimit)
	}
	n.Observe([]byte("/n0/again"), 1, 1)
	if got := n.all["n0"].Figures().Count; got != 2 {
		t.Errorf("a namespace within the limit was counted %d times, want 2", got)
	}
	n.Reset()
	n.Observe([]byte("/fresh"), 1, 1)
	if len(n.all) != 1 {
		t.Errorf("%d namespaces after Reset, want 1", len(n.all))
	}
}

func TestAverage(t *testing.T) {
	f := func(v float64, want string) {
		t.Helper()
		if got := Average(v); got != want {
			t.Errorf("Average(%v) = %q, want %q", v, got, want)
		}
	}
	f(0, "0.0")
	f(1, "1.0")
	f(100, "100.0")
	f(2.5, "2.5")
	f(0.41171, "0.4117")
	f(0.00004, "0.0")
	f(0.00005, "0.0001")
	f(0.99995, "1.0")
	f(0.23235, "0.2324")
	f(10.10, "10.1")
	f(1234567.25, "1234567.25")
}
