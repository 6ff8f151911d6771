package vfs

import (
	"errors"
	"io"
	"io/fs"
)

// Op names an operation, for those who decide whether it fails.
type Op string

// Operations.
const (
	OpOpen     Op = "open"
	OpCreate   Op = "create"
	OpReadDir  Op = "readdir"
	OpStat     Op = "stat"
	OpRename   Op = "rename"
	OpRemove   Op = "remove"
	OpMkdir    Op = "mkdir"
	OpSyncDir  Op = "syncdir"
	OpLock     Op = "lock"
	OpRead     Op = "read"
	OpWrite    Op = "write"
	OpTruncate Op = "truncate"
	OpSync     Op = "sync"
	OpClose    Op = "close"
)

// ShortError is an error of a write that is done in part: Part of 256 parts of it.
type ShortError struct {
	Part uint8
	Err  error
}

// Error returns the text of the error.
func (e *ShortError) Error() string { return e.Err.Error() }

// Unwrap returns why the write ended.
func (e *ShortError) Unwrap() error { return e.Err }

// Failing returns a file system that asks before each operation whether it fails: when
// fail returns an error, that is the operation's result and nothing is done, unless it is a
// [ShortError]. fail may be called from any goroutine.
func Failing(under FS, fail func(op Op, name string) error) FS { return &failing{under, fail} }

type failing struct {
	under FS
	fail  func(Op, string) error
}

func (f *failing) open(op Op, name string, open func(string) (File, error)) (File, error) {
	if err := f.fail(op, name); err != nil {
		return nil, pathError(string(op), name, err)
	}
	file, err := open(name)
	if err != nil {
		return nil, err
	}
	return &failingFile{file, name, f.fail}, nil
}

func (f *failing) do(op Op, name string, do func() error) error {
	if err := f.fail(op, name); err != nil {
		return pathError(string(op), name, err)
	}
	return do()
}

// Open opens a file for reading.
func (f *failing) Open(name string) (File, error) { return f.open(OpOpen, name, f.under.Open) }

// Create makes or empties a file.
func (f *failing) Create(name string) (File, error) { return f.open(OpCreate, name, f.under.Create) }

// OpenWrite opens an existing file.
func (f *failing) OpenWrite(name string) (File, error) {
	return f.open(OpOpen, name, f.under.OpenWrite)
}

// ReadDir returns the sorted names.
func (f *failing) ReadDir(dir string) (names []string, err error) {
	err = f.do(OpReadDir, dir, func() error { names, err = f.under.ReadDir(dir); return err })
	return names, err
}

// Stat describes a file.
func (f *failing) Stat(name string) (info fs.FileInfo, err error) {
	err = f.do(OpStat, name, func() error { info, err = f.under.Stat(name); return err })
	return info, err
}

// Rename renames a file.
func (f *failing) Rename(from, to string) error {
	return f.do(OpRename, from, func() error { return f.under.Rename(from, to) })
}

// Remove removes a file.
func (f *failing) Remove(name string) error {
	return f.do(OpRemove, name, func() error { return f.under.Remove(name) })
}

// MkdirAll makes directories.
func (f *failing) MkdirAll(dir string) error {
	return f.do(OpMkdir, dir, func() error { return f.under.MkdirAll(dir) })
}

// SyncDir syncs a directory.
func (f *failing) SyncDir(dir string) error {
	return f.do(OpSyncDir, dir, func() error { return f.under.SyncDir(dir) })
}

// Lock takes a lock.
func (f *failing) Lock(name, owner string) (c io.Closer, err error) {
	err = f.do(OpLock, name, func() error { c, err = f.under.Lock(name, owner); return err })
	return c, err
}

// Free returns what the file system under it says.
func (f *failing) Free(dir string) (int64, error) { return f.under.Free(dir) }

type failingFile struct {
	File
	name string
	fail func(Op, string) error
}

func (f *failingFile) ask(op Op) error {
	if err := f.fail(op, f.name); err != nil {
		return pathError(string(op), f.name, err)
	}
	return nil
}

// ReadAt reads unless that fails.
func (f *failingFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.ask(OpRead); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

// WriteAt writes unless that fails.
func (f *failingFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.ask(OpWrite); err != nil {
		var short *ShortError
		if !errors.As(err, &short) {
			return 0, err
		}
		n, werr := f.File.WriteAt(p[:len(p)*int(short.Part)/256], off)
		if werr != nil {
			err = werr
		}
		return n, err
	}
	return f.File.WriteAt(p, off)
}

// Truncate sets the length unless that fails.
func (f *failingFile) Truncate(size int64) error {
	if err := f.ask(OpTruncate); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// SyncData syncs unless that fails.
func (f *failingFile) SyncData() error {
	if err := f.ask(OpSync); err != nil {
		return err
	}
	return f.File.SyncData()
}

// Sync syncs unless that fails.
func (f *failingFile) Sync() error {
	if err := f.ask(OpSync); err != nil {
		return err
	}
	return f.File.Sync()
}

// Close closes the file even when that fails.
func (f *failingFile) Close() error {
	err := f.ask(OpClose)
	if cerr := f.File.Close(); err == nil {
		err = cerr
	}
	return err
}
