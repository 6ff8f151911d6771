package client

import (
	"errors"
	"slices"
	"testing"
)

func TestParseServers(t *testing.T) {
	f := func(in, chroot string, addresses ...string) {
		t.Helper()
		got, err := ParseServers(in)
		if err != nil || got.Chroot != chroot || !slices.Equal(got.Addresses, addresses) {
			t.Errorf("%q: got %q, %v, want %q under %q", in, got, err, addresses, chroot)
		}
	}
	f("a", "", "a:2181")
	f("a:", "", "a:2181")
	f("a:1,b:2", "", "a:1", "b:2")
	f(" a:1 , b ,", "", "a:1", "b:2181")
	f("a:1/", "", "a:1")
	f("a:1,b:2/x/y", "/x/y", "a:1", "b:2")
	f("[::1]:7", "", "[::1]:7")
	f("[::1]", "", "[::1]:2181")
	f("::1", "", "[::1]:2181")
	for _, in := range []string{"", ",", "/x", ":1", "a:0", "a:65536", "a:x", "a:-1"} {
		if _, err := ParseServers(in); !errors.Is(err, ErrServers) {
			t.Errorf("%q: error %v", in, err)
		}
	}
	var path *PathError
	if _, err := ParseServers("a:1/x/"); !errors.As(err, &path) {
		t.Errorf("chroot with a slash at its end: %v", err)
	}
}

func TestChroot(t *testing.T) {
	f := func(chroot, client, server string) {
		t.Helper()
		s := Servers{Chroot: chroot}
		if got := s.inside(client); got != server {
			t.Errorf("%q under %q: %q at the server, want %q", client, chroot, got, server)
		}
		if got := s.outside(server); got != client {
			t.Errorf("%q at the server under %q: %q, want %q", server, chroot, got, client)
		}
	}
	f("", "/", "/")
	f("", "/a", "/a")
	f("/x", "/", "/x")
	f("/x", "/a/b", "/x/a/b")
	s := Servers{Chroot: "/x"}
	for _, other := range []string{"/xy", "/zookeeper/config", "/"} {
		if got := s.outside(other); got != other {
			t.Errorf("%q, which is outside of the chroot, became %q", other, got)
		}
	}
}
