package keystore

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gokeeper/server/keystore/authority"
)

// made are stores that keytool of Java 17 and OpenSSL 3 have made, password secret.
func made(name string) Store {
	return Store{Location: filepath.Join("testdata", name), Password: "secret"}
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func content(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKeyStores(t *testing.T) {
	member := content(t, "testdata/member.pem")
	f := func(s Store) {
		t.Helper()
		c, err := s.certificate()
		if err != nil {
			t.Errorf("%s: %v", s.Location, err)
			return
		}
		block, _ := pem.Decode(member)
		if len(c.Certificate) != 1 || !slices.Equal(c.Certificate[0], block.Bytes) || c.Leaf.Subject.CommonName != "member" {
			t.Errorf("%s: got a chain of %d, %s", s.Location, len(c.Certificate), c.Leaf.Subject)
		}
	}
	f(made("key.p12"))
	f(made("key.jks"))
	f(made("both.p12"))
	f(made("encrypted.pem"))
	f(Store{Location: write(t, "new.jks", content(t, "testdata/key.p12")), Password: "secret"}) // keytool's default
	f(Store{Location: write(t, "key", content(t, "testdata/key.jks")), Password: "secret", Type: "pkcs12"})
	f(Store{Location: made("key.p12").Location, Password: "wrong", PasswordPath: write(t, "password", []byte("secret\n"))})

	key := keyOf(t, "testdata/encrypted.pem")
	sec1, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	f(Store{Location: write(t, "sec1.pem", append(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}), member...))})
}

func keyOf(t *testing.T, name string) *ecdsa.PrivateKey {
	t.Helper()
	c, err := (&Store{Location: name, Password: "secret"}).certificate()
	if err != nil {
		t.Fatal(err)
	}
	return c.PrivateKey.(*ecdsa.PrivateKey)
}

// TestChain wants the leaf first and the issuers behind it, whatever the file's order.
func TestChain(t *testing.T) {
	a := newAuthority(t)
	store, err := a.Issue(pkix.Name{CommonName: "leaf"})
	if err != nil {
		t.Fatal(err)
	}
	s := Store{Location: write(t, "key.pem", slices.Concat(a.Certificate(), content(t, "testdata/member.pem"), store))}
	c, err := s.certificate()
	if err != nil {
		t.Fatal(err)
	}
	if root, _ := pem.Decode(a.Certificate()); len(c.Certificate) != 2 || c.Leaf.Subject.CommonName != "leaf" || !slices.Equal(c.Certificate[1], root.Bytes) {
		t.Errorf("got %d certificates, first %s", len(c.Certificate), c.Leaf.Subject)
	}
}

func TestTrustStores(t *testing.T) {
	f := func(s Store) {
		t.Helper()
		pool, err := s.trusted()
		if err != nil {
			t.Errorf("%s: %v", s.Location, err)
			return
		}
		c, err := (&Store{Location: "testdata/key.p12", Password: "secret"}).certificate()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Leaf.Verify(x509.VerifyOptions{Roots: pool}); err != nil {
			t.Errorf("%s: %v", s.Location, err)
		}
	}
	f(made("trust.p12"))
	f(made("trust.jks"))
	f(made("member.pem"))
}

