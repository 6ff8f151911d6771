package database

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"gokeeper/server/auth"
	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
)

// bench is a database in which the client c reads.
type bench struct {
	t  *testing.T
	db *Database
	c  *fake
}

func newBench(t *testing.T, bodies ...txn.Body) *bench {
	b := &bench{t, New(tree.New(), map[proto.SessionID]int32{1: 4000}, &auth.Policy{}), &fake{session: 1, ops: map[int32]proto.Op{}}}
	for i, body := range bodies {
		b.apply(proto.Zxid(i+1), body)
	}
	return b
}

// apply applies a transaction of session 1 that nobody here waits for.
func (b *bench) apply(zxid proto.Zxid, body txn.Body) {
	b.db.Apply([]Commit{{Txn: txn.Txn{Header: txn.Header{Session: 1, Zxid: zxid}, Body: body}}}, nil)
}

func node(path string, acl ...proto.ACL) *txn.Create {
	if acl == nil {
		acl = proto.OpenACL()
	}
	return &txn.Create{Type: proto.OpCreate, Path: path, Data: []byte("x"), ACL: acl, ParentCversion: txn.NoParentCversion}
}

func grant(perms proto.Perm, scheme, id string) proto.ACL {
	return proto.ACL{Perms: perms, Identity: proto.Identity{Scheme: scheme, ID: id}}
}

// read sends a read with xid 5 and returns what comes of it.
func (b *bench) read(op proto.Op, body []byte) []string {
	b.t.Helper()
	b.c.ops[5] = op
	b.db.Read(b.c, &proto.Request{Xid: 5, Op: op, Body: body, IDs: b.c.ids})
	return b.c.take(b.t)
}

