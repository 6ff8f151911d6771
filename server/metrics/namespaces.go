package metrics

import (
	"maps"
	"slices"
	"sync"
)

// namespaceLimit is how many namespaces are told apart. What clients create must not
// make the list of metrics grow without end.
const namespaceLimit = 256

// Namespaces is a summary for each namespace, which is the first element of a path.
type Namespaces struct {
	mu  sync.RWMutex
	all map[string]*Summary
}

func newNamespaces() *Namespaces { return &Namespaces{all: map[string]*Summary{}} }

// Observe adds n observations of the same value to the namespace of the path. The root
// is in none.
func (s *Namespaces) Observe(path []byte, v, n int64) {
	key := namespace(path)
	if len(key) == 0 {
		return
	}
	s.mu.RLock()
	x := s.all[string(key)]
	s.mu.RUnlock()
	if x == nil {
		x = s.add(string(key))
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

// add returns the summary of a new namespace; one that nobody reads above the limit.
func (s *Namespaces) add(key string) *Summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.all[key]; x != nil {
		return x
	}
	x := &Summary{}
	if len(s.all) < namespaceLimit {
		s.all[key] = x
	}
	return x
}

// Reset forgets what was observed, and the namespaces.
func (s *Namespaces) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.all)
}

// lines appends the lines of all namespaces in order.
func (s *Namespaces) lines(out []Line, name string) []Line {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, key := range slices.Sorted(maps.Keys(s.all)) {
		out = appendFigures(out, key+"_"+name, s.all[key].Figures())
	}
	return out
}
