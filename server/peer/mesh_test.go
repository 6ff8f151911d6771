package peer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/quorum"
)

// TestMain fails when goroutines of this package are left.
func TestMain(m *testing.M) {
	code := m.Run()
	for end := time.Now().Add(5 * time.Second); code == 0; runtime.Gosched() {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if !bytes.Contains(stacks, []byte("server/peer.(*")) {
			break
		}
		if time.Now().After(end) {
			fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", stacks)
			code = 1
		}
	}
	os.Exit(code)
}

// heard collects what a mesh receives.
type heard struct {
	mu     sync.Mutex
	texts  []string // FROM:PAYLOAD
	log    bytes.Buffer
	change chan struct{}
}

func (h *heard) add(from quorum.ServerID, payload []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.texts = append(h.texts, from.String()+":"+string(payload))
	close(h.change)
	h.change = make(chan struct{})
}

// Write takes in lines of the log.
func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.Write(p)
}

func (h *heard) logged(text string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Count(h.log.String(), text)
}

// until waits for a message that is new since the last call that returned it.
func (h *heard) until(t testing.TB, want string) {
	t.Helper()
	late := time.After(patience)
	for {
		h.mu.Lock()
		i, change := slices.Index(h.texts, want), h.change
		if i >= 0 {
			h.texts = slices.Delete(h.texts, i, i+1)
		}
		h.mu.Unlock()
		if i >= 0 {
			return
		}
		select {
		case <-change:
		case <-late:
			h.mu.Lock()
			defer h.mu.Unlock()
			t.Fatalf("no %q but %q; log: %s", want, h.texts, h.log.String())
		}
	}
}

// testMesh is a running mesh.
type testMesh struct {
	*Mesh
	*heard
	halt func() // ends Run and waits for it
}

// openMesh runs a mesh until the test ends.
func openMesh(t testing.TB, cfg MeshConfig) *testMesh {
	t.Helper()
	h := &heard{change: make(chan struct{})}
	if cfg.Listen == nil {
		cfg.Listen = []string{"127.0.0.1:0"}
	}
	cfg.BindRetries = max(cfg.BindRetries, 1)
	cfg.Received, cfg.Log = h.add, zerolog.New(h)
	m, err := OpenMesh(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	halt := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(halt)
	return &testMesh{m, h, halt}
}

func (m *testMesh) address() string { return m.Addr()[0].String() }

// meet makes the meshes know each other.
func meet(meshes ...*testMesh) {
	peers := map[quorum.ServerID][]string{}
	for _, m := range meshes {
		peers[m.cfg.Self] = []string{m.address()}
	}
	for _, m := range meshes {
		m.SetPeers(peers)
	}
}

// eventually polls the condition.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within patience: " + what)
		}
	}
}

// java is a scripted server, as far as elections are concerned.
type java struct {
	t  testing.TB
	id quorum.ServerID
	ln net.Listener
}

func newJava(t testing.TB, id quorum.ServerID) *java {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return &java{t, id, ln}
}

func (j *java) address() string { return j.ln.Addr().String() }

// wireOfJava is one of its connections.
type wireOfJava struct {
	net.Conn
	t testing.TB
}

func (j *java) wire(conn net.Conn, err error) wireOfJava {
	j.t.Helper()
	if err != nil {
		j.t.Fatal(err)
	}
	j.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		j.t.Fatal(err)
	}
	return wireOfJava{conn, j.t}
}

// dial connects and greets.
func (j *java) dial(m *testMesh) wireOfJava {
	j.t.Helper()
	w := j.wire(net.Dial("tcp", m.address()))
	w.write(appendGreeting(nil, j.id, []string{j.address()}, false))
	return w
}

// accept waits for a connection and its greeting, the addresses of which it reads with
// one call.
func (j *java) accept(want greeting) wireOfJava {
	j.t.Helper()
	w := j.wire(j.ln.Accept())
	head := make([]byte, 20)
	if _, err := io.ReadFull(w, head); err != nil {
		j.t.Fatal(err)
	}
	text := make([]byte, binary.BigEndian.Uint32(head[16:]))
	if n, err := w.Read(text); err != nil || n < len(text) {
		j.t.Fatalf("addresses: %d of %d bytes, %v", n, len(text), err)
	}
	got, err := readGreeting(bytes.NewReader(append(head, text...)))
	if err != nil || got.id != want.id || !slices.Equal(got.addrs, want.addrs) {
		j.t.Fatalf("got %+v, %v, want %+v", got, err, want)
	}
	return w
}

