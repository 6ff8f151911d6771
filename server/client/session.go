package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"gokeeper/server/proto"
)

// run is the session loop: one server after the other, until the client ends.
func (c *Client) run(ctx context.Context) {
	defer close(c.ended)
	order := slices.Clone(c.servers.Addresses)
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for next, failed := 0, 0; ctx.Err() == nil && c.State().alive(); next++ {
		if failed > 0 && failed%len(order) == 0 && !c.pause(ctx) {
			break
		}
		connected, err := c.connect(ctx, c.preferred(order[next%len(order)]))
		failed++
		if connected {
			failed = 0
		}
		c.broken(err)
	}
	c.finish()
}

// pause waits before the next round and says whether the client goes on.
func (c *Client) pause(ctx context.Context) bool {
	half := c.cfg.Retry / 2
	t := time.NewTimer(half + rand.N(half+1))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// preferred returns the server that was found to be better, once, otherwise the address.
func (c *Client) preferred(address string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.prefer != "" {
		address, c.prefer = c.prefer, ""
	}
	return address
}

// established takes over what a server answered to the connect request. It returns what is
// to be sent first: credentials, then watches, since a watch is only told of what its
// owner may read.
func (c *Client) established(r *proto.ConnectResponse) (State, []request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = Connected
	if r.ReadOnly {
		c.state = ConnectedReadOnly
	}
	c.full = c.full || !r.ReadOnly
	c.session, c.password = r.Session, r.Password
	c.timeout = time.Duration(r.Timeout) * time.Millisecond
	return c.state, append(slices.Clone(c.auths), c.watches.rearm(c.seen, c.servers.inside)...)
}

// announce tells the Watcher of a connection, then who waits for one.
func (c *Client) announce(readOnly bool) {
	c.tell(connectedEvent(readOnly))
	if c.cfg.Login != nil {
		c.tell(Event{State: SessionSASLAuthenticated, Type: EventNone, Zxid: proto.NoZxid})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready = true
	c.change()
}

// connectedEvent tells of a connection.
func connectedEvent(readOnly bool) Event {
	e := Event{State: SessionSyncConnected, Type: EventNone, Zxid: proto.NoZxid}
	if readOnly {
		e.State = SessionConnectedReadOnly
	}
	return e
}

// broken ends a connection, or an attempt at one, and the calls that waited for it.
func (c *Client) broken(cause error) {
	c.mu.Lock()
	event := SessionDisconnected
	switch {
	case errors.Is(cause, proto.SessionExpired):
		c.state, event = Closed, SessionExpired
	case errors.Is(cause, proto.AuthFailed):
		c.state, event = AuthFailed, SessionAuthFailed
	case c.state.alive():
		c.state = Connecting
	}
	c.cause, c.ready = cause, false
	quiet := c.closing
	c.change()
	c.mu.Unlock()
	if !quiet {
		c.tell(Event{State: event, Type: EventNone, Zxid: proto.NoZxid})
	}
	c.drop()
}

// drop ends all calls without a reply.
func (c *Client) drop() {
	c.mu.Lock()
	calls := append(c.pending, c.queue...)
	c.pending, c.queue = nil, nil
	err := lost(c.cause)
	if !c.state.alive() {
		err = c.over()
	}
	c.mu.Unlock()
	for _, k := range calls {
		if k.done != nil {
			c.settle(k, codeLost)
			k.end(err)
		}
	}
}

// finish ends the client after its last connection.
func (c *Client) finish() {
	c.mu.Lock()
	closed := c.closing && !c.left
	if c.state.alive() {
		c.state = Closed
	}
	c.change()
	c.mu.Unlock()
	if closed {
		c.tell(Event{State: SessionClosed, Type: EventNone, Zxid: proto.NoZxid})
	}
	c.drop() // what was queued meanwhile
}

// change wakes who waits for another state. The lock is held.
func (c *Client) change() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// tell tells the Watcher, of the session only when its state is another one. Java:
// EventThread.queueEvent.
func (c *Client) tell(e Event) {
	if e.Type == EventNone {
		if e.State == c.told {
			return
		}
		c.told = e.State
	}
	c.cfg.Watcher(e)
}

// seekWriter looks for a server with a quorum while this one has none, and ends the
// connection when it has found one. Java: SendThread.pingRwServer.
func (c *Client) seekWriter(ctx context.Context, nc net.Conn) {
	for wait, i := c.cfg.Retry, 0; ; wait, i = min(2*wait, time.Minute), i+1 {
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		address := c.servers.Addresses[i%len(c.servers.Addresses)]
		if c.writes(ctx, address) {
			c.mu.Lock()
			c.prefer = address
			c.mu.Unlock()
			nc.Close()
			return
		}
	}
}

// writes asks a server whether it takes writes.
func (c *Client) writes(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	nc, err := c.cfg.Dial(ctx, address)
	if err != nil {
		return false
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(time.Second))
	answer := make([]byte, 2)
	if _, err := nc.Write([]byte("isro")); err != nil {
		return false
	}
	n, _ := nc.Read(answer)
	return string(answer[:n]) == "rw"
}
