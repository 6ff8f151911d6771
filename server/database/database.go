// Package database holds what a server serves: the tree, the watches and the
// sessions, behind one lock. It is where requests meet: reads are answered here by
// the goroutine of the connection that sent them, and committed transactions are
// applied here in zxid order by one applier.
//
// Invariants:
//   - Replies and events are appended to a connection's out buffer while the lock is
//     held, shared for reads. So no event overtakes the reply that armed its watch,
//     no reply shows a state whose event is still missing, and the events of a
//     connection are in zxid order.
//   - A write's events leave before the reply to that write, and the reads that hang
//     on it are answered right after it, before the next transaction.
//   - A read that arms or removes a watch does it under the same hold of the lock as
//     its reading, so no transaction comes between the two.
//
// Reads that touch watches, which most clients' reads do, exclude each other by a lock
// of their own rather than exclude all other reads. The order is: the lock, the
// watches' lock, a connection's buffer.
// Every method may be called from any goroutine; Apply from one at a time.
package database

import (
	"sync"

	"gokeeper/server/auth"
	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/watch"
)

// Client is a connection as the database sees it. Implementations must be
// comparable: the client is the key of its watches.
type Client interface {
	// Buffer locks the out buffer and returns it; whole packets are appended to it.
	Buffer() []byte
	// Release takes the buffer back and unlocks it. It returns true when the client
	// was not waiting to be flushed before; the caller then owes it one Flush.
	Release(b []byte) bool
	// Flush sends what is in the buffer, without waiting for a slow client. It must
	// not be called with the database's lock held.
	Flush()
	// Done says that the oldest unfinished write is answered and returns the reads
	// that hang on it, in order.
	Done() []proto.Request
	// Opened answers the connect request: the session is ready.
	Opened(id proto.SessionID, timeout int32, password [16]byte, readOnly bool)
	// Hangup closes the connection once its buffer is written.
	Hangup()
	// Abort closes the connection at once.
	Abort()
	// Identities returns who the connection is. The slice is never changed in place.
	Identities() []proto.Identity
	// Answered counts a reply that is about to be released, for the statistics.
	Answered(op proto.Op, xid int32, zxid proto.Zxid, read int64)
	// Heard returns when the client was last heard, in monotonic milliseconds.
	Heard() int64
	// Timeout returns the negotiated session timeout in milliseconds.
	Timeout() int32
	// Session returns the id of the session, 0 before it is opened.
	Session() proto.SessionID
}

// live is what every server knows of a session. The leader's tracker, not this,
// decides when it expires.
type live struct {
	timeout int32  // milliseconds, from the transaction that created it
	client  Client // the connection on this server that carries it, or nil
	heard   int64  // when it was last heard, of the connection that carried it last
	touch   int32  // that connection's negotiated timeout, milliseconds
}

// Database is a tree with its watches and sessions.
type Database struct {
	policy  *auth.Policy
	traffic Traffic

	mu       sync.RWMutex
	tree     *tree.Tree
	watching sync.Mutex // guards watches while mu is held shared
	watches  *watch.Table[Client]
	sessions map[proto.SessionID]*live
	locals   map[proto.SessionID]*live // sessions that only this server knows

	// scratch of Apply, which runs exclusively
	result tree.Result
	dirty  []Client
	fired  fired
	emit   func(Client, proto.EventType, string) // notify, bound once
	path   []byte                                // of countWrite

	outcomes []Outcome // of one hold of the lock
}

// New returns a database over the tree and the sessions (id to timeout in
// milliseconds) that were recovered. It takes both over.
func New(t *tree.Tree, sessions map[proto.SessionID]int32, policy *auth.Policy) *Database {
	d := &Database{policy: policy, tree: t, watches: watch.New[Client](), sessions: map[proto.SessionID]*live{}, locals: map[proto.SessionID]*live{}}
	d.emit = d.notify
	for id, timeout := range sessions {
		d.sessions[id] = &live{timeout: timeout, touch: timeout}
	}
	return d
}

// View calls f with the tree under the shared lock. f must not keep or change it.
func (d *Database) View(f func(*tree.Tree)) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	f(d.tree)
}

