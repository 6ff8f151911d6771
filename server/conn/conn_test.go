package conn

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

func TestOrder(t *testing.T) {
	f := newFake()
	f.auto = false
	_, addr := serve(t, Options{}, f)
	c := dial(t, addr)
	c.connect()
	c.send(getData(1, 1), request(2, proto.OpCreate), getData(3, 5), request(9, proto.OpPing),
		request(4, proto.OpSetData), request(5, proto.OpDelete), getData(6, 0))
	c.reply(1, 10, 0)
	f.await(t, "submit", 3)
	f.commit(1)
	c.reply(2, 11, 0)
	if got := len(c.reply(3, 11, 0)); got != 9 {
		t.Errorf("hung read answered with %d bytes", got)
	}
	c.reply(proto.XidPing, 11, 0)
	f.commit(2)
	c.reply(4, 12, 0)
	c.reply(5, 13, 0)
	c.reply(6, 13, 0)
	c.send(getData(7, 0))
	c.reply(7, 13, 0)
}

// TestPieces sends every byte on its own, over TCP and over a pipe.
func TestPieces(t *testing.T) {
	stream := append(hello(proto.ConnectRequest{HasReadOnly: true}), getData(1, 3)...)
	stream = append(stream, request(2, proto.OpCreate, 1, 2, 3)...)
	stream = append(stream, request(-2, proto.OpPing)...)
	check := func(t *testing.T, c *client) {
		go func() {
			for i := range stream {
				if _, err := c.Write(stream[i : i+1]); err != nil {
					t.Errorf("byte %d: %v", i, err)
				}
			}
		}()
		c.response(37)
		c.reply(1, 10, 0)
		c.reply(2, 11, 0)
		c.reply(-2, 11, 0)
	}
	t.Run("tcp", func(t *testing.T) {
		_, addr := serve(t, Options{}, newFake())
		c := dial(t, addr)
		check(t, c)
	})
	t.Run("pipe", func(t *testing.T) {
		ln := newPipes()
		run(t, New(Options{}, newFake()), ln)
		check(t, newClient(t, ln.dial()))
	})
}

