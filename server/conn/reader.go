package conn

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"

	"github.com/rs/zerolog"

	"gokeeper/server/proto"
)

// verdict is what becomes of the connection after a piece of input.
type verdict int

const (
	next verdict = iota // go on with the rest of the input
	more                // the rest is not complete
	stop                // no more input: the connection ends when its time has come
	cut                 // close now
)

// run is the reader: it lives as long as the connection.
func (c *Conn) run() {
	defer c.end()
	if !c.secureOrPlain() || !c.identify() {
		return
	}
	need := frameHead
	for {
		if err := c.socket.read(need); err != nil {
			c.lost(err, need)
			return
		}
		c.now = c.server.nanos()
		c.heard.Store(c.now / 1e6)
		v := c.consume(&need)
		c.report()
		switch v {
		case stop:
			c.await(func() bool { return false })
			return
		case cut:
			c.Flush() // replies to what was right before it
			return
		}
		c.Flush()
	}
}

// identify notes who the client is by now.
func (c *Conn) identify() bool {
	f := c.server.opt.Identify
	if f == nil {
		return true
	}
	ids, err := f(c.socket.nc, c.remote)
	if err != nil {
		c.server.rare(zerolog.InfoLevel, "client not identified").Err(err).Stringer("remote", c.remote).Send()
		return false
	}
	c.addIdentities(ids)
	return true
}

// lost notes why nothing can be read any more; need is how long the input should have
// become.
func (c *Conn) lost(err error, need int) {
	have := len(c.in.bytes())
	switch {
	case c.dead.Load():
		return
	case have > 0:
		c.server.rare(zerolog.InfoLevel, "inside a packet").Stringer("remote", c.remote).Stringer("session", c.Session()).
			Int("received", have).Int("expected", need).Msg("connection ended inside a packet")
		return
	case errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed):
		return
	}
	c.server.opt.Log.Debug().Err(err).Stringer("remote", c.remote).Stringer("session", c.Session()).Msg("connection lost")
}

// consume runs what is complete in the input. need becomes how much input the rest
// needs, as far as known.
func (c *Conn) consume(need *int) verdict {
	for {
		v := next
		if !c.ready {
			v = c.greet(need)
		} else {
			v = c.request(need)
		}
		if v != next {
			return v
		}
	}
}

// request runs the first request of the input, when it may be run.
func (c *Conn) request(need *int) verdict {
	in := c.in.bytes()
	_, n, err := nextFrame(in, c.server.opt.MaxPacket)
	switch {
	case err != nil:
		c.explain(in)
		return cut
	case len(in) >= frameHead && c.server.tooLarge(n-frameHead):
		return cut
	case n > len(in):
		*need = n
		return more
	case !c.uncrowd():
		return cut
	case !c.drained():
		return cut
	}
	// Waiting may have moved the input.
	body := c.in.bytes()[frameHead:n:n]
	c.in.skip(n)
	c.received++
	c.bytes += int64(n)
	return c.packet(body)
}

// uncrowd waits until another request may be taken. It returns false when the
// connection dies.
func (c *Conn) uncrowd() bool {
	if !c.crowded() {
		return true
	}
	c.in.park()
	c.report()
	return c.await(func() bool { return !c.crowded() })
}

// drained waits until the client has taken most of what was sent to it. It returns
// false when the connection dies.
func (c *Conn) drained() bool {
	if c.unsent.Load() <= outHigh {
		return true
	}
	c.Flush()
	if c.unsent.Load() <= outHigh {
		return true
	}
	c.in.park()
	c.report()
	return c.await(func() bool { return c.unsent.Load() <= outLow })
}

