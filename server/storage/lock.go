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

// lock makes the directory this process's.
func (d *Dir) lock(dir string) error {
	owner := d.opt.Owner
	if owner == "" {
		owner = fmt.Sprintf("pid %d", os.Getpid())
	}
	l, err := d.fs.Lock(filepath.Join(dir, lockFile), owner)
	if errors.Is(err, vfs.ErrLocked) {
		return &LoadError{ErrInUse, fmt.Sprintf("%s is in use by another server: %v", dir, err), "stop that server, or use another directory"}
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", dir, err)
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
