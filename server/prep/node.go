package prep

import (
	"fmt"

	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
)

// maxTTL is the longest TTL that fits into a node's owner field, milliseconds.
const maxTTL = 1<<40 - 1

// create checks in Java's order: flags, TTL, session, the path's form, ACL, parent,
// permission, the whole path, the node, the parent's kind, quota.
func (p *Prep) create(op proto.Op, r *proto.CreateRequest) (txn.Body, proto.Error) {
	if err := p.flags(op, r); err != proto.OK {
		return nil, err
	}
	ephemeral := r.Flags == proto.FlagEphemeral || r.Flags == proto.FlagEphemeralSequential
	if err := p.session(ephemeral); err != proto.OK {
		return nil, err
	}
	if r.Path == nil {
		return nil, proto.MarshallingError
	}
	if !proto.PlausiblePath(r.Path) {
		return nil, proto.BadArguments
	}
	acl, err := p.policy.Fix(r.ACL, p.req.IDs)
	if err != proto.OK {
		return nil, err
	}
	path := string(r.Path)
	parent := p.find(proto.Parent(path))
	if parent == nil {
		return nil, proto.NoNode
	}
	if !p.policy.Allows(parent.acl, p.req.IDs, proto.PermCreate) {
		return nil, proto.NoAuth
	}
	switch r.Flags {
	case proto.FlagSequential, proto.FlagEphemeralSequential, proto.FlagPersistentSequentialTTL:
		path += fmt.Sprintf("%010d", parent.stat.Cversion)
	}
	if err := p.place(path, parent, r.Data); err != proto.OK {
		return nil, err
	}
	body := &txn.Create{
		Type: op, Path: path, Data: r.Data, ACL: acl, ParentCversion: parent.stat.Cversion + 1, TTL: r.TTL,
		Ephemeral: ephemeral && (op == proto.OpCreate || op == proto.OpCreate2),
	}
	p.recordCreate(parent, body)
	return body, proto.OK
}

// place checks whether a node may be created at the path.
func (p *Prep) place(path string, parent *change, data []byte) proto.Error {
	switch {
	case !proto.ValidPath([]byte(path)):
		return proto.BadArguments
	case p.find(path) != nil:
		return proto.NodeExists
	case tree.IsEphemeralOwner(parent.stat.Owner):
		return proto.NoChildrenForEphemerals
	}
	return p.quota(path, 1, int64(len(data)))
}

// recordCreate records the new node and its parent. The parent's cversion only grows:
// at its greatest value it stays, as it does when the transaction is applied.
func (p *Prep) recordCreate(parent *change, body *txn.Create) {
	up := p.edit(parent)
	up.children++
	if body.ParentCversion > up.stat.Cversion {
		up.stat.Cversion, up.stat.Pzxid = body.ParentCversion, p.zxid
	}
	p.record(parent, up)
	c := &change{path: body.Path, zxid: p.zxid, acl: body.ACL, data: body.Data}
	c.stat = tree.Persisted{Czxid: p.zxid, Mzxid: p.zxid, Pzxid: p.zxid, Ctime: p.time, Mtime: p.time}
	c.stat.Owner = tree.Owner(body, p.req.Session)
	p.record(nil, c)
}

// flags checks the kind of node that is asked for. A createTTL without a TTL flag is
// refused: Java lets some through and dies of them.
func (p *Prep) flags(op proto.Op, r *proto.CreateRequest) proto.Error {
	if r.Flags < proto.FlagPersistent || r.Flags > proto.FlagPersistentSequentialTTL {
		return proto.BadArguments
	}
	ttlFlag := r.Flags == proto.FlagPersistentTTL || r.Flags == proto.FlagPersistentSequentialTTL
	switch {
	case ttlFlag && !p.cfg.ExtendedTypes:
		return proto.Unimplemented
	case ttlFlag != (op == proto.OpCreateTTL):
		return proto.BadArguments
	case ttlFlag && (r.TTL <= 0 || r.TTL > maxTTL):
		return proto.BadArguments
	}
	return proto.OK
}

// session checks whether the session may write. The server itself always may.
func (p *Prep) session(global bool) proto.Error {
	if global && p.req.Local {
		return proto.EphemeralOnLocalSession
	}
	return p.sessions.Check(p.req.Session, global)
}

// special are the nodes that nobody deletes.
func special(path string) bool {
	switch path {
	case proto.PathRoot, proto.PathSystem, proto.PathQuota, proto.PathConfig:
		return true
	}
	return false
}

