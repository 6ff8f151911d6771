package sim

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"gokeeper/server/database"
	"gokeeper/server/jute"
	"gokeeper/server/member"
	"gokeeper/server/proto"
	"gokeeper/server/replica"
	"gokeeper/server/session"
)

// connection is a server's end of a connection with a client. It implements
// database.Client, and does with requests what conn.Conn does: a read that has an
// unfinished write before it hangs on that.
type connection struct {
	p      *process
	client *client
	number int   // of the client's connections
	leads  bool  // the server does, as long as there is the connection
	out    *pipe // to the client

	buffer  []byte
	owed    bool
	pending [][]proto.Request // unfinished requests in order, each with the reads that hang on it
	asked   proto.SessionID   // for it to go on
	session proto.SessionID
	timeout int32
	since   time.Duration // that the session is open here
	stay    int           // of the process then
	heard   int64
	opened  bool
	carried bool
	hangup  bool
	closing bool           // nothing more is read
	unknown *proto.Request // one that does not exist, which is answered in its turn
	ids     []proto.Identity
	gained  []proto.Zxid // up to which the tree was when they became more
	dead    bool
	ended   bool // and forgotten
}

// Timeouts of sessions that servers grant, in ticks.
const (
	leastTimeout = 2
	mostTimeout  = 20
)

// accept begins a connection of the client.
func (p *process) accept(c *client, number int) *connection {
	w := p.s.w
	x := &connection{
		p: p, client: c, number: number, leads: p.steps.Member().Role() == member.Leading,
		out: w.net.pipe(fmt.Sprintf("client %d %d from", c.id, number), endpoint(p.s.id), c.endpoint()),
		ids: c.nobody(),
	}
	p.conns[x] = struct{}{}
	return x
}

func (p *process) sortedConns() []*connection {
	var list []*connection
	for c := range p.conns {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *connection) int { return a.client.id*1_000_000 + a.number - b.client.id*1_000_000 - b.number })
	return list
}

// drop closes all connections, as a role ends.
func (p *process) drop() {
	p.stay++
	for _, c := range p.sortedConns() {
		c.Abort()
	}
}

// connect handles the connect request.
func (c *connection) connect(r *proto.ConnectRequest) {
	p := c.p
	c.touch()
	c.asked = r.Session
	serving, readOnly := p.replica.Serving()
	if !serving || readOnly && !r.ReadOnly || r.LastZxidSeen > p.db.LastZxid() {
		c.Abort()
		return
	}
	tick := int32(p.s.w.plan.tick.Milliseconds())
	timeout := session.Negotiate(r.Timeout, leastTimeout*tick, mostTimeout*tick)
	if r.Session != 0 {
		if old := p.db.Carrier(r.Session); old != nil {
			old.Abort()
		}
		if want := session.Password(r.Session); string(r.Password) != string(want[:]) {
			c.refuse()
			return
		}
	}
	p.replica.Open(&replica.Open{Client: c, Session: r.Session, Timeout: timeout, Refuse: c.refuse, ReadOnly: c.refuseReadOnly})
}

func (c *connection) touch() {
	c.heard = (c.p.s.w.now - c.p.begun).Milliseconds() + 1
	c.p.touch(c.session, c.timeout)
}

// request handles one request of the client.
func (c *connection) request(r proto.Request) {
	if c.dead || c.closing || !c.opened {
		return
	}
	c.touch()
	switch {
	case r.Op == proto.OpAuth:
		c.authenticate(&r)
		return
	case r.Op == proto.OpDeleteContainer:
		c.Flush()
		c.kill(true)
		return
	}
	r.IDs = c.ids
	switch {
	case !r.Op.IsRead() && !r.Op.IsWrite() || r.Op == proto.OpCreateSession:
		c.closing, c.unknown = true, &r
		c.Flush()
	case r.Op.IsWrite() || r.Op == proto.OpSync:
		c.pending = append(c.pending, nil)
		c.closing = r.Op == proto.OpCloseSession
		c.p.replica.Submit(&replica.Write{Client: c, Session: c.session, Request: r})
	case len(c.pending) > 0:
		n := len(c.pending) - 1
		c.pending[n] = append(c.pending[n], r)
	default:
		c.p.db.Read(c, &r)
		c.Flush()
	}
}

// authenticate handles an auth packet at once, whatever is unfinished.
func (c *connection) authenticate(r *proto.Request) {
	var a proto.AuthPacket
	a.Decode(jute.NewDecoder(r.Body))
	ids, err := policy().Authenticate(string(a.Scheme), a.Auth, netip.Addr{})
	c.reply(r.Xid, 0, err)
	c.Flush()
	if err != proto.OK {
		c.closing = true
		c.Hangup()
		return
	}
	c.ids = with(c.ids, ids)
	c.gained = append(c.gained, c.p.db.LastZxid())
}

