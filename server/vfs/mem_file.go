package vfs

import (
	"io"
	"io/fs"
	"slices"
	"syscall"
)

// memFile is an open file of a Mem.
type memFile struct {
	m        *Mem
	n        *memNode
	name     string
	epoch    int
	readOnly bool
	closed   bool
}

// use locks the file system when the file is alive, and returns how to unlock it.
func (f *memFile) use(op string, write bool) (func(), error) {
	f.m.mu.Lock()
	switch {
	case f.closed || f.epoch != f.m.epoch:
		f.m.mu.Unlock()
		return nil, pathError(op, f.name, fs.ErrClosed)
	case write && f.readOnly:
		f.m.mu.Unlock()
		return nil, pathError(op, f.name, syscall.EBADF)
	}
	return f.m.mu.Unlock, nil
}

// ReadAt reads at an offset.
func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	unlock, err := f.use("read", false)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if off < 0 {
		return 0, pathError("read", f.name, syscall.EINVAL)
	}
	n := copy(p, f.n.data[min(off, int64(len(f.n.data))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt writes at an offset.
func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	unlock, err := f.use("write", true)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if off < 0 {
		return 0, pathError("write", f.name, syscall.EINVAL)
	}
	f.n.extend(off + int64(len(p)))
	return copy(f.n.data[off:], p), nil
}

// extend fills the file with zeros up to the size.
func (n *memNode) extend(size int64) {
	if have := int64(len(n.data)); have < size {
		n.data = append(n.data, make([]byte, size-have)...)
	}
}

// Size returns the length.
func (f *memFile) Size() (int64, error) {
	unlock, err := f.use("stat", false)
	if err != nil {
		return 0, err
	}
	defer unlock()
	return int64(len(f.n.data)), nil
}

// Truncate sets the length.
func (f *memFile) Truncate(size int64) error {
	unlock, err := f.use("truncate", true)
	if err != nil {
		return err
	}
	defer unlock()
	if size < 0 {
		return pathError("truncate", f.name, syscall.EINVAL)
	}
	f.n.extend(size)
	f.n.data = f.n.data[:size:size]
	return nil
}

// SyncData makes the content durable.
func (f *memFile) SyncData() error {
	unlock, err := f.use("sync", false)
	if err != nil {
		return err
	}
	defer unlock()
	if !f.n.failed {
		f.n.synced = slices.Clone(f.n.data)
	}
	return nil
}

// Sync makes the content durable.
func (f *memFile) Sync() error { return f.SyncData() }

// Forget takes the content from the disk if a sync has failed.
func (f *memFile) Forget() error {
	unlock, err := f.use("forget", false)
	if err != nil {
		return err
	}
	defer unlock()
	if f.n.failed {
		f.n.data, f.n.failed = slices.Clone(f.n.synced), false
	}
	return nil
}

// Close closes the file.
func (f *memFile) Close() error {
	unlock, err := f.use("close", false)
	if err != nil {
		return err
	}
	defer unlock()
	f.closed = true
	return nil
}
