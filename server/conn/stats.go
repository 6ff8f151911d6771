package conn

import (
	"net/netip"
	"sync/atomic"
	"time"

	"gokeeper/server/proto"
)

// tally counts what a connection does. Conn.mu guards it. Replies are noted when they
// are appended and counted when they are given to the socket, with one look at the
// clock for all of them.
type tally struct {
	own counts // since the connection's statistics were reset
	all counts // since the server's statistics were reset

	op       proto.Op // of the last reply, 0: none
	cxid     int64    // its xid, -1: none
	zxid     proto.Zxid
	lastRead int64 // when its request was read
	last     int64 // its latency, nanoseconds
	at       int64 // when it was sent, milliseconds

	// Replies not yet counted: how many, and the sum, least and greatest of the
	// times at which their requests were read.
	noted              int64
	sum, first, latest int64
	batches            [4]batch // for Options.Replied
	inBatches          int      // how many of them are in use

	greeted bool // the response to the connect request is counted
}

// batch is some replies of one kind to requests that were read at the same time.
type batch struct {
	read, n int64
	write   bool
}

// counts are packets, and latencies in nanoseconds.
type counts struct {
	received, sent         int64
	bytesIn, bytesOut      int64
	replies, sum           int64
	minLatency, maxLatency int64
	sizes                  sizes
}

// sizes are lengths of replies in bytes, without the four of the length; 0: none.
type sizes struct {
	last, least, greatest int64
	at                    int64 // when last was sent, nanoseconds
}

// add counts a reply of n bytes.
func (s *sizes) add(n int64) {
	if s.last = n; s.least == 0 || n < s.least {
		s.least = n
	}
	s.greatest = max(s.greatest, n)
}

// merge adds m to s.
func (s *sizes) merge(m *sizes) {
	if m.last == 0 {
		return
	}
	if m.at >= s.at {
		s.last, s.at = m.last, m.at
	}
	if s.least == 0 || m.least < s.least {
		s.least = m.least
	}
	s.greatest = max(s.greatest, m.greatest)
}

func (n *counts) reset() { *n = counts{} }

// add counts replies whose latencies have this sum, least and greatest value.
func (n *counts) add(replies, sum, least, greatest int64) {
	if n.replies == 0 || least < n.minLatency {
		n.minLatency = least
	}
	n.maxLatency = max(n.maxLatency, greatest)
	n.replies += replies
	n.sum += sum
}

// merge adds m to n.
func (n *counts) merge(m *counts) {
	n.received += m.received
	n.sent += m.sent
	n.bytesIn += m.bytesIn
	n.bytesOut += m.bytesOut
	if m.replies > 0 {
		n.add(m.replies, m.sum, m.minLatency, m.maxLatency)
	}
	n.sizes.merge(&m.sizes)
}

func (t *tally) opened() { t.op, t.cxid = proto.OpCreateSession, 0 }

// answered notes a reply.
func (t *tally) answered(op proto.Op, xid int32, zxid proto.Zxid, read int64) {
	t.op, t.zxid, t.lastRead = op, zxid, read
	if xid >= 0 {
		t.cxid = int64(xid)
	}
	if t.noted == 0 {
		t.first, t.latest = read, read
	}
	t.first, t.latest = min(t.first, read), max(t.latest, read)
	t.noted++
	t.sum += read
}

// group notes the reply for Options.Replied, and returns false when it is full.
func (t *tally) group(op proto.Op, read int64) bool {
	write := op.IsWrite()
	if i := t.inBatches - 1; i >= 0 && t.batches[i].read == read && t.batches[i].write == write {
		t.batches[i].n++
		return true
	}
	if t.inBatches == len(t.batches) {
		return false
	}
	t.batches[t.inBatches] = batch{read, 1, write}
	t.inBatches++
	return true
}

// tell passes on what group has noted.
func (t *tally) tell(replied func(write bool, n, ms int64), now int64) {
	for _, r := range t.batches[:t.inBatches] {
		replied(r.write, r.n, (now-r.read)/1e6)
	}
	t.inBatches = 0
}

// settle counts the packets of out, which is about to be sent. mu is held.
func (c *Conn) settle(out []byte) {
	t := &c.tally
	if c.command {
		t.own.sent++
		t.all.sent++
		return
	}
	n, replies := countFrames(out, !t.greeted)
	t.greeted = true
	t.own.sent += n
	t.all.sent += n
	t.all.bytesOut += int64(len(out))
	if t.noted == 0 {
		return
	}
	now := c.server.nanos()
	replies.at = now
	t.all.sizes.merge(&replies)
	if f := c.server.opt.Replied; f != nil {
		t.tell(f, now)
	}
	t.at, t.last = now/1e6, now-t.lastRead
	sum := t.noted*now - t.sum
	t.own.add(t.noted, sum, now-t.latest, now-t.first)
	t.all.add(t.noted, sum, now-t.latest, now-t.first)
	t.noted, t.sum = 0, 0
}

// report counts the packets received since the last time.
func (c *Conn) report() {
	if c.received == 0 {
		return
	}
	c.mu.Lock()
	c.tally.own.received += c.received
	c.tally.all.received += c.received
	c.tally.all.bytesIn += c.bytes
	c.mu.Unlock()
	c.received, c.bytes = 0, 0
}

