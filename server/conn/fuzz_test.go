package conn

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"gokeeper/server/proto"
)

// lenient is a backend that answers everything at once and notes what it must not be
// asked.
type lenient struct {
	open  atomic.Int64 // sessions
	fault atomic.Pointer[string]
}

func (l *lenient) complain(s string)        { l.fault.CompareAndSwap(nil, &s) }
func (l *lenient) Serving() (bool, bool)    { return true, false }
func (l *lenient) LastZxid() proto.Zxid     { return 100 }
func (l *lenient) Ordered(op proto.Op) bool { return op.IsWrite() }
func (l *lenient) Evict(proto.SessionID)    {}
func (l *lenient) Gone(*Conn)               { l.open.Add(-1) }
func (l *lenient) Open(c *Conn, o Opening)  { l.open.Add(1); c.Opened(7, o.Timeout, [16]byte{1}, false) }
func (l *lenient) Read(c *Conn, r *proto.Request) {
	if !r.Op.IsRead() {
		l.complain("read of " + r.Op.String())
	}
	c.Answered(r.Op, r.Xid, 100, r.Read)
	c.Release(appendReply(c.Buffer(), r.Xid, 100, proto.OK))
}

func (l *lenient) Submit(c *Conn, r proto.Request) {
	if !r.Op.IsWrite() || r.Op == proto.OpCreateSession || r.Op == proto.OpDeleteContainer {
		l.complain("write of " + r.Op.String())
	}
	c.Answered(r.Op, r.Xid, 100, r.Read)
	c.Release(appendReply(c.Buffer(), r.Xid, 100, proto.OK))
	for _, r := range c.Done() {
		l.Read(c, &r)
	}
	if r.Op == proto.OpCloseSession {
		c.Hangup()
	}
	c.Flush()
}

func (l *lenient) Authenticate(_ *Conn, scheme string, credentials []byte) ([]proto.Identity, proto.Error) {
	if scheme != "digest" {
		return nil, proto.AuthFailed
	}
	return []proto.Identity{{Scheme: scheme, ID: string(credentials)}}, proto.OK
}

func (l *lenient) Command(_ *Conn, word string, arg []byte) []byte {
	if w, n := wordAt([]byte(word + "    ")); word != WordTelnetClose && w != word || len(arg) != n {
		l.complain("word " + word)
	}
	return nil
}

// FuzzConnection is a client that sends whatever in pieces and goes away. Whatever that
// is, the server answers in packets, asks its backend nothing that it must not ask, and
// forgets the connection.
func FuzzConnection(f *testing.F) {
	first := hello(proto.ConnectRequest{Timeout: 10000, HasReadOnly: true})
	for _, s := range []string{
		"ruok", "stmk12345678", "\xff\xf4\xff\xfd", "GET / HTTP/1.1\r\n\r\n", "\x00\x00\x00\x00",
		string(first) + string(getData(1, 10)) + string(request(2, proto.OpCreate, 1, 2, 3)) + string(getData(3, 10)) + string(request(4, proto.OpCloseSession)),
		string(first) + string(request(-4, proto.OpAuth, 0, 0, 0, 0, 0, 0, 0, 6, 'd', 'i', 'g', 'e', 's', 't', 0, 0, 0, 1, 'a')) + string(request(-2, proto.OpPing)),
		string(first) + string(request(1, proto.OpSASL, 0, 0, 0, 0)) + string(request(2, 4711)),
		string(hello(proto.ConnectRequest{Session: 9, Password: []byte("right")})) + "ruok",
	} {
		f.Add([]byte(s), uint8(255))
		f.Add([]byte(s), uint8(0))
	}
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8) {
		l := &lenient{}
		s := New(Options{PasswordOK: passwordOK}, l)
		ln := newPipes()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx, ln) }()
		nc := ln.dial()
		_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
		answer := make(chan []byte, 1)
		go func() {
			b, _ := io.ReadAll(nc) // closed by either side
			answer <- b
		}()
		send(nc, stream, int(piece)+1)
		nc.Close()
		got := <-answer
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if n := s.outstanding.Load() | s.held.Load() | s.large.Load() | int64(len(s.conns)) | l.open.Load(); n != 0 {
			t.Fatalf("something is left: outstanding %d, held %d, large %d, %d connections, %d sessions",
				s.outstanding.Load(), s.held.Load(), s.large.Load(), len(s.conns), l.open.Load())
		}
		if what := l.fault.Load(); what != nil {
			t.Fatalf("the backend was asked for a %s", *what)
		}
		if rest := behindPackets(got); len(rest) > 0 {
			t.Fatalf("the answer %x is no packets from %x on", got, rest)
		}
	})
}

// send writes in pieces until everything is sent or the other side has had enough.
func send(nc net.Conn, b []byte, piece int) {
	for len(b) > 0 {
		n, err := nc.Write(b[:min(piece, len(b))])
		if b = b[n:]; err != nil {
			return
		}
	}
}

// behindPackets returns what is left of b where it is no packet, nor the first part of
// one, which the end of the connection has cut.
func behindPackets(b []byte) []byte {
	const longest = 100
	for len(b) > 0 {
		_, n, err := nextFrame(b, longest)
		switch {
		case err != nil:
			return b
		case n > len(b):
			return nil
		}
		b = b[n:]
	}
	return nil
}
