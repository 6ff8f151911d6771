package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"gokeeper/server/vfs"
)

// lockFile keeps a second server of ours away. Java knows no such file and ignores it.
const lockFile = "gokeeper.lock"

// Lock takes the lock of a directory with logs or snapshots, and returns what gives it
// back. owner is what another is told who wants it. It fails with ErrInUse while a server
// of this kind works there.
func Lock(fsys vfs.FS, dir, owner string) (io.Closer, error) {
	l, err := fsys.Lock(filepath.Join(dir, lockFile), owner)
	if errors.Is(err, vfs.ErrLocked) {
		return nil, &LoadError{ErrInUse, fmt.Sprintf("%s is in use by another server: %v", dir, err), "stop that server, or use another directory"}
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return l, nil
}

// lock makes the directory this process's.
func (d *Dir) lock(dir string) error {
	owner := d.opt.Owner
	if owner == "" {
		owner = fmt.Sprintf("pid %d", os.Getpid())
	}
	l, err := Lock(d.fs, dir, owner)
	if err != nil {
		return err
	}
	d.locks = append(d.locks, l)
	return nil
}

// unlock gives the directories back.
func (d *Dir) unlock() error {
	var errs []error
	for _, l := range d.locks {
		errs = append(errs, l.Close())
	}
	d.locks = nil
	return errors.Join(errs...)
}

// reader returns a reader of the file from its start.
func reader(f vfs.File) io.Reader { return io.NewSectionReader(f, 0, math.MaxInt64) }

// exists says whether there is such a file or directory.
func (d *Dir) exists(path string) (bool, error) {
	_, err := d.fs.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
