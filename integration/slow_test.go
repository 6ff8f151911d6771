package integration

import (
	"bufio"
	"bytes"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSlowly sends a connect request and some requests byte by byte, while two hundred others do so with a large packet.
func TestSlowly(t *testing.T) {
	s := newServer(t, subject(t))
	s.start(t)
	large := out(nil).i32(7).i32(opCreate).str("/large").buf(bytes.Repeat([]byte("x"), 900<<10)).acl(open).i32(0).frame()
	b := slices.Concat(hello(), out(nil).i32(7).i32(opCreate).str("/slow").buf([]byte("x")).acl(open).i32(0).frame(),
		out(nil).i32(8).i32(opExists).str("/slow").bool(false).frame())
	bounded(t, s, 64<<20, func() {
		var others []*client
		for range 200 {
			others = append(others, s.connect(t, opening{}))
		}
		c := s.dial(t)
		for k := range b {
			c.byte(t, b[k])
			for _, o := range others {
				o.byte(t, large[k])
			}
		}
		if b, err := c.packet(); err != nil || len(b) != 37 {
			t.Fatalf("connect response %x, %v", b, err)
		}
		c.answered(t, 7)
		c.answered(t, 8)
		if _, err := others[100].Write(large[len(b):]); err != nil {
			t.Fatal(err)
		}
		others[100].answered(t, 7)
	})
}

// TestTrickle sends connect requests that never end. Bytes that go on to come must not keep the connections open.
func TestTrickle(t *testing.T) {
	s := newServer(t, subject(t), "nio.sessionlessCnxnTimeout=500")
	s.start(t)
	bounded(t, s, 64<<20, func() {
		var open []*client
		for range 100 {
			c := s.dial(t)
			c.Write(out(nil).i32(1000000).i32(0).i64(0).i32(30000).i64(0).i32(900000))
			open = append(open, c)
		}
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for limit := time.Now().Add(20 * time.Second); len(open) > 0; <-tick.C {
			if time.Now().After(limit) {
				t.Fatalf("%d connections are still open", len(open))
			}
			open = slices.DeleteFunc(open, func(c *client) bool {
				_, err := c.Write([]byte{0})
				return err != nil
			})
		}
		s.logged(t, "no session was opened in time")
	})
}

// dial opens a connection without a session, which ends with the test.
func (s *server) dial(t *testing.T) *client {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.addr(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(callLimit))
	return &client{Conn: conn, r: bufio.NewReader(conn)}
}

func (c *client) byte(t *testing.T, b byte) {
	t.Helper()
	if _, err := c.Write([]byte{b}); err != nil {
		t.Fatal(err)
	}
}

// answered wants success for the xid.
func (c *client) answered(t *testing.T, xid int32) {
	t.Helper()
	if r, err := c.next(); err != nil || r.err != 0 || r.xid != xid {
		t.Fatalf("got %+v, %v; want success for xid %d", r, err, xid)
	}
}

// TestFlood opens thousands of connections that go silent before their session is open, in a packet that is announced as
// large, or with a session in the middle of a request; from several addresses. Afterwards nothing of them is left.
func TestFlood(t *testing.T) {
	n := number(t, "GOKEEPER_CONNECTIONS", 10000)
	s := newServer(t, subject(t), "nio.sessionlessCnxnTimeout=120000")
	s.start(t)
	announced := out(nil).i32(1000000).i32(1)
	beginnings := [][]byte{nil, hello()[:3], hello()[:30], announced, append(hello(), announced...)}
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	bounded(t, s, 64<<20+int64(n)*16<<10, func() {
		for k := range n {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+k/5000))}, Timeout: 10 * time.Second}
			c, err := d.Dial("tcp", s.addr())
			if err != nil {
				t.Fatalf("connection %d: %v (is the limit of open files too low?)", k, err)
			}
			conns = append(conns, c)
			if _, err := c.Write(beginnings[k%len(beginnings)]); err != nil {
				t.Fatalf("connection %d: %v", k, err)
			}
		}
		c := s.connect(t, opening{}) // a new client still gets in
		c.ok(t, opExists, watched("/", false))
		if got := s.connections(t); got < n {
			t.Errorf("the server counts %d connections of %d: this proves nothing", got, n)
		}
		for _, c := range conns {
			c.Close()
		}
		left := n
		for limit := time.Now().Add(20 * time.Second); left > 10 && time.Now().Before(limit); {
			left = s.connections(t)
		}
		if left > 10 {
			t.Errorf("%d connections are left", left)
		}
	})
}

// connections returns how many the server counts.
func (s *server) connections(t *testing.T) int {
	t.Helper()
	for line := range strings.Lines(s.word("srvr")) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "Connections: "); ok {
			n, err := strconv.Atoi(v)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("srvr counts no connections")
	return 0
}
