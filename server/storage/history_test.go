package storage

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/vfs"
	"gokeeper/server/zab"
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
	history(t, d, 3, 0, seq(1, 9)...)
	history(t, d, 5, 0, seq(5, 9)...)
	history(t, d, 7, 0.33, seq(5, 9)...) // one file, however long
	history(t, d, 5, 0.33, seq(5, 9)...)
	history(t, d, 3, 0.33) // the second is longer than the snapshot
	history(t, d, 0, 0)    // nobody can tell whether 0 is this history
}

// TestPlansFromDisk brings up learners that are behind the window, wherever they stand:
// also such with a tail of their own, and such that only know that an epoch began.
func TestPlansFromDisk(t *testing.T) {
	const in2, in3 = 2 << 32, 3 << 32
	d := open(t, vfs.NewMem())
	load(t, d)
	for _, file := range [][]proto.Zxid{seq(1, 4), seq(5, 9), seq(in2+1, in2+3), seq(in3+1, in3+4)} {
		appendSync(t, d, file...)
		must(t, d.Log().Roll())
	}
	window := zab.NewHistory(10)
	for z := proto.Zxid(in3 + 2); z <= in3+4; z++ {
		window.Add(zab.Entry{Zxid: z, Raw: body(z)})
	}
	for _, test := range []struct {
		peer proto.Zxid
		op   zab.Type
		zxid proto.Zxid
		want []proto.Zxid // after it
	}{
		{3, zab.Diff, in3 + 4, slices.Concat(seq(4, 9), seq(in2+1, in2+3), seq(in3+1, in3+4))},
		{5, zab.Diff, in3 + 4, slices.Concat(seq(6, 9), seq(in2+1, in2+3), seq(in3+1, in3+4))},
		{in2, zab.Diff, in3 + 4, slices.Concat(seq(in2+1, in2+3), seq(in3+1, in3+4))},
		{in2 + 3, zab.Diff, in3 + 4, seq(in3+1, in3+4)},
		{in3, zab.Diff, in3 + 4, seq(in3+1, in3+4)},
		{12, zab.Snap, 0, nil},      // epochs differ: nobody knows where it left
		{in2 + 5, zab.Snap, 0, nil}, // the same
		{0, zab.Snap, 0, nil},       // nothing shows that it is this history
	} {
		plan := window.Plan(test.peer, in3+4, true)
		if !plan.Disk {
			t.Fatalf("%v: no plan from disk: %v", test.peer, plan.Op)
		}
		got, err := plan.FromDisk(func(yield func(zab.Entry, error) bool) {
			for x, err := range d.History(test.peer, 0) {
				if !yield(zab.Entry(x), err) {
					return
				}
			}
		}, test.peer)
		if (err != nil) != (test.op == zab.Snap) {
			t.Errorf("%v: %v", test.peer, err)
		}
		if err != nil {
			continue
		}
		var zxids []proto.Zxid
		for _, e := range got.Entries {
			zxids = append(zxids, e.Zxid)
			if string(e.Raw) != string(body(e.Zxid)) {
				t.Errorf("%v: other bytes for %v", test.peer, e.Zxid)
			}
		}
		if got.Op != test.op || got.Zxid != test.zxid || !slices.Equal(zxids, test.want) {
			t.Errorf("%v: %v %v with %v, want %v %v with %v", test.peer, got.Op, got.Zxid, zxids, test.op, test.zxid, test.want)
		}
	}
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
