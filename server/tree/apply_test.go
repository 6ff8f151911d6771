package tree

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// TestDigestOfFreshTree is Java's number.
func TestDigestOfFreshTree(t *testing.T) {
	if got := New().Digest(); got != 0x51c6d660 {
		t.Errorf("digest %#x, want 0x51c6d660", got)
	}
}

func TestDigestsAreComparedFromAZxid(t *testing.T) {
	for from, want := range map[proto.Zxid]bool{0: true, 1: true, 2: false} {
		tr := New()
		tr.SetDigestFrom(from)
		var r Result
		tr.Apply(&txn.Txn{Header: txn.Header{Zxid: 1}, Body: &txn.CreateSession{}, Digest: &txn.Digest{Version: 2, Value: 1}}, &r)
		if r.Mismatch != want {
			t.Errorf("compared from %v: mismatch at 0x1 %v, want %v", from, r.Mismatch, want)
		}
	}
}

func TestEvery128thDigestIsKept(t *testing.T) {
	tr := New()
	for z := range proto.Zxid(1030 * digestEvery) {
		tr.Apply(&txn.Txn{Header: txn.Header{Zxid: z + 1}, Body: &txn.CreateSession{}}, &Result{})
	}
	got := tr.Digests()
	if n := len(got); n != digestsKept || got[0] != (DigestAt{7 * 128, tr.Digest()}) || got[n-1] != (DigestAt{1030 * 128, tr.Digest()}) {
		t.Errorf("%d digests, %v to %v", n, got[0], got[n-1])
	}
}

// TestDeleteInReplayTakesWhatIsBelow: a fuzzy snapshot of Java may hold a child of the
// node that is created later under the path to be deleted.
func TestDeleteInReplayTakesWhatIsBelow(t *testing.T) {
	tr := New()
	before := textOf(tr)
	for _, p := range []string{"/a", "/a/b", "/a/b/c"} {
		create(t, tr, p, alice)
	}
	create2 := txn.Create{Type: proto.OpCreate2, Path: "/a/b/e", Ephemeral: true, ParentCversion: 2}
	do(t, tr, 5, proto.OpCreate2, &create2)
	r := try(tr, 1, proto.OpDelete, &txn.Delete{Path: "/a"})
	if r.Err != proto.OK || len(r.Changes) != 1 {
		t.Errorf("%v with %d changes, want success with that of /a", r.Err, len(r.Changes))
	}
	tr.root.Cversion, tr.root.Pzxid = 0, 0
	tr.redigest("", &tr.root.state)
	differ(t, "after the deletion", textOf(tr), before)
}

// TestEphemeralsEndWithTheirSession, all of them and no others, be they listed or not
// (ZOOKEEPER-1208, 2355).
func TestEphemeralsEndWithTheirSession(t *testing.T) {
	for _, c := range []txn.CloseSession{
		{NoPaths: true}, {}, {Paths: []string{"/e1", "/e2"}}, {Paths: []string{"/e2", "/gone", "/e1"}},
	} {
		tr := New()
		for path, owner := range map[string]proto.SessionID{"/e1": 1, "/e2": 1, "/e3": 2} {
			do(t, tr, owner, proto.OpCreate, &txn.Create{Type: proto.OpCreate, Path: path, Ephemeral: true, ParentCversion: txn.NoParentCversion})
		}
		create(t, tr, "/p")
		for range 2 { // the second time as in replay
			do(t, tr, 1, proto.OpCloseSession, &c)
			if got := tr.Ephemerals(1); len(got) != 0 || tr.FindString("/e1").Exists() || tr.FindString("/e2").Exists() {
				t.Errorf("%+v leaves %q", c, got)
			}
			if got := tr.Ephemerals(2); !slices.Equal(got, []string{"/e3"}) || tr.EphemeralCount() != 1 || !tr.FindString("/p").Exists() {
				t.Errorf("%+v leaves %q of another session", c, got)
			}
		}
	}
}

func TestOwnerField(t *testing.T) {
	for _, c := range []struct {
		body txn.Create
		want uint64
	}{
		{txn.Create{Type: proto.OpCreate}, 0},
		{txn.Create{Type: proto.OpCreate2, Ephemeral: true}, 0x1234},
		{txn.Create{Type: proto.OpCreateContainer}, 1 << 63},
		{txn.Create{Type: proto.OpCreateTTL, TTL: 1}, 0xff00000000000001},
		{txn.Create{Type: proto.OpCreateTTL, TTL: 1<<40 - 1}, 0xff0000ffffffffff},
		{txn.Create{Type: proto.OpCreateTTL, TTL: -1}, 0xff0000ffffffffff}, // a mark of Java's must stay one
	} {
		if got := uint64(Owner(&c.body, 0x1234)); got != c.want {
			t.Errorf("%+v: %#x, want %#x", c.body, got, c.want)
		}
	}
}

