package txnlog

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"gokeeper/server/vfs"
)

// TestTruncateFails has each operation fail once, with all that a failed sync means. What a
// start finds then must be what another finds behind a power failure: the old history, or
// the new one.
func TestTruncateFails(t *testing.T) {
	broken := errors.New("input/output error")
	for n, done := 0, false; !done; n++ {
		m := newMem(t)
		file(t, m, "log.1", AppendHeader(nil), records(1, 4))
		file(t, m, "log.5", AppendHeader(nil), records(5, 9))
		ops, failed := 0, false
		fs := vfs.Failing(m, func(op vfs.Op, name string) error {
			if op == vfs.OpOpen || op == vfs.OpRead || op == vfs.OpClose || op == vfs.OpReadDir || op == vfs.OpStat {
				return nil
			}
			if ops++; ops-1 != n {
				return nil
			}
			failed = true
			if op == vfs.OpSync {
				m.FailSync(name)
			}
			return broken
		})
		_, err := Truncate(fs, dir, 3, 0)
		if done = !failed; done != (err == nil) || failed && !errors.Is(err, broken) {
			t.Fatalf("operation %d fails: %v, and Truncate returns %v", n, failed, err)
		}
		_, err = RemoveUnfinished(m, dir)
		must(t, err)
		must(t, SyncNewest(m, dir))
		names, err := m.ReadDir(dir)
		must(t, err)
		if slices.ContainsFunc(names, func(name string) bool { _, ok := ParseName(name); return !ok }) {
			t.Errorf("operation %d fails: a start leaves %q", n, names)
		}
		before, err := readAll(t, m, 1)
		must(t, err)
		m.Crash(rand.New(rand.NewPCG(1, uint64(n))))
		after, err := readAll(t, m, 1)
		must(t, err)
		if !slices.Equal(before, after) {
			t.Errorf("operation %d fails: a start finds %v, and behind a power failure %v", n, before, after)
		}
		if done && !slices.Equal(after, seq(1, 3)) {
			t.Errorf("truncated to 3: %v", after)
		}
	}
}
