package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gokeeper/server"
	"gokeeper/server/config"
	"gokeeper/server/keystore"
	"gokeeper/server/proto"
	"gokeeper/server/storage"
)

// TestTwoServers runs two servers in this process: each has data, sessions, numbers and
// an end of its own.
func TestTwoServers(t *testing.T) {
	a, b := start(t, configure(t, t.TempDir()), server.Options{Version: "a"}), start(t, configure(t, t.TempDir()), server.Options{Version: "b"})
	ca, cb := a.mustConnect(nil), b.mustConnect(nil)
	ca.create("/who", "a", proto.FlagPersistent)
	cb.create("/who", "b", proto.FlagPersistent)
	cb.create("/more", "", proto.FlagPersistent)
	ca.holds("/who", "a")
	cb.holds("/who", "b")
	for r, want := range map[*running][]string{
		a: {"version: a\n", "\nMode: standalone\n", "\nNode count: 6\n", "\nZxid: 0x2\n"},
		b: {"version: b\n", "\nMode: standalone\n", "\nNode count: 7\n", "\nZxid: 0x3\n"},
	} {
		got := r.word("srvr")
		for _, line := range want {
			if !strings.Contains(got, line) {
				t.Errorf("no %q in\n%s", line, got)
			}
		}
	}
	if _, err := b.connect(ca); !errors.Is(err, errExpired) {
		t.Errorf("a session of one on the other: %v, want %v", err, errExpired)
	}
	a.halt()
	if nc, err := net.Dial("tcp", a.ClientAddr().String()); err == nil {
		nc.Close()
		t.Error("the one that was stopped still listens")
	}
	cb.holds("/who", "b")
	b.halt()
	noGoroutines(t)
	if err := errors.Join(a.Close(), b.Close()); err != nil {
		t.Errorf("Close after Run: %v", err)
	}
}

// TestInUse wants a second server on a directory refused with a reason, and the first
// one untouched.
func TestInUse(t *testing.T) {
	dir, logs := t.TempDir(), t.TempDir()
	first := start(t, configure(t, dir, "dataLogDir="+logs), server.Options{})
	c := first.mustConnect(nil)
	refused := func(cfg config.Config, in string) {
		t.Helper()
		s, err := server.New(cfg, server.Options{Listen: "127.0.0.1:0"})
		if err == nil {
			s.Close()
			t.Fatal("a second server was let in")
		}
		if text := err.Error(); !errors.Is(err, storage.ErrInUse) || !strings.Contains(text, filepath.Join(in, "version-2")+" is in use by another server") ||
			!strings.Contains(text, fmt.Sprint("pid ", os.Getpid())) {
			t.Errorf("got %q, want %s and who uses it", text, in)
		}
	}
	refused(configure(t, dir, "dataLogDir="+logs), logs)
	refused(configure(t, dir), dir)
	refused(configure(t, t.TempDir(), "dataLogDir="+logs), logs)
	c.create("/still", "here", proto.FlagPersistent)
	first.halt()
	c = start(t, configure(t, dir, "dataLogDir="+logs), server.Options{}).mustConnect(nil)
	c.holds("/still", "here")
}

// TestCannotStart wants New to say why, to leave no goroutine, and to release what it
// has opened.
func TestCannotStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	fails := func(cfg config.Config, opt server.Options, is error, want string) {
		t.Helper()
		s, err := server.New(cfg, opt)
		if err == nil {
			s.Close()
			t.Errorf("want %q, the server starts", want)
			return
		}
		if !strings.Contains(err.Error(), want) || is != nil && !errors.Is(err, is) {
			t.Errorf("got %q, want %q", err, want)
		}
	}
	fails(configure(t, file), server.Options{}, nil, "open the data directory: ")
	fails(configure(t, filepath.Join(file, "below")), server.Options{}, nil, file)
	fails(configure(t, t.TempDir(), "datadir.autocreate=false"), server.Options{}, storage.ErrMissing, "Missing data directory")
	fails(configure(t, t.TempDir(), "secureClientPort=2281"), server.Options{}, nil, "ssl.trustStore.location")
	fails(configure(t, t.TempDir(), "client.portUnification=true", "ssl.clientAuth=none"), server.Options{Listen: "127.0.0.1:0"},
		keystore.ErrNoKeyStore, "keyStore.location")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	fails(configure(t, dir), server.Options{Listen: l.Addr().String()}, nil, "address already in use")
	busy := configure(t, dir, "clientPortAddress=127.0.0.1", fmt.Sprint("clientPort=", l.Addr().(*net.TCPAddr).Port))
	fails(busy, server.Options{}, nil, "open the client port: ")
	start(t, configure(t, dir), server.Options{}).halt()
	noGoroutines(t)
}

// TestCloseInstead opens a server and never runs it.
func TestCloseInstead(t *testing.T) {
	cfg := configure(t, t.TempDir())
	for range 2 {
		s, err := server.New(cfg, server.Options{Listen: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	s, err := server.New(cfg, server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if a := s.ClientAddr(); a != nil {
		t.Errorf("without a client port the address is %v", a)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Errorf("Run with a context that is done: %v", err)
	}
	noGoroutines(t)
}

// TestRestart wants data, sessions and what belongs to sessions back after a stop, on
// the real file system and with either compression of snapshots.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	var kept *client
	var zxid proto.Zxid
	for round, method := range []string{"", "gz", "snappy", ""} {
		r := start(t, configure(t, dir, "snapshot.compression.method="+method), server.Options{})
		c := r.mustConnect(kept)
		if kept == nil {
			c.create("/mine", "ephemeral", proto.FlagEphemeral)
			c.create("/dir", "", proto.FlagPersistent)
		}
		c.create(fmt.Sprintf("/dir/%d", round), method, proto.FlagPersistent)
		if c.zxid <= zxid {
			t.Errorf("round %d: zxid %v, before %v", round, c.zxid, zxid)
		}
		zxid = c.zxid
		c.holds("/mine", "ephemeral")
		for i, method := range []string{"", "gz", "snappy", ""}[:round+1] {
			c.holds(fmt.Sprintf("/dir/%d", i), method)
		}
		gone := r.mustConnect(nil)
		gone.create("/gone", "", proto.FlagEphemeral)
		gone.do(proto.OpCloseSession, nil)
		if _, err := r.connect(gone); !errors.Is(err, errExpired) {
			t.Errorf("round %d: resuming a closed session: %v", round, err)
		}
		if _, code := c.get("/gone"); code != proto.NoNode {
			t.Errorf("round %d: the ephemeral of a closed session: %v", round, code)
		}
		wrong := *c
		wrong.password = make([]byte, 16)
		if _, err := r.connect(&wrong); !errors.Is(err, errExpired) {
			t.Errorf("round %d: resuming with a wrong password: %v", round, err)
		}
		kept = c
		r.halt()
	}
	noGoroutines(t)
}

// TestStopUnderLoad stops a server while clients write, idle and watch. It ends soon
// and well, and what it acknowledged is there afterwards.
func TestStopUnderLoad(t *testing.T) {
	dir := t.TempDir()
	r := start(t, configure(t, dir), server.Options{})
	for range 20 {
		r.mustConnect(nil).do(proto.OpGetData, pathRecord("/", true))
	}
	half, err := net.Dial("tcp", r.ClientAddr().String()) // says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	l := r.load(4)
	l.await(50)
	begin := time.Now()
	r.halt()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	l.wait()
	noGoroutines(t)
	l.kept(start(t, configure(t, dir), server.Options{}).mustConnect(nil))
}
