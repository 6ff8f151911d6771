package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// OS returns the operating system's file system.
func OS() FS { return osFS{} }

type osFS struct{}

type osFile struct{ *os.File }

func dirOf(name string) string { return filepath.Dir(name) }

func pathError(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// Open opens a file for reading.
func (osFS) Open(name string) (File, error) { return open(name, os.O_RDONLY) }

// Create makes or empties a file.
func (osFS) Create(name string) (File, error) {
	return open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

// OpenWrite opens an existing file.
func (osFS) OpenWrite(name string) (File, error) { return open(name, os.O_RDWR) }

func open(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag, 0o644)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// ReadDir returns the sorted names.
func (osFS) ReadDir(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// Stat describes a file.
func (osFS) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// Rename renames a file.
func (osFS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove removes a file.
func (osFS) Remove(name string) error { return os.Remove(name) }

// MkdirAll makes directories and syncs those that got a new name in them.
func (fsys osFS) MkdirAll(dir string) error {
	parents := parentsOfMissing(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, parent := range parents {
		// A directory that may be written to but not read cannot be synced.
		if err := fsys.SyncDir(parent); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

// parentsOfMissing returns the directories that get a new name when dir is made with
// all above it.
func parentsOfMissing(dir string) []string {
	var parents []string
	for dir = filepath.Clean(dir); ; dir = dirOf(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || dir == dirOf(dir) {
			return parents
		}
		parents = append(parents, dirOf(dir))
	}
}

// SyncDir syncs a directory. Some network and shared file systems know no such
// operation and say so; there is nothing more to be had from them.
func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}

// Lock takes a flock, which the kernel gives back when the process ends.
func (osFS) Lock(name, owner string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := lock(f, owner); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// lock takes the lock of an open file and writes owner into it.
func lock(f *os.File, owner string) error {
	err := control(f, "lock", func(fd int) error { return syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) })
	if errors.Is(err, syscall.EWOULDBLOCK) {
		// What the owner wrote only serves the message, which can do without it.
		who, _ := io.ReadAll(io.LimitReader(f, 256))
		return fmt.Errorf("lock %s: %w (%s)", f.Name(), ErrLocked, strings.TrimSpace(string(who)))
	}
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(owner), 0)
	return err
}

// control calls do with the file's descriptor, again when a signal interrupts it.
func control(f *os.File, op string, do func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := conn.Control(func(fd uintptr) {
		for result = do(int(fd)); errors.Is(result, syscall.EINTR); {
			result = do(int(fd))
		}
	}); err != nil {
		return err
	}
	if result != nil {
		return pathError(op, f.Name(), result)
	}
	return nil
}

// Free asks the file system that holds the directory.
func (osFS) Free(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, pathError("statfs", dir, err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// Size returns the length.
func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