// TestRefused wants the error to name the key, the file and what is wrong with it.
func TestRefused(t *testing.T) {
	f := func(s Settings, want error, words ...string) {
		t.Helper()
		s.Prefix = "ssl."
		_, _, err := Open(s)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%+v: got %v, want %v", s, err, want)
			return
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q does not tell of %q", err, w)
			}
		}
	}
	key := func(s Store) Settings { return Settings{KeyStore: s} }
	trust := func(s Store) Settings { return Settings{TrustStore: s} }
	f(key(Store{Location: "x.bcfks"}), ErrBCFKS, "ssl.keyStore.location", "x.bcfks", "keytool -importkeystore")
	f(key(Store{Location: "x.pfx"}), ErrType, "x.pfx", ".type")
	f(key(Store{Location: "absent.pem"}), fs.ErrNotExist, "absent.pem")
	f(key(Store{Location: "testdata/key.p12", PasswordPath: "absent"}), fs.ErrNotExist, "passwordPath")
	f(key(Store{Location: "testdata/key.p12", Password: "wrong"}), nil, "password")
	f(key(Store{Location: "testdata/key.jks", Password: "wrong"}), nil, "ssl.keyStore.location testdata/key.jks")
	f(key(Store{Location: "testdata/encrypted.pem", Password: "wrong"}), nil, "password")
	f(key(Store{Location: "testdata/member.pem"}), ErrNoKey)
	f(key(made("trust.jks")), ErrNoKey)
	f(key(made("trust.p12")), nil, "key")
	f(trust(made("key.jks")), ErrNoCertificate, "ssl.trustStore.location")
	f(trust(made("both.p12")), ErrNotTrusted, "keytool -importcert")
	f(trust(made("unmarked.p12")), ErrNotTrusted)
	f(trust(Store{Location: "testdata/trust.p12", Password: "wrong"}), nil, "password")
	f(Settings{ClientAuth: "maybe"}, nil, "ssl.clientAuth", "want")
	f(Settings{Protocol: "TLSv2"}, nil, "ssl.protocol", "TLSv2")
	f(Settings{EnabledProtocols: []string{"SSLv3"}}, nil, "ssl.enabledProtocols", "SSLv3")
	f(Settings{CipherSuites: []string{"TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"}}, nil, "ssl.ciphersuites", "TLS_DHE_RSA")

	a := newAuthority(t)
	other, err := a.Issue(pkix.Name{CommonName: "other"})
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(other)
	f(key(Store{Location: write(t, "odd.pem", append(pem.EncodeToMemory(block), content(t, "testdata/member.pem")...))}), ErrNoPair)
	c, _, err := Open(Settings{Prefix: "ssl.quorum."})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Server(); !errors.Is(err, ErrNoKeyStore) || !strings.Contains(err.Error(), "ssl.quorum.") {
		t.Errorf("a listener without a key store: %v", err)
	}
}

func TestProtocols(t *testing.T) {
	f := func(s Settings, low, high uint16) {
		t.Helper()
		c, _, err := Open(s)
		if err != nil || c.base.MinVersion != low || c.base.MaxVersion != high {
			t.Errorf("%+v: %v", s, err)
		}
	}
	f(Settings{}, tls.VersionTLS12, tls.VersionTLS13)
	f(Settings{Protocol: "TLSv1.2"}, tls.VersionTLS12, tls.VersionTLS12)
	f(Settings{Protocol: "TLSv1.3"}, tls.VersionTLS12, tls.VersionTLS13)
	f(Settings{Protocol: "TLSv1.2", EnabledProtocols: []string{"TLSv1.3"}}, tls.VersionTLS13, tls.VersionTLS13)
	f(Settings{EnabledProtocols: []string{"SSLv3", "TLSv1.1", " TLSv1.2"}}, tls.VersionTLS11, tls.VersionTLS12)
	f(Settings{CipherSuites: []string{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}}, tls.VersionTLS12, tls.VersionTLS12)
	f(Settings{CipherSuites: []string{"TLS_AES_128_GCM_SHA256"}}, tls.VersionTLS13, tls.VersionTLS13)
	f(Settings{CipherSuites: []string{"TLS_AES_128_GCM_SHA256", "SSL_RSA_WITH_3DES_EDE_CBC_SHA"}}, tls.VersionTLS12, tls.VersionTLS13)
	c, unknown, err := Open(Settings{CipherSuites: []string{"TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"}})
	if err != nil || !slices.Equal(unknown, []string{"TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"}) ||
		!slices.Equal(c.base.CipherSuites, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}) {
		t.Errorf("unknown %q, %v", unknown, err)
	}
}

