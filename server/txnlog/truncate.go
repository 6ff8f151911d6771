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
	f, err := fs.OpenWrite(path)
	if err != nil {
		return fmt.Errorf("truncate log: %w", err)
	}
	err = t.cutOpen(f, path, file.Name, zxid, limit)
	if cerr := f.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("truncate log: %w", cerr)
	}
	return err
}

func (t *Truncation) cutOpen(f vfs.File, path, name string, zxid proto.Zxid, limit int) error {
	s, err := NewScanner(f, path, limit)
	if errors.Is(err, ErrHeaderCut) {
		return nil
	}
	if err != nil {
		return err
	}
	for {
		at := s.Offset()
		rec, err := s.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if rec.Zxid <= zxid {
			t.Last = max(t.Last, rec.Zxid)
			continue
		}
		t.Cut, t.Size = name, at
		if err := f.Truncate(at); err != nil {
			return fmt.Errorf("truncate %s to %d: %w", path, at, err)
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("truncate %s to %d: %w", path, at, err)
		}
		return nil
	}
}
