package tree

import (
	"maps"
	"slices"

	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// Change is what happened to one node, for the watches.
type Change struct {
	Type      proto.EventType // NodeCreated, NodeDeleted or NodeDataChanged
	Path      string
	ACL       []proto.ACL // of the node, a deleted one too
	ParentACL []proto.ACL // not for NodeDataChanged
}

// OpResult is the outcome of one operation of a multi.
type OpResult struct {
	Type proto.Op // OpError for one that failed
	Err  proto.Error
	Path string
	Stat proto.Stat
}

// Result is the outcome of a transaction. It is filled by Apply and may be used again
// after Reset.
type Result struct {
	Err      proto.Error
	Path     string     // of a creation
	Stat     proto.Stat // of a creation, setData, setACL
	Ops      []OpResult // of a multi
	Changes  []Change   // in the order in which they happened
	Mismatch bool       // the tree's digest is not that of the transaction
}

// Reset empties the result and keeps its memory.
func (r *Result) Reset() {
	clear(r.Changes)
	clear(r.Ops)
	*r = Result{Ops: r.Ops[:0], Changes: r.Changes[:0]}
}

// Apply applies a transaction. What it needs of x is copied. A transaction that cannot
// take effect, which happens only in replay over a fuzzy snapshot, leaves an error in r.
func (t *Tree) Apply(x *txn.Txn, r *Result) {
	r.Err = t.apply(&x.Header, x.Type, x.Body, r)
	t.last = max(t.last, x.Zxid)
	t.compare(x, r)
}

// compare checks the digest of the transaction and keeps every 128th.
func (t *Tree) compare(x *txn.Txn, r *Result) {
	if x.Digest != nil && x.Digest.Version == txn.DigestVersion && x.Zxid >= t.digestFrom {
		r.Mismatch = x.Digest.Value != t.digest
	}
	if int64(x.Zxid)%digestEvery == 0 {
		if len(t.digests) == digestsKept {
			t.digests = slices.Delete(t.digests, 0, 1)
		}
		t.digests = append(t.digests, DigestAt{x.Zxid, t.digest})
	}
}

func (t *Tree) apply(h *txn.Header, typ proto.Op, body txn.Body, r *Result) proto.Error {
	switch b := body.(type) {
	case *txn.Create:
		return t.create(h, b, r)
	case *txn.Delete:
		return t.deleteNode(b.Path, h.Zxid, r)
	case *txn.SetData:
		return t.setData(h, b, r)
	case *txn.SetACL:
		return t.setACL(b, r)
	case *txn.Multi:
		return t.multi(h, b, r)
	case *txn.CloseSession:
		t.closeSession(h, b, r)
	case *txn.Error:
		return b.Code
	}
	return proto.OK
}

func (t *Tree) create(h *txn.Header, c *txn.Create, r *Result) proto.Error {
	if !isBelowRoot(c.Path) {
		return proto.NoNode
	}
	parent := t.branchAt(proto.Parent(c.Path))
	if parent == nil {
		return proto.NoNode
	}
	cversion := c.ParentCversion
	if cversion == txn.NoParentCversion {
		cversion = parent.Cversion + 1
	}
	if n := parent.child(proto.Name(c.Path)); n.Exists() {
		t.recreate(h, c, n, parent, cversion)
		return proto.NodeExists
	}
	t.raise(proto.Parent(c.Path), parent, cversion, h.Zxid)
	s := state{
		Persisted: Persisted{
			Czxid: h.Zxid, Mzxid: h.Zxid, Pzxid: h.Zxid, Ctime: h.Time, Mtime: h.Time, Owner: Owner(c, h.Session),
		},
		acl: t.acls.intern(c.ACL),
	}
	s.setData(c.Data)
	t.link(parent, c.Path, &s)
	t.quotaCreated(c.Path, len(s.data))
	r.Path, r.Stat = c.Path, parent.child(proto.Name(c.Path)).Stat() // it may be the one that holds the usage
	r.Changes = append(r.Changes, Change{proto.EventNodeCreated, c.Path, t.acls.list(s.acl), t.acls.list(parent.acl)})
	return proto.OK
}

// recreate is a creation in replay whose node a fuzzy snapshot holds already: the node
// gets the list of the transaction, and, for a plain create only, the parent what the
// creation gives it.
func (t *Tree) recreate(h *txn.Header, c *txn.Create, n Node, parent *branch, cversion int32) {
	s := n.state()
	t.replaceACL(&s, c.ACL)
	t.store(parent, n, &s)
	if c.Type == proto.OpCreate {
		t.raise(proto.Parent(c.Path), parent, cversion, h.Zxid)
	}
}

// replaceACL gives a node another list.
func (t *Tree) replaceACL(s *state, acl []proto.ACL) {
	old := s.acl
	s.acl = t.acls.intern(acl)
	t.acls.release(old)
}

// raise gives a parent the cversion after a creation, if that is more than it has.
func (t *Tree) raise(path string, parent *branch, cversion int32, zxid proto.Zxid) {
	if cversion > parent.Cversion {
		parent.Cversion, parent.Pzxid = cversion, zxid
		t.redigest(path, &parent.state)
	}
}

// deleteNode deletes a node and reports the change.
func (t *Tree) deleteNode(path string, zxid proto.Zxid, r *Result) proto.Error {
	acl, parentACL := t.remove(path, zxid)
	if acl == nil {
		return proto.NoNode
	}
	r.Changes = append(r.Changes, Change{proto.EventNodeDeleted, path, acl, parentACL})
	return proto.OK
}

// remove deletes a node and returns the lists of the node and its parent, nil if there
// is no such node. The parent's pzxid rises even then.
func (t *Tree) remove(path string, zxid proto.Zxid) (acl, parentACL []proto.ACL) {
	if !isBelowRoot(path) {
		return nil, nil
	}
	above, parent := t.locate(proto.Parent(path))
	if !parent.Exists() {
		return nil, nil
	}
	s := parent.state()
	if zxid > s.Pzxid {
		s.Pzxid = zxid
		t.redigest(proto.Parent(path), &s)
		t.store(above, parent, &s)
	}
	if parent.branch == nil {
		return nil, nil
	}
	n := parent.branch.child(proto.Name(path))
	if !n.Exists() {
		return nil, nil
	}
	acl, parentACL = t.ACL(n), t.ACL(parent)
	if acl == nil {
		acl = []proto.ACL{}
	}
	t.unlink(parent.branch, path, n)
	return acl, parentACL
}

func (t *Tree) setData(h *txn.Header, b *txn.SetData, r *Result) proto.Error {
	above, n := t.locate(b.Path)
	if !n.Exists() {
		return proto.NoNode
	}
	s := n.state()
	grown := t.replaceData(&s, b.Data)
	s.Version, s.Mzxid, s.Mtime = b.Version, h.Zxid, h.Time
	t.redigest(b.Path, &s)
	t.store(above, n, &s)
	t.quotaChanged(b.Path, 0, grown)
	r.Stat = t.FindString(b.Path).Stat() // it may be the one that holds the usage
	r.Changes = append(r.Changes, Change{Type: proto.EventNodeDataChanged, Path: b.Path, ACL: t.ACL(n)})
	return proto.OK
}

func (t *Tree) setACL(b *txn.SetACL, r *Result) proto.Error {
	above, n := t.locate(b.Path)
	if !n.Exists() {
		return proto.NoNode
	}
	s := n.state()
	t.replaceACL(&s, b.ACL)
	s.Aversion = b.Version
	t.redigest(b.Path, &s)
	t.store(above, n, &s)
	r.Stat = t.FindString(b.Path).Stat()
	return proto.OK
}

// multi applies all operations, or none when one of them is an error. In replay an
// operation that cannot take effect does not stop those behind it.
func (t *Tree) multi(h *txn.Header, m *txn.Multi, r *Result) proto.Error {
	failed := m.Failed() != proto.OK
	for _, op := range m.Ops {
		if failed {
			code := proto.OK
			if e, ok := op.Body.(*txn.Error); ok {
				code = e.Code
			}
			r.Ops = append(r.Ops, OpResult{Type: proto.OpError, Err: code})
			continue
		}
		err := t.apply(h, op.Type, op.Body, r)
		r.Ops = append(r.Ops, OpResult{Type: op.Type, Err: err, Path: r.Path, Stat: r.Stat})
		r.Path, r.Stat = "", proto.Stat{}
	}
	return proto.OK
}

// closeSession deletes the listed ephemerals, and any that the session still owns.
func (t *Tree) closeSession(h *txn.Header, c *txn.CloseSession, r *Result) {
	for _, path := range c.Paths {
		t.deleteNode(path, h.Zxid, r)
	}
	for _, path := range slices.Sorted(maps.Keys(t.ephemerals[h.Session])) {
		t.deleteNode(path, h.Zxid, r)
	}
}
