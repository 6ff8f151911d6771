package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gokeeper/server/vfs"
)

// TestConformance runs every implementation through what the interfaces promise.
func TestConformance(t *testing.T) {
	for name, open := range map[string]func() vfs.FS{
		"OS":      vfs.OS,
		"Mem":     func() vfs.FS { return vfs.NewMem() },
		"Failing": func() vfs.FS { return vfs.Failing(vfs.NewMem(), never) },
		"Overlay": func() vfs.FS { return vfs.Overlay(vfs.OS()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance(t, func(t *testing.T) (vfs.FS, string) {
				fsys, dir := open(), t.TempDir()
				must(t, fsys.MkdirAll(dir))
				return fsys, dir
			})
		})
	}
}

func never(vfs.Op, string) error { return nil }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// conformance tests the implementation of which fresh returns an empty directory.
func conformance(t *testing.T, fresh func(t *testing.T) (vfs.FS, string)) {
	for name, f := range map[string]func(*testing.T, vfs.FS, string){
		"write and read":   writeAndRead,
		"create empties":   createEmpties,
		"truncate":         truncate,
		"read only":        readOnly,
		"closed":           closed,
		"missing":          missing,
		"directories":      directories,
		"rename":           rename,
		"remove":           remove,
		"open and removed": openAndRemoved,
		"lock":             lock,
		"whole files":      wholeFiles,
	} {
		t.Run(name, func(t *testing.T) {
			fsys, dir := fresh(t)
			f(t, fsys, dir)
		})
	}
}

func put(t testing.TB, fsys vfs.FS, name, content string) {
	t.Helper()
	f, err := fsys.Create(name)
	must(t, err)
	n, err := f.WriteAt([]byte(content), 0)
	if n != len(content) || err != nil {
		t.Fatalf("wrote %d of %d bytes, %v", n, len(content), err)
	}
	must(t, f.Close())
}

func holds(t testing.TB, fsys vfs.FS, name, want string) {
	t.Helper()
	got, err := vfs.ReadFile(fsys, name)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v; want %q", filepath.Base(name), got, err, want)
	}
	info, err := fsys.Stat(name)
	if err != nil || info.Size() != int64(len(want)) || info.IsDir() || info.Name() != filepath.Base(name) {
		t.Errorf("%s: stat %v, %v; want size %d", filepath.Base(name), info, err, len(want))
	}
}

func lists(t testing.TB, fsys vfs.FS, dir string, want ...string) {
	t.Helper()
	if got, err := fsys.ReadDir(dir); err != nil || !slices.Equal(got, want) {
		t.Errorf("directory holds %q, %v; want %q", got, err, want)
	}
}

func fails(t testing.TB, what string, err, want error) {
	t.Helper()
	if err == nil || want != nil && !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func writeAndRead(t *testing.T, fsys vfs.FS, dir string) {
	name := dir + "/f"
	f, err := fsys.Create(name)
	must(t, err)
	defer f.Close()
	read := func(off int64, size int, want string, wantErr error) {
		t.Helper()
		p := bytes.Repeat([]byte{'?'}, size)
		n, err := f.ReadAt(p, off)
		if string(p[:n]) != want || err != wantErr {
			t.Errorf("read %d bytes at %d: %q, %v; want %q, %v", size, off, p[:n], err, want, wantErr)
		}
	}
	read(0, 1, "", io.EOF)
	for _, w := range []struct {
		off  int64
		text string
	}{{0, "hello"}, {7, "world"}, {1, "E"}, {12, ""}} {
		if n, err := f.WriteAt([]byte(w.text), w.off); n != len(w.text) || err != nil {
			t.Errorf("write at %d: %d, %v", w.off, n, err)
		}
	}
	read(0, 12, "hEllo\x00\x00world", nil)
	read(10, 5, "ld", io.EOF)
	read(12, 1, "", io.EOF)
	read(100, 1, "", io.EOF)
	read(3, 0, "", nil)
	if _, err := f.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("read before the start")
	}
	if _, err := f.WriteAt(make([]byte, 1), -1); err == nil {
		t.Error("wrote before the start")
	}
	must(t, f.SyncData())
	must(t, f.Sync())
	must(t, f.Forget())
	must(t, fsys.SyncDir(dir))
	holds(t, fsys, name, "hEllo\x00\x00world")
}

func createEmpties(t *testing.T, fsys vfs.FS, dir string) {
	put(t, fsys, dir+"/f", "a long text")
	put(t, fsys, dir+"/f", "short")
	holds(t, fsys, dir+"/f", "short")
	f, err := fsys.OpenWrite(dir + "/f")
	must(t, err)
	_, err = f.WriteAt([]byte("R"), 2)
	must(t, err)
	must(t, f.Close())
	holds(t, fsys, dir+"/f", "shRrt")
	lists(t, fsys, dir, "f")
}