func (p *Prep) delete(r *proto.PathVersion) (txn.Body, proto.Error) {
	if err := p.session(false); err != proto.OK {
		return nil, err
	}
	if r.Path == nil {
		return nil, proto.MarshallingError
	}
	path := string(r.Path)
	if !proto.PlausiblePath(r.Path) || special(path) {
		return nil, proto.BadArguments
	}
	parent := p.find(proto.Parent(path))
	if parent == nil {
		return nil, proto.NoNode
	}
	if !p.policy.Allows(parent.acl, p.req.IDs, proto.PermDelete) {
		return nil, proto.NoAuth
	}
	c := p.find(path)
	switch {
	case c == nil:
		return nil, proto.NoNode
	case r.Version != -1 && r.Version != c.stat.Version:
		return nil, proto.BadVersion
	case c.children > 0:
		return nil, proto.NotEmpty
	}
	p.recordDelete(parent, c)
	return &txn.Delete{Path: path}, proto.OK
}

func (p *Prep) recordDelete(parent, c *change) {
	up := p.edit(parent)
	up.children--
	up.stat.Pzxid = max(up.stat.Pzxid, p.zxid)
	p.record(parent, up)
	p.record(c, &change{path: c.path, zxid: p.zxid, gone: true})
}

func (p *Prep) setData(r *proto.SetDataRequest) (txn.Body, proto.Error) {
	if err := p.session(false); err != proto.OK {
		return nil, err
	}
	c, err := p.target(r.Path, proto.PermWrite)
	if err != proto.OK {
		return nil, err
	}
	if err := p.quota(c.path, 0, int64(len(r.Data)-len(c.data))); err != proto.OK {
		return nil, err
	}
	if r.Version != -1 && r.Version != c.stat.Version {
		return nil, proto.BadVersion
	}
	n := p.edit(c)
	n.data = r.Data
	n.stat.Version++
	n.stat.Mzxid, n.stat.Mtime = p.zxid, p.time
	p.record(c, n)
	return &txn.SetData{Path: c.path, Data: r.Data, Version: n.stat.Version}, proto.OK
}

// target returns the node that setData, setACL or check names, when perm is granted.
func (p *Prep) target(path []byte, perm proto.Perm) (*change, proto.Error) {
	if !proto.ValidPath(path) {
		return nil, proto.BadArguments
	}
	c := p.find(string(path))
	switch {
	case c == nil:
		return nil, proto.NoNode
	case !p.policy.Allows(c.acl, p.req.IDs, perm):
		return nil, proto.NoAuth
	}
	return c, proto.OK
}

func (p *Prep) setACL(r *proto.SetACLRequest) (txn.Body, proto.Error) {
	if err := p.session(false); err != proto.OK {
		return nil, err
	}
	if !proto.ValidPath(r.Path) {
		return nil, proto.BadArguments
	}
	acl, err := p.policy.Fix(r.ACL, p.req.IDs)
	if err != proto.OK {
		return nil, err
	}
	c, err := p.target(r.Path, proto.PermAdmin)
	if err != proto.OK {
		return nil, err
	}
	if r.Version != -1 && r.Version != c.stat.Aversion {
		return nil, proto.BadVersion
	}
	n := p.edit(c)
	n.acl = acl
	n.stat.Aversion++
	p.record(c, n)
	return &txn.SetACL{Path: c.path, ACL: acl, Version: n.stat.Aversion}, proto.OK
}

// check stands inside a multi only. It writes the version plus 1, as Java does.
func (p *Prep) check(r *proto.PathVersion) (txn.Body, proto.Error) {
	if err := p.session(false); err != proto.OK {
		return nil, err
	}
	c, err := p.target(r.Path, proto.PermRead)
	if err != proto.OK {
		return nil, err
	}
	if r.Version != -1 && r.Version != c.stat.Version {
		return nil, proto.BadVersion
	}
	return &txn.Check{Path: c.path, Version: c.stat.Version + 1}, proto.OK
}

// quota refuses what would exceed a hard limit, looking at the applied tree only.
// Usage that is not tracked, because its node is missing, is not limited.
func (p *Prep) quota(path string, count, bytes int64) proto.Error {
	if !p.cfg.EnforceQuota {
		return proto.OK
	}
	q, ok := p.tree.Quota(path)
	if !ok {
		return proto.OK
	}
	return q.Check(count, bytes)
}
