package txnlog

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/vfs"
)

func reads(b []byte) io.ReaderAt { return bytes.NewReader(b) }

var errCrash = errors.New("the machine stopped")

// history is what a workload did until the crash.
type history struct {
	appended proto.Zxid // highest zxid given to the log
	synced   proto.Zxid // highest zxid that Sync or Roll promised
	cut      proto.Zxid // target of a truncation that had begun; 0 is none
	cutDone  bool
}

// run appends, syncs, rolls, truncates and appends again.
func (h *history) run(fsys vfs.FS) error {
	l := Open(fsys, dir, Options{PreAllocSize: 8 << 10})
	defer l.Close()
	z := proto.Zxid(0)
	for step := range 12 {
		for range step%3 + 1 {
			z++
			if err := l.Append(z, body(z, 900)); err != nil {
				return err
			}
			h.appended = z
		}
		sync := l.Sync
		if step%4 == 3 {
			sync = l.Roll
		}
		if err := sync(); err != nil {
			return err
		}
		h.synced = z
	}
	if err := l.Close(); err != nil {
		return err
	}
	h.cut = 5
	if _, err := Truncate(fsys, dir, h.cut, 0); err != nil {
		return err
	}
	h.cutDone, h.synced, h.appended = true, h.cut, h.cut
	l = Open(fsys, dir, Options{PreAllocSize: 8 << 10})
	defer l.Close()
	for z := proto.Zxid(6); z <= 9; z++ {
		if err := l.Append(z, body(z, 0)); err != nil {
			return err
		}
		h.appended = z
		if err := l.Sync(); err != nil {
			return err
		}
		h.synced = z
	}
	return l.Close()
}

// TestCrashAnywhere stops the machine at every operation, several times with other
// luck for what was not synced, and reads again.
func TestCrashAnywhere(t *testing.T) {
	for stop, done := 0, false; !done; stop++ {
		for seed := range uint64(8) {
			m, n := newMem(t), 0
			var h history
			err := h.run(vfs.Failing(m, func(vfs.Op, string) error {
				if n++; n > stop {
					return errCrash
				}
				return nil
			}))
			done = err == nil
			var random *rand.Rand
			if seed > 0 {
				random = rand.New(rand.NewPCG(seed, uint64(stop)))
			}
			m.Crash(random)
			recoverDir(t, m)
			got, err := readAll(t, m, 1)
			if err != nil {
				t.Fatalf("stop %d, seed %d: %v", stop, seed, err)
			}
			h.check(t, got, stop, seed)
			h.goOn(t, m, len(got), stop, seed)
		}
	}
}

func (h *history) check(t *testing.T, got []proto.Zxid, stop int, seed uint64) {
	t.Helper()
	low, high := h.synced, h.appended
	if h.cut > 0 && !h.cutDone {
		low, high = h.cut, max(h.appended, h.synced)
	}
	n := proto.Zxid(len(got))
	if n < low || n > high || !slices.Equal(got, seq(1, n)) {
		t.Fatalf("stop %d, seed %d: read %v, want 1 to between %v and %v", stop, seed, got, low, high)
	}
}

// goOn appends after the crash, as the next start does, and reads everything.
func (h *history) goOn(t *testing.T, m *vfs.Mem, have, stop int, seed uint64) {
	t.Helper()
	l := Open(m, dir, Options{PreAllocSize: 8 << 10})
	next := proto.Zxid(have + 1)
	appendAll(t, l, next, next+1)
	must(t, l.Close())
	if got, err := readAll(t, m, 1); err != nil || !slices.Equal(got, seq(1, next+1)) {
		t.Fatalf("stop %d, seed %d: after going on %v, %v", stop, seed, got, err)
	}
}

func TestTruncate(t *testing.T) {
	make2 := func() *vfs.Mem {
		m := newMem(t)
		file(t, m, "log.1", AppendHeader(nil), records(1, 4), make([]byte, 100))
		file(t, m, "log.5", AppendHeader(nil), records(5, 8), make([]byte, 100))
		file(t, m, "log.9", AppendHeader(nil), records(9, 9), record(12), make([]byte, 100))
		return m
	}
	f := func(to proto.Zxid, files []string, want []proto.Zxid, cut string) {
		t.Helper()
		m := make2()
		tr, err := Truncate(m, dir, to, 0)
		must(t, err)
		if got := names(t, m); !slices.Equal(got, files) {
			t.Errorf("to %v: files %v, want %v", to, got, files)
		}
		got, err := readAll(t, m, 1)
		if err != nil || !slices.Equal(got, want) || tr.Cut != cut {
			t.Errorf("to %v: %v, %v, %+v; want %v cut %q", to, got, err, tr, want, cut)
		}
		if n := len(want); n > 0 && tr.Last != want[n-1] {
			t.Errorf("to %v: last %v", to, tr.Last)
		}
		if cut != "" && tr.Size != size(t, m, cut) {
			t.Errorf("to %v: size %d, the file has %d", to, tr.Size, size(t, m, cut))
		}
		// Nothing comes back after a crash.
		m.Crash(nil)
		if again, err := readAll(t, m, 1); err != nil || !slices.Equal(again, got) {
			t.Errorf("to %v: %v, %v after a crash", to, again, err)
		}
	}
	f(6, []string{"log.1", "log.5"}, seq(1, 6), "log.5")
	f(5, []string{"log.1", "log.5"}, seq(1, 5), "log.5")
	f(4, []string{"log.1"}, seq(1, 4), "")
	f(2, []string{"log.1"}, seq(1, 2), "log.1")
	f(10, []string{"log.1", "log.5", "log.9"}, seq(1, 9), "log.9") // Java keeps 12
	f(0, nil, nil, "")                                             // Java keeps 1
	m := make2()
	if tr, err := Truncate(m, dir, 20, 0); err != nil || tr.Cut != "" || tr.Last != 12 { // Java exits
		t.Errorf("beyond the end: %+v, %v", tr, err)
	}
}

// TestTruncateFailure reports what cannot be cut.
func TestTruncateFailure(t *testing.T) {
	for _, op := range []vfs.Op{vfs.OpCreate, vfs.OpWrite, vfs.OpRename, vfs.OpSync, vfs.OpRemove, vfs.OpSyncDir, vfs.OpRead} {
		m := newMem(t)
		file(t, m, "log.1", AppendHeader(nil), records(1, 4))
		file(t, m, "log.5", AppendHeader(nil), records(5, 5))
		_, err := Truncate(vfs.Failing(m, func(o vfs.Op, _ string) error {
			if o == op {
				return errCrash
			}
			return nil
		}), dir, 2, 0)
		if !errors.Is(err, errCrash) {
			t.Errorf("%s failed, Truncate said %v", op, err)
		}
	}
}
