package integration

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
)

// A generator makes random requests, good and bad ones, of all kinds. What it leaves out, because the servers are meant to
// differ or because Java dies of it, is in the table of TestMeantDifferences.
type generator struct {
	*rand.Rand
	members bool // the servers are ensembles: what a leader of Java's does not survive is left out, too
	local   bool // new sessions are local: multis that Java cuts off where it cannot read on are left out, too
	changes bool // members come and go, of which lasting watches of Java's hear twice: they are left out, too
}

func pick[T any](g generator, list ...T) T { return list[g.IntN(len(list))] }

// one reports true once in n times.
func (g generator) one(n int) bool { return g.IntN(n) == 0 }

// superUser has the digest identity that the servers take for the super user, if they are told to.
const superUser = "super"

// user is the one digest identity that a slot may take; the last slot's is the super user's.
func user(slot int) string { return []string{"u0", "u1", "u2", superUser}[slot] }

// batch makes the requests of one step. What is answered out of order comes alone.
func (g generator) batch(slot int) []action {
	if g.one(25) {
		return g.alone(slot)
	}
	var batch []action
	for range 1 + g.IntN(5) {
		a := g.request()
		batch = append(batch, a)
		if a.op == opSetACL { // Java may check what is pipelined behind it against the old ACL or the new one
			return batch
		}
	}
	if g.one(60) { // what stands before the end of a session is answered
		batch = append(batch, action{op: opCloseSession})
	}
	return batch
}

func (g generator) alone(slot int) []action {
	login := func(scheme string, b []byte) []action {
		return []action{{op: opAuth, body: out(nil).i32(int32(g.IntN(2))).str(scheme).buf(b)}}
	}
	switch g.IntN(14) {
	case 0, 1:
		return []action{{op: opCloseSession}}
	case 2:
		unknown := []int32{0, -1, 10, 108, 4711}
		if !g.members {
			unknown = append(unknown, opCheck)
		}
		return []action{{op: pick(g, unknown...), body: at("/a", -1)}}
	case 3:
		if g.members {
			break
		}
		return []action{{op: opDeleteContainer, body: out(nil).str("/a")}}
	case 4:
		return login(pick(g, "nosuch", "world", "auth", "super", "sasl", "x509", "Digest", ""), []byte("x"))
	case 5:
		return login("ip", pick(g, nil, []byte{}, []byte("10.1.2.3")))
	case 6:
		return []action{{op: opSASL, body: out(nil).buf(pick(g, []byte{}, []byte("token")))}}
	case 7:
		return []action{{raw: g.frame()}}
	case 8:
		return pick(g, login("digest", nil), []action{{op: opAuth, body: out(nil).i32(0).null().buf([]byte("x"))}},
			[]action{{op: opAuth, body: out(nil).i32(0).str("dig")[:7]}}, []action{{op: opSASL, body: out(nil).null()}})
	}
	return login("digest", []byte(user(slot)+":pw"))
}

// frame makes a packet that no client sends: the server closes the connection.
func (g generator) frame() []byte {
	return pick(g, out(nil).i32(-1), out(nil).i32(1<<20), out(nil).i32(1<<31-1), out(nil).i32(0), out(nil).frame(), out{0, 0, 0}.frame(),
		out(nil).i32(7).frame(), out(nil).i32(7).i32(3)[:7].frame(), []byte("ruok"), []byte("GET / HTTP/1.1\r\n\r\n"))
}

// greeting makes a connect request of any form; the session may be taken over with the right password or not.
func (g generator) greeting(o opening) opening {
	password := o.password
	switch g.IntN(8) {
	case 0:
		password = bytes.Repeat([]byte{7}, pick(g, 0, 15, 16, 17, 1000))
	case 1:
		password = nil
	case 2:
		o.session ^= pick[int64](g, 1<<62, 1<<20)
	case 3, 4:
		o.session = 0
	}
	zxid := pick[int64](g, 0, 0, 0, 1, -1, -1<<63, 1<<40)
	timeout := pick[int32](g, 600000, 0, -1, 1, 99999, 100001, 1<<31-1, -1<<31)
	record := out(nil).i32(pick[int32](g, 0, 0, 1, -1)).i64(zxid).i32(timeout).i64(o.session).buf(password)
	switch g.IntN(5) {
	case 0: // as clients did before 3.4
	case 1:
		record = append(record.bool(true), 1, 2, 3)
	case 2:
		record = append(record, 0x80)
	default:
		record = record.bool(false)
	}
	if g.one(10) {
		record = record[:g.IntN(len(record))]
	}
	o.raw = record.frame()
	return o
}

