package sim

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"syscall"
	"time"

	"gokeeper/server/election"
	"gokeeper/server/member"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/replica"
	"gokeeper/server/zab"
)

// Why links end.
var (
	errClosed      = errors.New("closed by the other server")
	errSilence     = errors.New("nothing came in time")
	errUnreachable = errors.New("the leader cannot be reached")
	errLeft        = errors.New("the role has ended")
)

// transport is what package server's is, on the simulated network. Its links are those of
// the role that the server has now.
type transport struct {
	p         *process
	listening replica.Links // while leading
	links     map[zab.LinkID]*link
	uplink    *link
	silence   time.Duration
	silent    *event
	dial      *event
	mesh      map[quorum.ServerID]*pipe
	waiting   map[quorum.ServerID]*election.Notification // not on its way yet
	made      zab.LinkID
}

func newTransport(p *process) *transport {
	return &transport{p: p, links: map[zab.LinkID]*link{}, mesh: map[quorum.ServerID]*pipe{}, waiting: map[quorum.ServerID]*election.Notification{}}
}

// link is one end of a connection between a leader and a learner.
type link struct {
	t     *transport
	id    zab.LinkID
	to    replica.Links
	other *link
	out   *pipe
	wait  []func(io.Writer) error // streams and, as nil, places of what waits behind them
	later [][]zab.Packet          // the packets of those places
	busy  bool                    // a stream is being written
	gone  bool
}

// Configure implements replica.Transport, as do the others. Servers are reached by their
// ids, whatever the configuration says.
func (t *transport) Configure(quorum.Config, *quorum.Config) {}

// Notify sends a notification. Of several that wait for a way the last counts.
func (t *transport) Notify(to quorum.ServerID, n election.Notification) {
	w := t.p.s.w
	if to == t.p.s.id {
		t.p.s.after(0, func() { t.p.do(func() { t.p.replica.Notified(to, n) }) })
		return
	}
	if t.mesh[to] == nil {
		t.mesh[to] = w.net.pipe(fmt.Sprintf("mesh %v %v %d", t.p.s.id, to, t.p.s.starts), endpoint(t.p.s.id), endpoint(to))
	}
	out := t.mesh[to]
	t.waiting[to] = &n
	if len(out.items) > 0 && out.stalled {
		return // the item that is held up will take the newest
	}
	if w.plan.lossy && out.chance(200) {
		w.stats.Faults["notification lost"]++
		return
	}
	out.put(item{size: 100, whole: func() {
		n := t.waiting[to]
		delete(t.waiting, to)
		other := w.servers[to].process
		if n == nil || other == nil {
			return
		}
		w.trace("%v to %v: %v", t.p.s.id, to, *n)
		other.do(func() { other.replica.Notified(t.p.s.id, *n) })
	}})
}

