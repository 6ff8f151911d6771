package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/zab"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// owner records what links tell.
type owner struct {
	t        testing.TB
	snapshot func(r io.Reader) error

	mu     sync.Mutex
	told   map[zab.LinkID][]string // kinds of calls
	got    map[zab.LinkID][]zab.Packet
	most   int // packets in one call
	gone   map[zab.LinkID]error
	links  []zab.LinkID // connected
	change chan struct{}
}

func newOwner(t testing.TB) *owner {
	return &owner{
		t: t, told: map[zab.LinkID][]string{}, got: map[zab.LinkID][]zab.Packet{}, gone: map[zab.LinkID]error{},
		change: make(chan struct{}),
	}
}

// tell records a call and wakes who waits.
func (o *owner) tell(link zab.LinkID, kind string, f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gone[link] != nil {
		o.t.Errorf("link %d: %s after Gone", link, kind)
	}
	if first := len(o.told[link]) == 0; first != (kind == "connected") && kind != "gone" {
		o.t.Errorf("link %d: %s is call %d", link, kind, len(o.told[link])+1)
	}
	o.told[link] = append(o.told[link], kind)
	f()
	close(o.change)
	o.change = make(chan struct{})
}

func (o *owner) Connected(link zab.LinkID, remote net.Addr) {
	o.tell(link, "connected", func() {
		if remote == nil {
			o.t.Errorf("link %d: no remote address", link)
		}
		o.links = append(o.links, link)
	})
}

func (o *owner) Received(link zab.LinkID, packets []zab.Packet) {
	o.tell(link, "received", func() {
		if len(packets) == 0 {
			o.t.Errorf("link %d: nothing received", link)
		}
		o.got[link] = append(o.got[link], packets...)
		o.most = max(o.most, len(packets))
	})
}

func (o *owner) Snapshot(link zab.LinkID, p zab.Packet, r io.Reader) error {
	var err error
	if o.snapshot != nil {
		err = o.snapshot(r)
	}
	o.tell(link, "snapshot", func() {
		if p.Type != zab.Snap {
			o.t.Errorf("link %d: snapshot of %v", link, p)
		}
	})
	return err
}

func (o *owner) Gone(link zab.LinkID, err error) {
	o.tell(link, "gone", func() {
		if o.gone[link] = err; err == nil {
			o.t.Errorf("link %d: gone without a reason", link)
		}
	})
}

// until waits for the condition, which is called with mu held.
func (o *owner) until(what string, f func() bool) {
	o.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		o.mu.Lock()
		ok, change := f(), o.change
		o.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-change:
		case <-late.C:
			o.mu.Lock()
			defer o.mu.Unlock()
			o.t.Fatalf("no %s; told: %v, gone: %v", what, o.told, o.gone)
		}
	}
}

// connected waits for n links and returns their names.
func (o *owner) connected(n int) []zab.LinkID {
	o.t.Helper()
	o.until(fmt.Sprintf("%d links", n), func() bool { return len(o.links) >= n })
	return slices.Clone(o.links)
}

// received waits for n packets from the link and returns them.
func (o *owner) received(link zab.LinkID, n int) []zab.Packet {
	o.t.Helper()
	o.until(fmt.Sprintf("%d packets", n), func() bool { return len(o.got[link]) >= n })
	return slices.Clone(o.got[link])
}

// ended waits for the end of the link and returns its reason.
func (o *owner) ended(link zab.LinkID) error {
	o.t.Helper()
	o.until("end", func() bool { return o.gone[link] != nil })
	return o.reason(link)
}

// reason returns why the link has ended, nil if it has not.
func (o *owner) reason(link zab.LinkID) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gone[link]
}

// lead runs a leader's side on the loopback until the test is over, and checks that all
// its links have ended by then.
func lead(t testing.TB, cfg LinkConfig) (*Learners, *owner) {
	t.Helper()
	o := newOwner(t)
	var id atomic.Int64
	l, err := ListenLearners(cfg, []string{"127.0.0.1:0"}, o, func() zab.LinkID { return zab.LinkID(id.Add(1)) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, link := range o.links {
			if o.gone[link] == nil {
				t.Errorf("link %d was not ended", link)
			}
		}
	})
	running(t, l.Run)
	return l, o
}

// learn runs a learner's side until the test is over. Its link is the number.
func learn(t testing.TB, n zab.LinkID, d Dial) (*Uplink, *owner) {
	t.Helper()
	o := newOwner(t)
	u := DialLeader(d, n, o)
	running(t, u.Run)
	return u, o
}

// running runs f until the test is over, and waits for its end.
func running(t testing.TB, f func(ctx context.Context)) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f(ctx) }()
	t.Cleanup(func() {
		stop()
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("Run does not end")
		}
	})
}

