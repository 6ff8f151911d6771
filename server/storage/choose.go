package storage

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sort"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/vfs"
)

// maxCandidates is how many snapshots are tried at most, as in Java.
const maxCandidates = 100

// SnapshotFile is a snapshot of the directory.
type SnapshotFile struct {
	Name string
	Zxid proto.Zxid // in the name
}

// Rejected is a snapshot that looked whole and could not be loaded.
type Rejected struct {
	Name string
	Err  error
}

// Snapshots returns the snapshots of the directory, the newest first, whether they
// are whole or not.
func (d *Dir) Snapshots() ([]SnapshotFile, error) { return Snapshots(d.fs, d.snapDir) }

// Snapshots returns the snapshots of a directory that need not be open, the newest first.
func Snapshots(fsys vfs.FS, dir string) ([]SnapshotFile, error) {
	names, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	var files []SnapshotFile
	for _, name := range names {
		if zxid, ok := snapshot.ParseName(name); ok {
			files = append(files, SnapshotFile{name, zxid})
		}
	}
	sort.Slice(files, func(i, j int) bool {
		a, b := files[i], files[j]
		return a.Zxid > b.Zxid || a.Zxid == b.Zxid && a.Name < b.Name
	})
	return files, nil
}

// Newest returns the newest snapshot that looks whole and when it was written; false if
// there is none.
func (d *Dir) Newest() (SnapshotFile, time.Time, bool) {
	files, err := d.candidates()
	if err != nil || len(files) == 0 {
		return SnapshotFile{}, time.Time{}, false
	}
	info, err := d.fs.Stat(filepath.Join(d.snapDir, files[0].Name))
	if err != nil {
		return SnapshotFile{}, time.Time{}, false // purged meanwhile
	}
	return files[0], info.ModTime(), true
}

// candidates returns the snapshots that pass the cheap test, the newest first.
func (d *Dir) candidates() ([]SnapshotFile, error) {
	files, err := d.Snapshots()
	if err != nil {
		return nil, err
	}
	var good []SnapshotFile
	for _, f := range files {
		ok, err := snapshot.Valid(d.fs, filepath.Join(d.snapDir, f.Name))
		if err != nil {
			return nil, err
		}
		if ok {
			good = append(good, f)
		}
		if len(good) == maxCandidates {
			break
		}
	}
	return good, nil
}

// readSnapshot loads one snapshot; its tree gets the zxid of its name.
func (d *Dir) readSnapshot(f SnapshotFile) (*snapshot.Content, error) {
	file, err := d.fs.Open(filepath.Join(d.snapDir, f.Name))
	if err != nil {
		return nil, fmt.Errorf("open snapshot: %w", err)
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return nil, fmt.Errorf("open snapshot: %w", err)
	}
	d.opt.Progress.begin(f.Name, size)
	c, err := snapshot.Read(io.TeeReader(reader(file), d.opt.Progress), d.readOptions(f.Name))
	if err != nil {
		return nil, fmt.Errorf("snapshot %s: %w", filepath.Join(d.snapDir, f.Name), err)
	}
	c.Tree.SetLastZxid(f.Zxid)
	return c, nil
}

// verify reads one snapshot to its end without keeping it.
func (d *Dir) verify(f SnapshotFile) (snapshot.Trailer, error) {
	file, err := d.fs.Open(filepath.Join(d.snapDir, f.Name))
	if err != nil {
		return snapshot.Trailer{}, fmt.Errorf("open snapshot: %w", err)
	}
	defer file.Close()
	return snapshot.Scan(reader(file), d.readOptions(f.Name), snapshot.Discard{})
}

func (d *Dir) readOptions(name string) snapshot.ReadOptions {
	return snapshot.ReadOptions{Compression: snapshot.CompressionOf(name), Limit: d.opt.Log.Limit}
}

// choose loads the newest snapshot that is whole; nil if there is none to try.
func (d *Dir) choose(rec *Recovered) (*snapshot.Content, error) {
	files, err := d.candidates()
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		c, err := d.readSnapshot(f)
		var corrupt *snapshot.CorruptError
		if errors.As(err, &corrupt) {
			rec.Rejected = append(rec.Rejected, Rejected{f.Name, err})
			continue
		}
		if err != nil {
			return nil, err // not the file's fault
		}
		rec.Snapshot, rec.LastZxid = f.Name, f.Zxid
		return c, nil
	}
	if len(files) > 0 {
		return nil, &LoadError{
			ErrNoSnapshot,
			fmt.Sprintf("Not able to find valid snapshots in %s: %v", d.snapDir, rec.Rejected[0].Err),
			remedyRestore,
		}
	}
	return nil, nil
}
