package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"gokeeper/server/auth"
	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// What clients read, and what they must find: the state of the zxid in the reply's header.

// stat reads a Stat of the path's and compares it.
func (r *reply) stat(path string) {
	var s proto.Stat
	s.Decode(r.d)
	if path == "/" || path == proto.PathSystem || path == proto.PathConfig { // were there from the beginning
		return
	}
	v := r.l.node(path, r.zxid)
	got := version{
		czxid: s.Czxid, mzxid: s.Mzxid, version: s.Version, ephemeral: proto.SessionID(s.EphemeralOwner), children: s.NumChildren,
		pzxid: s.Pzxid, creations: creations(s.Cversion, s.NumChildren), aversion: s.Aversion, ctime: s.Ctime, mtime: s.Mtime,
	}
	if !sameVersion(got, v) || int(s.DataLength) != len(v.data) {
		r.wrong("%s is %+v, want %+v", path, got, v)
	}
}

// readable returns what must be answered to who wants to read a node in one of the ways.
func (r *reply) readable(path string, perm proto.Perm) proto.Error {
	switch v := r.l.node(path, r.zxid); {
	case !v.exists:
		return proto.NoNode
	case !allows(v.acl, r.op.ids, perm):
		return proto.NoAuth
	}
	return proto.OK
}

// found says whether the node can be read, which the reply must say too.
func (r *reply) found(path string, perm proto.Perm) bool {
	want := r.readable(path, perm)
	if r.err != want {
		r.wrong("error %v, want %v", r.err, want)
	}
	return want == proto.OK && r.err == want
}

// names reads names of the node's children and compares them.
func (r *reply) names(path string) {
	var got []string
	for n := r.d.Count(); n > 0 && r.d.Err() == nil; n-- {
		got = append(got, strings.TrimSuffix(path, "/")+"/"+r.d.String())
	}
	slices.Sort(got)
	if want := r.l.childrenAt(path, r.zxid); !slices.Equal(got, want) {
		r.wrong("children %q, want %q", got, want)
	}
}

// data reads the data of a node and compares it.
func (r *reply) data(path string) {
	got, want := r.d.Buffer(), r.l.node(path, r.zxid).data
	if path == proto.PathConfig { // a leader may give it a version without a transaction
		if r.c.readOnly {
			return
		}
		want = []byte(r.c.w.configAt(r.begun()).String())
	}
	if !bytes.Equal(got, want) {
		r.wrong("%s is %q, want %q", path, got, want)
	}
}

// begun is the zxid of the reply, or that with which the server's epoch has begun, of which
// it may have no transactions yet.
func (r *reply) begun() proto.Zxid {
	if r.c.readOnly {
		return r.zxid
	}
	return max(r.zxid, proto.NewZxid(r.c.conn.p.epoch, 0))
}

func pathWatch(path string, watch bool) []byte {
	return (&proto.PathWatch{Path: []byte(path), Watch: watch}).Append(nil)
}

func (c *client) get(path string, watch bool) {
	c.ask(proto.OpGetData, fmt.Sprintf("getData %s %v", path, watch), pathWatch(path, watch), func(r *reply) {
		if !r.found(path, proto.PermRead) {
			return
		}
		r.data(path)
		r.stat(path)
		if watch {
			c.watches.arm(c.watches.data, path, once)
		}
	})
}

func (c *client) exists(path string, watch bool) {
	c.ask(proto.OpExists, fmt.Sprintf("exists %s %v", path, watch), pathWatch(path, watch), func(r *reply) {
		kind := exists
		if r.found(path, proto.PermRead) {
			r.stat(path)
			kind = once
		}
		if watch && r.err != proto.NoAuth {
			c.watches.arm(c.watches.data, path, kind)
		}
	})
}

func (c *client) children(path string, watch bool) {
	op := []proto.Op{proto.OpGetChildren, proto.OpGetChildren2}[c.IntN(2)]
	c.ask(op, fmt.Sprintf("%v %s %v", op, path, watch), pathWatch(path, watch), func(r *reply) {
		if !r.found(path, proto.PermRead) {
			return
		}
		r.names(path)
		if op == proto.OpGetChildren2 {
			r.stat(path)
		}
		if watch {
			c.watches.arm(c.watches.child, path, once)
		}
	})
}

func (c *client) addWatch() {
	path, mode := c.anything(), proto.AddWatchMode(c.IntN(2))
	body := (&proto.PathType{Path: []byte(path), Type: int32(mode)}).Append(nil)
	c.ask(proto.OpAddWatch, fmt.Sprintf("addWatch %s mode %d", path, mode), body, func(r *reply) {
		if r.err != proto.OK {
			r.wrong("error %v", r.err)
			return
		}
		if mode == proto.AddPersistentRecursive {
			c.watches.arm(c.watches.data, path, recursive)
			return
		}
		c.watches.arm(c.watches.data, path, persistent)
		c.watches.arm(c.watches.child, path, persistent)
	})
}

