package conn

import (
	"math"
	"sync"
	"time"
)

// throttle is the token bucket of connect requests with random early drops (Java:
// BlueThrottle).
type throttle struct {
	cfg Throttle

	mu     sync.Mutex
	tokens int
	filled time.Duration // when tokens were last added
	frozen time.Duration // when drop was last changed, or the bucket found empty
	drop   float64       // probability of an early drop
}

func newThrottle(cfg Throttle) *throttle { return &throttle{cfg: cfg, tokens: cfg.Tokens} }

// take takes a token and says whether there was one. chance is a random number in
// [0,1).
func (t *throttle) take(now time.Duration, chance float64) bool {
	if t.cfg.Tokens <= 0 {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := now - t.filled; d > t.cfg.FillTime {
		n := float64(d) * float64(t.cfg.FillCount) / float64(t.cfg.FillTime)
		t.tokens = int(math.Min(float64(t.tokens)+math.Floor(n), float64(t.cfg.Tokens)))
		t.filled = now
	}
	if t.cfg.Freeze > 0 && t.early(now, chance) {
		return false
	}
	if t.tokens < 1 {
		t.frozen = now
		return false
	}
	t.tokens--
	return true
}

// early adapts the probability of early drops and says whether chance is below it.
func (t *throttle) early(now time.Duration, chance float64) bool {
	if now-t.frozen > t.cfg.Freeze {
		used := float64(t.cfg.Tokens - t.tokens)
		switch {
		case t.tokens == 0:
			t.drop = math.Min(t.drop+t.cfg.DropIncrease, 1)
		case used <= math.Round(float64(t.cfg.Tokens)*t.cfg.DecreaseRatio):
			t.drop = math.Max(t.drop-t.cfg.DropDecrease, 0)
		}
		t.frozen = now
	}
	return chance < t.drop
}

// deficit returns how many tokens are taken.
func (t *throttle) deficit() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int64(max(t.cfg.Tokens, 0) - t.tokens)
}

// probability returns the present probability of an early drop.
func (t *throttle) probability() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.drop
}