func truncate(t *testing.T, fsys vfs.FS, dir string) {
	put(t, fsys, dir+"/f", "0123456789")
	f, err := fsys.OpenWrite(dir + "/f")
	must(t, err)
	size := func(want int64) {
		t.Helper()
		must(t, f.Truncate(want))
		if got, err := f.Size(); got != want || err != nil {
			t.Errorf("size %d, %v; want %d", got, err, want)
		}
	}
	size(4)
	size(8) // what was cut off does not come back
	fails(t, "truncate", f.Truncate(-1), nil)
	must(t, f.Close())
	holds(t, fsys, dir+"/f", "0123\x00\x00\x00\x00")
}

func readOnly(t *testing.T, fsys vfs.FS, dir string) {
	put(t, fsys, dir+"/f", "text")
	f, err := fsys.Open(dir + "/f")
	must(t, err)
	_, err = f.WriteAt([]byte("x"), 0)
	fails(t, "write", err, nil)
	fails(t, "truncate", f.Truncate(0), nil)
	must(t, f.Close())
	holds(t, fsys, dir+"/f", "text")
}

func closed(t *testing.T, fsys vfs.FS, dir string) {
	f, err := fsys.Create(dir + "/f")
	must(t, err)
	must(t, f.Close())
	_, err = f.ReadAt(make([]byte, 1), 0)
	fails(t, "read", err, fs.ErrClosed)
	_, err = f.WriteAt([]byte("x"), 0)
	fails(t, "write", err, fs.ErrClosed)
	_, err = f.Size()
	fails(t, "size", err, nil)
	fails(t, "truncate", f.Truncate(0), fs.ErrClosed)
	fails(t, "sync data", f.SyncData(), nil)
	fails(t, "sync", f.Sync(), fs.ErrClosed)
	fails(t, "forget", f.Forget(), nil)
	fails(t, "close", f.Close(), fs.ErrClosed)
}

func missing(t *testing.T, fsys vfs.FS, dir string) {
	name := dir + "/none"
	_, err := fsys.Open(name)
	fails(t, "open", err, fs.ErrNotExist)
	_, err = fsys.OpenWrite(name)
	fails(t, "open for writing", err, fs.ErrNotExist)
	_, err = fsys.Create(name + "/f")
	fails(t, "create", err, fs.ErrNotExist)
	_, err = fsys.ReadDir(name)
	fails(t, "list", err, fs.ErrNotExist)
	_, err = fsys.Stat(name)
	fails(t, "stat", err, fs.ErrNotExist)
	_, err = fsys.Lock(name+"/lock", "me")
	fails(t, "lock", err, fs.ErrNotExist)
	_, err = vfs.ReadFile(fsys, name)
	fails(t, "read file", err, fs.ErrNotExist)
	fails(t, "rename", fsys.Rename(name, dir+"/f"), fs.ErrNotExist)
	fails(t, "remove", fsys.Remove(name), fs.ErrNotExist)
	fails(t, "sync directory", fsys.SyncDir(name), fs.ErrNotExist)
	lists(t, fsys, dir)
}

func directories(t *testing.T, fsys vfs.FS, dir string) {
	must(t, fsys.MkdirAll(dir+"/a/b"))
	must(t, fsys.MkdirAll(dir+"/a/b")) // there already
	put(t, fsys, dir+"/z", "")
	put(t, fsys, dir+"/B", "")
	put(t, fsys, dir+"/a/f", "")
	lists(t, fsys, dir, "B", "a", "z")
	lists(t, fsys, dir+"/a/", "b", "f")
	lists(t, fsys, dir+"/a/b")
	if info, err := fsys.Stat(dir + "/a"); err != nil || !info.IsDir() || !info.Mode().IsDir() {
		t.Errorf("stat %v, %v, want a directory", info, err)
	}
	_, err := fsys.Create(dir + "/a")
	fails(t, "create over a directory", err, nil)
	_, err = fsys.ReadDir(dir + "/z")
	fails(t, "list a file", err, nil)
	_, err = fsys.Create(dir + "/z/f")
	fails(t, "create below a file", err, nil)
	fails(t, "make a directory over a file", fsys.MkdirAll(dir+"/z"), nil)
	fails(t, "make a directory below a file", fsys.MkdirAll(dir+"/z/a/b"), nil)
	must(t, fsys.SyncDir(dir))
	if free, err := fsys.Free(dir); free <= 0 || err != nil {
		t.Errorf("%d bytes free, %v", free, err)
	}
}

