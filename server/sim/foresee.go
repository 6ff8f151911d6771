package sim

import (
	"fmt"
	"strings"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// foresight is the state in which a write meets the tree, and what its first parts have
// changed when the next one is looked at. What a write must become follows from it.
type foresight struct {
	l       *ledger
	before  proto.Zxid // of the last transaction before it
	over    map[string]version
	session proto.SessionID
	local   proto.Error // what an ephemeral of the session gets, if it is local and stays so; OK: it is not
	ids     []proto.Identity
}

// outcome is what must become of a write.
type outcome struct {
	err   proto.Error
	parts []proto.Error // of the operations of a multi
	paths []string      // that creates make, in their order
	acls  [][]proto.ACL // that they or a setACL give
}

// foresee returns the outcome of a write at the zxid; false for one that depends on more
// than the tree.
func (l *ledger) foresee(z proto.Zxid, o *operation, session proto.SessionID, local proto.Error) (outcome, bool) {
	f := &foresight{l: l, before: z - 1, over: map[string]version{}, session: session, local: local, ids: o.ids}
	d := jute.NewDecoder(o.body)
	switch o.op {
	case proto.OpReconfig, proto.OpCloseSession:
		return outcome{}, false
	case proto.OpMulti:
		return f.multi(d), true
	}
	out := f.one(o.op, d)
	if d.Err() != nil {
		return outcome{err: proto.MarshallingError}, true
	}
	return out, true
}

func (f *foresight) one(op proto.Op, d *jute.Decoder) (out outcome) {
	switch op {
	case proto.OpDelete, proto.OpCheck:
		var r proto.PathVersion
		r.Decode(d)
		if op == proto.OpCheck {
			out.err = f.check(&r)
		} else {
			out.err = f.delete(&r)
		}
	case proto.OpSetData:
		var r proto.SetDataRequest
		r.Decode(d)
		out.err = f.set(&r)
	case proto.OpSetACL:
		var r proto.SetACLRequest
		r.Decode(d)
		var acl []proto.ACL
		acl, out.err = f.setACL(&r)
		out.acls = append(out.acls, acl)
	default:
		var r proto.CreateRequest
		r.Decode(d, op)
		var path string
		path, out.err = f.create(op, &r)
		out.paths, out.acls = append(out.paths, path), append(out.acls, f.over[path].acl)
	}
	return out
}

// multi stops at the first operation that fails.
func (f *foresight) multi(d *jute.Decoder) (out outcome) {
	for {
		var h proto.MultiHeader
		h.Decode(d)
		switch {
		case d.Err() != nil:
			return outcome{err: proto.MarshallingError}
		case h.Done:
			return out
		}
		part := f.one(h.Op, d)
		if out.err != proto.OK {
			out.parts = append(out.parts, proto.RuntimeInconsistency)
			continue
		}
		out.err = part.err
		out.parts, out.paths, out.acls = append(out.parts, part.err), append(out.paths, part.paths...), append(out.acls, part.acls...)
	}
}

func (f *foresight) at(path string) version {
	if v, ok := f.over[path]; ok {
		return v
	}
	return f.l.node(path, f.before)
}

// proper says whether a node may have the path.
func proper(path string) bool {
	return path == "/" || strings.HasPrefix(path, "/") && !strings.HasSuffix(path, "/") && !strings.Contains(path, "//")
}

func (f *foresight) create(op proto.Op, r *proto.CreateRequest) (string, proto.Error) {
	path := string(r.Path)
	ttl := r.Flags == proto.FlagPersistentTTL || r.Flags == proto.FlagPersistentSequentialTTL
	switch {
	case r.Flags < 0 || r.Flags > proto.FlagPersistentSequentialTTL, ttl != (op == proto.OpCreateTTL), ttl && r.TTL <= 0:
		return path, proto.BadArguments
	case f.local != proto.OK && isEphemeral(r.Flags):
		return path, f.local
	case !strings.Contains(path, "/"):
		return path, proto.BadArguments
	}
	acl, err := fix(r.ACL, f.ids)
	if err != proto.OK {
		return path, err
	}
	above := proto.Parent(path)
	parent := f.at(above)
	switch {
	case !parent.exists:
		return path, proto.NoNode
	case !allows(parent.acl, f.ids, proto.PermCreate):
		return path, proto.NoAuth
	}
	switch r.Flags {
	case proto.FlagSequential, proto.FlagEphemeralSequential, proto.FlagPersistentSequentialTTL:
		path += fmt.Sprintf("%010d", parent.creations)
	}
	switch {
	case !proper(path):
		return path, proto.BadArguments
	case f.at(path).exists:
		return path, proto.NodeExists
	case parent.ephemeral != 0:
		return path, proto.NoChildrenForEphemerals
	}
	v := version{exists: true, acl: acl, data: r.Data}
	if isEphemeral(r.Flags) {
		v.ephemeral = f.session
	}
	parent.children++
	parent.creations++
	f.over[path], f.over[above] = v, parent
	return path, proto.OK
}

func (f *foresight) delete(r *proto.PathVersion) proto.Error {
	path := string(r.Path)
	switch path {
	case proto.PathRoot, proto.PathSystem, proto.PathConfig, proto.PathQuota:
		return proto.BadArguments
	}
	if !strings.Contains(path, "/") {
		return proto.BadArguments
	}
	above := proto.Parent(path)
	parent, v := f.at(above), f.at(path)
	switch {
	case !parent.exists:
		return proto.NoNode
	case !allows(parent.acl, f.ids, proto.PermDelete):
		return proto.NoAuth
	case !v.exists:
		return proto.NoNode
	case r.Version != -1 && r.Version != v.version:
		return proto.BadVersion
	case v.children > 0:
		return proto.NotEmpty
	}
	parent.children--
	f.over[path], f.over[above] = version{}, parent
	return proto.OK
}

// node returns the node that a write changes.
func (f *foresight) node(path []byte, perm proto.Perm) (version, proto.Error) {
	if !proper(string(path)) {
		return version{}, proto.BadArguments
	}
	v := f.at(string(path))
	switch {
	case !v.exists:
		return v, proto.NoNode
	case !allows(v.acl, f.ids, perm):
		return v, proto.NoAuth
	}
	return v, proto.OK
}

func (f *foresight) set(r *proto.SetDataRequest) proto.Error {
	v, err := f.node(r.Path, proto.PermWrite)
	switch {
	case err != proto.OK:
		return err
	case r.Version != -1 && r.Version != v.version:
		return proto.BadVersion
	}
	v.data, v.version = r.Data, v.version+1
	f.over[string(r.Path)] = v
	return proto.OK
}

func (f *foresight) setACL(r *proto.SetACLRequest) ([]proto.ACL, proto.Error) {
	if !proper(string(r.Path)) {
		return nil, proto.BadArguments
	}
	acl, err := fix(r.ACL, f.ids)
	if err != proto.OK {
		return nil, err
	}
	v, err := f.node(r.Path, proto.PermAdmin)
	if err == proto.OK && r.Version != -1 && r.Version != v.aversion {
		err = proto.BadVersion
	}
	return acl, err
}

func (f *foresight) check(r *proto.PathVersion) proto.Error {
	v, err := f.node(r.Path, proto.PermRead)
	if err == proto.OK && r.Version != -1 && r.Version != v.version {
		err = proto.BadVersion
	}
	return err
}
