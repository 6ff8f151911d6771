//go:build containers

package containers

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

// sessionTimeout is that of all sessions.
const sessionTimeout = 8 * time.Second

// everyone may do everything.
var everyone = zk.WorldACL(zk.PermAll)

// A session is one client's, as long as it lasts.
type session struct {
	*zk.Conn
	t  testing.TB
	id int64
}

// open begins a session at the first of these servers that lets it in; after a lost connection the client tries all of
// them. The session ends with the test.
func open(t testing.TB, addrs ...string) *session {
	t.Helper()
	c, events, err := zk.Connect(addrs, sessionTimeout, zk.WithLogger(quiet{}), zk.WithLogInfo(false),
		zk.WithHostProvider(&inOrder{addrs: addrs}), zk.WithDialer(dial))
	must(t, c, err)
	t.Cleanup(c.Close)
	limit := time.After(patience)
	for {
		select {
		case e := <-events:
			if e.State == zk.StateHasSession {
				go func() { // the client waits for nobody, but forgets nothing until it is asked
					for range events {
					}
				}()
				return &session{Conn: c, t: t, id: c.SessionID()}
			}
		case <-limit:
			t.Fatalf("no session at %v within %v", addrs, patience)
		}
	}
}

// again calls a request until the server has answered it, whatever it says. What it asks for may happen twice.
func (s *session) again(what string, request func() error) error {
	s.t.Helper()
	var err error
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		err = request()
		var lost net.Error
		if !errors.Is(err, zk.ErrConnectionClosed) && !errors.Is(err, zk.ErrNoServer) && !errors.As(err, &lost) {
			return err
		}
	}
	s.t.Fatalf("%s: no answer within %v: %v", what, patience, err)
	return err
}

// put creates a znode or sets its data, and returns when that is acknowledged.
func (s *session) put(path, data string) {
	s.t.Helper()
	must(s.t, 0, s.again("put "+path, func() error {
		_, err := s.Set(path, []byte(data), -1)
		if errors.Is(err, zk.ErrNoNode) {
			_, err = s.Create(path, []byte(data), 0, everyone)
		}
		return err
	}))
}

// get returns a znode's data as of now: what was acknowledged before, at any server, is seen.
func (s *session) get(path string) (string, *zk.Stat) {
	s.t.Helper()
	var data []byte
	var stat *zk.Stat
	must(s.t, 0, s.again("get "+path, func() (err error) {
		if _, err = s.Sync("/"); err == nil {
			data, stat, err = s.Get(path)
		}
		return err
	}))
	return string(data), stat
}

// lives checks that the session has not been given up.
func (s *session) lives() {
	s.t.Helper()
	if id := s.SessionID(); id != s.id {
		s.t.Errorf("session 0x%x has expired, the client began 0x%x", s.id, id)
	}
}

// inOrder gives the client its servers in the order in which they were named. The client's own provider shuffles them.
type inOrder struct {
	addrs []string
	mu    sync.Mutex
	next  int
	tried int
}

// Init gets the names in another order, and has nothing to do.
func (p *inOrder) Init([]string) error { return nil }

// Len returns the number of servers.
func (p *inOrder) Len() int { return len(p.addrs) }

// Next returns the next server, and whether all have been tried since the last connection.
func (p *inOrder) Next() (addr string, round bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	addr = p.addrs[p.next]
	p.next = (p.next + 1) % len(p.addrs)
	p.tried++
	return addr, p.tried > len(p.addrs)
}

// Connected begins a new count.
func (p *inOrder) Connected() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tried = 0
}

// helloLimit is how long a server may take to answer a client's first word.
const helloLimit = time.Second

// dial connects so that the client does not hang at a server that accepts connections and is silent, as a paused
// container does: it would wait for the first answer for six times its session.
func dial(network, addr string, limit time.Duration) (net.Conn, error) {
	c, err := net.DialTimeout(network, addr, limit)
	if err != nil {
		return nil, err
	}
	return impatient{c}, nil
}

// impatient waits for no answer longer than a session lasts; who asks for more means the first one.
type impatient struct{ net.Conn }

// SetReadDeadline takes helloLimit for what is too far away.
func (c impatient) SetReadDeadline(at time.Time) error {
	if time.Until(at) > sessionTimeout {
		at = time.Now().Add(helloLimit)
	}
	return c.Conn.SetReadDeadline(at)
}

// quiet is a logger that says nothing.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