// TestConcurrentWrites has a committer race with the reader; run with -race.
func TestConcurrentWrites(t *testing.T) {
	f := newFake()
	f.auto = false
	_, addr := serve(t, Options{Outstanding: 50}, f)
	const rounds = 2000
	var all sync.WaitGroup
	for range 4 {
		c := dial(t, addr)
		c.connect()
		all.Go(func() {
			for i := range int32(rounds) {
				op := proto.OpGetData
				if i%3 == 0 {
					op = proto.OpSetData
				}
				if _, err := c.Write(request(i, op, 0, 0, 0, 3)); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for i := range int32(rounds) {
				p := c.packet()
				if d := jute.NewDecoder(p); d.Int() != i {
					t.Errorf("reply %d is %x", i, p[:4])
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	for {
		select {
		case <-done:
			return
		case <-f.event:
			f.mu.Lock()
			n := len(f.writes)
			f.mu.Unlock()
			f.commit(n)
		}
	}
}

func TestPacketLength(t *testing.T) {
	_, addr := serve(t, Options{MaxPacket: 1000}, newFake())
	c := dial(t, addr)
	c.connect()
	c.send(request(1, proto.OpSetData, make([]byte, 992)...))
	c.reply(1, 11, 0)
	for name, bad := range map[string][]byte{
		"too long": jute.AppendInt(nil, 1001), "negative": jute.AppendInt(nil, -1),
		"short header": framed([]byte{0, 0, 0, 1}), "empty": framed(nil), "word": []byte("ruok"),
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, addr)
			c.connect()
			c.send(request(1, proto.OpPing), bad)
			c.reply(-2, c.lastZxid(t, addr), 0)
			c.closed()
		})
	}
}

// lastZxid asks on another connection.
func (c *client) lastZxid(t *testing.T, addr string) proto.Zxid {
	o := dial(t, addr)
	o.connect()
	o.send(request(1, proto.OpPing))
	d := jute.NewDecoder(o.packet())
	d.Int()
	return proto.Zxid(d.Long())
}

// TestBigPacket sends the largest packet of the default limit in pieces, with more
// behind it.
func TestBigPacket(t *testing.T) {
	_, addr := serve(t, Options{}, newFake())
	c := dial(t, addr)
	c.connect()
	body := make([]byte, 0xfffff-8)
	go c.send(request(1, proto.OpSetData, body...), getData(2, 2<<20), request(3, proto.OpSetData, body...), getData(4, 1))
	c.reply(1, 11, 0)
	if n := len(c.reply(2, 11, 0)); n != 2<<20+4 {
		t.Errorf("reply of %d bytes", n)
	}
	c.reply(3, 12, 0)
	c.reply(4, 12, 0)
}

func TestOperations(t *testing.T) {
	startWith := func(t *testing.T, opt Options) (*fake, *client) {
		f := newFake()
		_, addr := serve(t, opt, f)
		c := dial(t, addr)
		c.connect()
		return f, c
	}
	start := func(t *testing.T, satisfied func([]proto.Identity) bool) (*fake, *client) {
		return startWith(t, Options{Satisfied: satisfied})
	}
	for _, op := range []proto.Op{4711, 0, 13, -1, -10, -7} {
		t.Run("unknown "+op.String(), func(t *testing.T) {
			f, c := start(t, nil)
			f.auto = false
			c.send(request(1, proto.OpCreate), getData(2, 1), request(3, op), getData(4, 1))
			f.await(t, "submit", 1)
			f.commit(1)
			c.reply(1, 11, 0)
			c.reply(2, 11, 0)
			c.reply(3, -1, proto.Unimplemented)
			c.closed()
		})
	}
	t.Run("deleteContainer", func(t *testing.T) {
		_, c := start(t, nil)
		c.send(request(1, proto.OpDeleteContainer))
		c.closed()
	})
	t.Run("closeSession", func(t *testing.T) {
		f, c := start(t, nil)
		f.auto = false
		c.send(request(1, proto.OpCreate), request(2, proto.OpCloseSession), getData(3, 1), request(4, proto.OpCreate))
		f.await(t, "submit", 2)
		f.commit(2)
		c.reply(1, 11, 0)
		c.reply(2, 12, 0)
		c.closed()
		f.await(t, "gone", 1)
		if len(f.writes) != 0 {
			t.Error("a request behind closeSession was submitted")
		}
	})
	t.Run("auth", func(t *testing.T) {
		f, c := start(t, nil)
		packet := func(xid int32, scheme string) []byte {
			body := jute.AppendString(jute.AppendInt(nil, 0), scheme)
			return request(xid, proto.OpAuth, jute.AppendString(body, "user")...)
		}
		f.auto = false
		c.send(request(1, proto.OpCreate), packet(-4, "digest"), packet(-4, "digest"), request(2, proto.OpCreate))
		c.reply(-4, 0, 0) // overtakes the write
		c.reply(-4, 0, 0)
		f.await(t, "submit", 2)
		if n := len(f.writes[0].r.IDs); n != 1 {
			t.Errorf("a request before auth has %d identities", n)
		}
		if ids := f.writes[1].r.IDs; len(ids) != 2 || ids[1] != (proto.Identity{Scheme: "digest", ID: "user"}) {
			t.Errorf("identities %v", ids)
		}
		c.send(packet(-9, "world"))
		c.reply(-9, 0, proto.AuthFailed)
		c.closed()
	})
	t.Run("short auth", func(t *testing.T) {
		_, c := start(t, nil)
		c.send(request(1, proto.OpAuth, 0, 0))
		c.closed()
	})
	t.Run("sasl", func(t *testing.T) {
		_, c := start(t, nil)
		c.send(request(7, proto.OpSASL, 0, 0, 0, 0), getData(8, 0))
		if got := c.reply(7, 0, 0); string(got) != "\xff\xff\xff\xff" {
			t.Errorf("token %x", got)
		}
		c.reply(8, 10, 0)
		c.send(request(7, proto.OpSASL, 0xff, 0xff, 0xff, 0xff))
		c.closed()
	})
	t.Run("login", func(t *testing.T) {
		user := proto.Identity{Scheme: "sasl", ID: "bob"}
		for failed, want := range map[proto.Error]proto.Error{proto.AuthFailed: proto.AuthFailed, proto.OK: proto.OK} {
			_, c := startWith(t, Options{Login: func() Login { return &scripted{who: user} }, LoginFailed: failed})
			token := func(text string, code proto.Error, want string) {
				t.Helper()
				c.send(request(7, proto.OpSASL, jute.AppendBuffer(nil, []byte(text))...))
				if got := c.reply(7, 0, code); string(got) != want {
					t.Errorf("token %q: got %q, want %q", text, got, want)
				}
			}
			token("", proto.OK, "\x00\x00\x00\x02->")
			token("in", proto.OK, "\x00\x00\x00\x02in")
			c.send(getData(8, 0))
			c.reply(8, 10, 0)
			token("bad", want, "\xff\xff\xff\xff")
			if want != proto.OK {
				c.closed()
				continue
			}
			c.send(request(9, proto.OpSASL, jute.AppendBuffer(nil, []byte("?"))...))
			c.closed()
		}
	})
	t.Run("login is enforced", func(t *testing.T) {
		_, c := startWith(t, Options{
			Login: func() Login { return &scripted{who: proto.Identity{Scheme: "sasl", ID: "bob"}} }, LoginFailed: proto.SessionClosedRequireSASL,
			Satisfied: func(ids []proto.Identity) bool { return len(ids) > 1 && ids[1].Scheme == "sasl" },
		})
		c.send(request(1, proto.OpSASL, jute.AppendBuffer(nil, []byte("in"))...), getData(2, 0))
		c.reply(1, 0, 0)
		c.reply(2, 10, 0)
	})
	t.Run("enforced", func(t *testing.T) {
		_, c := start(t, func(ids []proto.Identity) bool { return len(ids) > 1 })
		body := jute.AppendString(jute.AppendInt(nil, 0), "digest")
		c.send(request(-4, proto.OpAuth, jute.AppendString(body, "user")...), getData(1, 0))
		c.reply(-4, 0, 0)
		c.reply(1, 10, 0)
	})
	t.Run("not authenticated", func(t *testing.T) {
		_, c := start(t, func(ids []proto.Identity) bool { return len(ids) > 1 })
		c.send(request(5, proto.OpPing), getData(1, 0))
		c.reply(5, 0, proto.SessionClosedRequireSASL)
		c.closed()
	})
}

// TestHalfClose: a client that ends its direction has closed the connection.
func TestHalfClose(t *testing.T) {
	f := newFake()
	f.auto = false
	_, addr := serve(t, Options{}, f)
	c := dial(t, addr)
	c.connect()
	c.send(request(1, proto.OpCreate))
	f.await(t, "submit", 1)
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	f.await(t, "gone", 1)
	f.commit(1) // answers a connection that is gone
	c.closed()
}

// TestSlowReader: a client that does not read is not read, does not disturb others,
// and is cut off when events for it pile up.
func TestSlowReader(t *testing.T) {
	f := newFake()
	s, addr := serve(t, Options{OutLimit: 8 << 20}, f)
	slow, fast := dial(t, addr), dial(t, addr)
	id := slow.connect().Session
	fast.connect()
	const asked = 100
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range int32(asked) {
			if _, err := slow.Write(getData(i, 1<<20)); err != nil {
				return
			}
		}
	}()
	<-sent
	for i := range int32(100) {
		fast.send(getData(i, 100))
		fast.reply(i, 10, 0)
	}
	f.mu.Lock()
	c := f.sessions[id]
	f.mu.Unlock()
	if n := c.unsent.Load(); n > outHigh+1<<20+100 {
		t.Errorf("%d bytes wait for the slow client", n)
	}
	for range 3 { // it is not lost as long as it reads in the end
		slow.packet()
	}
	for range 64 {
		f.notify(id, 1<<20)
	}
	f.await(t, "gone", 1)
	if n := len(s.Connections()); n != 1 {
		t.Errorf("%d connections", n)
	}
	fast.send(getData(1, 0))
	fast.reply(1, 10, 0)
}

// TestBackpressure: a client that reads late gets everything, in order.
func TestBackpressure(t *testing.T) {
	_, addr := serve(t, Options{}, newFake())
	c := dial(t, addr)
	c.connect()
	const asked = 2000
	go func() {
		for i := range int32(asked) {
			if _, err := c.Write(getData(i, 30000)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for i := range int32(asked) {
		_ = c.SetDeadline(time.Now().Add(20 * time.Second)) // for each: there is much to read
		if n := len(c.reply(i, 10, 0)); n != 30004 {
			t.Fatalf("reply of %d bytes", n)
		}
	}
}

// TestHugeReply: one reply may be larger than the limit of the out buffer.
func TestHugeReply(t *testing.T) {
	_, addr := serve(t, Options{OutLimit: 1 << 20}, newFake())
	c := dial(t, addr)
	c.connect()
	c.send(getData(1, 4<<20))
	if n := len(c.reply(1, 10, 0)); n != 4<<20+4 {
		t.Errorf("reply of %d bytes", n)
	}
}

// TestOutstanding: above the limit, who has an unfinished request is not read, and who
// has none is.
func TestOutstanding(t *testing.T) {
	f := newFake()
	f.auto = false
	s, addr := serve(t, Options{Outstanding: 3}, f)
	a, b := dial(t, addr), dial(t, addr)
	a.connect()
	b.connect()
	for i := range int32(10) {
		a.send(request(i, proto.OpCreate))
	}
	f.await(t, "submit", 4)
	b.send(request(0, proto.OpCreate), request(1, proto.OpCreate), getData(2, 0))
	f.await(t, "submit", 1)
	if n := s.Outstanding(); n != 5 {
		t.Errorf("%d unfinished", n)
	}
	f.commit(5)
	for i := range int32(4) {
		a.reply(i, 11+proto.Zxid(i), 0)
	}
	b.reply(0, 15, 0)
	for range 7 { // in which order the clients are read is open
		f.await(t, "submit", 1)
		f.commit(1)
	}
	for i := range int32(6) {
		if d := jute.NewDecoder(a.packet()); d.Int() != 4+i {
			t.Errorf("reply %d out of order", i)
		}
	}
	for i := range int32(2) {
		if d := jute.NewDecoder(b.packet()); d.Int() != 1+i {
			t.Errorf("reply %d out of order", i)
		}
	}
}

// TestHangLimit: reads behind a write are bounded.
func TestHangLimit(t *testing.T) {
	f := newFake()
	f.auto = false
	s, addr := serve(t, Options{Outstanding: 1 << 20}, f)
	c := dial(t, addr)
	c.connect()
	c.send(request(0, proto.OpCreate))
	const reads = 3 * hangLimit
	for i := range int32(reads) {
		c.send(getData(i+1, 0))
	}
	f.await(t, "submit", 1)
	f.commit(1)
	for i := range int32(reads + 1) {
		if d := jute.NewDecoder(c.packet()); d.Int() != i {
			t.Fatalf("reply %d out of order", i)
		}
	}
	if n := s.Outstanding(); n != 0 {
		t.Errorf("%d unfinished", n)
	}
}

func TestLargeRequests(t *testing.T) {
	f := newFake()
	f.auto = false
	s, addr := serve(t, Options{LargeThreshold: 1000, LargeMaxBytes: 5000}, f)
	a, b := dial(t, addr), dial(t, addr)
	a.connect()
	b.connect()
	a.send(request(1, proto.OpCreate, make([]byte, 4000)...))
	f.await(t, "submit", 1)
	b.send(request(1, proto.OpCreate, make([]byte, 900)...))
	f.await(t, "submit", 1)
	b.send(request(2, proto.OpCreate, make([]byte, 2000)...))
	b.closed()
	f.commit(2)
	a.reply(1, 11, 0)
	a.send(request(2, proto.OpCreate, make([]byte, 4000)...))
	f.await(t, "submit", 1)
	f.commit(1)
	a.reply(2, 13, 0)
	if n := s.Stats().LargeRejected; n != 1 {
		t.Errorf("%d rejected", n)
	}
}

func TestConnectionLimits(t *testing.T) {
	t.Run("address", func(t *testing.T) {
		s, addr := serve(t, Options{MaxPerAddress: 2}, newFake())
		limit(t, s, addr)
	})
	t.Run("total", func(t *testing.T) {
		s, addr := serve(t, Options{MaxTotal: 2}, newFake())
		limit(t, s, addr)
	})
}

// limit expects that the third connection is refused, until another one ends.
func limit(t *testing.T, s *Server, addr string) {
	a, b := dial(t, addr), dial(t, addr)
	a.connect()
	b.connect()
	if tryConnect(addr) {
		t.Error("the third is accepted")
	}
	if n := s.Stats().Rejected; n != 1 {
		t.Errorf("%d rejected", n)
	}
	a.send(request(1, proto.OpCloseSession))
	a.reply(1, 11, 0)
	a.closed()
	for end := time.Now().Add(10 * time.Second); !tryConnect(addr); { // the server notices the end a little later
		if time.Now().After(end) {
			t.Fatal("no room again")
		}
	}
}

// tryConnect says whether a session can be opened.
func tryConnect(addr string) bool {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	defer nc.Close()
	if _, err := nc.Write(hello(proto.ConnectRequest{HasReadOnly: true})); err != nil {
		return false
	}
	_, err = io.ReadFull(nc, make([]byte, 41))
	return err == nil
}

func TestStats(t *testing.T) {
	f := newFake()
	s, addr := serve(t, Options{}, f)
	c := dial(t, addr)
	c.connect()
	only := func() Info {
		t.Helper()
		all := s.Connections()
		if len(all) != 1 {
			t.Fatalf("%d connections", len(all))
		}
		return all[0]
	}
	for limit := time.Now().Add(20 * time.Second); only().Interest != 1 && time.Now().Before(limit); {
		runtime.Gosched() // the client may have the reply before the server is done with sending
	}
	if i := only(); i.LastOp != proto.OpCreateSession || i.LastCxid != 0 || i.Timeout != 10000 || i.Session != 0x101 ||
		i.Received != 1 || i.Interest != 1 || time.Since(i.Established) > time.Minute {
		t.Errorf("fresh: %+v", i)
	}
	c.send(getData(7, 10), request(8, proto.OpSetData), request(-2, proto.OpPing))
	c.reply(7, 10, 0)
	c.reply(8, 11, 0)
	c.reply(-2, 11, 0)
	f.notify(0x101, 8)
	c.packet()
	if i := only(); i.Received != 4 || i.Sent != 5 || i.LastCxid != 8 || i.LastZxid != 11 || i.LastOp != proto.OpPing ||
		i.Queued != 0 || i.MaxLatency < i.MinLatency || i.Remote.String() != c.LocalAddr().String() {
		t.Errorf("after requests: %+v", i)
	}
	if n := s.Stats(); n.Received != 4 || n.Sent != 5 || n.Replies != 3 || n.Connections != 1 || n.ConnectRequests != 1 ||
		n.AvgLatency <= 0 {
		t.Errorf("server: %+v", n)
	}
	s.ResetConnections()
	if i := only(); i.Received != 0 || i.Sent != 0 || i.LastCxid != -1 || i.LastZxid != -1 || i.LastOp != 0 {
		t.Errorf("after crst: %+v", i)
	}
	c.send(request(9, proto.OpCloseSession))
	c.reply(9, 12, 0)
	f.await(t, "gone", 1)
	if n := s.Stats(); n.Received != 5 || n.Sent != 6 || n.Connections != 0 {
		t.Errorf("after the end: %+v", n)
	}
	s.ResetStats()
	if n := s.Stats(); n.Received != 0 || n.Sent != 0 || n.AvgLatency != 0 || n.MaxLatency != 0 {
		t.Errorf("after srst: %+v", n)
	}
}

// TestManyHalfOpen: connections that sent next to nothing cost next to nothing.
func TestManyHalfOpen(t *testing.T) {
	s, addr := serve(t, Options{}, newFake())
	before := memory()
	const n = 500
	for i := range n {
		c := dial(t, addr)
		c.send(jute.AppendInt(nil, 1000000)[:i%4+1], make([]byte, i%4/3*5))
	}
	for len(s.Connections()) < n {
		time.Sleep(time.Millisecond) // the accept loop has nobody to tell
	}
	if per := (memory() - before) / n; per > 20<<10 {
		t.Errorf("%d bytes per connection", per)
	}
}

// TestMove accepts on another listener; connections stay.
func TestMove(t *testing.T) {
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	second, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{}, newFake())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, first) }()
	old, err := net.Dial("tcp", first.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	for limit := time.Now().Add(10 * time.Second); len(s.Connections()) == 0; runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatal("not accepted")
		}
	}
	s.Move(first, second)
	if nc, err := net.Dial("tcp", first.Addr().String()); err == nil {
		nc.Close()
		t.Error("the old port is still open")
	}
	nc, err := net.Dial("tcp", second.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for limit := time.Now().Add(10 * time.Second); len(s.Connections()) != 2; runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("%d connections", len(s.Connections()))
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if nc, err := net.Dial("tcp", second.Addr().String()); err == nil {
		nc.Close()
		t.Error("the new port is still open after the end")
	}
}
