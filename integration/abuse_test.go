package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long the well-behaved client waits for an answer before it counts as disturbed.
const patience = 20 * time.Second

// A steady client writes and reads all the time until stopped, and notes what goes wrong.
type steady struct {
	c     *client
	stop  chan struct{}
	ended sync.WaitGroup
	err   error
	calls int
	worst time.Duration
}

func startSteady(t *testing.T, s *server) *steady {
	t.Helper()
	y := &steady{c: s.connect(t, opening{}), stop: make(chan struct{})}
	y.c.ok(t, opCreate, create("/steady", nil, open, persistent))
	y.ended.Go(func() { y.err = y.run() })
	return y
}

func (y *steady) run() error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		value := fmt.Append(nil, y.calls)
		for _, q := range []struct {
			op   int32
			body out
		}{{opSetData, setData("/steady", value, -1)}, {opGetData, watched("/steady", false)}} {
			start := time.Now()
			r, err := y.c.call(q.op, q.body)
			if err != nil || r.err != 0 {
				return fmt.Errorf("op %d: %w, error %d", q.op, err, r.err)
			}
			if q.op == opGetData && !bytes.Equal(r.in().buf(), value) {
				return fmt.Errorf("read %q instead of %q", r.in().buf(), value)
			}
			y.worst = max(y.worst, time.Since(start))
			y.calls++
		}
		select {
		case <-y.stop:
			return nil
		case <-tick.C:
		}
	}
}

// check ends the steady client; it fails the test if that was disturbed.
func (y *steady) check(t *testing.T) {
	t.Helper()
	close(y.stop)
	y.ended.Wait()
	t.Logf("the steady client made %d calls, the slowest took %v", y.calls, y.worst)
	if y.err != nil {
		t.Errorf("the steady client was disturbed: %v", y.err)
	}
	if y.worst > patience {
		t.Errorf("the steady client waited %v for an answer", y.worst)
	}
}

// bounded runs f, which behaves badly towards the server, and checks that a steady client did not suffer, that resident
// memory did not grow by more than limit, and that nobody can fill the disk with lines of the log.
func bounded(t *testing.T, s *server, limit int64, f func()) {
	t.Helper()
	pid := s.cmd.Process.Pid
	before, err := peakMemory(pid)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Log("memory is not watched on this system")
	} else if err != nil {
		t.Fatal(err)
	}
	y := startSteady(t, s)
	f()
	y.check(t)
	if !s.running() {
		t.Fatalf("the server ended: %v", s.end)
	}
	if after, err := peakMemory(pid); err == nil {
		t.Logf("resident memory at its peak: %d MB, before %d MB", after>>20, before>>20)
		if after-before > limit {
			t.Errorf("resident memory grew by %d MB", (after-before)>>20)
		}
	}
	if n := strings.Count(s.logTail(1<<30), "\n"); n > 100 && !replaced() {
		t.Errorf("%d lines of log", n)
	}
}

// logged waits for a line of our server's log with the text.
func (s *server) logged(t *testing.T, text string) {
	t.Helper()
	if replaced() {
		return
	}
	for limit := time.Now().Add(10 * time.Second); time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		if strings.Contains(s.logTail(1<<30), text) {
			return
		}
	}
	t.Errorf("the log does not say %q", text)
}

// hello is a connect request for a new session.
func hello() []byte { return opening{}.packet() }

// TestGarbage sends what no client should send. The server must close the connection, or answer, and live on.
func TestGarbage(t *testing.T) {
	s := newServer(t, subject(t))
	s.start(t)
	var unfinished = out(nil).i32(1000).str("half a packet")
	closing := []struct {
		name  string
		bytes []byte
		log   string
	}{
		{"zeros then a length", append(make([]byte, 4), 0x7f, 0xff, 0xff, 0xff), "connect request that cannot be decoded"},
		{"negative length", out(nil).i32(-1), "negative length"},
		{"most negative length", out(nil).i32(-1 << 31), "negative length"},
		{"largest length", out(nil).i32(1<<31 - 1), "a packet larger than jute.maxbuffer"},
		{"one above the limit", out(nil).i32(0x100000), "a packet larger than jute.maxbuffer"},
		{"http", []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "HTTP request"},
		{"http post", []byte("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"), "HTTP request"},
		{"tls hello", []byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03}, "TLS handshake on a plaintext port"},
		{"unknown word", []byte("abcd"), "unknown four-letter word"},
		{"word in capitals", []byte("RUOK"), "unknown four-letter word"},
		{"short connect request", out(make([]byte, 20)).frame(), "connect request that cannot be decoded"},
		{"ahead of the server", opening{zxid: 1 << 40}.packet(), "client has seen a later zxid than this server"},
		{"negative after hello", append(hello(), out(nil).i32(-7)...), "negative length"},
		{"too long after hello", append(hello(), out(nil).i32(0x7fffffff)...), "a packet larger than jute.maxbuffer"},
		{"word after hello", append(hello(), "ruok"...), "unknown four-letter word"},
		{"short header", append(hello(), out(nil).i32(1).frame()...), "packet without a header"},
		{"short auth", append(hello(), out(nil).i32(-4).i32(opAuth).frame()...), "authentication that cannot be decoded"},
		{"unknown opcode", append(hello(), out(nil).i32(1).i32(4711).frame()...), "unknown operation"},
		{"end in a length", []byte{0, 0}, "connection ended inside a packet"},
		{"end in a connect request", hello()[:20], "connection ended inside a packet"},
		{"end in a request", append(hello(), unfinished...), "connection ended inside a packet"},
	}
	bounded(t, s, 64<<20, func() {
		for _, c := range closing {
			if err := closedAfter(s, c.bytes, strings.HasPrefix(c.name, "end")); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			s.logged(t, c.log)
		}
		truncated(t, s)
		randomBytes(t, s)
	})
}

