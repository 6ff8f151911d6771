package sim

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"gokeeper/server/auth"
	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/txn"
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

	readOnly bool             // the server serves reads only
	book     *ledger          // what the server shows; nil: nobody knows
	closing  bool             // nothing more is asked for on the connection
	over     bool             // the session is closed
	ids      []proto.Identity // who it is to the server, once that has read what was sent
	granted  []proto.Identity // who it is by the answers so far
	auths    []credentials    // without an answer

	session  proto.SessionID
	password []byte
	timeout  time.Duration
	seen     proto.Zxid // of the last reply
	wrote    proto.Zxid // by its last write
	xid      int32
	waiting  []*operation // no reply yet, oldest first
	watches  *watches
	quiet    bool   // asks for nothing any more but keeps its session
	secret   string // its credentials; "": none
	permits  bool   // a server that serves reads only will do
}

// credentials are what a client has sent, and what they give.
type credentials struct {
	ids []proto.Identity
	err proto.Error
}

// operation is a request, and what its reply must be.
type operation struct {
	xid       int32
	op        proto.Op
	what      string
	body      []byte
	ids       []proto.Identity // who asks
	floor     proto.Zxid       // acknowledged by anybody before it was sent
	ephemeral bool             // it creates one
	silent    bool             // there is no reply
	check     func(r *reply)
	done      func(r *reply) // told the reply, or nil when there is none
}

// reply is a reply to an operation.
type reply struct {
	c    *client
	op   *operation
	zxid proto.Zxid
	err  proto.Error
	d    *jute.Decoder
	l    *ledger // what the server shows
}

func (r *reply) wrong(format string, args ...any) {
	r.c.w.violated("Reply", "client %d: %s at %v: %s", r.c.id, r.op.what, r.zxid, fmt.Sprintf(format, args...))
}

func (c *client) endpoint() endpoint { return clientEndpoint + endpoint(c.id) }

func newClient(w *world, id int) *client {
	c := &client{w: w, id: id, source: w.schedule.source(fmt.Sprintf("client %d", id)), watches: newWatches()}
	c.permits = !c.chance(4)
	if c.chance(2) {
		c.secret = secrets[c.IntN(len(secrets))]
	}
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
		HasReadOnly: true, ReadOnly: c.permits,
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
	c.conn, c.out, c.open, c.closing = nil, nil, false, false
	c.ids, c.granted, c.auths = nil, nil, nil
	lost := c.waiting
	c.waiting = nil
	for _, o := range lost {
		if o.done != nil {
			o.done(nil)
		}
	}
	if c.over || c.readOnly && c.chance(2) {
		c.forget()
	}
	c.readOnly = false
	c.after(c.between(time.Millisecond, c.w.plan.tick/2), c.connect)
}

// forget begins without a session.
func (c *client) forget() {
	c.session, c.password, c.seen, c.wrote, c.over = 0, nil, 0, 0, false
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
	case c.readOnly && c.chance(20):
		c.w.trace("client %d looks for a server with a leader", c.id)
		c.disconnect()
	case c.open && !c.closing && silent > c.timeout/4 && len(c.waiting) == 0:
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
		if c.book == nil {
			return
		}
		if zxid == proto.NoZxid {
			c.watches.expected = append(c.watches.expected, e) // compared at the reply to setWatches
		} else if wrong := c.watches.got(c.w.ledger, e, c.granted); wrong != "" {
			c.w.violated("Watch", "client %d: %s", c.id, wrong)
		}
		return
	}
	if xid == xidAuth {
		c.authenticated(err)
		return
	}
	if len(c.waiting) == 0 || c.waiting[0].xid != xid {
		c.w.violated("SessionOrder", "client %d: a reply to %d, which is not the oldest request", c.id, xid)
		return
	}
	o := c.waiting[0]
	if o.silent {
		c.w.violated("SessionOrder", "client %d: a reply to %s", c.id, o.what)
	}
	c.waiting = c.waiting[1:]
	c.replied(&reply{c, o, zxid, err, d, c.book})
}

