package client

import (
	"context"
	"sync"
	"time"

	"gokeeper/server/proto"
)

// Client is a session. Open makes one; Close or Leave end it.
type Client struct {
	cfg     Config
	servers Servers
	cancel  context.CancelFunc
	ended   chan struct{} // closed when the session loop has returned
	wake    chan struct{} // tells the writer of something in the queue
	told    SessionState  // the last session event; of the session loop alone

	mu       sync.Mutex // guards what follows
	state    State
	ready    bool // connected, and the Watcher knows it
	closing  bool // Close was called: no new requests
	left     bool // Leave was called: no event tells of the end
	changed  chan struct{}
	cause    error   // why there is no connection
	queue    []*call // not sent yet
	pending  []*call // sent, in order
	xid      int32
	session  proto.SessionID
	password [16]byte
	full     bool          // the session is one of the ensemble, not of a read-only server
	timeout  time.Duration // asked for, then as negotiated
	seen     proto.Zxid
	prefer   string // a server that is not read-only, to be tried next
	auths    []request
	watches  watches
}

// Open starts a client and returns before it is connected. The error says what is wrong
// with the connect string.
func Open(cfg Config) (*Client, error) {
	servers, err := ParseServers(cfg.Servers)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Client{
		cfg: cfg.complete(), servers: servers, cancel: cancel,
		ended: make(chan struct{}), wake: make(chan struct{}, 1), changed: make(chan struct{}),
	}
	c.timeout = c.cfg.Timeout
	go c.run(ctx)
	return c, nil
}

// State returns what the client is doing.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Session returns the session's id, 0 before it has one, and its timeout as negotiated.
func (c *Client) Session() (proto.SessionID, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session, c.timeout
}

// AwaitAttempt waits until the attempt to connect that is under way has ended, and returns
// why it failed. It returns at once when there is a connection, of which the Watcher has
// been told before.
func (c *Client) AwaitAttempt(ctx context.Context) error {
	c.mu.Lock()
	waits, changed := c.state.alive() && !c.ready, c.changed
	c.mu.Unlock()
	if waits {
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.state.alive():
		return c.over()
	case c.ready:
		return nil
	case c.cause != nil:
		return lost(c.cause)
	}
	return lost(context.Cause(ctx))
}

// AwaitConnected waits until there is a connection. The error says why there is none when
// the context ends, or why there never will be.
func (c *Client) AwaitConnected(ctx context.Context) error {
	for {
		err := c.AwaitAttempt(ctx)
		if err == nil || ctx.Err() != nil || !c.State().alive() {
			return err
		}
	}
}

// AddAuth adds credentials, which every request behind it has, on this and later
// connections. When a server refuses them the client ends with AuthFailed; nothing is
// waited for here. The error is that of a client that has ended.
func (c *Client) AddAuth(scheme string, auth []byte) error {
	p := proto.AuthPacket{Scheme: []byte(scheme), Auth: auth}
	r := request{proto.OpAuth, p.Append(nil)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing || !c.state.alive() {
		return &OpError{r.op, "", c.over()}
	}
	c.auths = append(c.auths, r)
	if c.state != Connecting { // otherwise the greeting brings it
		c.queue = append(c.queue, &call{request: r, xid: xidAuth})
		c.nudge()
	}
	return nil
}

// Close ends the session, which deletes its ephemeral nodes, and waits until the server
// has said so, the connection breaks or the context ends. It is the same to call it again.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	if c.closing || !c.state.alive() {
		c.mu.Unlock()
		c.end()
		return nil
	}
	c.closing = true
	k := &call{request: request{op: proto.OpCloseSession}, done: make(chan struct{})}
	k.settle = func(proto.Error) []Event {
		c.state = Closed
		return nil
	}
	c.enqueue(k)
	c.mu.Unlock()
	_, err := k.await(ctx)
	c.end()
	if err != nil {
		return &OpError{k.op, "", err}
	}
	return nil
}

// Leave ends the client and not its session, which goes on until its timeout with all its
// ephemeral nodes. Watchers are told nothing.
func (c *Client) Leave() {
	c.mu.Lock()
	c.closing, c.left = true, true
	c.mu.Unlock()
	c.end()
}

// end stops the session loop and waits for it.
func (c *Client) end() {
	c.cancel()
	<-c.ended
}

// over returns why no request can succeed any more. The lock is held.
func (c *Client) over() error {
	switch {
	case c.state == AuthFailed:
		return proto.AuthFailed
	case c.closing:
		return ErrClosed
	}
	return proto.SessionExpired
}
