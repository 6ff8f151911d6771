package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/vfs"
)

func TestSecondServerIsRefused(t *testing.T) {
	for _, fsys := range []vfs.FS{vfs.NewMem(), vfs.OS()} {
		dir := t.TempDir()
		must(t, fsys.MkdirAll(dir))
		opt := Options{DataDir: dir, Owner: "pid 4711 at port 2181"}
		d, err := Open(fsys, opt)
		must(t, err)
		_, err = Open(fsys, Options{DataDir: dir})
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "pid 4711 at port 2181") {
			t.Errorf("second server: %v", err)
		}
		// A failed Open gives back what it had locked.
		other := t.TempDir()
		if _, err = Open(fsys, Options{DataDir: dir, LogDir: other}); !errors.Is(err, ErrInUse) {
			t.Errorf("shared data directory: %v", err)
		}
		d2, err := Open(fsys, Options{DataDir: other})
		must(t, err)
		must(t, d2.Close())
		must(t, d.Close())
		d, err = Open(fsys, opt)
		must(t, err)
		must(t, d.Close())
	}
}

func TestMixedDirectories(t *testing.T) {
	f := func(path, text string) {
		t.Helper()
		m := vfs.NewMem()
		write(t, m, path, nil)
		_, err := Open(m, options())
		if text == "" {
			must(t, err)
			return
		}
		if !errors.Is(err, ErrMixed) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, want %q", path, err, text)
		}
		// One directory for both is fine.
		opt := options()
		opt.LogDir = ""
		if strings.HasPrefix(path, "/log") {
			opt.DataDir = "/log"
		}
		d, err := Open(m, opt)
		must(t, err)
		must(t, d.Close())
	}
	f(logs+"/snapshot.5", "Log directory has snapshot files. Check if dataLogDir and dataDir configuration is correct.")
	f(logs+"/snapshot.x", "Log directory has snapshot files.")
	f(data+"/log.5", "Snapshot directory has log files. Check if dataLogDir and dataDir configuration is correct.")
	f(data+"/logs", "")
	f(logs+"/snapshots", "")
}

func TestAutoCreate(t *testing.T) {
	m, opt := vfs.NewMem(), options()
	opt.NoAutoCreate = true
	_, err := Open(m, opt)
	want := "Missing data directory /log/version-2, automatic data directory creation is disabled " +
		"(zookeeper.datadir.autocreate is false). Please create this directory manually."
	if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
	must(t, m.MkdirAll(logs))
	if _, err = Open(m, opt); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), data) {
		t.Errorf("%v", err)
	}
	must(t, m.MkdirAll(data))
	d, err := Open(m, opt)
	must(t, err)
	must(t, d.Close())
	_, err = Open(vfs.Failing(vfs.NewMem(), func(op vfs.Op, _ string) error {
		if op == vfs.OpMkdir {
			return fs.ErrPermission
		}
		return nil
	}), options())
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "Unable to create data directory "+logs) {
		t.Errorf("%v", err)
	}
}

func TestSizes(t *testing.T) {
	d := open(t, vfs.NewMem())
	load(t, d)
	appendSync(t, d, 1)
	dataSize, logSize, err := d.Sizes()
	if err != nil || dataSize != 478 || logSize != 16+8<<10 {
		t.Errorf("%d %d %v, Java says 478 and 16 + the padding", dataSize, logSize, err)
	}
	opt := options()
	opt.LogDir = ""
	d, err = Open(vfs.NewMem(), opt)
	must(t, err)
	load(t, d)
	appendSync(t, d, 1)
	if a, b, err := d.Sizes(); err != nil || a != b || a != 478+16+8<<10 {
		t.Errorf("%d %d %v", a, b, err)
	}
}