var oddPaths = []string{
	"", "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "/zookeeper/x", "/zookeeperx", "a", "a/b", "/a/", "/a//b", "/a/.", "/a/..",
	"/a/../b", "/a/...", "/.a", "/a.", "//", "//a", "/a/./b", "/a\x00", "/\x00", "/a/\x01", "/a/\x1f", "/a/ ", "/a/\x7f", "/a/\u0080", "/a/\u009f",
	"/a/\u00a0", "/a/é", "/b/…", "/a/\ud7ff", "/a/\ue000", "/a/\uf8ff", "/a/\uf900", "/a/\ufeff", "/a/\uffef", "/a/\ufff0", "/a/\uffff", "/a/😀", "/a/\xff",
	"/a/\xed\xa0\x80", "/a/\xc0\x80", "/a/\xe2\x82", "/a\\b", "/a/%00", "/c/" + strings.Repeat("long", 100), strings.Repeat("/a", 40),
}

func (g generator) path() string {
	if g.one(15) {
		return pick(g, oddPaths...)
	}
	p := ""
	for range pick(g, 1, 1, 1, 2, 2, 3) {
		p += pick(g, "/a", "/b", "/c")
	}
	return p
}

// named is a path as a record has it, now and then null.
func (g generator) named() out {
	if g.one(40) {
		return out(nil).null()
	}
	return out(nil).str(g.path())
}

// changed is a path as the record of a write has it.
func (g generator) changed() out {
	if g.members {
		return out(nil).str(g.path())
	}
	return g.named()
}

func (g generator) data() []byte {
	switch g.IntN(30) {
	case 0, 1, 2:
		return nil
	case 3, 4, 5:
		return []byte{}
	case 6:
		return []byte{0xff, 0, 0xc0, '\n'}
	case 7:
		return bytes.Repeat([]byte("large"), g.IntN(20000))
	}
	return bytes.Repeat([]byte{byte('a' + g.IntN(26))}, g.IntN(60))
}

func (g generator) version() int32 {
	return pick[int32](g, -1, -1, -1, -1, 0, 0, 1, 2, 3, -2, 1<<31-1, -1<<31)
}

func (g generator) acl() out {
	if !g.one(4) {
		return out(nil).acl(open)
	}
	if g.one(20) && !g.members { // a scheme or an id that is null, a count that is none
		return pick(g, out(nil).i32(1).i32(31).null().str("x"), out(nil).i32(1).i32(31).str("world").null(), out(nil).i32(-2), out(nil).i32(1<<30))
	}
	perms := pick[int32](g, 31, 31, 31, 1, 3, 15, 16, 17, 30, 0, 255, -1)
	digest := digestID(user(g.IntN(slots)), "pw")
	var none []acl // a null
	wide := "a:😀"  // two surrogates, which no learner of Java's can read
	if g.members {
		none, wide = []acl{}, "a:é"
	}
	return out(nil).acl(pick(g, none, []acl{}, []acl{{perms, "world", "anyone"}}, []acl{{perms, "world", "someone"}}, []acl{{perms, "auth", "x"}},
		[]acl{{perms, "digest", digest}}, []acl{{perms, "digest", digest}, {1, "world", "anyone"}}, []acl{{1, "auth", ""}, {30, "auth", ""}},
		[]acl{{perms, "digest", pick(g, "plain", "a:b:c", "a:", ":b", "a:b:", ":", "", "ü:é", wide, "a:\xff", "a:"+strings.Repeat("b", 300))}},
		[]acl{{perms, "ip", "127.0.0.1"}}, []acl{{perms, "ip", "127.0.0.0/8"}}, []acl{{perms, "ip", "10.1.2.3"}, {30, "world", "anyone"}},
		[]acl{{perms, "ip", pick(g, "300.1.1.1", "10.0.0.0/33", "::1/64", "::1", "::1/129", "1:2:3:4:5:6:7:8", "1::2::3", "::", "127.1", "127.0.0.1/",
			"127.0.0.1/-1", "127.0.0.1/8/8", "/8", "", "0.0.0.0/0", "127.0.0.01", "::ffff:127.0.0.1", "fe80::1%lo", "127.0.0.1/ 8", "127.0.0.1/+8", "a.b.c.d")}},
		[]acl{{perms, "super", ""}}, []acl{{perms, "x509", "CN=x"}}, []acl{{perms, "sasl", "x"}}, []acl{{perms, "nosuch", "x"}}, []acl{{perms, "", ""}},
		slices.Concat(open, open, []acl{{1, "auth", ""}}), slices.Concat(open, []acl{{1, "auth", ""}, {2, "auth", "y"}})))
}

// request makes one request of any kind. Some are damaged, unless damage could make what is left out; some have an odd xid.
func (g generator) request() action {
	a := g.whole()
	if g.one(100) {
		a.xid = new(pick[int32](g, 0, -3, -7, -1<<31, 1<<31-1))
	}
	switch {
	case a.op == opCreateTTL || a.op == opCreateContainer || len(a.body) == 0 || g.members && changes(a.op):
	case g.one(100):
		a.body = append(slices.Clip(a.body), 1, 2, 3)
	case g.one(40):
		a.body = g.damaged(a)
	}
	return a
}