// ViewWatches calls f with the tree and the watches. Reads that touch watches wait
// meanwhile, and transactions. f must not keep or change them.
func (d *Database) ViewWatches(f func(*tree.Tree, *watch.Table[Client])) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	d.watching.Lock()
	defer d.watching.Unlock()
	f(d.tree, d.watches)
}

// Counts are how many there are of what a database holds.
type Counts struct {
	Nodes, Ephemerals, Watches int
	Sessions, Locals           int
	DataSize                   int64 // bytes of data and names
}

// Counts counts without looking at anything one by one.
func (d *Database) Counts() (n Counts) {
	d.ViewWatches(func(t *tree.Tree, w *watch.Table[Client]) {
		n = Counts{t.NodeCount(), t.EphemeralCount(), w.Len(), len(d.sessions), len(d.locals), t.DataSize()}
	})
	return n
}

// Update calls f with the tree under the exclusive lock, for the few changes that no
// transaction makes.
func (d *Database) Update(f func(*tree.Tree)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d.tree)
}

// LastZxid returns the zxid of the last transaction applied.
func (d *Database) LastZxid() proto.Zxid {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.tree.LastZxid()
}

// Sessions returns the timeouts of all global sessions in milliseconds.
func (d *Database) Sessions() map[proto.SessionID]int32 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	out := make(map[proto.SessionID]int32, len(d.sessions))
	for id, s := range d.sessions {
		out[id] = s.timeout
	}
	return out
}

// Global says whether a session is one of the ensemble's that this server knows.
func (d *Database) Global(id proto.SessionID) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.sessions[id] != nil
}

// Heard returns when this server last heard of the session, in monotonic
// milliseconds, and the timeout that holds for it, in milliseconds. A session that no
// connection here has carried was heard at 0. ok is false for an unknown session.
func (d *Database) Heard(id proto.SessionID) (at int64, timeout int32, ok bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	s := d.live(id)
	if s == nil {
		return 0, 0, false
	}
	if s.client != nil {
		return s.client.Heard(), s.client.Timeout(), true
	}
	return s.heard, s.touch, true
}

// Attach makes c the connection that carries the session, and answers its connect
// request. It returns false for a session that is not there. The caller owes c a
// Flush.
func (d *Database) Attach(id proto.SessionID, c Client, timeout int32, password [16]byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sessions[id]
	if s == nil {
		return false
	}
	if s.client != nil && s.client != c {
		s.client.Abort()
	}
	s.client = c
	c.Opened(id, timeout, password, false)
	return true
}

// Detach forgets the connection: its watches, and that it carries its session.
func (d *Database) Detach(c Client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watches.Drop(c)
	if s := d.live(c.Session()); s != nil && s.client == c {
		s.client, s.heard, s.touch = nil, c.Heard(), c.Timeout()
	}
}

// Carrier returns the connection of this server that carries the session, or nil.
func (d *Database) Carrier(id proto.SessionID) Client {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if s := d.live(id); s != nil {
		return s.client
	}
	return nil
}

// live returns what is known of a session, nil for one that is not there. The lock is held.
func (d *Database) live(id proto.SessionID) *live {
	if s := d.sessions[id]; s != nil {
		return s
	}
	return d.locals[id]
}

// Install replaces the tree and the sessions (id to timeout in milliseconds), which it
// takes over. Watches are gone, and nobody carries a session: the caller has dropped all
// connections.
func (d *Database) Install(t *tree.Tree, sessions map[proto.SessionID]int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tree, d.watches, d.sessions = t, watch.New[Client](), make(map[proto.SessionID]*live, len(sessions))
	clear(d.locals)
	for id, timeout := range sessions {
		d.sessions[id] = &live{timeout: timeout, touch: timeout}
	}
}

// HeardSince returns the sessions that this server has heard of at or after the time, in
// monotonic milliseconds, with the timeouts that hold for them, in milliseconds.
func (d *Database) HeardSince(since int64) map[proto.SessionID]int32 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	heard := map[proto.SessionID]int32{}
	for id, s := range d.sessions {
		switch {
		case s.client != nil && s.client.Heard() >= since:
			heard[id] = s.client.Timeout()
		case s.client == nil && s.heard != 0 && s.heard >= since:
			heard[id] = s.touch
		}
	}
	return heard
}
