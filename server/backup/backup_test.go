package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/storage"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
)

const datadirs = "../storage/testdata/datadirs/"

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func copyOf(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(datadirs+name)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mustTake(t *testing.T, dir, data string, full bool) *Result {
	t.Helper()
	res, err := Take(vfs.OS(), dir, Options{DataDir: data, Full: full, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// load loads a restored directory as a server does.
func load(t *testing.T, data string) *storage.Recovered {
	t.Helper()
	d, err := storage.Open(vfs.OS(), storage.Options{DataDir: data})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	rec, err := d.Load()
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// records returns the log of a directory from the zxid on, decoded.
func records(t *testing.T, data string, from proto.Zxid) []txn.Txn {
	t.Helper()
	r, err := txnlog.Read(vfs.OS(), filepath.Join(data, versionDir), from, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []txn.Txn
	for {
		x, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		d, err := txn.Decode(x.Body, len(x.Body))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
}

// TestTransactions restores transactions of directories that Java has written, and wants
// the digest that Java had then.
func TestTransactions(t *testing.T) {
	for _, name := range []string{"java-3.9.6-standalone", "java-3.8.0-standalone", "log-only", "ensemble-3-nodes/1", "snapshots-gz", "snapshot-corrupt-newest"} {
		data := filepath.Join(copyOf(t, name), "data")
		dir := filepath.Join(t.TempDir(), "backup")
		res := mustTake(t, dir, data, false)
		if !res.New || res.Added == 0 {
			t.Errorf("%s: %+v", name, res)
		}
		restored := 0
		all := records(t, data, proto.Zxid(res.Generation.From))
		for i, x := range all {
			if x.Digest == nil || i%(1+len(all)/8) != 0 && i != len(all)-1 {
				continue
			}
			to := t.TempDir()
			got, err := Restore(vfs.OS(), dir, Point{Zxid: x.Zxid}, Target{DataDir: to, Now: now})
			if err != nil {
				t.Fatalf("%s at %v: %v", name, x.Zxid, err)
			}
			rec := load(t, to)
			if got.Last != x.Zxid || rec.LastZxid != x.Zxid || rec.Tree.Digest() != x.Digest.Value {
				t.Errorf("%s at %v: restored to %v with digest %x, want %x", name, x.Zxid, rec.LastZxid, rec.Tree.Digest(), x.Digest.Value)
			}
			restored++
		}
		if restored < 4 {
			t.Errorf("%s: only %d transactions were compared", name, restored)
		}
	}
}

// TestTime restores to times: before, between, and at transactions.
func TestTime(t *testing.T) {
	data := filepath.Join(copyOf(t, "log-only"), "data")
	dir := filepath.Join(t.TempDir(), "backup")
	mustTake(t, dir, data, false)
	all := records(t, data, 0)
	at := func(ms int64) proto.Zxid {
		t.Helper()
		res, err := Restore(vfs.OS(), dir, Point{Time: ms}, Target{DataDir: t.TempDir(), Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return res.Last
	}
	for i, x := range all {
		if i+1 < len(all) && all[i+1].Time == x.Time || i%4 != 0 {
			continue
		}
		if got := at(x.Time); got != x.Zxid {
			t.Errorf("at the time of %v: %v", x.Zxid, got)
		}
	}
	if got := at(all[0].Time - 1); got != 0 {
		t.Errorf("before all: %v", got)
	}
	if last := all[len(all)-1]; at(last.Time+1e6) != last.Zxid {
		t.Error("behind all: not the end")
	}
}

// cut shortens the only log of a directory to its first n records.
func cut(t *testing.T, log string, n int, change func(body []byte)) {
	t.Helper()
	f, err := vfs.OS().Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := txnlog.NewScanner(f, log, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := txnlog.AppendHeader(nil)
	for i := range n {
		rec, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if i == n-1 && change != nil {
			change(rec.Body)
		}
		out = txnlog.AppendRecord(out, rec.Body)
	}
	if err := os.WriteFile(log, out, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestIncrement adds to a generation what is new, and begins another where the source is
// not the continuation of what is there.
func TestIncrement(t *testing.T) {
	data := filepath.Join(copyOf(t, "java-3.9.6-standalone"), "data")
	log := filepath.Join(data, versionDir, "log.42")
	whole, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "backup")
	cut(t, log, 10, nil)
	take := func(full, fresh bool, added int, generation, reason string) {
		t.Helper()
		res := mustTake(t, dir, data, full)
		if res.New != fresh || res.Added != added || res.Generation.Dir != generation || !strings.Contains(res.Reason, reason) {
			t.Errorf("got %+v", res)
		}
		if _, err := Verify(vfs.OS(), dir, nil); err != nil {
			t.Error(err)
		}
	}
	put := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(log, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	take(false, true, 10, "0001", "the first")
	take(false, false, 0, "0001", "")
	put(whole)
	cut(t, log, 20, nil)
	take(false, false, 10, "0001", "")
	put(whole)
	take(false, false, 8, "0001", "")
	take(true, true, 28, "0002", "asked for")
	cut(t, log, 20, nil)
	take(false, true, 20, "0003", "ends before 0x5d")
	put(whole)
	cut(t, log, 20, func(body []byte) { body[27] ^= 1 }) // another transaction with the same zxid: its time differs
	take(false, true, 20, "0004", "another transaction")
	put(whole)
	rec := load(t, data)
	var b bytes.Buffer
	if err := snapshot.Write(&b, snapshot.Frozen(rec.Tree, rec.Sessions), snapshot.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(data, versionDir, "snapshot.5d"), b.Bytes(), 0o644), os.Remove(log)); err != nil {
		t.Fatal(err)
	}
	take(false, true, 0, "0005", "ends before 0x55")   // purged, behind a newer snapshot
	for _, x := range []proto.Zxid{0x46, 0x55, 0x5d} { // in the fourth, second and fifth generation
		to := t.TempDir()
		if _, err := Restore(vfs.OS(), dir, Point{Zxid: x}, Target{DataDir: to, Now: now}); err != nil {
			t.Fatal(err)
		}
		if rec := load(t, to); rec.LastZxid != x {
			t.Errorf("restored %v, want %v", rec.LastZxid, x)
		}
	}
}

// TestDamage refuses every file of a backup that was changed or is missing, with its name
// and the place, and leaves what is in the target.
func TestDamage(t *testing.T) {
	data := filepath.Join(copyOf(t, "java-3.9.6-standalone"), "data")
	dir := filepath.Join(t.TempDir(), "backup")
	g := mustTake(t, dir, data, false).Generation
	to := filepath.Join(copyOf(t, "log-only"), "data")
	before, err := os.ReadDir(filepath.Join(to, versionDir))
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, offset int64, change func(b []byte) []byte) {
		t.Helper()
		path := filepath.Join(dir, g.Dir, versionDir, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bad := change(bytes.Clone(good)); bad == nil {
			err = os.Remove(path)
		} else {
			err = os.WriteFile(path, bad, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = Restore(vfs.OS(), dir, Point{}, Target{DataDir: to, Replace: true, Now: now})
		var damage *DamageError
		if !errors.As(err, &damage) || damage.File != path || damage.Offset != offset {
			t.Errorf("%s: got %v, want damage at %d", name, err, offset)
		}
		if _, verr := Verify(vfs.OS(), dir, nil); fmt.Sprint(verr) != fmt.Sprint(err) {
			t.Errorf("%s: Verify says %v", name, verr)
		}
		if after, err := os.ReadDir(filepath.Join(to, versionDir)); err != nil || fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%s: the target has %v now, %v", name, after, err)
		}
		if err := os.WriteFile(path, good, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	flip := func(at int) func(b []byte) []byte { return func(b []byte) []byte { b[at] ^= 0x10; return b } }
	f("log.42", 16, flip(40))
	f("log.42", 0, flip(1))
	f("log.42", -1, flip(7)) // the header's version, which nobody checks
	f("log.42", 0, func([]byte) []byte { return nil })
	f("log.42", 2629, func(b []byte) []byte { return b[:len(b)-5] })
	f("snapshot.41", 4016, flip(3000))
	f("snapshot.41", 0, flip(2))
	f("snapshot.41", 4062, func(b []byte) []byte { return b[:len(b)-21] })
	if _, err := Restore(vfs.OS(), dir, Point{}, Target{DataDir: to, Now: now}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "--replace") {
		t.Errorf("a directory with data: %v", err)
	}
	res, err := Restore(vfs.OS(), dir, Point{}, Target{DataDir: to, Replace: true, Now: now})
	if err != nil || len(res.Replaced) != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	if rec := load(t, to); rec.LastZxid != 0x5d {
		t.Errorf("restored to %v", rec.LastZxid)
	}
	if moved, err := os.ReadDir(res.Replaced[0]); err != nil || len(moved) < len(before) {
		t.Errorf("the old data is %v, %v", moved, err)
	}
	if err := os.WriteFile(filepath.Join(dir, manifestFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(vfs.OS(), dir, Point{}, Target{DataDir: to, Replace: true, Now: now}); !errors.Is(err, ErrDamaged) {
		t.Errorf("a cut manifest: %v", err)
	}
}

// TestInUse leaves a directory alone on which a server works.
func TestInUse(t *testing.T) {
	data := filepath.Join(copyOf(t, "log-only"), "data")
	dir := filepath.Join(t.TempDir(), "backup")
	mustTake(t, dir, data, false)
	d, err := storage.Open(vfs.OS(), storage.Options{DataDir: data})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := Restore(vfs.OS(), dir, Point{}, Target{DataDir: data, Replace: true, Now: now}); !errors.Is(err, storage.ErrInUse) {
		t.Errorf("restored over a running server: %v", err)
	}
	if res := mustTake(t, dir, data, false); res.New || res.Added != 0 {
		t.Errorf("got %+v", res)
	}
	if _, err := Take(vfs.OS(), data, Options{DataDir: data, Now: now}); !errors.Is(err, ErrInUse) {
		t.Errorf("a backup into a data directory: %v", err)
	}
}

// TestFuzzy restores no state that never was: a fuzzy snapshot needs the log up to where
// its writing ended.
func TestFuzzy(t *testing.T) {
	data := filepath.Join(copyOf(t, "fuzzy-snapshot"), "data")
	dir := filepath.Join(t.TempDir(), "backup")
	g := mustTake(t, dir, data, false).Generation
	if g.From != 0xa26 || g.Snapshot.First != 0x9cb || g.Last != 0x13e8 {
		t.Fatalf("got %+v", g)
	}
	if _, err := Restore(vfs.OS(), dir, Point{Zxid: 0xa25}, Target{DataDir: t.TempDir(), Now: now}); !errors.Is(err, ErrRange) || !strings.Contains(err.Error(), "it holds 0xa26") {
		t.Errorf("got %v", err)
	}
	for _, x := range records(t, data, 0xa26)[:20] {
		to := t.TempDir()
		if _, err := Restore(vfs.OS(), dir, Point{Zxid: x.Zxid}, Target{DataDir: to, Now: now}); err != nil {
			t.Fatal(err)
		}
		if rec := load(t, to); x.Digest != nil && rec.Tree.Digest() != x.Digest.Value {
			t.Errorf("at %v: digest %x, want %x", x.Zxid, rec.Tree.Digest(), x.Digest.Value)
		}
	}
}

// TestStream keeps a snapshot that a server sends, if it is exact.
func TestStream(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "backup")
	f := func(name string, want error, last proto.Zxid, fresh bool) {
		t.Helper()
		file, err := os.Open(datadirs + name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		res, err := TakeStream(vfs.OS(), dir, "http://a", file, now)
		if !errors.Is(err, want) || err == nil && (res.Generation.Last != Zxid(last) || res.New != fresh) {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
	}
	f("java-3.9.6-standalone/data/version-2/snapshot.41", nil, 0x41, true)
	f("java-3.9.6-standalone/data/version-2/snapshot.41", nil, 0x41, false)
	f("fuzzy-snapshot/data/version-2/snapshot.9cb", ErrFuzzy, 0, false)
	f("snapshots-gz/data/version-2/snapshot.56.gz", nil, 0x56, true)
	f("snapshots-snappy/data/version-2/snapshot.56.snappy", nil, 0x56, false)
	f("snapshot-corrupt-newest/data/version-2/snapshot.41", snapshot.ErrSeal, 0, false)
	to := t.TempDir()
	if _, err := Restore(vfs.OS(), dir, Point{Zxid: 0x41}, Target{DataDir: to, Now: now}); err != nil {
		t.Fatal(err)
	}
	if rec := load(t, to); rec.LastZxid != 0x41 || rec.Tree.Digest() != 0x1060e83058 {
		t.Errorf("restored to %v, %x", rec.LastZxid, rec.Tree.Digest())
	}
}