// TestEpochFiles goes through the states of both files at a start.
func TestEpochFiles(t *testing.T) {
	type files map[string]string
	f := func(name string, have files, last proto.Zxid, want Epochs, text string) {
		t.Helper()
		m := vfs.NewMem()
		d := open(t, m)
		for n, content := range have {
			write(t, m, data+"/"+n, []byte(content))
		}
		got, err := d.LoadEpochs(last)
		if text != "" {
			if !errors.Is(err, ErrEpoch) || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %+v, %v; want %q", name, got, err, text)
			}
			return
		}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
			return
		}
		// Read again, the files say the same.
		m.Crash(nil)
		want.Repaired = false
		if again, err := open(t, m).LoadEpochs(last); err != nil || again != want {
			t.Errorf("%s: the second time %+v, %v; want %+v", name, again, err, want)
		}
	}
	z3 := proto.NewZxid(3, 5)
	f("none", files{}, z3, Epochs{3, 3, false}, "")
	f("none, no history", files{}, 0, Epochs{0, 0, false}, "")
	f("none, not to be counted", files{}, -1, Epochs{-1, -1, false}, "")
	f("both", files{acceptedEpoch: "4", currentEpoch: "3"}, z3, Epochs{4, 3, false}, "")
	f("ahead of the log", files{acceptedEpoch: "9", currentEpoch: "8"}, z3, Epochs{9, 8, false}, "")
	f("newlines and signs", files{acceptedEpoch: "4\r\n", currentEpoch: "+3\nmore"}, z3, Epochs{4, 3, false}, "")
	f("blank", files{acceptedEpoch: "3 ", currentEpoch: "3"}, z3, Epochs{}, "Found 3  in "+data+"/acceptedEpoch")
	f("empty", files{acceptedEpoch: "3", currentEpoch: ""}, z3, Epochs{}, "Found null in "+data+"/currentEpoch")
	f("accepted below current", files{acceptedEpoch: "3", currentEpoch: "4"}, z3, Epochs{}, "The accepted epoch, 3 is less than the current epoch, 4")
	f("accepted missing", files{currentEpoch: "4"}, z3, Epochs{4, 4, false}, "") // Java refuses
	f("current missing", files{acceptedEpoch: "4"}, z3, Epochs{4, 3, false}, "")
	f("stopped before currentEpoch", files{acceptedEpoch: "3", currentEpoch: "1"}, z3, Epochs{3, 3, true}, "") // Java refuses
	f("stopped while replacing it", files{acceptedEpoch: "5", currentEpoch: "1", currentEpoch + ".tmp": "4"}, z3, Epochs{5, 4, true}, "")
	f("torn replacement", files{acceptedEpoch: "5", currentEpoch: "1", currentEpoch + ".tmp": ""}, z3, Epochs{5, 3, true}, "")
	f("log of another server", files{acceptedEpoch: "2", currentEpoch: "2"}, z3, Epochs{}, fmt.Sprintf("The current epoch, 2, is older than the last zxid, %d", int64(z3)))
	f("replacement left over", files{acceptedEpoch: "4", currentEpoch: "3", acceptedEpoch + ".tmp": "4"}, z3, Epochs{4, 3, false}, "")
}

// TestEpochWritesCrash stops the machine at every step of raising both epochs.
func TestEpochWritesCrash(t *testing.T) {
	for stop, done := 0, false; !done; stop++ {
		m := vfs.NewMem()
		d := open(t, m)
		_, err := d.LoadEpochs(proto.NewZxid(2, 0))
		must(t, err)
		n := 0
		d.fs = vfs.Failing(m, func(vfs.Op, string) error {
			if n++; n > stop {
				return errCrash
			}
			return nil
		})
		acceptedErr := d.SetAcceptedEpoch(3)
		currentErr := error(errCrash)
		if acceptedErr == nil {
			currentErr = d.SetCurrentEpoch(3)
		}
		done = currentErr == nil
		m.Crash(nil)
		e, err := open(t, m).LoadEpochs(proto.NewZxid(2, 7))
		if err != nil || acceptedErr == nil && e.Accepted != 3 || currentErr == nil && e.Current != 3 || e.Accepted < 2 || e.Current < 2 {
			t.Fatalf("stop %d: %+v, %v", stop, e, err)
		}
	}
}

func TestPurge(t *testing.T) {
	build := func(t *testing.T) (*vfs.Mem, *Dir) {
		m := vfs.NewMem()
		d := open(t, m)
		load(t, d)
		for z := proto.Zxid(1); z <= 12; z++ {
			appendSync(t, d, z)
			if z%2 == 0 {
				must(t, d.Log().Roll())
				snap(t, d, z, treeOf(seq(1, z)...)) // snapshots 2, 4 … 12; logs 1, 3 … 11
			}
		}
		return m, d
	}
	f := func(name string, retain int, change func(m vfs.FS), snapshots, files []string) {
		t.Helper()
		m, d := build(t)
		change(m)
		removed, err := d.Purge(retain)
		must(t, err)
		if got := list(t, m, data); !slices.Equal(got, snapshots) {
			t.Errorf("%s: snapshots %v, want %v", name, got, snapshots)
		}
		if got := list(t, m, logs); !slices.Equal(got, files) {
			t.Errorf("%s: logs %v, want %v", name, got, files)
		}
		for _, p := range removed {
			if _, err := m.Stat(p); err == nil {
				t.Errorf("%s: %s is still there", name, p)
			}
		}
		holds(t, load(t, d), seq(1, 12)...)
	}
	none := func(vfs.FS) {}
	// 12, 10 and 8 are kept; 8 needs the log of 9 and the one with the largest name below.
	f("3", 3, none, []string{"snapshot.8", "snapshot.a", "snapshot.c"}, []string{"log.7", "log.9", "log.b"})
	f("less than 3", 1, none, []string{"snapshot.8", "snapshot.a", "snapshot.c"}, []string{"log.7", "log.9", "log.b"})
	f("5", 5, none, []string{"snapshot.4", "snapshot.6", "snapshot.8", "snapshot.a", "snapshot.c"}, []string{"log.3", "log.5", "log.7", "log.9", "log.b"})
	f("other names", 3, func(m vfs.FS) {
		for _, n := range []string{data + "/snapshot.zz", data + "/snapshot.5.tmp", logs + "/log.3.fixed", logs + "/log.x"} {
			write(t, m, n, nil)
		}
		write(t, m, data+"/acceptedEpoch", []byte("1"))
		write(t, m, logs+"/catalog.1", nil)
	}, []string{"acceptedEpoch", "snapshot.8", "snapshot.a", "snapshot.c"}, []string{"catalog.1", "log.7", "log.9", "log.b"})
	all := []string{"snapshot.0", "snapshot.2", "snapshot.4", "snapshot.6", "snapshot.8", "snapshot.a", "snapshot.c"}
	allLogs := []string{"log.1", "log.3", "log.5", "log.7", "log.9", "log.b"}
	f("newest cut", 3, func(m vfs.FS) {
		for _, n := range all[4:] {
			write(t, m, data+"/"+n, make([]byte, 99))
		}
	}, all[1:], allLogs)
	// Java deletes the good ones here: these look whole.
	f("newest damaged but looking whole", 3, func(m vfs.FS) {
		for _, n := range all[4:] {
			b := read(t, m, data+"/"+n)
			b[60] ^= 1
			write(t, m, data+"/"+n, b)
		}
	}, all[3:], allLogs[2:])
}

