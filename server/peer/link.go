package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/zab"
)

// ErrBacklog says that the other server does not take what is sent to it: more waits
// than [LinkConfig.MaxQueued] allows.
var ErrBacklog = errors.New("too much waits for a server that does not read it")

// DefaultMaxQueued is how many bytes may wait for a server if nothing else is said.
const DefaultMaxQueued = 256 << 20

// Sizes of a link's buffers. What is sent at once and fits goes out with one write.
const (
	readSize  = 64 << 10
	writeSize = 64 << 10
)

// keptItems is the longest slice of waiting items that is used again.
const keptItems = 1 << 10

// Events is what links tell their owner. All calls for one link come from that link's
// reader, in order; while one of them runs, nothing is read from the link.
type Events interface {
	// Connected is the first call: a learner has dialled, or the leader is reached.
	Connected(link zab.LinkID, remote net.Addr)
	// Received passes on everything that could be decoded without waiting again, at
	// least one packet. The slice and its data become the owner's. The data of several
	// packets may share one allocation.
	Received(link zab.LinkID, packets []zab.Packet)
	// Snapshot says, to a learner, that a SNAP packet was read. It must read the stream
	// that follows from r, to its end and no further. Received then brings the packet
	// itself. An error ends the link.
	Snapshot(link zab.LinkID, p zab.Packet, r io.Reader) error
	// Gone is the last call, and comes for every link, whatever ended it: the other
	// server, a failure, Close with its reason, the end of Run. An [Uplink] that could
	// not be connected has no other. Nothing of the link runs any more.
	Gone(link zab.LinkID, err error)
}

// LinkConfig is what both ends of links need. The zero value is Java's defaults.
type LinkConfig struct {
	Limit     int   // longest buffer or string in a packet, in bytes; 0 is jute.DefaultLimit
	MaxQueued int   // bytes that may wait to be sent on one link, see Send; 0 is DefaultMaxQueued
	KeepAlive bool  // TCP keepalive (zookeeper.tcpKeepAlive)
	Auth      *Auth // nil: servers believe each other
	Secure    Secure
	Log       zerolog.Logger

	// DialContext and Listen open connections; nil is plain TCP. What they return must
	// know deadlines.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	Listen      func(ctx context.Context, network, address string) (net.Listener, error)
}

// withDefaults fills in what was left out. Go's connections have TCP_NODELAY.
func (c LinkConfig) withDefaults() LinkConfig {
	if c.Limit <= 0 {
		c.Limit = jute.DefaultLimit
	}
	if c.MaxQueued <= 0 {
		c.MaxQueued = DefaultMaxQueued
	}
	var alive time.Duration
	if !c.KeepAlive {
		alive = -1
	}
	if c.DialContext == nil {
		c.DialContext = (&net.Dialer{KeepAlive: alive}).DialContext
	}
	if c.Listen == nil {
		c.Listen = (&net.ListenConfig{KeepAlive: alive}).Listen
	}
	c.DialContext, c.Listen = c.Secure.dialer(c.DialContext), c.Secure.listener(c.Listen)
	c.Secure = Secure{}
	return c
}

// link is a connection between leader and learner, at either end. It has a reader,
// which is whoever calls run, and a writer. Whatever ends it does so by end.
type link struct {
	id       zab.LinkID
	events   Events
	cfg      LinkConfig
	snapshot bool          // a SNAP packet is followed by a snapshot
	wake     chan struct{} // holds a token while items may wait
	over     chan struct{} // closed at the end

	mu      sync.Mutex
	conn    net.Conn      // nil before it is connected
	items   []outgoing    // wait for the writer
	queued  int           // bytes of items, and of those that the writer has taken and not written
	waiting int           // their packets
	oldest  time.Time     // when the oldest of them was added, or one that was sent since
	traffic Traffic       // but for what waits
	silence time.Duration // how long the other side may say nothing; 0 is no limit
	reason  error         // of the end; nil before
}

// outgoing is one thing to be sent: encoded packets, or a function that writes.
type outgoing struct {
	data    []byte // shared with other links
	packets int    // in data
	last    proto.Zxid
	at      time.Time // when it was added
	write   func(w io.Writer) error
}

// Traffic is what has gone over a link.
type Traffic struct {
	Since       time.Time     // when the link began
	Queued      int           // packets that wait to be sent
	QueuedBytes int           // their bytes
	Waits       time.Duration // how long the oldest of them waits, at most
	Sent        int64         // packets, as are the next two
	Received    int64
	Requests    int64      // of the packets received, those that ask for a write or a sync
	Last        proto.Zxid // of the last packet sent
}

