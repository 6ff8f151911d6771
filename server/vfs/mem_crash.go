package vfs

import (
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
)

// Crash forgets what was not synced. What a disk may or may not have kept of that is
// decided by random: each name that changed since its directory was synced, of a renamed
// file's two names either or both, and of a file a first part of what was written since
// its last sync, torn at any byte, sometimes with a flipped bit in the last bytes of that. A
// nil random keeps nothing of either. Files that are open fail from now on, and locks are
// free.
func (m *Mem) Crash(random *rand.Rand) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	clear(m.locks)
	after := map[string]*memNode{}
	for _, name := range sortedNames(m.names, m.disk) {
		n := m.disk[name]
		if now := m.names[name]; now != n && flip(random) {
			n = now
		}
		if n != nil {
			after[name] = n
		}
	}
	for _, r := range m.moved { // file systems write both names at once, or neither
		if m.names[r.to] == r.node && m.disk[r.from] == r.node && after[r.from] == nil && after[r.to] != r.node {
			after[r.from] = r.node
		}
	}
	m.moved = nil
	torn := map[*memNode]bool{} // a node may have two names
	for _, name := range sortedNames(after, nil) {
		if n := after[name]; !n.dir && !torn[n] {
			torn[n] = true
			n.tear(random)
		}
	}
	m.names, m.disk = after, maps.Clone(after)
}

// tear leaves of a file what was synced and, by chance, a first part of what was not.
func (n *memNode) tear(random *rand.Rand) {
	kept := slices.Clone(n.synced)
	if flip(random) {
		cut := random.IntN(len(n.data) + 1)
		kept = append(kept, make([]byte, max(0, cut-len(kept)))...)
		copy(kept, n.data[:cut])
		if cut == len(n.data) { // all of it, and so its length
			kept = kept[:cut]
		}
		n.damage(kept, random)
	}
	n.data, n.synced = kept, slices.Clone(kept)
}

// damage flips, once in four times, a bit of what was not synced, in one of its last bytes:
// what reaches the disk last suffers.
func (n *memNode) damage(kept []byte, random *rand.Rand) {
	const last = 48
	unsynced := func(i int) bool { return i >= len(n.synced) || kept[i] != n.synced[i] }
	end := len(kept)
	for end > 0 && (kept[end-1] == 0 || !unsynced(end-1)) {
		end--
	}
	if end == 0 || random.IntN(4) > 0 {
		return
	}
	if i := end - 1 - random.IntN(min(end, last)); unsynced(i) {
		kept[i] ^= 1 << random.IntN(8)
	}
}

// flip tosses a coin, which without random always shows the same side.
func flip(random *rand.Rand) bool { return random != nil && random.IntN(2) == 0 }

// sortedNames returns the names in either map, so that a seed decides the same each time.
func sortedNames(a, b map[string]*memNode) []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	return slices.Compact(names)
}

// Kill is the end of the processes, not of the power: files that are open fail from now on
// and locks are free, but nothing is lost.
func (m *Mem) Kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	clear(m.locks)
}

// FailSync notes that a sync of the file has failed. The operating system has given up what
// it could not write, and takes it for written: later syncs succeed and make nothing durable,
// until the file is forgotten or created anew.
func (m *Mem) FailSync(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := m.names[filepath.Clean(name)]; n != nil {
		n.failed = true
	}
}

// Copy returns a file system that holds what Crash(nil) would leave of this one.
func (m *Mem) Copy() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMem()
	for name, n := range m.disk {
		if name == "/" || name == "." {
			continue
		}
		same := &memNode{dir: n.dir, data: slices.Clone(n.synced), synced: slices.Clone(n.synced)}
		c.names[name], c.disk[name] = same, same
	}
	return c
}

// Durable returns what Crash(nil) would leave of the files in a directory, by their names
// there. The contents must not be changed, and are valid until this file system changes.
func (m *Mem) Durable(dir string) map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	files := map[string][]byte{}
	for path, n := range m.disk {
		if name, ok := strings.CutPrefix(path, dir+"/"); ok && !n.dir && !strings.Contains(name, "/") {
			files[name] = n.synced
		}
	}
	return files
}
