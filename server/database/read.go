package database

import (
	"bytes"
	"encoding/binary"
	"strings"

	"gokeeper/server/auth"
	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/watch"
)

// Read answers a request that changes no node. The connection's reader calls it when
// nothing of the connection is unfinished, and flushes the connection afterwards.
func (d *Database) Read(c Client, r *proto.Request) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if touchesWatches(r) {
		d.watching.Lock()
		defer d.watching.Unlock()
	}
	c.Release(d.answer(c.Buffer(), c, r))
}

// touchesWatches says whether a read changes the watch tables or looks at them.
func touchesWatches(r *proto.Request) bool {
	switch r.Op {
	case proto.OpExists, proto.OpGetData, proto.OpGetChildren, proto.OpGetChildren2:
		var d jute.Decoder
		d.Reset(r.Body, jute.DefaultLimit)
		d.Buffer()
		return d.Bool()
	case proto.OpSetWatches, proto.OpSetWatches2, proto.OpAddWatch, proto.OpCheckWatches, proto.OpRemoveWatches:
		return true
	}
	return false
}

func appendHeader(b []byte, xid int32, zxid proto.Zxid, err proto.Error) []byte {
	b = append(b, 0, 0, 0, 0)
	h := proto.ReplyHeader{Xid: xid, Zxid: zxid, Err: err}
	return h.Append(b)
}

