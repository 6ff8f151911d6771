package conn

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"gokeeper/server/keystore"
	"gokeeper/server/keystore/authority"
	"gokeeper/server/proto"
	"gokeeper/server/secure"
)

// secured serves on a port with TLS, and returns what its clients dial with.
func secured(t *testing.T, opt Options, f *fake, plainToo bool) (*Server, string, secure.Dialer) {
	t.Helper()
	a, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	key, trust, err := a.Write(t.TempDir(), "alice", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := keystore.Open(keystore.Settings{
		KeyStore: keystore.Store{Location: key}, TrustStore: keystore.Store{Location: trust}, VerifyServer: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := c.Server()
	if err != nil {
		t.Fatal(err)
	}
	opt.PasswordOK = passwordOK
	opt.Identify = func(nc net.Conn, remote netip.AddrPort) ([]proto.Identity, error) {
		ids := []proto.Identity{{Scheme: "ip", ID: remote.Addr().String()}}
		if tc, ok := nc.(*tls.Conn); ok {
			ids = append(ids, proto.Identity{Scheme: "x509", ID: tc.ConnectionState().PeerCertificates[0].Subject.String()})
		}
		return ids, nil
	}
	ln, err := Listen(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(opt, f)
	run(t, s, secure.Port{TLS: cfg, Plain: plainToo}.Listener(ln))
	return s, ln.Addr().String(), secure.Dial((&net.Dialer{}).DialContext, c.Client)
}

// await waits for a count of the server.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); !done(); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatal("not seen in time: " + what)
		}
	}
}

// word asks a four-letter word, and wants the end of the answer to be said with TLS.
func word(t *testing.T, nc net.Conn) error {
	t.Helper()
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(nc, "ruok"); err != nil {
		return err
	}
	b, err := io.ReadAll(nc)
	if err == nil && len(b) == 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

func TestSecurePort(t *testing.T) {
	plain := secure.Dialer((&net.Dialer{}).DialContext)
	for _, plainToo := range []bool{false, true} {
		s, addr, dialTLS := secured(t, Options{}, newFake(), plainToo)
		nc, err := dialTLS(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c := &client{nc, t}
		c.connect()
		all := s.Connections()
		if len(all) != 1 || all[0].Secure == plainToo || all[0].Session == 0 {
			t.Errorf("plain too %t: %+v", plainToo, all)
		}
		if nc, err = dialTLS(t.Context(), "tcp", addr); err == nil {
			err = word(t, nc)
		}
		if err != nil {
			t.Errorf("a word over TLS: %v", err)
		}
		if nc, err = plain(t.Context(), "tcp", addr); err != nil {
			t.Fatal(err)
		}
		if !plainToo { // long enough to be seen to be no record of TLS
			_, _ = io.WriteString(nc, "GET ")
		}
		if err := word(t, nc); (err == nil) != plainToo {
			t.Errorf("plain too %t: a plain word: %v", plainToo, err)
		}
		if !plainToo { // the client may see the end before it is counted
			await(t, "a handshake that failed", func() bool { return s.Stats().AuthFailed > 0 })
		}
		if st := s.Stats(); (st.Unsuccessful == 0) != plainToo || st.AuthFailed != st.Unsuccessful {
			t.Errorf("plain too %t: %d handshakes failed, %d authentications", plainToo, st.Unsuccessful, st.AuthFailed)
		}
	}
}

// TestUnifiedRaw wants a plain client of a port for both to be read as without TLS.
func TestUnifiedRaw(t *testing.T) {
	s, addr, _ := secured(t, Options{}, newFake(), true)
	c := dial(t, addr)
	c.connect()
	all, _ := s.snapshot()
	if len(all) != 1 || all[0].socket.raw == nil {
		t.Error("the connection is not the socket itself")
	}
}

// TestHandshakeLimits lets clients connect and say nothing.
func TestHandshakeLimits(t *testing.T) {
	s, addr, dialTLS := secured(t, Options{Handshakes: 2, MaxPerAddress: 3, Sessionless: 300 * time.Millisecond}, newFake(), false)
	silent := []*client{dial(t, addr), dial(t, addr)}
	await(t, "two handshakes", func() bool { return s.Stats().Handshakes == 2 })
	if nc, err := dialTLS(t.Context(), "tcp", addr); err == nil {
		nc.Close()
		t.Error("a third handshake was done")
	}
	await(t, "one too many", func() bool { return s.Stats().Exceeded == 1 })
	for _, c := range silent {
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the silent client was told something")
		}
	}
	await(t, "room", func() bool { return s.Stats().Handshakes == 0 })
	nc, err := dialTLS(t.Context(), "tcp", addr)
	if err == nil {
		err = word(t, nc)
	}
	if err != nil {
		t.Error(err)
	}
}

// TestDropEarly wants no handshake for a server that serves nobody.
func TestDropEarly(t *testing.T) {
	f := newFake()
	f.down = true
	s, addr, dialTLS := secured(t, Options{DropEarly: true}, f, false)
	if nc, err := dialTLS(t.Context(), "tcp", addr); err == nil {
		nc.Close()
		t.Error("a handshake was done")
	}
	await(t, "a connection for nothing", func() bool { return s.Stats().Unserved == 1 })
}