// plain is how to dial the leader's side.
func plain(l *Learners) Dial { return Dial{Addresses: []string{l.Addrs()[0].String()}} }

// raw connects to the leader's side without an Uplink.
func raw(t testing.TB, l *Learners) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", l.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

func proposal(n int, size int) zab.Packet {
	return zab.Packet{Type: zab.Proposal, Zxid: proto.Zxid(n), Data: make([]byte, size)}
}

// zxids returns the zxids of the packets, which make their order visible.
func zxids(packets []zab.Packet) []int {
	var out []int
	for _, p := range packets {
		out = append(out, int(p.Zxid))
	}
	return out
}

// upTo returns the numbers from 1 to n.
func upTo(n int) []int {
	var out []int
	for i := range n {
		out = append(out, i+1)
	}
	return out
}

func TestBothWays(t *testing.T) {
	t.Parallel()
	l, leader := lead(t, LinkConfig{KeepAlive: true})
	u, learner := learn(t, 77, plain(l))
	u.Send([]zab.Packet{{Type: zab.FollowerInfo, Zxid: 1, Data: []byte("me")}}) // connected or not
	link := leader.connected(1)[0]
	leader.received(link, 1)

	want := []zab.Packet{
		{Type: zab.Proposal, Zxid: 1, Data: []byte("abc")},
		{Type: zab.Commit, Zxid: 2},
		{Type: zab.Ping, Zxid: 3, Data: []byte{}},
		{Type: zab.Request, Zxid: -1, Data: []byte{1}, Auth: []proto.Identity{{Scheme: "ip", ID: "::1"}, {}}},
		{Type: 99, Zxid: 4, Auth: []proto.Identity{}},
	}
	l.Send([]zab.LinkID{12345, link}, want)
	if got := learner.received(77, len(want)); !equal(got, want) {
		t.Errorf("learner got\n%#v, want\n%#v", got, want)
	}
	u.Send(want)
	if got := leader.received(link, 1+len(want)); !equal(got[1:], want) {
		t.Errorf("leader got\n%#v, want\n%#v", got[1:], want)
	}
	reason := errors.New("enough")
	u.Close(reason)
	if err := learner.ended(77); err != reason {
		t.Errorf("learner: %v", err)
	}
	if err := leader.ended(link); !errors.Is(err, io.EOF) {
		t.Errorf("leader: %v, want %v", err, io.EOF)
	}
	u.Send(want)
	u.SetReadTimeout(time.Second)
	l.Send([]zab.LinkID{link}, want)
	l.Stream(link, func(io.Writer) error { t.Error("stream on a link that has ended"); return nil })
	l.Close(link, reason)
}

// equal compares packets with null and empty told apart.
func equal(a, b []zab.Packet) bool {
	return slices.EqualFunc(a, b, func(p, q zab.Packet) bool {
		return p.Type == q.Type && p.Zxid == q.Zxid && string(p.Data) == string(q.Data) && (p.Data == nil) == (q.Data == nil) &&
			slices.Equal(p.Auth, q.Auth) && (p.Auth == nil) == (q.Auth == nil)
	})
}

func TestLeaderEnds(t *testing.T) {
	t.Parallel()
	l, leader := lead(t, LinkConfig{})
	_, a := learn(t, 1, plain(l))
	_, b := learn(t, 2, plain(l))
	links := leader.connected(2)
	reason := errors.New("leader does not like it")
	l.Close(links[0], reason)
	if err := leader.ended(links[0]); err != reason {
		t.Errorf("leader: %v, want %v", err, reason)
	}
	l.Send(links, []zab.Packet{{Type: zab.Ping}})
	pinged, ended := 0, 0
	for _, o := range []*owner{a, b} {
		o.until("ping or end", func() bool {
			if len(o.got)+len(o.gone) == 0 {
				return false
			}
			pinged, ended = pinged+len(o.got), ended+len(o.gone)
			return true
		})
	}
	if pinged != 1 || ended != 1 {
		t.Errorf("%d learners were pinged and %d ended, want 1 each", pinged, ended)
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var opened []net.Listener
	cfg := LinkConfig{Listen: func(ctx context.Context, network, address string) (net.Listener, error) {
		ln, err := (&net.ListenConfig{}).Listen(ctx, network, address)
		if err == nil {
			opened = append(opened, ln)
		}
		return ln, err
	}}
	addrs := []string{"127.0.0.1:0", taken.Addr().String()}
	if _, err := ListenLearners(cfg, addrs, nil, nil); err == nil || !contains(err, taken.Addr().String()) {
		t.Errorf("error %v, want one with %s", err, taken.Addr())
	}
	if len(opened) != 1 {
		t.Fatalf("%d listeners opened, want 1", len(opened))
	}
	if _, err := opened[0].Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the other listener: %v, want %v", err, net.ErrClosed)
	}
}

