// Package vfs is the file system as a data directory needs it: few operations, each
// of which can be made to fail, and an implementation in memory that can crash.
//
// [OS] is the real one. [NewMem] keeps files in memory and tells what is synced from
// what is not: [Mem.Crash] leaves only what a disk would have kept. [Failing] passes
// everything on to another one and lets a test refuse any operation.
//
// Names are slash-separated paths of the operating system. All methods may be called
// from any goroutine; a File is used by one at a time.
package vfs

import (
	"errors"
	"io"
	"io/fs"
)

// ErrLocked says that another process holds the lock of a directory.
var ErrLocked = errors.New("locked by another process")

// FS opens, names and removes files.
type FS interface {
	// Open opens a file for reading.
	Open(name string) (File, error)
	// Create makes an empty file, or empties an old one, for writing and reading.
	Create(name string) (File, error)
	// OpenWrite opens an existing file for writing and reading.
	OpenWrite(name string) (File, error)
	// ReadDir returns the names in a directory, sorted.
	ReadDir(dir string) ([]string, error)
	// Stat describes a file or directory.
	Stat(name string) (fs.FileInfo, error)
	// Rename gives a file another name, replacing the file that had it. It is durable
	// after SyncDir of both directories.
	Rename(from, to string) error
	// Remove deletes a file or an empty directory. It is durable after SyncDir.
	Remove(name string) error
	// MkdirAll makes a directory and those above it, durably.
	MkdirAll(dir string) error
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
	// Lock takes the exclusive lock that the file stands for, which is made if need be,
	// and writes owner into it. It fails with ErrLocked, and what the owner wrote, when
	// another holds it. Closing the result, or the end of the process, gives it back.
	Lock(name, owner string) (io.Closer, error)
	// Free returns how many bytes can still be written below the directory.
	Free(dir string) (int64, error)
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size returns the length in bytes.
	Size() (int64, error)
	// Truncate sets the length. What is added reads as zeros.
	Truncate(size int64) error
	// SyncData makes the content durable, and of the attributes only what is needed to
	// read it back (fdatasync).
	SyncData() error
	// Sync makes content and attributes durable (fsync).
	Sync() error
	// Forget makes reads return what the device holds, as far as the system has a way to:
	// what a failed sync could not write stays in memory, and passes for written.
	Forget() error
}

// ReadFile returns the content of a file.
func ReadFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, size)
	n, err := f.ReadAt(b, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:n], err
}

// WriteFile replaces a file by one with the content: all of it or, after a crash,
// what was there before. It writes NAME.tmp beside it, syncs, renames, and syncs the
// directory.
func WriteFile(fsys FS, name string, content []byte) error {
	tmp := name + ".tmp"
	f, err := fsys.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = fsys.Rename(tmp, name)
	}
	if err != nil {
		return err
	}
	return fsys.SyncDir(dirOf(name))
}
