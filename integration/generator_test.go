package integration

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// A generator makes random requests. It leaves out what is known to end the Java server: a TTL create with another flag
// and a negative time, and zookeeper_limits directly below /zookeeper/quota; what clients never send: createSession; and
// a container create with an ephemeral flag.
type generator struct{ *rand.Rand }

func pick[T any](g generator, list ...T) T { return list[g.IntN(len(list))] }

// one reports true once in n times.
func (g generator) one(n int) bool { return g.IntN(n) == 0 }

// batch makes the requests of one step. What may close the connection, or is answered out of order, comes alone.
func (g generator) batch(slot int) []action {
	if g.one(25) {
		return []action{g.alone(slot)}
	}
	var batch []action
	for range 1 + g.IntN(5) {
		a := g.request()
		batch = append(batch, a)
		if a.op == opSetACL { // Java may check what is pipelined behind it against the old ACL or the new one
			break
		}
	}
	return batch
}

func (g generator) alone(slot int) action {
	login := func(scheme string, b []byte) action {
		return action{op: opAuth, body: out(nil).i32(0).str(scheme).buf(b)}
	}
	switch g.IntN(12) {
	case 0, 1, 2:
		return action{op: opCloseSession}
	case 3:
		return action{op: pick[int32](g, 0, -1, 10, 108, 4711, opCheck), body: at("/a", -1)}
	case 4:
		return action{op: opDeleteContainer, body: out(nil).str("/a")}
	case 5:
		return login(pick(g, "nosuch", "world", "auth", "super", ""), []byte("x"))
	case 6:
		return login("ip", nil)
	case 7:
		return action{op: opSASL, body: out(nil).buf([]byte("token"))}
	}
	return login("digest", []byte(user(slot)+":pw"))
}

// user is the one digest identity that a slot may take.
func user(slot int) string { return fmt.Sprint("u", slot) }

func (g generator) path() string {
	if g.one(15) {
		return pick(g, "", "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "a", "a/b", "/a/", "/a//b", "/a/.", "/a/..", "/a/../b",
			"/a\x00", "/a/\x01", "/a/\u0080", "/a/é", "/b/…", "/a/\ue000", "/a/\ufff0", "/a/😀", "//", "//a", "/zookeeper/x", "/a/...")
	}
	p := ""
	for range 1 + g.IntN(3) {
		p += pick(g, "/a", "/b", "/c")
	}
	return p
}

func (g generator) data() []byte {
	switch g.IntN(6) {
	case 0:
		return nil
	case 1:
		return []byte{}
	}
	return bytes.Repeat([]byte{byte('a' + g.IntN(26))}, g.IntN(60))
}

func (g generator) version() int32 { return pick[int32](g, -1, -1, -1, -1, 0, 0, 1, 2, 3, -2, 1<<31-1) }

func (g generator) acl() []acl {
	if !g.one(4) {
		return open
	}
	perms := pick[int32](g, 31, 31, 31, 1, 3, 15, 16, 17, 30, 0, 255, -1)
	digest := digestID(user(g.IntN(slots)), "pw")
	return pick(g, nil, []acl{}, []acl{{perms, "world", "anyone"}}, []acl{{perms, "world", "someone"}}, []acl{{perms, "auth", "x"}},
		[]acl{{perms, "digest", digest}}, []acl{{perms, "digest", digest}, {1, "world", "anyone"}}, []acl{{perms, "digest", "plain"}},
		[]acl{{perms, "ip", "127.0.0.1"}}, []acl{{perms, "ip", "127.0.0.0/8"}}, []acl{{perms, "ip", "10.1.2.3"}, {30, "world", "anyone"}},
		[]acl{{perms, "ip", "300.1.1.1"}}, []acl{{perms, "ip", "10.0.0.0/33"}}, []acl{{perms, "ip", "::1/64"}}, []acl{{perms, "super", ""}},
		[]acl{{perms, "x509", "CN=x"}}, []acl{{perms, "nosuch", "x"}}, slices.Concat(open, open, []acl{{1, "auth", ""}}))
}

// request makes one request of any kind; some are damaged, unless damage could make what must be left out.
func (g generator) request() action {
	a := g.whole()
	if a.op == opCreateTTL || a.op == opCreateContainer || a.op == opMulti || a.op == opMultiRead || len(a.body) == 0 || !g.one(40) {
		return a
	}
	a.body = slices.Clone(a.body)
	if g.one(2) {
		a.body = a.body[:g.IntN(len(a.body))]
	} else {
		a.body[g.IntN(len(a.body))] ^= 1 << g.IntN(8)
	}
	return a
}

func (g generator) whole() action {
	if g.one(2) {
		return g.write()
	}
	if g.one(3) {
		return g.watching()
	}
	p := g.path()
	switch op := pick[int32](g, opExists, opGetData, opGetChildren, opGetChildren2, opGetACL, opSync, opGetEphemerals, opCountChildren,
		opWhoAmI, opPing, opMultiRead, opReconfig); op {
	case opExists, opGetData, opGetChildren, opGetChildren2:
		return action{op: op, body: watched(p, g.one(2))}
	case opGetACL, opSync, opCountChildren, opGetEphemerals:
		if g.one(20) {
			return action{op: op, body: out(nil).null()}
		}
		return action{op: op, body: out(nil).str(p)}
	case opMultiRead:
		return g.multiRead()
	case opReconfig:
		return action{op: op, body: out(nil).str("").str("").null().i64(-1)}
	default:
		return action{op: op}
	}
}

