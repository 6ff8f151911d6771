package storage

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/vfs"
)

// history wants the log to serve from the zxid on with these transactions, none for a
// refusal.
func history(t *testing.T, d *Dir, from proto.Zxid, factor float64, want ...proto.Zxid) {
	t.Helper()
	var got []proto.Zxid
	var refused error
	for x, err := range d.History(from, factor) {
		if err != nil {
			refused = err
			break
		}
		got = append(got, x.Zxid)
	}
	if !slices.Equal(got, want) || (len(want) == 0) != errors.Is(refused, ErrNoHistory) {
		t.Errorf("from %v: got %v, %v, want %v", from, got, refused, want)
	}
}

func TestHistory(t *testing.T) {
	d := open(t, vfs.NewMem())
	load(t, d)
	appendSync(t, d, seq(1, 4)...)
	must(t, d.Log().Roll())
	appendSync(t, d, seq(5, 9)...)
	history(t, d, 3, 0, seq(3, 9)...)
	history(t, d, 7, 0.33, seq(7, 9)...) // one file, however long
	history(t, d, 3, 0.33)               // the second is longer than the snapshot
	history(t, d, 0, 0)                  // nobody can tell whether 0 is this history
}

// TestHistoryBehindReplace: what the log held before a leader's snapshot is not the
// history that goes on behind it (the learner may have been far behind, or have had
// transactions that nobody else had), so it brings no learner up, and no load falls back
// to it. That holds after a crash too.
func TestHistoryBehindReplace(t *testing.T) {
	const in2 = 2 << 32
	m := vfs.NewMem()
	d := open(t, m)
	load(t, d)
	appendSync(t, d, seq(1, 7)...)
	before := list(t, m, logs)
	kept := read(t, m, logs+"/"+before[0])
	path, err := d.Replace(in2, snapshot.Frozen(treeOf(seq(1, 9)...), nil))
	must(t, err)
	appendSync(t, d, in2+1, in2+2)
	check := func(d *Dir) {
		t.Helper()
		history(t, d, 5, 0)
		history(t, d, in2+1, 0, in2+1, in2+2)
	}
	check(d)
	if got := list(t, m, data); !slices.ContainsFunc(got, func(n string) bool { return strings.HasSuffix(path, n) }) || len(snapshotsOf(got)) != 1 {
		t.Errorf("left: %v", got)
	}
	must(t, d.Close())
	write(t, m, logs+"/"+before[0], kept) // a crash kept it from being removed
	d = open(t, m)
	load(t, d)
	check(d)
}

func snapshotsOf(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !strings.HasPrefix(n, snapshot.Prefix) })
}
