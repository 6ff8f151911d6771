package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// What clients read, and what they must find: the state of the zxid in the reply's header.

// stat reads a Stat of the path's and compares it.
func (r *reply) stat(path string) {
	if path == proto.PathConfig || path == "/" {
		return
	}
	v := r.c.w.ledger.node(path, r.zxid)
	got := version{czxid: proto.Zxid(r.d.Long()), mzxid: proto.Zxid(r.d.Long())}
	r.d.Long()
	r.d.Long()
	got.version = r.d.Int()
	r.d.Int()
	r.d.Int()
	got.ephemeral = proto.SessionID(r.d.Long())
	size := r.d.Int()
	got.children = r.d.Int()
	got.pzxid = proto.Zxid(r.d.Long())
	if !sameVersion(got, v) || int(size) != len(v.data) {
		r.wrong("%s is %+v, want %+v", path, got, v)
	}
}

// found says whether the node exists, which the reply must say too.
func (r *reply) found(path string) bool {
	exists := r.c.w.ledger.node(path, r.zxid).exists
	if (r.err == proto.OK) != exists || r.err != proto.OK && r.err != proto.NoNode {
		r.wrong("error %v, but %s exists: %v", r.err, path, exists)
	}
	return exists && r.err == proto.OK
}

func pathWatch(path string, watch bool) []byte {
	return (&proto.PathWatch{Path: []byte(path), Watch: watch}).Append(nil)
}

func (c *client) get(path string, watch bool) {
	c.ask(proto.OpGetData, fmt.Sprintf("getData %s %v", path, watch), pathWatch(path, watch), func(r *reply) {
		if !r.found(path) {
			return
		}
		if data := r.d.Buffer(); !bytes.Equal(data, c.w.ledger.node(path, r.zxid).data) {
			r.wrong("data %q, want %q", data, c.w.ledger.node(path, r.zxid).data)
		}
		r.stat(path)
		if watch {
			c.watches.arm(c.watches.data, path, once)
		}
	})
}

func (c *client) exists(path string, watch bool) {
	c.ask(proto.OpExists, fmt.Sprintf("exists %s %v", path, watch), pathWatch(path, watch), func(r *reply) {
		kind := exists
		if r.found(path) {
			r.stat(path)
			kind = once
		}
		if watch {
			c.watches.arm(c.watches.data, path, kind)
		}
	})
}

func (c *client) children(path string, watch bool) {
	c.ask(proto.OpGetChildren, fmt.Sprintf("getChildren %s %v", path, watch), pathWatch(path, watch), func(r *reply) {
		if !r.found(path) {
			return
		}
		var got []string
		for n := r.d.Count(); n > 0 && r.d.Err() == nil; n-- {
			got = append(got, strings.TrimSuffix(path, "/")+"/"+r.d.String())
		}
		slices.Sort(got)
		if want := c.w.ledger.childrenAt(path, r.zxid); !slices.Equal(got, want) {
			r.wrong("children %q, want %q", got, want)
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

func (c *client) removeWatches() {
	path := c.anything()
	body := (&proto.PathType{Path: []byte(path), Type: int32(proto.WatcherAny)}).Append(nil)
	c.ask(proto.OpRemoveWatches, "removeWatches "+path, body, func(r *reply) {
		if had := c.watches.remove(path); had != (r.err == proto.OK) {
			r.wrong("error %v, but there were watches: %v", r.err, had)
		}
	})
}

func (c *client) multiRead() {
	paths := []string{c.register(), c.name()}
	var b []byte
	for _, p := range paths {
		b = append((&proto.MultiHeader{Op: proto.OpGetData, Err: -1}).Append(b), pathWatch(p, false)...)
	}
	c.ask(proto.OpMultiRead, "multiRead", proto.AppendMultiEnd(b), func(r *reply) {
		for _, p := range paths {
			var h proto.MultiHeader
			h.Decode(r.d)
			v := c.w.ledger.node(p, r.zxid)
			if v.exists != (h.Op == proto.OpGetData) {
				r.wrong("%s has result %v, but exists: %v", p, h.Op, v.exists)
				return
			}
			if !v.exists {
				r.d.Int()
				continue
			}
			if data := r.d.Buffer(); !bytes.Equal(data, v.data) {
				r.wrong("%s is %q, want %q", p, data, v.data)
			}
			r.d.Bytes(proto.StatSize)
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
			for _, path := range c.w.ledger.below[parent] {
				if v := c.w.ledger.node(path, r.zxid); v.ephemeral == session {
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