// opened takes in the answer to the connect request.
func (c *client) opened(d *jute.Decoder) {
	var r proto.ConnectResponse
	r.Decode(d)
	if d.Err() != nil {
		if !c.w.plan.readOnly || c.w.plan.local || c.session != 0 {
			c.w.violated("Session", "client %d: no response to the connect request: %v", c.id, d.Err())
		}
		c.w.stats.Events["sessions that read-only servers cannot open"]++
		c.disconnect()
		return
	}
	if r.Session == 0 {
		c.w.trace("client %d: session %v is gone", c.id, c.session)
		c.w.stats.Events["sessions refused"]++
		c.forget()
		c.disconnect()
		return
	}
	if c.session != 0 && c.session != r.Session {
		c.w.violated("Session", "client %d: asked for session %v and got %v", c.id, c.session, r.Session)
	}
	if r.ReadOnly && !c.permits {
		c.w.violated("Session", "client %d is served reads only, which it does not permit", c.id)
	}
	c.w.trace("client %d: session %v at %d, reads only %v", c.id, r.Session, c.server, r.ReadOnly)
	if c.session == 0 {
		c.w.began(r.Session, c.conn, r.ReadOnly)
	} else {
		c.moved(r.ReadOnly)
	}
	c.session, c.password, c.open, c.readOnly = r.Session, r.Password[:], true, r.ReadOnly
	c.timeout = time.Duration(r.Timeout) * time.Millisecond
	c.book = c.conn.p.ledger()
	if c.readOnly {
		c.w.stats.Events["read-only sessions"]++
	}
	c.ids, c.granted = c.nobody(), c.nobody()
	if c.secret != "" {
		c.authenticate(c.secret)
	}
	if !c.watches.empty() {
		c.setWatches()
	}
	c.work(c.number)
}

// moved checks that a session that goes on may do so at this server.
func (c *client) moved(readOnly bool) {
	s := c.w.locals[c.session]
	switch global := c.w.ledger.knew(c.session); {
	case !global && s != nil && s.server != quorum.ServerID(c.server) && !readOnly:
		c.w.violated("LocalSession", "client %d: session %v is local to %v, and goes on at %d", c.id, c.session, s.server, c.server)
	case global && readOnly && c.conn.p.db.Global(c.session):
		c.w.violated("Session", "client %d: session %v of the ensemble goes on at %d, which only serves reads", c.id, c.session, c.server)
	}
}

// address is where the client is.
func (c *client) address() string { return fmt.Sprintf("10.1.0.%d", c.id) }

// nobody returns who a client is without credentials.
func (c *client) nobody() []proto.Identity {
	return []proto.Identity{{Scheme: auth.IP, ID: c.address()}}
}

// xidAuth is the xid of auth packets. Their replies come out of turn.
const xidAuth = -4

// authenticate sends credentials.
func (c *client) authenticate(secret string) {
	c.present(auth.Digest, []byte(secret), credentials{ids: proven(secret)})
}

// present sends an auth packet.
func (c *client) present(scheme string, proof []byte, a credentials) {
	c.auths = append(c.auths, a)
	c.ids = with(c.ids, a.ids)
	body := (&proto.AuthPacket{Scheme: []byte(scheme), Auth: proof}).Append(nil)
	c.send(proto.Request{Xid: xidAuth, Op: proto.OpAuth, Body: body})
}

