package storage

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
)

const (
	data = "/data/version-2"
	logs = "/log/version-2"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// options keep the files small and the directories apart.
func options() Options {
	return Options{DataDir: "/data", LogDir: "/log", Log: txnlog.Options{PreAllocSize: 8 << 10}}
}

func open(t testing.TB, m vfs.FS) *Dir {
	t.Helper()
	d, err := Open(m, options())
	must(t, err)
	return d
}

func load(t testing.TB, d *Dir) *Recovered {
	t.Helper()
	rec, err := d.Load()
	must(t, err)
	return rec
}

func write(t testing.TB, m vfs.FS, path string, content []byte) {
	t.Helper()
	must(t, m.MkdirAll(filepath.Dir(path)))
	f, err := m.Create(path)
	must(t, err)
	_, err = f.WriteAt(content, 0)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
	must(t, m.SyncDir(filepath.Dir(path)))
}

func list(t testing.TB, m vfs.FS, dir string) []string {
	t.Helper()
	names, err := m.ReadDir(dir)
	must(t, err)
	return slices.DeleteFunc(names, func(n string) bool { return n == lockFile })
}

// create is the transaction that creates /n<zxid>.
func create(z proto.Zxid) txn.Txn {
	return txn.Txn{
		Header: txn.Header{Session: 1, Zxid: z, Time: 1000, Type: proto.OpCreate},
		Body: &txn.Create{
			Type: proto.OpCreate, Path: fmt.Sprintf("/n%x", uint64(z)), Data: []byte("d"),
			ACL: proto.OpenACL(), ParentCversion: -1,
		},
	}
}

func body(z proto.Zxid) []byte {
	x := create(z)
	return x.Append(nil)
}

func appendSync(t testing.TB, d *Dir, zxids ...proto.Zxid) {
	t.Helper()
	for _, z := range zxids {
		must(t, d.Log().Append(z, body(z)))
	}
	must(t, d.Log().Sync())
}

func seq(from, to proto.Zxid) []proto.Zxid {
	var s []proto.Zxid
	for z := from; z <= to; z++ {
		s = append(s, z)
	}
	return s
}

// treeOf is the tree after creating the nodes.
func treeOf(zxids ...proto.Zxid) *tree.Tree {
	tr := tree.New()
	var r tree.Result
	for _, z := range zxids {
		x := create(z)
		r.Reset()
		tr.Apply(&x, &r)
	}
	return tr
}

// holds checks that the tree has the nodes of the zxids and no others.
func holds(t testing.TB, rec *Recovered, zxids ...proto.Zxid) {
	t.Helper()
	var got, want []string
	for name := range rec.Tree.FindString("/").Children() {
		if name != "zookeeper" {
			got = append(got, name)
		}
	}
	for _, z := range zxids {
		want = append(want, fmt.Sprintf("n%x", uint64(z)))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("nodes %v, want %v", got, want)
	}
}

func snap(t testing.TB, d *Dir, z proto.Zxid, tr *tree.Tree) string {
	t.Helper()
	path, err := d.WriteSnapshot(z, snapshot.Frozen(tr, map[proto.SessionID]int32{9: 1000}))
	must(t, err)
	return path
}

func TestEmptyStart(t *testing.T) {
	f := func(change func(*Options), initialize string, zxid proto.Zxid, files ...string) {
		t.Helper()
		m, opt := vfs.NewMem(), options()
		change(&opt)
		if initialize != "" {
			write(t, m, initialize, nil)
		}
		d, err := Open(m, opt)
		must(t, err)
		rec := load(t, d)
		if rec.LastZxid != zxid || !rec.Empty || rec.Tree == nil || rec.Replayed != 0 {
			t.Errorf("%+v, want zxid %v", rec, zxid)
		}
		if got := list(t, m, data); !slices.Equal(got, files) {
			t.Errorf("files %v, want %v", got, files)
		}
		if got := list(t, m, logs); len(got) != 0 {
			t.Errorf("logs %v", got)
		}
		if initialize != "" {
			if _, err := m.Stat(initialize); err == nil {
				t.Error("initialize is still there")
			}
		}
		must(t, d.Close())
	}
	deny := func(o *Options) { o.NoDBAutoCreate = true }
	f(func(*Options) {}, "", 0, "snapshot.0")
	f(func(*Options) {}, "/log/initialize", 0, "snapshot.0")
	f(deny, "", -1)
	f(deny, "/log/initialize", 0, "snapshot.0")
	f(deny, "/data/initialize", 0, "snapshot.0") // Java looks in dataLogDir only
	f(func(o *Options) { o.Snapshot.Compression = snapshot.Gzip }, "", 0, "snapshot.0.gz")
}

func TestInitializeIsUsedUp(t *testing.T) {
	m := vfs.NewMem()
	d := open(t, m)
	load(t, d)
	write(t, m, "/log/initialize", nil)
	load(t, d)
	if got := list(t, m, "/log"); slices.Contains(got, "initialize") {
		t.Errorf("%v", got)
	}
}

func TestNoSnapshot(t *testing.T) {
	log := slices.Concat(txnlog.AppendHeader(nil), txnlog.AppendRecord(nil, body(1)), txnlog.AppendRecord(nil, body(2)))
	f := func(name string, trust bool, text string, zxid proto.Zxid, files map[string][]byte) {
		t.Helper()
		m, opt := vfs.NewMem(), options()
		opt.TrustEmpty = trust
		for path, content := range files {
			write(t, m, path, content)
		}
		d, err := Open(m, opt)
		must(t, err)
		rec, err := d.Load()
		if text != "" {
			if !errors.Is(err, ErrNoSnapshot) || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v, want %q", name, err, text)
			}
			return
		}
		if err != nil || rec.LastZxid != zxid || !rec.Trusted {
			t.Errorf("%s: %+v, %v", name, rec, err)
			return
		}
		holds(t, rec, seq(1, zxid)...)
		// The next start needs no trust.
		must(t, d.Close())
		if rec := load(t, open(t, m)); rec.LastZxid != zxid || rec.Snapshot != "snapshot.0" {
			t.Errorf("%s: second start %+v", name, rec)
		}
	}
	const broken = "No snapshot found, but there are log entries. Something is broken!"
	f("log", false, broken, 0, map[string][]byte{logs + "/log.1": log})
	f("empty log", false, broken, 0, map[string][]byte{logs + "/log.1": nil})
	f("trusted", true, "", 2, map[string][]byte{logs + "/log.1": log})
	f("cut snapshot and log", false, broken, 0, map[string][]byte{logs + "/log.1": log, data + "/snapshot.0": make([]byte, 99)})
	f("cut snapshot of a history, no log", false, "damaged", 0, map[string][]byte{data + "/snapshot.5": make([]byte, 99)})
	sealed := append(make([]byte, 20), 0, 0, 0, 1, '/')
	f("bad snapshot that looks whole", false, "Not able to find valid snapshots in "+data, 0, map[string][]byte{data + "/snapshot.5": sealed})
	f("bad snapshot that looks whole, trusted", true, "Not able to find valid snapshots in "+data, 0, map[string][]byte{data + "/snapshot.5": sealed, logs + "/log.1": log})

	// What a crash in the very first snapshot of a Java server leaves is an empty start.
	m := vfs.NewMem()
	write(t, m, data+"/snapshot.0", make([]byte, 100))
	if rec := load(t, open(t, m)); !rec.Empty || rec.LastZxid != 0 {
		t.Errorf("%+v", rec)
	}
}

