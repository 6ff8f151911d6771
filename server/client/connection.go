package client

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// maxReply is the longest reply that is believed, in bytes. Java's client reads one
// megabyte, less than the list of a large node's children.
const maxReply = 256 << 20

// maxPing is the longest pause between pings. Java: MAX_SEND_PING_INTERVAL.
const maxPing = 10 * time.Second

// errEnded ends a connection that is no longer wanted.
var errEnded = errors.New("client has ended")

// connect serves the session over a connection to a server until that breaks, which is
// the error. It also says whether the server took the session.
func (c *Client) connect(ctx context.Context, address string) (connected bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	limit := c.attemptLimit()
	dialing, stopDialing := context.WithTimeout(ctx, limit)
	nc, err := c.cfg.Dial(dialing, address)
	stopDialing()
	if err != nil {
		return false, err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	in := bufio.NewReaderSize(nc, 16<<10)
	_ = nc.SetDeadline(time.Now().Add(limit))
	welcome, err := c.greet(nc, in)
	if err != nil {
		return false, fmt.Errorf("%s: %w", address, err)
	}
	if err := c.logIn(nc, in); err != nil {
		c.tell(connectedEvent(welcome.ReadOnly))
		return false, fmt.Errorf("%s: %w", address, err)
	}
	_ = nc.SetDeadline(time.Time{})
	state, first := c.established(welcome)
	pace := time.Duration(welcome.Timeout) * time.Millisecond
	var started sync.WaitGroup
	defer started.Wait()
	defer cancel()
	started.Go(func() { c.write(ctx, nc, first, pace) })
	if state == ConnectedReadOnly {
		started.Go(func() { c.seekWriter(ctx, nc) })
	}
	c.announce(state == ConnectedReadOnly)
	return true, c.read(nc, in, pace)
}

// attemptLimit is how long one server may take to accept the session. Java: connectTimeout.
func (c *Client) attemptLimit() time.Duration {
	_, timeout := c.Session()
	return max(timeout/time.Duration(len(c.servers.Addresses)), time.Second)
}

// greet sends the connect request and reads the answer.
func (c *Client) greet(nc net.Conn, in *bufio.Reader) (*proto.ConnectResponse, error) {
	c.mu.Lock()
	ask := proto.ConnectRequest{
		LastZxidSeen: c.seen, Timeout: int32(min(c.cfg.Timeout.Milliseconds(), 1<<31-1)),
		Password: c.password[:], HasReadOnly: true, ReadOnly: c.cfg.ReadOnly,
	}
	if c.full {
		ask.Session = c.session
	}
	b := jute.AppendBuffer(nil, ask.Append(nil))
	c.mu.Unlock()
	if _, err := nc.Write(b); err != nil {
		return nil, err
	}
	b, err := readFrame(in)
	if errors.Is(err, io.EOF) {
		return nil, ErrNotServing
	}
	if err != nil {
		return nil, err
	}
	var answer proto.ConnectResponse
	d := jute.NewDecoder(b)
	if answer.Decode(d); d.Err() != nil {
		return nil, ErrReply
	}
	if answer.Timeout <= 0 {
		return nil, proto.SessionExpired
	}
	return &answer, nil
}

// readFrame reads one packet.
func readFrame(in *bufio.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxReply {
		return nil, ErrReply
	}
	b := make([]byte, n)
	_, err := io.ReadFull(in, b)
	return b, err
}

// write sends what is queued, all that waits at once, and pings when nothing is. Java's
// client pings at a third of the timeout, too.
func (c *Client) write(ctx context.Context, nc net.Conn, first []request, timeout time.Duration) {
	var b []byte
	for _, r := range first {
		xid := int32(xidWatches)
		if r.op == proto.OpAuth {
			xid = xidAuth
		}
		b = r.frame(b, xid)
	}
	pause := min(timeout/3, maxPing)
	idle := time.NewTimer(pause)
	defer idle.Stop()
	for {
		b = c.take(b)
		if len(b) == 0 {
			select {
			case <-c.wake:
				continue
			case <-idle.C:
				b = request{op: proto.OpPing}.frame(b, proto.XidPing)
			case <-ctx.Done():
				return
			}
		}
		_ = nc.SetWriteDeadline(time.Now().Add(timeout))
		if _, err := nc.Write(b); err != nil {
			nc.Close() // the reader tells why
			return
		}
		b = b[:0]
		idle.Reset(pause)
	}
}

// take appends the queue, whose calls wait for their replies from then on.
func (c *Client) take(b []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.queue {
		b = k.frame(b, k.xid)
		if k.done != nil {
			c.pending = append(c.pending, k)
		}
	}
	c.queue = nil
	return b
}

// read hands out what the server sends. A server that is silent for two thirds of the
// timeout, pings unanswered, is left for another. Java: readTimeout.
func (c *Client) read(nc net.Conn, in *bufio.Reader, timeout time.Duration) error {
	for {
		_ = nc.SetReadDeadline(time.Now().Add(timeout * 2 / 3))
		b, err := readFrame(in)
		if err != nil {
			return err
		}
		if err := c.receive(b); err != nil {
			return err
		}
	}
}

// receive handles one packet; an error ends the connection.
func (c *Client) receive(b []byte) error {
	var d jute.Decoder
	d.Reset(b, len(b))
	var h proto.ReplyHeader
	if h.Decode(&d); d.Err() != nil {
		return ErrReply
	}
	switch h.Xid {
	case proto.XidPing, xidWatches:
		return nil
	case xidAuth:
		if h.Err != proto.OK {
			return proto.AuthFailed
		}
		return nil
	case proto.XidEvent:
		return c.notified(&h, &d)
	}
	return c.replied(&h, d.Rest())
}

// notified handles an event.
func (c *Client) notified(h *proto.ReplyHeader, d *jute.Decoder) error {
	e := Event{Type: EventType(d.Int()), State: SessionState(d.Int()), Path: c.servers.outside(d.String()), Zxid: h.Zxid}
	if d.Err() != nil {
		return ErrReply
	}
	c.mu.Lock()
	c.seen = max(c.seen, h.Zxid)
	wanted := c.watches.fire(e.Type, e.Path)
	c.mu.Unlock()
	if wanted {
		c.tell(e)
	}
	return nil
}

// replied ends the call that was sent first.
func (c *Client) replied(h *proto.ReplyHeader, record []byte) error {
	c.mu.Lock()
	if len(c.pending) == 0 || c.pending[0].xid != h.Xid {
		c.mu.Unlock()
		return ErrReply
	}
	k := c.pending[0]
	c.pending = c.pending[1:]
	c.seen = max(c.seen, h.Zxid)
	c.mu.Unlock()
	c.settle(k, h.Err)
	k.reply = record
	if h.Err != proto.OK {
		k.end(h.Err)
	} else {
		k.end(nil)
	}
	if !c.State().alive() {
		return errEnded
	}
	return nil
}

// settle lets a call's outcome change the client.
func (c *Client) settle(k *call, code proto.Error) {
	if k.settle == nil {
		return
	}
	c.mu.Lock()
	events := k.settle(code)
	c.mu.Unlock()
	for _, e := range events {
		c.tell(e)
	}
}
