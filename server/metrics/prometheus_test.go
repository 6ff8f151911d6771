package metrics

import (
	"strings"
	"testing"
	"time"
)

// lineOf returns the value of a sample.
func lineOf(t *testing.T, text, sample string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, sample+" "); ok {
			return strings.TrimSuffix(value, "\n")
		}
	}
	t.Errorf("no %s", sample)
	return ""
}

// TestWindow wants quantiles of what was observed lately, counts and sums of all.
func TestWindow(t *testing.T) {
	s := New()
	e := NewExporter(s)
	at := time.Unix(1000, 0)
	check := func(when, p50, p99, count string) {
		t.Helper()
		text := string(e.Append(nil, nil, at, nil))
		for sample, want := range map[string]string{
			`readlatency{quantile="0.5",}`: p50, `readlatency{quantile="0.99",}`: p99, "readlatency_count": count,
		} {
			if got := lineOf(t, text, sample); got != want {
				t.Errorf("%s: %s is %s, want %s", when, sample, got, want)
			}
		}
	}
	check("nothing yet", "NaN", "NaN", "0.0")
	s.ReadLatency.ObserveN(9, 100)
	check("fresh", "9.0", "9.0", "100.0")
	at = at.Add(window)
	s.ReadLatency.ObserveN(1, 900)
	check("one window later", "1.0", "9.0", "1000.0")
	at = at.Add(window)
	check("two later", "NaN", "NaN", "1000.0")
	s.ReadLatency.Observe(3)
	check("again", "3.0", "3.0", "1001.0")
	s.Reset()
	check("after a reset", "NaN", "NaN", "0.0")
}

// TestExport shows each kind.
func TestExport(t *testing.T) {
	s := New()
	s.CommitCount.Add(7)
	s.FsyncTime.Observe(4)
	s.WriteBytes.Observe([]byte("/a\"b\\c\n/x"), 10, 1)
	s.AckTime.Observe("2", 5, 1)
	s.QuotaExceeded.Add("app", 2)
	gauges := []Line{
		{Name: "version", Value: "3.9.6-x"}, {Name: "znode_count", Value: "5"}, {Name: "avg_latency", Value: "0.25"},
		{Name: "limit", Key: "b", Value: "1"}, {Name: "other", Value: "-1"}, {Name: "limit", Key: "a", Value: "2"},
	}
	only := func(list string) func(string) bool {
		return func(family string) bool { return strings.Contains(list, " "+family+" ") }
	}
	got := string(NewExporter(s).Append(nil, gauges, time.Unix(1, 0),
		only(" version znode_count avg_latency limit other commit_count fsynctime write_per_namespace ack_latency quota_exceeded_error_per_namespace ")))
	want := `# HELP avg_latency avg_latency
# TYPE avg_latency gauge
avg_latency 0.25
# HELP limit limit
# TYPE limit gauge
limit{key="b",} 1.0
limit{key="a",} 2.0
# HELP other other
# TYPE other gauge
other -1.0
# HELP znode_count znode_count
# TYPE znode_count gauge
znode_count 5.0
# HELP commit_count commit_count
# TYPE commit_count counter
commit_count 7.0
# HELP quota_exceeded_error_per_namespace quota_exceeded_error_per_namespace
# TYPE quota_exceeded_error_per_namespace counter
quota_exceeded_error_per_namespace{key="app",} 2.0
# HELP fsynctime fsynctime
# TYPE fsynctime summary
fsynctime{quantile="0.5",} 4.0
fsynctime_count 1.0
fsynctime_sum 4.0
# HELP ack_latency ack_latency
# TYPE ack_latency summary
ack_latency{key="2",quantile="0.5",} 5.0
ack_latency{key="2",quantile="0.9",} 5.0
ack_latency{key="2",quantile="0.99",} 5.0
ack_latency_count{key="2",} 1.0
ack_latency_sum{key="2",} 5.0
# HELP write_per_namespace write_per_namespace
# TYPE write_per_namespace summary
write_per_namespace{key="a\"b\\c\n",quantile="0.5",} 10.0
write_per_namespace_count{key="a\"b\\c\n",} 1.0
write_per_namespace_sum{key="a\"b\\c\n",} 10.0
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestAbsent wants every name either counted by a field, or elsewhere, or absent with a
// reason.
func TestAbsent(t *testing.T) {
	s := New()
	elsewhere := " bytes_received_count response_bytes connection_request_count connection_rejected connection_drop_count " +
		"cnxn_closed_without_zk_server_running sessionless_connections_expired large_requests_rejected connection_revalidate_count " +
		"tls_handshake_exceeded unsuccessful_handshake "
	reasons := Absent()
	check := func(name string, counted bool) {
		if _, absent := reasons[name]; absent == (counted || strings.Contains(elsewhere, " "+name+" ")) {
			t.Errorf("%s: absent %v, counted %v", name, absent, counted)
		}
		delete(reasons, name)
	}
	for name := range s.counters {
		_, counted := s.countersByName()[name]
		check(name, counted)
	}
	for name := range s.distributions {
		_, counted := s.distributionsByName()[name]
		check(name, counted)
	}
	for name := range reasons {
		t.Errorf("%s is absent, and no name of Java's", name)
	}
}

// BenchmarkRequest is all that is counted for one request: what metrics add to its cost.
// A write on a disk without delay takes some 20 µs, a read over loopback some 5 µs.
func BenchmarkRequest(b *testing.B) {
	s := New()
	path := []byte("/some/path")
	for _, x := range []struct {
		name string
		do   func(v int64)
	}{
		{"none", func(int64) {}},
		{"read", func(v int64) { s.ReadLatency.ObserveN(v, 1) }},
		{"write", func(v int64) {
			for _, c := range []*Counter{s.PrepQueued, s.ChangesQueued, s.SyncQueued, s.CommitQueued, s.ProposalCount, s.CommitCount, s.ChangesRemoved} {
				c.Add(1)
			}
			for _, d := range []*Distribution{
				s.PrepQueueSize, s.PrepQueueTime, s.PrepTime, s.SyncQueueSize, s.SyncQueueTime, s.SyncTime, s.SyncBatch, s.FsyncTime,
				s.SyncFlushTime, s.SyncAndQueueTime, s.AckCreationTime, s.QuorumAckTime, s.WriteCommitTime, s.CommitQueueSize,
				s.CommitBatch, s.CommitTime, s.CommitBatchTime, s.WriteFinalTime, s.LocalWriteTime, s.PropagationTime, s.UpdateLatency,
			} {
				d.Observe(v)
			}
			s.AckTime.Observe("1", v, 1)
			s.AckTime.Observe("2", v, 1)
			s.WriteBytes.Observe(path, v, 1)
		}},
	} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				x.do(int64(i & 63))
			}
		})
	}
}

// BenchmarkExport is a scrape.
func BenchmarkExport(b *testing.B) {
	e := NewExporter(New())
	var out []byte
	for b.Loop() {
		out = e.Append(out[:0], nil, time.Unix(1, 0), nil)
	}
}