func newLink(id zab.LinkID, events Events, cfg LinkConfig, conn net.Conn) *link {
	return &link{
		id: id, events: events, cfg: cfg, conn: conn, traffic: Traffic{Since: time.Now()},
		wake: make(chan struct{}, 1), over: make(chan struct{}),
	}
}

// report returns the traffic by now.
func (l *link) report() Traffic {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.traffic
	if t.Queued, t.QueuedBytes = l.waiting, l.queued; t.Queued > 0 {
		t.Waits = time.Since(l.oldest)
	}
	return t
}

// end ends the link, for the first reason that is given. It does not wait: a passed
// deadline wakes reader and writer, and the reader closes the connection.
func (l *link) end(reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reason != nil {
		return
	}
	l.reason, l.items = reason, nil
	close(l.over)
	if l.conn != nil {
		_ = l.conn.SetDeadline(time.Unix(1, 0)) // fails on a connection that has ended already
	}
}

// ended returns why the link has ended, nil while it has not.
func (l *link) ended() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reason
}

// push adds something to send. The bound looks at what waits already, so that a batch
// of any size passes when the other side keeps up.
func (l *link) push(o outgoing) {
	l.mu.Lock()
	if l.reason != nil {
		l.mu.Unlock()
		return
	}
	if waits := l.queued; waits > l.cfg.MaxQueued && o.write == nil {
		l.mu.Unlock()
		l.end(fmt.Errorf("%w: %d bytes of at most %d", ErrBacklog, waits, l.cfg.MaxQueued))
		return
	}
	o.at = time.Now()
	l.items = append(l.items, o)
	l.queued += len(o.data)
	if l.waiting == 0 {
		l.oldest = o.at
	}
	l.waiting += o.packets
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// take returns what waits, and leaves the spare slice for what comes next.
func (l *link) take(spare []outgoing) []outgoing {
	if cap(spare) > keptItems {
		spare = nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	items := l.items
	l.items = spare[:0]
	return items
}

// authenticate runs what both sides do before they say anything else.
func (l *link) authenticate(how func(*Auth) error) error {
	if l.cfg.Auth == nil {
		return nil
	}
	within := l.cfg.Auth.Within
	if within <= 0 {
		within = 10 * time.Second
	}
	err := l.bound(time.Now().Add(within))
	if err == nil {
		err = how(l.cfg.Auth)
	}
	if err != nil {
		return err
	}
	return l.bound(time.Time{})
}

// bound sets the deadline of all that is read and written. It must not undo the one of end.
func (l *link) bound(deadline time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reason != nil {
		return l.reason
	}
	return l.conn.SetDeadline(deadline)
}

// run is the reader of a connected link. On return the link has ended, its writer too.
func (l *link) run(remote net.Addr) {
	var writer sync.WaitGroup
	writer.Go(func() { l.end(l.write()) })
	l.events.Connected(l.id, remote)
	l.end(l.read())
	_ = l.conn.Close() // what is lost by it, nobody waits for
	writer.Wait()
}

// write is the writer: it sends all that waits, with as few writes as fit.
func (l *link) write() error {
	out := bufio.NewWriterSize(l.conn, writeSize)
	var items []outgoing
	for {
		select {
		case <-l.over:
			return nil
		case <-l.wake:
		}
		items = l.take(items)
		for i := range items {
			o := items[i]
			items[i] = outgoing{}
			if err := o.writeTo(out); err != nil {
				return err
			}
			l.wrote(&o)
		}
		if err := out.Flush(); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
}

func (o *outgoing) writeTo(out *bufio.Writer) error {
	if o.write != nil {
		return o.write(out)
	}
	if _, err := out.Write(o.data); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

func (l *link) wrote(o *outgoing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queued -= len(o.data)
	l.waiting -= o.packets
	l.traffic.Sent += int64(o.packets)
	if o.packets > 0 {
		l.traffic.Last, l.oldest = o.last, o.at
	}
}

// got counts packets received.
func (l *link) got(packets []zab.Packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.traffic.Received += int64(len(packets))
	for i := range packets {
		if packets[i].Type == zab.Request {
			l.traffic.Requests++
		}
	}
}

// read passes on what comes, until there is an error.
func (l *link) read() error {
	r := packetReader{in: bufio.NewReaderSize((*input)(l), readSize), limit: l.cfg.Limit, snapshot: l.snapshot}
	for {
		packets, err := r.next()
		if reason := l.ended(); reason != nil {
			return reason
		}
		if err != nil {
			return l.explain(err)
		}
		if l.snapshot && packets[0].Type == zab.Snap {
			if err := l.events.Snapshot(l.id, packets[0], r.in); err != nil {
				return l.explain(err)
			}
		}
		l.got(packets)
		l.events.Received(l.id, packets)
	}
}

// explain says in an operator's words why nothing more can be read.
func (l *link) explain(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("nothing came in time: %w", err)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("closed by the other server: %w", err)
	}
	return fmt.Errorf("receive: %w", err)
}

// input is the connection as the reader reads it: with the deadline of silence.
type input link

// Read waits for input, no longer than allowed.
func (i *input) Read(p []byte) (int, error) {
	l := (*link)(i)
	if err := l.await(); err != nil {
		return 0, err
	}
	return l.conn.Read(p)
}

// await sets the deadline of the next read. It must not undo the one of end.
func (l *link) await() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reason != nil || l.silence <= 0 {
		return l.reason
	}
	return l.conn.SetReadDeadline(time.Now().Add(l.silence))
}

// setSilence changes the limit, also for a read that waits at the moment.
func (l *link) setSilence(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silence = d
	if l.conn == nil || l.reason != nil {
		return
	}
	var at time.Time
	if d > 0 {
		at = time.Now().Add(d)
	}
	_ = l.conn.SetReadDeadline(at) // a connection that has ended tells the reader itself
}

// packetReader decodes packets.
type packetReader struct {
	in       *bufio.Reader
	limit    int
	snapshot bool         // a SNAP packet stands alone, for what follows it is no packet
	found    []zab.Packet // of buffered, used again
}

// next waits for a packet and returns it with all others that have come.
func (r *packetReader) next() ([]zab.Packet, error) {
	if _, err := r.in.Peek(1); err != nil {
		return nil, err
	}
	if packets := r.buffered(); len(packets) > 0 {
		return packets, nil
	}
	// Large, cut, malformed, or a snapshot's.
	head, _ := r.in.Peek(min(r.in.Buffered(), headSize))
	head = append([]byte(nil), head...)
	p, err := zab.ReadPacket(r.in, r.limit)
	if errors.Is(err, zab.ErrTooLong) {
		return nil, fmt.Errorf("%w: the limit is %d bytes, the packet begins with % x", err, r.limit, head)
	}
	if err != nil {
		return nil, err
	}
	packets := []zab.Packet{p}
	if r.snapshot && p.Type == zab.Snap {
		return packets, nil
	}
	return append(packets, r.buffered()...), nil
}

// buffered returns the packets that are whole in the buffer. What is not plain is left
// to zab.ReadPacket.
func (r *packetReader) buffered() []zab.Packet {
	window, _ := r.in.Peek(r.in.Buffered())
	found, used, size := r.found[:0], 0, 0
	for {
		p, n := parse(window[used:], r.limit)
		if n == 0 || r.snapshot && p.Type == zab.Snap {
			break
		}
		found = append(found, p)
		used += n
		size += len(p.Data)
	}
	if r.found = found; len(found) == 0 {
		return nil
	}
	packets := append(make([]zab.Packet, 0, len(found)), found...)
	clear(found)
	data := make([]byte, 0, size)
	for i := range packets {
		p := &packets[i]
		if p.Data == nil {
			continue
		}
		at := len(data)
		data = append(data, p.Data...)
		p.Data = data[at:len(data):len(data)]
	}
	_, _ = r.in.Discard(used) // it is buffered
	return packets
}

// headSize is the length of a packet's fixed part: type, zxid, length of the data.
const headSize = 16

// parse decodes a packet whose data stays in b, and returns its length, 0 when it is not
// whole or not as it should be.
func parse(b []byte, limit int) (zab.Packet, int) {
	if len(b) < headSize {
		return zab.Packet{}, 0
	}
	var d jute.Decoder
	d.Reset(b, limit)
	p := zab.Packet{Type: zab.Type(d.Int()), Zxid: proto.Zxid(d.Long()), Data: d.Buffer()}
	switch n := d.Int(); {
	case n == -1:
	case n < 0 || int(n) > d.Len()/8: // an identity has at least 8 bytes
		return p, 0
	default:
		p.Auth = make([]proto.Identity, n)
		for i := range p.Auth {
			p.Auth[i] = proto.Identity{Scheme: d.String(), ID: d.String()}
		}
	}
	if d.Err() != nil {
		return p, 0
	}
	return p, d.Offset()
}

// encode returns the bytes of packets that are sent together.
func encode(packets []zab.Packet) []byte {
	size := 0
	for i := range packets {
		p := &packets[i]
		size += headSize + len(p.Data) + 4
		for _, id := range p.Auth {
			size += 8 + len(id.Scheme) + len(id.ID)
		}
	}
	b := make([]byte, 0, size)
	for i := range packets {
		b = packets[i].Append(b)
	}
	return b
}
