// Package admin answers what operators ask a server: in four-letter words on the client
// port and over HTTP, both in Java's form, byte for byte where Java's is settled. It
// formats; what there is to say it asks from a [Source], which the server implements.
//
// One table has all [Commands]: what a row is called on either side, and how its facts
// become text and JSON. A word is answered when the whitelist has it; srvr always is, and
// isro when read-only mode is on. Over HTTP nothing is held back but snapshot and
// restore, which want credentials. Most commands have nothing to say while the server
// does not serve. (Java: FourLetterCommands and the classes under server.command;
// Commands and JettyAdminServer under server.admin.)
//
// Everything may be called from any goroutine.
package admin

import (
	"net/netip"
	"time"

	"gokeeper/server/metrics"
	"gokeeper/server/proto"
)

// Source is the server as the words see it. Every method is a snapshot of its own.
type Source interface {
	// Serving says whether clients are served.
	Serving() bool
	// Summary returns what srvr and stat show.
	Summary() Summary
	// Connections returns the client connections.
	Connections() []Connection
	// Conf returns the settings that conf shows.
	Conf() Conf
	// Environment returns key and value pairs in the order of envi.
	Environment() [][2]string
	// Tracker returns the sessions and when they expire.
	Tracker() Tracker
	// Ephemerals returns the owners of ephemerals and their paths, in order.
	Ephemerals() []Owner
	// Watches returns every watch on data of a connection with a session, in order of
	// paths: the path and who watches it.
	Watches() []Watch
	// WatchCounts returns how many connections watch how many paths, and the watches.
	WatchCounts() (connections, paths, watches int)
	// Sizes returns the bytes in the directories of snapshots and of logs.
	Sizes() (data, logs int64)
	// Digests returns the digests kept, oldest first.
	Digests() []Digest
	// Gauges returns the lines of mntr that are not in Metrics, without the prefix zk_
	// and in their order.
	Gauges() []metrics.Line
	// Metrics returns counters and summaries.
	Metrics() *metrics.Set
	// LastSnapshot returns the snapshot that was written or loaded last.
	LastSnapshot() Snapshot
	// Leader returns who leads the ensemble; false when standalone or read-only.
	Leader() (Leader, bool)
	// Observers returns the observers that learn from this server.
	Observers() []Observer
	// Voters returns the voting members of the ensemble by id; none when standalone.
	Voters() []Member
	// Zab returns this server's place in its ensemble, nil without one that works.
	Zab() *Zab
	// InitialConfig returns the text of the configuration file; false when it is not told.
	InitialConfig() (string, bool)
	// Properties returns what Java keeps as system properties.
	Properties() map[string]string
	// ResetStats and ResetConnections do what srst and crst do.
	ResetStats()
	ResetConnections()
}

// Summary is what srvr shows.
type Summary struct {
	Version        string
	Mode           string // standalone, leader, follower, observer, read-only
	ReadOnly       bool
	MinLatency     int64 // milliseconds, as are the next two
	MaxLatency     int64
	AvgLatency     float64
	Received, Sent int64
	Connections    int
	Outstanding    int
	Zxid           proto.Zxid
	Nodes          int
	Proposals      *Sizes // of a leader
	Responses      Sizes  // of replies to clients
	Uptime         int64  // milliseconds
	AuthFailed     int64
	PlainLocal     int64 // connections without TLS of a server that speaks it, from the same machine
	PlainRemote    int64 // and from others
	SlowSyncs      int64 // syncs of the log above fsync.warningthresholdms
	NoMetrics      bool  // the metrics provider is the one that keeps nothing
}

// Sizes are lengths in bytes, -1 before the first.
type Sizes struct{ Last, Min, Max int64 }

// Snapshot says how old a snapshot is. Taken is zero for one that a leader sent.
type Snapshot struct {
	Zxid  proto.Zxid
	Taken time.Time
}

// Leader is who leads.
type Leader struct {
	Self bool
	ID   int64
	Host string
}

// Observer is an observer that learns from this server.
type Observer struct {
	Remote         netip.AddrPort
	ID             int64
	Established    time.Time
	Queued         int   // packets that wait for it
	QueuedBytes    int   // and their bytes
	Received, Sent int64 // packets
	Requests       int64
	LastZxid       proto.Zxid // of what was sent last
}

// Member is a member of the ensemble. Addresses are HOST:PORT.
type Member struct {
	ID       int64
	Quorum   []string
	Election []string
	Client   string // "": not known here
}

// Zab is a member's place in its ensemble.
type Zab struct {
	Member
	Leads    bool
	Votes    bool
	LastZxid proto.Zxid
	Phase    string
}

// Connection is what cons shows of a client. Latencies are milliseconds.
type Connection struct {
	Remote         netip.AddrPort
	Secure         bool // on the port that speaks TLS alone
	Interest       int
	Queued         int
	Received, Sent int64
	Session        proto.SessionID // 0: none
	LastOp         proto.Op        // 0: none
	Established    time.Time
	Timeout        int32 // milliseconds
	LastCxid       int64 // -1: none
	LastZxid       proto.Zxid
	LastResponse   int64 // monotonic milliseconds
	LastLatency    int64
	MinLatency     int64
	AvgLatency     int64
	MaxLatency     int64
	Expires        time.Time // when it is closed if it stays silent
}

// Conf is what conf shows.
type Conf struct {
	ClientPort, SecureClientPort int // 0: none
	DataDir, LogDir              string
	Tick, MinTimeout, MaxTimeout time.Duration
	MaxPerAddress                int
	Backlog                      int
	ServerID                     int64
	Member                       *MemberConf // nil standalone
}

// MemberConf is what conf shows of a member of an ensemble.
type MemberConf struct {
	InitLimit, SyncLimit     int
	ElectionPort, QuorumPort string
	Observer                 bool
	Membership               []string // server lines; nil leaves the list out
	Version                  int64
}

// Tracker is what dump shows of sessions: the buckets of those whose expiry this server
// decides, or the list of all of them.
type Tracker struct {
	Buckets      []Bucket // of the leader and a standalone server
	Global       []Timeout
	Local        []Bucket
	HasLocal     bool // local sessions are enabled
	TracksGlobal bool // Buckets rather than Global
}

// Bucket is a time at which sessions expire.
type Bucket struct {
	At       time.Time
	Millis   int64 // the same on the server's monotonic clock
	Sessions []proto.SessionID
}

// Timeout is a session and its timeout.
type Timeout struct {
	Session      proto.SessionID
	Milliseconds int32
}

// Owner is a session with its ephemerals.
type Owner struct {
	Session proto.SessionID
	Paths   []string
}

// Watch is a path and the sessions that watch it.
type Watch struct {
	Path     string
	Sessions []proto.SessionID
}

// Digest is the tree's digest behind a transaction.
type Digest struct {
	Zxid  proto.Zxid
	Value uint64
}
