package sim

import (
	"fmt"
	"slices"
	"strings"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// The nodes that clients work with: few, so that they get into each other's way.
const (
	registers = 3
	names     = 6
)

// bases are created first, by everybody.
var bases = []string{"/n", "/e", "/q", "/r0", "/r1", "/r2", "/c"}

// work sends some requests, and more when they are answered.
func (c *client) work(number int) {
	if c.number != number || !c.open || c.dead {
		return
	}
	if !c.w.begun && !c.w.quiet {
		c.begin()
	} else if !c.quiet && !c.w.quiet && c.w.now >= c.w.hold && len(c.waiting) < 12 {
		for range 1 + c.IntN(4) {
			if c.open {
				c.request()
			}
		}
	}
	c.after(c.between(0, c.w.plan.pace), func() { c.work(number) })
}

// begin creates what the others need.
func (c *client) begin() {
	c.w.begun = true
	for _, path := range bases {
		c.create(proto.OpCreate, path, "", proto.FlagPersistent, 0)
	}
}

func (c *client) register() string { return fmt.Sprintf("/r%d", c.IntN(registers)) }

func (c *client) name() string { return fmt.Sprintf("/n/%c", 'a'+c.IntN(names)) }

func (c *client) ephemeral() string { return fmt.Sprintf("/e/%c", 'a'+c.IntN(names)) }

// anything is a path that may exist.
func (c *client) anything() string {
	switch c.IntN(4) {
	case 0:
		return c.register()
	case 1:
		return c.ephemeral()
	case 2:
		return []string{"/n", "/e", "/q", "/c"}[c.IntN(4)]
	}
	return c.name()
}

// victim is a path to delete.
func (c *client) victim() string {
	switch c.IntN(12) {
	case 0:
		return c.register()
	case 1, 2, 3:
		return c.ephemeral()
	}
	return c.name()
}

func (c *client) value() string { return c.w.value() }

// request sends one request.
func (c *client) request() {
	switch r := c.IntN(100); {
	case r < 12:
		if path := c.register(); c.w.ledger.now(path).exists {
			c.set(path, -1)
		} else {
			c.create(proto.OpCreate, path, c.value(), proto.FlagPersistent, 0)
		}
	case r < 18:
		path := c.register()
		c.set(path, c.w.ledger.now(path).version-int32(c.IntN(2)))
	case r < 26:
		c.create([]proto.Op{proto.OpCreate, proto.OpCreate2}[c.IntN(2)], c.name(), c.value(), proto.FlagPersistent, 0)
	case r < 32:
		c.delete(c.victim())
	case r < 38:
		c.create(proto.OpCreate, c.ephemeral(), c.value(), proto.FlagEphemeral, 0)
	case r < 40:
		c.clean()
	case r < 42:
		c.create(proto.OpCreate2, "/q/s-", c.value(), []int32{proto.FlagSequential, proto.FlagEphemeralSequential}[c.IntN(2)], 0)
	case r < 48:
		c.multi()
	case r < 50:
		c.rare()
	case r < 58:
		c.sync()
	case r < 70:
		c.get(c.anything(), c.chance(3))
	case r < 78:
		c.exists(c.anything(), c.chance(3))
	case r < 86:
		c.children([]string{"/n", "/e", "/", "/q"}[c.IntN(4)], c.chance(3))
	case r < 90:
		c.addWatch()
	case r < 93:
		c.removeWatches()
	case r < 96:
		c.multiRead()
	default:
		c.ephemerals()
	}
}

// clean deletes one of the sequential nodes, or creates one when there are few.
func (c *client) clean() {
	for _, path := range slices.Backward(c.w.ledger.below["/q"]) {
		if c.w.ledger.now(path).exists {
			c.delete(path)
			return
		}
	}
}

// rare are requests that are not made often.
func (c *client) rare() {
	switch r := c.IntN(12); {
	case r < 3:
		path := c.name()
		c.write(proto.OpSetACL, "setACL "+path, (&proto.SetACLRequest{Path: []byte(path), ACL: acl(c.IntN(5)), Version: -1}).Append(nil))
	case r < 5:
		c.create(proto.OpCreateContainer, "/c/c", "", proto.FlagContainer, 0)
	case r < 6:
		c.create(proto.OpCreate, "/c/c/x", "", proto.FlagPersistent, 0)
	case r < 7:
		c.delete("/c/c/x")
	case r < 9:
		c.create(proto.OpCreateTTL, "/c/t", "", proto.FlagPersistentTTL, c.w.plan.tick.Milliseconds()*4)
	case r < 11:
		c.w.trace("client %d closes its session", c.id)
		c.write(proto.OpCloseSession, "closeSession", nil).done = func(*reply) { c.forget(); c.disconnect() }
	default:
		c.reset()
	}
}

// acl returns one of several lists, all of which allow everything to everybody.
func acl(n int) []proto.ACL {
	list := proto.OpenACL()
	for i := range n {
		list = append(list, proto.ACL{Perms: proto.PermAll, Identity: proto.Identity{Scheme: "ip", ID: fmt.Sprintf("10.0.0.%d", i)}})
	}
	return list
}

// reset breaks the connection.
func (c *client) reset() {
	c.w.stats.Faults["client connection broken"]++
	c.disconnect()
}

func (c *client) write(op proto.Op, what string, body []byte) *operation {
	return c.ask(op, what, body, c.outcome)
}

// outcome compares the error of a write with its transaction.
func (c *client) outcome(r *reply) {
	e := c.w.ledger.at(r.zxid)
	if e == nil {
		return // was complained about
	}
	want := proto.OK
	if b, ok := e.txn.Body.(*txn.Error); ok {
		want = b.Code
	}
	if r.err != want {
		r.wrong("error %v, but the transaction has %v", r.err, want)
	}
}

func (c *client) create(op proto.Op, path, data string, flags int32, ttl int64) {
	body := (&proto.CreateRequest{Path: []byte(path), Data: []byte(data), ACL: proto.OpenACL(), Flags: flags, TTL: ttl}).Append(nil, op)
	o := c.write(op, fmt.Sprintf("%v %s", op, path), body)
	o.check = func(r *reply) {
		c.outcome(r)
		if r.err != proto.OK {
			return
		}
		made := r.d.String()
		if v := c.w.ledger.node(made, r.zxid); !strings.HasPrefix(made, path) || v.czxid != r.zxid || string(v.data) != data {
			r.wrong("created %s, which is %+v", made, v)
		}
	}
	c.record(path, o, Action{Kind: "create"})
}

func (c *client) set(path string, version int32) {
	data := c.value()
	body := (&proto.SetDataRequest{Path: []byte(path), Data: []byte(data), Version: version}).Append(nil)
	o := c.write(proto.OpSetData, fmt.Sprintf("setData %s %s version %d", path, data, version), body)
	o.check = func(r *reply) {
		c.outcome(r)
		if r.err == proto.OK {
			r.stat(path)
		}
	}
	c.record(path, o, Action{Kind: "set", Expects: version})
}

func (c *client) delete(path string) {
	o := c.write(proto.OpDelete, "delete "+path, (&proto.PathVersion{Path: []byte(path), Version: -1}).Append(nil))
	c.record(path, o, Action{Kind: "delete", Expects: -1})
}

// multi is several writes that happen together or not at all.
func (c *client) multi() {
	var b []byte
	var what []string
	for range 2 + c.IntN(3) {
		path := c.name()
		op := []proto.Op{proto.OpCreate, proto.OpDelete, proto.OpSetData, proto.OpCheck, proto.OpCreate}[c.IntN(5)]
		b = (&proto.MultiHeader{Op: op, Err: -1}).Append(b)
		switch op {
		case proto.OpCreate:
			flags := []int32{proto.FlagPersistent, proto.FlagEphemeral, proto.FlagSequential}[c.IntN(3)]
			b = (&proto.CreateRequest{Path: []byte(path), Data: []byte(c.value()), ACL: proto.OpenACL(), Flags: flags}).Append(b, op)
		case proto.OpSetData:
			path = c.register() + "/none"
			if c.chance(2) {
				path = c.name()
			}
			b = (&proto.SetDataRequest{Path: []byte(path), Data: []byte(c.value()), Version: -1}).Append(b)
		default:
			b = (&proto.PathVersion{Path: []byte(path), Version: -1}).Append(b)
		}
		what = append(what, fmt.Sprintf("%v %s", op, path))
	}
	c.ask(proto.OpMulti, "multi "+strings.Join(what, ", "), proto.AppendMultiEnd(b), func(r *reply) {
		e := c.w.ledger.at(r.zxid)
		if e == nil {
			return
		}
		if m, ok := e.txn.Body.(*txn.Multi); ok && r.err != m.Failed() && r.err != proto.OK {
			r.wrong("error %v, but the transaction has %v", r.err, m.Failed())
		}
	})
}

// sync is answered behind everything that was committed before.
func (c *client) sync() {
	c.ask(proto.OpSync, "sync", jute.AppendString(nil, "/"), func(r *reply) {
		if r.zxid < c.wrote {
			r.wrong("the session has written at %v", c.wrote)
		}
	})
}

// die ends the client without a word. Another one takes its place.
func (c *client) die() {
	c.dead = true
	if c.out != nil {
		c.w.trace("client %d dies with session %v", c.id, c.session)
		c.disconnect()
	}
}