func (w wireOfJava) write(b []byte) {
	w.t.Helper()
	if _, err := w.Write(b); err != nil {
		w.t.Fatal(err)
	}
}

func (w wireOfJava) send(text string) {
	w.t.Helper()
	w.write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
}

func (w wireOfJava) receive(want string) {
	w.t.Helper()
	got, err := readMessage(w)
	if err != nil || string(got) != want {
		w.t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

// receiveEnd wants the connection closed.
func (w wireOfJava) receiveEnd() {
	w.t.Helper()
	if n, err := w.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Fatalf("%d bytes, %v instead of the end", n, err)
	}
}

func greetingOf(m *testMesh) greeting { return greeting{m.cfg.Self, []string{m.address()}} }

func TestMesh(t *testing.T) {
	t.Parallel()
	var dialled sync.Map // "1 2": how often
	meshes := make([]*testMesh, 5)
	for i := range meshes {
		self := quorum.ServerID(i + 1)
		meshes[i] = openMesh(t, MeshConfig{Self: self, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			n, _ := dialled.LoadOrStore(self.String()+" "+address, new(int))
			*n.(*int)++ // one goroutine dials an address
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}})
	}
	meet(meshes...)
	for _, from := range meshes {
		for _, to := range meshes {
			from.Send(to.cfg.Self, []byte("hello"))
		}
	}
	for _, from := range meshes {
		for _, to := range meshes {
			if from != to { // nothing is sent to itself
				to.until(t, from.cfg.Self.String()+":hello")
			}
		}
	}
	for _, m := range meshes {
		eventually(t, "all links are up", func() bool {
			got := m.Links()
			return len(got) == 4 && slices.IsSorted(got)
		})
	}
	// Many more messages go over the same connections.
	for i := range 50 {
		for _, from := range meshes {
			for _, to := range meshes {
				if from == to {
					continue
				}
				from.Send(to.cfg.Self, fmt.Append(nil, i))
				to.until(t, fmt.Sprintf("%v:%d", from.cfg.Self, i))
			}
		}
	}
	for _, from := range meshes {
		for _, to := range meshes {
			n, _ := dialled.LoadOrStore(from.cfg.Self.String()+" "+to.address(), new(int))
			// A question that crosses the connection it asks for brings another one.
			if got := *n.(*int); from == to && got > 0 || got > 3 {
				t.Errorf("%v has dialled %v %d times", from.cfg.Self, to.cfg.Self, got)
			}
		}
	}
	meshes[2].halt()
	for _, m := range meshes {
		if m != meshes[2] {
			eventually(t, "link lost", func() bool { return len(m.Links()) == 3 })
		}
	}
}

// TestMeshNewest has a server appear late: only the newest message has waited for it.
func TestMeshNewest(t *testing.T) {
	t.Parallel()
	for _, self := range []quorum.ServerID{1, 3} {
		m := openMesh(t, MeshConfig{Self: self})
		spare, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = spare.Close() // its port refuses, and is free
		m.SetPeers(map[quorum.ServerID][]string{2: {spare.Addr().String()}})
		for i := range 10 {
			m.Send(2, fmt.Append(nil, i))
		}
		eventually(t, "trouble is logged", func() bool { return m.logged("cannot be reached") == 1 })
		other := openMesh(t, MeshConfig{Self: 2, Listen: []string{spare.Addr().String()}})
		other.SetPeers(map[quorum.ServerID][]string{self: {m.address()}})
		other.until(t, self.String()+":9")
		other.Send(self, []byte("back"))
		m.until(t, "2:back")
		other.heard.mu.Lock()
		if len(other.texts) > 0 {
			t.Errorf("it has got %q too", other.texts)
		}
		other.heard.mu.Unlock()
	}
}

func TestMeshAsksToBeDialled(t *testing.T) {
	t.Parallel()
	m, j := openMesh(t, MeshConfig{Self: 1}), newJava(t, 2)
	m.SetPeers(map[quorum.ServerID][]string{2: {j.address()}})
	m.Send(2, []byte("a"))
	j.accept(greetingOf(m)).receiveEnd()
	w := j.dial(m)
	w.receive("a")
	w.send("b")
	m.until(t, "2:b")
	m.Send(2, []byte("c"))
	w.receive("c")

	// A second connection replaces the first, and begins with the last message.
	w2 := j.dial(m)
	w.receiveEnd()
	w2.receive("c")

	// A lost one is opened again when something is sent.
	_ = w2.Close()
	eventually(t, "link lost", func() bool { return len(m.Links()) == 0 })
	m.Send(2, []byte("d"))
	j.accept(greetingOf(m)).receiveEnd()
	w3 := j.dial(m)
	w3.receive("d")
	if n := m.logged("election link up"); n != 3 {
		t.Errorf("%d links are logged", n)
	}
}

