package conn

import (
	"time"

	"gokeeper/server/proto"
)

const (
	// outHigh is how many bytes may wait for a client whose requests are still read.
	outHigh = 256 << 10
	// outLow is how few must wait before its requests are read again.
	outLow = 64 << 10
	// writeChunk is how much the writer goroutine writes between two looks at the clock.
	writeChunk = 256 << 10
	// hangupWait is how long a client may take to receive what was sent before a close.
	hangupWait = 10 * time.Second
	// flushRounds is how often one Flush writes before the rest is the writer's.
	flushRounds = 4
)

// Buffer locks the out buffer and returns it. The caller appends whole packets and
// calls Release, soon and from the same goroutine.
func (c *Conn) Buffer() []byte {
	c.mu.Lock()
	if c.out == nil {
		c.out = c.server.pools.output()
	}
	return c.out.b
}

// Release takes back the buffer that Buffer returned, with what was appended, and
// unlocks it. It returns true when nobody was about to send it; the caller then owes
// one Flush, after it has let go of its own locks.
func (c *Conn) Release(b []byte) bool {
	defer c.mu.Unlock()
	added := len(b) - len(c.out.b)
	c.out.b = b
	if c.dead.Load() {
		c.dropOut()
		return false
	}
	if added > 0 && int(c.unsent.Load()) > c.server.opt.OutLimit {
		c.kill("client does not read")
		return false
	}
	c.unsent.Add(int64(added))
	if c.owed || c.writing || len(b) == 0 {
		return false
	}
	c.owed = true
	return true
}

// Answered counts the reply that is being appended. It must be called for each reply
// to a request that came through Read, Submit or Done, between Buffer and Release: it
// is also how the connection knows that the request is finished. read is Request.Read.
func (c *Conn) Answered(op proto.Op, xid int32, zxid proto.Zxid, read int64) {
	c.tally.answered(op, xid, zxid, read)
	if f := c.server.opt.Replied; f != nil && !c.tally.group(op, read) {
		c.tally.tell(f, c.server.nanos())
		c.tally.group(op, read)
	}
	if c.queued.Load() == 0 {
		return // run by the reader
	}
	c.server.outstanding.Add(-1)
	if c.queued.Add(-1) == 0 {
		c.signal()
	}
}

// Flush sends what is in the out buffer. It does not wait for the client: what the
// socket does not take at once is left to a goroutine.
func (c *Conn) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owed = false
	if c.writing || c.dead.Load() {
		return
	}
	c.writing = true
	for round := 0; ; round++ {
		b := c.takeOut()
		if b == nil {
			c.writing = false
			return
		}
		n := 0
		if round < flushRounds {
			var err error
			c.mu.Unlock()
			n, err = c.socket.tryWrite(b.b)
			c.mu.Lock()
			if err != nil {
				c.writing = false
				c.kill("")
				return
			}
		}
		if c.unsent.Add(-int64(n)) <= outLow {
			c.signal()
		}
		if n < len(b.b) {
			if !c.server.spawn(func() { c.write(b, n) }) {
				c.writing = false
				c.kill(stopping)
			}
			return
		}
		c.server.pools.putOutput(b)
	}
}

// takeOut takes the out buffer for writing. When there is nothing, it ends a
// connection that was only waiting for that, and returns nil. mu is held.
func (c *Conn) takeOut() *buffer {
	b := c.out
	if b == nil || len(b.b) == 0 || c.dead.Load() {
		if c.hangup {
			c.kill("")
		}
		return nil
	}
	c.out = nil
	c.settle(b.b)
	return b
}

// write sends b from n on and then everything else. It is the writer goroutine, which
// exists while a client is slower than we are.
func (c *Conn) write(b *buffer, n int) {
	for b != nil {
		err := c.writeAll(b.b[n:])
		c.mu.Lock()
		if err != nil {
			c.kill("") // the client is gone, or did not take it before a close
		}
		if c.hangup && (c.out == nil || len(c.out.b) == 0) {
			c.mu.Unlock() // it may have to wait
			c.socket.farewell()
			c.mu.Lock()
		}
		c.server.pools.putOutput(b)
		b, n = c.takeOut(), 0
		c.writing = b != nil
		c.mu.Unlock()
	}
}

func (c *Conn) writeAll(p []byte) error {
	for len(p) > 0 {
		n, err := c.socket.nc.Write(p[:min(len(p), writeChunk)])
		if left := c.unsent.Add(-int64(n)); left <= outLow {
			c.signal()
		}
		if err != nil {
			return err
		}
		c.wrote.Store(c.server.millis())
		p = p[n:]
	}
	return nil
}

// Hangup closes the connection once everything in the buffer is written, or after ten
// seconds. Requests that were not answered by then are not answered.
func (c *Conn) Hangup() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hangup || c.dead.Load() {
		return
	}
	c.hangup = true
	switch {
	case c.writing || c.owed:
		// Fails only on a closed connection.
		_ = c.socket.nc.SetWriteDeadline(time.Now().Add(hangupWait))
	case c.out == nil || len(c.out.b) == 0:
		c.kill("")
	}
}

// Abort closes the connection at once.
func (c *Conn) Abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kill("")
}

// kill ends the connection without waiting for anything, for a reason that is worth a
// warning unless it is empty. The reader does the rest. mu is held.
func (c *Conn) kill(reason string) {
	if c.dead.Load() {
		return
	}
	c.dead.Store(true)
	c.reason = reason
	c.dropOut()
	c.socket.shut()
	c.signal()
}

// dropOut forgets the out buffer. mu is held.
func (c *Conn) dropOut() {
	if c.out == nil {
		return
	}
	c.out.b = c.out.b[:0]
	c.server.pools.putOutput(c.out)
	c.out = nil
}
