package storage

import (
	"errors"
	"math/rand/v2"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/vfs"
)

var errCrash = errors.New("the machine stopped")

// life is what a server did until its machine stopped.
type life struct {
	appended proto.Zxid // highest zxid given to the log
	synced   proto.Zxid // highest zxid that was promised to be durable
	cut      proto.Zxid // a truncation to this zxid has begun
	replaced proto.Zxid // a replacement by the state of this zxid has begun

	accepted, current [2]int64 // epochs that are on disk, and that were asked for last
}

// run starts, appends, syncs, rolls, takes snapshots, purges, cuts, goes on, stores epochs,
// is replaced by what a leader sends, which is newer and then older than its own, and goes on.
func (l *life) run(fsys vfs.FS) error {
	d, err := Open(fsys, options())
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err := d.Load(); err != nil {
		return err
	}
	for z := proto.Zxid(1); z <= 20; z++ {
		if err := l.append(d, z); err != nil {
			return err
		}
		if z%4 == 0 {
			if err := l.snapshot(d, z); err != nil {
				return err
			}
		}
	}
	if _, err := d.Purge(3); err != nil {
		return err
	}
	l.cut = 17
	if _, err := d.Truncate(l.cut); err != nil {
		return err
	}
	if _, err := d.Load(); err != nil {
		return err
	}
	l.appended, l.synced, l.cut = l.cut, l.cut, 0
	if err := l.several(d, 18, 22); err != nil {
		return err
	}
	if err := l.epochs(d, 1); err != nil {
		return err
	}
	for _, z := range []proto.Zxid{30, 28} {
		if err := l.replace(d, z); err != nil {
			return err
		}
		if err := l.several(d, z+1, z+3); err != nil {
			return err
		}
	}
	if err := l.epochs(d, 2); err != nil {
		return err
	}
	return d.Close()
}

func (l *life) several(d *Dir, from, to proto.Zxid) error {
	for z := from; z <= to; z++ {
		if err := l.append(d, z); err != nil {
			return err
		}
	}
	return nil
}

// epochs accepts an epoch and then has its leader's history.
func (l *life) epochs(d *Dir, e int64) error {
	if err := store(&l.accepted, e, d.SetAcceptedEpoch); err != nil {
		return err
	}
	return store(&l.current, e, d.SetCurrentEpoch)
}

func store(known *[2]int64, e int64, set func(int64) error) error {
	known[1] = e
	if err := set(e); err != nil {
		return err
	}
	known[0] = e
	return nil
}

// replace takes over a leader's snapshot.
func (l *life) replace(d *Dir, z proto.Zxid) error {
	l.replaced = z
	if _, err := d.Replace(z, snapshot.Frozen(treeOf(seq(1, z)...), nil)); err != nil {
		return err
	}
	l.appended, l.synced, l.replaced = z, z, 0
	_, err := d.Load()
	return err
}

func (l *life) append(d *Dir, z proto.Zxid) error {
	if err := d.Log().Append(z, body(z)); err != nil {
		return err
	}
	l.appended = z
	if z%3 == 0 {
		return nil // this one waits for the next
	}
	if err := d.Log().Sync(); err != nil {
		return err
	}
	l.synced = z
	return nil
}

// snapshot rolls the log and writes what was applied, one transaction behind.
func (l *life) snapshot(d *Dir, z proto.Zxid) error {
	if err := d.Log().Roll(); err != nil {
		return err
	}
	l.synced = z
	_, err := d.WriteSnapshot(z-1, snapshot.Frozen(treeOf(seq(1, z-1)...), nil))
	return err
}

// TestCrashAnywhere stops the machine at every operation, with other luck for what was
// not synced, and starts again: nothing that was promised is lost, and the history has
// no hole. Then it does so once more, to see that the recovery left nothing behind.
func TestCrashAnywhere(t *testing.T) {
	stops := 0
	for stop, done := 0, false; !done; stop++ {
		stops = stop
		for seed := range uint64(4) {
			m, n := vfs.NewMem(), 0
			var l life
			err := l.run(vfs.Failing(m, func(vfs.Op, string) error {
				if n++; n > stop {
					return errCrash
				}
				return nil
			}))
			if done = err == nil; err != nil && !errors.Is(err, errCrash) {
				t.Fatalf("stop %d: %v", stop, err)
			}
			var random *rand.Rand
			if seed > 0 {
				random = rand.New(rand.NewPCG(seed, uint64(stop)))
			}
			m.Crash(random)
			last := l.check(t, m, stop, seed)
			m.Crash(random)
			if again := l.check(t, m, stop, seed); again != last {
				t.Fatalf("stop %d, seed %d: loaded to %v, then to %v", stop, seed, last, again)
			}
		}
	}
	if stops < 200 {
		t.Errorf("only %d operations", stops)
	}
}

// check starts after the crash and returns where the history ends.
func (l *life) check(t *testing.T, m *vfs.Mem, stop int, seed uint64) proto.Zxid {
	t.Helper()
	d := open(t, m)
	rec, err := d.Load()
	if err != nil {
		t.Fatalf("stop %d, seed %d: %v", stop, seed, err)
	}
	low := l.synced
	if l.cut > 0 {
		low = l.cut
	}
	if (rec.LastZxid < low || rec.LastZxid > l.appended) && (l.replaced == 0 || rec.LastZxid != l.replaced) {
		t.Fatalf("stop %d, seed %d: the history ends at %v, want %v to %v", stop, seed, rec.LastZxid, low, l.appended)
	}
	holds(t, rec, seq(1, rec.LastZxid)...)
	if len(rec.Rejected) != 0 || rec.Hole != nil {
		t.Fatalf("stop %d, seed %d: %+v", stop, seed, rec)
	}
	e, err := d.LoadEpochs(rec.LastZxid)
	if err != nil || !between(e.Accepted, l.accepted) || !between(e.Current, l.current) {
		t.Fatalf("stop %d, seed %d: epochs %+v, %v; want %v and %v", stop, seed, e, err, l.accepted, l.current)
	}
	return rec.LastZxid
}

// between says whether a number is one that was stored, or the one that was being stored.
func between(e int64, known [2]int64) bool { return e == known[0] || e == known[1] }

// TestFailuresAreReported makes every operation of the same life fail once. The
// reading side is TestReadFailure.
func TestFailuresAreReported(t *testing.T) {
	boom := errors.New("boom")
	for fail := 0; ; fail++ {
		n, failed := 0, vfs.Op("")
		var l life
		err := l.run(vfs.Failing(vfs.NewMem(), func(op vfs.Op, _ string) error {
			if op == vfs.OpClose {
				return nil // mostly of files that were only read
			}
			if n++; n-1 == fail {
				failed = op
				return boom
			}
			return nil
		}))
		if failed == "" {
			must(t, err)
			return
		}
		if !errors.Is(err, boom) {
			t.Errorf("operation %d (%s) failed: %v", fail, failed, err)
		}
	}
}
