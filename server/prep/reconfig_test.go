package prep

import (
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

// TestSharedAddresses: a new member may have no address that another one has, but for
// those that mean another machine at each of them. The results are Java 3.9.6's.
func TestSharedAddresses(t *testing.T) {
	f := func(old, joins string, want proto.Error) {
		t.Helper()
		seen, err := quorum.Parse("server.1=10.0.0.1:1:2:participant;10.0.0.1:3\nserver.5=" + old)
		if err != nil {
			t.Fatal(err)
		}
		p := newWorld(t, Config{Reconfig: true}).prep
		if _, err := p.nextConfig(&proto.ReconfigRequest{Joining: []byte("server.6=" + joins)}, seen); err != want {
			t.Errorf("%s beside %s: %v, want %v", joins, old, err, want)
		}
		if _, err := p.nextConfig(&proto.ReconfigRequest{Joining: []byte("server.5=" + old)}, seen); err != proto.OK {
			t.Errorf("%s anew: %v", old, err)
		}
	}
	for _, same := range []string{
		"127.0.0.1:1:2:observer;3", "127.5.5.5:1:2:observer;127.5.5.5:3", "localhost:1:2:observer;localhost:3",
		"0.0.0.0:1:2:observer;0.0.0.0:3", "[::1]:1:2:observer;[::1]:3", "[::]:1:2:observer;[::]:3",
	} {
		f(same, same, proto.OK)
	}
	f("zoo5:2888:3888:participant;2181", "zoo6:2888:3888:participant;2181", proto.OK)
	f("10.9.9.9:1:2:observer;3", "10.9.9.8:1:2:observer;3", proto.OK)
	f("10.9.9.9:1:2:observer;3", "10.9.9.9:4:5:observer;3", proto.OK)
	f("10.9.9.9:1:2:observer;3", "10.9.9.9:1:4:observer;5", proto.BadArguments)
	f("10.9.9.9:1:2:observer;3", "10.9.9.9:4:1:observer;5", proto.BadArguments)
	f("10.9.9.9:1:2:observer;10.9.9.9:3", "10.9.9.9:4:5:observer;10.9.9.9:3", proto.BadArguments)
	f("10.9.9.9:1:2:observer;10.9.9.9:3", "10.9.9.9:4:5:observer;10.9.9.9:1", proto.BadArguments)
	f("[fe80::9]:1:2:observer;3", "[fe80:0:0:0::9]:1:2:observer;4", proto.BadArguments)
	f("[::ffff:10.9.9.9]:1:2:observer;3", "10.9.9.9:1:2:observer;4", proto.BadArguments)
	f("zoo5:1:2:observer;3", "zoo5:1:2:observer;4", proto.BadArguments)
}
