package peer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/quorum"
)

// stagedDials lets a test play the network: it answers each dial.
type stagedDials struct {
	mu    sync.Mutex
	start time.Time
	when  []time.Duration // of each dial
	where []string
	next  func(address string) (net.Conn, error)
}

func newStagedDials() *stagedDials {
	return &stagedDials{start: time.Now(), next: func(string) (net.Conn, error) { return nil, errors.New("refused") }}
}

func (d *stagedDials) dial(_ context.Context, _, address string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.when, d.where = append(d.when, time.Since(d.start)), append(d.where, address)
	return d.next(address)
}

func (d *stagedDials) answer(f func(address string) (net.Conn, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = f
}

// dialled lets the time pass and returns the dials since the last call.
func (d *stagedDials) dialled(pass time.Duration) ([]time.Duration, []string) {
	time.Sleep(pass)
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	when, where := d.when, d.where
	d.when, d.where = nil, nil
	return when, where
}

// pipeListener accepts what is put into it.
type pipeListener struct {
	net.Listener // nil
	conns        chan net.Conn
	closed       chan struct{}
	fail         int // so often at first
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	if l.fail > 0 {
		l.fail--
		return nil, errors.New("too many open files")
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 3888} }

func (l *pipeListener) Close() error {
	close(l.closed)
	return nil
}

// meshBubble runs f with simulated time and a running mesh. It fails if a goroutine is left.
func meshBubble(t *testing.T, cfg MeshConfig, d *stagedDials, ln *pipeListener, f func(m *Mesh, h *heard)) {
	t.Helper()
	h := &heard{change: make(chan struct{})}
	cfg.Listen, cfg.Received, cfg.Log = []string{"me:3888"}, h.add, zerolog.New(h)
	cfg.Dial = d.dial
	if cfg.Listener == nil {
		cfg.Listener = func(context.Context, string, string) (net.Listener, error) { return ln, nil }
	}
	m, err := OpenMesh(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	synctest.Wait()
	f(m, h)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func ms(n ...int) []time.Duration {
	var all []time.Duration
	for _, n := range n {
		all = append(all, time.Duration(n)*time.Millisecond)
	}
	return all
}

func TestMeshBacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newStagedDials()
		meshBubble(t, MeshConfig{Self: 3}, d, newPipeListener(), func(m *Mesh, h *heard) {
			m.SetPeers(map[quorum.ServerID][]string{1: {"one:3888"}})
			m.Send(1, []byte("a"))
			when, _ := d.dialled(40 * time.Second)
			if want := ms(0, 100, 300, 700, 1500, 3100, 6300, 12700, 22700, 32700); !slices.Equal(when, want) {
				t.Errorf("dialled at %v, want %v", when, want)
			}
			if n := h.logged("cannot be reached"); n != 1 {
				t.Errorf("logged %d times: %s", n, h.log.String())
			}

			// A new message is a reason to try at once, a flood of them is one reason.
			for range 10 {
				m.Send(1, []byte("b"))
				synctest.Wait()
			}
			if when, _ := d.dialled(90 * time.Millisecond); len(when) != 1 {
				t.Errorf("dialled at %v", when)
			}

			// Another reason is logged.
			d.answer(func(string) (net.Conn, error) { return nil, errors.New("no such host") })
			d.dialled(time.Minute)
			if n := h.logged("no such host"); n != 1 {
				t.Errorf("logged %d times: %s", n, h.log.String())
			}

			// Nobody waits for a server that is no member any more.
			m.SetPeers(nil)
			d.dialled(time.Minute)
			when, _ = d.dialled(time.Minute)
			m.mu.Lock()
			defer m.mu.Unlock()
			if len(when) > 0 || len(m.contacts) > 0 {
				t.Errorf("dialled at %v, contacts %v", when, m.contacts)
			}
		})
	})
}

// TestMeshReachedAgain logs the end of trouble, also where it does not bring a link.
func TestMeshReachedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newStagedDials()
		meshBubble(t, MeshConfig{Self: 1}, d, newPipeListener(), func(m *Mesh, h *heard) {
			m.SetPeers(map[quorum.ServerID][]string{2: {"two:3888"}})
			m.Send(2, []byte("a"))
			d.dialled(time.Second)
			d.answer(listening)
			d.dialled(time.Minute)
			if n := h.logged("can be reached for elections again"); n != 1 {
				t.Errorf("logged %d times: %s", n, h.log.String())
			}
		})
	})
}

// listening answers a dial by a server that reads.
func listening(string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	return ours, nil
}

