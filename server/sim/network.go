package sim

import (
	"slices"
	"time"
)

// endpoint is a server or a client on the network.
type endpoint int

// clientEndpoint is the first endpoint that is a client's; servers' are their ids.
const clientEndpoint endpoint = 1000

// way is the path of packets from one endpoint to another; what goes back takes another.
type way struct{ from, to endpoint }

// network delays, holds up and cuts what endpoints send to each other.
type network struct {
	s     *schedule
	cut   map[way]bool          // nothing gets through, and nobody is told
	slow  map[way]time.Duration // added to every delay
	delay [2]time.Duration      // of a packet: least and most
	pipes []*pipe               // that wait for a way to be mended
}

func newNetwork(s *schedule) *network {
	return &network{s: s, cut: map[way]bool{}, slow: map[way]time.Duration{}, delay: [2]time.Duration{50 * time.Microsecond, time.Millisecond}}
}

// connected says whether packets get through in both directions.
func (n *network) connected(a, b endpoint) bool { return !n.cut[way{a, b}] && !n.cut[way{b, a}] }

// mend lets packets through again everywhere, those too that were held up.
func (n *network) mend() {
	clear(n.cut)
	clear(n.slow)
	n.resume()
}

// resume lets go on what waits for a way that is open again.
func (n *network) resume() {
	waiting := n.pipes
	n.pipes = nil
	for _, p := range waiting {
		p.stalled = false
		p.next()
	}
}

// pipe is one direction of a connection: what is put in comes out, in order and later. A
// cut holds it up, as TCP does that sends again and again.
type pipe struct {
	n *network
	way
	*source
	items   []item
	busy    bool // the first item is on its way
	stalled bool // at a cut
	closed  bool // nothing is taken in any more
	last    time.Duration
}

// item is something on its way. cut is called instead of whole when the connection broke
// in the middle of it.
type item struct {
	size  int // bytes
	whole func()
	cut   func()
}

func (n *network) pipe(name string, from, to endpoint) *pipe {
	return &pipe{n: n, way: way{from, to}, source: n.s.source(name)}
}

// bytesPerMillisecond is how fast a connection is.
const bytesPerMillisecond = 50_000

// put sends something.
func (p *pipe) put(i item) {
	if p.closed {
		return
	}
	p.items = append(p.items, i)
	p.next()
}

// next gets the first item on its way.
func (p *pipe) next() {
	if p.busy || p.stalled || len(p.items) == 0 {
		return
	}
	p.busy = true
	d := p.between(p.n.delay[0], p.n.delay[1]) + p.n.slow[p.way]
	d += time.Duration(p.items[0].size) * time.Millisecond / bytesPerMillisecond
	if len(p.items) > 1 || p.last == p.n.s.now {
		d /= 4 // it was sent right behind the one before
	}
	p.after(d, p.arrive)
}

// arrive delivers the first item, unless the way is cut.
func (p *pipe) arrive() {
	p.busy = false
	if p.n.cut[p.way] {
		if !p.stalled {
			p.stalled = true
			p.n.pipes = append(p.n.pipes, p)
		}
		return
	}
	i := p.items[0]
	p.items = p.items[1:]
	p.last = p.n.s.now
	i.whole()
	p.next()
}

// end closes the pipe: a part of what is on its way still arrives, and then the news of
// the end. Without news the other end hears nothing, as when the power fails; nobody sends
// again then what is held up.
func (p *pipe) end(news func()) {
	switch {
	case p.closed:
		return
	case news == nil && p.n.cut[p.way]:
		p.drop()
		return
	}
	p.closed = true
	first := 0
	if p.busy {
		first = 1
	}
	keep := len(p.items)
	if keep > first {
		keep = first + p.IntN(keep-first+1)
	}
	var broken func()
	if keep < len(p.items) {
		broken = p.items[keep].cut
	}
	p.items = slices.Clip(p.items[:keep])
	if broken != nil && p.chance(2) {
		p.items = append(p.items, item{whole: broken})
	}
	if news != nil {
		p.items = append(p.items, item{whole: news})
	}
	p.next()
}

// drop closes the pipe and forgets what is on its way: its receiver is gone.
func (p *pipe) drop() {
	p.closed = true
	for i := range p.items {
		p.items[i] = item{whole: func() {}}
	}
}
