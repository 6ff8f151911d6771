package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"gokeeper/server/auth"
	"gokeeper/server/config"
	"gokeeper/server/keystore"
	"gokeeper/server/peer"
	"gokeeper/server/proto"
	"gokeeper/server/secure"
)

// errNoTrust says that clients are asked for certificates that nobody could trust. Java
// starts, and refuses them all.
var errNoTrust = errors.New("certificates of clients are wanted and none is trusted: set ssl.trustStore.location, or ssl.clientAuth=none")

// lookupLimit is how long the names of an address are looked up.
const lookupLimit = 5 * time.Second

// namesOf returns the names of an address, none when they cannot be had.
func namesOf(address string) []string {
	ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
	defer cancel()
	names, _ := net.DefaultResolver.LookupAddr(ctx, address)
	return names
}

// openStores reads key and trust store of the keys with a prefix. set may change how they
// are used.
func (s *Server) openStores(prefix string, t *config.TLS, set func(*keystore.Settings)) (*keystore.Context, error) {
	o := keystore.Settings{
		Prefix: prefix, KeyStore: keystore.Store(t.KeyStore), TrustStore: keystore.Store(t.TrustStore),
		Protocol: t.Protocol, EnabledProtocols: t.EnabledProtocols, CipherSuites: t.CipherSuites, ClientAuth: t.ClientAuth,
		VerifyServer: t.HostnameVerification, VerifyClient: t.HostnameVerification && t.ClientHostnameVerification,
		Changed: func(err error) {
			if err != nil {
				s.opt.Log.Error().Err(err).Msg("changed key or trust store cannot be used; the one before stays")
				return
			}
			s.opt.Log.Info().Str("keys", prefix+"*").Msg("changed key or trust store is used from now on")
		},
	}
	if t.AllowReverseDNS && !s.cfg.FIPSMode {
		o.Names = namesOf
	}
	set(&o)
	c, unknown, err := keystore.Open(o)
	if len(unknown) > 0 {
		s.opt.Log.Warn().Strs("suites", unknown).Msg(prefix + "ciphersuites: these are not known here and are left out")
	}
	return c, err
}

// clientTLS returns what the clients' ports need to speak TLS. As in Java, the key
// ssl.protocol does not concern them.
func (s *Server) clientTLS() (*tls.Config, error) {
	t := &s.cfg.ClientTLS
	if t.ClientAuth != "none" && t.TrustStore.Location == "" {
		return nil, errNoTrust
	}
	c, err := s.openStores("ssl.", t, func(o *keystore.Settings) { o.Protocol, o.Reload = "", s.cfg.ClientCertReload })
	if err != nil {
		return nil, err
	}
	s.stores = c
	return c.Server()
}

// adminTLS returns what the admin server needs to speak TLS: in Java, with the stores of
// the ports between servers and rules of its own.
func (s *Server) adminTLS() (*tls.Config, error) {
	c, err := s.openStores("ssl.quorum.", &s.cfg.QuorumTLS, func(o *keystore.Settings) {
		o.Protocol, o.EnabledProtocols, o.CipherSuites, o.VerifyClient = "", nil, nil, false
		o.Reload = s.cfg.QuorumCertReload
		if o.ClientAuth = "none"; s.cfg.Admin.NeedClientAuth {
			o.ClientAuth = "need"
		}
	})
	if err != nil {
		return nil, err
	}
	return c.Server()
}

// quorumTLS returns how this server and the others speak TLS to each other. In Java's FIPS
// mode, which is on unless switched off, they do not look at each other's names: that a
// certificate is trusted is enough.
func (s *Server) quorumTLS() (peer.Secure, error) {
	if !s.cfg.SSLQuorum && !s.cfg.QuorumPortUnification {
		return peer.Secure{}, nil
	}
	c, err := s.openStores("ssl.quorum.", &s.cfg.QuorumTLS, func(o *keystore.Settings) {
		o.Reload = s.cfg.QuorumCertReload
		if s.cfg.FIPSMode {
			o.VerifyServer, o.VerifyClient = false, false
		}
	})
	if err != nil {
		return peer.Secure{}, err
	}
	accept, err := c.Server()
	if err != nil {
		return peer.Secure{}, err
	}
	out := peer.Secure{Accept: &secure.Port{TLS: accept, Plain: s.cfg.QuorumPortUnification}}
	if s.cfg.SSLQuorum {
		out.Dial = c.Client
	}
	return out, nil
}

// speaksTLS says whether clients may come with TLS.
func (s *Server) speaksTLS() bool {
	return s.cfg.SecureClientPort != 0 || s.opt.ListenSecure != "" || s.cfg.ClientPortUnification
}

// identify returns who a connection is before it has shown any credentials but a
// certificate.
func (s *Server) identify(nc net.Conn, remote netip.AddrPort) ([]proto.Identity, error) {
	ids := []proto.Identity{{Scheme: auth.IP, ID: auth.AddressText(remote.Addr())}}
	tc, ok := nc.(*tls.Conn)
	switch {
	case !ok && s.speaksTLS() && remote.Addr().IsLoopback():
		s.plain.local.Add(1)
	case !ok && s.speaksTLS():
		s.plain.remote.Add(1)
	}
	if !ok {
		return ids, nil
	}
	known, err := s.certified(tc.ConnectionState().PeerCertificates)
	return append(ids, known...), err
}

// certified returns who has shown the certificates, nobody if there are none.
func (s *Server) certified(certs []*x509.Certificate) ([]proto.Identity, error) {
	if len(certs) == 0 {
		return nil, nil
	}
	name, err := auth.SubjectName(certs[0].RawSubject)
	if err != nil {
		return nil, fmt.Errorf("certificate of a client: %w", err)
	}
	return s.policy.Certified(name), nil
}
