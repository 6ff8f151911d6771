package conn

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/sasl"
)

// fake is a backend in memory. mu stands for the database's lock. Writes wait until
// commit, unless auto is set.
type fake struct {
	mu       sync.Mutex
	zxid     proto.Zxid
	writes   []write
	sessions map[proto.SessionID]*Conn
	nextID   proto.SessionID
	gone     map[*Conn]int
	opening  []func() // when holdOpen: to be called
	event    chan string

	auto, holdOpen, readOnly, down bool
}

type write struct {
	c *Conn
	r proto.Request
}

func newFake() *fake {
	return &fake{
		sessions: map[proto.SessionID]*Conn{}, nextID: 0x100, gone: map[*Conn]int{}, zxid: 10, auto: true,
		event: make(chan string, 10000),
	}
}

func (f *fake) Serving() (bool, bool)              { return !f.down, f.readOnly }
func (f *fake) LastZxid() proto.Zxid               { f.mu.Lock(); defer f.mu.Unlock(); return f.zxid }
func (f *fake) Ordered(op proto.Op) bool           { return op.IsWrite() }
func (f *fake) Gone(c *Conn)                       { f.mu.Lock(); f.gone[c]++; f.mu.Unlock(); f.event <- "gone" }
func passwordOK(id proto.SessionID, p []byte) bool { return string(p) == "right" }

func (f *fake) Open(c *Conn, o Opening) {
	open := func() {
		f.mu.Lock()
		id := o.Session
		if id == 0 {
			f.nextID++
			id = f.nextID
		} else if id == 0xdead {
			f.mu.Unlock()
			c.Refused()
			return
		}
		f.sessions[id] = c
		c.Opened(id, o.Timeout, [16]byte{1, 2, 3}, f.readOnly)
		f.mu.Unlock()
		c.Flush()
	}
	if f.holdOpen {
		f.mu.Lock()
		f.opening = append(f.opening, open)
		f.mu.Unlock()
		f.event <- "open"
		return
	}
	open()
}

func (f *fake) Evict(id proto.SessionID) {
	f.mu.Lock()
	c := f.sessions[id]
	f.mu.Unlock()
	if c != nil {
		c.Abort()
	}
}

// answer appends the reply to a read. getData's body is the length of what it returns.
func (f *fake) answer(c *Conn, r *proto.Request) {
	xid := r.Xid
	if r.Op == proto.OpPing {
		xid = proto.XidPing
	}
	b := c.Buffer()
	start := len(b)
	h := proto.ReplyHeader{Xid: xid, Zxid: f.zxid}
	b = h.Append(append(b, 0, 0, 0, 0))
	if r.Op == proto.OpGetData {
		n := int(binary.BigEndian.Uint32(r.Body))
		b = jute.AppendInt(b, int32(n))
		b = append(b, zeros[:n]...)
	}
	c.Answered(r.Op, r.Xid, f.zxid, r.Read)
	c.Release(endPacket(b, start))
}

var zeros = make([]byte, 4<<20)

func (f *fake) Read(c *Conn, r *proto.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer(c, r)
}

func (f *fake) Submit(c *Conn, r proto.Request) {
	f.mu.Lock()
	f.writes = append(f.writes, write{c, r})
	auto := f.auto
	f.mu.Unlock()
	if auto {
		f.commit(1)
		return
	}
	f.event <- "submit"
}

// commit answers the oldest n writes.
func (f *fake) commit(n int) {
	for range n {
		f.mu.Lock()
		w := f.writes[0]
		f.writes = f.writes[1:]
		f.zxid++
		b := appendReply(w.c.Buffer(), w.r.Xid, f.zxid, proto.OK)
		w.c.Answered(w.r.Op, w.r.Xid, f.zxid, w.r.Read)
		w.c.Release(b)
		for _, r := range w.c.Done() {
			f.answer(w.c, &r)
		}
		if w.r.Op == proto.OpCloseSession {
			w.c.Hangup()
		}
		f.mu.Unlock()
		w.c.Flush()
	}
}

// notify sends an event packet of n bytes to the session's connection.
func (f *fake) notify(id proto.SessionID, n int) {
	f.mu.Lock()
	c := f.sessions[id]
	b := c.Buffer()
	start := len(b)
	owe := c.Release(endPacket(append(append(b, 0, 0, 0, 0), zeros[:n]...), start))
	f.mu.Unlock()
	if owe {
		c.Flush()
	}
}

func (f *fake) Authenticate(_ *Conn, scheme string, credentials []byte) ([]proto.Identity, proto.Error) {
	if scheme != "digest" {
		return nil, proto.AuthFailed
	}
	return []proto.Identity{{Scheme: scheme, ID: string(credentials)}}, proto.OK
}

// scripted is a login that knows three tokens, and cannot read a fourth.
type scripted struct{ who proto.Identity }

