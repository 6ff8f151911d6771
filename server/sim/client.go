package sim

import (
	"fmt"
	"time"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// client is a client with one session at a time, which it carries from server to server.
type client struct {
	w  *world
	id int
	*source

	conn   *connection // the server's end; nil until the server has heard of it
	number int         // of connections
	out    *pipe       // to the server; nil: not connected
	server int         // where it is connected
	open   bool        // the session is ready
	heard  time.Duration
	dead   bool // it is gone for ever

	session  proto.SessionID
	password []byte
	timeout  time.Duration
	seen     proto.Zxid // of the last reply
	wrote    proto.Zxid // by its last write
	xid      int32
	waiting  []*operation // no reply yet, oldest first
	watches  *watches
	quiet    bool // asks for nothing any more but keeps its session
}

// operation is a request, and what its reply must be.
type operation struct {
	xid   int32
	op    proto.Op
	what  string
	floor proto.Zxid // acknowledged by anybody before it was sent
	check func(r *reply)
	done  func(r *reply) // told the reply, or nil when there is none
}

// reply is a reply to an operation.
type reply struct {
	c    *client
	op   *operation
	zxid proto.Zxid
	err  proto.Error
	d    *jute.Decoder
}

func (r *reply) wrong(format string, args ...any) {
	r.c.w.violated("Reply", "client %d: %s at %v: %s", r.c.id, r.op.what, r.zxid, fmt.Sprintf(format, args...))
}

func (c *client) endpoint() endpoint { return clientEndpoint + endpoint(c.id) }

func newClient(w *world, id int) *client {
	c := &client{w: w, id: id, source: w.schedule.source(fmt.Sprintf("client %d", id)), watches: newWatches()}
	c.timeout = time.Duration(leastTimeout+c.IntN(mostTimeout)) * w.plan.tick / 2
	c.after(c.between(0, w.plan.tick), c.connect)
	c.after(0, c.tick)
	return c
}

// connect dials a server, any.
func (c *client) connect() {
	if c.dead || c.out != nil {
		return
	}
	c.number++
	id := c.w.ids[c.IntN(len(c.w.ids))]
	s := c.w.servers[id]
	c.server = int(id)
	c.out = c.w.net.pipe(fmt.Sprintf("client %d %d to", c.id, c.number), c.endpoint(), endpoint(id))
	c.heard = c.w.now
	out, number := c.out, c.number
	request := &proto.ConnectRequest{
		LastZxidSeen: c.seen, Timeout: int32(c.timeout.Milliseconds()), Session: c.session, Password: c.password,
		HasReadOnly: true,
	}
	out.put(item{size: 50, whole: func() {
		if s.process == nil {
			c.after(time.Millisecond, func() { c.refused(out) })
			return
		}
		s.process.do(func() {
			x := s.process.accept(c, number)
			if c.out == out {
				c.conn = x
			}
			x.connect(request)
		})
	}})
}

func (c *client) refused(out *pipe) {
	if c.out == out {
		c.disconnect()
	}
}

// lost is told that the connection is gone.
func (c *client) lost(x *connection) {
	if c.conn == x {
		c.disconnect()
	}
}

// disconnect ends the connection, and begins another one after a while.
func (c *client) disconnect() {
	if c.out == nil {
		return
	}
	c.w.trace("client %d is disconnected from %d", c.id, c.server)
	x := c.conn
	if x != nil {
		c.out.end(func() { x.p.do(func() { x.kill(false) }) })
	} else {
		c.out.end(nil)
	}
	c.conn, c.out, c.open = nil, nil, false
	lost := c.waiting
	c.waiting = nil
	for _, o := range lost {
		if o.done != nil {
			o.done(nil)
		}
	}
	c.after(c.between(time.Millisecond, c.w.plan.tick/2), c.connect)
}

// forget begins without a session.
func (c *client) forget() {
	c.session, c.password, c.seen, c.wrote = 0, nil, 0, 0
	c.watches = newWatches()
}

// tick keeps the connection alive, or gives it up.
func (c *client) tick() {
	if c.dead {
		return
	}
	switch silent := c.w.now - c.heard; {
	case c.out == nil:
	case silent > c.timeout*2/3:
		c.disconnect()
	case c.open && silent > c.timeout/4 && len(c.waiting) == 0:
		c.ask(proto.OpPing, "ping", nil, nil)
	}
	c.after(c.timeout/8, c.tick)
}

// receive takes in a packet of the server.
func (c *client) receive(x *connection, packet []byte) {
	if c.conn != x || c.dead {
		return
	}
	c.heard = c.w.now
	d := jute.NewDecoder(packet)
	if !c.open {
		c.opened(d)
		return
	}
	xid, zxid, err := d.Int(), proto.Zxid(d.Long()), proto.Error(d.Int())
	if xid == proto.XidEvent {
		typ := proto.EventType(d.Int())
		d.Int()
		e := change{zxid, typ, d.String()}
		c.w.trace("client %d: event %v", c.id, e)
		c.w.stats.Events["watch events"]++
		if zxid == proto.NoZxid {
			c.watches.expected = append(c.watches.expected, e) // compared at the reply to setWatches
		} else if wrong := c.watches.got(c.w.ledger, e); wrong != "" {
			c.w.violated("Watch", "client %d: %s", c.id, wrong)
		}
		return
	}
	if len(c.waiting) == 0 || c.waiting[0].xid != xid {
		c.w.violated("SessionOrder", "client %d: a reply to %d, which is not the oldest request", c.id, xid)
		return
	}
	o := c.waiting[0]
	c.waiting = c.waiting[1:]
	c.replied(&reply{c, o, zxid, err, d})
}

// opened takes in the answer to the connect request.
func (c *client) opened(d *jute.Decoder) {
	d.Int()
	timeout, id, password := d.Int(), proto.SessionID(d.Long()), d.Buffer()
	if id == 0 {
		c.w.trace("client %d: session %v is gone", c.id, c.session)
		c.w.stats.Events["sessions refused"]++
		c.forget()
		c.disconnect()
		return
	}
	if c.session != 0 && c.session != id {
		c.w.violated("Session", "client %d: asked for session %v and got %v", c.id, c.session, id)
	}
	c.w.trace("client %d: session %v at %d", c.id, id, c.server)
	c.session, c.password, c.open = id, password, true
	c.timeout = time.Duration(timeout) * time.Millisecond
	if !c.watches.empty() {
		c.setWatches()
	}
	c.work(c.number)
}

// ask sends a request.
func (c *client) ask(op proto.Op, what string, body []byte, check func(r *reply)) *operation {
	xid := int32(proto.XidPing)
	if op != proto.OpPing {
		c.xid++
		xid = c.xid
	}
	o := &operation{xid: xid, op: op, what: what, floor: c.w.acknowledged, check: check}
	c.waiting = append(c.waiting, o)
	out, number := c.out, c.number
	out.put(item{size: 20 + len(body), whole: func() {
		x := c.conn
		if x == nil || x.number != number {
			return
		}
		x.p.do(func() { x.request(proto.Request{Xid: xid, Op: op, Body: body}) })
	}})
	return o
}

// replied checks what holds for every reply, and then what holds for this one.
func (c *client) replied(r *reply) {
	o, l := r.op, c.w.ledger
	if o.op != proto.OpPing {
		c.w.trace("client %d: %s at %v: %v", c.id, o.what, r.zxid, r.err)
	}
	if r.zxid < c.seen {
		c.w.violated("SessionOrder", "client %d: %s at %v behind a reply at %v", c.id, o.what, r.zxid, c.seen)
	}
	if o.op != proto.OpSetWatches2 {
		if wrong := c.watches.replied(l, r.zxid); wrong != "" {
			c.w.violated("Watch", "client %d: %s: %s", c.id, o.what, wrong)
		}
	}
	if o.op.IsWrite() {
		c.written(r)
	}
	if o.check != nil {
		o.check(r)
	}
	if o.done != nil {
		o.done(r)
	}
	c.seen = r.zxid
}

// written checks the reply to a write: what it tells of is committed, behind everything
// that was acknowledged before it was sent, and behind the client's own writes.
func (c *client) written(r *reply) {
	e := c.w.ledger.at(r.zxid)
	switch {
	case e == nil:
		c.w.violated("AckImpliesCommit", "client %d: %s is acknowledged at %v, which is not committed", c.id, r.op.what, r.zxid)
		return
	case e.txn.Session != c.session || e.txn.Cxid != r.op.xid:
		c.w.violated("AckImpliesCommit", "client %d: %s, request %d, is acknowledged at %v, which is request %d of %v",
			c.id, r.op.what, r.op.xid, r.zxid, e.txn.Cxid, e.txn.Session)
	case r.zxid <= r.op.floor:
		c.w.violated("Linearizability", "client %d: %s got %v although %v was acknowledged before it was sent", c.id, r.op.what, r.zxid, r.op.floor)
	case r.zxid <= c.wrote:
		c.w.violated("SessionOrder", "client %d: %s got %v behind %v", c.id, r.op.what, r.zxid, c.wrote)
	}
	c.wrote = r.zxid
	c.w.acknowledged = max(c.w.acknowledged, r.zxid)
	c.w.stats.Events["writes"]++
	if r.err == proto.OK {
		c.w.succeeded++
		c.w.stats.Events["writes that succeeded"]++
	}
}

// setWatches arms again, at a new server, what was armed.
func (c *client) setWatches() {
	seen := c.seen
	b := jute.AppendLong(nil, int64(seen))
	for _, list := range c.watches.lists() {
		b = jute.AppendInt(b, int32(len(list)))
		for _, path := range list {
			b = jute.AppendString(b, path)
		}
	}
	c.watches.expected = nil
	c.ask(proto.OpSetWatches2, fmt.Sprintf("setWatches from %v", seen), b, func(r *reply) {
		got := c.watches.expected
		c.watches.rearmed(c.w.ledger, seen, r.zxid)
		for _, e := range got {
			if wrong := c.watches.missed(e); wrong != "" {
				r.wrong("%s", wrong)
			}
		}
		for _, e := range c.watches.expected {
			r.wrong("event %v did not come", e)
		}
		c.watches.expected = nil
		c.w.stats.Events["setWatches"]++
	})
}
