package conn

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// rareEvery is how often the same cause is logged at most.
const rareEvery = 10 * time.Second

// rarely logs causes that a client can repeat at will: the first at once, further ones
// of the same cause counted and told with the next line.
type rarely struct {
	log zerolog.Logger

	mu     sync.Mutex
	causes map[string]*rare // keys are constants of this package
}

type rare struct {
	next    time.Duration
	skipped int
}

// event returns the line to fill in for the cause, or nil (which ignores everything).
func (r *rarely) event(level zerolog.Level, cause string, now time.Duration) *zerolog.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.causes[cause]
	if c == nil {
		c = &rare{}
		if r.causes == nil {
			r.causes = map[string]*rare{}
		}
		r.causes[cause] = c
	}
	if now < c.next {
		c.skipped++
		return nil
	}
	e := r.log.WithLevel(level)
	if c.skipped > 0 {
		e.Int("skipped", c.skipped)
	}
	c.next, c.skipped = now+rareEvery, 0
	return e
}
