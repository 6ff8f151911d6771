package txnlog

import (
	"errors"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/vfs"
)

// eachFails has each operation of what cuts a log fail once, with all that a failed sync
// means. What a start finds then, and goes on behind, must be what another finds behind a
// power failure: the old history, or the new one.
func eachFails(t *testing.T, want []proto.Zxid, write func(vfs.FS), cut func(vfs.FS) error) {
	t.Helper()
	const next proto.Zxid = 0x100000001
	for n, done := 0, false; !done; n++ {
		m := newMem(t)
		write(m)
		ops, failed := 0, false
		fs := breaking(m, func(op vfs.Op) bool {
			switch op {
			case vfs.OpOpen, vfs.OpRead, vfs.OpClose, vfs.OpReadDir, vfs.OpStat:
				return false
			}
			ops++
			failed = failed || ops-1 == n
			return ops-1 == n
		})
		err := cut(fs)
		if done = !failed; done != (err == nil) || failed && !errors.Is(err, syscall.EIO) {
			t.Fatalf("operation %d fails: %v, and it returns %v", n, failed, err)
		}
		recoverDir(t, m)
		must(t, SyncNewest(m, dir))
		names, err := m.ReadDir(dir)
		must(t, err)
		if slices.ContainsFunc(names, func(name string) bool { _, ok := ParseName(name); return !ok }) {
			t.Errorf("operation %d fails: a start leaves %q", n, names)
		}
		before, err := readAll(t, m, 1)
		must(t, err)
		l := Open(m, dir, Options{PreAllocSize: -1})
		must(t, l.Append(next, body(next, 60)))
		must(t, l.Close())
		m.Crash(rand.New(rand.NewPCG(1, uint64(n))))
		after, err := readAll(t, m, 1)
		must(t, err)
		if !slices.Equal(append(before, next), after) {
			t.Errorf("operation %d fails: a start finds %v, and behind a power failure %v", n, before, after)
		}
		if done && !slices.Equal(before, want) {
			t.Errorf("%v is left, want %v", before, want)
		}
	}
}

func TestTruncateFails(t *testing.T) {
	eachFails(t, seq(1, 3), func(m vfs.FS) {
		file(t, m, "log.1", AppendHeader(nil), records(1, 4))
		file(t, m, "log.5", AppendHeader(nil), records(5, 9))
	}, func(fs vfs.FS) error {
		_, err := Truncate(fs, dir, 3, 0)
		return err
	})
}

func TestCutTornFails(t *testing.T) {
	eachFails(t, seq(1, 2), func(m vfs.FS) {
		file(t, m, "log.1", AppendHeader(nil), records(1, 2), changed(record(3), 20, 0xff))
	}, func(fs vfs.FS) error {
		_, err := readAll(t, fs, 1)
		var bad *CorruptError
		if !errors.As(err, &bad) {
			t.Fatalf("nothing is damaged: %v", err)
		}
		_, err = CutTorn(fs, dir, bad, 0)
		return err
	})
}
