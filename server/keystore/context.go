package keystore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"
)

// ErrNoKeyStore says that a listener has no certificate to show.
var ErrNoKeyStore = errors.New("TLS needs a certificate: set keyStore.location to a file with key and certificate")

// reloadPause is the least time between two looks at the files.
const reloadPause = time.Second

// Context is what the stores hold. Its methods may be called from any goroutine.
type Context struct {
	set  Settings
	base tls.Config // versions and suites
	auth tls.ClientAuthType

	mu     sync.Mutex // guards what follows
	now    material
	seen   [2]stamp // of the files of now, or of those that could not be read since
	looked time.Time
}

// material is what is read from the files.
type material struct {
	own     *tls.Certificate // nil without a key store
	trusted *x509.CertPool   // nil: the system's
}

// stamp tells whether a file has changed.
type stamp struct {
	changed time.Time
	size    int64
}

// Open reads the stores. Unknown are the cipher suites that are asked for and not known
// here, while others are.
func Open(s Settings) (c *Context, unknown []string, err error) {
	if s.Now == nil {
		s.Now = time.Now
	}
	c = &Context{set: s}
	switch s.ClientAuth {
	case "need", "":
		c.auth = tls.RequireAnyClientCert
	case "want":
		c.auth = tls.RequestClientCert
	case "none":
	default:
		return nil, nil, fmt.Errorf("%sclientAuth: %q is none of none, want, need", s.Prefix, s.ClientAuth)
	}
	if err := s.protocols(&c.base); err != nil {
		return nil, nil, err
	}
	if unknown, err = s.suites(&c.base); err != nil {
		return nil, unknown, err
	}
	c.seen = c.stamps()
	if c.now, err = s.load(); err != nil {
		return nil, unknown, err
	}
	return c, unknown, nil
}

// load reads both stores.
func (s *Settings) load() (m material, err error) {
	if s.KeyStore.Location != "" {
		if m.own, err = s.KeyStore.certificate(); err != nil {
			return m, fmt.Errorf("%skeyStore.location %s: %w", s.Prefix, s.KeyStore.Location, err)
		}
	}
	if s.TrustStore.Location != "" {
		if m.trusted, err = s.TrustStore.trusted(); err != nil {
			return m, fmt.Errorf("%strustStore.location %s: %w", s.Prefix, s.TrustStore.Location, err)
		}
	}
	return m, nil
}

// stamps looks at the files; what is not there has none.
func (c *Context) stamps() (out [2]stamp) {
	for i, name := range []string{c.set.KeyStore.Location, c.set.TrustStore.Location} {
		if info, err := os.Stat(name); err == nil {
			out[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return out
}

// current returns what the files hold, having read them again if they have changed.
func (c *Context) current() material {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.set.Now()
	if !c.set.Reload || at.Sub(c.looked) < reloadPause {
		return c.now
	}
	c.looked = at
	seen := c.stamps()
	if seen == c.seen {
		return c.now
	}
	c.seen = seen
	m, err := c.set.load()
	if err == nil {
		c.now = m
	}
	if c.set.Changed != nil {
		c.set.Changed(err)
	}
	return c.now
}

// Server returns what a listener needs.
func (c *Context) Server() (*tls.Config, error) {
	if c.current().own == nil {
		return nil, fmt.Errorf("%s*: %w", c.set.Prefix, ErrNoKeyStore)
	}
	out := c.base.Clone()
	out.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		m := c.current()
		one := c.base.Clone()
		one.Certificates, one.ClientAuth, one.ClientCAs = []tls.Certificate{*m.own}, c.auth, m.trusted
		remote := hello.Conn.RemoteAddr().String()
		one.VerifyConnection = func(state tls.ConnectionState) error { return c.client(&state, m, remote) }
		return one, nil
	}
	return out, nil
}

// client verifies who dials.
func (c *Context) client(state *tls.ConnectionState, m material, remote string) error {
	if c.auth == tls.NoClientCert || c.auth == tls.RequestClientCert && len(state.PeerCertificates) == 0 {
		return nil
	}
	if err := chain(state.PeerCertificates, m.trusted, x509.ExtKeyUsageClientAuth, c.set.Now()); err != nil || !c.set.VerifyClient {
		return err
	}
	if at, err := netip.ParseAddrPort(remote); err == nil {
		remote = at.Addr().Unmap().WithZone("").String()
	}
	return c.set.names(state.PeerCertificates[0], remote)
}

// Trusts says why certificates that a client has shown elsewhere are not trusted, nil if
// they are.
func (c *Context) Trusts(certs []*x509.Certificate) error {
	return chain(certs, c.current().trusted, x509.ExtKeyUsageClientAuth, c.set.Now())
}

// Client returns what is needed to dial a host, by name or address. Its certificate may be
// for the host, or for the address that the connection has led to, which is none when it is
// not known.
func (c *Context) Client(host, address string) *tls.Config {
	m := c.current()
	out := c.base.Clone()
	if _, err := netip.ParseAddr(host); err != nil {
		out.ServerName = host // asked for by name; addresses are not
	}
	if m.own != nil {
		out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return m.own, nil }
	}
	out.InsecureSkipVerify = true // VerifyConnection does it, by Java's rules
	out.VerifyConnection = func(state tls.ConnectionState) error {
		if err := chain(state.PeerCertificates, m.trusted, x509.ExtKeyUsageServerAuth, c.set.Now()); err != nil || !c.set.VerifyServer {
			return err
		}
		return c.set.names(state.PeerCertificates[0], host, address)
	}
	return out
}
