package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// stopping is why connections end when the server does.
const stopping = "server stops"

// Server accepts and runs client connections.
type Server struct {
	opt      Options
	backend  Backend
	pools    pools
	throttle *throttle
	rarely   rarely

	outstanding atomic.Int64 // unfinished requests of all connections
	held        atomic.Int64 // bytes of their bodies
	large       atomic.Int64 // bytes of those that are large
	handshakes  atomic.Int64 // that have begun and not ended
	counts      struct {
		requests, rejected, dropped, unserved, expired, large, authFailed, revalidated atomic.Int64
		unsuccessful, exceeded                                                         atomic.Int64 // handshakes
	}

	mu      sync.Mutex
	conns   map[*Conn]struct{}
	perAddr map[source]int
	retired counts // of connections that have ended
	stopped bool
	serving context.Context // of Serve; nil before it
	fail    context.CancelCauseFunc
	ports   []net.Listener // on which is accepted
	left    []net.Listener // that Move has closed before Serve
	running sync.WaitGroup // everything that Serve waits for
}

// source is where connections come from, of which there may be so many. As in Java, ports
// for TLS alone count their own.
type source struct {
	addr   netip.Addr
	secure bool
}

func (c *Conn) source() source { return source{c.remote.Addr(), c.secure} }

// New returns a server for the backend.
func New(opt Options, backend Backend) *Server {
	opt = opt.withDefaults()
	return &Server{
		opt: opt, backend: backend, throttle: newThrottle(opt.Throttle), rarely: rarely{log: opt.Log},
		conns: map[*Conn]struct{}{}, perAddr: map[source]int{},
	}
}

// Listen opens a TCP socket for clients. What it accepts has no keepalive until Serve
// switches it on.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1}
	return lc.Listen(ctx, "tcp", address)
}

// Serve accepts connections until ctx is done, then closes the listeners and all
// connections and waits for their end. It returns nil, or why a listener failed. It
// can be called once.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.mu.Lock()
	s.serving, s.fail = ctx, cancel
	for _, ln := range listeners {
		if !slices.Contains(s.left, ln) {
			s.ports = append(s.ports, ln)
		}
	}
	listeners = s.ports
	s.mu.Unlock()
	for _, ln := range listeners {
		s.spawn(func() { s.accept(ctx, ln) })
	}
	s.spawn(func() { s.sweep(ctx) })
	<-ctx.Done()
	s.stop()
	s.running.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// stop ends all connections and lets nothing start any more.
func (s *Server) stop() {
	s.mu.Lock()
	s.stopped = true
	for _, ln := range s.ports {
		_ = ln.Close() // nothing is written to it
	}
	s.mu.Unlock()
	all, _ := s.snapshot()
	for _, c := range all {
		c.mu.Lock()
		c.kill(stopping)
		c.mu.Unlock()
	}
}

// Move accepts on ln instead of another listener, which it closes; nil is none. Connections
// and other listeners stay.
func (s *Server) Move(from, ln net.Listener) {
	s.mu.Lock()
	ctx := s.serving
	if !s.stopped {
		s.ports = append(slices.DeleteFunc(slices.Clone(s.ports), func(p net.Listener) bool { return p == from }), ln)
		s.left = append(s.left, from)
	}
	s.mu.Unlock()
	if from != nil {
		_ = from.Close() // nothing is written to it
	}
	if ctx != nil && !s.spawn(func() { s.accept(ctx, ln) }) {
		_ = ln.Close() // the server is stopping
	}
}

// accepts says whether the listener is one of those that are in use.
func (s *Server) accepts(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.ports, ln)
}

// DropAll closes all connections at once: the server does not serve any more.
func (s *Server) DropAll() {
	all, _ := s.snapshot()
	for _, c := range all {
		c.Abort()
	}
}

// spawn runs f in a goroutine that Serve waits for. It returns false, and does not run
// it, when the server is stopping.
func (s *Server) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.running.Go(f)
	return true
}

// Waits after an accept that failed, which is mostly a lack of file descriptors.
const (
	acceptRetry    = 5 * time.Millisecond
	acceptRetryMax = time.Second
)

// accept starts a reader for each connection that the listener gives.
func (s *Server) accept(ctx context.Context, ln net.Listener) {
	retry := acceptRetry
	for {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			retry = acceptRetry
			s.start(nc)
		case ctx.Err() != nil || !s.accepts(ln):
			return
		case errors.Is(err, net.ErrClosed):
			s.fail(fmt.Errorf("accept clients on %s: %w", ln.Addr(), err))
			return
		default:
			s.rare(zerolog.ErrorLevel, "accept").Err(err).Msg("cannot accept connections")
			if !pause(ctx, retry) {
				return
			}
			retry = min(2*retry, acceptRetryMax)
		}
	}
}

// pause waits for d; false when ctx is done first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Adopt runs a connection that was made inside the process as if a listener had given
// it, limits included. It is closed at once when the server does not serve.
func (s *Server) Adopt(nc net.Conn) {
	s.mu.Lock()
	serves := s.serving != nil
	s.mu.Unlock()
	if !serves {
		_ = nc.Close() // nothing was written to it
		return
	}
	s.start(nc)
}

