package replica

import (
	"sync"

	"gokeeper/server/zab"
)

// Sizes are lengths of transactions in bytes, -1 before the first.
type Sizes struct{ Last, Min, Max int }

// sizes keeps Sizes. The loop adds, reports read.
type sizes struct {
	mu  sync.Mutex
	n   int
	all Sizes
}

func (s *sizes) add(proposals []zab.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range proposals {
		n := len(proposals[i].Raw)
		if s.n == 0 || n < s.all.Min {
			s.all.Min = n
		}
		s.n, s.all.Last, s.all.Max = s.n+1, n, max(s.all.Max, n)
	}
}

func (s *sizes) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n, s.all = 0, Sizes{}
}

// Proposals returns the sizes of what this server has proposed in its present role.
// Java: ProposalStats.
func (r *Replica) Proposals() Sizes {
	r.sizes.mu.Lock()
	defer r.sizes.mu.Unlock()
	if r.sizes.n == 0 {
		return Sizes{-1, -1, -1}
	}
	return r.sizes.all
}

// ResetProposals forgets them (srst).
func (r *Replica) ResetProposals() { r.sizes.reset() }