// history makes snapshots 0, 3 and 6 and a log from 1 to 8.
func makeHistory(t testing.TB) *vfs.Mem {
	m := vfs.NewMem()
	d := open(t, m)
	load(t, d)
	appendSync(t, d, seq(1, 4)...)
	must(t, d.Log().Roll())
	appendSync(t, d, seq(5, 8)...)
	snap(t, d, 3, treeOf(seq(1, 3)...))
	snap(t, d, 6, treeOf(seq(1, 6)...))
	must(t, d.Close())
	return m
}

func read(t testing.TB, m vfs.FS, path string) []byte {
	t.Helper()
	b, err := vfs.ReadFile(m, path)
	must(t, err)
	return b
}

// TestChoice goes through what can be wrong with the newest snapshot.
func TestChoice(t *testing.T) {
	f := func(name string, change func(m vfs.FS, b []byte), used string, replayed, rejected int) {
		t.Helper()
		m := makeHistory(t)
		change(m, read(t, m, data+"/snapshot.6"))
		rec := load(t, open(t, m))
		if rec.Snapshot != used || rec.Replayed != replayed || len(rec.Rejected) != rejected || rec.LastZxid != 8 {
			t.Errorf("%s: %s, %d replayed, %v rejected, last %v; want %s, %d, %d", name, rec.Snapshot, rec.Replayed, rec.Rejected, rec.LastZxid, used, replayed, rejected)
		}
		holds(t, rec, seq(1, 8)...)
		if len(rec.Mismatches) != 0 || len(rec.Sessions) != 1 || rec.Sessions[9] != 1000 {
			t.Errorf("%s: mismatches %v, sessions %v", name, rec.Mismatches, rec.Sessions)
		}
	}
	const newest = data + "/snapshot.6"
	f("whole", func(vfs.FS, []byte) {}, "snapshot.6", 2, 0)
	f("empty", func(m vfs.FS, b []byte) { write(t, m, newest, nil) }, "snapshot.3", 5, 0)
	f("cut", func(m vfs.FS, b []byte) { write(t, m, newest, b[:len(b)-1]) }, "snapshot.3", 5, 0)
	f("cut behind seal 1", func(m vfs.FS, b []byte) { write(t, m, newest, b[:len(b)-54]) }, "snapshot.6", 2, 0)
	f("cut behind seal 2", func(m vfs.FS, b []byte) { write(t, m, newest, b[:len(b)-21]) }, "snapshot.6", 2, 0)
	f("bit flipped", func(m vfs.FS, b []byte) { b[100] ^= 1; write(t, m, newest, b) }, "snapshot.3", 5, 1)
	f("junk behind", func(m vfs.FS, b []byte) { write(t, m, newest, append(b, "x\x00\x00\x00\x01/"...)) }, "snapshot.6", 2, 0)
	f("tmp of a higher zxid", func(m vfs.FS, b []byte) {
		write(t, m, data+"/snapshot.7.tmp", nil)
		write(t, m, data+"/snapshot.6.tmp", b)
	}, "snapshot.6", 2, 0)
	f("tmp alone", func(m vfs.FS, b []byte) {
		write(t, m, data+"/snapshot.6.tmp", b)
		must(t, m.Remove(newest))
	}, "snapshot.6.tmp", 2, 0)
	f("both bad", func(m vfs.FS, b []byte) {
		b[100] ^= 1
		write(t, m, newest, b)
		write(t, m, data+"/snapshot.3", b[:50])
		// sessions of snapshot.0 are none, so this one is left out of the check below
		write(t, m, data+"/snapshot.2", read(t, makeWith(t, 2), data+"/snapshot.2"))
	}, "snapshot.2", 6, 1)
	f("equal names", func(m vfs.FS, b []byte) { write(t, m, data+"/snapshot.6.gz", []byte("\x1f\x8bno")) }, "snapshot.6", 2, 0)
	f("gz damaged", func(m vfs.FS, b []byte) { write(t, m, data+"/snapshot.7.gz", []byte("\x1f\x8bno")) }, "snapshot.6", 2, 1)
}

