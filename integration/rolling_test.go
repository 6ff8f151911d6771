package integration

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestRolling replaces the servers of an ensemble one after the other by those of another kind, on the same data
// directories, and those again, while clients write. They must notice no more than connections that break.
func TestRolling(t *testing.T) {
	t.Parallel()
	for _, path := range rollingPaths() {
		t.Run(strings.Join(path, "-"), func(t *testing.T) {
			t.Parallel()
			for _, name := range path {
				kind(t, name)
			}
			roll(t, path)
		})
	}
}

func rollingPaths() [][]string {
	if os.Getenv("GOKEEPER_MIXED") == "" {
		return [][]string{{"java396", "gokeeper"}}
	}
	return [][]string{
		{"gokeeper", "gokeeper"},
		{"java396", "gokeeper", "java396"},
		{"java380", "gokeeper", "java380"},
		{"gokeeper", "java396", "gokeeper", "java380"},
		{"java380", "gokeeper", "java396"},
	}
}

func roll(t *testing.T, path []string) {
	e := newEnsemble(t, targets(t, path[0], path[0], path[0]), nil, "snapCount=300", "maxSessionTimeout=60000")
	e.fuzzy = true
	e.launch()
	e.settled()
	c := e.join(1, opening{})
	for _, p := range []string{"/seq", "/own", "/multi"} {
		c.ok(t, opCreate, create(p, nil, open, persistent))
	}
	c.ok(t, opCloseSession, nil)
	populate(t, e.node(2), "/all", create2(t)).ok(t, opCloseSession, nil)
	l := newLoad(t, e, 4)
	for turn, name := range path[1:] {
		leader := e.settled()
		order := append(e.others(leader), leader)
		if turn%2 == 0 { // the leader goes first, in the next turn last
			slices.Reverse(order)
		}
		for n, sid := range order {
			e.halt([]syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}[(turn+n)%2], sid)
			e.node(sid).target = kind(t, name)
			l.proceeds()
			e.launch(sid)
			e.settled()
			l.proceeds()
		}
		t.Logf("all are %s", name)
	}
	l.end()
	l.farewell()
	l.verify()
	e.equal()
}

// A load is clients that write all the time, each through one session that it takes from server to server.
type load struct {
	t       *testing.T
	e       *ensemble
	clients []*roamer
	stop    chan struct{}
	once    sync.Once
	wg      sync.WaitGroup
}

func newLoad(t *testing.T, e *ensemble, n int) *load {
	t.Helper()
	rnd := random(t)
	l := &load{t: t, e: e, stop: make(chan struct{})}
	for id := range n {
		r := &roamer{id: id, stop: l.stop, rnd: rand.New(rand.NewPCG(rnd.Uint64(), 0))}
		for _, s := range e.nodes {
			r.addrs = append(r.addrs, s.addr())
		}
		c := e.join(1+id%len(e.nodes), opening{timeout: 15000})
		r.stay = c.resume()
		r.own = c.ok(t, opCreate, create(fmt.Sprintf("/alive-%d", id), nil, open, ephemeral)).str()
		r.born = c.ok(t, opExists, watched(r.own, false)).stat()
		c.Close()
		l.clients = append(l.clients, r)
		l.wg.Go(r.run)
	}
	t.Cleanup(l.end)
	return l
}

func (l *load) end() {
	l.once.Do(func() { close(l.stop) })
	l.wg.Wait()
}

// proceeds waits until each client has written some more.
func (l *load) proceeds() {
	l.t.Helper()
	var before []int64
	for _, r := range l.clients {
		before = append(before, r.batches.Load())
	}
	for i, r := range l.clients {
		for limit := time.Now().Add(settleLimit); r.batches.Load() < before[i]+3; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(limit) {
				l.end()
				l.t.Fatalf("client %d does not get on: %v", r.id, r.err)
			}
		}
	}
}

// farewell takes each session to all servers once more, where its ephemeral must be as it was made, and closes it.
func (l *load) farewell() {
	l.t.Helper()
	for _, r := range l.clients {
		if r.err != nil {
			l.t.Errorf("client %d: %v", r.id, r.err)
			continue
		}
		var c *client
		for _, sid := range l.e.sids() {
			c = l.e.join(sid, r.stay)
			c.ok(l.t, opSync, out(nil).str("/"))
			if st := c.ok(l.t, opExists, watched(r.own, false)).stat(); st != r.born {
				l.t.Errorf("client %d at node %d: %s is %+v, it was %+v", r.id, sid, r.own, st, r.born)
			}
		}
		c.ok(l.t, opCloseSession, nil)
	}
}

// verify checks that every acknowledged write is there, and the sequential ones in order.
func (l *load) verify() {
	l.t.Helper()
	c := l.e.join(1, opening{})
	c.ok(l.t, opSync, out(nil).str("/"))
	var all []*writer
	acked := 0
	for _, r := range l.clients {
		last := ""
		for _, w := range r.writers {
			if err := w.verify(c); err != nil {
				l.t.Errorf("client %d: %v", r.id, err)
			}
			for _, made := range w.created {
				if path, _, _ := strings.Cut(made, "="); path <= last {
					l.t.Errorf("client %d: %s was made after %s", r.id, path, last)
				} else {
					last = path
				}
			}
			acked += w.acked
		}
		all = append(all, r.writers...)
	}
	if err := verifySequence(c, all); err != nil {
		l.t.Error(err)
	}
	c.ok(l.t, opCloseSession, nil)
	l.t.Logf("%d acknowledged writes over %d connections of %d sessions", acked, len(all), len(l.clients))
}

// A roamer is a client with one session. When its connection breaks it goes on at the next server.
type roamer struct {
	id      int
	addrs   []string
	stop    <-chan struct{}
	rnd     *rand.Rand
	stay    opening // resumes the session
	own     string  // an ephemeral of the session
	born    stat    // of own
	writers []*writer
	batches atomic.Int64
	err     error // set before run ends
}

// run writes until it is stopped or learns something that must not be.
func (r *roamer) run() {
	for n := r.id; ; n++ {
		c, err := connect(r.addrs[n%len(r.addrs)], r.stay)
		if errors.Is(err, errExpired) {
			r.err = err
			return
		}
		if !r.pause(50 * time.Millisecond) {
			return
		}
		if err != nil {
			continue
		}
		w := &writer{name: fmt.Sprintf("c%d-%d", r.id, n), nodes: map[string]fate{}, pairs: map[string]fate{}, pace: r.pace}
		r.writers = append(r.writers, w)
		err = w.run(c, r.rnd)
		c.Close()
		r.stay.zxid = max(r.stay.zxid, w.zxid)
		if err != nil {
			r.err = err
			return
		}
	}
}

// pace lets a writer wait before each batch.
func (r *roamer) pace() bool {
	r.batches.Add(1)
	return r.pause(200 * time.Millisecond)
}

func (r *roamer) pause(d time.Duration) bool {
	select {
	case <-r.stop:
		return false
	case <-time.After(d):
		return true
	}
}