func TestMeshAsksPatiently(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, ln := newStagedDials(), newPipeListener()
		d.answer(listening)
		meshBubble(t, MeshConfig{Self: 1}, d, ln, func(m *Mesh, _ *heard) {
			m.SetPeers(map[quorum.ServerID][]string{2: {"two:3888"}})
			m.Send(2, []byte("a"))
			time.Sleep(100 * time.Millisecond)
			m.Send(2, []byte("b"))
			m.Send(2, []byte("c"))
			when, _ := d.dialled(5 * time.Second)
			if want := ms(0, 500, 1500, 3500); !slices.Equal(when, want) {
				t.Errorf("asked at %v, want %v", when, want)
			}
			conn := connectPipe(t, ln, 2)
			if got, err := readMessage(conn); err != nil || string(got) != "c" {
				t.Errorf("got %q, %v", got, err)
			}
			if when, _ := d.dialled(time.Minute); len(when) > 0 {
				t.Errorf("it asks at %v", when)
			}
			_ = conn.Close()
		})
	})
}

// connectPipe has the server connect.
func connectPipe(t *testing.T, ln *pipeListener, id quorum.ServerID) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	ln.conns <- theirs
	if _, err := ours.Write(appendGreeting(nil, id, []string{"h:1"}, false)); err != nil {
		t.Fatal(err)
	}
	return ours
}

// TestMeshStuckWriter has a server that is silently gone: a write to it does not end. The
// connection is given up, and the message sent on the next one.
func TestMeshStuckWriter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, ln := newStagedDials(), newPipeListener()
		var theirs []net.Conn
		d.answer(func(string) (net.Conn, error) {
			a, b := net.Pipe()
			theirs = append(theirs, b)
			go func() { _, _ = io.CopyN(io.Discard, b, 20+7) }() // the greeting
			return a, nil
		})
		meshBubble(t, MeshConfig{Self: 3, HandshakeTimeout: 4 * time.Second}, d, ln, func(m *Mesh, _ *heard) {
			m.SetPeers(map[quorum.ServerID][]string{1: {"one:3888"}})
			m.Send(1, []byte("a"))
			when, _ := d.dialled(3900 * time.Millisecond)
			if got := m.Links(); len(got) != 1 || len(when) != 1 {
				t.Errorf("links %v, dialled at %v", got, when)
			}
			when, _ = d.dialled(200 * time.Millisecond)
			if want := ms(4000); !slices.Equal(when, want) {
				t.Errorf("dialled at %v, want %v", when, want)
			}
			if got, err := readMessage(theirs[1]); err != nil || string(got) != "a" {
				t.Errorf("got %q, %v", got, err)
			}
			_ = theirs[1].Close()
		})
	})
}

func TestMeshSilenceEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, ln := newStagedDials(), newPipeListener()
		ln.fail = 3
		meshBubble(t, MeshConfig{Self: 3, HandshakeTimeout: 4 * time.Second}, d, ln, func(m *Mesh, h *heard) {
			d.dialled(time.Second)
			if n := h.logged("cannot accept"); n != 3 {
				t.Errorf("logged %d times", n)
			}
			start := time.Now()
			var crowd []net.Conn
			for range maxGreeting + 1 {
				ours, theirs := net.Pipe()
				crowd = append(crowd, ours)
				ln.conns <- theirs
			}
			synctest.Wait()
			if n := h.logged("do not greet"); n != 1 {
				t.Errorf("refused %d", n)
			}
			for _, c := range crowd {
				if _, err := c.Read(make([]byte, 1)); err != io.EOF {
					t.Errorf("got %v", err)
				}
			}
			if d := time.Since(start); d != 4*time.Second {
				t.Errorf("they were closed after %v", d)
			}
			conn := connectPipe(t, ln, 7)
			d.dialled(time.Hour) // a link may be silent for ever
			if got := m.Links(); !slices.Equal(got, []quorum.ServerID{7}) {
				t.Errorf("links %v", got)
			}
			// One of those that greet is waited for when Run ends.
			ours, theirs := net.Pipe()
			ln.conns <- theirs
			synctest.Wait()
			_, _ = conn.Close(), ours
		})
	})
}

