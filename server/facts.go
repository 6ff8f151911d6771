package server

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"gokeeper/server/admin"
	"gokeeper/server/config"
	"gokeeper/server/conn"
	"gokeeper/server/database"
	"gokeeper/server/member"
	"gokeeper/server/metrics"
	"gokeeper/server/proto"
	"gokeeper/server/session"
	"gokeeper/server/tree"
	"gokeeper/server/watch"
)

// facts is the server as the four-letter words see it.
type facts struct{ s *Server }

// Serving says that clients are served.
func (f facts) Serving() bool { return f.s.opened.Load() && f.s.serving() }

// Summary returns what srvr shows.
func (f facts) Summary() admin.Summary {
	st := f.s.clients.Stats()
	out := admin.Summary{
		Version: f.s.opt.Version, Mode: f.s.mode(), ReadOnly: f.s.readOnly(), MinLatency: st.MinLatency, MaxLatency: st.MaxLatency,
		AvgLatency: st.AvgLatency, Received: st.Received, Sent: st.Sent, Connections: st.Connections,
		Outstanding: st.Outstanding, Proposals: f.s.proposals(), Responses: responses(&st), Uptime: f.s.millis(),
		AuthFailed: st.AuthFailed, PlainLocal: f.s.plain.local.Load(), PlainRemote: f.s.plain.remote.Load(),
		SlowSyncs: f.s.slowSyncs.Load(), NoMetrics: f.s.cfg.Metrics.Provider == config.NullMetrics,
	}
	f.s.db.View(func(t *tree.Tree) { out.Zxid, out.Nodes = t.LastZxid(), t.NodeCount() })
	return out
}

// responses returns the sizes of replies, -1 before the first.
func responses(st *conn.Stats) admin.Sizes {
	if st.LastSize == 0 {
		return admin.Sizes{Last: -1, Min: -1, Max: -1}
	}
	return admin.Sizes{Last: st.LastSize, Min: st.MinSize, Max: st.MaxSize}
}

// Connections returns the client connections.
func (f facts) Connections() []admin.Connection {
	infos := f.s.clients.Connections()
	out := make([]admin.Connection, len(infos))
	for i, c := range infos {
		out[i] = admin.Connection{
			Remote: c.Remote, Secure: c.Secure, Interest: c.Interest, Queued: c.Queued, Received: c.Received, Sent: c.Sent,
			Session: c.Session, LastOp: c.LastOp, Established: c.Established, Timeout: c.Timeout,
			LastCxid: c.LastCxid, LastZxid: c.LastZxid, LastResponse: c.LastResponse, LastLatency: c.LastLatency,
			MinLatency: c.MinLatency, AvgLatency: c.AvgLatency, MaxLatency: c.MaxLatency,
			Expires: f.s.wall(c.Expires),
		}
	}
	return out
}

// wall turns monotonic milliseconds into a time of day.
func (s *Server) wall(ms int64) time.Time { return s.start.Add(time.Duration(ms) * time.Millisecond) }

// Conf returns what conf shows.
func (f facts) Conf() admin.Conf {
	c := &f.s.cfg
	out := admin.Conf{
		ClientPort: portOf(f.s.ClientAddr()), SecureClientPort: portOf(f.s.SecureAddr()),
		DataDir: absolute(f.s.dir.SnapshotDir()), LogDir: absolute(f.s.dir.LogDir()),
		Tick: c.TickTime, MinTimeout: c.MinSessionTimeout, MaxTimeout: c.MaxSessionTimeout,
		MaxPerAddress: c.MaxClientConnections, Backlog: c.ListenBacklog,
	}
	if c.Distributed {
		out.ServerID, out.Member = int64(c.MyID), memberConf(c, f.s.members.current.Load())
		if f.s.readOnly() {
			out.Member.Membership = nil
		}
	}
	return out
}

// portOf returns the port of an address, 0 without one.
func portOf(a net.Addr) int {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}