func TestLastZxidNeverFalls(t *testing.T) {
	tr := New()
	tr.SetLastZxid(1 << 32)
	tr.Apply(&txn.Txn{Header: txn.Header{Zxid: 5}, Body: &txn.CreateSession{}}, &Result{})
	if got := tr.LastZxid(); got != 1<<32 {
		t.Errorf("last zxid %v", got)
	}
}

func TestDropOrphans(t *testing.T) {
	tr := New()
	create(t, tr, "/p")
	for i, path := range []string{"/p/1", "/p/2", "/p/3"} {
		do(t, tr, proto.SessionID(i+1), proto.OpCreate, &txn.Create{Type: proto.OpCreate, Path: path, Ephemeral: true, ParentCversion: txn.NoParentCversion})
	}
	last := tr.LastZxid()
	got := tr.DropOrphans(func(id proto.SessionID) bool { return id == 2 })
	if !slices.Equal(got, []string{"/p/1", "/p/3"}) || tr.FindString("/p").NumChildren() != 1 {
		t.Errorf("dropped %q", got)
	}
	if pzxid := tr.FindString("/p").Stat().Pzxid; pzxid != last || tr.LastZxid() != last {
		t.Errorf("pzxid %v and last zxid %v, want both %v", pzxid, tr.LastZxid(), last)
	}
	differ(t, "after a reload", textOf(reload(t, tr)), textOf(tr))
}

// TestExpired: who is due at which age, with and without children.
func TestExpired(t *testing.T) {
	const born, ttl = 1000, 50
	for _, c := range []struct {
		name         string
		typ          proto.Op
		ttl, age     int64
		used, parent bool
		maxNeverUsed int64
		want         bool
	}{
		{"container once used", proto.OpCreateContainer, 0, 0, true, false, 0, true},
		{"container in use", proto.OpCreateContainer, 0, 1e9, true, true, 1, false},
		{"container never used", proto.OpCreateContainer, 0, 1e9, false, false, 0, false},
		{"container never used for too long", proto.OpCreateContainer, 0, 101, false, false, 100, true},
		{"container never used, on the limit", proto.OpCreateContainer, 0, 100, false, false, 100, false},
		{"TTL over", proto.OpCreateTTL, ttl, ttl + 1, false, false, 0, true},
		{"TTL not over", proto.OpCreateTTL, ttl, ttl, false, false, 0, false},
		{"TTL over, child gone", proto.OpCreateTTL, ttl, ttl + 1, true, false, 0, true},
		{"TTL over, with a child", proto.OpCreateTTL, ttl, ttl + 1, true, true, 0, false},
		{"no TTL", proto.OpCreateTTL, 0, 1e9, false, false, 0, false},
		{"longest TTL", proto.OpCreateTTL, 1<<40 - 1, 1<<40 - 1, false, false, 0, false},
		{"plain", proto.OpCreate2, 0, 1e9, true, false, 1, false},
	} {
		tr := New()
		var r Result
		body := txn.Create{Type: c.typ, Path: "/n", TTL: c.ttl, ParentCversion: txn.NoParentCversion}
		tr.Apply(&txn.Txn{Header: txn.Header{Zxid: 1, Time: born, Type: c.typ}, Body: &body}, &r)
		if r.Stat.EphemeralOwner != 0 {
			t.Errorf("%s: shows the owner %#x", c.name, r.Stat.EphemeralOwner)
		}
		if c.used {
			create(t, tr, "/n/c")
		}
		if c.used && !c.parent {
			do(t, tr, 1, proto.OpDelete, &txn.Delete{Path: "/n/c"})
		}
		if got := tr.Expired(born+c.age, c.maxNeverUsed); (len(got) == 1) != c.want {
			t.Errorf("%s: due %q, want %v", c.name, got, c.want)
		}
	}
}