func (b *bench) expect(what string, got []string, want ...string) {
	b.t.Helper()
	if !slices.Equal(got, want) {
		b.t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}

func at(path string, rest ...byte) []byte { return append(jute.AppendString(nil, path), rest...) }

var null = jute.AppendBuffer(nil, nil)

// TestReads has what histories do not: nulls, short records, odd paths, permissions, and
// that a read that fails arms nothing.
func TestReads(t *testing.T) {
	b := newBench(t, node("/a", grant(proto.PermAll, "digest", "bob:pw"), grant(proto.PermAdmin, "ip", "10.0.0.1")), node("/b"))
	const watched = 1
	f := func(op proto.Op, body []byte, want string) {
		t.Helper()
		b.expect(op.String(), b.read(op, body), "5 at 0x2: "+want)
	}
	stat := "{0x1 0x1 0 0 0 0 0 0 1 0 0x1}"
	reads := []proto.Op{proto.OpExists, proto.OpGetData, proto.OpGetChildren, proto.OpGetChildren2, proto.OpGetACL, proto.OpGetAllChildrenNumber}
	for _, op := range reads {
		f(op, at("/a", watched), "no permission")
		f(op, append(slices.Clip(null), watched), "marshalling error")
		f(op, []byte{0, 0, 0, 9, '/'}, "marshalling error")
		if op != proto.OpExists {
			f(op, at("/none", watched), "no node")
			f(op, at("/\x00", watched), "no node")
		}
		for _, path := range []string{"b", "/b/", "//b", "/b/c"} {
			f(op, at(path, 0), "no node")
		}
	}
	f(proto.OpExists, at("/\x00", watched), "bad arguments")
	f(proto.OpGetData, at("/b"), "marshalling error") // the flag is missing
	if n := b.db.watches.Len(); n != 0 {
		t.Errorf("%d watches are armed by reads that failed", n)
	}
	f(proto.OpExists, at("/none", watched), "no node")
	if n := b.db.watches.Len(); n != 1 {
		t.Errorf("%d watches, want the one on a node that is not there", n)
	}

	b.c.ids = []proto.Identity{{Scheme: "ip", ID: "10.0.0.1"}}
	f(proto.OpGetData, at("/a", 0), "no permission")
	f(proto.OpGetACL, at("/a"), "[{31 {digest bob:pw}} {16 {ip 10.0.0.1}}] "+stat)
	b.c.ids = []proto.Identity{{Scheme: "digest", ID: "bob:pw"}, {Scheme: "super"}}
	f(proto.OpGetData, at("/a", 0), `"x" `+stat)
	f(proto.OpWhoAmI, nil, "[digest:bob super:]")

	f(proto.OpSync, null, "")
	f(proto.OpSync, at("anything\x00"), "anything\x00")
	f(proto.OpAddWatch, append(at("no path"), 0, 0, 0, 2), "marshalling error")
	f(proto.OpAddWatch, append(at("no path"), 0, 0, 0, 1), "0")
	f(proto.OpCheckWatches, append(at("no path"), 0, 0, 0, 5), "")
	f(proto.OpCheckWatches, append(at("no path"), 0, 0, 0, 6), "marshalling error")
	f(proto.OpRemoveWatches, append(at("/b"), 0, 0, 0, 0), "marshalling error")
	f(proto.OpRemoveWatches, append(slices.Clip(null), 0, 0, 0, 3), "no such watch")
	f(proto.OpGetAllChildrenNumber, at("/"), "5")
	f(proto.OpCreate, nil, "unimplemented")
}

// TestMaskedACL: who may read but not administer sees users without their secrets.
func TestMaskedACL(t *testing.T) {
	b := newBench(t, node("/a", grant(proto.PermRead, "world", "anyone"), grant(proto.PermAll, "digest", "bob:pw")))
	b.expect("getACL", b.read(proto.OpGetACL, at("/a")), "5 at 0x1: [{1 {world anyone}} {31 {digest bob:x}}] {0x1 0x1 0 0 0 0 0 0 1 0 0x1}")
}

func TestGetEphemerals(t *testing.T) {
	owned := func(path string) *txn.Create { n := node(path); n.Ephemeral = true; return n }
	b := newBench(t, owned("/a"), owned("/ab"), owned("/b"), node("/c"))
	for prefix, want := range map[string]string{"": "[/a /ab /b]", " \t": "[/a /ab /b]", " / ": "[/a /ab /b]", " /a": "[]", "/": "[/a /ab /b]", "/a": "[/a /ab]", "/ab": "[/ab]", "a": "[]"} {
		b.expect(prefix, b.read(proto.OpGetEphemerals, at(prefix)), "5 at 0x4: "+want)
	}
	b.expect("null", b.read(proto.OpGetEphemerals, null), "5 at 0x4: [/a /ab /b]")
	b.c.session = 2
	b.expect("another's", b.read(proto.OpGetEphemerals, at("/")), "5 at 0x4: []")
}

func TestMultiRead(t *testing.T) {
	b := newBench(t, node("/a"), node("/a/b"), node("/locked", grant(proto.PermAll, "digest", "bob:pw")))
	multi := func(op proto.Op, paths ...string) []byte {
		var body []byte
		for _, path := range paths {
			h := proto.MultiHeader{Op: op, Err: -1}
			body = append(h.Append(body), at(path, 0)...)
		}
		return proto.AppendMultiEnd(body)
	}
	b.expect("getData", b.read(proto.OpMultiRead, multi(proto.OpGetData, "/a", "/none", "/locked", "/a/b")),
		`5 at 0x3: ["x" {0x1 0x1 0 0 0 1 0 0 1 1 0x2} no node no permission "x" {0x2 0x2 0 0 0 0 0 0 1 0 0x2}]`)
	b.expect("getChildren", b.read(proto.OpMultiRead, multi(proto.OpGetChildren, "/a", "/none")), `5 at 0x3: [[b] no node]`)
	b.expect("exists", b.read(proto.OpMultiRead, multi(proto.OpExists, "/a")), "5 at 0x3: marshalling error")
	b.expect("none", b.read(proto.OpMultiRead, multi(proto.OpGetData)), "5 at 0x3: []")

	// a null path ends the whole, but not without the results before it; one in a record
	// that is cut has none
	part := func(path []byte) []byte {
		h := proto.MultiHeader{Op: proto.OpGetChildren, Err: -1}
		return append(append(h.Append(nil), path...), 0)
	}
	body := slices.Concat(part(at("/a")), part(null), part(at("/a")))
	b.db.Read(b.c, &proto.Request{Xid: 5, Op: proto.OpMultiRead, Body: proto.AppendMultiEnd(body)})
	p := jute.NewDecoder(b.c.out[4:])
	p.Bytes(12)
	if err, got := proto.Error(p.Int()), results(p); err != proto.MarshallingError || got != "[[b]]" || p.Len() != 0 {
		t.Errorf("null path: %v, %s, %d bytes more", err, got, p.Len())
	}
	b.c.out = nil
	b.expect("null path, cut", b.read(proto.OpMultiRead, body), "5 at 0x3: marshalling error")
}

// TestWatchedNames: a path to watch may be anything, and is called as Java calls it.
func TestWatchedNames(t *testing.T) {
	b := newBench(t)
	typ := func(path []byte) []byte { return append(slices.Clip(path), 0, 0, 0, 1) }
	b.expect("addWatch", b.read(proto.OpAddWatch, typ(null)), "5 at 0x0: 0")
	b.expect("addWatch", b.read(proto.OpAddWatch, typ(at("/\xe2\x82"))), "5 at 0x0: 0")
	recursive := func(path string) []byte { return append(at(path), 0, 0, 0, 5) }
	b.expect("the root is not null", b.read(proto.OpCheckWatches, recursive("")), "5 at 0x0: no such watch")
	b.expect("replaced", b.read(proto.OpCheckWatches, recursive("/\uFFFD")), "5 at 0x0: ")
	b.expect("removed", b.read(proto.OpRemoveWatches, recursive("/\xff")), "5 at 0x0: ")
	if n := b.db.watches.Len(); n != 1 {
		t.Errorf("%d watches, want that of null", n)
	}
}

// TestSetWatches has what histories do not: both forms, nulls, and nothing half done
// when the record cannot be read.
func TestSetWatches(t *testing.T) {
	b := newBench(t, node("/a"), node("/b"))
	list := func(paths ...string) []byte {
		body := jute.AppendInt(nil, int32(len(paths)))
		for _, path := range paths {
			body = jute.AppendString(body, path)
		}
		return body
	}
	seen := func(zxid int64, lists ...[]byte) []byte {
		return append(jute.AppendLong(nil, zxid), slices.Concat(lists...)...)
	}
	f := func(op proto.Op, body []byte, watches int, want ...string) {
		t.Helper()
		b.expect(op.String(), b.read(op, body), want...)
		if n := b.db.watches.Len(); n != watches {
			t.Errorf("%d watches, want %d", n, watches)
		}
		b.db.watches.Drop(b.c)
	}
	const event, reply, failed = "-1 at 0xffffffffffffffff: event ", "5 at 0x2: ", "5 at 0x2: marshalling error"
	f(proto.OpSetWatches, seen(2, list("/a"), list("/none"), list("/b")), 3, reply)
	f(proto.OpSetWatches, seen(1, list("/a", "/b", "/none"), list("/a", "/none"), list("/b", "/none")), 2,
		event+"3 3 /b", event+"2 3 /none", event+"1 3 /a", event+"4 3 /b", event+"2 3 /none", reply)
	f(proto.OpSetWatches, seen(0, list(), list(), list("/")), 0, event+"4 3 /", reply)
	f(proto.OpSetWatches2, seen(0, list(), list(), list(), list("/a", "/none"), list("/a", "/x")), 5, reply) // persistent ones are in both tables
	f(proto.OpSetWatches2, seen(0, list("/a"), list("/none"), list()), 0, failed)
	f(proto.OpSetWatches, seen(2, list("/a", "/none"), null, list("/b")), 1, event+"2 3 /none", failed)
	f(proto.OpSetWatches, seen(2, list("/a"), list("/none"), []byte{0, 0, 0, 1, 0}), 0, failed)
	f(proto.OpSetWatches, seen(2, list("/a", "/none"), append([]byte{0, 0, 0, 2}, slices.Concat(at("/x"), null)...), list("/b")), 2,
		event+"2 3 /none", failed)
	f(proto.OpSetWatches2, seen(2, list(), list(), list(), append([]byte{0, 0, 0, 1}, null...), list()), 2, reply)
	f(proto.OpSetWatches, nil, 0, failed)
}

// TestWatchesTogether lets all that touches the tables of watches meet, for the race
// detector and the map's own.
func TestWatchesTogether(t *testing.T) {
	b := newBench(t, node("/a"))
	var done sync.WaitGroup
	typed := append(at("/a"), 0, 0, 0, 3)
	setWatches := append(make([]byte, 8+12), 0, 0, 0, 0, 0, 0, 0, 0)
	for _, r := range []proto.Request{
		{Op: proto.OpExists, Body: at("/a", 1)}, {Op: proto.OpGetData, Body: at("/a", 1)}, {Op: proto.OpGetChildren, Body: at("/a", 1)},
		{Op: proto.OpAddWatch, Body: append(at("/a"), 0, 0, 0, 0)}, {Op: proto.OpCheckWatches, Body: typed}, {Op: proto.OpCheckWatches, Body: typed},
		{Op: proto.OpRemoveWatches, Body: typed}, {Op: proto.OpSetWatches2, Body: setWatches},
	} {
		done.Go(func() {
			c := &fake{drop: true}
			for range 3000 {
				b.db.Read(c, &r)
			}
			b.db.Detach(c)
		})
	}
	for i := range 200 {
		b.apply(proto.Zxid(i+2), &txn.SetData{Path: "/a"})
	}
	done.Wait()
	if n := b.db.watches.Len(); n != 0 {
		t.Errorf("%d watches of connections that are gone", n)
	}
}

// TestReadAllocates holds the promise of the reads that make up most of the load.
func TestReadAllocates(t *testing.T) {
	b := newBench(t, node("/a"), node("/a/b"), node("/a/c"))
	c := &fake{drop: true, ids: []proto.Identity{{Scheme: "ip", ID: "10.0.0.1"}}}
	for op, body := range map[proto.Op][]byte{
		proto.OpExists: at("/a", 0), proto.OpGetData: at("/a", 0), proto.OpGetChildren: at("/a", 0), proto.OpGetChildren2: at("/a", 0),
		proto.OpPing: nil, proto.OpSync: at("/"), proto.OpGetACL: at("/a"), proto.OpGetAllChildrenNumber: at("/a"),
	} {
		r := proto.Request{Xid: 1, Op: op, Body: body, IDs: c.ids}
		if n := testing.AllocsPerRun(100, func() { b.db.Read(c, &r) }); n != 0 {
			t.Errorf("%v allocates %v times", op, n)
		}
	}
}

// TestMoved: a connection whose session has moved to another server is cut without a
// reply, also when the write was part of a multi.
func TestMoved(t *testing.T) {
	moved := &txn.Error{Code: proto.SessionMoved}
	multi := &txn.Multi{Ops: []txn.Op{{Type: proto.OpCreate, Body: node("/a")}, {Type: proto.OpError, Body: moved}}}
	for _, body := range []txn.Body{moved, multi} {
		b := newBench(t)
		b.db.Apply([]Commit{{Txn: txn.Txn{Header: txn.Header{Session: 1, Zxid: 1}, Body: body}, Client: b.c, Xid: 5, Op: proto.OpMulti}}, nil)
		b.c.ops[5] = proto.OpMulti
		if got := b.c.take(t); got != nil || !b.c.abort {
			t.Errorf("%T: cut is %v, sent %q", body, b.c.abort, got)
		}
	}
}

// TestSessions follows a session over three connections.
func TestSessions(t *testing.T) {
	db := New(tree.New(), map[proto.SessionID]int32{1: 4000}, &auth.Policy{})
	heard := func(wantAt int64, wantTimeout int32) {
		t.Helper()
		if at, timeout, ok := db.Heard(1); at != wantAt || timeout != wantTimeout || !ok {
			t.Errorf("heard at %d, timeout %d, %v", at, timeout, ok)
		}
	}
	heard(0, 4000)
	first, second := &fake{}, &fake{}
	if db.Attach(2, first, 5000, [16]byte{}) || first.opened != 0 {
		t.Error("a session that is not there was attached")
	}
	for _, c := range []*fake{first, first, second} {
		if !db.Attach(1, c, 5000, [16]byte{}) || db.Carrier(1) != Client(c) {
			t.Error("the session was not attached")
		}
		heard(77, 5000)
	}
	if !first.abort || second.abort || first.opened != 2 {
		t.Error("the first connection must end when the session moves to the second, and not before")
	}
	db.Detach(first)
	if db.Carrier(1) != Client(second) {
		t.Error("the connection that was there before has taken the session with it")
	}
	db.Detach(second)
	if db.Carrier(1) != nil || db.Carrier(2) != nil {
		t.Error("nobody carries the session")
	}
	heard(77, 5000)
	if s := db.Sessions(); len(s) != 1 || s[1] != 4000 {
		t.Errorf("sessions %v", s)
	}
}

// TestDump wants an image taken piece by piece, with writes in between, to be a fuzzy
// one: nothing is lost that was there all the time.
func TestDump(t *testing.T) {
	b := newBench(t, node("/a", grant(proto.PermAll, "digest", "bob:pw")))
	for i := range 3000 {
		b.apply(proto.Zxid(i+2), node("/a/"+string(rune('0'+i%10))+string(rune('a'+i/10%26))+string(rune('a'+i/260))))
	}
	count := b.db.tree.NodeCount()
	d := b.db.Dump(64<<10, false)
	nodes, pieces := []byte{}, 0
	for more := true; more; pieces++ {
		nodes, more = d.Nodes(nodes)
		b.apply(proto.Zxid(4000+pieces), &txn.SetData{Path: "/a", Data: []byte("later")})
	}
	last, at, digest := d.Last()
	if d.Zxid() != 3001 || last != proto.Zxid(3999+pieces) || at != last || digest != b.db.tree.Digest() || len(d.ACLs()) != 3 || d.Sessions()[1] != 4000 {
		t.Errorf("image from %v to %v, %d lists, sessions %v", d.Zxid(), last, len(d.ACLs()), d.Sessions())
	}
	if pieces < 3 || len(nodes) < 80*count {
		t.Errorf("%d bytes in %d pieces of %d nodes", len(nodes), pieces, count)
	}
}

// FuzzRead wants one whole reply to whatever a client sends, behind any events.
func FuzzRead(f *testing.F) {
	f.Add(int32(proto.OpGetData), at("/a", 1))
	f.Add(int32(proto.OpAddWatch), append(at("/a"), 0, 0, 0, 1))
	f.Add(int32(proto.OpSetWatches), append(make([]byte, 8), append(append([]byte{0, 0, 0, 1}, at("/none")...), make([]byte, 8)...)...))
	f.Add(int32(proto.OpMultiRead), append([]byte{0, 0, 0, 4, 0, 255, 255, 255, 255}, append(at("/a", 0), 0, 0, 0, 0, 1, 0, 0, 0, 0)...))
	f.Add(int32(proto.OpMultiRead), append([]byte{0, 0, 0, 4, 0, 255, 255, 255, 255}, null...))
	f.Fuzz(func(t *testing.T, op int32, body []byte) {
		b := newBench(t, node("/a"))
		got := b.read(proto.Op(op), body)
		if len(got) == 0 || !strings.HasPrefix(got[len(got)-1], "5 at") && proto.Op(op) != proto.OpPing {
			t.Errorf("got %q", got)
		}
	})
}