func newAuthority(t *testing.T) *authority.Authority {
	t.Helper()
	a, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// stores returns settings with a certificate of the authority for the hosts.
func stores(t *testing.T, a *authority.Authority, hosts ...string) Settings {
	t.Helper()
	key, trust, err := a.Write(t.TempDir(), "peer", hosts...)
	if err != nil {
		t.Fatal(err)
	}
	return Settings{Prefix: "ssl.", KeyStore: Store{Location: key}, TrustStore: Store{Location: trust}}
}

func open(t *testing.T, s Settings) *Context {
	t.Helper()
	c, _, err := Open(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shake makes a connection over the loopback and returns what each side thinks of the
// other.
func shake(t *testing.T, server, client *Context, host string) (serverErr, clientErr error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	cfg, err := server.Server()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			done <- err
			return
		}
		defer nc.Close()
		tc := tls.Server(nc, cfg)
		err = tc.HandshakeContext(t.Context())
		if err == nil {
			_, err = tc.Write([]byte("x"))
		}
		done <- err
	}()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	tc := tls.Client(nc, client.Client(host, "127.0.0.1"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if clientErr = tc.HandshakeContext(ctx); clientErr == nil {
		_, clientErr = tc.Read(make([]byte, 1)) // with TLS 1.3 a refusal comes now
	}
	nc.Close()
	return <-done, clientErr
}

func TestClientAuth(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	known, stranger, nobody := stores(t, ours), stores(t, theirs), stores(t, ours)
	stranger.TrustStore, nobody.KeyStore = known.TrustStore, Store{}
	f := func(auth string, client Settings, want bool) {
		t.Helper()
		for _, protocol := range []string{"TLSv1.2", "TLSv1.3"} {
			s := stores(t, ours)
			s.ClientAuth, client.Protocol = auth, protocol
			serverErr, clientErr := shake(t, open(t, s), open(t, client), "any")
			if (serverErr == nil) != want || (clientErr == nil) != want {
				t.Errorf("%s, %s: server %v, client %v", auth, protocol, serverErr, clientErr)
			}
		}
	}
	f("need", known, true)
	f("need", stranger, false)
	f("need", nobody, false)
	f("want", known, true)
	f("want", stranger, false)
	f("want", nobody, true)
	f("none", known, true)
	f("none", stranger, true)
	f("none", nobody, true)
}

func TestNames(t *testing.T) {
	a := newAuthority(t)
	f := func(host string, names []string, want bool, hosts ...string) {
		t.Helper()
		c := stores(t, a)
		c.VerifyServer = true
		if names != nil {
			c.Names = func(string) []string { return names }
		}
		_, err := shake(t, open(t, stores(t, a, hosts...)), open(t, c), host)
		if (err == nil) != want {
			t.Errorf("%s for %q: %v", host, hosts, err)
		}
	}
	f("zk1", nil, true, "zk1")
	f("ZK1", nil, true, "zk1")
	f("zk1.example.org", nil, true, "*.example.org")
	f("zk1", nil, false, "zk2")
	f("zk1", nil, true, "127.0.0.1") // where it has led to
	f("10.0.0.1", nil, false, "10.0.0.2")
	f("127.0.0.1", nil, false, "localhost")
	f("127.0.0.1", []string{"localhost."}, true, "localhost")
	f("peer", nil, true) // the common name
	f("peer", nil, false, "zk1")
	f("peer", nil, true, "10.0.0.1")

	client := func(want bool, hosts ...string) {
		t.Helper()
		s := stores(t, a)
		s.VerifyClient = true
		err, _ := shake(t, open(t, s), open(t, stores(t, a, hosts...)), "any")
		if (err == nil) != want {
			t.Errorf("a client of %q: %v", hosts, err)
		}
	}
	client(true, "127.0.0.1")
	client(false, "127.0.0.2")
	client(false, "localhost")
}

// TestReload changes both stores under a context, and spoils them.
func TestReload(t *testing.T) {
	before, after := newAuthority(t), newAuthority(t)
	s := stores(t, before)
	now := time.Now()
	var told []error
	s.Reload, s.Now, s.Changed = true, func() time.Time { return now }, func(err error) { told = append(told, err) }
	server := open(t, s)
	old, renewed := stores(t, before), stores(t, after)
	f := func(client Settings, want bool) {
		t.Helper()
		if _, err := shake(t, server, open(t, client), "any"); (err == nil) != want {
			t.Errorf("%v", err)
		}
	}
	replace := func(key, trust []byte) {
		t.Helper()
		for name, b := range map[string][]byte{s.KeyStore.Location: key, s.TrustStore.Location: trust} {
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
			at := time.Now().Add(time.Duration(len(told)+1) * time.Hour) // whatever the file system's clock resolves
			if err := os.Chtimes(name, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	f(old, true)
	f(renewed, false)
	replace(content(t, renewed.KeyStore.Location), content(t, renewed.TrustStore.Location))
	f(old, true) // it has looked less than a second ago
	now = now.Add(reloadPause)
	f(renewed, true)
	f(old, false)
	replace([]byte("spoilt"), content(t, old.TrustStore.Location))
	now = now.Add(reloadPause)
	f(renewed, true)
	now = now.Add(reloadPause)
	f(renewed, true)
	if len(told) != 2 || told[0] != nil || !errors.Is(told[1], ErrNoKey) {
		t.Errorf("told of %v", told)
	}

	fixed := stores(t, before)
	server = open(t, fixed)
	s.KeyStore, s.TrustStore = fixed.KeyStore, fixed.TrustStore
	replace(content(t, renewed.KeyStore.Location), content(t, renewed.TrustStore.Location))
	f(old, true) // nobody wants it to look
	f(renewed, false)
}
