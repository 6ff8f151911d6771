package tree

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// do applies a transaction of the next zxid and fails the test unless it takes effect.
func do(t *testing.T, tr *Tree, session proto.SessionID, typ proto.Op, body txn.Body) {
	t.Helper()
	if err := try(tr, session, typ, body).Err; err != proto.OK {
		t.Fatalf("%+v: %v", body, err)
	}
}

func try(tr *Tree, session proto.SessionID, typ proto.Op, body txn.Body) (r Result) {
	z := tr.LastZxid() + 1
	tr.Apply(&txn.Txn{Header: txn.Header{Session: session, Zxid: z, Time: int64(z), Type: typ}, Body: body}, &r)
	return r
}

func create(t *testing.T, tr *Tree, path string, acl ...proto.ACL) {
	t.Helper()
	do(t, tr, 1, proto.OpCreate, &txn.Create{Type: proto.OpCreate, Path: path, Data: []byte(path), ACL: acl, ParentCversion: txn.NoParentCversion})
}

// reload writes an image and loads it again.
func reload(t *testing.T, tr *Tree) *Tree {
	t.Helper()
	image, more := tr.Walk().Append(nil, math.MaxInt)
	if more {
		t.Fatal("there is more")
	}
	return load(t, tr.ACLTable(), image, tr.LastZxid())
}

func node(t *testing.T, l *Loader, path string, acl int64) {
	t.Helper()
	if err := l.Node(path, nil, acl, Persisted{}); err != nil {
		t.Fatal(err)
	}
}

var (
	alice = acl(proto.PermAll, "digest", "alice:x")
	bob   = acl(proto.PermRead, "digest", "bob:x")
)

func TestListIsKeptOnceWhileItIsUsed(t *testing.T) {
	tr := New()
	create(t, tr, "/a", alice, bob)
	create(t, tr, "/b", alice, bob)
	create(t, tr, "/c", bob, alice) // another list: Java compares in order
	do(t, tr, 1, proto.OpSetACL, &txn.SetACL{Path: "/c", ACL: []proto.ACL{bob}, Version: 1})
	config := []proto.ACL{acl(proto.PermRead, "world", "anyone")}
	want := []ACLEntry{{1, config}, {2, []proto.ACL{alice, bob}}, {4, []proto.ACL{bob}}}
	if got := tr.ACLTable(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("table %v, want %v", got, want)
	}
	for _, path := range []string{"/a", "/b"} {
		do(t, tr, 1, proto.OpDelete, &txn.Delete{Path: path})
	}
	create(t, tr, "/a", alice, bob)
	want = []ACLEntry{want[0], want[2], {5, want[1].ACL}}
	if got := tr.ACLTable(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("after deletions the table is %v, want %v", got, want)
	}
}

// TestListsAreRightAfterReload: uses are counted anew, or nodes would lose their list to
// another (ZOOKEEPER-3306, 4846).
func TestListsAreRightAfterReload(t *testing.T) {
	tr := New()
	create(t, tr, "/a", alice)
	create(t, tr, "/b", bob)
	create(t, tr, "/c", bob)
	tr = reload(t, reload(t, tr))
	do(t, tr, 1, proto.OpDelete, &txn.Delete{Path: "/b"})
	for i := range 5 {
		create(t, tr, fmt.Sprint("/n", i), acl(proto.PermRead, "ip", fmt.Sprint(i)))
	}
	for path, want := range map[string]proto.ACL{"/a": alice, "/c": bob, "/n4": acl(proto.PermRead, "ip", "4")} {
		if got := tr.ACL(tr.FindString(path)); !slices.Equal(got, []proto.ACL{want}) {
			t.Errorf("%s has %v, want %v", path, got, want)
		}
	}
}

// TestTableOfAnotherServer has what only others write: numbers beyond 32 bits, which
// Java counts to, one list under two numbers, and one that nothing uses.
func TestTableOfAnotherServer(t *testing.T) {
	lists := []ACLEntry{
		{1 << 40, []proto.ACL{alice}}, {1<<40 + 1<<32, []proto.ACL{bob}}, {math.MaxInt64, []proto.ACL{alice}},
		{math.MaxInt32, []proto.ACL{alice, bob}}, {5, []proto.ACL{alice}},
	}
	l := NewLoader()
	for _, e := range lists {
		l.ACL(e.ID, e.ACL)
	}
	node(t, l, "", -1)
	for i, e := range lists[:4] {
		node(t, l, fmt.Sprint("/", i), e.ID)
	}
	tr, err := l.Finish(9)
	if err != nil {
		t.Fatal(err)
	}
	do(t, tr, 1, proto.OpDelete, &txn.Delete{Path: "/0"})
	create(t, tr, "/new", acl(proto.PermRead, "ip", "::1"))
	create(t, tr, "/alice", alice)
	for path, want := range map[string][]proto.ACL{
		"/1": {bob}, "/2": {alice}, "/3": {alice, bob}, "/alice": {alice}, "/new": {acl(proto.PermRead, "ip", "::1")}, "/": proto.OpenACL(),
	} {
		if got := tr.ACL(tr.FindString(path)); !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", path, got, want)
		}
	}
	if got := tr.ACLTable(); len(got) != 4 {
		t.Errorf("table %v, want 4 lists", got)
	}
}

