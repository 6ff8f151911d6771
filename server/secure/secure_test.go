package secure_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"gokeeper/server/keystore"
	"gokeeper/server/keystore/authority"
	"gokeeper/server/secure"
)

func stores(t *testing.T) *keystore.Context {
	t.Helper()
	a, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	key, trust, err := a.Write(t.TempDir(), "localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := keystore.Open(keystore.Settings{
		KeyStore: keystore.Store{Location: key}, TrustStore: keystore.Store{Location: trust}, VerifyServer: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// port listens, and gives accepted connections to serve, one goroutine each.
func port(t *testing.T, p secure.Port, serve func(*secure.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		sln := p.Listener(ln)
		for {
			nc, err := sln.Accept()
			if err != nil {
				return
			}
			go serve(nc.(*secure.Conn))
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

// echo returns what it is sent, in the manner of a server that reads first.
func echo(c *secure.Conn) {
	defer c.Close()
	_, _ = io.Copy(c, c)
}

func say(t *testing.T, nc net.Conn, text string) error {
	t.Helper()
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(nc, text); err != nil {
		return err
	}
	b := make([]byte, len(text))
	if _, err := io.ReadFull(nc, b); err != nil {
		return err
	}
	if string(b) != text {
		t.Errorf("sent %q, got %q", text, b)
	}
	return nil
}

func TestPort(t *testing.T) {
	c := stores(t)
	cfg, err := c.Server()
	if err != nil {
		t.Fatal(err)
	}
	plain := (&net.Dialer{}).DialContext
	dial := map[bool]secure.Dialer{false: plain, true: secure.Dial(plain, c.Client)}
	for _, p := range []secure.Port{{TLS: cfg}, {TLS: cfg, Plain: true}} {
		address := port(t, p, echo)
		silent, err := net.Dial("tcp", address) // must hold up nobody
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		for secured, d := range dial {
			want := secured || p.Plain
			nc, err := d(t.Context(), "tcp", address)
			if err == nil {
				err = say(t, nc, "hello")
			}
			if (err == nil) != want {
				t.Errorf("plain too %t, TLS %t: %v", p.Plain, secured, err)
			}
		}
	}
}

// TestSettle hands over what is spoken: nothing of what came first may be lost.
func TestSettle(t *testing.T) {
	c := stores(t)
	cfg, err := c.Server()
	if err != nil {
		t.Fatal(err)
	}
	names := make(chan string, 1)
	address := port(t, secure.Port{TLS: cfg, Plain: true}, func(sc *secure.Conn) {
		nc, head, err := sc.Settle(context.Background())
		switch {
		case errors.Is(err, secure.ErrHandshake):
			names <- "refused"
		case err != nil:
			names <- err.Error()
		case sc.Secured():
			names <- sc.Certificates()[0].Subject.CommonName
		default:
			names <- "plain"
		}
		if err != nil {
			sc.Close()
			return
		}
		defer nc.Close()
		_, _ = nc.Write(head)
		_, _ = io.Copy(nc, nc)
	})
	f := func(d secure.Dialer, text, want string) {
		t.Helper()
		nc, err := d(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		err = say(t, nc, text)
		if got := <-names; got != want || (err != nil) != (want == "refused") {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	plain := (&net.Dialer{}).DialContext
	f(plain, "x", "plain")
	f(plain, "hello", "plain")
	f(secure.Dial(plain, c.Client), "hello", "localhost")
	f(plain, "\x16\x03\x01\xff\xff no handshake of this length", "refused")
}

// TestDial wants a host that shows another's certificate to be refused.
func TestDial(t *testing.T) {
	ours, theirs := stores(t), stores(t)
	cfg, err := theirs.Server()
	if err != nil {
		t.Fatal(err)
	}
	address := port(t, secure.Port{TLS: cfg}, echo)
	_, err = secure.Dial((&net.Dialer{}).DialContext, ours.Client)(t.Context(), "tcp", address)
	if !errors.Is(err, secure.ErrHandshake) {
		t.Errorf("got %v", err)
	}
}