func TestMeshDials(t *testing.T) {
	t.Parallel()
	m, j := openMesh(t, MeshConfig{Self: 3}), newJava(t, 2)
	m.SetPeers(map[quorum.ServerID][]string{2: {j.address()}})
	m.Send(2, []byte("a"))
	w := j.accept(greetingOf(m))
	w.receive("a")
	w.send("b")
	m.until(t, "2:b")

	// Being dialled by a smaller id means: your connection is none, dial me.
	j.dial(m).receiveEnd()
	w2 := j.accept(greetingOf(m))
	w2.receive("a")
	w.receiveEnd()

	// The address is the one it told, the configured one comes next.
	moved := newJava(t, 2)
	moved.dial(m).receiveEnd()
	w3 := moved.accept(greetingOf(m))
	w3.receive("a")
	w2.receiveEnd()
	_ = moved.ln.Close()
	moved.dial(m).receiveEnd()
	j.accept(greetingOf(m)).receive("a")

	// An old release tells none.
	old := j.wire(net.Dial("tcp", m.address()))
	old.write(binary.BigEndian.AppendUint64(nil, 2))
	old.receiveEnd()
	w4 := j.accept(greetingOf(m))
	w4.receive("a")

	// A server that asks, and then cannot be dialled, is gone: so is the connection.
	_ = j.ln.Close()
	j.dial(m).receiveEnd()
	w4.receiveEnd()
}

// TestMeshStranger has servers connect that are in no configuration, as observers and
// joiners may be: they can be answered, and are forgotten when they go.
func TestMeshStranger(t *testing.T) {
	t.Parallel()
	m := openMesh(t, MeshConfig{Self: 5})
	m.Send(9, []byte("lost"))
	larger, smaller := newJava(t, 9), newJava(t, 2)
	w := larger.dial(m)
	w.send("who leads")
	m.until(t, "9:who leads")
	m.Send(9, []byte("me"))
	w.receive("me")

	smaller.dial(m).receiveEnd()
	w2 := smaller.accept(greetingOf(m))
	w2.send("who leads")
	m.until(t, "2:who leads")
	m.Send(2, []byte("me"))
	w2.receive("me")

	_, _ = w.Close(), w2.Close()
	eventually(t, "strangers are forgotten", func() bool {
		m.Mesh.mu.Lock()
		defer m.Mesh.mu.Unlock()
		return len(m.contacts) == 0
	})
	for id := range quorum.ServerID(2 * maxStrangers) {
		b := rawGreeting(-65536, int64(10+id), 3, "h:1")
		w := larger.wire(net.Dial("tcp", m.address()))
		w.write(b)
	}
	eventually(t, "a bound on strangers", func() bool { return m.logged("too many servers") == maxStrangers })
	if n := len(m.Links()); n != maxStrangers {
		t.Errorf("%d links", n)
	}
}

// TestMeshAnsweredOnce has servers ask to be dialled that hang up on the answer, some
// before the dialler has looked: they are not dialled again.
func TestMeshAnsweredOnce(t *testing.T) {
	t.Parallel()
	const askers = 1000
	m := openMesh(t, MeshConfig{Self: askers + 1})
	j := newJava(t, 0)
	for j.id = 1; j.id <= askers; j.id++ {
		j.dial(m).receiveEnd()
		_ = j.accept(greetingOf(m)).Close()
	}
	eventually(t, "who hangs up is forgotten", func() bool {
		m.Mesh.mu.Lock()
		defer m.Mesh.mu.Unlock()
		return len(m.contacts) == 0
	})
	if n := m.logged("election link up"); n != askers {
		t.Errorf("%d were answered %d times", askers, n)
	}
}