// endPacket writes the length of the packet that begins at start and ends with b.
func endPacket(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

// answer appends the reply to a read. The lock is held, and the watches' too when
// touchesWatches says so.
func (d *Database) answer(b []byte, c Client, r *proto.Request) []byte {
	zxid := d.tree.LastZxid()
	xid := r.Xid
	if r.Op == proto.OpPing {
		xid = proto.XidPing
	}
	q := query{db: d, client: c, ids: r.IDs}
	q.d.Reset(r.Body, jute.DefaultLimit)
	if r.Op == proto.OpSetWatches || r.Op == proto.OpSetWatches2 {
		// its events stand before its reply
		b = q.setWatches(b, r.Op)
	}
	start := len(b)
	b = appendHeader(b, xid, zxid, proto.OK)
	b = q.run(b, r.Op)
	if q.d.Err() != nil {
		q.err = proto.MarshallingError
	}
	switch {
	case q.err == proto.OK:
	case q.body:
		appendHeader(b[:start], xid, zxid, q.err)
	default:
		b = appendHeader(b[:start], xid, zxid, q.err)
	}
	c.Answered(r.Op, r.Xid, zxid, r.Read)
	if r.Xid&(readSample-1) == 0 && q.err == proto.OK && d.traffic.Read != nil {
		d.sampleRead(r, b[start:])
	}
	return endPacket(b, start)
}

// query is one read on its way. err is its outcome; a decoding error goes before it.
type query struct {
	db     *Database
	client Client
	ids    []proto.Identity
	d      jute.Decoder
	err    proto.Error
	body   bool // the record is sent although err is set
}

// run appends the record that answers op.
func (q *query) run(b []byte, op proto.Op) []byte {
	switch op {
	case proto.OpPing, proto.OpSetWatches, proto.OpSetWatches2:
		return b
	case proto.OpExists:
		return q.exists(b)
	case proto.OpGetData:
		return q.getData(b)
	case proto.OpGetChildren, proto.OpGetChildren2:
		return q.getChildren(b, op)
	case proto.OpGetAllChildrenNumber:
		return q.countAll(b)
	case proto.OpGetACL:
		return q.getACL(b)
	case proto.OpGetEphemerals:
		return q.ephemerals(b)
	case proto.OpSync:
		return jute.AppendJavaString(b, q.d.Buffer())
	case proto.OpAddWatch:
		return q.addWatch(b)
	case proto.OpCheckWatches, proto.OpRemoveWatches:
		q.watches(op)
		return b
	case proto.OpWhoAmI:
		return q.whoAmI(b)
	case proto.OpMultiRead:
		return q.multi(b)
	}
	q.err = proto.Unimplemented
	return b
}

// node returns the node of the path, or none with the outcome when it is missing or
// perm is not granted.
func (q *query) node(path []byte, perm proto.Perm) tree.Node {
	if path == nil {
		q.err = proto.MarshallingError
		return tree.Node{}
	}
	n := q.db.tree.Find(path)
	switch {
	case !n.Exists():
		q.err = proto.NoNode
	case !q.db.policy.Allows(q.db.tree.ACL(n), q.ids, perm):
		q.err = proto.NoAuth
	default:
		return n
	}
	return tree.Node{}
}

func (q *query) pathWatch() (proto.PathWatch, bool) {
	var r proto.PathWatch
	r.Decode(&q.d)
	return r, q.d.Err() == nil
}

func (q *query) watch(path []byte, kind watch.Kind) {
	q.db.watches.Watch(q.client, watched(path), kind)
}

// watched returns the name under which a path is watched. It may be any string, or none:
// that has the name that Java prints for null.
func watched(path []byte) string {
	if path == nil {
		return "null"
	}
	return string(jute.Text(path))
}

// exists is the only read that arms a watch on a node that is not there.
func (q *query) exists(b []byte) []byte {
	r, ok := q.pathWatch()
	if !ok {
		return b
	}
	if bytes.IndexByte(r.Path, 0) >= 0 {
		q.err = proto.BadArguments
		return b
	}
	n := q.node(r.Path, proto.PermRead)
	if r.Watch && (n.Exists() || q.err == proto.NoNode) {
		q.watch(r.Path, watch.Data)
	}
	if !n.Exists() {
		return b
	}
	stat := n.Stat()
	return stat.Append(b)
}

func (q *query) getData(b []byte) []byte {
	r, ok := q.pathWatch()
	if !ok {
		return b
	}
	n := q.node(r.Path, proto.PermRead)
	if !n.Exists() {
		return b
	}
	if r.Watch {
		q.watch(r.Path, watch.Data)
	}
	stat := n.Stat()
	return stat.Append(n.AppendData(b))
}

func (q *query) getChildren(b []byte, op proto.Op) []byte {
	r, ok := q.pathWatch()
	if !ok {
		return b
	}
	n := q.node(r.Path, proto.PermRead)
	if !n.Exists() {
		return b
	}
	if r.Watch {
		q.watch(r.Path, watch.Child)
	}
	b = appendNames(b, n)
	if op == proto.OpGetChildren2 {
		stat := n.Stat()
		b = stat.Append(b)
	}
	return b
}

func appendNames(b []byte, n tree.Node) []byte {
	b = jute.AppendInt(b, int32(n.NumChildren()))
	for name := range n.Children() {
		b = jute.AppendString(b, name)
	}
	return b
}

func (q *query) countAll(b []byte) []byte {
	path := q.d.Buffer()
	if q.d.Err() != nil {
		return b
	}
	if n := q.node(path, proto.PermRead); n.Exists() {
		count := q.db.tree.CountDescendants(n)
		if len(path) == 0 {
			count++ // Java keeps the root under two names, and takes one off for "/" only
		}
		b = jute.AppendInt(b, int32(count))
	}
	return b
}

// getACL hides the secrets of digest ids from those who may not change the ACL.
func (q *query) getACL(b []byte) []byte {
	path := q.d.Buffer()
	if q.d.Err() != nil {
		return b
	}
	n := q.node(path, proto.PermRead|proto.PermAdmin)
	if !n.Exists() {
		return b
	}
	acl := q.db.tree.ACL(n)
	if !q.db.policy.Allows(acl, q.ids, proto.PermAdmin) {
		acl = auth.MaskDigest(acl)
	}
	stat := n.Stat()
	return stat.Append(proto.AppendACL(b, acl))
}

// ephemerals lists those of the own session whose path begins with a string, which
// need not be a path; none or a blank one stands for all.
func (q *query) ephemerals(b []byte) []byte {
	prefix := jute.JavaString(q.d.Buffer())
	if q.d.Err() != nil {
		return b
	}
	if t := strings.TrimFunc(prefix, func(r rune) bool { return r <= ' ' }); t == "" || t == proto.PathRoot {
		prefix = proto.PathRoot
	}
	var found []string
	for _, p := range q.db.tree.Ephemerals(q.client.Session()) {
		if strings.HasPrefix(p, prefix) {
			found = append(found, p)
		}
	}
	b = jute.AppendInt(b, int32(len(found)))
	for _, p := range found {
		b = jute.AppendString(b, p)
	}
	return b
}

func (q *query) whoAmI(b []byte) []byte {
	b = jute.AppendInt(b, int32(len(q.ids)))
	for _, id := range q.ids {
		b = jute.AppendString(b, id.Scheme)
		b = jute.AppendString(b, auth.UserName(id))
	}
	return b
}

// multi answers the operations of a multiRead one by one; they share a moment here,
// which Java does not promise.
//
// A null path, and writes in a multiRead, are an error behind which Java sends the
// results so far; with writes there are none, since reads and writes do not mix.
func (q *query) multi(b []byte) []byte {
	writes := q.d
	if ops := proto.DecodeMulti(&writes); len(ops) > 0 && writes.Err() == nil {
		q.err, q.body = proto.MarshallingError, true
		return proto.AppendMultiEnd(b)
	}
	whole := q.d
	for ok := true; ok; {
		_, ok = proto.NextMultiRead(&whole)
	}
	if whole.Err() != nil {
		q.d = whole
		return b
	}
	for {
		op, ok := proto.NextMultiRead(&q.d)
		if !ok {
			return proto.AppendMultiEnd(b)
		}
		if op.Path == nil {
			q.err, q.body = proto.MarshallingError, true
			return proto.AppendMultiEnd(b)
		}
		n := q.node(op.Path, proto.PermRead)
		if !n.Exists() {
			b, q.err = proto.AppendMultiError(b, q.err), proto.OK
			continue
		}
		h := proto.MultiHeader{Op: op.Op}
		b = h.Append(b)
		if op.Op == proto.OpGetChildren {
			b = appendNames(b, n)
			continue
		}
		stat := n.Stat()
		b = stat.Append(n.AppendData(b))
	}
}