// closedAfter sends bytes, and their end if so told, and waits for the server to close the connection.
func closedAfter(s *server, b []byte, end bool) error {
	c, err := net.Dial("tcp", s.addr())
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Write(b); err != nil {
		return err
	}
	if end {
		c.(*net.TCPConn).CloseWrite()
	}
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("the connection stays open")
	}
	return nil // an end or a reset
}

// truncated sends each prefix of requests of all kinds as a complete frame; each must be answered or end the connection.
func truncated(t *testing.T, s *server) {
	bodies := map[int32]out{
		opCreate: create("/t/x", []byte("data"), open, persistent), opDelete: at("/t", 0), opExists: watched("/t", true),
		opSetData: setData("/t", []byte("data"), 0), opSetACL: out(nil).str("/t").acl(open).i32(0), opGetACL: out(nil).str("/t"),
		opGetChildren2: watched("/t", true), opSync: out(nil).str("/t"), opAddWatch: at("/t", 1), opRemoveWatches: at("/t", 3),
		opMulti:     multi(part{opCheck, at("/t", 0)}, part{opDelete, at("/t", 0)}),
		opMultiRead: multi(part{opGetData, watched("/t", false)}), opSetWatches2: out(nil).i64(0).strs("/a").strs().strs().strs().strs(),
		opCreateTTL: createTTL("/t/x", nil, open, withTTL, 1000), opGetEphemerals: out(nil).str("/"), opCountChildren: out(nil).str("/"),
	}
	for op, body := range bodies {
		c := s.connect(t, opening{})
		for n := range len(body) {
			if _, err := c.call(op, body[:n]); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("op %d cut to %d bytes: %v", op, n, err)
				}
				c = s.connect(t, opening{})
			}
		}
		c.Close()
	}
}

// randomBytes sends random contents in correct frames, and random bytes without frames.
func randomBytes(t *testing.T, s *server) {
	rnd := random(t)
	for n := range 200 {
		c, err := net.Dial("tcp", s.addr())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(10 * time.Second))
		b := make([]byte, rnd.IntN(300))
		for k := range b {
			b[k] = byte(rnd.Uint32())
		}
		if n%2 == 0 {
			b = append(hello(), out(b).frame()...)
		}
		c.Write(b)
		c.(*net.TCPConn).CloseWrite()
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("connection stays open after %x and its end", b)
		}
		c.Close()
	}
}

// TestDeaf has clients that ask for much and never read: for large data, and for events. Queued without limit, the data
// would take 5 GB, the events 600 MB.
func TestDeaf(t *testing.T) {
	if replaced() {
		t.Skip("Java queues for a client that does not read without limit: a promise of this server only")
	}
	s := newServer(t, subject(t))
	s.start(t)
	c := s.connect(t, opening{})
	c.ok(t, opCreate, create("/large", bytes.Repeat([]byte("x"), 500<<10), open, persistent))
	bounded(t, s, 450<<20, func() { // a few may each have a queue of some tens of megabytes before the server gives them up
		for range 20 {
			askInVain(s.connect(t, opening{}), 500)
		}
		for range 2 {
			s.connect(t, opening{}).ok(t, opAddWatch, at("/", 1))
		}
		path := "/" + strings.Repeat("n", 100<<10)
		for range 1500 {
			c.ok(t, opCreate, create(path, nil, open, persistent))
			c.ok(t, opDelete, at(path, -1))
		}
	})
}

// askInVain sends requests for the large node until the server stops reading them.
func askInVain(c *client, n int) {
	q := out(nil).i32(1).i32(opGetData).str("/large").bool(false).frame()
	c.SetDeadline(time.Now().Add(300 * time.Millisecond))
	for range n {
		if _, err := c.Write(q); err != nil {
			return
		}
	}
}