func TestMeshRefuses(t *testing.T) {
	t.Parallel()
	m, j := openMesh(t, MeshConfig{Self: 5}), newJava(t, 9)
	refused := func(b []byte) {
		t.Helper()
		w := j.wire(net.Dial("tcp", m.address()))
		w.write(b)
		w.receiveEnd()
	}
	refused(rawGreeting(-65536, 5, 3, "h:1"))
	refused(rawGreeting(-65536, math.MaxInt64, 3, "h:1"))
	refused(rawGreeting(-65534, 9, 3, "h:1"))
	refused(rawGreeting(-65536, 9, 0, ""))
	refused(rawGreeting(-65536, 9, 2049, "h:1"))
	refused(rawGreeting(-65536, 9, 3, "h:x"))
	if n := len(m.Links()); n != 0 {
		t.Errorf("%d links", n)
	}

	badLength := func(n uint32) {
		t.Helper()
		w := j.dial(m)
		w.write(binary.BigEndian.AppendUint32(nil, n))
		w.receiveEnd()
	}
	badLength(0)
	badLength(maxMessage + 1)
	badLength(math.MaxUint32)
	w := j.dial(m)
	long := strings.Repeat("x", maxMessage)
	w.send(long)
	m.until(t, "9:"+long)
}

// TestMeshSilentDialler has a connection that says nothing, one that greets by halves, and
// one that comes and goes. None holds up the others.
func TestMeshSilentDialler(t *testing.T) {
	t.Parallel()
	m, j := openMesh(t, MeshConfig{Self: 1, HandshakeTimeout: 500 * time.Millisecond}), newJava(t, 2)
	silent := j.wire(net.Dial("tcp", m.address()))
	slow := j.wire(net.Dial("tcp", m.address()))
	g := appendGreeting(nil, 3, []string{"h:1"}, false)
	slow.write(g[:21])
	gone := j.wire(net.Dial("tcp", m.address()))
	_ = gone.Close()
	w := j.dial(m)
	w.send("a")
	m.until(t, "2:a")
	silent.receiveEnd()
	slow.receiveEnd()
	if got := m.Links(); !slices.Equal(got, []quorum.ServerID{2}) {
		t.Errorf("links to %v", got)
	}
}

func TestMeshSeveralAddresses(t *testing.T) {
	t.Parallel()
	m := openMesh(t, MeshConfig{Self: 2, Listen: []string{"127.0.0.1:0", "127.0.0.2:0"}, MultiAddress: true})
	j := newJava(t, 1)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = dead.Close() // its port refuses
	m.SetPeers(map[quorum.ServerID][]string{1: {dead.Addr().String(), j.address()}})
	m.Send(1, []byte("a"))
	var all []string
	for _, a := range m.Addr() {
		all = append(all, a.String())
	}
	if len(all) != 2 {
		t.Fatalf("bound to %q", all)
	}
	j.accept(greeting{2, all}).receive("a")
}

func TestMeshBind(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	addr := taken.Addr().String()
	_, err = OpenMesh(MeshConfig{Self: 1, Listen: []string{"127.0.0.1:0", addr}, BindRetries: 1})
	if err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("got %v", err)
	}
	if _, err = OpenMesh(MeshConfig{Self: 1, Listen: []string{"nonsense"}, ListenAll: true, BindRetries: 1}); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("got %v", err)
	}

	all := openMesh(t, MeshConfig{Self: 2, Listen: []string{"127.0.0.1:0"}, ListenAll: true})
	host, port, err := net.SplitHostPort(all.address())
	if err != nil || !isWildcard(host) {
		t.Errorf("bound to %s", all.address())
	}
	j := newJava(t, 1)
	all.SetPeers(map[quorum.ServerID][]string{1: {j.address()}})
	all.Send(1, []byte("a"))
	j.accept(greeting{2, []string{"127.0.0.1:" + port}}).receive("a") // not the wildcard
}

// TestMeshListenerFails ends Run with an error.
func TestMeshListenerFails(t *testing.T) {
	t.Parallel()
	m, err := OpenMesh(MeshConfig{Self: 1, Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = m.listeners[0].Close()
	if err := m.Run(context.Background()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// TestMeshDeafReader has a server that does not read: it holds up nobody, and what it
// gets at last is new.
func TestMeshDeafReader(t *testing.T) {
	t.Parallel()
	m, j := openMesh(t, MeshConfig{Self: 1}), newJava(t, 2)
	w := j.dial(m)
	eventually(t, "link", func() bool { return len(m.Links()) == 1 })
	for range 200 {
		m.Send(2, bytes.Repeat([]byte("x"), maxMessage))
	}
	m.Send(2, []byte("last"))
	for {
		got, err := readMessage(w)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) == "last" {
			return
		}
	}
}

var _ io.Writer = (*heard)(nil)
