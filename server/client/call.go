package client

import (
	"context"
	"encoding/binary"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// Xids of what a client sends by itself, by convention; servers echo them.
const (
	xidAuth    = -4
	xidWatches = -8
)

// request is an operation and its record.
type request struct {
	op   proto.Op
	body []byte
}

// frame appends the request as a packet.
func (r request) frame(b []byte, xid int32) []byte {
	start := len(b)
	h := proto.RequestHeader{Xid: xid, Op: r.op}
	b = append(h.Append(jute.AppendInt(b, 0)), r.body...)
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

// codeLost stands for the code of a reply that never came. Java: Code.CONNECTIONLOSS.
const codeLost proto.Error = -4

// settlement is what a reply changes in the client; the events are told before the caller
// hears of the reply. The session loop runs it with the lock held. nil changes nothing.
type settlement func(proto.Error) []Event

// call is a request that waits for its reply. The session loop fills reply and err and
// closes done; the caller reads them after that.
type call struct {
	request
	xid    int32
	settle settlement
	done   chan struct{}
	reply  []byte // the record behind the header
	err    error  // a proto.Error, or why there was no reply
}

// end tells the caller.
func (k *call) end(err error) {
	k.err = err
	close(k.done)
}

// submit queues a request and returns at once.
func (c *Client) submit(r request, settle settlement) *call {
	k := &call{request: r, settle: settle, done: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing || !c.state.alive() {
		k.end(c.over())
		return k
	}
	c.enqueue(k)
	return k
}

// enqueue gives a call its xid and its place. The lock is held.
func (c *Client) enqueue(k *call) {
	if c.xid++; c.xid <= 0 {
		c.xid = 1
	}
	k.xid = c.xid
	c.queue = append(c.queue, k)
	c.nudge()
}

// nudge wakes the writer.
func (c *Client) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// await waits for the reply. A caller that leaves earlier does not take the request back.
func (k *call) await(ctx context.Context) (*jute.Decoder, error) {
	select {
	case <-k.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if k.err != nil {
		return nil, k.err
	}
	var d jute.Decoder
	d.Reset(k.reply, len(k.reply))
	return &d, nil
}

// do sends a request and reads its reply with decode, which may be nil.
func (c *Client) do(ctx context.Context, path string, r request, settle settlement, decode func(*jute.Decoder)) error {
	d, err := c.submit(r, settle).await(ctx)
	if err == nil && decode != nil {
		if decode(d); d.Err() != nil {
			err = ErrReply
		}
	}
	if err != nil {
		return &OpError{r.op, path, err}
	}
	return nil
}