// makeWith makes a directory with a snapshot of the zxid.
func makeWith(t testing.TB, z proto.Zxid) vfs.FS {
	m := vfs.NewMem()
	snap(t, open(t, m), z, treeOf(seq(1, z)...))
	return m
}

// TestReadFailure is an error of the disk, which must not look like damage: an older
// snapshot would be used without need.
func TestReadFailure(t *testing.T) {
	boom := errors.New("boom")
	for fail := 0; ; fail++ {
		n, failed := 0, false
		d, err := Open(vfs.Failing(makeHistory(t), func(op vfs.Op, name string) error {
			if op == vfs.OpClose {
				return nil // of a file that was only read
			}
			if n++; n-1 == fail {
				failed = true
				return boom
			}
			return nil
		}), options())
		if err == nil {
			var rec *Recovered
			if rec, err = d.Load(); err == nil && failed {
				t.Errorf("operation %d failed, loaded %+v", fail, rec)
			}
		}
		if !failed {
			must(t, err)
			return
		}
		if !errors.Is(err, boom) {
			t.Errorf("operation %d failed: %v", fail, err)
		}
	}
}

func TestHoleBehindFallback(t *testing.T) {
	m := makeHistory(t)
	must(t, m.Remove(logs+"/log.1"))
	rec := load(t, open2(t, m))
	if rec.Hole != nil || rec.LastZxid != 8 {
		t.Errorf("%+v", rec)
	}
	b := read(t, m, data+"/snapshot.6")
	b[100] ^= 1
	write(t, m, data+"/snapshot.6", b)
	_, err := open2(t, m).Load()
	if !errors.Is(err, ErrHole) {
		t.Fatalf("loaded over a hole: %v", err)
	}
	// Without a damaged snapshot Java's rule holds: loaded and reported.
	must(t, m.Remove(data+"/snapshot.6"))
	rec = load(t, open2(t, m))
	if rec.Hole == nil || rec.Hole.Prev != 3 || rec.Hole.Next != 5 {
		t.Errorf("%+v", rec.Hole)
	}
}

// open2 opens the directory for one more load.
func open2(t testing.TB, m vfs.FS) *Dir {
	t.Helper()
	d := open(t, m)
	must(t, d.Close())
	d.log = txnlog.Open(m, d.logDir, d.opt.Log)
	return d
}

func TestReplayErrors(t *testing.T) {
	unknown := body(9)
	unknown[31] = 77 // the type
	m := makeHistory(t)
	write(t, m, logs+"/log.9", slices.Concat(txnlog.AppendHeader(nil), txnlog.AppendRecord(nil, unknown)))
	_, err := open(t, m).Load()
	var r *ReplayError
	if !errors.As(err, &r) || !errors.Is(err, txn.ErrType) || r.Offset != txnlog.HeaderSize || r.File != logs+"/log.9" {
		t.Errorf("unknown type: %v", err)
	}
	m = makeHistory(t)
	write(t, m, logs+"/log.9", slices.Concat(txnlog.AppendHeader(nil), txnlog.AppendRecord(nil, body(10))))
	if _, err := open(t, m).Load(); !errors.Is(err, txnlog.ErrGap) {
		t.Errorf("gap: %v", err)
	}
}

