package conn

import (
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// socket is the connection's other end. Where the system allows it, TCP sockets are
// read when they are readable, without holding a buffer while they are not, and
// written without waiting; raw is nil for all others (TLS, pipes), which need a
// buffer to wait with and a goroutine to write.
type socket struct {
	nc  net.Conn
	raw syscall.RawConn

	readable func(fd uintptr) bool // bound once: no closure per read
	in       *input
	need     int  // how long the input must become
	polled   bool // do not wait
	n        int
	readErr  error
	small    []byte // to wait with, when not raw
	full     bool   // the last read filled its buffer: more may be there

	writable func(fd uintptr) bool
	out      []byte // what is being written
	sent     int
	writeErr error
}

func newSocket(nc net.Conn, in *input) *socket {
	s := &socket{nc: nc, in: in}
	s.raw = rawConn(nc)
	if s.raw != nil {
		s.readable, s.writable = s.onReadable, s.onWritable
	}
	return s
}

// read waits for input and appends what is there. need is how long the input must
// become to be of use, as far as known.
func (s *socket) read(need int) error {
	if s.raw == nil {
		return s.readBlocking(need)
	}
	s.need = need
	if err := s.raw.Read(s.readable); err != nil {
		return err
	}
	if s.readErr != nil {
		return s.readErr
	}
	s.in.filled(s.n)
	return nil
}

// smallInput is the size with which a socket that is not raw waits for input.
const smallInput = 512

// readBlocking waits with a small buffer unless more is known to come.
func (s *socket) readBlocking(need int) error {
	s.in.park()
	have := len(s.in.bytes())
	if s.full || need-have > smallInput {
		room := s.in.room(need)
		n, err := s.nc.Read(room)
		s.full = n == len(room)
		return s.got(n, err)
	}
	if s.small == nil {
		s.small = make([]byte, smallInput)
	}
	n, err := s.nc.Read(s.small)
	s.full = n == len(s.small)
	return s.got(copy(s.in.room(need), s.small[:n]), err)
}

func (s *socket) got(n int, err error) error {
	s.in.filled(n)
	if n > 0 {
		return nil
	}
	return err
}

// tryWrite writes what the socket takes at once.
func (s *socket) tryWrite(b []byte) (int, error) {
	if s.raw == nil {
		return 0, nil
	}
	s.out, s.sent, s.writeErr = b, 0, nil
	if err := s.raw.Write(s.writable); err != nil {
		return 0, err
	}
	s.out = nil
	return s.sent, s.writeErr
}

// farewell says that nothing more will come, where that is said: with TLS, by which the
// client knows that nothing was cut off.
func (s *socket) farewell() {
	if t, ok := s.nc.(*tls.Conn); ok {
		_ = t.CloseWrite() // a client that does not hear it notices anyway
	}
}

// half is a connection whose directions can be shut down one by one.
type half interface {
	CloseRead() error
	CloseWrite() error
}

// shut ends both directions without waiting for anyone. It does not free the socket;
// the reader, which it wakes, does that.
func (s *socket) shut() {
	nc := s.nc
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok { // TLS: its Close would wait to say goodbye
		nc = t.NetConn()
	}
	// Errors mean that the other side was faster.
	if h, ok := nc.(half); ok {
		_ = h.CloseRead()
		_ = h.CloseWrite()
		return
	}
	_ = nc.Close()
}

// discardLimit is how many reads of unwanted input come before a close.
const discardLimit = 64

// discard drops input that is there, because closing a socket with unread input makes
// the system drop what the client has not received yet.
func (s *socket) discard() {
	if s.raw == nil {
		return
	}
	s.in.free()
	for range discardLimit {
		s.polled = true
		if s.read(frameHead) != nil || s.n == 0 {
			return
		}
		s.in.free()
	}
}

// remoteOf returns the other end's address, zero when it has none. An IPv4 address is
// never in its IPv6 form.
func remoteOf(nc net.Conn) netip.AddrPort {
	switch a := nc.RemoteAddr().(type) {
	case nil:
		return netip.AddrPort{}
	case *net.TCPAddr:
		p := a.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	default:
		p, err := netip.ParseAddrPort(strings.TrimSpace(a.String()))
		if err != nil {
			return netip.AddrPort{}
		}
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
}