func absolute(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// Environment returns what envi shows; there is no Java to tell about.
func (f facts) Environment() [][2]string {
	const none = "<NA>"
	host, _ := os.Hostname()
	dir, _ := os.Getwd()
	name, home := none, none
	if u, err := user.Current(); err == nil {
		name, home = u.Username, u.HomeDir
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	mb := func(n uint64) string { return fmt.Sprintf("%dMB", n>>20) }
	return [][2]string{
		{"zookeeper.version", f.s.opt.Version}, {"host.name", host}, {"java.version", none}, {"java.vendor", none},
		{"java.home", none}, {"java.class.path", none}, {"java.library.path", none}, {"java.io.tmpdir", os.TempDir()},
		{"java.compiler", none}, {"os.name", runtime.GOOS}, {"os.arch", runtime.GOARCH}, {"os.version", none},
		{"user.name", name}, {"user.home", home}, {"user.dir", dir}, {"os.memory.free", mb(m.HeapIdle - m.HeapReleased)},
		{"os.memory.max", mb(m.Sys)}, {"os.memory.total", mb(m.HeapSys)},
	}
}

// Tracker returns the buckets of sessions, or on a server that does not decide when they
// expire all sessions; and those that are local to it.
func (f facts) Tracker() admin.Tracker {
	type found struct{ global, local []admin.Bucket }
	all := inspect(f.s, func(m *member.Member) (out found) {
		out.local = f.s.buckets(m.Locals())
		if t := m.Sessions(); t != nil {
			out.global = f.s.buckets(t)
		}
		return out
	})
	t := admin.Tracker{Buckets: all.global, TracksGlobal: true, Local: all.local, HasLocal: f.s.cfg.Distributed && f.s.cfg.LocalSessions}
	if role := f.s.replica.Role(); role != member.Standalone && role != member.Leading {
		t.TracksGlobal, t.Global = false, f.s.globalSessions()
	}
	return t
}

// buckets returns the sessions of a table by when they expire.
func (s *Server) buckets(t *session.Table) (out []admin.Bucket) {
	for _, b := range t.Buckets() {
		out = append(out, admin.Bucket{At: s.wall(b.At), Millis: b.At, Sessions: b.Sessions})
	}
	return out
}

// inspectLimit is how long a four-letter word waits for the loop.
const inspectLimit = 5 * time.Second

// inspect returns what look finds, zero when the loop does not get to it in time; look
// may then still be called.
func inspect[T any](s *Server, look func(*member.Member) T) (found T) {
	ctx, cancel := context.WithTimeout(context.Background(), inspectLimit)
	defer cancel()
	answer := make(chan T, 1)
	if s.replica.Inspect(ctx, func(m *member.Member) { answer <- look(m) }) {
		found = <-answer
	}
	return found
}

// Ephemerals returns the owners of ephemerals.
func (f facts) Ephemerals() []admin.Owner {
	var out []admin.Owner
	f.s.db.View(func(t *tree.Tree) {
		for id, paths := range t.EphemeralOwners() {
			out = append(out, admin.Owner{Session: id, Paths: paths})
		}
	})
	return out
}

// Watches returns the watches on data.
func (f facts) Watches() []admin.Watch {
	byPath := map[string][]proto.SessionID{}
	f.s.db.ViewWatches(func(_ *tree.Tree, w *watch.Table[database.Client]) {
		for c, path := range w.DataWatches() {
			byPath[path] = append(byPath[path], c.Session())
		}
	})
	out := make([]admin.Watch, 0, len(byPath))
	for path, ids := range byPath {
		slices.Sort(ids)
		out = append(out, admin.Watch{Path: path, Sessions: ids})
	}
	slices.SortFunc(out, func(x, y admin.Watch) int { return cmp.Compare(x.Path, y.Path) })
	return out
}

// WatchCounts returns what wchs shows.
func (f facts) WatchCounts() (connections, paths, watches int) {
	f.s.db.ViewWatches(func(_ *tree.Tree, w *watch.Table[database.Client]) {
		connections, paths, watches = w.DataCounts()
	})
	return connections, paths, watches
}

// Sizes returns the bytes in the data directories; what cannot be read counts 0.
func (f facts) Sizes() (data, logs int64) {
	data, logs, err := f.s.dir.Sizes()
	if err != nil {
		f.s.opt.Log.Warn().Err(err).Msg("size of the data directory unknown")
	}
	return data, logs
}

// Digests returns what hash shows.
func (f facts) Digests() []admin.Digest {
	var out []admin.Digest
	f.s.db.View(func(t *tree.Tree) {
		for _, d := range t.Digests() {
			out = append(out, admin.Digest{Zxid: d.Zxid, Value: d.Value})
		}
	})
	return out
}

// Metrics returns counters and summaries.
func (f facts) Metrics() *metrics.Set {
	st := f.s.clients.Stats()
	for name, n := range map[string]int64{
		"connection_request_count": st.ConnectRequests, "connection_rejected": st.Rejected,
		"connection_drop_count": st.Dropped, "cnxn_closed_without_zk_server_running": st.Unserved,
		"sessionless_connections_expired": st.Expired, "large_requests_rejected": st.LargeRejected,
		"unsuccessful_handshake": st.Unsuccessful, "tls_handshake_exceeded": st.Exceeded,
		"connection_revalidate_count": st.Revalidated, "bytes_received_count": st.BytesIn, "response_bytes": st.BytesOut,
	} {
		f.s.metrics.SetCounter(name, n)
	}
	f.s.measureLearners()
	return f.s.metrics
}

// Scraped returns the gauges for Prometheus, and brings up to date what is counted
// elsewhere. A server that does not serve yet has none.
func (f facts) Scraped() []metrics.Line {
	if !f.s.opened.Load() {
		return nil
	}
	f.Metrics()
	if !f.Serving() {
		return nil
	}
	lines := slices.DeleteFunc(f.Gauges(), func(l metrics.Line) bool { return l.Name == "observer_master_id" })
	if f.s.replica.Role() == member.Following { // serves none; mntr leaves the line out
		lines = append(lines, metrics.Line{Name: "synced_observers", Value: "0"})
	}
	return lines
}

// ResetStats resets packet counts, latencies and metrics.
func (f facts) ResetStats() {
	f.s.clients.ResetStats()
	f.s.metrics.Reset()
	f.s.replica.ResetProposals()
}

// ResetConnections resets the statistics of each connection.
func (f facts) ResetConnections() { f.s.clients.ResetConnections() }

// Gauges returns the lines of mntr that are numbers of the moment.
func (f facts) Gauges() []metrics.Line {
	st := f.s.clients.Stats()
	db, sizes := f.s.db.Counts(), responses(&st)
	open, most := descriptors()
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	return append(f.s.withEnsemble([]metrics.Line{
		{Name: "version", Value: f.s.opt.Version}, {Name: "server_state", Value: f.s.mode()},
		{Name: "ephemerals_count", Value: n(int64(db.Ephemerals))}, {Name: "num_alive_connections", Value: n(int64(st.Connections))},
		{Name: "avg_latency", Value: metrics.Average(st.AvgLatency)}, {Name: "outstanding_requests", Value: n(int64(st.Outstanding))},
		{Name: "znode_count", Value: n(int64(db.Nodes))}, {Name: "global_sessions", Value: n(int64(db.Sessions))},
		{Name: "non_mtls_remote_conn_count", Value: n(f.s.plain.remote.Load())}, {Name: "last_client_response_size", Value: n(sizes.Last)},
		{Name: "packets_sent", Value: n(st.Sent)}, {Name: "packets_received", Value: n(st.Received)},
		{Name: "max_client_response_size", Value: n(sizes.Max)}, {Name: "connection_drop_probability", Value: metrics.Average(st.DropProbability)},
		{Name: "watch_count", Value: n(int64(db.Watches))}, {Name: "auth_failed_count", Value: n(st.AuthFailed)},
		{Name: "min_latency", Value: n(st.MinLatency)}, {Name: "max_file_descriptor_count", Value: n(most)},
		{Name: "approximate_data_size", Value: n(db.DataSize)}, {Name: "open_file_descriptor_count", Value: n(open)},
		{Name: "local_sessions", Value: n(int64(db.Locals))}, {Name: "uptime", Value: n(f.s.millis())}, {Name: "max_latency", Value: n(st.MaxLatency)},
		{Name: "outstanding_tls_handshake", Value: n(st.Handshakes)}, {Name: "min_client_response_size", Value: n(sizes.Min)},
		{Name: "non_mtls_local_conn_count", Value: n(f.s.plain.local.Load())},
	}), f.s.quotas()...)
}

var (
	_ admin.Source    = facts{}
	_ conn.Backend    = backend{}
	_ database.Client = (*conn.Conn)(nil)
)
