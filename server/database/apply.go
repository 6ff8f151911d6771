package database

import (
	"slices"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/session"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
)

// Commit is a committed transaction and, when it answers a request of a connection
// of this server, that connection and request.
type Commit struct {
	Txn    txn.Txn
	Client Client // nil: nobody here waits for it
	Xid    int32
	Op     proto.Op
	Read   int64  // when the request was read, monotonic nanoseconds
	Body   []byte // the request's record, if it is audited
	Local  bool   // it asks for an ephemeral of a session that is local and stays so: any error says that
}

// lockSpan is how many transactions are applied before readers get a turn.
const lockSpan = 64

// Apply applies the transactions in order, fires events, answers the requests behind
// them and the reads that hang on those, and sends what it wrote. mismatch is called
// for a transaction whose digest is not that of the tree.
func (d *Database) Apply(batch []Commit, mismatch func(*txn.Txn)) {
	for len(batch) > 0 {
		n := min(len(batch), lockSpan)
		d.mu.Lock()
		for i := range batch[:n] {
			d.apply(&batch[i], mismatch)
		}
		dirty := d.dirty
		d.dirty = nil
		d.mu.Unlock()
		if d.traffic.Write != nil {
			for i := range batch[:n] {
				d.countWrite(batch[i].Txn.Body)
			}
		}
		d.tellOutcomes()
		for _, c := range dirty {
			c.Flush()
		}
		clear(dirty)
		d.dirty = dirty[:0]
		batch = batch[n:]
	}
}

func (d *Database) apply(c *Commit, mismatch func(*txn.Txn)) {
	r := &d.result
	r.Reset()
	d.tree.Apply(&c.Txn, r)
	if r.Mismatch {
		mismatch(&c.Txn)
	}
	if d.traffic.Audit != nil {
		d.outcome(c, r)
	}
	for i := range r.Changes {
		d.fire(c.Txn.Zxid, &r.Changes[i])
	}
	switch body := c.Txn.Body.(type) {
	case *txn.CreateSession:
		d.open(c, body.Timeout)
	case *txn.CloseSession:
		d.close(c)
	default:
		if c.Client != nil {
			d.reply(c, r)
		}
	}
}

// open records a new session and answers the connection that asked for it.
func (d *Database) open(c *Commit, timeout int32) {
	id := c.Txn.Session
	s := d.sessions[id]
	if s == nil {
		s = &live{}
		d.sessions[id] = s
	}
	s.timeout, s.touch = timeout, timeout
	d.promoted(id, s)
	if c.Client == nil {
		return
	}
	s.client = c.Client
	c.Client.Opened(id, timeout, session.Password(id), false)
	d.dirty = append(d.dirty, c.Client)
}

// close forgets a session, answers the client that closed it, and ends the
// connection that carries it here.
func (d *Database) close(c *Commit) {
	s := d.sessions[c.Txn.Session]
	delete(d.sessions, c.Txn.Session)
	if c.Client != nil {
		b := c.Client.Buffer()
		start := len(b)
		b = appendHeader(b, c.Xid, d.tree.LastZxid(), proto.OK)
		c.Client.Answered(c.Op, c.Xid, d.tree.LastZxid(), c.Read)
		d.release(c.Client, endPacket(b, start))
		c.Client.Hangup()
	}
	if s != nil && s.client != nil && s.client != c.Client {
		s.client.Hangup()
		d.dirty = append(d.dirty, s.client)
	}
}

// release gives the buffer back and remembers to flush the client.
func (d *Database) release(c Client, b []byte) {
	if c.Release(b) {
		d.dirty = append(d.dirty, c)
	}
}

// fire sends the events of one change to whom it concerns and who may read the node.
func (d *Database) fire(zxid proto.Zxid, ch *tree.Change) {
	d.fired = fired{zxid: zxid, change: ch, packet: d.fired.packet[:0]}
	d.watches.Trigger(ch.Type, ch.Path, d.emit)
	d.tellFired()
}

// tellFired reports the events of one type that were sent.
func (d *Database) tellFired() {
	f := &d.fired
	if f.told > 0 && d.traffic.Event != nil {
		d.traffic.Event(f.typ, f.told, int64(f.told*len(f.packet)))
	}
	f.told = 0
}