// TestMeshResolves looks names up at each try, and tries all their addresses.
func TestMeshResolves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newStagedDials()
		var found atomic.Pointer[[]string]
		cfg := MeshConfig{Self: 3, Resolve: func(ctx context.Context, host string) ([]string, error) {
			if at, ok := ctx.Deadline(); !ok || time.Until(at) != 5*time.Second || host != "one" {
				t.Errorf("look-up of %s until %v", host, at)
			}
			if hosts := found.Load(); hosts != nil {
				return *hosts, nil
			}
			return nil, errors.New("unknown")
		}}
		meshBubble(t, cfg, d, newPipeListener(), func(m *Mesh, h *heard) {
			m.SetPeers(map[quorum.ServerID][]string{1: {"one:3888"}, 2: {"two"}})
			m.Send(1, []byte("a"))
			if _, where := d.dialled(0); len(where) > 0 || h.logged("look up one: unknown") != 1 {
				t.Errorf("dialled %q; log %s", where, h.log.String())
			}
			found.Store(&[]string{"10.0.0.1", "::1"})
			_, where := d.dialled(101 * time.Millisecond)
			if want := []string{"10.0.0.1:3888", "[::1]:3888"}; !slices.Equal(where, want) {
				t.Errorf("dialled %q", where)
			}
			found.Store(&[]string{})
			d.dialled(time.Second)
			if h.logged("one:3888: no address") != 1 {
				t.Errorf("log %s", h.log.String())
			}
			m.Send(2, []byte("a"))
			d.dialled(0)
			if h.logged("missing port") != 1 {
				t.Errorf("log %s", h.log.String())
			}
		})
	})
}

func TestMeshBindsAgain(t *testing.T) {
	t.Parallel()
	bind := func(tries int) (*pipeListener, MeshConfig) {
		ln, n := newPipeListener(), 0
		return ln, MeshConfig{Self: 3, Listener: func(_ context.Context, _, address string) (net.Listener, error) {
			if n++; n < tries {
				return nil, errors.New("in use: " + address)
			}
			return ln, nil
		}}
	}
	synctest.Test(t, func(t *testing.T) {
		ln, cfg := bind(3)
		cfg.BindRetries = 3
		start := time.Now()
		meshBubble(t, cfg, newStagedDials(), ln, func(*Mesh, *heard) {
			if d := time.Since(start); d != 2*time.Second {
				t.Errorf("bound after %v", d)
			}
		})
	})
	synctest.Test(t, func(t *testing.T) {
		_, cfg := bind(4)
		cfg.BindRetries, cfg.Listen = 3, []string{"me:3888"}
		if _, err := OpenMesh(cfg); err == nil || !strings.Contains(err.Error(), "me:3888") {
			t.Errorf("got %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ln, cfg := bind(60)
		meshBubble(t, cfg, newStagedDials(), ln, func(m *Mesh, h *heard) {
			time.Sleep(50 * time.Second)
			if len(m.Addr()) > 0 {
				t.Error("it is bound already")
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if len(m.Addr()) != 1 || h.logged("address bound") != 1 {
				t.Errorf("bound %v; log %s", m.Addr(), h.log.String())
			}
			conn := connectPipe(t, ln, 7)
			b := binary.BigEndian.AppendUint32(nil, 1)
			if _, err := conn.Write(append(b, 'x')); err != nil {
				t.Error(err)
			}
			h.until(t, "7:x")
			_ = conn.Close()
		})
	})
	synctest.Test(t, func(t *testing.T) { // ended before it was bound
		ln, cfg := bind(60)
		meshBubble(t, cfg, newStagedDials(), ln, func(*Mesh, *heard) { time.Sleep(2500 * time.Millisecond) })
	})
}

// TestMeshBeforeRun sends what was asked for before Run, and tells all addresses.
func TestMeshBeforeRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		ln := newPipeListener()
		m, err := OpenMesh(MeshConfig{
			Self: 3, Listen: []string{"a:1", "b:2"}, MultiAddress: true, Received: func(quorum.ServerID, []byte) {},
			Listener: func(_ context.Context, _, address string) (net.Listener, error) {
				if address == "b:2" {
					return newPipeListener(), nil
				}
				return ln, nil
			},
			Dial: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() { _, _ = io.Copy(&said, theirs) }()
				return ours, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		m.SetPeers(map[quorum.ServerID][]string{1: {"one:3888"}})
		m.Send(1, []byte("x"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		want := append(appendGreeting(nil, 3, []string{"a:1", "b:2"}, true), 0, 0, 0, 1, 'x')
		if !bytes.Equal(said.Bytes(), want) {
			t.Errorf("it said %q, want %q", said.Bytes(), want)
		}
		m.Send(1, []byte("late")) // no more than that nothing happens
	})
}