// start runs a connection, or closes it when there are too many.
func (s *Server) start(nc net.Conn) {
	tc := socketOf(nc)
	if tc != nil && s.opt.KeepAlive {
		_ = tc.SetKeepAlive(true) // without it the connection works too
	}
	c := newConn(s, nc)
	why := s.add(c)
	if why == "" {
		return
	}
	if why != stopping {
		s.counts.rejected.Add(1)
		s.rare(zerolog.WarnLevel, why).Stringer("remote", c.remote).Str("limit", why).Msg("too many connections")
	}
	if tc != nil {
		_ = tc.SetLinger(0)
		nc = tc // TLS has nothing to say yet
	}
	_ = nc.Close()
}

// socketOf returns the TCP socket below a connection, nil without one.
func socketOf(nc net.Conn) *net.TCPConn {
	if over, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = over.NetConn()
	}
	tc, _ := nc.(*net.TCPConn)
	return tc
}

// add registers and runs the connection unless a limit is reached, which it returns.
func (s *Server) add(c *Conn) string {
	from := c.source()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopped:
		return stopping
	case s.opt.MaxPerAddress > 0 && from.addr.IsValid() && s.perAddr[from] >= s.opt.MaxPerAddress:
		return "maxClientCnxns"
	case s.opt.MaxTotal > 0 && len(s.conns) >= s.opt.MaxTotal:
		return "maxCnxns"
	}
	s.conns[c] = struct{}{}
	s.perAddr[from]++
	s.running.Go(c.run)
	return ""
}

// remove forgets a connection that has ended.
func (s *Server) remove(c *Conn) {
	from := c.source()
	s.mu.Lock()
	defer s.mu.Unlock()
	c.mu.Lock()
	all := c.tally.all
	c.mu.Unlock()
	delete(s.conns, c)
	s.retired.merge(&all)
	if s.perAddr[from]--; s.perAddr[from] == 0 {
		delete(s.perAddr, from)
	}
}

// snapshot returns all connections, and the counts of those that have ended.
func (s *Server) snapshot() ([]*Conn, counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	return all, s.retired
}

// sweep closes connections that were silent too long.
func (s *Server) sweep(ctx context.Context) {
	t := time.NewTicker(s.opt.Sessionless)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now := s.millis()
		all, _ := s.snapshot()
		for _, c := range all {
			if c.idleSince()+c.patience() <= now {
				s.expire(c)
			}
		}
	}
}

func (s *Server) expire(c *Conn) {
	s.counts.expired.Add(1)
	if c.Timeout() == 0 {
		s.rare(zerolog.InfoLevel, "no session").Stringer("remote", c.remote).Dur("limit", s.opt.Sessionless).
			Msg("connection closed: no session was opened in time")
	} else {
		s.opt.Log.Debug().Stringer("remote", c.remote).Stringer("session", c.Session()).Msg("connection expired")
	}
	c.Abort()
}

// patience is how long the connection may be silent, in milliseconds.
func (c *Conn) patience() int64 {
	if t := c.Timeout(); t > 0 {
		return int64(t)
	}
	return c.server.opt.Sessionless.Milliseconds()
}

// idleSince is when the connection last did what it is there for: be heard, with a
// session; take its answer, without. So bytes that trickle in do not keep a
// connection without a session alive.
func (c *Conn) idleSince() int64 {
	if c.Timeout() > 0 {
		return c.Heard()
	}
	return c.wrote.Load()
}

// expires is when a sweep will close the connection if it stays silent.
func (c *Conn) expires() int64 {
	bucket := c.server.opt.Sessionless.Milliseconds()
	return ((c.idleSince()+c.patience())/bucket + 1) * bucket
}

// isLarge says whether a packet of n bytes counts as large.
func (s *Server) isLarge(n int) bool { return s.opt.LargeThreshold > 0 && n > s.opt.LargeThreshold }

// tooLarge says whether a packet of n bytes must be rejected because too many large
// ones are in flight, and logs it.
func (s *Server) tooLarge(n int) bool {
	if !s.isLarge(n) || s.large.Load()+int64(n) <= s.opt.LargeMaxBytes {
		return false
	}
	s.counts.large.Add(1)
	s.rare(zerolog.WarnLevel, "large").Int("bytes", n).Int64("limit", s.opt.LargeMaxBytes).
		Msg("connection closed: too many large requests")
	return true
}

// rare returns the line to log for a cause, nil when it was logged a short time ago.
func (s *Server) rare(level zerolog.Level, cause string) *zerolog.Event {
	return s.rarely.event(level, cause, time.Duration(s.nanos()))
}

// nanos returns the monotonic time in nanoseconds since Options.Start.
func (s *Server) nanos() int64 { return int64(time.Since(s.opt.Start)) }

// millis returns it in milliseconds.
func (s *Server) millis() int64 { return s.nanos() / 1e6 }
