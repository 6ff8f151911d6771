package sim

import (
	"fmt"
	"slices"
	"strings"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
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
	if c.number != number || !c.open || c.dead || c.closing {
		return
	}
	if !c.w.begun && !c.w.quiet {
		c.begin()
	} else if !c.quiet && !c.w.quiet && c.w.now >= c.w.hold && len(c.waiting) < 12 {
		for range 1 + c.IntN(4) {
			if c.open && !c.closing {
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
		c.createWith(proto.OpCreate, path, "", proto.OpenACL(), proto.FlagPersistent, 0)
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
		return []string{"/n", "/e", "/q", "/c", "/zookeeper", proto.PathConfig}[c.IntN(6)]
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
	case r < 47:
		c.multi()
	case r < 49:
		c.rare()
	case r < 51:
		c.wrong()
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
	case r < 95:
		c.multiRead()
	default:
		c.look()
	}
}

// look asks for what is not asked for often.
func (c *client) look() {
	switch c.IntN(6) {
	case 0:
		c.getACL(c.anything())
	case 1:
		c.count([]string{"/n", "/c", "/q", c.name()}[c.IntN(4)])
	case 2:
		c.whoAmI()
	case 3:
		c.get(proto.PathConfig, true)
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
	switch r := c.IntN(14); {
	case r < 4:
		path, version := c.name(), int32(-1)
		if c.chance(3) {
			version = c.w.ledger.now(path).aversion
		}
		c.write(proto.OpSetACL, "setACL "+path, (&proto.SetACLRequest{Path: []byte(path), ACL: c.acl(), Version: version}).Append(nil))
	case r < 6:
		c.create(proto.OpCreateContainer, "/c/c", "", proto.FlagContainer, 0)
	case r < 7:
		c.create(proto.OpCreate, "/c/c/x", "", proto.FlagPersistent, 0)
	case r < 8:
		c.delete("/c/c/x")
	case r < 10:
		c.create(proto.OpCreateTTL, "/c/t", "", proto.FlagPersistentTTL, c.w.plan.tick.Milliseconds()*4)
	case r < 12:
		c.closeSession()
	case r < 13:
		c.authenticate(secrets[c.IntN(len(secrets))])
	default:
		c.reset()
	}
}

// closeSession ends the session, with requests behind it that are not answered.
func (c *client) closeSession() {
	c.w.trace("client %d closes its session", c.id)
	o := c.write(proto.OpCloseSession, "closeSession", nil)
	o.done = func(*reply) { c.over = true }
	c.closing = true
	if s := c.w.locals[c.session]; s != nil {
		s.over = true
	}
	for range c.IntN(4) {
		c.set(c.name(), -1)
		c.get(c.name(), false)
	}
}

// wrong are requests that must fail, besides those that fail now and then.
func (c *client) wrong() {
	path := c.name()
	switch c.IntN(16) {
	case 0:
		c.delete([]string{"/c/c", "/zookeeper", "/", "n", "/n/"}[c.IntN(5)])
	case 1:
		c.create(proto.OpCreate, c.ephemeral()+"/below", "", proto.FlagPersistent, 0)
	case 2:
		c.create(proto.OpCreate, []string{"/n/", "n", "/n//x", "/none/x", "/zookeeper/config/x"}[c.IntN(5)], "", proto.FlagPersistent, 0)
	case 3:
		c.create(proto.OpCreate, path, "", []int32{-1, 7, proto.FlagPersistentTTL}[c.IntN(3)], 0)
	case 4:
		c.create(proto.OpCreateTTL, path, "", proto.FlagPersistentTTL, 0)
	case 5:
		c.set(path, c.w.ledger.now(path).version+1)
	case 6:
		if !slices.Contains(c.ids, identity(superSecret)) {
			c.set(proto.PathConfig, -1)
		}
	case 7:
		body := (&proto.SetACLRequest{Path: []byte(path), ACL: proto.OpenACL(), Version: 99}).Append(nil)
		c.write(proto.OpSetACL, "setACL of another version "+path, body)
	case 8:
		body := (&proto.SetDataRequest{Path: []byte(path), Data: []byte("x"), Version: -1}).Append(nil)
		c.write(proto.OpSetData, "setData that breaks off", body[:len(body)-1-c.IntN(len(body)-1)])
	case 9:
		body := pathWatch(path, true)
		c.ask(proto.OpGetData, "getData that breaks off", body[:len(body)-1-c.IntN(4)], marshalling)
	case 10:
		c.ask(proto.OpAddWatch, "addWatch of no mode", (&proto.PathType{Path: []byte(path), Type: 2}).Append(nil), marshalling)
	case 11:
		c.ask(proto.OpCheckWatches, "checkWatches of no type", (&proto.PathType{Path: []byte(path)}).Append(nil), marshalling)
	case 12:
		body := (&proto.ReconfigRequest{Members: []byte("server.1=x"), Version: -1}).Append(nil)
		c.write(proto.OpReconfig, "reconfig to nonsense", body).check = func(r *reply) {
			if r.err == proto.OK {
				r.wrong("it is done")
			}
		}
	case 13: // a check by itself is no operation
		c.ask([]proto.Op{proto.OpCheck, 999, proto.OpCreateSession}[c.IntN(3)], "no operation", nil, nil)
		c.closing = true
	case 14: // not one for clients: the server hangs up
		c.closing = true
		c.ask(proto.OpDeleteContainer, "deleteContainer", jute.AppendString(nil, "/c/c"), nil)
	case 15:
		if c.chance(2) {
			c.present("nobody", nil, credentials{err: proto.AuthFailed})
			c.closing = true
		}
	}
}

// marshalling is the check of a request that cannot be read.
func marshalling(r *reply) {
	if r.err != proto.MarshallingError {
		r.wrong("error %v, want %v", r.err, proto.MarshallingError)
	}
}

// reset breaks the connection.
func (c *client) reset() {
	c.w.stats.Faults["client connection broken"]++
	c.disconnect()
}

// write asks for a change. What must become of it is foreseen.
func (c *client) write(op proto.Op, what string, body []byte) *operation {
	return c.ask(op, what, body, nil)
}

func (c *client) create(op proto.Op, path, data string, flags int32, ttl int64) {
	acl := proto.OpenACL()
	if strings.HasPrefix(path, "/n/") || strings.HasPrefix(path, "/e/") {
		acl = c.acl()
	}
	c.createWith(op, path, data, acl, flags, ttl)
}

func (c *client) createWith(op proto.Op, path, data string, acl []proto.ACL, flags int32, ttl int64) {
	body := (&proto.CreateRequest{Path: []byte(path), Data: []byte(data), ACL: acl, Flags: flags, TTL: ttl}).Append(nil, op)
	o := c.write(op, fmt.Sprintf("%v %s", op, path), body)
	if isEphemeral(flags) {
		c.wantsEphemeral(o)
	}
	c.observe(path, o, Action{Kind: "create"})
}

func isEphemeral(flags int32) bool {
	return flags == proto.FlagEphemeral || flags == proto.FlagEphemeralSequential
}

// wantsEphemeral notes that a session that is local may become the ensemble's.
func (c *client) wantsEphemeral(o *operation) {
	o.ephemeral = true
	if s := c.w.locals[c.session]; s != nil {
		s.asked = true
	}
}

func (c *client) set(path string, version int32) {
	data := c.value()
	body := (&proto.SetDataRequest{Path: []byte(path), Data: []byte(data), Version: version}).Append(nil)
	o := c.write(proto.OpSetData, fmt.Sprintf("setData %s %s version %d", path, data, version), body)
	c.observe(path, o, Action{Kind: "set", Expects: version})
}

func (c *client) delete(path string) {
	o := c.write(proto.OpDelete, "delete "+path, (&proto.PathVersion{Path: []byte(path), Version: -1}).Append(nil))
	c.observe(path, o, Action{Kind: "delete", Expects: -1})
}

// multi is several writes that happen together or not at all.
func (c *client) multi() {
	var b []byte
	var what []string
	ephemeral := false
	for range 2 + c.IntN(3) {
		path := c.name()
		op := []proto.Op{proto.OpCreate, proto.OpDelete, proto.OpSetData, proto.OpCheck, proto.OpCreate2}[c.IntN(5)]
		b = (&proto.MultiHeader{Op: op, Err: -1}).Append(b)
		switch op {
		case proto.OpCreate, proto.OpCreate2:
			flags := []int32{proto.FlagPersistent, proto.FlagEphemeral, proto.FlagSequential}[c.IntN(3)]
			ephemeral = ephemeral || isEphemeral(flags)
			b = (&proto.CreateRequest{Path: []byte(path), Data: []byte(c.value()), ACL: c.acl(), Flags: flags}).Append(b, op)
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
	b = proto.AppendMultiEnd(b)
	if c.chance(50) {
		what, b, ephemeral = append(what, "which breaks off"), b[:c.IntN(len(b))], false
	}
	o := c.write(proto.OpMulti, "multi "+strings.Join(what, ", "), b)
	if ephemeral {
		c.wantsEphemeral(o)
	}
}

// sync is answered behind everything that was committed before.
func (c *client) sync() {
	c.ask(proto.OpSync, "sync", jute.AppendString(nil, "/"), func(r *reply) {
		if r.zxid < c.wrote {
			r.wrong("the session has written at %v", c.wrote)
		}
		if c.w.undisturbed && r.zxid < r.op.floor {
			r.wrong("%v was acknowledged before it was sent", r.op.floor)
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
