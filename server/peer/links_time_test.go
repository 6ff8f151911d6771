package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gokeeper/server/zab"
)

// pipes is a network without a kernel, for tests with synctest's clock. At the end of
// such a test no goroutine may be left.
type pipes struct{ accepted chan net.Conn }

func newPipes() *pipes { return &pipes{make(chan net.Conn)} }

// Accept, Close and Addr make it the one listener of its network.
func (p *pipes) Accept() (net.Conn, error) {
	nc, ok := <-p.accepted
	if !ok {
		return nil, net.ErrClosed
	}
	return nc, nil
}

func (p *pipes) Close() error   { close(p.accepted); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) listen(context.Context, string, string) (net.Listener, error) { return p, nil }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.accepted <- theirs
	return ours, nil
}

// pipeLeader runs a leader's side over pipes, until stop is called.
func pipeLeader(t *testing.T) (l *Learners, o *owner, p *pipes, stop func()) {
	t.Helper()
	o, p = newOwner(t), newPipes()
	id := zab.LinkID(0)
	l, err := ListenLearners(LinkConfig{Listen: p.listen}, []string{"somewhere"}, o, func() zab.LinkID { id++; return id })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); l.Run(ctx) }()
	return l, o, p, func() { cancel(); <-done }
}

// pipeLearner runs an Uplink to the test, which plays the leader.
func pipeLearner(t *testing.T, d Dial) (u *Uplink, o *owner, leader net.Conn, done chan struct{}) {
	t.Helper()
	ours, theirs := net.Pipe()
	o = newOwner(t)
	d.Addresses = []string{"leader"}
	d.DialContext = func(context.Context, string, string) (net.Conn, error) { return ours, nil }
	u = DialLeader(d, 1, o)
	done = make(chan struct{})
	go func() { defer close(done); u.Run(t.Context()) }()
	return u, o, theirs, done
}

// TestBatches sees what comes together passed on together.
func TestBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, o, p, stop := pipeLeader(t)
		nc, _ := p.dial(t.Context(), "", "")
		var in []byte
		for i := range 500 {
			x := proposal(i+1, 50)
			x.Data[0] = byte(i)
			in = x.Append(in)
		}
		large := proposal(501, 100_000)
		in = large.Append(in)
		cut := len(in)
		for i := range 3 {
			x := proposal(502+i, 0)
			in = x.Append(in)
		}
		nc.Write(in[:cut-1])
		synctest.Wait()
		if n := len(o.got[1]); n != 500 || o.most != 500 {
			t.Errorf("got %d packets, %d of them at once, want 500 of 500", n, o.most)
		}
		for i, x := range o.got[1] {
			if x.Data[0] != byte(i) || len(x.Data) != 50 || cap(x.Data) != 50 {
				t.Fatalf("data of %v: %d with %d of %d bytes", x, x.Data[0], len(x.Data), cap(x.Data))
			}
		}
		nc.Write(in[cut-1:])
		synctest.Wait()
		if got := zxids(o.got[1]); !slices.Equal(got, upTo(504)) {
			t.Errorf("got %v", got)
		}
		if want := "connected received received"; strings.Join(o.told[1], " ") != want {
			t.Errorf("told %v, want %q: what comes behind a large packet goes with it", o.told[1], want)
		}
		stop()
		if err := o.gone[1]; !errors.Is(err, context.Canceled) {
			t.Errorf("gone: %v, want %v", err, context.Canceled)
		}
		nc.Close()
	})
}

// TestOneWrite sees what waits sent together.
func TestOneWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, o, p, stop := pipeLeader(t)
		nc, _ := p.dial(t.Context(), "", "")
		synctest.Wait()
		for _, sizes := range [][]int{{10, 20, 30}, {200_000}} {
			want := 0
			var packets []zab.Packet
			for _, size := range sizes {
				x := proposal(1, size)
				packets = append(packets, x)
				want += len(x.Append(nil))
			}
			l.Send(o.links, packets)
			b := make([]byte, 1<<20)
			if n, err := nc.Read(b); n != want || err != nil {
				t.Errorf("%v: one read gives %d bytes, %v, want %d", sizes, n, err, want)
			}
		}
		nc.Close()
		stop()
	})
}

