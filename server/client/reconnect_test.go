package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	. "gokeeper/server/client"
	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// TestRestart keeps session and ephemeral nodes through a restart of the server.
func TestRestart(t *testing.T) {
	k := newKeeper(t)
	c := k.connect(k.address)
	c.create("/e", "x", proto.FlagEphemeral)
	before, _ := c.Session()
	k.halt()
	c.sees(lostEvent)
	err := c.Sync(c.ctx, "/e")
	c.fails(err, ErrConnectionLoss)
	k.start()
	c.sees(backEvent)
	c.holds("/e", "x")
	if after, _ := c.Session(); after != before {
		t.Errorf("session %v, was %v", after, before)
	}
	c.quiet()
}

// TestWatchesSurvive wants what changed while there was no connection to be told, and the
// rest to be watched as before.
func TestWatchesSurvive(t *testing.T) {
	k := newKeeper(t)
	other := k.connect(k.address)
	for _, path := range []string{"/app", "/app/data", "/app/same", "/app/children", "/app/gone", "/app/p", "/app/r"} {
		other.create(path, "", proto.FlagPersistent)
	}
	c := k.connect(k.address + "/app")
	for _, path := range []string{"/data", "/same", "/gone"} {
		_, _, err := c.Get(c.ctx, path, true)
		c.must(err)
	}
	_, _, err := c.Children(c.ctx, "/children", true)
	c.must(err)
	_, err = c.Exists(c.ctx, "/new", true)
	c.fails(err, proto.NoNode)
	c.must(c.AddWatch(c.ctx, "/p", proto.AddPersistent))
	c.must(c.AddWatch(c.ctx, "/r", proto.AddPersistentRecursive))
	mend := c.link.cut()
	c.sees(lostEvent)
	_, err = other.Set(other.ctx, "/app/data", nil, AnyVersion)
	other.must(err)
	other.create("/app/children/x", "", proto.FlagPersistent)
	other.create("/app/new", "", proto.FlagPersistent)
	other.must(other.Delete(other.ctx, "/app/gone", AnyVersion))
	mend()
	c.sees(backEvent)
	missed := map[string]bool{}
	for range 4 {
		missed[(<-c.events).String()] = true
	}
	for _, want := range []string{"NodeDataChanged path:/data", "NodeChildrenChanged path:/children", "NodeCreated path:/new", "NodeDeleted path:/gone"} {
		if !missed["WatchedEvent state:SyncConnected type:"+want+" zxid: -1"] {
			t.Errorf("no %s in %v", want, missed)
		}
	}
	for _, path := range []string{"/app/same", "/app/data"} { // the second is used up
		_, err = other.Set(other.ctx, path, nil, AnyVersion)
		other.must(err)
	}
	c.sees("WatchedEvent state:SyncConnected type:NodeDataChanged path:/same")
	for range 2 {
		other.create("/app/r/x-", "", proto.FlagSequential)
		_, err = other.Set(other.ctx, "/app/p", nil, AnyVersion)
		other.must(err)
	}
	for i := range 2 {
		c.sees(fmt.Sprintf("WatchedEvent state:SyncConnected type:NodeCreated path:/r/x-000000000%d", i))
		c.sees("WatchedEvent state:SyncConnected type:NodeDataChanged path:/p")
	}
	c.must(c.Sync(c.ctx, "/"))
	c.quiet()
}

// TestMoves goes to another server of the list when a connection breaks, with the session.
func TestMoves(t *testing.T) {
	k := newKeeper(t)
	c := k.connect("one:1,two:2,three:3")
	c.create("/e", "", proto.FlagEphemeral)
	for range 5 {
		c.link.cut()()
		c.sees(lostEvent)
		c.sees(backEvent)
	}
	c.holds("/e", "")
	names := c.link.dialed()
	for i := range names[3:] {
		if names[i] != names[i+3] || names[i] == names[i+1] {
			t.Fatalf("servers were tried in the order %q", names)
		}
	}
}

// TestExpiry ends the client when its session is over, and says so once.
func TestExpiry(t *testing.T) {
	k := newKeeper(t)
	c := k.connect(k.address)
	c.create("/e", "", proto.FlagEphemeral)
	mend := c.link.cut()
	c.sees(lostEvent)
	thief := k.connect(k.address)
	thief.resume(c)
	thief.must(thief.Close(thief.ctx))
	mend()
	c.sees("WatchedEvent state:Expired type:None path:null zxid: -1")
	_, err := c.Exists(c.ctx, "/", false)
	c.fails(err, proto.SessionExpired)
	c.fails(c.AwaitConnected(c.ctx), proto.SessionExpired)
	c.must(c.Close(c.ctx))
	if c.State() != Closed {
		t.Errorf("state %v", c.State())
	}
	c.quiet()
}

// resume moves the client to the session of another one.
func (s *session) resume(other *session) {
	s.t.Helper()
	mend := s.link.cut()
	s.sees(lostEvent)
	s.Adopt(other.Client)
	mend()
	s.sees(backEvent)
}

