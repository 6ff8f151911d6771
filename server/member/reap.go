package member

import "gokeeper/server/tree"

// reaper finds containers and expired nodes with a TTL and spreads their deletion.
type reaper struct {
	next  int64    // when to look again, monotonic milliseconds
	found []string // still to be deleted
	since int64    // when the last ones were handed out
}

// due returns the paths to delete now: those that were found, at most as many as the
// rate allows for the time since the last call.
func (r *reaper) due(cfg *Config, t *tree.Tree, now, wall int64) []string {
	if len(r.found) == 0 {
		if cfg.ReapInterval <= 0 || now < r.next {
			return nil
		}
		r.next = now + cfg.ReapInterval.Milliseconds()
		r.found = t.Expired(wall, cfg.ReapNeverUsed.Milliseconds())
		r.since = now - 1000
	}
	n := int((now - r.since) * int64(max(cfg.ReapPerMinute, 1)) / 60000)
	n = min(n, len(r.found))
	if n <= 0 {
		return nil
	}
	out := r.found[:n]
	r.found, r.since = r.found[n:], now
	return out
}