func TestConfigIsWrittenWithoutATransaction(t *testing.T) {
	tr := New()
	size := tr.DataSize()
	tr.SetConfig([]byte("version=5"), 5, 77)
	want := proto.Stat{Mzxid: 5, Mtime: 77, Version: -1, Aversion: -1, DataLength: 9}
	if got := tr.FindString(proto.PathConfig).Stat(); got != want {
		t.Errorf("stat %+v, want %+v", got, want)
	}
	if tr.DataSize() != size+9 || tr.LastZxid() != 0 || tr.Digest() != New().Digest() {
		t.Errorf("%d bytes, last zxid %v, digest %#x; was %d", tr.DataSize(), tr.LastZxid(), tr.Digest(), size)
	}
	// A server of before 3.5 knows no such node.
	l := NewLoader()
	node(t, l, "", -1)
	node(t, l, proto.PathSystem, -1)
	old, err := l.Finish(1)
	if err != nil {
		t.Fatal(err)
	}
	old.SetConfig([]byte("version=5"), 5, 77)
	n := old.FindString(proto.PathConfig)
	if got := n.Stat(); got != want || fmt.Sprint(old.ACL(n)) != fmt.Sprint(tr.ACL(tr.FindString(proto.PathConfig))) {
		t.Errorf("made anew: stat %+v with %v, want %+v", got, old.ACL(n), want)
	}
}

func TestFindAllocatesNothing(t *testing.T) {
	tr := New()
	create(t, tr, "/a")
	create(t, tr, "/a/é")
	for path, want := range map[string]bool{
		"": true, "/": true, "/a": true, "/a/é": true, "a": false, "//a": false, "/a/": false, "/a//é": false, "/b/é": false, "/a/é/c": false,
	} {
		p := []byte(path)
		if found := tr.Find(p).Exists(); found != want || tr.FindString(path) != tr.Find(p) {
			t.Errorf("%q: found %v, want %v", path, found, want)
		}
		if n := testing.AllocsPerRun(100, func() { tr.Find(p) }); n != 0 {
			t.Errorf("%q: %v allocations", path, n)
		}
	}
}

// oddTxns are those that no leader should make.
func oddTxns() (all []*txn.Txn) {
	for i, path := range []string{"", "/", "a", "//", "//a", "/a/", "/a//b", "/zookeeper", "/zookeeper/quota/zookeeper_limits", "/zookeeper/quota/zookeeper_stats"} {
		for j, op := range []txn.Op{
			{Type: proto.OpCreateTTL, Body: &txn.Create{Type: proto.OpCreateTTL, Path: path, TTL: -1}},
			{Type: proto.OpCreateContainer, Body: &txn.Create{Type: proto.OpCreateContainer, Path: path, ParentCversion: math.MaxInt32}},
			{Type: proto.OpCreate, Body: &txn.Create{Type: proto.OpCreate, Path: path, Ephemeral: true, ParentCversion: math.MinInt32}},
			{Type: proto.OpSetData, Body: &txn.SetData{Path: path, Data: []byte("count=9999999999999999999")}},
			{Type: proto.OpSetACL, Body: &txn.SetACL{Path: path}},
			{Type: proto.OpDelete, Body: &txn.Delete{Path: path}},
			{Type: proto.OpCloseSession, Body: &txn.CloseSession{Paths: []string{path, path}}},
		} {
			h := txn.Header{Session: math.MinInt64, Zxid: proto.Zxid(10*i + j), Type: op.Type}
			all = append(all, &txn.Txn{Header: h, Body: op.Body})
		}
	}
	return all
}

// FuzzApply applies whatever can be decoded. The tree stays whole: an image of it loads
// to the same, and nothing that is kept beside the nodes points elsewhere.
func FuzzApply(f *testing.F) {
	odd := oddTxns()
	for seed := range uint64(20) {
		var log []byte
		for g, i := newGenerator(seed, true, true), 0; i < 6; i++ {
			x, _ := g.next()
			x.Digest = nil
			log = jute.AppendBuffer(log, x.Append(nil))
		}
		for i := seed; i < uint64(len(odd)); i += 20 {
			log = jute.AppendBuffer(log, odd[i].Append(nil))
		}
		f.Add(log)
	}
	f.Fuzz(func(t *testing.T, log []byte) {
		tr, d := New(), jute.NewDecoder(log)
		var r Result
		for d.Len() > 0 && d.Err() == nil {
			if x, err := txn.Decode(d.Buffer(), jute.DefaultLimit); err == nil {
				r.Reset()
				tr.Apply(&x, &r)
			}
		}
		tr.Expired(math.MaxInt64, 1)
		for base := range tr.quotas { // what they count is counted anew when loading
			tr.Quota(base)
			do(t, tr, 1, proto.OpDelete, &txn.Delete{Path: proto.PathQuota + base + "/" + limitsName})
		}
		again := reload(t, tr)
		again.bytes = tr.bytes // the root and usage count differently, as in Java
		differ(t, "loaded again", textOf(again), textOf(tr))
		again.DropOrphans(func(proto.SessionID) bool { return false })
		if n := again.EphemeralCount(); n != 0 {
			t.Errorf("%d ephemerals of no session", n)
		}
	})
}