// with returns the identities and those that are not among them.
func with(ids, more []proto.Identity) []proto.Identity {
	ids = slices.Clone(ids)
	for _, id := range more {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// authenticated takes in the answer to credentials.
func (c *client) authenticated(err proto.Error) {
	if len(c.auths) == 0 || c.auths[0].err != err {
		c.w.violated("Reply", "client %d: credentials are answered with %v", c.id, err)
		return
	}
	if err == proto.OK {
		if !c.readOnly && !c.rearming() { // until then it was told what it could read before
			c.watches.see(c.w.ledger, c.conn.gained[0], c.granted)
		}
		c.conn.gained = c.conn.gained[1:]
	}
	c.granted = with(c.granted, c.auths[0].ids)
	c.auths = c.auths[1:]
	c.w.stats.Replies[proto.OpAuth.String()]++
}

// ask sends a request.
func (c *client) ask(op proto.Op, what string, body []byte, check func(r *reply)) *operation {
	xid := int32(proto.XidPing)
	if op != proto.OpPing {
		c.xid++
		xid = c.xid
	}
	o := &operation{xid: xid, op: op, what: what, body: body, ids: c.ids, floor: c.w.acknowledged, check: check, silent: c.closing}
	c.waiting = append(c.waiting, o)
	c.send(proto.Request{Xid: xid, Op: op, Body: body})
	return o
}

// send sends a packet.
func (c *client) send(r proto.Request) {
	number := c.number
	c.out.put(item{size: 20 + len(r.Body), whole: func() {
		x := c.conn
		if x == nil || x.number != number {
			return
		}
		x.p.do(func() { x.request(r) })
	}})
}

// replied checks what holds for every reply, and then what holds for this one.
func (c *client) replied(r *reply) {
	o := r.op
	if o.op != proto.OpPing {
		c.w.trace("client %d: %s at %v: %v", c.id, o.what, r.zxid, r.err)
	}
	if r.err != proto.OK {
		c.w.stats.Errors[r.err.Error()]++
	}
	if r.err == proto.Unimplemented {
		c.unimplemented(r)
		return
	}
	if r.zxid < c.seen {
		c.w.violated("SessionOrder", "client %d: %s at %v behind a reply at %v", c.id, o.what, r.zxid, c.seen)
	}
	if !isSetWatches(o.op) && !c.readOnly {
		if wrong := c.watches.replied(r.l, r.zxid, c.granted); wrong != "" {
			c.w.violated("Watch", "client %d: %s: %s", c.id, o.what, wrong)
		}
	}
	switch {
	case c.refusedReadOnly(r), o.op.IsWrite() && c.unwritten(r):
	default:
		if o.op.IsWrite() {
			c.written(r)
			c.become(r)
		}
		if o.check != nil && r.l != nil {
			o.check(r)
		}
	}
	if o.done != nil {
		o.done(r)
	}
	c.seen = r.zxid
}

func isSetWatches(op proto.Op) bool { return op == proto.OpSetWatches || op == proto.OpSetWatches2 }

// rearming says whether the server knows of no watches yet.
func (c *client) rearming() bool { return len(c.waiting) > 0 && isSetWatches(c.waiting[0].op) }

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

// refusedReadOnly says whether a request is no read, and the server serves nothing else:
// then it must refuse it, but for the end of a session of its own.
func (c *client) refusedReadOnly(r *reply) bool {
	refused, write := r.err == proto.NotReadOnly, r.op.op.IsWrite() || r.op.op == proto.OpSync
	own := r.op.op == proto.OpCloseSession && c.w.plan.local
	if refused != (c.readOnly && write && !own) {
		r.wrong("error %v, and the server serves reads only: %v", r.err, c.readOnly)
	}
	return c.readOnly && write
}

// unwritten says whether a write has become no transaction, since it is the business of
// the server that knows the local session, or could not be read by one that does not lead.
func (c *client) unwritten(r *reply) bool {
	if r.err == proto.MarshallingError && r.op.op != proto.OpMulti && !c.conn.leads {
		want, ok := c.w.ledger.foresee(r.zxid, r.op, c.session, proto.OK)
		if e := c.w.ledger.at(r.zxid); !ok || want.err != proto.MarshallingError || e != nil && e.txn.Session == c.session && e.txn.Cxid == r.op.xid {
			r.wrong("error %v of a server that does not lead", r.err)
		}
		return true
	}
	return r.op.op == proto.OpCloseSession && c.w.locals[c.session] != nil && !c.w.ledger.knew(c.session)
}

// local returns what becomes of an ephemeral that a session asks for which is local and
// stays so: a leader knows that of its own, and tells others that it does not know it.
func (c *client) local() proto.Error {
	switch {
	case c.w.locals[c.session] == nil || c.w.plan.upgrade:
		return proto.OK
	case c.conn.leads:
		return proto.EphemeralOnLocalSession
	}
	return proto.SessionExpired
}

// unimplemented checks the answer to an operation that does not exist. It tells of no
// zxid, and the server ends the connection behind it.
func (c *client) unimplemented(r *reply) {
	if op := r.op.op; op.IsRead() || op.IsWrite() && op != proto.OpCreateSession || r.zxid != proto.NoZxid {
		r.wrong("error %v", r.err)
	}
}

// overhead is about how much longer than its request a transaction is.
const overhead = 256

// become compares what a write has become, and what its reply tells, with what had to
// become of it.
func (c *client) become(r *reply) {
	l := c.w.ledger
	e := l.at(r.zxid)
	if e == nil {
		return // was complained about
	}
	got := proto.OK
	if b, ok := e.txn.Body.(*txn.Error); ok {
		got = b.Code
	}
	local := c.local()
	if told := got; r.op.ephemeral && local != proto.OK && got != proto.OK {
		told = proto.EphemeralOnLocalSession // whatever the leader has found
		if r.err != told {
			r.wrong("error %v, want %v", r.err, told)
		}
	} else if r.err != told {
		r.wrong("error %v, but the transaction has %v", r.err, got)
		return
	}
	if got == proto.SessionExpired && local == proto.OK {
		if z := l.closed[c.session]; z == 0 || z > r.zxid {
			r.wrong("the session is not closed")
		}
		return
	}
	want, ok := l.foresee(r.zxid, r.op, c.session, local)
	switch {
	case !ok, got == proto.BadArguments && len(r.op.body)+overhead > c.w.plan.limit: // longer than a transaction may be
	case r.op.op == proto.OpMulti && want.err != proto.MarshallingError:
		r.multi(e, &want)
	case want.err != got:
		r.wrong("error %v, want %v", got, want.err)
	case got == proto.OK:
		r.record(&want)
	}
}

// record compares the record of a reply to a write that succeeded.
func (r *reply) record(want *outcome) {
	d := jute.NewDecoder(r.op.body)
	path := d.String()
	switch r.op.op {
	case proto.OpDelete:
		return
	case proto.OpCreate, proto.OpCreate2, proto.OpCreateContainer, proto.OpCreateTTL:
		path = r.d.String()
		v, data := r.l.node(path, r.zxid), d.Buffer()
		if path != want.paths[0] || v.czxid != r.zxid || !bytes.Equal(v.data, data) {
			r.wrong("created %s, which is %+v, want %s with %q", path, v, want.paths[0], data)
		}
	}
	if v := r.l.node(path, r.zxid); len(want.acls) > 0 && !slices.Equal(v.acl, want.acls[0]) {
		r.wrong("%s has the list %v, want %v", path, v.acl, want.acls[0])
	}
	if r.op.op != proto.OpCreate {
		r.stat(path)
	}
}

// multi compares a multi that can be read: its transaction and the results in its reply
// tell of each operation.
func (r *reply) multi(e *committed, want *outcome) {
	m, ok := e.txn.Body.(*txn.Multi)
	if !ok || r.err != proto.OK || len(m.Ops) != len(want.parts) {
		r.wrong("the transaction is %T of %v", e.txn.Body, r.err)
		return
	}
	paths := want.paths
	for i, op := range m.Ops {
		var h proto.MultiHeader
		h.Decode(r.d)
		if want.err != proto.OK {
			b, failed := op.Body.(*txn.Error)
			if h.Op != proto.OpError || h.Err != want.parts[i] || proto.Error(r.d.Int()) != want.parts[i] || failed && b.Code != want.parts[i] {
				r.wrong("operation %d has result %v, want %v", i, h.Err, want.parts[i])
			}
			continue
		}
		if h.Op != op.Type || h.Err != proto.OK {
			r.wrong("operation %d has result %v %v", i, h.Op, h.Err)
		}
		switch op.Type {
		case proto.OpCreate, proto.OpCreate2:
			if path := r.d.String(); path != paths[0] {
				r.wrong("operation %d has created %s, want %s", i, path, paths[0])
			}
			paths = paths[1:]
			if op.Type == proto.OpCreate2 {
				r.d.Bytes(proto.StatSize)
			}
		case proto.OpSetData:
			r.d.Bytes(proto.StatSize)
		}
	}
}
