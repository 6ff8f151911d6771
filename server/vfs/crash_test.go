package vfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"gokeeper/server/vfs"
)

// outcomes crashes what build builds with many seeds and returns what was left, in how
// many cases.
func outcomes(t *testing.T, build func(m *vfs.Mem), look func(m *vfs.Mem) string) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for seed := range uint64(500) {
		var again string
		for i := range 2 {
			m := vfs.NewMem()
			must(t, m.MkdirAll("/d"))
			build(m)
			m.Crash(rand.New(rand.NewPCG(seed, 0)))
			got := look(m)
			if i == 1 && got != again {
				t.Fatalf("seed %d left %q, then %q", seed, again, got)
			}
			again = got
			m.Crash(rand.New(rand.NewPCG(seed, 1)))
			if got := look(m); got != again {
				t.Fatalf("seed %d: a second crash turned %q into %q", seed, again, got)
			}
		}
		seen[again]++
	}
	return seen
}

func content(name string) func(m *vfs.Mem) string {
	return func(m *vfs.Mem) string {
		b, err := vfs.ReadFile(m, name)
		if err != nil {
			return "none"
		}
		return string(b)
	}
}

func write(t testing.TB, m *vfs.Mem, name string, off int64, text string, sync bool) {
	t.Helper()
	f, err := m.OpenWrite(name)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = m.Create(name)
	}
	must(t, err)
	_, err = f.WriteAt([]byte(text), off)
	must(t, err)
	if sync {
		must(t, f.SyncData())
	}
	must(t, f.Close())
}

// TestCrashKeepsSynced loses nothing that was synced together with its name.
func TestCrashKeepsSynced(t *testing.T) {
	m := vfs.NewMem()
	must(t, m.MkdirAll("/d/e"))
	write(t, m, "/d/e/f", 0, "text", true)
	must(t, m.SyncDir("/d/e"))
	must(t, vfs.WriteFile(m, "/d/g", []byte("whole")))
	for seed := range uint64(50) {
		m.Crash(rand.New(rand.NewPCG(seed, 0)))
		holds(t, m, "/d/e/f", "text")
		holds(t, m, "/d/g", "whole")
	}
	m.Crash(nil)
	lists(t, m, "/d", "e", "g")
	holds(t, m, "/d/e/f", "text")
}

// TestCrashTears finds every first part of what was not synced, sometimes with one bit of it
// flipped, and nothing else.
func TestCrashTears(t *testing.T) {
	seen := outcomes(t, func(m *vfs.Mem) {
		write(t, m, "/d/f", 0, "0123", true)
		must(t, m.SyncDir("/d"))
		write(t, m, "/d/f", 2, "abcd", false)
	}, content("/d/f"))
	flipped := 0
	for got := range seen {
		if got[:2] != "01" || len(got) > 6 || got[2:] != "23" && bitsApart(got[2:], "abcd") > 1 && bitsApart(got[2:], "a3") > 1 {
			t.Errorf("left %q", got)
		}
		if len(got) > 4 && bitsApart(got[2:], "abcd") == 1 {
			flipped++
		}
	}
	for _, want := range []string{"0123", "01a3", "01ab", "01abc", "01abcd"} {
		if seen[want] == 0 {
			t.Errorf("never saw %q", want)
		}
	}
	if flipped == 0 {
		t.Error("no bit was flipped")
	}
}

// bitsApart returns in how many bits a text differs from the beginning of another.
func bitsApart(a, b string) int {
	n := 0
	for i := range min(len(a), len(b)) {
		n += bits.OnesCount8(a[i] ^ b[i])
	}
	return n
}

// TestCrashTruncated finds the old length, the new one, and between them nothing else.
func TestCrashTruncated(t *testing.T) {
	seen := outcomes(t, func(m *vfs.Mem) {
		write(t, m, "/d/f", 0, "0123456789", true)
		must(t, m.SyncDir("/d"))
		f, err := m.OpenWrite("/d/f")
		must(t, err)
		must(t, f.Truncate(2))
	}, content("/d/f"))
	if seen["0123456789"] == 0 || seen["01"] == 0 || len(seen) != 2 {
		t.Errorf("left %v", seen)
	}
}

// TestCrashNames finds all that can be left of a rename without a sync of the directory.
func TestCrashNames(t *testing.T) {
	seen := outcomes(t, func(m *vfs.Mem) {
		write(t, m, "/d/old", 0, "o", true)
		must(t, m.SyncDir("/d"))
		write(t, m, "/d/new", 0, "n", true)
		must(t, m.Rename("/d/new", "/d/old"))
		must(t, m.Remove("/d/old"))
		write(t, m, "/d/third", 0, "3", true)
	}, func(m *vfs.Mem) string {
		names, err := m.ReadDir("/d")
		must(t, err)
		return strings.Join(names, " ")
	})
	for _, want := range []string{"old", "", "old third", "third"} {
		if seen[want] == 0 {
			t.Errorf("never saw %q", want)
		}
	}
	if len(seen) != 4 {
		t.Errorf("left %v", seen)
	}
}

