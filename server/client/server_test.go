package client_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"gokeeper/server"
	. "gokeeper/server/client"
	"gokeeper/server/config"
	"gokeeper/server/vfs"
)

// patience is how long a test waits for what must happen at once.
const patience = 20 * time.Second

// anyPort is the address of a server that is started for the first time.
const anyPort = "127.0.0.1:0"

// keeper is a server in this process, on a disk in memory, that can be restarted.
type keeper struct {
	t       *testing.T
	disk    vfs.FS
	address string
	stop    context.CancelFunc
	end     chan error
}

func newKeeper(t *testing.T) *keeper {
	t.Helper()
	k := &keeper{t: t, disk: vfs.NewMem(), address: anyPort, stop: func() {}}
	k.start()
	t.Cleanup(k.halt)
	return k
}

func (k *keeper) start() {
	k.t.Helper()
	text := "dataDir=/data\ntickTime=2000\npreAllocSize=64\n4lw.commands.whitelist=*\nextendedTypesEnabled=true\nadmin.enableServer=false\nclientPort=1\n"
	cfg, complaints := config.Parse(config.Input{Path: "./zoo.cfg", ReadFile: func(name string) ([]byte, error) {
		if name != "./zoo.cfg" {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	}})
	if config.ExitCode(complaints) != 0 {
		k.t.Fatal(complaints)
	}
	s, err := server.New(cfg, server.Options{Listen: k.address, FS: k.disk})
	if err != nil {
		k.t.Fatal(err)
	}
	if k.address == anyPort {
		k.address = s.ClientAddr().String()
	}
	var ctx context.Context
	ctx, k.stop = context.WithCancel(context.Background())
	k.end = make(chan error, 1)
	go func() { k.end <- s.Run(ctx) }()
}

// halt stops the server; again is the same.
func (k *keeper) halt() {
	k.t.Helper()
	k.stop()
	select {
	case err, ran := <-k.end:
		if ran && err != nil {
			k.t.Errorf("server: %v", err)
		}
		if ran {
			close(k.end)
		}
	case <-time.After(patience):
		k.t.Fatal("the server does not end")
	}
}

// link stands between a client and the server: it counts connections and breaks them.
type link struct {
	k     *keeper
	mu    sync.Mutex
	conns []net.Conn
	names []string // the addresses that were dialed
	gate  chan struct{}
}

func (l *link) dial(ctx context.Context, address string) (net.Conn, error) {
	l.mu.Lock()
	gate := l.gate
	l.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", l.k.address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns, l.names = append(l.conns, nc), append(l.names, address)
	return nc, nil
}

// cut breaks the connection. The next attempt waits for the function that is returned.
func (l *link) cut() (mend func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gate := make(chan struct{})
	l.gate = gate
	l.conns[len(l.conns)-1].Close()
	return func() { close(gate) }
}

func (l *link) dialed() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.names...)
}

// session is a client under test.
type session struct {
	*Client
	t      *testing.T
	link   *link
	events chan Event
	ctx    context.Context
}

// connect opens a client to the server, with these addresses instead of its own.
func (k *keeper) connect(servers string) *session {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s := &session{t: k.t, link: &link{k: k}, events: make(chan Event, 1000), ctx: ctx}
	cfg := Config{
		Servers: servers, Retry: 2 * time.Millisecond, Dial: s.link.dial,
		Watcher: func(e Event) { s.events <- e },
	}
	c, err := Open(cfg)
	if err != nil {
		k.t.Fatal(err)
	}
	s.Client = c
	k.t.Cleanup(func() { c.Close(ctx); cancel() })
	s.sees("WatchedEvent state:SyncConnected type:None path:null zxid: -1")
	return s
}

// sees wants the next event to be this one; the zxid of changes is left out.
func (s *session) sees(want string) {
	s.t.Helper()
	select {
	case e := <-s.events:
		got := e.String()
		if e.Type != EventNone && e.Zxid > 0 {
			got, _, _ = strings.Cut(got, " zxid")
		}
		if got != want {
			s.t.Fatalf("event %q, want %q", got, want)
		}
	case <-s.ctx.Done():
		s.t.Fatalf("no event %q", want)
	}
}

// quiet wants no event to be left.
func (s *session) quiet() {
	s.t.Helper()
	select {
	case e := <-s.events:
		s.t.Errorf("event %v", e)
	default:
	}
}

func (s *session) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// fails wants the error to be this one.
func (s *session) fails(err, want error) {
	s.t.Helper()
	if !errors.Is(err, want) {
		s.t.Errorf("error %v, want %v", err, want)
	}
}

func (s *session) create(path, data string, flags int32) string {
	s.t.Helper()
	got, _, err := s.Create(s.ctx, Node{Path: path, Data: []byte(data), ACL: open, Flags: flags})
	s.must(err)
	return got
}

// holds wants the node to have the data.
func (s *session) holds(path, want string) {
	s.t.Helper()
	if got, _, err := s.Get(s.ctx, path, false); err != nil || string(got) != want {
		s.t.Errorf("%s: %q, %v, want %q", path, got, err, want)
	}
}

const (
	lostEvent = "WatchedEvent state:Disconnected type:None path:null zxid: -1"
	backEvent = "WatchedEvent state:SyncConnected type:None path:null zxid: -1"
)
