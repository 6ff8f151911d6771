package txnlog

import (
	"errors"
	"slices"
	"testing"

	"gokeeper/server/vfs"
)

// cutTorn reads, cuts what is torn and reads again.
func cutTorn(t *testing.T, m vfs.FS) (cut bool, err error) {
	t.Helper()
	_, err = readAll(t, m, 1)
	var bad *CorruptError
	if !errors.As(err, &bad) {
		t.Fatalf("nothing is damaged: %v", err)
	}
	cut, cerr := CutTorn(m, dir, bad, 0)
	must(t, cerr)
	_, err = readAll(t, m, 1)
	return cut, err
}

// TestCutTorn cuts what a crash can have left of the last write, and nothing else.
func TestCutTorn(t *testing.T) {
	head, third := AppendHeader(nil), record(3)
	f := func(name string, bad []byte, want bool) {
		t.Helper()
		m := newMem(t)
		file(t, m, "log.1", head, records(1, 2), bad)
		cut, err := cutTorn(t, m)
		if cut != want || cut != (err == nil) {
			t.Errorf("%s: cut %v, then %v; want %v", name, cut, err, want)
		}
		if got, _ := readAll(t, m, 1); !slices.Equal(got, seq(1, 2)) {
			t.Errorf("%s: %v", name, got)
		}
		m = newMem(t)
		file(t, m, "log.1", head, records(1, 2), bad)
		file(t, m, "log.4", head, records(4, 4))
		if cut, _ := cutTorn(t, m); cut {
			t.Errorf("%s: cut from a file that is not the newest", name)
		}
	}
	damaged := changed(third, 20, 0xff)
	zeros := make([]byte, 500)
	f("checksum", damaged, true)
	f("checksum, padding", slices.Concat(damaged, zeros), true)
	f("checksum, a part of the next", slices.Concat(damaged, record(4)[:40]), true)
	f("checksum, the next damaged too", slices.Concat(damaged, changed(record(4), 20, 0xff)), true)
	f("length", withLength(-2), true)
	f("length, padding", slices.Concat(withLength(1<<30), zeros), true)
	f("checksum, the next whole", slices.Concat(damaged, record(4)), false)
	f("length, the next whole", slices.Concat(withLength(-1), record(4)), false)
	f("length, one far behind whole", slices.Concat(withLength(-1), zeros, record(4), zeros), false)
}

// TestTornHeader removes a file in which there is nothing but a damaged header.
func TestTornHeader(t *testing.T) {
	m := newMem(t)
	file(t, m, "log.1", AppendHeader(nil), record(1))
	file(t, m, "log.2", changed(AppendHeader(nil), 2, 0x4d), make([]byte, 500))
	if name, err := RemoveUnfinished(m, dir); name != "log.2" || err != nil {
		t.Errorf("removed %q, %v", name, err)
	}
}

// recoverDir does what a start does about the last write before a crash.
func recoverDir(t *testing.T, m vfs.FS) {
	t.Helper()
	if _, err := RemoveUnfinished(m, dir); err != nil {
		t.Fatal(err)
	}
	_, err := readAll(t, m, 1)
	var bad *CorruptError
	if !errors.As(err, &bad) {
		return
	}
	if _, err := CutTorn(m, dir, bad, 0); err != nil {
		t.Fatal(err)
	}
}