func rename(t *testing.T, fsys vfs.FS, dir string) {
	must(t, fsys.MkdirAll(dir+"/d"))
	put(t, fsys, dir+"/f", "new")
	put(t, fsys, dir+"/g", "old")
	must(t, fsys.Rename(dir+"/f", dir+"/g"))
	lists(t, fsys, dir, "d", "g")
	holds(t, fsys, dir+"/g", "new")
	must(t, fsys.Rename(dir+"/g", dir+"/d/h"))
	lists(t, fsys, dir, "d")
	holds(t, fsys, dir+"/d/h", "new")
	fails(t, "rename into nothing", fsys.Rename(dir+"/d/h", dir+"/none/h"), fs.ErrNotExist)
	fails(t, "rename over a directory", fsys.Rename(dir+"/d/h", dir+"/d"), nil)
	holds(t, fsys, dir+"/d/h", "new")
}

func remove(t *testing.T, fsys vfs.FS, dir string) {
	must(t, fsys.MkdirAll(dir+"/d"))
	put(t, fsys, dir+"/d/f", "text")
	fails(t, "remove a directory in use", fsys.Remove(dir+"/d"), nil)
	must(t, fsys.Remove(dir+"/d/f"))
	must(t, fsys.Remove(dir+"/d"))
	lists(t, fsys, dir)
}

func openAndRemoved(t *testing.T, fsys vfs.FS, dir string) {
	put(t, fsys, dir+"/f", "text")
	f, err := fsys.Open(dir + "/f")
	must(t, err)
	defer f.Close()
	must(t, fsys.Remove(dir+"/f"))
	put(t, fsys, dir+"/f", "other")
	p := make([]byte, 4)
	if _, err := f.ReadAt(p, 0); err != nil || string(p) != "text" {
		t.Errorf("read %q, %v from the old file", p, err)
	}
}

func lock(t *testing.T, fsys vfs.FS, dir string) {
	name := dir + "/lock"
	l, err := fsys.Lock(name, "the first")
	must(t, err)
	holds(t, fsys, name, "the first")
	_, err = fsys.Lock(name, "the second")
	fails(t, "second lock", err, vfs.ErrLocked)
	if err == nil || !strings.Contains(err.Error(), "the first") {
		t.Errorf("%v does not name the owner", err)
	}
	holds(t, fsys, name, "the first")
	must(t, l.Close())
	l, err = fsys.Lock(name, "2nd")
	must(t, err)
	holds(t, fsys, name, "2nd")
	must(t, l.Close())
}

func wholeFiles(t *testing.T, fsys vfs.FS, dir string) {
	for _, content := range []string{"", "some text", "less"} {
		must(t, vfs.WriteFile(fsys, dir+"/f", []byte(content)))
		holds(t, fsys, dir+"/f", content)
		lists(t, fsys, dir, "f")
	}
	fails(t, "write into nothing", vfs.WriteFile(fsys, dir+"/none/f", nil), fs.ErrNotExist)
}

// TestOverlay changes what it shows of a file system, and not that one.
func TestOverlay(t *testing.T) {
	t.Parallel()
	base := vfs.NewMem()
	must(t, base.MkdirAll("/d/e"))
	for _, name := range []string{"/d/a", "/d/b", "/d/c"} {
		must(t, vfs.WriteFile(base, name, []byte(name)))
	}
	o := vfs.Overlay(base)
	text := func(fsys vfs.FS, name string) string {
		b, err := vfs.ReadFile(fsys, name)
		if err != nil {
			return "-"
		}
		return string(b)
	}
	must(t, o.Remove("/d/a"))
	must(t, o.Rename("/d/b", "/d/e/b2"))
	f, err := o.OpenWrite("/d/c")
	must(t, err)
	must(t, f.Truncate(1))
	must(t, f.Close())
	must(t, vfs.WriteFile(o, "/d/new", []byte("n")))
	names, err := o.ReadDir("/d")
	must(t, err)
	got := []string{strings.Join(names, " "), text(o, "/d/a"), text(o, "/d/b"), text(o, "/d/e/b2"), text(o, "/d/c"), text(o, "/d/new")}
	if want := []string{"c e new", "-", "-", "/d/b", "/", "n"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	must(t, vfs.WriteFile(o, "/d/a", []byte("again")))
	if text(o, "/d/a") != "again" {
		t.Error("a removed name cannot be used again")
	}
	names, err = base.ReadDir("/d")
	must(t, err)
	if strings.Join(names, " ") != "a b c e" || text(base, "/d/a") != "/d/a" || text(base, "/d/c") != "/d/c" {
		t.Errorf("the base was changed: %q", names)
	}
}