// reply appends a reply without a record.
func (c *connection) reply(xid int32, zxid proto.Zxid, err proto.Error) {
	h := proto.ReplyHeader{Xid: xid, Zxid: zxid, Err: err}
	c.packet(h.Append(make([]byte, 4)))
}

// packet appends a packet that has room for its length in front.
func (c *connection) packet(b []byte) {
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	c.buffer = append(c.buffer, b...)
	c.owed = true
}

// Buffer implements database.Client, as do the others.
func (c *connection) Buffer() []byte { return c.buffer }

// Release takes the buffer back.
func (c *connection) Release(b []byte) bool {
	if c.dead {
		c.buffer = nil
		return false
	}
	c.buffer = b
	first := !c.owed
	c.owed = true
	return first
}

// Flush sends what is in the buffer, packet by packet.
func (c *connection) Flush() {
	if c.unknown != nil && len(c.pending) == 0 && !c.hangup {
		c.reply(c.unknown.Xid, proto.NoZxid, proto.Unimplemented)
		c.hangup = true
	}
	c.owed = false
	b := c.buffer
	c.buffer = nil
	for len(b) > 0 && !c.dead {
		n := 4 + int(binary.BigEndian.Uint32(b))
		packet := b[4:n:n]
		b = b[n:]
		c.out.put(item{size: n, whole: func() { c.client.receive(c, packet) }})
	}
	if c.hangup {
		c.kill(true)
	}
}

// Done returns the reads behind the oldest unfinished request.
func (c *connection) Done() []proto.Request {
	if len(c.pending) == 0 {
		return nil
	}
	reads := c.pending[0]
	c.pending = c.pending[1:]
	return reads
}

// Opened answers the connect request.
func (c *connection) Opened(id proto.SessionID, timeout int32, password [16]byte, readOnly bool) {
	if c.opened {
		return
	}
	c.opened, c.carried = true, true
	c.session, c.timeout = id, timeout
	c.since, c.stay = c.p.s.w.now, c.p.stay
	if c.ended {
		c.p.s.after(0, func() { c.p.do(func() { c.p.db.Detach(c) }) })
	}
	if c.dead {
		return
	}
	c.respond(&proto.ConnectResponse{Timeout: timeout, Session: id, Password: password, HasReadOnly: true, ReadOnly: readOnly})
}

// refuse answers the connect request: there is no such session.
func (c *connection) refuse() {
	if c.opened || c.dead {
		return
	}
	c.opened = true
	c.p.refuses(c.asked)
	c.respond(&proto.ConnectResponse{HasReadOnly: true})
	c.Hangup()
	c.Flush()
}

// refuseReadOnly answers the connect request as a server does that only serves reads and
// can open no session: with what is no response to it.
func (c *connection) refuseReadOnly() {
	if c.opened || c.dead {
		return
	}
	c.reply(0, c.p.db.LastZxid(), proto.NotReadOnly)
	c.Flush()
}

func (c *connection) respond(r *proto.ConnectResponse) { c.packet(r.Append(make([]byte, 4))) }

// Hangup closes the connection once everything is sent.
func (c *connection) Hangup() {
	c.hangup = true
	if len(c.buffer) == 0 {
		c.kill(true)
	}
}

// Abort closes the connection at once.
func (c *connection) Abort() { c.kill(true) }

// kill ends the connection: its reader notices, and forgets it.
func (c *connection) kill(tell bool) {
	if c.dead {
		return
	}
	c.die(tell)
	c.out.after(time.Duration(c.out.IntN(500))*time.Microsecond, func() {
		c.p.do(func() {
			delete(c.p.conns, c)
			c.ended = true
			if c.carried {
				c.p.db.Detach(c)
			}
		})
	})
}

// die closes the connection, and may tell the client.
func (c *connection) die(tell bool) {
	c.dead = true
	var news func()
	if tell {
		news = func() { c.client.lost(c) }
	}
	c.out.end(news)
}

// Identities returns who the client is by now.
func (c *connection) Identities() []proto.Identity { return c.ids }

// Answered counts a reply.
func (c *connection) Answered(op proto.Op, _ int32, _ proto.Zxid, _ int64) {
	c.p.s.w.stats.Replies[op.String()]++
}

// Heard returns when the client was last heard, in the process's monotonic milliseconds.
func (c *connection) Heard() int64 { return c.heard }

// Timeout returns the timeout of the session in milliseconds.
func (c *connection) Timeout() int32 { return c.timeout }

// Session returns the session, 0 before there is one.
func (c *connection) Session() proto.SessionID { return c.session }

var _ database.Client = (*connection)(nil)
