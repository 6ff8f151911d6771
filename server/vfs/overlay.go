package vfs

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// Overlay returns a file system that shows what base holds and keeps all changes in
// memory: what would happen on a directory can be tried without touching it, also while a
// server works there. A file of base that is opened for writing or renamed is copied into
// memory as a whole. Locks are those of the overlay alone. Directories cannot be renamed.
func Overlay(base FS) FS {
	return &overlay{base: base, top: NewMem(), gone: map[string]struct{}{}}
}

type overlay struct {
	base FS
	top  *Mem

	mu   sync.Mutex
	gone map[string]struct{} // names of base that were removed
}

// inTop says whether the name is in memory.
func (o *overlay) inTop(name string) bool {
	_, err := o.top.Stat(name)
	return err == nil
}

// below returns the file system that has the name, nil if it was removed from both.
func (o *overlay) below(name string) FS {
	name = filepath.Clean(name)
	if _, gone := o.gone[name]; gone && !o.inTop(name) {
		return nil
	}
	if info, err := o.top.Stat(name); err == nil && !info.IsDir() {
		return o.top
	}
	if _, err := o.base.Stat(name); err == nil {
		return o.base
	}
	return o.top
}

// Open opens a file for reading.
func (o *overlay) Open(name string) (File, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fsys := o.below(name)
	if fsys == nil {
		return nil, pathError("open", name, fs.ErrNotExist)
	}
	return fsys.Open(name)
}

// Create makes or empties a file, in memory.
func (o *overlay) Create(name string) (File, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.dir("create", dirOf(name)); err != nil {
		return nil, err
	}
	if info, err := o.stat(name); err == nil && info.IsDir() {
		return nil, pathError("create", name, syscall.EISDIR)
	}
	return o.top.Create(name)
}

// dir makes sure that the directory is in memory too, if it is there at all.
func (o *overlay) dir(op, dir string) error {
	info, err := o.stat(dir)
	if err != nil {
		return pathError(op, dir, fs.ErrNotExist)
	}
	if !info.IsDir() {
		return pathError(op, dir, syscall.ENOTDIR)
	}
	return o.top.MkdirAll(dir)
}

// OpenWrite opens an existing file, or the copy of one.
func (o *overlay) OpenWrite(name string) (File, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.lift(name); err != nil {
		return nil, err
	}
	return o.top.OpenWrite(name)
}

// lift copies a file of base into memory.
func (o *overlay) lift(name string) error {
	info, err := o.stat(name)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return pathError("open", name, syscall.EISDIR)
	case o.inTop(name):
		return nil
	}
	if err := o.dir("open", dirOf(name)); err != nil {
		return err
	}
	b, err := ReadFile(o.base, name)
	if err != nil {
		return err
	}
	f, err := o.top.Create(name)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	return errors.Join(err, f.Close())
}

// ReadDir returns the names of both.
func (o *overlay) ReadDir(dir string) ([]string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.readDir(dir)
}

func (o *overlay) readDir(dir string) ([]string, error) {
	info, err := o.stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, pathError("open", dir, syscall.ENOTDIR)
	}
	var names []string
	for _, fsys := range []FS{o.base, o.top} {
		some, err := fsys.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, name := range some {
			if _, err := o.stat(filepath.Join(dir, name)); err == nil {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Stat describes a file.
func (o *overlay) Stat(name string) (fs.FileInfo, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stat(name)
}

func (o *overlay) stat(name string) (fs.FileInfo, error) {
	fsys := o.below(name)
	if fsys == nil {
		return nil, pathError("stat", name, fs.ErrNotExist)
	}
	return fsys.Stat(name)
}

// Rename renames a file.
func (o *overlay) Rename(from, to string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.lift(from); err != nil {
		return err
	}
	if err := o.dir("rename", dirOf(to)); err != nil {
		return err
	}
	if err := o.top.Rename(from, to); err != nil {
		return err
	}
	o.gone[filepath.Clean(from)] = struct{}{}
	return nil
}

// Remove removes a file or an empty directory.
func (o *overlay) Remove(name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	info, err := o.stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		names, err := o.readDir(name)
		if err != nil {
			return err
		}
		if len(names) > 0 {
			return pathError("remove", name, syscall.ENOTEMPTY)
		}
	}
	if o.inTop(name) {
		if err := o.top.Remove(name); err != nil {
			return err
		}
	}
	o.gone[filepath.Clean(name)] = struct{}{}
	return nil
}

// MkdirAll makes directories in memory.
func (o *overlay) MkdirAll(dir string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for at := filepath.Clean(dir); ; at = dirOf(at) {
		if info, err := o.stat(at); err == nil && !info.IsDir() {
			return pathError("mkdir", at, syscall.ENOTDIR)
		}
		if at == dirOf(at) {
			return o.top.MkdirAll(dir)
		}
	}
}

// SyncDir does nothing: what is in memory does not last.
func (o *overlay) SyncDir(dir string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, err := o.stat(dir)
	return err
}

// Lock takes a lock of the overlay.
func (o *overlay) Lock(name, owner string) (io.Closer, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.dir("lock", dirOf(name)); err != nil {
		return nil, err
	}
	return o.top.Lock(name, owner)
}

// Free tells what base tells.
func (o *overlay) Free(dir string) (int64, error) { return o.base.Free(dir) }