func (g generator) damaged(a action) out {
	body := slices.Clone(a.body)
	if g.one(2) {
		return body[:g.IntN(len(body))]
	}
	end := min(len(body), 400)
	if a.op == opCreate || a.op == opCreate2 {
		end = min(end, len(body)-4) // the flags may become a container's
	}
	body[g.IntN(end)] ^= 1 << g.IntN(8)
	return body
}

func (g generator) whole() action {
	if g.one(2) {
		return g.write()
	}
	if g.one(3) {
		return g.watching()
	}
	switch op := pick[int32](g, opExists, opGetData, opGetChildren, opGetChildren2, opGetACL, opSync, opGetEphemerals, opCountChildren,
		opWhoAmI, opPing, opMultiRead, opReconfig); op {
	case opExists, opGetData, opGetChildren, opGetChildren2:
		return action{op: op, body: g.named().bool(g.one(2))}
	case opGetACL, opSync, opCountChildren:
		return action{op: op, body: g.named()}
	case opGetEphemerals:
		return action{op: op, body: pick(g, g.named(), out(nil).str("/"), out(nil).str(" "), out(nil).str("/a/"), out(nil).str("\t"), out(nil).null())}
	case opMultiRead:
		return g.multiRead()
	case opReconfig:
		if g.members {
			return g.reconfig()
		}
		list := func() out {
			return pick(g, out(nil).null(), out(nil).str(""), out(nil).str("1"), out(nil).str("server.1=127.0.0.1:1:2;3"))
		}
		return action{op: op, body: slices.Concat(list(), list(), list()).i64(pick[int64](g, -1, 0, 7))}
	default:
		return action{op: op}
	}
}

// reconfig makes requests that leave an ensemble alive: who joins does not exist, and is an observer.
func (g generator) reconfig() action {
	joins := pick(g, out(nil).null(), out(nil).str(""), out(nil).str("server.6=127.0.0.1:1:2:observer;3"), out(nil).str("server.6=127.0.0.1:4:5:observer;6"),
		out(nil).str("server.5=127.0.0.1:1:2:observer;0.0.0.0:3"), out(nil).str("server.5=[::1]:1:2:observer;[::1]:3,server.6=127.0.0.1:7:8:observer"),
		out(nil).str("nonsense"), out(nil).str("server.x=127.0.0.1:1:2"), out(nil).str("server.7=127.0.0.1:1"), out(nil).str("server.6=127.0.0.1:a:b"))
	leaves := pick(g, out(nil).null(), out(nil).null(), out(nil).str(""), out(nil).str("6"), out(nil).str("5,6"), out(nil).str("77"), out(nil).str("x"))
	all := out(nil).null()
	if g.one(6) {
		all = pick(g, out(nil).str(""), out(nil).str("server.6=127.0.0.1:1:2;3"), out(nil).str("nonsense"))
	}
	return action{op: opReconfig, body: slices.Concat(joins, leaves, all).i64(pick[int64](g, -1, -1, -1, 0, 7))}
}

// lasting is a path to be watched for good.
func (g generator) lasting() out {
	for {
		path := g.named()
		if name := string(path[4:]); !g.changes || name != "/" && name != "/zookeeper" && name != configPath {
			return path
		}
	}
}

func (g generator) multiRead() action {
	var parts []part
	for range g.IntN(5) {
		parts = append(parts, part{pick[int32](g, opGetData, opGetChildren), g.named().bool(g.one(2))})
	}
	if g.one(15) {
		parts = append(parts, pick(g, part{opSetData, setData(g.path(), nil, -1)}, part{opExists, watched("/a", false)}, part{opCheck, at("/a", -1)}))
	}
	return action{op: opMultiRead, body: multi(parts...)}
}

func (g generator) watching() action {
	switch g.IntN(7) {
	case 0, 1:
		return action{op: opAddWatch, body: g.lasting().i32(pick[int32](g, 0, 0, 1, 1, 1, 2, -1))}
	case 2:
		return action{op: opRemoveWatches, body: g.named().i32(pick[int32](g, 1, 2, 3, 4, 4, 5, 5, 0, 6, -1))}
	case 3:
		return action{op: opCheckWatches, body: g.named().i32(pick[int32](g, 1, 2, 3, 4, 4, 5, 5, 0, 6, -1))}
	}
	return g.setWatches()
}

func (g generator) setWatches() action {
	op, lists := pick[int32](g, opSetWatches, opSetWatches2), 3
	if op == opSetWatches2 {
		lists = 5
	}
	var body out
	for n := range lists {
		paths := out(nil).i32(int32(g.IntN(3)))
		for range paths[3] {
			path := g.named()
			if n > 2 {
				path = g.lasting()
			}
			paths = append(paths, path...)
		}
		if g.one(60) {
			paths = pick(g, out(nil).null(), out(nil).i32(-2), out(nil).i32(1<<30))
		}
		body = append(body, paths...)
	}
	return action{op: op, body: body, relative: 1 + g.IntN(40)}
}
