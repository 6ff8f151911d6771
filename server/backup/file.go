package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"path/filepath"

	"gokeeper/server/vfs"
)

// draft is a file that is being written, under a name that does not count.
type draft struct {
	fsys vfs.FS
	dir  string
	f    vfs.File
	w    *bufio.Writer
	sum  hash.Hash
	n    int64
}

func newDraft(fsys vfs.FS, dir string) (*draft, error) {
	f, err := fsys.Create(filepath.Join(dir, unfinished+"copy"))
	if err != nil {
		return nil, fmt.Errorf("write to %s: %w", dir, err)
	}
	return &draft{fsys, dir, f, bufio.NewWriterSize(io.NewOffsetWriter(f, 0), 256<<10), sha256.New(), 0}, nil
}

// Write appends to the file.
func (d *draft) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	d.sum.Write(p[:n])
	d.n += int64(n)
	return n, err
}

// drop gives the file up.
func (d *draft) drop() error {
	return errors.Join(d.f.Close(), d.fsys.Remove(filepath.Join(d.dir, unfinished+"copy")))
}

// finish makes the file durable, reads it again, and gives it its name.
func (d *draft) finish(name string) (File, error) {
	file := File{Name: name, Size: d.n, SHA256: hex.EncodeToString(d.sum.Sum(nil))}
	err := errors.Join(d.w.Flush(), d.f.Sync(), d.f.Close())
	tmp := filepath.Join(d.dir, unfinished+"copy")
	if err == nil {
		var again File
		if again, err = sumOf(d.fsys, tmp); err == nil && (again.SHA256 != file.SHA256 || again.Size != file.Size) {
			err = errors.New("it reads back other than it was written: check the disk")
		}
	}
	if err == nil {
		err = d.fsys.Rename(tmp, filepath.Join(d.dir, name))
	}
	if err == nil {
		err = d.fsys.SyncDir(d.dir)
	}
	if err != nil {
		return file, fmt.Errorf("write %s: %w", filepath.Join(d.dir, name), err)
	}
	return file, nil
}

// sumOf reads a file and returns its size and sum.
func sumOf(fsys vfs.FS, path string) (File, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(f, 0, math.MaxInt64))
	return File{Name: filepath.Base(path), Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}
