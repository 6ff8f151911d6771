package config_test

import (
	"testing"

	"gokeeper/server/config"
	"gokeeper/server/quorum"
)

func TestRewrite(t *testing.T) {
	f := func(in string, client bool, want string) {
		t.Helper()
		if got := string(config.Rewrite([]byte(in), "/d", client)); got != want {
			t.Errorf("%q becomes\n%q, want\n%q", in, got, want)
		}
	}
	f("", false, "dynamicConfigFile=/d\n")
	f("a=1\n#server.1=x\n\nserver.1=h:1:2\n b = 2", false, "a=1\n#server.1=x\n\n b = 2\ndynamicConfigFile=/d\n")
	f("dynamicConfigFile=/old\npeerType=observer\ngroup.1=1\nweight.1=2\nserver.1=h:1:\\\n  2\nc=3\\\n4\n", false, "c=3\\\n4\ndynamicConfigFile=/d\n")
	f("clientPort=1\nclientPortAddress=h\nsecureClientPort=2\n", false, "clientPort=1\nclientPortAddress=h\nsecureClientPort=2\ndynamicConfigFile=/d\n")
	f("clientPort=1\nclientPortAddress=h\nsecureClientPort=2\n", true, "secureClientPort=2\ndynamicConfigFile=/d\n")
}

// TestDynamicText wants what Java writes: lines sorted as text.
func TestDynamicText(t *testing.T) {
	c, err := quorum.Parse("server.2=h:1:2\nserver.10=g:1:2:observer;3\nversion=10000000a")
	if err != nil {
		t.Fatal(err)
	}
	const lines = "server.10=g:1:2:observer;0.0.0.0:3\nserver.2=h:1:2:participant"
	if got := string(config.DynamicText(c, false)); got != lines {
		t.Errorf("got %q", got)
	}
	if got := string(config.DynamicText(c, true)); got != lines+"\nversion=10000000a" {
		t.Errorf("got %q", got)
	}
	if got := config.DynamicName("zoo.cfg", c.Version) + " " + config.NextName("zoo.cfg"); got != "zoo.cfg.dynamic.10000000a zoo.cfg.dynamic.next" {
		t.Errorf("got %q", got)
	}
}
