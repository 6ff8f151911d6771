package txnlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/txn"
	"gokeeper/server/vfs"
)

const dir = "/log"

func newMem(t testing.TB) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	if err := m.MkdirAll(dir); err != nil {
		t.Fatal(err)
	}
	return m
}

// body is a transaction of the zxid whose record has size bytes, or its least size.
func body(zxid proto.Zxid, size int) []byte {
	x := txn.Txn{
		Header: txn.Header{Session: 7, Cxid: int32(zxid), Zxid: zxid, Time: 1000, Type: proto.OpSetData},
		Body:   &txn.SetData{Path: "/a", Data: make([]byte, max(0, size-Overhead-minBody-14)), Version: 1},
	}
	return x.Append(nil)
}

func appendAll(t testing.TB, l *Log, zxids ...proto.Zxid) {
	t.Helper()
	for _, z := range zxids {
		if err := l.Append(z, body(z, 0)); err != nil {
			t.Fatal(err)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// readAll returns the zxids from a zxid on, and the error that ended them, nil for io.EOF.
func readAll(t testing.TB, fsys vfs.FS, from proto.Zxid) ([]proto.Zxid, error) {
	t.Helper()
	r, err := Read(fsys, dir, from, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var zxids []proto.Zxid
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return zxids, nil
		}
		if err != nil {
			return zxids, err
		}
		zxids = append(zxids, rec.Zxid)
	}
}

func names(t testing.TB, fsys vfs.FS) []string {
	t.Helper()
	n, err := fsys.ReadDir(dir)
	must(t, err)
	return n
}

func size(t testing.TB, fsys vfs.FS, name string) int64 {
	t.Helper()
	info, err := fsys.Stat(filepath.Join(dir, name))
	must(t, err)
	return info.Size()
}

func seq(from, to proto.Zxid) []proto.Zxid {
	var s []proto.Zxid
	for z := from; z <= to; z++ {
		s = append(s, z)
	}
	return s
}

func TestAppendReadBack(t *testing.T) {
	m := newMem(t)
	l := Open(m, dir, Options{PreAllocSize: 64 << 10})
	if got := names(t, m); len(got) != 0 {
		t.Fatalf("Open created %v", got)
	}
	appendAll(t, l, seq(5, 8)...)
	if got, _ := readAll(t, m, 0); len(got) != 0 {
		t.Errorf("%v is visible before Sync", got)
	}
	must(t, l.Sync())
	appendAll(t, l, 9)
	must(t, l.Roll())
	must(t, l.Roll()) // between files it does nothing
	appendAll(t, l, 10, 11)
	must(t, l.Close())
	if got := names(t, m); !slices.Equal(got, []string{"log.5", "log.a"}) {
		t.Errorf("files %v", got)
	}
	for from, want := range map[proto.Zxid][]proto.Zxid{0: seq(5, 11), 5: seq(5, 11), 8: seq(8, 11), 10: seq(10, 11), 11: {11}, 12: nil} {
		if got, err := readAll(t, m, from); err != nil || !slices.Equal(got, want) {
			t.Errorf("from %v: %v, %v; want %v", from, got, err, want)
		}
	}
	if err := l.Append(12, body(12, 0)); !errors.Is(err, ErrClosed) {
		t.Errorf("append after Close: %v", err)
	}
}

// TestVisibleSizes holds the sizes against those that Java gives its files.
func TestVisibleSizes(t *testing.T) {
	const pre = 8 << 10
	f := func(opt Options, sizes []int, batches bool, want int64) {
		t.Helper()
		m := newMem(t)
		l := Open(m, dir, opt)
		for i, n := range sizes {
			must(t, l.Append(proto.Zxid(i+1), body(proto.Zxid(i+1), n)))
			if !batches {
				must(t, l.Sync())
			}
		}
		must(t, l.Sync())
		if got := size(t, m, "log.1"); got != want || l.Size() != want {
			t.Errorf("%v of %v: file has %d bytes, Size is %d, want %d", opt, sizes, got, l.Size(), want)
		}
		must(t, l.Close())
	}
	f(Options{}, []int{100}, false, 16+DefaultPreAllocSize)
	f(Options{PreAllocSize: pre}, []int{100}, false, 16+pre)
	f(Options{PreAllocSize: -1}, []int{100, 200}, false, 16+300)
	// The position 4096 below the end makes the file longer, one byte before it does not.
	f(Options{PreAllocSize: pre}, []int{4095, 100}, false, 16+pre)
	f(Options{PreAllocSize: pre}, []int{4096, 100}, false, 16+2*pre)
	f(Options{PreAllocSize: pre}, []int{4096, 100, 100}, false, 16+2*pre)
	// A batch that overruns the step ends the file behind a record; the next one rounds.
	f(Options{PreAllocSize: pre}, []int{20000}, false, 16+20000)
	f(Options{PreAllocSize: pre}, []int{20000, 100}, false, 24<<10)
	f(Options{PreAllocSize: pre}, []int{4096, 4096, 4096, 4096}, true, 16+4*4096)
}

func TestSizeLimit(t *testing.T) {
	m := newMem(t)
	l := Open(m, dir, Options{PreAllocSize: 8 << 10, SizeLimit: 20 << 10})
	for z := proto.Zxid(1); z <= 20; z++ {
		must(t, l.Append(z, body(z, 1500)))
		must(t, l.Sync())
	}
	must(t, l.Close())
	// 16 + 3*8192 is the first size above 20 KiB. The tenth record begins at 13516,
	// less than 4096 below 16 + 2*8192, and makes the file as long as that.
	if got := names(t, m); !slices.Equal(got, []string{"log.1", "log.b"}) {
		t.Errorf("files %v", got)
	}
	if got, err := readAll(t, m, 1); err != nil || len(got) != 20 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAppendRefusesLength(t *testing.T) {
	l := Open(newMem(t), dir, Options{Limit: 200})
	for _, n := range []int{0, 31, 201} {
		if err := l.Append(1, make([]byte, n)); !errors.Is(err, ErrTooLong) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if err := l.Append(1, make([]byte, 200)); err != nil {
		t.Error(err)
	}
	must(t, l.Sync())
}

func TestCreateEmptiesTornFile(t *testing.T) {
	m := newMem(t)
	f, err := m.Create(dir + "/log.5")
	must(t, err)
	_, err = f.WriteAt(append(AppendHeader(nil), make([]byte, 100_000)...), 0)
	must(t, err)
	_, err = f.WriteAt([]byte("torn"), 50_000)
	must(t, err)
	l := Open(m, dir, Options{PreAllocSize: -1})
	appendAll(t, l, 5)
	must(t, l.Sync())
	if got := size(t, m, "log.5"); got > 200 {
		t.Errorf("log.5 has %d bytes", got)
	}
}

// TestFailuresStop makes every write, sync and creation fail in turn: the failure is
// reported, and the log takes nothing after it.
func TestFailuresStop(t *testing.T) {
	boom := errors.New("boom")
	work := func(fsys vfs.FS) error {
		l := Open(fsys, dir, Options{PreAllocSize: 64 << 10})
		defer l.Close()
		for z := proto.Zxid(1); z <= 6; z++ {
			if err := l.Append(z, body(z, 30_000)); err != nil {
				return err
			}
			if err := l.Sync(); err != nil {
				if err2 := l.Append(z+1, body(z+1, 0)); !errors.Is(err2, boom) {
					t.Errorf("append after a failure: %v", err2)
				}
				if err2 := l.Sync(); !errors.Is(err2, boom) {
					t.Errorf("sync after a failure: %v", err2)
				}
				if err2 := l.Roll(); !errors.Is(err2, boom) {
					t.Errorf("roll after a failure: %v", err2)
				}
				return err
			}
			if z == 3 {
				if err := l.Roll(); err != nil {
					return err
				}
			}
		}
		return l.Close()
	}
	for fail := 0; ; fail++ {
		n, failed := 0, vfs.Op("")
		err := work(vfs.Failing(newMem(t), func(op vfs.Op, _ string) error {
			if n++; n-1 == fail {
				failed = op
				return boom
			}
			return nil
		}))
		if failed == "" {
			if err != nil || fail < 20 {
				t.Fatalf("%d operations, then %v", fail, err)
			}
			return
		}
		if !errors.Is(err, boom) {
			t.Errorf("operation %d (%s) failed, the log said %v", fail, failed, err)
		}
	}
}

func TestNoSync(t *testing.T) {
	l := Open(vfs.Failing(newMem(t), func(op vfs.Op, _ string) error {
		if op == vfs.OpSync || op == vfs.OpSyncDir {
			return fs.ErrPermission
		}
		return nil
	}), dir, Options{NoSync: true})
	appendAll(t, l, 1, 2)
	must(t, l.Sync())
	must(t, l.Close())
}

func TestSpaceIsPreparedInStretches(t *testing.T) {
	var writes []string
	fsys := vfs.Failing(newMem(t), func(op vfs.Op, name string) error {
		if op == vfs.OpWrite {
			writes = append(writes, name)
		}
		return nil
	})
	l := Open(fsys, dir, Options{PreAllocSize: 1 << 20})
	const batches = 100
	for z := proto.Zxid(1); z <= batches; z++ {
		must(t, l.Append(z, body(z, 1000)))
		must(t, l.Sync())
	}
	// Header, batches, and 64 KiB of zeros twice.
	if len(writes) != 1+batches+2 {
		t.Errorf("%d writes", len(writes))
	}
	must(t, l.Close())
}

func BenchmarkAppendSync(b *testing.B) {
	for _, c := range []struct{ batch, size int }{{1, 200}, {100, 200}, {1000, 200}, {10, 10_000}} {
		b.Run(fmt.Sprintf("batch=%d/size=%d", c.batch, c.size), func(b *testing.B) {
			l := Open(vfs.OS(), b.TempDir(), Options{})
			defer l.Close()
			rec := body(1, c.size)
			b.SetBytes(int64(c.batch * len(rec)))
			b.ReportAllocs()
			zxid := proto.Zxid(0)
			for b.Loop() {
				for range c.batch {
					zxid++
					if err := l.Append(zxid, rec); err != nil {
						b.Fatal(err)
					}
				}
				if err := l.Sync(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	d := b.TempDir()
	l := Open(vfs.OS(), d, Options{NoSync: true})
	const n = 100_000
	for z := proto.Zxid(1); z <= n; z++ {
		must(b, l.Append(z, body(z, 200)))
	}
	must(b, l.Close())
	b.SetBytes(n * 200)
	for b.Loop() {
		r, err := Read(vfs.OS(), d, 1, 0)
		must(b, err)
		count := 0
		for {
			if _, err := r.Next(); err != nil {
				break
			}
			count++
		}
		if count != n {
			b.Fatalf("%d records", count)
		}
	}
}

// breaking is a disk on which some operations fail, with all that it means: a write is done
// in part, and what a sync could not write passes for written.
func breaking(m *vfs.Mem, fails func(vfs.Op) bool) vfs.FS {
	return vfs.Failing(m, func(op vfs.Op, name string) error {
		switch {
		case !fails(op):
			return nil
		case op == vfs.OpSync:
			m.FailSync(name)
		case op == vfs.OpWrite:
			return &vfs.ShortError{Part: 200, Err: syscall.EIO}
		}
		return syscall.EIO
	})
}

// A log whose beginning could not be made durable is not there when the power fails behind
// the beginning of the next one.
func TestFailedCreation(t *testing.T) {
	const next proto.Zxid = 0x100000001
	for _, fails := range []vfs.Op{vfs.OpWrite, vfs.OpSync, vfs.OpSyncDir} {
		m, armed := newMem(t), false
		fsys := breaking(m, func(op vfs.Op) bool { return armed && op == fails })
		l := Open(fsys, dir, Options{PreAllocSize: -1})
		appendAll(t, l, 1, 2)
		must(t, l.Roll())
		must(t, l.Append(3, body(3, 60)))
		armed = true
		if err := l.Sync(); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: %v", fails, err)
		}
		m.Kill()
		recoverDir(t, m)
		must(t, SyncNewest(m, dir))
		l = Open(m, dir, Options{PreAllocSize: -1})
		must(t, l.Append(next, body(next, 60)))
		must(t, l.Sync())
		m.Crash(nil)
		got, err := readAll(t, m, 1)
		if want := []proto.Zxid{1, 2, next}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: the next start reads %v, %v; want %v", fails, got, err, want)
		}
	}
}

// What a killed process has written, and the next start cannot sync, is not there for the
// start behind that one: it would sync nothing, and without power the log would end earlier.
func TestSyncNewestFails(t *testing.T) {
	m := newMem(t)
	l := Open(m, dir, Options{PreAllocSize: -1, NoSync: true})
	appendAll(t, l, 1, 2)
	must(t, l.Sync())
	must(t, SyncNewest(m, dir))
	must(t, l.Append(3, body(3, 60)))
	must(t, l.Sync())
	m.Kill()
	fsys := breaking(m, func(op vfs.Op) bool { return op == vfs.OpSync })
	if err := SyncNewest(fsys, dir); !errors.Is(err, syscall.EIO) {
		t.Errorf("%v", err)
	}
	must(t, SyncNewest(m, dir))
	if got, err := readAll(t, m, 1); err != nil || !slices.Equal(got, seq(1, 2)) {
		t.Errorf("the next start reads %v, %v", got, err)
	}
}

// What a failed sync may have left in memory of the operating system is no part of the log,
// however the next start looks at it.
func TestFailedSyncLeavesNothing(t *testing.T) {
	for _, fails := range []vfs.Op{vfs.OpSync, vfs.OpWrite} {
		m, armed := newMem(t), false
		fsys := breaking(m, func(op vfs.Op) bool { return armed && op == fails })
		l := Open(fsys, dir, Options{PreAllocSize: -1})
		appendAll(t, l, 1, 2)
		must(t, l.Sync())
		must(t, l.Append(3, body(3, 60)))
		must(t, l.Append(4, body(4, 60)))
		armed = true
		if err := l.Sync(); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: %v", fails, err)
		}
		if err := l.Append(5, body(5, 60)); err == nil {
			t.Errorf("%s: the log goes on", fails)
		}
		m.Kill()
		got, err := readAll(t, m, 1)
		if want := seq(1, 2); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: the next start reads %v, %v; want %v", fails, got, err, want)
		}
	}
}
