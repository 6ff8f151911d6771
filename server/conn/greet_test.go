package conn

import (
	"io"
	"net"
	"testing"
	"time"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

func TestFirstBytes(t *testing.T) {
	_, addr := serve(t, Options{}, newFake())
	check := func(name, want string, pieces ...string) {
		t.Helper()
		c := dial(t, addr)
		for _, p := range pieces {
			if _, err := io.WriteString(c, p); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		got, err := io.ReadAll(c)
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			t.Errorf("%s: not closed", name)
		}
		if string(got) != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	check("word", "answer to ruok", "ruok")
	check("word and more", "answer to srvr", "srvr\nxyz")
	check("pieces", "answer to conf", "c", "on", "f")
	check("mask", "mask 12345678", "stmk", "1234", "5678")
	check("telnet", "", "\xff\xf4\xff\xfd\x06")
	check("capitals", "", "RUOK")
	check("unknown", "", "abcd")
	check("http", "", "GET / HTTP/1.1\r\n\r\n")
	check("tls", "", "\x16\x03\x01\x02\x00\x01")
	check("negative", "", "\xff\xff\xff\xff")
	check("limit", "", "\x00\x10\x00\x00")
	check("short connect request", "", string(framed(make([]byte, 20))))
	check("undecodable", "", string(framed(jute.AppendInt(make([]byte, 24), 17))))
	check("large answer", string(zeros), "wchp")
}

func TestWordWithHalfClose(t *testing.T) {
	_, addr := serve(t, Options{}, newFake())
	for word, want := range map[string]string{"ruok": "answer to ruok", "stmk123": "", "ru": ""} {
		c := dial(t, addr)
		c.send([]byte(word))
		if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", word, got, err)
		}
	}
}

func TestNotServing(t *testing.T) {
	f := newFake()
	f.down = true
	s, addr := serve(t, Options{}, f)
	c := dial(t, addr)
	c.send(hello(proto.ConnectRequest{})[:4])
	c.closed()
	c = dial(t, addr)
	c.send([]byte("srvr"))
	if got, err := io.ReadAll(c); err != nil || string(got) != "answer to srvr" {
		t.Errorf("srvr: %q, %v", got, err)
	}
	if n := s.Stats().Unserved; n != 1 {
		t.Errorf("%d counted", n)
	}
}

func TestConnect(t *testing.T) {
	f := newFake()
	_, addr := serve(t, Options{MinTimeout: 4 * time.Second, MaxTimeout: 40 * time.Second}, f)
	check := func(name string, r proto.ConnectRequest, want proto.ConnectResponse) {
		t.Helper()
		c := dial(t, addr)
		c.send(hello(r))
		size := 36
		if r.HasReadOnly {
			size, want.HasReadOnly = 37, true
		}
		got := c.response(size)
		if want.Session == 0 {
			c.closed()
		} else {
			want.Session, want.Password = got.Session, [16]byte{1, 2, 3}
		}
		if got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	ok := func(timeout int32) proto.ConnectResponse { return proto.ConnectResponse{Timeout: timeout, Session: 1} }
	check("new", proto.ConnectRequest{Timeout: 12345, HasReadOnly: true}, ok(12345))
	check("old client", proto.ConnectRequest{Timeout: 12345}, ok(12345))
	check("short timeout", proto.ConnectRequest{Timeout: -5, HasReadOnly: true}, ok(4000))
	check("long timeout", proto.ConnectRequest{Timeout: 1 << 30, HasReadOnly: true}, ok(40000))
	check("negative zxid", proto.ConnectRequest{LastZxidSeen: -1, Timeout: 5000}, ok(5000))
	check("same zxid", proto.ConnectRequest{LastZxidSeen: 10, Timeout: 5000}, ok(5000))
	check("resume", proto.ConnectRequest{Session: 0x5, Password: []byte("right"), Timeout: 5000}, ok(5000))
	check("wrong password", proto.ConnectRequest{Session: 0x5, Password: []byte("wrong")}, proto.ConnectResponse{})
	check("null password", proto.ConnectRequest{Session: 0x5, HasReadOnly: true}, proto.ConnectResponse{})
	check("expired", proto.ConnectRequest{Session: 0xdead, Password: []byte("right"), HasReadOnly: true}, proto.ConnectResponse{})

	c := dial(t, addr)
	c.send(hello(proto.ConnectRequest{LastZxidSeen: 11}))
	c.closed()

	// More than the readOnly byte, and requests behind.
	c = dial(t, addr)
	r := proto.ConnectRequest{Timeout: 5000, HasReadOnly: true}
	c.send(framed(append(r.Append(nil), 1, 2, 3)), getData(1, 4), request(2, proto.OpSetData))
	c.response(37)
	c.reply(1, 10, 0)
	c.reply(2, 11, 0)
}

// TestEvict: a resume with a wrong password kills the connection that carries the
// session, too.
func TestEvict(t *testing.T) {
	f := newFake()
	_, addr := serve(t, Options{}, f)
	a, b := dial(t, addr), dial(t, addr)
	id := a.connect().Session
	b.send(hello(proto.ConnectRequest{Session: id, Password: []byte("wrong")}))
	b.response(36)
	b.closed()
	a.closed()
	f.await(t, "gone", 1)
}

func TestReadOnly(t *testing.T) {
	f := newFake()
	f.readOnly = true
	_, addr := serve(t, Options{}, f)
	c := dial(t, addr)
	c.send(hello(proto.ConnectRequest{HasReadOnly: true}))
	c.closed()
	c = dial(t, addr)
	c.send(hello(proto.ConnectRequest{HasReadOnly: true, ReadOnly: true}))
	if r := c.response(37); !r.ReadOnly {
		t.Error("the response does not say read-only")
	}
}

func TestThrottled(t *testing.T) {
	s, addr := serve(t, Options{Throttle: Throttle{Tokens: 2, FillTime: time.Hour}}, newFake())
	dial(t, addr).connect()
	dial(t, addr).connect()
	c := dial(t, addr)
	c.send(hello(proto.ConnectRequest{}))
	c.closed()
	if n := s.Stats().Dropped; n != 1 {
		t.Errorf("%d dropped", n)
	}
}

// TestDieWhileOpening: the backend learns of the end of a connection whose session
// opens after that, exactly once, and not of one whose session does not.
func TestDieWhileOpening(t *testing.T) {
	f := newFake()
	f.holdOpen = true
	s, addr := serve(t, Options{}, f)
	for range 2 {
		c := dial(t, addr)
		c.send(hello(proto.ConnectRequest{}))
		f.await(t, "open", 1)
	}
	s.DropAll()
	for len(s.Connections()) > 0 {
		time.Sleep(time.Millisecond) // nobody is told: that is the point
	}
	if len(f.gone) != 0 {
		t.Fatal("gone before it was opened")
	}
	f.opening[0]()
	f.await(t, "gone", 1)
	for c, n := range f.gone {
		if n != 1 || c.Session() == 0 {
			t.Errorf("gone %d times, session %v", n, c.Session())
		}
	}
	if len(f.gone) != 1 {
		t.Errorf("%d connections are gone", len(f.gone))
	}
}

func TestThrottleBucket(t *testing.T) {
	take := func(b *throttle, at time.Duration, chance float64, want bool) {
		t.Helper()
		if got := b.take(at, chance); got != want {
			t.Errorf("at %v: %v", at, got)
		}
	}
	off := newThrottle(Throttle{})
	for range 1000 {
		take(off, 0, 0, true)
	}
	b := newThrottle(Throttle{Tokens: 2, FillTime: 10 * time.Millisecond, FillCount: 1})
	take(b, 0, 0, true)
	take(b, 0, 0, true)
	take(b, 10*time.Millisecond, 0, false) // more than the fill time must have passed
	take(b, 11*time.Millisecond, 0, true)
	take(b, 12*time.Millisecond, 0, false)
	take(b, time.Second, 0, true)
	take(b, time.Second, 0, true)
	take(b, time.Second, 0, false)

	blue := newThrottle(Throttle{Tokens: 2, FillTime: time.Millisecond, FillCount: 1, Freeze: 10 * time.Millisecond,
		DropIncrease: 0.5, DropDecrease: 0.25})
	take(blue, 0, 0.9, true)
	take(blue, 0, 0.9, true)
	take(blue, 0, 0.9, false) // empty: frozen
	blue.tokens, blue.filled = 0, 20*time.Millisecond
	take(blue, 20*time.Millisecond, 0.4, false) // the probability is now a half
	if p := blue.probability(); p != 0.5 {
		t.Errorf("probability %v", p)
	}
	take(blue, 40*time.Millisecond, 0.3, true) // full again: a quarter
	if p := blue.probability(); p != 0.25 {
		t.Errorf("probability %v", p)
	}
}
