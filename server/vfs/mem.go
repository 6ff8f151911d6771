package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Mem is a file system in memory that knows what a disk would hold after a crash: the
// content of files up to their last sync, and the names of directories up to theirs.
type Mem struct {
	mu    sync.Mutex          // guards what follows and all nodes
	names map[string]*memNode // as processes see it
	disk  map[string]*memNode // names that are durable
	moved []rename            // since their directories were synced
	epoch int                 // counts crashes: files opened before one are dead
	locks map[string]string   // owners by name
	space int64               // what Free tells, in bytes
}

type memNode struct {
	dir    bool
	data   []byte
	synced []byte // content on disk
	failed bool   // a sync has failed: later ones do nothing
}

// NewMem returns an empty file system.
func NewMem() *Mem {
	root := &memNode{dir: true}
	return &Mem{
		names: map[string]*memNode{"/": root, ".": root}, disk: map[string]*memNode{"/": root, ".": root},
		locks: map[string]string{}, space: 1 << 40,
	}
}

// SetFree makes Free tell that so many bytes are left.
func (m *Mem) SetFree(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.space = n
}

// Open opens a file for reading.
func (m *Mem) Open(name string) (File, error) { return m.open("open", name, false, true) }

// OpenWrite opens an existing file.
func (m *Mem) OpenWrite(name string) (File, error) { return m.open("open", name, false, false) }

// Create makes or empties a file.
func (m *Mem) Create(name string) (File, error) { return m.open("create", name, true, false) }

func (m *Mem) open(op, name string, create, readOnly bool) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = filepath.Clean(name)
	n := m.names[name]
	if n == nil && create {
		if err := m.isDir(op, dirOf(name)); err != nil {
			return nil, err
		}
		n = &memNode{}
		m.names[name] = n
	}
	switch {
	case n == nil:
		return nil, pathError(op, name, fs.ErrNotExist)
	case n.dir:
		return nil, pathError(op, name, syscall.EISDIR)
	case create:
		n.data, n.failed = nil, false
	}
	return &memFile{m: m, n: n, name: name, epoch: m.epoch, readOnly: readOnly}, nil
}

// isDir returns why there is no such directory, if so.
func (m *Mem) isDir(op, dir string) error {
	switch n := m.names[dir]; {
	case n == nil:
		return pathError(op, dir, fs.ErrNotExist)
	case !n.dir:
		return pathError(op, dir, syscall.ENOTDIR)
	}
	return nil
}

// ReadDir returns the sorted names.
func (m *Mem) ReadDir(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir = filepath.Clean(dir)
	if err := m.isDir("open", dir); err != nil {
		return nil, err
	}
	var names []string
	for name := range m.names {
		if name != dir && name != "." && name != "/" && dirOf(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// Stat describes a file.
func (m *Mem) Stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = filepath.Clean(name)
	n := m.names[name]
	if n == nil {
		return nil, pathError("stat", name, fs.ErrNotExist)
	}
	return memInfo{filepath.Base(name), int64(len(n.data)), n.dir}, nil
}

// Rename renames a file, not a directory.
func (m *Mem) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, to = filepath.Clean(from), filepath.Clean(to)
	n, old := m.names[from], m.names[to]
	switch {
	case n == nil:
		return pathError("rename", from, fs.ErrNotExist)
	case n.dir:
		return pathError("rename", from, syscall.EISDIR)
	case old != nil && old.dir:
		return pathError("rename", to, syscall.EEXIST)
	}
	if err := m.isDir("rename", dirOf(to)); err != nil {
		return err
	}
	delete(m.names, from)
	m.names[to] = n
	m.moved = append(m.moved, rename{from, to, n})
	return nil
}

// rename is a file that got another name.
type rename struct {
	from, to string
	node     *memNode
}

// Remove removes a file or an empty directory.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = filepath.Clean(name)
	n := m.names[name]
	if n == nil {
		return pathError("remove", name, fs.ErrNotExist)
	}
	for other := range m.names {
		if n.dir && strings.HasPrefix(other, name+"/") {
			return pathError("remove", name, syscall.ENOTEMPTY)
		}
	}
	delete(m.names, name)
	return nil
}

// MkdirAll makes directories.
func (m *Mem) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var missing []string
	for dir = filepath.Clean(dir); m.names[dir] == nil; dir = dirOf(dir) {
		missing = append(missing, dir)
	}
	if err := m.isDir("mkdir", dir); err != nil {
		return err
	}
	for _, dir := range missing {
		n := &memNode{dir: true}
		m.names[dir], m.disk[dir] = n, n
	}
	return nil
}

// SyncDir makes the directory's names durable.
func (m *Mem) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir = filepath.Clean(dir)
	if err := m.isDir("open", dir); err != nil {
		return err
	}
	in := func(name string, _ *memNode) bool { return dirOf(name) == dir }
	maps.DeleteFunc(m.disk, in)
	m.moved = slices.DeleteFunc(m.moved, func(r rename) bool { return dirOf(r.to) == dir })
	for name, n := range m.names {
		if in(name, n) {
			m.disk[name] = n
		}
	}
	return nil
}

// Lock takes the lock that the file stands for.
func (m *Mem) Lock(name, owner string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = filepath.Clean(name)
	if err := m.isDir("lock", dirOf(name)); err != nil {
		return nil, err
	}
	if who, held := m.locks[name]; held {
		return nil, fmt.Errorf("lock %s: %w (%s)", name, ErrLocked, who)
	}
	if m.names[name] == nil {
		m.names[name] = &memNode{}
	}
	m.names[name].data = []byte(owner)
	m.locks[name] = owner
	return &memLock{m: m, name: name, epoch: m.epoch}, nil
}

type memLock struct {
	m     *Mem
	name  string
	epoch int
}

// Close gives the lock back.
func (l *memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if l.epoch == l.m.epoch {
		delete(l.m.locks, l.name)
	}
	return nil
}

// Free returns what SetFree said.
func (m *Mem) Free(string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.space, nil
}

type memInfo struct {
	name string
	size int64
	dir  bool
}

// Name returns the last element of the path.
func (i memInfo) Name() string { return i.name }

// Size returns the length in bytes.
func (i memInfo) Size() int64 { return i.size }

// Mode returns the kind of file and plausible permissions.
func (i memInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}

// ModTime returns the zero time: nothing here depends on times.
func (i memInfo) ModTime() time.Time { return time.Time{} }

// IsDir says whether it is a directory.
func (i memInfo) IsDir() bool { return i.dir }

// Sys returns nil.
func (i memInfo) Sys() any { return nil }