// TestStopWithStream ends a link whose learner does not take its snapshot.
func TestStopWithStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, o, p, stop := pipeLeader(t)
		nc, _ := p.dial(t.Context(), "", "")
		synctest.Wait()
		var failed error
		l.Stream(1, func(w io.Writer) error {
			_, failed = w.Write(make([]byte, 1<<20))
			return failed
		})
		l.Stream(1, func(io.Writer) error { t.Error("a second stream"); return nil })
		synctest.Wait()
		reason := errors.New("too slow")
		l.Close(1, reason)
		synctest.Wait()
		if o.gone[1] != reason || !errors.Is(failed, os.ErrDeadlineExceeded) {
			t.Errorf("gone %v, stream %v", o.gone[1], failed)
		}
		stop()
		nc.Close()
	})
}

// TestSilence ends the link to a leader that says nothing for too long, also when the
// limit changes while nothing comes.
func TestSilence(t *testing.T) {
	t.Parallel()
	ping := (&zab.Packet{Type: zab.Ping}).Append(nil)
	for _, test := range []struct {
		name string
		play func(u *Uplink, leader net.Conn)
		want time.Duration
	}{
		{"at first", func(*Uplink, net.Conn) {}, 10 * time.Second},
		{"shorter", func(u *Uplink, _ net.Conn) { time.Sleep(time.Second); u.SetReadTimeout(4 * time.Second) }, 5 * time.Second},
		{"longer", func(u *Uplink, _ net.Conn) { u.SetReadTimeout(time.Minute) }, time.Minute},
		{"after a packet", func(_ *Uplink, leader net.Conn) { time.Sleep(3 * time.Second); leader.Write(ping) }, 13 * time.Second},
		{"in a packet", func(_ *Uplink, leader net.Conn) { time.Sleep(3 * time.Second); leader.Write(ping[:3]) }, 13 * time.Second},
		{"in a snapshot", func(u *Uplink, leader net.Conn) {
			leader.Write((&zab.Packet{Type: zab.Snap}).Append(nil))
			time.Sleep(9 * time.Second)
			leader.Write(make([]byte, 100))
		}, 19 * time.Second},
		{"none", func(u *Uplink, leader net.Conn) {
			u.SetReadTimeout(0)
			time.Sleep(time.Hour)
			leader.Write(ping)
			u.SetReadTimeout(time.Second)
		}, time.Hour + time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				u, o, leader, done := pipeLearner(t, Dial{Within: 10 * time.Second})
				o.snapshot = func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }
				begin := time.Now()
				test.play(u, leader)
				<-done
				if took := time.Since(begin); took != test.want {
					t.Errorf("ended after %v, want %v", took, test.want)
				}
				if err := o.gone[1]; !errors.Is(err, os.ErrDeadlineExceeded) || !contains(err, "in time") {
					t.Errorf("gone: %v, want %v", err, os.ErrDeadlineExceeded)
				}
				leader.Close()
			})
		})
	}
}

// TestDialling counts tries and their times.
func TestDialling(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, refused }
	for _, test := range []struct {
		name  string
		dial  Dial
		f     func(ctx context.Context, network, address string) (net.Conn, error)
		want  error
		tries int
		took  time.Duration
	}{
		{"refused", Dial{Addresses: []string{"a"}}, refuse, refused, 5, 400 * time.Millisecond},
		{"as told", Dial{Addresses: []string{"a"}, Tries: 3, Pause: time.Second}, refuse, refused, 3, 2 * time.Second},
		{"too late", Dial{Addresses: []string{"a"}, Tries: 9, Pause: time.Second, Within: 4500 * time.Millisecond},
			refuse, refused, 5, 4500 * time.Millisecond},
		{"hangs", Dial{Addresses: []string{"a"}, Within: time.Minute}, hang, context.DeadlineExceeded, 1, time.Minute},
		{"no address", Dial{}, refuse, errNoAddress, 0, 400 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				test.dial.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					tries++
					return test.f(ctx, network, address)
				}
				o := newOwner(t)
				begin := time.Now()
				DialLeader(test.dial, 1, o).Run(t.Context())
				if took := time.Since(begin); tries != test.tries || took != test.took {
					t.Errorf("%d tries in %v, want %d in %v", tries, took, test.tries, test.took)
				}
				if err := o.gone[1]; !errors.Is(err, test.want) || !slices.Equal(o.told[1], []string{"gone"}) {
					t.Errorf("told %v: %v, want %v", o.told[1], err, test.want)
				}
			})
		})
	}
}

