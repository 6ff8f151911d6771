package replica

import "time"

// gather decides whether the log writer puts off a sync for the sake of those whose
// writes the last one made durable: clients that wait for each answer ask again a moment
// after it. Their new writes come too late for a sync that begins at once, so that two
// halves of the clients wait for each other's; together they would wait once. Whether
// that pays depends on the disk, the clients and what else the machine does, so both ways
// are tried now and then, and the one that makes more transactions durable in a second is
// kept. The zero value is ready to use; it is the log writer's.
type gather struct {
	synced  int           // transactions of the last sync
	waiting int           // that came while it went on
	took    time.Duration // the last sync
	end     time.Time     // of it

	puts  bool // off
	tries bool // the way that seems worse
	chose bool // to put off, last
	same  int  // times in a row
	left  int  // syncs of this stretch
	txns  int  // made durable in it
	since time.Time
	rates [2]float64 // transactions a second of the last stretches: not put off, put off
}

const (
	maxGather   = 2 * time.Millisecond // that a sync is put off
	longStretch = 1024                 // syncs in the better way, for
	tryStretch  = 64                   // in the other
	clearGain   = 1.15                 // by which putting off must be better
)

// limit returns for how many transactions the next sync should wait, and how long at
// most, 0 when it should not.
func (g *gather) limit(now time.Time) (txns int, wait time.Duration) {
	if !g.puts {
		return 0, 0
	}
	return g.synced + g.waiting, g.end.Add(min(g.took*3/2, maxGather)).Sub(now)
}

// note takes in a sync of n transactions, after which others wait.
func (g *gather) note(n, waiting int, begin, end time.Time) {
	g.synced, g.waiting, g.took, g.end = n, waiting, end.Sub(begin), end
	g.txns += n
	if g.left--; g.left > 0 {
		return
	}
	if took := end.Sub(g.since).Seconds(); took > 0 && !g.since.IsZero() {
		g.rates[g.way()] = float64(g.txns) / took
	}
	if g.tries {
		g.choose(g.rates[1] > g.rates[0]*clearGain)
	} else {
		g.puts = !g.puts
		g.left = tryStretch
	}
	g.tries = !g.tries
	g.txns, g.since = 0, end
}

// choose keeps a way for a stretch, a longer one each time that it is the same again.
func (g *gather) choose(puts bool) {
	if g.same++; puts != g.chose {
		g.same = 0
	}
	g.puts, g.chose = puts, puts
	g.left = longStretch << min(g.same, 3)
}

// way is the place in rates.
func (g *gather) way() int {
	if g.puts {
		return 1
	}
	return 0
}