// TestAuth sends credentials again on every connection, before anything else.
func TestAuth(t *testing.T) {
	k := newKeeper(t)
	c := k.connect(k.address)
	c.must(c.AddAuth("digest", []byte("bob:secret")))
	_, _, err := c.Create(c.ctx, Node{Path: "/bob", ACL: []proto.ACL{{Perms: proto.PermAll, Identity: proto.Identity{Scheme: "auth"}}}})
	c.must(err)
	_, _, err = c.Get(c.ctx, "/bob", true)
	c.must(err)
	mend := c.link.cut()
	c.sees(lostEvent)
	other := k.connect(k.address)
	_, _, err = other.Get(other.ctx, "/bob", false)
	other.fails(err, proto.NoAuth)
	other.must(other.AddAuth("digest", []byte("bob:secret")))
	_, err = other.Set(other.ctx, "/bob", []byte("x"), AnyVersion)
	other.must(err)
	mend()
	c.sees(backEvent)
	c.sees("WatchedEvent state:SyncConnected type:NodeDataChanged path:/bob zxid: -1")
	c.holds("/bob", "x")
}

// TestAuthFails ends the client: a server closes the connection, and would again.
func TestAuthFails(t *testing.T) {
	k := newKeeper(t)
	c := k.connect(k.address)
	c.must(c.AddAuth("foo", []byte("x")))
	_, err := c.Exists(c.ctx, "/", false)
	c.fails(err, proto.AuthFailed)
	c.sees("WatchedEvent state:AuthFailed type:None path:null zxid: -1")
	if c.State() != AuthFailed {
		t.Errorf("state %v", c.State())
	}
	c.must(c.Close(c.ctx))
	c.quiet()
}

// TestRemoveLocally removes a watch that no server can be asked about.
func TestRemoveLocally(t *testing.T) {
	k := newKeeper(t)
	c := k.connect(k.address)
	_, _, err := c.Get(c.ctx, "/", true)
	c.must(err)
	k.halt()
	c.sees(lostEvent)
	c.fails(c.RemoveWatches(c.ctx, "/", proto.WatcherData, false), ErrConnectionLoss)
	c.must(c.RemoveWatches(c.ctx, "/", proto.WatcherData, true))
	c.sees("WatchedEvent state:Disconnected type:DataWatchRemoved path:/ zxid: -1")
}

// TestNobody fails requests as soon as an attempt has failed, with the reason.
func TestNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c, err := Open(Config{Servers: address, Retry: time.Millisecond, Watcher: func(e Event) {
		if e.State != SessionClosed {
			t.Errorf("event %v", e)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exists(t.Context(), "/", false)
	s := &session{t: t}
	s.fails(err, ErrConnectionLoss)
	s.fails(c.AwaitAttempt(t.Context()), ErrConnectionLoss)
	s.fails(c.Close(t.Context()), ErrConnectionLoss)
}

// TestStrangers refuses what is no server.
func TestStrangers(t *testing.T) {
	f := func(want error, answer ...byte) {
		t.Helper()
		c, err := Open(Config{Servers: fake(t, func(nc net.Conn) { _, _ = nc.Write(answer) }), Retry: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		s := &session{t: t}
		s.fails(c.AwaitAttempt(t.Context()), want)
	}
	f(ErrNotServing)
	f(ErrReply, []byte("HTTP/1.1 400 Bad Request\r\n\r\n")...)
	f(ErrReply, 0, 0, 0, 2, 0, 0)
}

// fake returns the address of a listener that handles each connection, once it has read
// something, and closes it.
func fake(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				_, _ = nc.Read(make([]byte, 1000))
				handle(nc)
			}()
		}
	}()
	return l.Addr().String()
}

// TestReadOnly stays with a server without a quorum until another one has it. What the
// first calls its session is none of the ensemble's.
func TestReadOnly(t *testing.T) {
	k := newKeeper(t)
	alone := fake(t, func(nc net.Conn) {
		welcome := (&proto.ConnectResponse{Timeout: 30000, Session: 5, ReadOnly: true, HasReadOnly: true}).Append(nil)
		_, _ = nc.Write(jute.AppendBuffer(nil, welcome))
		_, _ = io.Copy(io.Discard, nc)
	})
	var healed atomic.Bool
	events := make(chan Event, 10)
	c, err := Open(Config{
		Servers: "alone:1,healed:1", ReadOnly: true, Retry: time.Millisecond, Watcher: func(e Event) { events <- e },
		Dial: func(ctx context.Context, address string) (net.Conn, error) {
			to := alone
			switch {
			case address == "healed:1" && !healed.Load():
				return nil, errors.New("not healed")
			case address == "healed:1":
				to = k.address
			}
			return (&net.Dialer{}).DialContext(ctx, "tcp", to)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	for _, want := range []SessionState{SessionConnectedReadOnly, SessionDisconnected, SessionSyncConnected} {
		if e := <-events; e.State != want {
			t.Fatalf("%v, want state %v", e, want)
		}
		healed.Store(true)
	}
	if id, _ := c.Session(); id == 5 || c.State() != Connected {
		t.Errorf("session %v, state %v", id, c.State())
	}
}