func TestRecent(t *testing.T) {
	m := vfs.NewMem()
	d := open(t, m)
	load(t, d)
	appendSync(t, d, seq(1, 2600)...)
	must(t, d.Close())
	rec := load(t, open(t, m))
	if len(rec.Recent) != 500 || rec.Recent[0].Zxid != 2101 || rec.Recent[499].Zxid != 2600 {
		t.Errorf("%d from %v", len(rec.Recent), rec.Recent[0].Zxid)
	}
	if string(rec.Recent[0].Raw) != string(body(2101)) {
		t.Error("other bytes")
	}
}

func TestNextStartNeverAppends(t *testing.T) {
	m := vfs.NewMem()
	for z := proto.Zxid(1); z <= 5; z++ {
		d := open(t, m)
		if rec := load(t, d); rec.LastZxid != z-1 {
			t.Fatalf("last %v, want %v", rec.LastZxid, z-1)
		}
		appendSync(t, d, z)
		must(t, d.Close())
	}
	if got := list(t, m, logs); !slices.Equal(got, []string{"log.1", "log.2", "log.3", "log.4", "log.5"}) {
		t.Errorf("%v", got)
	}
}

func TestUnfinishedLogIsRemoved(t *testing.T) {
	m := makeHistory(t)
	write(t, m, logs+"/log.9", nil)
	d := open(t, m)
	if rec := load(t, d); rec.Removed != "log.9" || rec.LastZxid != 8 {
		t.Errorf("%+v", rec)
	}
	if slices.Contains(list(t, m, logs), "log.9") {
		t.Error("log.9 is still there")
	}
}

func TestHistoryPins(t *testing.T) {
	m := makeHistory(t)
	d := open(t, m)
	load(t, d)
	for z := proto.Zxid(9); z <= 11; z++ {
		appendSync(t, d, z)
		must(t, d.Log().Roll())
		snap(t, d, z, treeOf(seq(1, z)...))
	}
	r, err := d.passage(3, 0)
	must(t, err)
	removed, err := d.Purge(3)
	must(t, err)
	if !slices.Equal(removed, []string{data + "/snapshot.0"}) {
		t.Errorf("removed %v beside a reader", removed)
	}
	var got []proto.Zxid
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		got = append(got, rec.Zxid)
	}
	if !slices.Equal(got, seq(1, 11)) {
		t.Errorf("read %v", got)
	}
	must(t, r.Close())
	removed, err = d.Purge(0)
	must(t, err)
	if len(removed) != 3 || !slices.Contains(removed, logs+"/log.1") {
		t.Errorf("then removed %v", removed)
	}
	holds(t, load(t, d), seq(1, 11)...)
}

// A server that was killed between a write and its sync finds the transaction at its next
// start, and answers for it from then on.
func TestLoadIsDurable(t *testing.T) {
	m := vfs.NewMem()
	must(t, m.MkdirAll("/data"))
	opt := options()
	opt.Log.NoSync = true
	d, err := Open(m, opt)
	must(t, err)
	load(t, d)
	appendSync(t, d, 1, 2, 3)
	m.Kill()
	d = open(t, m)
	holds(t, load(t, d), 1, 2, 3)
	m.Crash(nil)
	holds(t, load(t, open(t, m)), 1, 2, 3)
}

// The same goes for the name of a file that replaces another: an epoch that was accepted.
func TestLoadIsDurableEpoch(t *testing.T) {
	m, killed := vfs.NewMem(), false
	must(t, m.MkdirAll("/data"))
	fsys := vfs.Failing(m, func(op vfs.Op, _ string) error {
		if killed && op == vfs.OpSyncDir {
			return syscall.EINTR
		}
		return nil
	})
	d := open(t, fsys)
	load(t, d)
	must(t, d.SetAcceptedEpoch(1))
	killed = true
	if err := d.SetAcceptedEpoch(2); err == nil {
		t.Fatal("the directory was synced")
	}
	m.Kill()
	d = open(t, m)
	load(t, d)
	if e, err := d.AcceptedEpoch(); e != 2 || err != nil {
		t.Fatalf("after the kill epoch %d, %v; want 2", e, err)
	}
	m.Crash(nil)
	d = open(t, m)
	load(t, d)
	if e, err := d.AcceptedEpoch(); e != 2 || err != nil {
		t.Errorf("after the power failure epoch %d, %v; want 2, which the start before had read", e, err)
	}
}
