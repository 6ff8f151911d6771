package admin

import (
	"crypto/x509"
	"io"
	"net/netip"
	"sync"
	"time"

	"gokeeper/server/proto"
)

// Names of the two commands that move whole databases. Both want credentials.
var (
	snapshotNames = []string{"snapshot", "snap"}
	restoreNames  = []string{"restore", "rest"}
)

// Backup writes and takes in snapshots.
type Backup interface {
	// Authenticate returns the identities of credentials that came from the address.
	Authenticate(scheme, credentials string, remote netip.Addr) ([]proto.Identity, bool)
	// Certified returns the identities of who has shown these certificates.
	Certified(certs []*x509.Certificate) []proto.Identity
	// Permitted says whether the identities may do everything with the root.
	Permitted([]proto.Identity) bool
	// Snapshot writes a snapshot into the data directory and opens it.
	Snapshot() (SnapshotFile, error)
	// Restore replaces the database by the snapshot that it reads to the end, and
	// returns the zxid of its last transaction. A stream that is damaged or no snapshot
	// changes nothing.
	Restore(r io.Reader) (proto.Zxid, error)
	// Counted counts how a command ended.
	Counted(BackupEvent)
}

// SnapshotFile is a snapshot that was written and can be read.
type SnapshotFile struct {
	io.ReadCloser
	Zxid proto.Zxid // of its last transaction
	Size int64      // bytes
}

// BackupEvent is something that monitoring counts.
type BackupEvent uint8

// What is counted.
const (
	SnapshotFailed BackupEvent = iota
	SnapshotLimited
	RestoreFailed
	RestoreLimited
)

// BackupOptions say what of it is allowed.
type BackupOptions struct {
	NoSnapshot bool          // admin.snapshot.enabled=false
	NoRestore  bool          // admin.restore.enabled=false
	NoLastZxid bool          // serializeLastProcessedZxid.enabled=false: Java refuses both then
	Forwarded  bool          // the client's address is in X-Forwarded-For
	Interval   time.Duration // admin.rateLimiterIntervalInMS
}

// refusal is an answer that is no success.
type refusal struct {
	status int
	err    error // nil: Java says nothing
}

// What is wrong with the credentials of a request.
const (
	errNoCredentials    javaError = "Auth info is missing for the command"
	errNotAuthenticated javaError = "Not authenticated"
	errNotAuthorized    javaError = "Not authorized"
)

// limiter lets one request pass in each interval. The zero value has no limit.
type limiter struct {
	interval time.Duration

	mu   sync.Mutex
	last time.Time
}

// take says whether the request may pass.
func (l *limiter) take(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.last.IsZero() && now.Sub(l.last) < l.interval {
		return false
	}
	l.last = now
	return true
}

// limiters returns those of snapshot and restore. Java's one for snapshots takes the
// milliseconds for microseconds, so that by default it allows three snapshots a second
// rather than one in five minutes; scripts that take many rely on it.
func (o *BackupOptions) limiters() (snapshots, restores *limiter) {
	return &limiter{interval: o.Interval / 1000}, &limiter{interval: o.Interval}
}
