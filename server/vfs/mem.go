package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
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
	mu    sync.Mutex
	names map[string]*memNode // as processes see it
	disk  map[string]*memNode // names that are durable
	epoch int                 // counts crashes: files opened before one are dead
	locks map[string]string
	space int64 // what Free tells
}

type memNode struct {
	dir    bool
	data   []byte
	synced []byte // content on disk
}

// NewMem returns an empty file system.
func NewMem() *Mem {
	root := &memNode{dir: true}
	return &Mem{
		names: map[string]*memNode{"/": root, ".": root}, disk: map[string]*memNode{"/": root, ".": root},
		locks: map[string]string{}, space: 1 << 40,
	}
}

// Crash forgets what was not synced. What a disk may or may not have kept is decided by
// random: each name that changed since its directory was synced, and how much of the
// bytes written to a file since its last sync, the last of them torn. A nil random keeps
// nothing of either. Files that are open fail from now on.
func (m *Mem) Crash(random *rand.Rand) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	clear(m.locks)
	after := map[string]*memNode{}
	for _, name := range sortedKeys(m.names, m.disk) {
		now, was := m.names[name], m.disk[name]
		if now != was && random != nil && random.IntN(2) == 0 {
			was = now
		}
		if was != nil {
			after[name] = was
		}
	}
	torn := map[*memNode]bool{}
	for _, name := range sortedKeys(after, nil) {
		if n := after[name]; !n.dir && !torn[n] {
			torn[n] = true
			n.tear(random)
		}
	}
	m.names, m.disk = after, cloneMap(after)
}

// tear leaves of a file what was synced and, by chance, a first part of what was not.
func (n *memNode) tear(random *rand.Rand) {
	kept := slices.Clone(n.synced)
	if random != nil && random.IntN(2) == 0 && len(n.data) > 0 {
		cut := random.IntN(len(n.data) + 1)
		if cut > len(kept) {
			kept = append(kept, make([]byte, cut-len(kept))...)
		}
		copy(kept, n.data[:cut])
	}
	n.data, n.synced = kept, slices.Clone(kept)
}

func sortedKeys(a, b map[string]*memNode) []string {
	var keys []string
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if a[k] == nil {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func cloneMap(m map[string]*memNode) map[string]*memNode {
	out := make(map[string]*memNode, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// SetFree makes Free tell that so many bytes are left.
func (m *Mem) SetFree(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.space = n
}

func pathError(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

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
	switch {
	case n != nil && n.dir:
		return nil, pathError(op, name, syscall.EISDIR)
	case n == nil && !create:
		return nil, pathError(op, name, fs.ErrNotExist)
	case n == nil && (m.names[dirOf(name)] == nil || !m.names[dirOf(name)].dir):
		return nil, pathError(op, name, fs.ErrNotExist)
	case n == nil:
		n = &memNode{}
		m.names[name] = n
	case create:
		n.data = nil
	}
	return &memFile{m: m, n: n, name: name, epoch: m.epoch, readOnly: readOnly}, nil
}

// ReadDir returns the sorted names.
func (m *Mem) ReadDir(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir = filepath.Clean(dir)
	if n := m.names[dir]; n == nil || !n.dir {
		return nil, pathError("open", dir, fs.ErrNotExist)
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

// Rename renames a file.
func (m *Mem) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, to = filepath.Clean(from), filepath.Clean(to)
	n := m.names[from]
	if n == nil {
		return pathError("rename", from, fs.ErrNotExist)
	}
	delete(m.names, from)
	m.names[to] = n
	return nil
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

// MkdirAll makes directories; they are durable at once.
func (m *Mem) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for dir = filepath.Clean(dir); m.names[dir] == nil; dir = dirOf(dir) {
		n := &memNode{dir: true}
		m.names[dir], m.disk[dir] = n, n
	}
	if !m.names[dir].dir {
		return pathError("mkdir", dir, syscall.ENOTDIR)
	}
	return nil
}

// SyncDir makes the directory's names durable.
func (m *Mem) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir = filepath.Clean(dir)
	for _, name := range sortedKeys(m.names, m.disk) {
		if dirOf(name) != dir {
			continue
		}
		if n := m.names[name]; n != nil {
			m.disk[name] = n
		} else {
			delete(m.disk, name)
		}
	}
	return nil
}

// Lock takes the lock that the file stands for.
func (m *Mem) Lock(name, owner string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = filepath.Clean(name)
	if who, held := m.locks[name]; held {
		return nil, fmt.Errorf("lock %s: %w (%s)", name, ErrLocked, who)
	}
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

var errReadOnly = errors.New("file is open for reading only")

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
		return nil, pathError(op, f.name, errReadOnly)
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
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[off:])
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
	if end := int(off) + len(p); end > len(f.n.data) {
		f.n.data = append(f.n.data, make([]byte, end-len(f.n.data))...)
	}
	return copy(f.n.data[off:], p), nil
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
	if size > int64(len(f.n.data)) {
		f.n.data = append(f.n.data, make([]byte, size-int64(len(f.n.data)))...)
	}
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
	f.n.synced = slices.Clone(f.n.data)
	return nil
}

// Sync makes the content durable.
func (f *memFile) Sync() error { return f.SyncData() }

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
