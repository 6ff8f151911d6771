package zab_test

import (
	"errors"
	"iter"
	"testing"

	"gokeeper/server/zab"
)

var errDisk = errors.New("disk")

// logOf yields the transactions, and an error at a bad one.
func logOf(log []zab.Entry, bad string) iter.Seq2[zab.Entry, error] {
	return func(yield func(zab.Entry, error) bool) {
		for _, e := range log {
			var err error
			if show(e.Zxid) == bad {
				err = errDisk
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// TestFromDisk plans with what is in the log on disk where the window does not reach.
func TestFromDisk(t *testing.T) {
	f := func(log, window, last, peer, want string) {
		t.Helper()
		h := zab.NewHistory(500)
		for _, e := range entries(window) {
			h.Add(e)
		}
		h.Applied(unshow(last))
		plan := h.Plan(unshow(peer), unshow(last), true)
		if !plan.Disk {
			t.Errorf("%s needs no disk: %s", peer, showPlan(plan))
			return
		}
		got := ""
		p, err := plan.FromDisk(logOf(entries(log), "1:9"), unshow(peer))
		if got = showPlan(p); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s from log %s and window %s: got %s, want %s", peer, log, window, got, want)
		}
	}
	hole := zab.ErrHole.Error()
	f("1:1-1:6", "1:5-1:8", "1:8", "1:3", "DIFF 1:8 1:4 1:5 1:6 1:7 1:8")
	f("1:1-1:8", "1:5-1:8", "1:8", "1:1", "DIFF 1:8 1:2 1:3 1:4 1:5 1:6 1:7 1:8")
	f("1:3-1:8", "1:5-1:8", "1:8", "1:3", "DIFF 1:8 1:4 1:5 1:6 1:7 1:8")
	f("1:4-1:8", "1:5-1:8", "1:8", "1:3", hole)            // begins too late
	f("1:1-1:4", "1:6-1:8", "1:8", "1:3", hole)            // does not reach the window
	f("1:1-1:3,1:5-1:6", "1:6-1:8", "1:8", "1:3", hole)    // has a hole (ZOOKEEPER-2418)
	f("1:1-1:2,1:4-1:6", "1:6-1:8", "1:8", "1:3", hole)    // where the learner stands
	f("1:1-1:9", "1:a-1:b", "1:b", "1:3", errDisk.Error()) // cannot be read
	f("", "1:6-1:8", "1:8", "1:3", hole)                   // nothing
	f("1:1-1:8,2:1-2:3", "2:2-2:3", "2:3", "1:a", hole)    // a tail that nobody has
	f("1:1-1:8,2:1-2:3", "2:2-2:3", "2:3", "1:8", "DIFF 2:3 2:1 2:2 2:3")
	f("1:1-1:8,2:1-2:3", "2:2-2:3", "2:3", "2:0", "DIFF 2:3 2:1 2:2 2:3")
	f("1:1-1:8,2:1-2:3", "2:3", "2:3", "1:7", "DIFF 2:3 1:8 2:1 2:2 2:3")
	f("1:1-1:5", "", "1:5", "1:3", "DIFF 1:5 1:4 1:5") // an empty window
	f("1:1-1:7", "", "1:5", "1:3", "DIFF 1:5 1:4 1:5") // and proposals in the log
	f("1:1-1:5", "", "2:0", "1:3", hole)               // the beginning of an epoch is in no log
}
