package conn

import "gokeeper/server/proto"

// hangLimit is how many reads may wait on a connection for its unfinished writes.
const hangLimit = 256

// heldLimit is how many bytes of unfinished requests the server holds before
// connections that have one are not read.
const heldLimit = 128 << 20

// pending is an unfinished write and the reads that hang on it.
type pending struct {
	reads []proto.Request
	held  int64 // bytes of all bodies
	large int64 // those of large requests
}

// queue holds what is unfinished, oldest first. The zero value is empty.
type queue struct {
	items []pending
	head  int // items before it are answered
	hung  int // reads in all items
}

func (q *queue) empty() bool { return q.head == len(q.items) }

func (q *queue) newest() *pending { return &q.items[len(q.items)-1] }

func (q *queue) push() *pending {
	if q.head > 16 && q.head > len(q.items)/2 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, pending{})
	return q.newest()
}

// pop removes the oldest. The memory of a short queue is kept.
func (q *queue) pop() pending {
	p := q.items[q.head]
	q.items[q.head] = pending{}
	q.head++
	q.hung -= len(p.reads)
	if q.empty() {
		q.items, q.head = q.items[:0], 0
		if cap(q.items) > 16 {
			q.items = nil
		}
	}
	return p
}

// hold counts a body of n bytes as unfinished.
func (c *Conn) hold(p *pending, n int) {
	p.held += int64(n)
	c.server.held.Add(int64(n))
	if c.server.isLarge(n) {
		p.large += int64(n)
		c.server.large.Add(int64(n))
	}
}

// letGo is the opposite of hold for everything in p.
func (s *Server) letGo(p *pending) {
	s.held.Add(-p.held)
	if p.large != 0 {
		s.large.Add(-p.large)
	}
}

// enqueue makes room for a write of n bytes that is about to be submitted.
func (c *Conn) enqueue(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.hold(c.queue.push(), n)
	c.queued.Add(1)
	c.server.outstanding.Add(1)
}

// hang puts a read of n bytes behind the newest unfinished write. It returns false
// when there is none any more.
func (c *Conn) hang(r *proto.Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queue.empty() {
		return false
	}
	p := c.queue.newest()
	p.reads = append(p.reads, *r)
	c.queue.hung++
	c.hold(p, len(r.Body))
	c.queued.Add(1)
	c.server.outstanding.Add(1)
	return true
}

// Done says that the oldest unfinished write is answered, and returns the reads that
// hang on it. The caller answers them, in order, before the reply to any later write.
func (c *Conn) Done() []proto.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queue.empty() {
		return nil // the connection has ended
	}
	p := c.queue.pop()
	c.server.letGo(&p)
	c.signal()
	return p.reads
}

// crowded says that the next request must wait: too much is unfinished. A
// connection without an unfinished request may always have one.
func (c *Conn) crowded() bool {
	if c.queued.Load() == 0 {
		return false
	}
	s := c.server
	if s.outstanding.Load() > int64(s.opt.Outstanding) || s.held.Load() > heldLimit {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queue.hung >= hangLimit
}