// Reached returns the servers that run and can be reached. That the power of one has
// failed is noticed at once here; that the network is cut, is not.
func (t *transport) Reached() []quorum.ServerID {
	var ids []quorum.ServerID
	for _, id := range t.p.s.w.ids {
		if id != t.p.s.id && t.p.s.w.servers[id].process != nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// Lead accepts learners.
func (t *transport) Lead(l replica.Links) error {
	t.listening = l
	t.p.leads()
	return nil
}

// Times of dialling. Package server's are dialPause and replica.Config.InitTime.
const dialPause = 20 * time.Millisecond

// Follow dials the leader until it answers or the time is up.
func (t *transport) Follow(id zab.LinkID, leader quorum.Member, l replica.Links) {
	until := t.p.s.w.now + 5*t.p.s.w.plan.tick
	x := &link{t: t, id: id, to: l}
	t.uplink = x
	t.p.served, t.p.forgets = false, t.p.s.w.plan.noLog && t.p.steps.Member().Role() == member.Observing
	t.p.s.forgetful = t.p.s.forgetful || t.p.forgets
	t.try(x, leader.ID, until)
}

func (t *transport) try(x *link, leader quorum.ServerID, until time.Duration) {
	t.dial = t.p.s.after(t.p.s.between(time.Millisecond, dialPause), func() {
		t.p.do(func() {
			other := t.p.s.w.servers[leader]
			switch {
			case t.uplink != x || x.gone:
			case other != nil && other.process != nil && !other.process.paused && other.process.transport.listening != nil &&
				t.p.s.w.net.connected(endpoint(t.p.s.id), endpoint(leader)):
				t.connect(x, other.process.transport)
			case t.p.s.w.now > until:
				x.end(errUnreachable)
			default:
				t.try(x, leader, until)
			}
		})
	})
}

// connect makes a connection to the leader.
func (t *transport) connect(x *link, leader *transport) {
	w := t.p.s.w
	w.links++
	me, there := endpoint(t.p.s.id), endpoint(leader.p.s.id)
	x.out = w.net.pipe(fmt.Sprintf("up %d", w.links), me, there)
	leader.made++
	y := &link{t: leader, id: leader.made, to: leader.listening, other: x, out: w.net.pipe(fmt.Sprintf("down %d", w.links), there, me)}
	x.other = y
	leader.links[y.id] = y
	w.trace("%v connects to %v", t.p.s.id, leader.p.s.id)
	leader.p.do(func() {
		if !y.gone {
			y.to.Connected(y.id, nil)
		}
	})
	x.to.Connected(x.id, nil)
	t.Silence(t.p.s.w.plan.tick * 10)
}

// Leave ends all links.
func (t *transport) Leave() {
	t.listening = nil
	t.dial.cancel()
	for _, x := range t.all() {
		x.end(errLeft)
	}
	t.uplink = nil
}

// all returns the links in a fixed order.
func (t *transport) all() []*link {
	var all []*link
	for _, id := range slices.Sorted(maps.Keys(t.links)) {
		all = append(all, t.links[id])
	}
	if t.uplink != nil {
		all = append(all, t.uplink)
	}
	return all
}

// die is the end of the process.
func (t *transport) die(tell bool) {
	t.listening = nil
	t.dial.cancel()
	t.silent.cancel()
	for _, x := range t.all() {
		x.gone = true
		x.hangUp(tell)
	}
	for _, id := range slices.Sorted(maps.Keys(t.mesh)) {
		t.mesh[id].end(nil)
	}
}

// Send sends packets to learners, or to the leader.
func (t *transport) Send(to []zab.LinkID, packets []zab.Packet) {
	t.p.sends(packets)
	if t.uplink != nil {
		t.uplink.send(packets)
		return
	}
	for _, id := range to {
		if x := t.links[id]; x != nil {
			x.send(packets)
		}
	}
}

// send sends packets behind what waits.
func (x *link) send(packets []zab.Packet) {
	if x.gone || x.out == nil {
		return
	}
	packets = slices.Clone(packets)
	if x.busy {
		x.wait, x.later = append(x.wait, nil), append(x.later, packets)
		return
	}
	y := x.other
	w := x.t.p.s.w
	w.trace("%v to %v: %v", x.t.p.s.id, y.t.p.s.id, showPackets(packets))
	x.out.put(item{size: size(packets), whole: func() { y.receive(packets) }})
}

func size(packets []zab.Packet) int {
	n := 0
	for i := range packets {
		n += 20 + len(packets[i].Data)
	}
	return n
}

// receive hands packets to the process.
func (x *link) receive(packets []zab.Packet) {
	x.t.p.do(func() {
		if x.gone {
			return
		}
		x.heard()
		x.t.p.hears(packets)
		x.to.Received(x.id, packets)
	})
}

// heard begins the time anew in which a learner wants to hear from its leader.
func (x *link) heard() {
	if x.t.uplink == x {
		x.t.Silence(x.t.silence)
	}
}

// Silence limits how long the leader may be silent.
func (t *transport) Silence(limit time.Duration) {
	t.silence = limit
	t.silent.cancel()
	x := t.uplink
	if x == nil || x.gone || limit == 0 {
		return
	}
	t.silent = t.p.s.after(limit, func() { t.p.do(func() { x.end(errSilence) }) })
}

// Stream has something long written to a link, later and piece by piece.
func (t *transport) Stream(id zab.LinkID, write func(io.Writer) error) {
	x := t.links[id]
	if x == nil || x.gone {
		return
	}
	x.wait, x.later = append(x.wait, write), append(x.later, nil)
	x.stream()
}

// stream writes what waits.
func (x *link) stream() {
	if x.busy || x.gone || len(x.wait) == 0 {
		return
	}
	write, packets := x.wait[0], x.later[0]
	x.wait, x.later = x.wait[1:], x.later[1:]
	if write == nil {
		x.send(packets)
		x.stream()
		return
	}
	x.busy = true
	x.t.p.s.after(x.t.p.s.between(0, 20*time.Millisecond), func() { x.t.p.do(func() { x.write(write) }) })
}

// write writes one stream, in a goroutine of its own as far as the server is concerned.
func (x *link) write(write func(io.Writer) error) {
	if x.gone {
		return
	}
	var b bytes.Buffer
	err := write(&b)
	x.busy = false
	if err != nil {
		x.end(err)
		return
	}
	y := x.other
	first, _ := zab.ReadPacket(bufio.NewReader(bytes.NewReader(b.Bytes())), x.t.p.s.w.plan.limit)
	x.t.p.s.w.trace("%v to %v:  %v %v and more, %d bytes", x.t.p.s.id, y.t.p.s.id, first.Type, first.Zxid, b.Len())
	x.out.put(item{
		size:  b.Len(),
		whole: func() { y.read(b.Bytes()) },
		cut:   func() { y.read(b.Bytes()[:x.out.IntN(b.Len()+1)]) },
	})
	x.stream()
}

// read reads what was written to the link, which may break off.
func (x *link) read(b []byte) {
	x.t.p.do(func() {
		r := bufio.NewReader(bytes.NewReader(b))
		for !x.gone {
			p, err := zab.ReadPacket(r, x.t.p.s.w.plan.limit)
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil && p.Type == zab.Snap {
				x.t.p.s.w.stats.Events["SNAP"]++
				x.t.p.s.fuzzy = true
				x.t.p.s.brought = slices.Clip(x.other.t.p.tail)
				err = x.to.Snapshot(x.id, p, r)
			}
			if err != nil {
				x.end(err)
				return
			}
			if p.Type == zab.Trunc {
				x.t.p.cut = p.Zxid
				if w := x.t.p.s.w; w.uncut > 0 {
					d := x.t.p.s.disk
					d.failIn, d.reads, d.failure, w.uncut = w.uncut, false, syscall.ENOSPC, 0
				}
			}
			x.heard()
			x.t.p.s.w.brought(p.Type)
			x.to.Received(x.id, []zab.Packet{p})
			if p.Type == zab.Snap {
				x.t.p.s.w.brokeOff(x)
			}
		}
	})
}

// Close ends a link to a learner.
func (t *transport) Close(id zab.LinkID, reason error) {
	if x := t.links[id]; x != nil {
		x.end(reason)
	}
}

// end ends a link and tells the own server, and later the other one.
func (x *link) end(reason error) {
	if x.gone {
		return
	}
	x.gone = true
	delete(x.t.links, x.id)
	if x.t.uplink == x {
		x.t.silent.cancel()
	}
	x.hangUp(true)
	x.to.Gone(x.id, reason)
}

// hangUp closes the connection.
func (x *link) hangUp(tell bool) {
	y := x.other
	if y == nil {
		return
	}
	var news func()
	if tell {
		news = func() { y.t.p.do(func() { y.end(errClosed) }) }
	}
	x.out.end(news)
	y.out.drop()
}

// reset breaks a connection for both of its ends.
func (x *link) reset() {
	x.t.p.do(func() { x.end(errClosed) })
}

func showPackets(packets []zab.Packet) string {
	var b []byte
	for i, p := range packets {
		if i == 3 {
			b = fmt.Appendf(b, " … %d", len(packets))
			break
		}
		b = fmt.Appendf(b, " %v %v", p.Type, proto.Zxid(p.Zxid))
	}
	return string(b)
}
