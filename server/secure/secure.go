// Package secure puts TLS between sockets and those who use them: clients' ports, the ports
// between servers, the admin server. Where a port is told to, it takes plain connections
// beside those of TLS, so that an ensemble or its clients can move from one to the other
// without an end of service.
//
// Accepting never waits: a [Conn] finds out what it is, and does the handshake, when it is
// first read, in the goroutine and with the deadlines of its user. What begins with a
// handshake record of TLS is TLS; nothing that ZooKeeper's protocols begin with does.
//
// Java: UnifiedServerSocket, NettyServerCnxnFactory's DualModeSslHandler,
// UnifiedConnectionFactory. These wait for five bytes, or for a time in vain, before they take
// a connection for a plain one; a byte is enough to know.
package secure

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
)

// ErrHandshake says that the two sides have not come to terms; it is wrapped with the reason.
var ErrHandshake = errors.New("TLS handshake")

// recordHandshake is the first byte of a connection of TLS.
const recordHandshake = 0x16

// Port says how the connections of a listener begin.
type Port struct {
	TLS   *tls.Config
	Plain bool // connections without TLS are taken, too
}

// Listener returns ln with connections that are a [Conn].
func (p Port) Listener(ln net.Listener) net.Listener { return &listener{ln, p} }

type listener struct {
	net.Listener
	port Port
}

// Accept returns the next connection; nothing was read from it.
func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.port.Conn(nc), nil
}

// Conn returns the connection as one that was accepted by the port.
func (p Port) Conn(nc net.Conn) *Conn {
	c := &Conn{Conn: nc, plainToo: p.Plain}
	c.secured.Store(!p.Plain)
	c.tls = tls.Server((*headed)(c), p.TLS)
	return c
}

// Conn is a connection whose other side decides whether TLS is spoken. As with others,
// one goroutine may read while another writes; a write waits for the first byte that comes.
type Conn struct {
	net.Conn // the socket
	tls      *tls.Conn
	plainToo bool

	once    sync.Once
	head    []byte // read to find out, and not yet used; the reader's
	err     error  // of finding out
	secured atomic.Bool
}

// headed is the socket, behind what was read from it.
type headed Conn

// Read reads what was read before, and then the socket.
func (h *headed) Read(p []byte) (int, error) {
	if len(h.head) > 0 {
		n := copy(p, h.head)
		h.head = h.head[n:]
		return n, nil
	}
	return h.Conn.Read(p)
}

// begin finds out what is spoken.
func (c *Conn) begin() error {
	c.once.Do(func() {
		if !c.plainToo {
			return
		}
		first := make([]byte, 1)
		var n int
		n, c.err = c.Conn.Read(first)
		if n > 0 {
			c.head, c.err = first, nil
			c.secured.Store(first[0] == recordHandshake)
		}
	})
	return c.err
}

// Read reads what the other side has said, by whatever way.
func (c *Conn) Read(p []byte) (int, error) {
	if err := c.begin(); err != nil {
		return 0, err
	}
	if c.secured.Load() {
		return c.tls.Read(p)
	}
	return (*headed)(c).Read(p)
}

// Write writes in the way that the other side has chosen.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.begin(); err != nil {
		return 0, err
	}
	if c.secured.Load() {
		return c.tls.Write(p)
	}
	return c.Conn.Write(p)
}

// Close closes the connection, with TLS not without saying so.
func (c *Conn) Close() error {
	if c.secured.Load() {
		return c.tls.Close()
	}
	return c.Conn.Close()
}

// NetConn returns the socket.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Settle finds out what is spoken and does the handshake. It returns the connection to go
// on with, which has taken over this one: the one of TLS, or the socket, with what was
// already read from it.
func (c *Conn) Settle(ctx context.Context) (nc net.Conn, head []byte, err error) {
	if err := c.begin(); err != nil {
		return nil, nil, err
	}
	if !c.secured.Load() {
		return c.Conn, c.head, nil
	}
	if err := c.tls.HandshakeContext(ctx); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrHandshake, err)
	}
	return c.tls, nil, nil
}

// Secured says whether TLS is spoken; false before that is known. Where nothing else is
// taken, it is known from the beginning.
func (c *Conn) Secured() bool { return c.secured.Load() }

// Certificates returns those of the other side, of a connection that was read before.
func (c *Conn) Certificates() []*x509.Certificate {
	if !c.secured.Load() {
		return nil
	}
	return c.tls.ConnectionState().PeerCertificates
}

// Dialer opens a connection.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Dial returns a dialler of TLS on top of one for sockets. config returns what a host, as it
// is called in the address, and the numeric address it has led to are dialled with.
func Dial(dial Dialer, config func(host, address string) *tls.Config) Dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		nc, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		reached, _, _ := net.SplitHostPort(nc.RemoteAddr().String()) // "" where it has no such address
		tc := tls.Client(nc, config(host, reached))
		if err := tc.HandshakeContext(ctx); err != nil {
			_ = nc.Close() // the reason is known
			return nil, fmt.Errorf("%w with %s: %w", ErrHandshake, address, err)
		}
		return tc, nil
	}
}