// TestWriteFileSurvives has the old or the new content at every point where the machine
// may stop.
func TestWriteFileSurvives(t *testing.T) {
	stopped := errors.New("stopped")
	for stop, done := 0, false; !done; stop++ {
		for seed := range uint64(30) {
			m, n := vfs.NewMem(), 0
			must(t, m.MkdirAll("/d"))
			must(t, vfs.WriteFile(m, "/d/f", []byte("old")))
			err := vfs.WriteFile(vfs.Failing(m, func(vfs.Op, string) error {
				if n++; n > stop {
					return stopped
				}
				return nil
			}), "/d/f", []byte("renewed"))
			if done = err == nil; !done && !errors.Is(err, stopped) {
				t.Fatal(err)
			}
			m.Crash(rand.New(rand.NewPCG(seed, uint64(stop))))
			got := content("/d/f")(m)
			if got != "renewed" && (done || got != "old") {
				t.Fatalf("stop %d, seed %d: %q is left", stop, seed, got)
			}
		}
	}
}

// TestCrashKillsHandles lets nobody of before the crash touch what is after it.
func TestCrashKillsHandles(t *testing.T) {
	m := vfs.NewMem()
	must(t, m.MkdirAll("/d"))
	f, err := m.Create("/d/f")
	must(t, err)
	before, err := m.Lock("/d/lock", "before")
	must(t, err)
	must(t, m.SyncDir("/d"))
	m.Crash(nil)
	_, err = f.WriteAt([]byte("x"), 0)
	fails(t, "write", err, fs.ErrClosed)
	_, err = m.Lock("/d/lock", "after")
	must(t, err)
	must(t, before.Close())
	_, err = m.Lock("/d/lock", "third")
	fails(t, "the lock of before gave back the one of after", err, vfs.ErrLocked)
}

// TestFailing refuses each operation by name, and does nothing then.
func TestFailing(t *testing.T) {
	m := vfs.NewMem()
	must(t, m.MkdirAll("/d/e"))
	write(t, m, "/d/f", 0, "text", true)
	var broken vfs.Op
	fsys := vfs.Failing(m, func(op vfs.Op, name string) error {
		if op == broken && strings.HasPrefix(name, "/d") {
			return syscall.ENOSPC
		}
		return nil
	})
	f, err := fsys.OpenWrite("/d/f")
	must(t, err)
	for op, do := range map[vfs.Op]func() error{
		vfs.OpOpen:     func() error { _, err := fsys.Open("/d/f"); return err },
		vfs.OpCreate:   func() error { _, err := fsys.Create("/d/f"); return err },
		vfs.OpReadDir:  func() error { _, err := fsys.ReadDir("/d"); return err },
		vfs.OpStat:     func() error { _, err := fsys.Stat("/d/f"); return err },
		vfs.OpRename:   func() error { return fsys.Rename("/d/f", "/d/g") },
		vfs.OpRemove:   func() error { return fsys.Remove("/d/f") },
		vfs.OpMkdir:    func() error { return fsys.MkdirAll("/d/x") },
		vfs.OpSyncDir:  func() error { return fsys.SyncDir("/d") },
		vfs.OpLock:     func() error { _, err := fsys.Lock("/d/lock", ""); return err },
		vfs.OpRead:     func() error { _, err := f.ReadAt(make([]byte, 1), 0); return err },
		vfs.OpWrite:    func() error { _, err := f.WriteAt([]byte("x"), 0); return err },
		vfs.OpTruncate: func() error { return f.Truncate(0) },
		vfs.OpSync:     func() error { return errors.Join(f.Sync(), f.SyncData()) },
	} {
		broken = op
		err := do()
		fails(t, string(op), err, syscall.ENOSPC)
		if want := fmt.Sprintf("%s /d", op); err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q does not begin with %q", err, want)
		}
	}
	broken = vfs.OpClose
	fails(t, "close", f.Close(), syscall.ENOSPC)
	fails(t, "write after a close that failed", func() error { _, err := f.WriteAt(nil, 0); return err }(), fs.ErrClosed)
	lists(t, m, "/d", "e", "f")
	holds(t, m, "/d/f", "text")
	m.SetFree(7)
	if free, err := fsys.Free("/d"); free != 7 || err != nil {
		t.Errorf("%d bytes free, %v", free, err)
	}
}

// TestLockOutlivesNobody takes the lock of a file that a process left behind.
func TestLockOutlivesNobody(t *testing.T) {
	name := t.TempDir() + "/lock"
	put(t, vfs.OS(), name, "a process that was killed, with a long description")
	l, err := vfs.OS().Lock(name, "me")
	must(t, err)
	defer l.Close()
	holds(t, vfs.OS(), name, "me")
}

// BenchmarkSyncData is the price of making a small batch durable.
func BenchmarkSyncData(b *testing.B) {
	f, err := vfs.OS().Create(b.TempDir() + "/f")
	must(b, err)
	defer f.Close()
	batch := bytes.Repeat([]byte{1}, 4096)
	_, err = f.WriteAt(batch, 0)
	must(b, err)
	for b.Loop() {
		_, err := f.WriteAt(batch, 0)
		must(b, err)
		must(b, f.SyncData())
	}
}

