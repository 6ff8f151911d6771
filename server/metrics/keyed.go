package metrics

import (
	"maps"
	"slices"
	"sync"
)

// keyLimit is how many keys are told apart. What clients create must not make the list
// of metrics grow without end.
const keyLimit = 256

// Keyed is a distribution for each value of a label.
type Keyed struct {
	mu  sync.RWMutex
	all map[string]*Distribution
}

func newKeyed() *Keyed { return &Keyed{all: map[string]*Distribution{}} }

// Observe adds n observations of the same value to the key.
func (k *Keyed) Observe(key string, v, n int64) { k.at(key).ObserveN(v, n) }

// at returns the distribution of a key, for a new key above the limit one that nobody
// reads.
func (k *Keyed) at(key string) *Distribution {
	k.mu.RLock()
	x := k.all[key]
	k.mu.RUnlock()
	if x != nil {
		return x
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if x := k.all[key]; x != nil {
		return x
	}
	x = &Distribution{}
	if len(k.all) < keyLimit {
		k.all[key] = x
	}
	return x
}

// Reset forgets what was observed, and the keys.
func (k *Keyed) Reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.all)
}

// each calls f for every key in order.
func (k *Keyed) each(f func(key string, d *Distribution)) {
	k.mu.RLock()
	all := maps.Clone(k.all)
	k.mu.RUnlock()
	for _, key := range slices.Sorted(maps.Keys(all)) {
		f(key, all[key])
	}
}

// Namespaces is a distribution for each namespace, which is the first element of a path.
type Namespaces struct{ *Keyed }

// Observe adds n observations of the same value to the namespace of the path. The root
// is in none.
func (s *Namespaces) Observe(path []byte, v, n int64) {
	key := namespace(path)
	if len(key) == 0 {
		return
	}
	s.mu.RLock()
	x := s.all[string(key)] // which does not allocate
	s.mu.RUnlock()
	if x == nil {
		x = s.at(string(key))
	}
	x.ObserveN(v, n)
}

// namespace returns the first element of a path.
func namespace(path []byte) []byte {
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			return path[1:i]
		}
	}
	return path[min(1, len(path)):]
}

// Namespace returns the first element of a path.
func Namespace(path string) string { return string(namespace([]byte(path))) }