// TestDialSeveral keeps the first connection of several and closes the rest.
func TestDialSeveral(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		made := map[string]net.Conn{} // other ends
		d := Dial{Addresses: []string{"late", "first", "hangs", "refuses"}, Within: time.Minute}
		d.DialContext = func(ctx context.Context, _, address string) (net.Conn, error) {
			switch address {
			case "refuses":
				return nil, syscall.ECONNREFUSED
			case "hangs":
				<-ctx.Done()
				return nil, ctx.Err()
			case "late":
				<-ctx.Done() // and connects nevertheless
			case "first":
				time.Sleep(time.Second)
			}
			ours, theirs := net.Pipe()
			mu.Lock()
			defer mu.Unlock()
			made[address] = theirs
			return ours, nil
		}
		o := newOwner(t)
		u := DialLeader(d, 1, o)
		u.Send([]zab.Packet{{Type: zab.Ping}})
		done := make(chan struct{})
		go func() { defer close(done); u.Run(t.Context()) }()
		time.Sleep(3 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if made["first"] == nil || made["late"] == nil {
			t.Fatalf("connections %v", made)
		}
		b := make([]byte, 100)
		if n, err := made["first"].Read(b); n != 20 || err != nil {
			t.Errorf("first: %d bytes, %v, want the ping's 20", n, err)
		}
		if _, err := made["late"].Read(b); !errors.Is(err, io.EOF) {
			t.Errorf("late: %v, want %v", err, io.EOF)
		}
		made["first"].Close()
		<-done
	})
}

// TestCloseWhileDialling ends an Uplink that is not connected yet.
func TestCloseWhileDialling(t *testing.T) {
	t.Parallel()
	reason := errors.New("another leader")
	for name, stop := range map[string]func(u *Uplink, cancel context.CancelFunc) error{
		"close":  func(u *Uplink, _ context.CancelFunc) error { u.Close(reason); return reason },
		"cancel": func(_ *Uplink, cancel context.CancelFunc) error { cancel(); return context.Canceled },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := newOwner(t)
				d := Dial{Addresses: []string{"a"}}
				d.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
				u := DialLeader(d, 1, o)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				done := make(chan struct{})
				go func() { defer close(done); u.Run(ctx) }()
				synctest.Wait()
				want := stop(u, cancel)
				<-done
				if o.gone[1] != want {
					t.Errorf("gone: %v, want %v", o.gone[1], want)
				}
			})
		})
	}
}

// TestAcceptFails goes on after an error that passes.
func TestAcceptFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, p := newOwner(t), newPipes()
		cfg := LinkConfig{Listen: func(context.Context, string, string) (net.Listener, error) { return &failing{p, 10}, nil }}
		l, err := ListenLearners(cfg, []string{"a"}, o, func() zab.LinkID { return 1 })
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); l.Run(ctx) }()
		nc, _ := p.dial(ctx, "", "")
		synctest.Wait()
		if len(o.links) != 1 {
			t.Errorf("%d links, want 1", len(o.links))
		}
		cancel()
		<-done
		nc.Close()
	})
}

// failing is a listener that fails so many times.
type failing struct {
	*pipes
	left int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left--; f.left >= 0 {
		return nil, syscall.EMFILE
	}
	return f.pipes.Accept()
}