// packet handles one packet.
func (c *Conn) packet(b []byte) verdict {
	if len(b) < 8 {
		return c.malformed("packet without a header")
	}
	r := proto.Request{
		Xid: int32(binary.BigEndian.Uint32(b)), Op: proto.Op(int32(binary.BigEndian.Uint32(b[4:]))),
		Body: b[8:], Read: c.now,
	}
	switch {
	case r.Op == proto.OpAuth:
		return c.authenticate(&r)
	case r.Op == proto.OpSASL:
		return c.sasl(&r)
	case !c.authenticated():
		c.reply(r.Xid, 0, proto.SessionClosedRequireSASL)
		c.Hangup()
		return stop
	case r.Op == proto.OpDeleteContainer:
		return c.malformed("operation that no client may ask for")
	}
	r.IDs = c.Identities()
	switch {
	case !r.Op.IsRead() && !r.Op.IsWrite() || r.Op == proto.OpCreateSession:
		return c.unknown(&r)
	case c.server.backend.Ordered(r.Op):
		return c.submit(&r)
	}
	return c.read(&r)
}

// submit gives a request with a copy of its body to the backend.
func (c *Conn) submit(r *proto.Request) verdict {
	body := append(make([]byte, 0, len(r.Body)), r.Body...)
	c.enqueue(len(body))
	q := *r
	q.Body = body
	c.server.backend.Submit(c, q)
	if r.Op == proto.OpCloseSession {
		return stop // nothing behind it is answered
	}
	return next
}

// read runs a read, or hangs it on the newest unfinished write.
func (c *Conn) read(r *proto.Request) verdict {
	if c.queued.Load() != 0 {
		q := *r
		q.Body = append(make([]byte, 0, len(r.Body)), r.Body...)
		if c.hang(&q) {
			return next
		}
		if !c.finished() {
			return cut
		}
	}
	c.req = *r
	c.server.backend.Read(c, &c.req)
	c.req = proto.Request{}
	return next
}

// finished waits until nothing is unfinished. It returns false when the connection
// dies.
func (c *Conn) finished() bool {
	return c.await(func() bool { return c.queued.Load() == 0 })
}

// unknown answers an operation that does not exist, in its turn, and ends the
// connection.
func (c *Conn) unknown(r *proto.Request) verdict {
	c.malformed("unknown operation")
	if !c.finished() {
		return cut
	}
	c.reply(r.Xid, -1, proto.Unimplemented)
	c.Hangup()
	return stop
}

// reply appends a reply without a record.
func (c *Conn) reply(xid int32, zxid proto.Zxid, err proto.Error) {
	c.Release(appendReply(c.Buffer(), xid, zxid, err))
}

func appendReply(b []byte, xid int32, zxid proto.Zxid, err proto.Error) []byte {
	start := len(b)
	h := proto.ReplyHeader{Xid: xid, Zxid: zxid, Err: err}
	return endPacket(h.Append(append(b, 0, 0, 0, 0)), start)
}

// endPacket writes the length of the packet that begins at start and ends with b.
func endPacket(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-frameHead))
	return b
}

// explain logs a length that cannot be one.
func (c *Conn) explain(in []byte) {
	what := guess(in)
	c.server.rare(zerolog.InfoLevel, what).Stringer("remote", c.remote).Stringer("session", c.Session()).
		Str("guess", what).Str("first", strconv.QuoteToASCII(string(in[:min(len(in), 16)]))).
		Int("limit", c.server.opt.MaxPacket).Msg("connection closed: length of packet out of range")
}

// malformed logs what is wrong with a packet whose length is right. what is a constant.
func (c *Conn) malformed(what string) verdict {
	c.server.rare(zerolog.InfoLevel, what).Stringer("remote", c.remote).Stringer("session", c.Session()).
		Msg("connection closed: " + what)
	return cut
}

// end is the last thing that the reader does.
func (c *Conn) end() {
	c.Abort()
	c.socket.discard()
	_ = c.socket.nc.Close() // there is nothing left to lose
	c.in.free()
	c.mu.Lock()
	c.ended = true
	carried, reason := c.carried, c.reason
	c.server.outstanding.Add(-int64(c.queued.Swap(0)))
	for !c.queue.empty() {
		p := c.queue.pop()
		c.server.letGo(&p)
	}
	c.mu.Unlock()
	c.server.remove(c)
	if carried {
		c.server.backend.Gone(c)
	}
	if reason != "" && reason != stopping {
		c.server.rare(zerolog.WarnLevel, reason).Stringer("remote", c.remote).Stringer("session", c.Session()).
			Str("reason", reason).Msg("connection cut")
	}
}