// Info is what is known of a connection. Latencies are milliseconds.
type Info struct {
	Remote         netip.AddrPort
	Secure         bool            // it came to a port for TLS alone
	Session        proto.SessionID // 0: none
	Timeout        int32           // negotiated, milliseconds
	Established    time.Time
	Interest       int        // as Java shows it: 1 reads, 5 reads and has something to write, 0 a four-letter word
	Queued         int        // unfinished requests
	Received, Sent int64      // packets
	LastOp         proto.Op   // of the last reply; 0: none
	LastCxid       int64      // its xid; -1: none
	LastZxid       proto.Zxid // in its header; -1: none
	LastResponse   int64      // when it was sent, monotonic milliseconds; 0: never
	LastLatency    int64
	MinLatency     int64
	MaxLatency     int64
	AvgLatency     int64
	Expires        int64 // when it will be closed if nothing is heard, monotonic milliseconds
}

func (c *Conn) info() Info {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &c.tally
	i := Info{
		Remote: c.remote, Secure: c.secure, Session: c.Session(), Timeout: c.Timeout(), Established: c.since,
		Interest: 1, Queued: int(c.queued.Load()), Received: t.own.received, Sent: t.own.sent,
		LastOp: t.op, LastCxid: t.cxid, LastZxid: t.zxid, LastResponse: t.at, LastLatency: t.last / 1e6,
		MinLatency: t.own.minLatency / 1e6, MaxLatency: t.own.maxLatency / 1e6, Expires: c.expires(),
	}
	if t.own.replies > 0 {
		i.AvgLatency = t.own.sum / t.own.replies / 1e6
	}
	switch {
	case c.command:
		i.Interest = 0
	case c.unsent.Load() > 0:
		i.Interest = 5
	}
	return i
}

// reset forgets the connection's statistics.
func (t *tally) reset() {
	t.own.reset()
	t.op, t.cxid, t.zxid, t.last, t.at = 0, -1, -1, 0, 0
}

// Connections returns what is known of every connection, in no order.
func (s *Server) Connections() []Info {
	all, _ := s.snapshot()
	infos := make([]Info, len(all))
	for i, c := range all {
		infos[i] = c.info()
	}
	return infos
}

// ResetConnections resets the statistics of every connection (crst).
func (s *Server) ResetConnections() {
	all, _ := s.snapshot()
	for _, c := range all {
		c.mu.Lock()
		c.tally.reset()
		c.mu.Unlock()
	}
}

// Stats are the server's counters. Latencies are milliseconds.
type Stats struct {
	Connections    int
	Outstanding    int // unfinished requests
	Received, Sent int64
	MinLatency     int64
	MaxLatency     int64
	AvgLatency     float64
	Replies        int64 // how many the latencies are of
	LastSize       int64 // bytes of a reply, as are the next two; 0: there was none
	MinSize        int64
	MaxSize        int64

	// Counts of events.
	ConnectRequests int64   // connection_request_count
	Rejected        int64   // above a limit of connections: connection_rejected
	Dropped         int64   // throttled: connection_drop_count
	DropProbability float64 // of the next connect request: connection_drop_probability
	Unserved        int64   // cnxn_closed_without_zk_server_running
	Expired         int64   // without a session or silent: sessionless_connections_expired
	LargeRejected   int64   // large_requests_rejected
	AuthFailed      int64   // auth_failed_count
	Unsuccessful    int64   // handshakes: unsuccessful_handshake
	Exceeded        int64   // above a limit of handshakes: tls_handshake_exceeded
	Handshakes      int64   // under way: outstanding_tls_handshake
	Revalidated     int64   // connection_revalidate_count
	BytesIn         int64   // of packets with their lengths: bytes_received_count
	BytesOut        int64   // response_bytes
}

// Stats returns the server's counters.
func (s *Server) Stats() Stats {
	all, n := s.snapshot()
	for _, c := range all {
		c.mu.Lock()
		n.merge(&c.tally.all)
		c.mu.Unlock()
	}
	st := Stats{
		Connections: len(all), Outstanding: s.Outstanding(), Received: n.received, Sent: n.sent,
		MinLatency: n.minLatency / 1e6, MaxLatency: n.maxLatency / 1e6, Replies: n.replies,
		LastSize: n.sizes.last, MinSize: n.sizes.least, MaxSize: n.sizes.greatest,
		ConnectRequests: s.counts.requests.Load(), Rejected: s.counts.rejected.Load(),
		Dropped: s.counts.dropped.Load(), DropProbability: s.throttle.probability(),
		Unserved: s.counts.unserved.Load(), Expired: s.counts.expired.Load(),
		LargeRejected: s.counts.large.Load(), AuthFailed: s.counts.authFailed.Load(),
		Unsuccessful: s.counts.unsuccessful.Load(), Exceeded: s.counts.exceeded.Load(), Handshakes: s.handshakes.Load(),
		Revalidated: s.counts.revalidated.Load(), BytesIn: n.bytesIn, BytesOut: n.bytesOut,
	}
	if n.replies > 0 {
		st.AvgLatency = float64(n.sum) / float64(n.replies) / 1e6
	}
	return st
}

// ResetStats resets what the server counts (srst) but for failed authentication.
func (s *Server) ResetStats() {
	n := &s.counts
	for _, c := range []*atomic.Int64{&n.requests, &n.rejected, &n.dropped, &n.unserved, &n.expired, &n.large, &n.revalidated, &n.unsuccessful, &n.exceeded} {
		c.Store(0)
	}
	s.mu.Lock()
	defer s.mu.Unlock() // no connection may end meanwhile and leave what it has counted
	s.retired.reset()
	for c := range s.conns {
		c.mu.Lock()
		c.tally.all.reset()
		c.mu.Unlock()
	}
}

// Outstanding returns how many requests are unfinished.
func (s *Server) Outstanding() int { return int(s.outstanding.Load()) }
