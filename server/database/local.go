package database

import (
	"gokeeper/server/proto"
	"gokeeper/server/session"
)

// What follows concerns requests and sessions that are no transactions.

// Finish answers a request that waited for its place in the order although it changes
// nothing, which is sync, and the reads that hang on it. The applier calls it.
func (d *Database) Finish(c Client, r *proto.Request) {
	d.inOrder(c, func(b []byte) []byte { return d.answer(b, c, r) })
}

// Fail answers a request with an error in its place, and the reads that hang on it. The
// applier calls it.
func (d *Database) Fail(c Client, r *proto.Request, err proto.Error) {
	d.inOrder(c, func(b []byte) []byte { return d.status(b, c, r, err) })
}

// status appends a reply without a record. The lock is held.
func (d *Database) status(b []byte, c Client, r *proto.Request, err proto.Error) []byte {
	start := len(b)
	b = appendHeader(b, r.Xid, d.tree.LastZxid(), err)
	c.Answered(r.Op, r.Xid, d.tree.LastZxid(), r.Read)
	return endPacket(b, start)
}

// inOrder adds the answer to the oldest unfinished request.
func (d *Database) inOrder(c Client, answer func([]byte) []byte) {
	d.mu.Lock()
	owed := c.Release(answer(c.Buffer()))
	for _, r := range c.Done() {
		if c.Release(d.answer(c.Buffer(), c, &r)) {
			owed = true
		}
	}
	d.mu.Unlock()
	if owed {
		c.Flush()
	}
}

// OpenLocal makes c the connection that carries a local session, a new one or one that is
// there, and answers its connect request; readOnly says that this server only serves
// reads. A local session is known to no other server and in no snapshot.
func (d *Database) OpenLocal(id proto.SessionID, c Client, timeout int32, readOnly bool) {
	d.mu.Lock()
	s := d.locals[id]
	if s == nil {
		s = &live{}
		d.locals[id] = s
	}
	if s.client != nil && s.client != c {
		s.client.Abort()
	}
	s.client, s.timeout, s.touch = c, timeout, timeout
	c.Opened(id, timeout, session.Password(id), readOnly)
	d.mu.Unlock()
	c.Flush()
}

// CloseLocal ends a local session and its connection. r is the closeSession request of c
// that is answered; without one the session has expired.
func (d *Database) CloseLocal(id proto.SessionID, c Client, r *proto.Request) {
	d.mu.Lock()
	s := d.locals[id]
	delete(d.locals, id)
	if c != nil {
		c.Release(d.status(c.Buffer(), c, r, proto.OK))
	} else if s != nil {
		c = s.client
	}
	if c != nil {
		c.Hangup()
	}
	d.mu.Unlock()
	if c != nil {
		c.Flush()
	}
}

// promoted moves the connection of a local session that has become the global session s.
func (d *Database) promoted(id proto.SessionID, s *live) {
	if l := d.locals[id]; l != nil {
		s.client, s.heard, s.touch = l.client, l.heard, l.touch
		delete(d.locals, id)
	}
}

// DropLocals forgets all local sessions: the role of this server has ended.
func (d *Database) DropLocals() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.locals)
}