func (s *scripted) Next(token []byte) ([]byte, []proto.Identity, error) {
	switch string(token) {
	case "":
		return []byte("->"), nil, nil
	case "in":
		return token, []proto.Identity{s.who}, nil
	case "bad":
		return nil, nil, sasl.ErrRefused
	}
	return nil, nil, sasl.ErrUnreadable
}

func (f *fake) Command(_ *Conn, word string, arg []byte) []byte {
	switch word {
	case WordTelnetClose:
		return nil
	case "wchp":
		return zeros
	case "stmk":
		return append([]byte("mask "), arg...)
	}
	return []byte("answer to " + word)
}

// await waits for n events of the kind.
func (f *fake) await(t *testing.T, kind string, n int) {
	t.Helper()
	for n > 0 {
		select {
		case e := <-f.event:
			if e == kind {
				n--
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%d more %q did not happen", n, kind)
		}
	}
}

// serve starts a server on a loopback port, which ends with the test.
func serve(t testing.TB, opt Options, f *fake) (*Server, string) {
	t.Helper()
	if opt.PasswordOK == nil {
		opt.PasswordOK = passwordOK
	}
	if opt.Identify == nil {
		opt.Identify = func(_ net.Conn, remote netip.AddrPort) ([]proto.Identity, error) {
			return []proto.Identity{{Scheme: "ip", ID: remote.Addr().String()}}, nil
		}
	}
	ln, err := Listen(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(opt, f)
	run(t, s, ln)
	return s, ln.Addr().String()
}

// run serves until the test ends.
func run(t testing.TB, s *Server, ln net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if n := s.outstanding.Load() | s.held.Load() | s.large.Load() | int64(len(s.conns)) | int64(len(s.perAddr)); n != 0 {
			t.Errorf("something is left: outstanding %d, held %d, large %d, %d connections, %d addresses",
				s.outstanding.Load(), s.held.Load(), s.large.Load(), len(s.conns), len(s.perAddr))
		}
	})
}

// client is the other end.
type client struct {
	net.Conn
	t testing.TB
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, nc)
}

func newClient(t testing.TB, nc net.Conn) *client {
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{nc, t}
}

func (c *client) send(p ...[]byte) {
	c.t.Helper()
	if _, err := c.Write(bytes.Join(p, nil)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// packet reads one packet.
func (c *client) packet() []byte {
	c.t.Helper()
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		c.t.Fatalf("read length: %v", err)
	}
	p := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(c, p); err != nil {
		c.t.Fatalf("read packet of %d: %v", len(p), err)
	}
	return p
}

// reply reads one packet, checks its header, and returns the record.
func (c *client) reply(xid int32, zxid proto.Zxid, code proto.Error) []byte {
	c.t.Helper()
	p := c.packet()
	d := jute.NewDecoder(p)
	got := proto.ReplyHeader{Xid: d.Int(), Zxid: proto.Zxid(d.Long()), Err: proto.Error(d.Int())}
	if want := (proto.ReplyHeader{Xid: xid, Zxid: zxid, Err: code}); got != want || d.Err() != nil {
		c.t.Fatalf("reply %+v, want %+v", got, want)
	}
	return d.Rest()
}

// closed checks that nothing more comes.
func (c *client) closed() {
	c.t.Helper()
	rest, err := io.ReadAll(c)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		c.t.Fatal("not closed")
	}
	if len(rest) > 0 {
		c.t.Fatalf("%d more bytes: %x", len(rest), rest[:min(len(rest), 64)])
	}
}

// connect opens a new session and returns the response.
func (c *client) connect() proto.ConnectResponse {
	c.t.Helper()
	c.send(hello(proto.ConnectRequest{Timeout: 10000, HasReadOnly: true}))
	return c.response(37)
}

func (c *client) response(size int) proto.ConnectResponse {
	c.t.Helper()
	p := c.packet()
	if len(p) != size {
		c.t.Fatalf("connect response of %d bytes, want %d", len(p), size)
	}
	d := jute.NewDecoder(p)
	if v := d.Int(); v != 0 {
		c.t.Fatalf("protocol version %d", v)
	}
	r := proto.ConnectResponse{Timeout: d.Int(), Session: proto.SessionID(d.Long())}
	copy(r.Password[:], d.Buffer())
	if d.Len() > 0 {
		r.HasReadOnly, r.ReadOnly = true, d.Bool()
	}
	if d.Err() != nil {
		c.t.Fatal(d.Err())
	}
	return r
}

func framed(p []byte) []byte { return append(jute.AppendInt(nil, int32(len(p))), p...) }

func hello(r proto.ConnectRequest) []byte { return framed(r.Append(nil)) }

func request(xid int32, op proto.Op, body ...byte) []byte {
	h := proto.RequestHeader{Xid: xid, Op: op}
	return framed(append(h.Append(nil), body...))
}

func getData(xid int32, size int) []byte {
	return request(xid, proto.OpGetData, jute.AppendInt(nil, int32(size))...)
}