// TestOrder mixes Send and Stream: what comes out is what went in, although streams take
// long.
func TestOrder(t *testing.T) {
	t.Parallel()
	l, leader := lead(t, LinkConfig{})
	_, learner := learn(t, 1, plain(l))
	link := leader.connected(1)
	const n = 3000
	for i := 1; i <= n; {
		l.Send(link, []zab.Packet{proposal(i, i%300), {Type: zab.Commit, Zxid: proto.Zxid(i + 1)}})
		from := i + 2
		l.Stream(link[0], func(w io.Writer) error {
			for k := from; k < from+4; k++ {
				x := proposal(k, 100)
				if _, err := w.Write(x.Append(nil)); err != nil {
					return err
				}
			}
			return nil
		})
		i += 6
	}
	if got := zxids(learner.received(1, n)); !slices.Equal(got, upTo(n)) {
		t.Errorf("got %v", got)
	}
}

func TestStreamFails(t *testing.T) {
	t.Parallel()
	l, leader := lead(t, LinkConfig{})
	_, learner := learn(t, 1, plain(l))
	link := leader.connected(1)[0]
	broken := errors.New("disk broke")
	l.Stream(link, func(io.Writer) error { return broken })
	if err := leader.ended(link); err != broken {
		t.Errorf("leader: %v, want %v", err, broken)
	}
	if err := learner.ended(1); !errors.Is(err, io.EOF) {
		t.Errorf("learner: %v, want %v", err, io.EOF)
	}
}

// TestSlowReader sends to a server that reads nothing, and to one that does.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	const bound = 1 << 20
	l, leader := lead(t, LinkConfig{MaxQueued: bound})
	raw(t, l)
	slow := leader.connected(1)[0]
	_, learner := learn(t, 1, plain(l))
	links := leader.connected(2)
	// A single batch may be of any size.
	l.Send(links, []zab.Packet{proposal(1, 1<<20), proposal(2, 1<<20), proposal(3, 1<<20)})
	learner.received(1, 3)
	sent := 3
	for deadline := time.Now().Add(patience); leader.reason(slow) == nil; sent++ {
		if time.Now().After(deadline) {
			t.Fatal("the slow link does not end")
		}
		l.Send(links, []zab.Packet{proposal(sent+1, 64<<10)})
		learner.received(1, sent+1)
	}
	if err := leader.ended(slow); !errors.Is(err, ErrBacklog) {
		t.Errorf("slow link: %v, want %v", err, ErrBacklog)
	}
	if got := zxids(learner.received(1, sent)); !slices.Equal(got, upTo(sent)) {
		t.Errorf("the other got %v", got)
	}
	if err := leader.reason(links[1]); err != nil {
		t.Errorf("the other link ended too: %v", err)
	}
}

// TestMalformed closes a link on which nonsense comes, and no other.
func TestMalformed(t *testing.T) {
	t.Parallel()
	packet := func(p zab.Packet) []byte { return p.Append(nil) }
	cut := packet(proposal(1, 100))
	tests := []struct {
		name string
		in   []byte
		want error
		says string
	}{
		{"http", []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), zab.ErrTooLong, "47 45 54 20"},
		{"too long", packet(proposal(1, 1001)), zab.ErrTooLong, "PROPOSAL"},
		{"negative", []byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe, 0, 0}, zab.ErrTooLong, "REQUEST"},
		{"identities", append(packet(zab.Packet{Type: zab.Request})[:16], 0x7f, 0xff, 0xff, 0xff), zab.ErrTooLong, "identities"},
		{"cut", cut[:len(cut)-1], io.ErrUnexpectedEOF, "PROPOSAL"},
		{"cut head", cut[:10], io.ErrUnexpectedEOF, ""},
		{"nothing", nil, io.EOF, "closed"},
	}
	l, leader := lead(t, LinkConfig{Limit: 1000})
	u, _ := learn(t, 1, plain(l))
	good := leader.connected(1)[0]
	for i, test := range tests {
		nc := raw(t, l)
		link := leader.connected(i + 2)[i+1]
		ping := packet(zab.Packet{Type: zab.Ping, Zxid: 5})
		if _, err := nc.Write(append(ping, test.in...)); err != nil {
			t.Fatal(err)
		}
		_ = nc.(*net.TCPConn).CloseWrite()
		if err := leader.ended(link); !errors.Is(err, test.want) || !contains(err, test.says) {
			t.Errorf("%s: %v, want %v with %q", test.name, err, test.want, test.says)
		}
		if got := leader.received(link, 1); len(got) != 1 || got[0].Zxid != 5 {
			t.Errorf("%s: got %v before it, want the ping", test.name, got)
		}
	}
	u.Send([]zab.Packet{proposal(1, 1000)})
	leader.received(good, 1)
}

func contains(err error, s string) bool { return err != nil && strings.Contains(err.Error(), s) }