// removeWatches removes watches of some type, or only asks whether there are any.
func (c *client) removeWatches() {
	path, typ := c.anything(), proto.WatcherType(1+c.IntN(5))
	op, look := proto.OpRemoveWatches, c.watches.remove
	if c.chance(3) {
		op, look = proto.OpCheckWatches, c.watches.has
	}
	watches := c.watches
	body := (&proto.PathType{Path: []byte(path), Type: int32(typ)}).Append(nil)
	c.ask(op, fmt.Sprintf("%v %s type %d", op, path, typ), body, func(r *reply) {
		want := proto.NoWatcher
		if look(path, typ) {
			want = proto.OK
		}
		if r.err != want {
			r.wrong("error %v, want %v with %+v", r.err, want, *watches)
		}
	})
}

// multiRead reads two nodes at once, one of them in one of two ways.
func (c *client) multiRead() {
	type part struct {
		op   proto.Op
		path string
	}
	parts := []part{{proto.OpGetData, c.register()}, {[]proto.Op{proto.OpGetData, proto.OpGetChildren}[c.IntN(2)], c.anything()}}
	var b []byte
	for _, p := range parts {
		b = append((&proto.MultiHeader{Op: p.op, Err: -1}).Append(b), pathWatch(p.path, false)...)
	}
	c.ask(proto.OpMultiRead, fmt.Sprint("multiRead ", parts), proto.AppendMultiEnd(b), func(r *reply) {
		for _, p := range parts {
			var h proto.MultiHeader
			h.Decode(r.d)
			want := r.readable(p.path, proto.PermRead)
			if want != proto.OK && h.Op == proto.OpError && proto.Error(r.d.Int()) == want {
				continue
			}
			if want != proto.OK || h.Op != p.op {
				r.wrong("%v of %s has result %v %v, want %v", p.op, p.path, h.Op, h.Err, want)
				return
			}
			if p.op == proto.OpGetChildren {
				r.names(p.path)
				continue
			}
			r.data(p.path)
			r.stat(p.path)
		}
	})
}

// getACL asks for a list. Who may not change it sees no secrets.
func (c *client) getACL(path string) {
	c.ask(proto.OpGetACL, "getACL "+path, jute.AppendString(nil, path), func(r *reply) {
		if !r.found(path, proto.PermRead|proto.PermAdmin) {
			return
		}
		want := r.l.node(path, r.zxid).acl
		if !allows(want, r.op.ids, proto.PermAdmin) {
			want = masked(want)
		}
		if got := proto.DecodeACL(r.d); !slices.Equal(got, want) {
			r.wrong("list %v, want %v", got, want)
		}
		r.stat(path)
	})
}

// count asks how many nodes there are below one.
func (c *client) count(path string) {
	c.ask(proto.OpGetAllChildrenNumber, "getAllChildrenNumber "+path, jute.AppendString(nil, path), func(r *reply) {
		if !r.found(path, proto.PermRead) {
			return
		}
		if got, want := r.d.Int(), r.l.countAt(path, r.zxid); got != want {
			r.wrong("%d nodes, want %d", got, want)
		}
	})
}

// whoAmI asks who it is.
func (c *client) whoAmI() {
	c.ask(proto.OpWhoAmI, "whoAmI", nil, func(r *reply) {
		n := r.d.Count()
		for _, id := range r.op.ids {
			user := id.ID
			if id.Scheme == auth.Digest {
				user, _, _ = strings.Cut(id.ID, ":")
			}
			if scheme, name := r.d.String(), r.d.String(); scheme != id.Scheme || name != user {
				r.wrong("%s %s, want %s %s", scheme, name, id.Scheme, user)
			}
		}
		if n != len(r.op.ids) {
			r.wrong("%d identities, want %d", n, len(r.op.ids))
		}
	})
}

// ephemerals asks for those of the own session.
func (c *client) ephemerals() {
	session := c.session
	c.ask(proto.OpGetEphemerals, "getEphemerals", jute.AppendString(nil, "/"), func(r *reply) {
		var got []string
		for n := r.d.Count(); n > 0 && r.d.Err() == nil; n-- {
			got = append(got, r.d.String())
		}
		slices.Sort(got)
		var want []string
		for _, parent := range []string{"/e", "/q", "/n"} {
			for _, path := range r.l.below[parent] {
				if v := r.l.node(path, r.zxid); v.ephemeral == session {
					want = append(want, path)
				}
			}
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			r.wrong("ephemerals %q, want %q", got, want)
		}
	})
}
