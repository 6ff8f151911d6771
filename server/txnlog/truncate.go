package txnlog

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"gokeeper/server/proto"
	"gokeeper/server/vfs"
)

// Truncation says what Truncate did.
type Truncation struct {
	// Last is the highest zxid left in the file that was cut, 0 if no record is left
	// or no file had to be looked into.
	Last    proto.Zxid
	Removed []string // names of the files that were deleted, newest first
	Cut     string   // name of the file that was cut, "" if none was
	Size    int64    // its new size
}

// Truncate removes all records above the zxid and makes that durable. No Log may be
// open on the directory. A crash in between leaves a shorter log without holes, and
// the call can be repeated.
//
// The newest file needs its room twice for a moment.
//
// It cuts in front of the first record above the zxid; where Java keeps one record
// too many, or exits because no record is above it, Truncate does what was asked.
func Truncate(fs vfs.FS, dir string, zxid proto.Zxid, limit int) (Truncation, error) {
	var t Truncation
	files, err := Files(fs, dir)
	if err != nil {
		return t, err
	}
	// Newest first, so that a crash leaves no hole.
	for ; len(files) > 0 && files[len(files)-1].Zxid > zxid; files = files[:len(files)-1] {
		name := files[len(files)-1].Name
		if err := fs.Remove(filepath.Join(dir, name)); err != nil {
			return t, fmt.Errorf("truncate log: %w", err)
		}
		if err := fs.SyncDir(dir); err != nil {
			return t, fmt.Errorf("truncate log: %w", err)
		}
		t.Removed = append(t.Removed, name)
	}
	// Only the last name can have records above; files with an equal name go with it.
	for i := len(files) - 1; i >= 0 && files[i].Zxid == files[len(files)-1].Zxid; i-- {
		if err := t.cut(fs, dir, files[i], zxid, limit); err != nil {
			return t, err
		}
	}
	return t, nil
}

// cut shortens one file.
func (t *Truncation) cut(fs vfs.FS, dir string, file File, zxid proto.Zxid, limit int) error {
	path := filepath.Join(dir, file.Name)
	f, err := fs.Open(path)
	if err != nil {
		return fmt.Errorf("truncate log: %w", err)
	}
	defer f.Close()
	at, err := t.find(f, path, zxid, limit)
	if err != nil || at == 0 {
		return err
	}
	t.Cut, t.Size = file.Name, at
	if err := shorten(fs, dir, file.Name, f, at); err != nil {
		return fmt.Errorf("truncate %s to %d: %w", path, at, err)
	}
	return nil
}

// shorten cuts an open file to a size by a copy that takes its place: when a disk fails to
// make a shorter file durable nobody can tell any more what it will hold after a crash.
func shorten(fs vfs.FS, dir, name string, f vfs.File, size int64) error {
	short := filepath.Join(dir, unfinished+name)
	if err := copyTo(fs, short, f, size); err != nil {
		_ = fs.Remove(short) // the disk may be full
		return err
	}
	if err := fs.Rename(short, filepath.Join(dir, name)); err != nil {
		return err
	}
	return fs.SyncDir(dir)
}

// unfinished begins the name of the copy, as it does those of unfinished snapshots. A crash
// may leave it; it is no log, and the next start removes it.
const unfinished = ".unfinished-"

// find returns where the first record above the zxid begins, 0 if there is none.
func (t *Truncation) find(f vfs.File, path string, zxid proto.Zxid, limit int) (int64, error) {
	s, err := NewScanner(f, path, limit)
	if errors.Is(err, ErrHeaderCut) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for {
		at := s.Offset()
		rec, err := s.Next()
		if errors.Is(err, io.EOF) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		if rec.Zxid > zxid {
			return at, nil
		}
		t.Last = max(t.Last, rec.Zxid)
	}
}

// copyTo makes a file of the first bytes of another, durable but for its name.
func copyTo(fs vfs.FS, name string, from vfs.File, size int64) (err error) {
	f, err := fs.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b := make([]byte, min(size, 1<<20))
	for at := int64(0); at < size; {
		b = b[:min(size-at, int64(len(b)))]
		n, err := from.ReadAt(b, at)
		if n < len(b) {
			return err
		}
		if _, err := f.WriteAt(b, at); err != nil {
			return err
		}
		at += int64(n)
	}
	return f.Sync()
}