func TestPurgeWithoutSnapshot(t *testing.T) {
	m := vfs.NewMem()
	d := open(t, m)
	write(t, m, logs+"/log.1", nil)
	write(t, m, data+"/snapshot.5", make([]byte, 50))
	if removed, err := d.Purge(3); err != nil || len(removed) != 0 {
		t.Errorf("removed %v, %v", removed, err)
	}
}

func TestTruncate(t *testing.T) {
	f := func(to proto.Zxid, snapshots []string, err error) {
		t.Helper()
		m := makeHistory(t)
		d := open(t, m)
		load(t, d)
		_, got := d.Truncate(to)
		if !errors.Is(got, err) || err == nil && got != nil {
			t.Errorf("to %v: %v, want %v", to, got, err)
			return
		}
		if have := list(t, m, data); !slices.Equal(have, snapshots) {
			t.Errorf("to %v: snapshots %v, want %v", to, have, snapshots)
		}
		if err != nil {
			return
		}
		rec := load(t, d)
		if rec.LastZxid != to {
			t.Errorf("to %v: the history ends at %v", to, rec.LastZxid)
		}
		holds(t, rec, seq(1, to)...)
		// The log goes on behind the cut, in a file of its own.
		next := proto.NewZxid(1, 1)
		appendSync(t, d, next)
		must(t, d.Close())
		m.Crash(nil)
		holds(t, load(t, open(t, m)), append(seq(1, to), next)...)
	}
	f(7, []string{"snapshot.0", "snapshot.3", "snapshot.6"}, nil)
	f(6, []string{"snapshot.0", "snapshot.3", "snapshot.6"}, nil)
	f(5, []string{"snapshot.0", "snapshot.3"}, nil)
	f(4, []string{"snapshot.0", "snapshot.3"}, nil)
	f(1, []string{"snapshot.0"}, nil)
	f(0, []string{"snapshot.0"}, nil)

	// A snapshot whose name is low enough can hold more than that.
	m := makeHistory(t)
	d := open(t, m)
	load(t, d)
	must(t, m.Remove(data+"/snapshot.6"))
	snap(t, d, 5, treeOf(seq(1, 7)...))
	_, err := d.Truncate(6)
	must(t, err)
	if have := list(t, m, data); slices.Contains(have, "snapshot.5") {
		t.Errorf("%v", have)
	}
	holds(t, load(t, d), seq(1, 6)...)

	// Nothing is changed when no snapshot is low enough.
	m = makeHistory(t)
	d = open(t, m)
	for _, n := range []string{"snapshot.0", "snapshot.3"} {
		must(t, m.Remove(data+"/"+n))
	}
	if _, err := d.Truncate(5); !errors.Is(err, ErrNoBase) {
		t.Errorf("%v", err)
	}
	if rec := load(t, d); rec.LastZxid != 8 {
		t.Errorf("last %v", rec.LastZxid)
	}
}

func TestReplace(t *testing.T) {
	for _, z := range []proto.Zxid{5, 8, 20, proto.NewZxid(2, 3)} {
		m := makeHistory(t)
		d := open(t, m)
		load(t, d)
		tr := treeOf(z)
		_, err := d.Replace(z, snapshot.Frozen(tr, nil))
		must(t, err)
		appendSync(t, d, z+1)
		must(t, d.Close())
		m.Crash(nil)
		rec := load(t, open(t, m))
		if rec.LastZxid != z+1 || rec.Replayed != 1 {
			t.Errorf("replaced at %v: %d replayed to %v", z, rec.Replayed, rec.LastZxid)
		}
		holds(t, rec, z, z+1)
	}
}
