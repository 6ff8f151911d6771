package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zookeeper/zk"

	"gokeeper/server/sim"
)

// Znodes that the run lives in.
const (
	registerRoot = "/register"
	createRoot   = "/acknowledged"
	sequenceRoot = "/sequence"
	ephemeral    = "/ephemeral"
	counter      = "/counter"
)

// perRegister is how many actions a register sees before the next takes its place, so
// that histories stay short enough to check.
const perRegister = 60

// load is all clients.
type load struct {
	h       *history
	actions atomic.Int64
	stop    chan struct{}
	clients sync.WaitGroup
}

// quiet is a logger that says nothing.
type quiet struct{}

func (quiet) Printf(string, ...interface{}) {}

// sessionTimeout is that of all clients.
const sessionTimeout = 4 * time.Second

func connect(addrs ...string) (*zk.Conn, error) {
	c, _, err := zk.Connect(addrs, sessionTimeout, zk.WithLogger(quiet{}), zk.WithLogInfo(false))
	return c, err
}

// startLoad starts n clients of these servers.
func startLoad(h *history, n int, seed uint64, addrs []string) (*load, error) {
	l := &load{h: h, stop: make(chan struct{})}
	for i := range n {
		c, err := connect(addrs...)
		if err != nil {
			return nil, err
		}
		l.clients.Go(func() {
			defer c.Close()
			(&client{load: l, id: i, zk: c, rnd: rand.New(rand.NewPCG(seed, uint64(i)))}).run()
		})
	}
	return l, nil
}

func (l *load) end() {
	close(l.stop)
	l.clients.Wait()
}

// client is one client with its session.
type client struct {
	*load
	id  int
	zk  *zk.Conn
	rnd *rand.Rand

	created  int
	sequence string // the last sequential znode
	session  int64
	own      string // the session's ephemeral
	missing  bool   // it was not there; the next answer on the session proves that this is wrong
	version  int32  // of the counter as the session saw it
}

func (c *client) run() {
	for {
		select {
		case <-c.stop:
			return
		default:
		}
		before := c.zk.SessionID()
		err := c.act()
		if unknown(err) {
			time.Sleep(20 * time.Millisecond) // a lost connection; the pace of the load, nothing waits for it
			continue
		}
		if now := c.zk.SessionID(); now == before {
			c.answered(now)
		}
	}
}

// unknown says that there was no answer of a server.
func unknown(err error) bool {
	switch {
	case err == nil, errors.Is(err, zk.ErrNoNode), errors.Is(err, zk.ErrNodeExists), errors.Is(err, zk.ErrBadVersion), errors.Is(err, zk.ErrNotEmpty):
		return false
	}
	return true
}

// answered notes that a request was answered on the session from beginning to end.
func (c *client) answered(session int64) {
	if session != c.session {
		c.session, c.own, c.missing, c.version = session, "", false, -1
		return
	}
	if c.missing {
		c.h.violation("ephemeral: %s is gone, but its session 0x%x lives", c.own, session)
		c.own, c.missing = "", false
	}
}

// act sends one request.
func (c *client) act() error {
	switch n := c.rnd.IntN(20); {
	case n < 8:
		return c.register()
	case n < 11:
		return c.create()
	case n < 14:
		return c.next()
	case n < 16:
		return c.count()
	case n < 18:
		return c.look()
	}
	return c.beThere()
}

// write counts a write by its error.
func (c *client) write(err error) error {
	if unknown(err) {
		c.h.unanswered()
	} else {
		c.h.wrote()
	}
	return err
}

func (c *client) register() error {
	path := fmt.Sprintf("%s/r%d", registerRoot, c.actions.Add(1)/perRegister)
	a := sim.Action{Kind: []string{"create", "set", "set", "set", "delete"}[c.rnd.IntN(5)], Expects: -1}
	if a.Kind != "create" && c.rnd.IntN(2) == 0 {
		a.Expects = c.rnd.Int32N(8)
	}
	call := c.h.now()
	var err error
	out := sim.Outcome{Result: "ok"}
	switch a.Kind {
	case "create":
		_, err = c.zk.Create(path, nil, 0, zk.WorldACL(zk.PermAll))
	case "delete":
		err = c.zk.Delete(path, a.Expects)
	default:
		var stat *zk.Stat
		if stat, err = c.zk.Set(path, nil, a.Expects); err == nil {
			out.Version = stat.Version
		}
	}
	switch {
	case err == nil:
	case errors.Is(err, zk.ErrNoNode):
		out.Result = "none"
	case errors.Is(err, zk.ErrNodeExists):
		out.Result = "exists"
	case errors.Is(err, zk.ErrBadVersion):
		out.Result = "version"
	default:
		out.Result = "lost"
	}
	c.h.operation(path, c.id, a, call, out)
	return c.write(err)
}

func (c *client) create() error {
	c.created++
	path, err := c.zk.Create(fmt.Sprintf("%s/c%d-%d", createRoot, c.id, c.created), []byte("x"), 0, zk.WorldACL(zk.PermAll))
	if err == nil {
		c.h.created(path)
	}
	return c.write(err)
}

func (c *client) next() error {
	path, err := c.zk.Create(sequenceRoot+"/s-", nil, zk.FlagSequence, zk.WorldACL(zk.PermAll))
	if err == nil {
		c.h.sequence(fmt.Sprint("client ", c.id), path, c.sequence)
		c.sequence = path
	}
	return c.write(err)
}

func (c *client) count() error {
	stat, err := c.zk.Set(counter, nil, -1)
	if err == nil {
		c.seen(stat.Version, "written")
	}
	return c.write(err)
}

func (c *client) look() error {
	_, stat, err := c.zk.Get(counter)
	if err == nil {
		c.seen(stat.Version, "read")
	}
	return err
}

// seen notes a version of the counter. Sessions see it rise, wherever they are connected.
func (c *client) seen(version int32, how string) {
	if c.zk.SessionID() != c.session {
		return // not known yet whose it was
	}
	if version < c.version {
		c.h.violation("monotonic: session 0x%x of client %d has %s version %d after %d", c.session, c.id, how, version, c.version)
	}
	c.version = version
}

// beThere makes the session's ephemeral, or looks for it.
func (c *client) beThere() error {
	if c.session == 0 {
		_, _, err := c.zk.Exists("/")
		return err
	}
	if c.own == "" {
		path := fmt.Sprintf("%s/%x-%d", ephemeral, uint64(c.session), c.rnd.Uint32())
		_, err := c.zk.Create(path, nil, zk.FlagEphemeral, zk.WorldACL(zk.PermAll))
		if err == nil && c.zk.SessionID() == c.session {
			c.own = path
		}
		return c.write(err)
	}
	session := c.zk.SessionID()
	found, _, err := c.zk.Exists(c.own)
	if err == nil && !found && session == c.session && c.zk.SessionID() == session {
		c.missing = true
	}
	return err
}