func (g generator) multiRead() action {
	var parts []part
	for range g.IntN(5) {
		parts = append(parts, part{pick[int32](g, opGetData, opGetChildren), watched(g.path(), g.one(2))})
	}
	if g.one(15) {
		parts = append(parts, part{opSetData, setData(g.path(), nil, -1)})
	}
	return action{op: opMultiRead, body: multi(parts...)}
}

func (g generator) watching() action {
	switch g.IntN(6) {
	case 0, 1:
		return action{op: opAddWatch, body: at(g.path(), pick[int32](g, 0, 0, 1, 1, 1, 2, -1))}
	case 2:
		return action{op: opRemoveWatches, body: at(g.path(), pick[int32](g, 1, 2, 3, 3, 4, 5, 0, 6))}
	case 3:
		return action{op: opCheckWatches, body: at(g.path(), pick[int32](g, 1, 2, 3, 4, 5, 0, 6))}
	}
	op, lists := pick[int32](g, opSetWatches, opSetWatches2), 3
	if op == opSetWatches2 {
		lists = 5
	}
	var body out
	for range lists {
		var paths []string
		for range g.IntN(3) {
			paths = append(paths, g.path())
		}
		if g.one(60) {
			body = body.null()
		} else {
			body = body.strs(paths...)
		}
	}
	return action{op: op, body: body, relative: 1 + g.IntN(20)}
}

func (g generator) write() action {
	switch g.IntN(12) {
	case 0, 1, 2:
		return action{op: opDelete, body: at(g.path(), g.version())}
	case 3, 4:
		return action{op: opSetData, body: setData(g.path(), g.data(), g.version())}
	case 5:
		return action{op: opSetACL, body: out(nil).str(g.path()).acl(g.acl()).i32(g.version())}
	case 6, 7:
		return g.multi()
	case 8:
		if g.one(4) {
			return g.quota()
		}
	}
	p := g.create(true)
	return action{op: p.op, body: p.body}
}

// create makes a create of any kind; odd ones only if they are allowed.
func (g generator) create(odd bool) part {
	op := pick[int32](g, opCreate, opCreate, opCreate, opCreate2, opCreate2, opCreateContainer, opCreateTTL)
	path := g.path()
	odd = odd && g.one(12)
	switch {
	case op == opCreateTTL && odd:
		return part{op, createTTL(path, g.data(), g.acl(), pick[int32](g, 0, 1, 4, 7, 5, 6), pick[int64](g, 0, 1<<40))}
	case op == opCreateTTL:
		return part{op, createTTL(path, g.data(), g.acl(), pick[int32](g, withTTL, sequentialWithTTL), pick[int64](g, 1<<40-1, 3600000))}
	case op == opCreateContainer && odd:
		return part{op, create(path, g.data(), g.acl(), pick[int32](g, 0, 2))}
	case op == opCreateContainer:
		return part{op, create(path, g.data(), g.acl(), container)}
	case odd && g.one(3):
		return part{op, out(nil).null().buf(nil).acl(open).i32(0)}
	case odd:
		return part{op, create(path, g.data(), g.acl(), pick[int32](g, 4, 5, 6, 7, -1, 100))}
	}
	flags := pick[int32](g, persistent, persistent, persistent, ephemeral, persistentSequential, ephemeralSequential)
	if (flags == persistentSequential || flags == ephemeralSequential) && !g.one(4) {
		path = strings.TrimSuffix(path, "/") + "-"
	}
	return part{op, create(path, g.data(), g.acl(), flags)}
}

func (g generator) multi() action {
	var parts []part
	for range g.IntN(5) {
		switch g.IntN(5) {
		case 0:
			parts = append(parts, part{opDelete, at(g.path(), g.version())})
		case 1:
			parts = append(parts, part{opSetData, setData(g.path(), g.data(), g.version())})
		case 2:
			parts = append(parts, part{opCheck, at(g.path(), g.version())})
		default:
			parts = append(parts, g.create(g.one(5)))
		}
	}
	if g.one(20) {
		parts = append(parts, part{pick[int32](g, opGetData, opExists, opSetACL, 99), watched(g.path(), false)})
	}
	return action{op: opMulti, body: multi(parts...)}
}

// quota makes or removes the nodes of a quota.
func (g generator) quota() action {
	base := "/zookeeper/quota" + pick(g, "/a", "/b", "/a/b")
	path := base + pick(g, "", "", "/zookeeper_limits", "/zookeeper_stats")
	if g.one(4) {
		return action{op: opDelete, body: at(path, -1)}
	}
	return action{op: opCreate, body: create(path, []byte("count=5,bytes=100"), open, persistent)}
}
