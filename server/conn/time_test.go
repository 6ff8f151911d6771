package conn

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"gokeeper/server/proto"
)

// pipes is a listener whose connections are pipes in memory.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// bubble runs f with simulated time and a server on pipes. It fails if a goroutine
// outlives Serve.
func bubble(t *testing.T, opt Options, f *fake, body func(t *testing.T, s *Server, ln *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		f.event = make(chan string, 1000)
		ln := newPipes()
		s := New(opt, f)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx, ln) }()
		body(t, s, ln)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// lives says whether the server has n connections d from now.
func lives(t *testing.T, s *Server, d time.Duration, n int) {
	t.Helper()
	time.Sleep(d)
	synctest.Wait()
	if got := len(s.Connections()); got != n {
		t.Errorf("%v after the start: %d connections, want %d", time.Duration(s.nanos()), got, n)
	}
}

func TestSessionlessExpire(t *testing.T) {
	bubble(t, Options{}, newFake(), func(t *testing.T, s *Server, ln *pipes) {
		time.Sleep(3 * time.Second)
		quiet, drip := ln.dial(), ln.dial()
		defer quiet.Close()
		defer drip.Close()
		for range 3 {
			time.Sleep(4 * time.Second)
			if _, err := drip.Write([]byte{0}); err != nil {
				t.Error(err)
			}
		}
		lives(t, s, 4*time.Second, 2) // 19 s: accepted at 3, patience until 13, swept at 20
		lives(t, s, 2*time.Second, 0)
		if n := s.Stats().Expired; n != 2 {
			t.Errorf("%d expired", n)
		}
	})
}

func TestSilentExpire(t *testing.T) {
	f := newFake()
	bubble(t, Options{}, f, func(t *testing.T, s *Server, ln *pipes) {
		c := &client{ln.dial(), t}
		defer c.Close()
		c.send(hello(proto.ConnectRequest{Timeout: 25000}))
		c.response(36)
		time.Sleep(12 * time.Second)
		c.send(request(-2, proto.OpPing))
		c.reply(-2, 10, 0)
		synctest.Wait()
		if i := s.Connections()[0]; i.Expires != 40000 {
			t.Errorf("expires at %d", i.Expires)
		}
		lives(t, s, 26*time.Second, 1) // 38 s: heard at 12, patience until 37, swept at 40
		lives(t, s, 3*time.Second, 0)
		if len(f.gone) != 1 {
			t.Error("the backend does not know")
		}
	})
}

// TestHangupWait: a client that does not take the last reply is given ten seconds.
func TestHangupWait(t *testing.T) {
	bubble(t, Options{Sessionless: time.Hour}, newFake(), func(t *testing.T, s *Server, ln *pipes) {
		c := ln.dial()
		defer c.Close()
		if _, err := c.Write([]byte("ruok")); err != nil {
			t.Error(err)
		}
		lives(t, s, hangupWait-time.Millisecond, 1)
		lives(t, s, 2*time.Millisecond, 0)
	})
}

// TestServeEnds: Serve ends with whatever state connections are in, and leaves nothing.
func TestServeEnds(t *testing.T) {
	f := newFake()
	f.auto = false
	bubble(t, Options{Outstanding: 1}, f, func(t *testing.T, s *Server, ln *pipes) {
		idle, half, stuck, slow := ln.dial(), ln.dial(), ln.dial(), ln.dial()
		defer idle.Close()
		defer half.Close()
		defer stuck.Close()
		defer slow.Close()
		(&client{half, t}).send(getData(1, 1)[:9])
		c := &client{stuck, t}
		c.connect()
		c.send(request(1, proto.OpCreate), request(2, proto.OpCreate))
		synctest.Wait()
		go func() { _, _ = stuck.Write(request(3, proto.OpCreate)) }()
		d := &client{slow, t}
		d.connect()
		d.send(getData(1, 4<<20), getData(2, 4<<20))
		lives(t, s, time.Second, 4)
		if n := s.Outstanding(); n != 2 {
			t.Errorf("%d unfinished", n)
		}
	})
}

// TestListenerFails: Serve returns what a listener said.
func TestListenerFails(t *testing.T) {
	ln, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := New(Options{}, newFake()).Serve(t.Context(), ln); err == nil {
		t.Error("no error")
	}
}
