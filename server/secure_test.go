package server_test

import (
	"context"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gokeeper/server"
	zk "gokeeper/server/client"
	"gokeeper/server/keystore"
	"gokeeper/server/keystore/authority"
	"gokeeper/server/proto"
	"gokeeper/server/secure"
)

// papers are the certificates of a test: an authority, and a directory with its trust store
// and what it has issued.
type papers struct {
	*authority.Authority
	t   *testing.T
	dir string
}

func newPapers(t *testing.T) *papers {
	t.Helper()
	a, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	return &papers{a, t, t.TempDir()}
}

// lines returns the keys with a prefix for a certificate that is for the loopback.
func (p *papers) lines(prefix, name string) []string {
	p.t.Helper()
	key, trust, err := p.Write(p.dir, name, "127.0.0.1", "localhost")
	if err != nil {
		p.t.Fatal(err)
	}
	return []string{prefix + "keyStore.location=" + key, prefix + "trustStore.location=" + trust}
}

// dialer returns how the holder of a certificate dials; "" holds none.
func (p *papers) dialer(subject pkix.Name) secure.Dialer {
	p.t.Helper()
	s := keystore.Settings{TrustStore: keystore.Store{Location: filepath.Join(p.dir, "trust.pem")}, VerifyServer: true}
	if subject.CommonName != "" {
		store, err := p.Issue(subject)
		if err != nil {
			p.t.Fatal(err)
		}
		s.KeyStore.Location = filepath.Join(p.t.TempDir(), "client.pem")
		if err := os.WriteFile(s.KeyStore.Location, store, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	c, _, err := keystore.Open(s)
	if err != nil {
		p.t.Fatal(err)
	}
	return secure.Dial((&net.Dialer{}).DialContext, c.Client)
}

// over opens a session by a dialler.
func (r *running) over(dial secure.Dialer, address net.Addr) *zk.Client {
	r.t.Helper()
	c, err := zk.Open(zk.Config{Servers: address.String(), Dial: func(ctx context.Context, address string) (net.Conn, error) {
		return dial(ctx, "tcp", address)
	}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// wordOver asks with a four-letter word.
func (r *running) wordOver(dial secure.Dialer, address net.Addr, word string) string {
	r.t.Helper()
	nc, err := dial(r.t.Context(), "tcp", address.String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(nc, word); err != nil {
		r.t.Fatal(err)
	}
	b, err := io.ReadAll(nc)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

var alice = pkix.Name{CommonName: "alice", Organization: []string{"a, b"}, Country: []string{"DE"}}

const aliceID = `CN=alice,O=a\, b,C=DE`

// startSecure runs a server with both ports.
func startSecure(t *testing.T, p *papers, lines ...string) *running {
	t.Helper()
	lines = append(append(p.lines("ssl.", "server"), "secureClientPort=2281"), lines...)
	return start(t, configure(t, t.TempDir(), lines...), server.Options{ListenSecure: "127.0.0.1:0"})
}

func TestSecurePort(t *testing.T) {
	p := newPapers(t)
	r := startSecure(t, p, "X509AuthenticationProvider.superUser=CN=root")
	c := r.over(p.dialer(alice), r.SecureAddr())
	ids, err := c.WhoAmI(t.Context())
	if want := (proto.Identity{Scheme: "x509", ID: aliceID}); err != nil || !slices.Contains(ids, want) || len(ids) != 2 {
		t.Errorf("%q, %v, want %q", ids, err, want)
	}
	mine := []proto.ACL{{Perms: proto.PermAll, Identity: proto.Identity{Scheme: "auth"}}}
	if _, _, err := c.Create(t.Context(), zk.Node{Path: "/mine", ACL: mine}); err != nil {
		t.Fatal(err)
	}
	acl, _, err := c.ACL(t.Context(), "/mine")
	if err != nil || len(acl) != 1 || acl[0].Identity != (proto.Identity{Scheme: "x509", ID: aliceID}) {
		t.Errorf("%q, %v", acl, err)
	}
	if err := c.AddAuth("x509", nil); err != nil { // who has shown a certificate may say so again
		t.Error(err)
	}
	if _, _, err := c.Get(t.Context(), "/mine", false); err != nil {
		t.Error(err)
	}
	bob := r.over(p.dialer(pkix.Name{CommonName: "bob"}), r.SecureAddr())
	if _, _, err := bob.Get(t.Context(), "/mine", false); !isCode(err, proto.NoAuth) {
		t.Errorf("bob: %v", err)
	}
	if _, _, err := r.session("").Get(t.Context(), "/mine", false); !isCode(err, proto.NoAuth) {
		t.Errorf("nobody: %v", err)
	}
	root := r.over(p.dialer(pkix.Name{CommonName: "root"}), r.SecureAddr())
	if _, _, err := root.Get(t.Context(), "/mine", false); err != nil {
		t.Errorf("root: %v", err)
	}
	if ids, err := root.WhoAmI(t.Context()); err != nil || !slices.Contains(ids, proto.Identity{Scheme: "super", ID: "CN=root"}) {
		t.Errorf("%q, %v", ids, err)
	}
	bad := []proto.ACL{{Perms: proto.PermAll, Identity: proto.Identity{Scheme: "x509", ID: "nobody"}}}
	if _, _, err := c.Create(t.Context(), zk.Node{Path: "/bad", ACL: bad}); !isCode(err, proto.InvalidACL) {
		t.Errorf("an id that is no name: %v", err)
	}
}

func isCode(err error, code proto.Error) bool {
	var e *zk.OpError
	return errors.As(err, &e) && errors.Is(err, code)
}

// TestSecureReports wants the words and the admin server to keep the ports apart.
func TestSecureReports(t *testing.T) {
	p := newPapers(t)
	r := startSecure(t, p)
	tls := p.dialer(alice)
	if _, err := r.over(tls, r.SecureAddr()).WhoAmI(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.session("").WhoAmI(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	sessions := func(text string) int { return strings.Count(text, ",sid=") }
	if plain, secured := sessions(r.word("cons")), sessions(r.wordOver(tls, r.SecureAddr(), "cons")); plain != 2 || secured != 1 {
		t.Errorf("cons tells of %d sessions on the plain port and %d on the other", plain, secured)
	}
	_, port, _ := net.SplitHostPort(r.SecureAddr().String())
	if got := r.word("conf"); !strings.Contains(got, "\nsecureClientPort="+port+"\n") {
		t.Errorf("no port %s in %s", port, got)
	}
	_, after, _ := strings.Cut(r.command("connections"), `"secure_connections"`)
	if n := strings.Count(after, `"session_id"`); n != 1 {
		t.Errorf("%d secure connections in %s", n, after)
	}
	if nc, err := net.Dial("tcp", r.SecureAddr().String()); err == nil { // nobody's handshake
		_, _ = io.WriteString(nc, "srvr")
		_ = nc.SetDeadline(time.Now().Add(patience))
		_, _ = io.ReadAll(nc)
		nc.Close()
	}
	got := r.word("mntr")
	for _, want := range []string{"zk_num_alive_connections\t", "zk_unsuccessful_handshake\t1", "zk_outstanding_tls_handshake\t0",
		"zk_non_mtls_remote_conn_count\t0", "zk_auth_failed_count\t1"} {
		if !strings.Contains(got, want+"\n") && !strings.HasSuffix(want, "\t") {
			t.Errorf("no %q in mntr", want)
		}
	}
	if strings.Contains(got, "zk_non_mtls_local_conn_count\t0\n") {
		t.Error("no plain connection is counted")
	}
}

// TestClientPortUnification serves both on one port.
func TestClientPortUnification(t *testing.T) {
	p := newPapers(t)
	lines := append(p.lines("ssl.", "server"), "client.portUnification=true", "ssl.clientAuth=want")
	r := start(t, configure(t, t.TempDir(), lines...), server.Options{})
	f := func(dial secure.Dialer, want ...string) {
		t.Helper()
		ids, err := r.over(dial, r.ClientAddr()).WhoAmI(t.Context())
		if got := fmt.Sprint(ids); err != nil || got != fmt.Sprint(want) {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
	f((&net.Dialer{}).DialContext, "{ip 127.0.0.1}")
	f(p.dialer(alice), "{ip 127.0.0.1} {x509 "+aliceID+"}")
	f(p.dialer(pkix.Name{}), "{ip 127.0.0.1}")
	if got := r.word("ruok"); got != "imok" {
		t.Errorf("ruok: %q", got)
	}
	if got := r.word("conf"); !strings.Contains(got, "\nsecureClientPort=-1\n") {
		t.Error(got)
	}
}

// TestMoveToTLS takes an ensemble from plain connections to TLS alone, and back, one server
// after the other: it never loses more than the one that is restarted.
func TestMoveToTLS(t *testing.T) {
	p := newPapers(t)
	e := newEnsemble(t, 3, 0)
	e.start()
	e.settled()
	stores := p.lines("", "member")
	steps := [][2]bool{{false, true}, {true, true}, {true, false}} // sslQuorum, portUnification
	for i, step := range steps {
		for number := 1; number <= 3; number++ {
			e.halt(number)
			e.settled()
			cfg := &e.configs[number-1]
			cfg.SSLQuorum, cfg.QuorumPortUnification = step[0], step[1]
			cfg.QuorumTLS.KeyStore.Location = strings.TrimPrefix(stores[0], "keyStore.location=")
			cfg.QuorumTLS.TrustStore.Location = strings.TrimPrefix(stores[1], "trustStore.location=")
			e.start(number)
			e.settled()
			c := e.connect(number, nil)
			path := fmt.Sprintf("/step-%d-%d", i, number)
			c.create(path, "data", proto.FlagPersistent)
			e.sees(path, "data")
		}
	}
	own := e.configs[0].Servers.Members[0].Addresses[0]
	nc, err := net.Dial("tcp", own.Election().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	greeting := "\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x01x"
	if _, err := io.WriteString(nc, greeting); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, nc); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a server without TLS is not turned away")
	}
}

// TestStrangerAtQuorum wants nobody in the ensemble whose certificate is another
// authority's, or for another host where names are verified.
func TestStrangerAtQuorum(t *testing.T) {
	ours, theirs := newPapers(t), newPapers(t)
	f := func(want bool, others []string, lines ...string) {
		t.Helper()
		e := newEnsemble(t, 3, 0, lines...)
		e.start() // they must have known each other to do without one
		e.settled()
		for i := range e.configs {
			e.halt(i + 1)
			keys := ours.lines("", "member")
			if i == 2 {
				keys = others
			}
			e.configs[i].SSLQuorum = true
			e.configs[i].QuorumTLS.KeyStore.Location = strings.TrimPrefix(keys[0], "keyStore.location=")
			e.configs[i].QuorumTLS.TrustStore.Location = strings.TrimPrefix(keys[1], "trustStore.location=")
		}
		e.start()
		if want {
			e.settled()
			return
		}
		for limit := time.Now().Add(patience); e.mode(1) == "" || e.mode(2) == ""; runtime.Gosched() {
			if time.Now().After(limit) {
				t.Fatal("the two that trust each other do not settle")
			}
		}
		if mode := e.mode(3); mode != "" {
			t.Errorf("the stranger is %s", mode)
		}
	}
	f(false, theirs.lines("", "member"))
	key, trust, err := ours.Write(t.TempDir(), "elsewhere", "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := []string{key, trust}
	f(true, elsewhere) // Java's FIPS mode looks at no names
	f(false, elsewhere, "fips-mode=false")
	f(true, elsewhere, "fips-mode=false", "ssl.quorum.hostnameVerification=false")
}

// TestAdminTLS asks the admin server with and without TLS.
func TestAdminTLS(t *testing.T) {
	p := newPapers(t)
	f := func(r *running, dial secure.Dialer, path string, want int, strict bool, head ...string) {
		t.Helper()
		c := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial}}
		q, err := http.NewRequest("GET", "http://"+r.AdminAddr().String()+path, nil) // the dialler speaks TLS
		if err != nil {
			t.Fatal(err)
		}
		if len(head) > 0 {
			q.Header.Set("Authorization", head[0])
		}
		a, err := c.Do(q)
		if err != nil {
			if want != 0 {
				t.Errorf("%s: %v", path, err)
			}
			return
		}
		defer a.Body.Close()
		_, _ = io.Copy(io.Discard, a.Body)
		got := a.Header.Get("Strict-Transport-Security")
		if a.StatusCode != want || (got == "max-age=86400; includeSubDomains") != strict {
			t.Errorf("%s: %s, %q", path, a.Status, got)
		}
	}
	keys := append(p.lines("ssl.quorum.", "server"), "admin.rateLimiterIntervalInMS=0", "X509AuthenticationProvider.superUser=CN=root")
	plain, dialRoot := secure.Dialer((&net.Dialer{}).DialContext), p.dialer(pkix.Name{CommonName: "root"})

	both := start(t, configure(t, t.TempDir(), append(keys, "admin.portUnification=true")...), server.Options{})
	f(both, plain, "/commands/ruok", 200, false)
	f(both, dialRoot, "/commands/ruok", 200, true)
	if got := both.word("mntr"); !strings.Contains(got, "zk_insecure_admin_count\t1\n") {
		t.Error("a plain connection is not counted once")
	}
	f(both, dialRoot, "/commands/snapshot", 401, true, "x509") // no certificate was asked for

	forced := startSecure(t, p, append(keys, "admin.forceHttps=true", "admin.needClientAuth=true")...)
	f(forced, plain, "/commands/ruok", 0, false)
	f(forced, p.dialer(pkix.Name{}), "/commands/ruok", 0, false)
	f(forced, dialRoot, "/commands/ruok", 200, true)
	f(forced, dialRoot, "/commands/snapshot", 200, true, "x509")

	_, err := server.New(configure(t, t.TempDir(), "admin.forceHttps=true"), server.Options{Listen: "127.0.0.1:0"})
	if !errors.Is(err, keystore.ErrNoKeyStore) || !errors.Is(err, server.ErrAdminServer) {
		t.Errorf("without stores: %v", err)
	}
}