// TestNumbersOfListsComeRound: after the last number come those that are free again.
func TestNumbersOfListsComeRound(t *testing.T) {
	tr := New()
	create(t, tr, "/a", alice)
	tr.acls.last = math.MaxInt32 - 1
	for i := range 3 {
		create(t, tr, fmt.Sprint("/n", i), acl(proto.PermRead, "ip", fmt.Sprint(i)))
	}
	var ids []int64
	for _, e := range tr.ACLTable() {
		ids = append(ids, e.ID)
	}
	if want := []int64{1, 2, 3, 4, math.MaxInt32}; !slices.Equal(ids, want) {
		t.Errorf("numbers %v, want %v", ids, want)
	}
}

// TestMissingListDenies: a fuzzy snapshot may name a list that it does not hold. Until
// replay brings it nobody may do anything, after the next snapshot neither.
func TestMissingListDenies(t *testing.T) {
	l := NewLoader()
	node(t, l, "", -1)
	for i, id := range []int64{7, 0, -2, 1 << 33} {
		node(t, l, fmt.Sprint("/", i), id)
	}
	tr, err := l.Finish(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range []*Tree{tr, reload(t, tr)} {
		for i := range 4 {
			got := tr.ACL(tr.FindString(fmt.Sprint("/", i)))
			if len(got) == 0 || slices.ContainsFunc(got, func(a proto.ACL) bool { return a.Perms != 0 }) {
				t.Errorf("/%d grants %v", i, got)
			}
		}
	}
	do(t, tr, 1, proto.OpSetACL, &txn.SetACL{Path: "/0", ACL: []proto.ACL{alice}, Version: 1})
	if got := tr.ACL(tr.FindString("/0")); !slices.Equal(got, []proto.ACL{alice}) {
		t.Errorf("/0 has %v after setACL", got)
	}
}

func TestLoaderRefuses(t *testing.T) {
	for _, path := range []string{"a", "/a/b", "//a", "/a//b"} {
		l := NewLoader()
		if err := l.Node("/a", nil, -1, Persisted{}); !errors.Is(err, ErrOrphan) {
			t.Errorf("a node before the root: %v, want ErrOrphan", err)
		}
		if _, err := l.Finish(1); !errors.Is(err, ErrRoot) {
			t.Errorf("no root: %v, want ErrRoot", err)
		}
		node(t, l, "", -1)
		if err := l.Node(path, nil, -1, Persisted{}); !errors.Is(err, ErrOrphan) {
			t.Errorf("%s: %v, want ErrOrphan", path, err)
		}
	}
}

// TestImageSparesJava: its replay orphans the children of a node that is deleted and
// created again if the image holds them, and stops at a list that the image lacks.
func TestImageSparesJava(t *testing.T) {
	tr := New()
	create(t, tr, "/a", alice)
	table, w := tr.ACLTable(), tr.Walk()
	create(t, tr, "/new", alice)
	do(t, tr, 1, proto.OpSetACL, &txn.SetACL{Path: "/a", ACL: []proto.ACL{bob}, Version: 1})
	image, _ := w.Append(nil, math.MaxInt)
	again := load(t, table, image, 1)
	if again.FindString("/new").Exists() {
		t.Error("the image holds a node created since")
	}
	if got := again.ACL(again.FindString("/a")); fmt.Sprint(got) != fmt.Sprint(proto.OpenACL()) {
		t.Errorf("/a has %v, want one that every reader knows", got)
	}
}

// TestPiecesOfImage writes the same nodes in pieces of any size.
func TestPiecesOfImage(t *testing.T) {
	tr := New()
	for i := range 50 {
		create(t, tr, fmt.Sprint("/n", i), alice)
	}
	for _, limit := range []int{1, 100, 1000} {
		var image []byte
		w, pieces := tr.Walk(), 0
		for more := true; more; pieces++ {
			before := len(image)
			if image, more = w.Append(image, limit); len(image)-before >= limit+200 {
				t.Errorf("a piece of %d bytes, limit %d", len(image)-before, limit)
			}
		}
		if min := len(image) / (limit + 200); pieces < min {
			t.Errorf("%d pieces with limit %d, want %d", pieces, limit, min)
		}
		differ(t, fmt.Sprint("limit ", limit), textOf(load(t, tr.ACLTable(), image, tr.LastZxid())), textOf(tr))
	}
}