// TestKill: a process that ends loses nothing, and gives its locks back.
func TestKill(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	must(t, m.MkdirAll("/d"))
	f, err := m.Create("/d/f")
	must(t, err)
	_, err = m.Lock("/d/lock", "one")
	must(t, err)
	_, err = f.WriteAt([]byte("x"), 0)
	must(t, err)
	m.Kill()
	if _, err := f.WriteAt([]byte("y"), 0); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("write after the end: %v", err)
	}
	if b, err := vfs.ReadFile(m, "/d/f"); string(b) != "x" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	_, err = m.Lock("/d/lock", "two")
	must(t, err)
}

// TestDurable: what would be left is told without a crash.
func TestDurable(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	must(t, m.MkdirAll("/d"))
	must(t, vfs.WriteFile(m, "/d/f", []byte("old")))
	f, err := m.OpenWrite("/d/f")
	must(t, err)
	_, err = f.WriteAt([]byte("new"), 0)
	must(t, err)
	_, err = m.Create("/d/g")
	must(t, err)
	if d := m.Durable("/d"); len(d) != 1 || string(d["f"]) != "old" {
		t.Errorf("durable are %q", d)
	}
	if b, _ := vfs.ReadFile(m, "/d/f"); string(b) != "new" {
		t.Errorf("the file system itself has %q", b)
	}
}

// After a sync that failed, one that succeeds makes nothing durable, until the file is
// forgotten or made anew.
func TestFailSync(t *testing.T) {
	m := vfs.NewMem()
	must(t, m.MkdirAll("/d"))
	write(t, m, "/d/f", 0, "one", true)
	must(t, m.SyncDir("/d"))
	write(t, m, "/d/f", 3, " two", false)
	m.FailSync("/d/f")
	write(t, m, "/d/f", 7, " three", true)
	if got := content("/d/f")(m); got != "one two three" {
		t.Errorf("processes see %q", got)
	}
	if got := string(m.Durable("/d")["f"]); got != "one" {
		t.Errorf("the disk holds %q, want what was synced before", got)
	}
	f, err := m.Open("/d/f")
	must(t, err)
	must(t, f.Forget())
	must(t, f.Close())
	if got := content("/d/f")(m); got != "one" {
		t.Errorf("processes see %q, want what the disk holds", got)
	}
	write(t, m, "/d/f", 3, " four", true)
	if got := string(m.Durable("/d")["f"]); got != "one four" {
		t.Errorf("the disk holds %q behind another write", got)
	}
	m.FailSync("/d/f")
	must(t, vfs.WriteFile(m, "/d/f", []byte("new")))
	if got := string(m.Durable("/d")["f"]); got != "new" {
		t.Errorf("the disk holds %q, want the new file", got)
	}
}

// A copy holds what was durable, and goes its own way.
func TestCopy(t *testing.T) {
	m := vfs.NewMem()
	must(t, m.MkdirAll("/d"))
	write(t, m, "/d/f", 0, "one", true)
	must(t, m.SyncDir("/d"))
	write(t, m, "/d/f", 3, " two", false)
	write(t, m, "/d/g", 0, "lost", true)
	c := m.Copy()
	write(t, m, "/d/f", 0, "ONE", true)
	write(t, c, "/d/f", 3, "!", true)
	if got := content("/d/f")(c); got != "one!" {
		t.Errorf("the copy has %q", got)
	}
	if got := content("/d/g")(c); got != "none" {
		t.Errorf("the copy has %q of a file whose name was not durable", got)
	}
	if got := content("/d/f")(m); got != "ONE two" {
		t.Errorf("the original has %q", got)
	}
}

// A write that fails can be done in part.
func TestFailingShort(t *testing.T) {
	m := vfs.NewMem()
	full := false
	fsys := vfs.Failing(m, func(op vfs.Op, _ string) error {
		if full && op == vfs.OpWrite {
			return &vfs.ShortError{Part: 128, Err: syscall.ENOSPC}
		}
		return nil
	})
	f, err := fsys.Create("/f")
	must(t, err)
	full = true
	n, err := f.WriteAt([]byte("abcd"), 0)
	if n != 2 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("wrote %d bytes: %v; want 2 and ENOSPC", n, err)
	}
	if got := content("/f")(m); got != "ab" {
		t.Errorf("the file holds %q", got)
	}
}

// A file that was renamed has one of its names after a crash, or both.
func TestCrashRename(t *testing.T) {
	seen := outcomes(t, func(m *vfs.Mem) {
		write(t, m, "/d/a", 0, "a", true)
		must(t, m.SyncDir("/d"))
		must(t, m.Rename("/d/a", "/d/b"))
	}, func(m *vfs.Mem) string {
		names, err := m.ReadDir("/d")
		must(t, err)
		return strings.Join(names, " ")
	})
	if seen["a"] == 0 || seen["b"] == 0 || seen["a b"] == 0 || len(seen) != 3 {
		t.Errorf("left %v", seen)
	}
}