// fired is the change whose watches are being triggered. The packet of the last event
// is kept, since most watchers get the same one.
type fired struct {
	zxid   proto.Zxid
	change *tree.Change
	typ    proto.EventType
	packet []byte
	told   int // how many got it
}

// notify appends the event to the watcher's buffer, unless it may not read the node:
// the parent for a change of children, otherwise the node itself.
func (d *Database) notify(w Client, typ proto.EventType, path string) {
	f := &d.fired
	acl := f.change.ACL
	if typ == proto.EventNodeChildrenChanged {
		acl = f.change.ParentACL
	}
	if !d.policy.Allows(acl, w.Identities(), proto.PermRead) {
		return
	}
	if len(f.packet) == 0 || typ != f.typ {
		d.tellFired()
		f.typ, f.packet = typ, proto.AppendEvent(f.packet[:0], f.zxid, typ, path)
	}
	f.told++
	d.release(w, append(w.Buffer(), f.packet...))
}

// reply answers the request behind a transaction, and the reads that hang on it.
func (d *Database) reply(c *Commit, r *tree.Result) {
	if moved(r) {
		c.Client.Abort()
		return
	}
	if c.Local && c.Txn.Type == proto.OpError { // the leader only knows that the ensemble has no such session
		r.Err = proto.EphemeralOnLocalSession
	}
	zxid := d.tree.LastZxid()
	b := c.Client.Buffer()
	start := len(b)
	b = appendHeader(b, c.Xid, zxid, r.Err)
	switch body, ok := c.Txn.Body.(*txn.SetData); {
	case r.Err != proto.OK:
	case ok && c.Op == proto.OpReconfig:
		b = r.Stat.Append(jute.AppendBuffer(b, body.Data))
	default:
		b = appendResult(b, c.Op, r)
	}
	c.Client.Answered(c.Op, c.Xid, zxid, c.Read)
	d.release(c.Client, endPacket(b, start))
	for _, r := range c.Client.Done() {
		b := c.Client.Buffer()
		b = d.answer(b, c.Client, &r)
		d.release(c.Client, b)
	}
}

// moved says whether the write, or one inside a multi, came through a connection that
// its session has left.
func moved(r *tree.Result) bool {
	return r.Err == proto.SessionMoved || slices.ContainsFunc(r.Ops, func(op tree.OpResult) bool { return op.Err == proto.SessionMoved })
}

// appendResult appends the record that answers a successful write.
func appendResult(b []byte, op proto.Op, r *tree.Result) []byte {
	switch op {
	case proto.OpCreate:
		return jute.AppendString(b, r.Path)
	case proto.OpCreate2, proto.OpCreateContainer, proto.OpCreateTTL:
		return r.Stat.Append(jute.AppendString(b, r.Path))
	case proto.OpSetData, proto.OpSetACL:
		return r.Stat.Append(b)
	case proto.OpMulti:
		return appendMulti(b, r.Ops)
	}
	return b
}

// appendMulti appends the results of a multi. When one operation failed, those
// before it show code 0, and all are error results.
func appendMulti(b []byte, ops []tree.OpResult) []byte {
	failed := false
	for i := range ops {
		failed = failed || ops[i].Type == proto.OpError
	}
	for i := range ops {
		op := &ops[i]
		if failed {
			b = proto.AppendMultiError(b, op.Err)
			continue
		}
		h := proto.MultiHeader{Op: multiResultType(op.Type)}
		b = h.Append(b)
		switch op.Type {
		case proto.OpCreate:
			b = jute.AppendString(b, op.Path)
		case proto.OpCreate2, proto.OpCreateContainer, proto.OpCreateTTL:
			b = op.Stat.Append(jute.AppendString(b, op.Path))
		case proto.OpSetData:
			b = op.Stat.Append(b)
		}
	}
	return proto.AppendMultiEnd(b)
}

// multiResultType returns the type of an operation's result: all creates that answer
// with a stat share one.
func multiResultType(op proto.Op) proto.Op {
	switch op {
	case proto.OpCreateContainer, proto.OpCreateTTL:
		return proto.OpCreate2
	}
	return op
}
