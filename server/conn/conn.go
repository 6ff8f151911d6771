package conn

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/secure"
)

// Conn is one client connection. Its exported methods may be called from any
// goroutine, also after the connection has ended; what they append then is dropped.
type Conn struct {
	server *Server
	socket *socket
	remote netip.AddrPort
	secure bool // accepted on a port for TLS alone
	since  time.Time

	session atomic.Int64
	timeout atomic.Int32
	heard   atomic.Int64 // milliseconds of the last input
	wrote   atomic.Int64 // milliseconds of the writer goroutine's last progress
	ids     atomic.Pointer[[]proto.Identity]
	unsent  atomic.Int64 // bytes that wait for the client; changed under mu or by the writer
	queued  atomic.Int32 // unfinished requests; changed under mu
	dead    atomic.Bool  // shut down; set under mu
	waiting atomic.Bool  // the reader waits for wake
	wake    chan struct{}

	mu      sync.Mutex
	out     *buffer // what is not yet given to the socket; nil: nothing
	owed    bool    // somebody is about to Flush
	writing bool    // somebody is writing to the socket
	hangup  bool    // end when everything is written
	opened  bool    // Opened or Refused was called
	carried bool    // Opened was called: the backend must learn of the end
	ended   bool    // the reader is gone
	command bool    // it was a four-letter word
	oldForm bool    // the ConnectRequest had no readOnly byte
	reason  string  // why it was killed, when that is worth telling
	queue   queue
	tally   tally

	// The reader's own.
	in       input
	req      proto.Request // of Backend.Read; here so that it is not allocated
	now      int64         // nanoseconds, when the input was read
	received int64         // packets of this input
	bytes    int64         // and their bytes
	ready    bool          // the session is open
	passed   bool          // enforced authentication is satisfied
	login    Login         // nil before the first token
}

func newConn(s *Server, nc net.Conn) *Conn {
	c := &Conn{server: s, remote: remoteOf(nc), since: time.Now(), wake: make(chan struct{}, 1)}
	if sc, ok := nc.(*secure.Conn); ok {
		c.secure = sc.Secured()
	}
	c.in.pools = &s.pools
	c.socket = newSocket(nc, &c.in)
	now := s.millis()
	c.heard.Store(now)
	c.wrote.Store(now)
	c.tally.own.reset()
	return c
}

// Heard returns when something was last received, in monotonic milliseconds since
// Options.Start.
func (c *Conn) Heard() int64 { return c.heard.Load() }

// Session returns the id of the session, 0 before it is opened.
func (c *Conn) Session() proto.SessionID { return proto.SessionID(c.session.Load()) }

// Timeout returns the negotiated session timeout in milliseconds, 0 before the session
// is opened.
func (c *Conn) Timeout() int32 { return c.timeout.Load() }

// Remote returns the client's address.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// Secure says whether the connection came to a port for TLS alone.
func (c *Conn) Secure() bool { return c.secure }

// Identities returns who the client is by now. The slice is never changed in place.
func (c *Conn) Identities() []proto.Identity {
	if p := c.ids.Load(); p != nil {
		return *p
	}
	return nil
}

// addIdentities adds those that the connection does not have yet. Only the reader
// calls it.
func (c *Conn) addIdentities(gained []proto.Identity) {
	ids := slices.Clone(c.Identities())
	for _, id := range gained {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	c.ids.Store(&ids)
}

// Opened answers the connect request: the session is ready, with its timeout in
// milliseconds. It does not send; the caller owes a Flush unless it leaves that to the
// reader, which does it too.
func (c *Conn) Opened(id proto.SessionID, timeout int32, password [16]byte, readOnly bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opened {
		return
	}
	c.opened, c.carried = true, true
	c.session.Store(int64(id))
	c.timeout.Store(timeout)
	c.tally.opened()
	c.respond(&proto.ConnectResponse{Timeout: timeout, Session: id, Password: password, ReadOnly: readOnly})
	if c.ended {
		c.server.spawn(func() { c.server.backend.Gone(c) })
	}
	c.signal()
}

// Refused answers the connect request: there is no such session. The connection is
// closed after that.
func (c *Conn) Refused() {
	c.mu.Lock()
	if c.opened {
		c.mu.Unlock()
		return
	}
	c.opened = true
	c.respond(&proto.ConnectResponse{})
	c.mu.Unlock()
	c.Hangup()
	c.signal()
}

// RefusedReadOnly answers the connect request as Java's read-only server does that has no
// local sessions: with the header of a failed reply, which is no response to that, and an
// open connection. Clients give up on it.
func (c *Conn) RefusedReadOnly() {
	c.Release(appendReply(c.Buffer(), 0, c.server.backend.LastZxid(), proto.NotReadOnly))
	c.Flush()
}

// respond appends the response to the connect request. mu is held.
func (c *Conn) respond(r *proto.ConnectResponse) {
	if c.dead.Load() {
		return
	}
	r.HasReadOnly = !c.oldForm
	if c.out == nil {
		c.out = c.server.pools.output()
	}
	start := len(c.out.b)
	c.out.b = endPacket(r.Append(append(c.out.b, 0, 0, 0, 0)), start)
	c.unsent.Add(int64(len(c.out.b) - start))
	c.owed = true
}

// signal wakes the reader if it waits.
func (c *Conn) signal() {
	if !c.waiting.Load() {
		return
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// await sends what is in the out buffer and blocks the reader until ready returns true
// or the connection is dead; it returns false for the latter. Whoever changes what
// ready looks at calls signal.
func (c *Conn) await(ready func() bool) bool {
	c.Flush()
	c.waiting.Store(true)
	defer c.waiting.Store(false)
	for !c.dead.Load() {
		if ready() {
			return true
		}
		<-c.wake
	}
	return false
}
