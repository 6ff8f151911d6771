package quorum

import (
	"slices"
	"strings"
	"testing"
)

// What a 3.9.6 leader sent in NEWLEADER.
const javaMajority = "server.1=127.0.0.1:21121:21141:participant;127.0.0.1:21101\n" +
	"server.2=127.0.0.1:21122:21142:participant;127.0.0.1:21102\n" +
	"server.3=127.0.0.1:21123:21143:participant;127.0.0.1:21103\n" +
	"server.4=127.0.0.1:21124:21144:observer;127.0.0.1:21104\n" +
	"version=0"

const javaHierarchical = "server.1=127.0.0.1:21121:21141:participant;127.0.0.1:21101\n" +
	"server.2=127.0.0.1:21122:21142:participant;127.0.0.1:21102\n" +
	"server.3=127.0.0.1:21123:21143:participant;127.0.0.1:21103\n" +
	"group.1=1:2\ngroup.2=3\nweight.1=1\nweight.2=1\nweight.3=1\nversion=100000000"

const javaMultiAddress = "server.1=127.0.0.1:21121:21141|127.0.0.2:21121:21141:participant;127.0.0.1:21101\n" +
	"server.2=127.0.0.1:21122:21142|127.0.0.2:21122:21142:participant;127.0.0.1:21102\nversion=0"

func mustParse(t testing.TB, text string) Config {
	t.Helper()
	c, err := Parse(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return c
}

func TestTextFromJava(t *testing.T) {
	for _, text := range []string{javaMajority, javaHierarchical, javaMultiAddress, "version=0", "version=ffffffff"} {
		if got := mustParse(t, text).String(); got != text {
			t.Errorf("got\n%s\nwant\n%s", got, text)
		}
	}
	c := mustParse(t, javaHierarchical)
	if c.Version != 0x100000000 || !c.Hierarchical() || mustParse(t, javaMajority).Hierarchical() {
		t.Errorf("version %x, hierarchical %v", c.Version, c.Hierarchical())
	}
}

func TestParseText(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := mustParse(t, in).String(); got != want {
			t.Errorf("%q: got %q want %q", in, got, want)
		}
	}
	f("", "version=0")
	f("# c\n! d\n\n  version = 1F \n", "version=1f")
	f("version:a", "version=a")
	f("version a", "version=a")
	f("version=1\nversion=2", "version=2")
	f("server.1=bad\nserver.1=h:1:2", "server.1=h:1:2:participant\nversion=0")
	f("server.10=h:1:2\nserver.9=h:3:4\nserver.-1=h:5:6", "server.-1=h:5:6:participant\nserver.9=h:3:4:participant\nserver.10=h:1:2:participant\nversion=0")
	f("server.1=h:1:2\r\nserver.300=h:3:4\r\n", "server.1=h:1:2:participant\nserver.300=h:3:4:participant\nversion=0")
	f("server.2=h:1:2\nweight.2=0\ngroup.7=2", "server.2=h:1:2:participant\ngroup.7=2\nweight.2=0\nversion=0")
	f("server.1=h:1:2\nserver.2=h:3:4:observer\ngroup.1=2:1\nweight.2=5",
		"server.1=h:1:2:participant\nserver.2=h:3:4:observer\ngroup.1=1:2\nweight.1=1\nweight.2=5\nversion=0")
}

func TestParseErrors(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if c, err := Parse(in); err == nil || err.Error() != want {
			t.Errorf("%q: got %q, %v, want %s", in, c, err, want)
		}
	}
	f("tickTime=2000", "Unrecognised parameter: tickTime")
	f("server=h:1:2", "Unrecognised parameter: server")
	f("server.x=h:1:2", `For input string: "x"`)
	f("server.=h:1:2", `For input string: ""`)
	f("group=1", `For input string: "group"`)
	f("groups.1=a", `For input string: "a"`)
	f("group.1=", `For input string: ""`)
	f("weight.1=heavy", `For input string: "heavy"`)
	f("weight=1", `For input string: "weight"`)
	f("version=xyz", `For input string: "xyz" under radix 16`)
	f("server.1=h:1:2\nserver.2=h:3:4\ngroup.1=1", "Server 2is not in a group")
	f("server.1=h:1:2\nweight.1=1", "Server 1is not in a group")
	f("server.2=h:1:2\ngroup.1=2\ngroup.2=2", "Server 2is in multiple groups")
	f("server.2=h:1:2\ngroup.1=2:2", "Server 2is in multiple groups")
	f("server.1=h:1:2\ngroup.1=1:9", "group.1 names server 9, which is no participant and has no weight")
	f("server.1=h:1:1", "Client and election port must be different! Please update the configuration file on server.1")
}

func TestConfigEqual(t *testing.T) {
	f := func(a, b string, equal, same bool) {
		t.Helper()
		ca, cb := mustParse(t, a), mustParse(t, b)
		if ca.Equal(cb) != equal || cb.Equal(ca) != equal || ca.SameMembers(cb) != same {
			t.Errorf("%q and %q: equal %v, same members %v", a, b, ca.Equal(cb), ca.SameMembers(cb))
		}
	}
	const m12 = "server.1=h:1:2\nserver.2=g:1:2"
	f(m12, m12+"\nversion=5", true, true)
	f(m12+"\nversion=5", "server.1=x:1:2\nversion=5", true, false)
	f(m12+"\nversion=5", "server.1=h:1:2\nversion=6", false, false)
	f(m12, "server.1=h:1:2\nserver.2=g:1:2:observer\nversion=1", false, false)
	f(m12+"\ngroup.1=1:2", m12, false, false)
	f(m12+"\ngroup.1=1:2", m12+"\ngroup.1=1\ngroup.2=2\nversion=1", false, false)
	f(m12+"\ngroup.1=1:2", m12+"\ngroup.1=1:2\nweight.1=2\nversion=1", false, false)
	f(m12+"\ngroup.1=1:2", m12+"\ngroup.1=2:1\nweight.1=1\nversion=1", true, true)
}

func TestMembers(t *testing.T) {
	c := mustParse(t, javaMajority)
	if got, want := c.Voters(), []ServerID{1, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("voters %v", got)
	}
	if got, want := c.Observers(), []ServerID{4}; !slices.Equal(got, want) {
		t.Errorf("observers %v", got)
	}
	if !c.IsVoter(3) || c.IsVoter(4) || c.IsVoter(5) || !c.IsObserver(4) || c.IsObserver(3) || c.IsObserver(0) {
		t.Error("roles")
	}
	m, ok := c.Member(2)
	if !ok || m.ID != 2 || m.Client != (HostPort{"127.0.0.1", 21102}) {
		t.Errorf("member 2 is %+v, %v", m, ok)
	}
	if _, ok := c.Member(9); ok {
		t.Error("member 9 found")
	}
}

func TestWithClient(t *testing.T) {
	c := mustParse(t, "server.1=h:1:2\nserver.2=h:3:4;5\nversion=0")
	client := HostPort{"0.0.0.0", 2181}
	d := c.WithClient(1, client)
	if m, _ := d.Member(1); m.Client != client || !m.ClientFromStatic {
		t.Errorf("got %+v", m)
	}
	if d.String() != c.String() {
		t.Errorf("the static address shows: %s", d)
	}
	if m, _ := c.Member(1); !m.Client.IsZero() {
		t.Error("the original changed")
	}
	if c.Equal(d.WithVersion(1)) {
		t.Error("client addresses must matter")
	}
	if m, _ := c.WithClient(2, client).Member(2); m.Client.Port != 5 {
		t.Errorf("the line's own address is gone: %+v", m)
	}
	if !c.WithClient(9, client).SameMembers(c) {
		t.Error("a stranger changed the members")
	}
}

func TestSortedLines(t *testing.T) {
	c := mustParse(t, "server.10=h:1:2\nserver.9=h:3:4\ngroup.1=9:10\nversion=7")
	want := "group.1=9:10 server.10=h:1:2:participant server.9=h:3:4:participant weight.10=1 weight.9=1"
	if got := strings.Join(c.SortedLines(), " "); got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{javaMajority, javaHierarchical, javaMultiAddress, "#\nserver.1 = h:1:2\n", "version=-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil || c.Version < 0 {
			return
		}
		again, err := Parse(c.String())
		if err != nil || !again.SameMembers(c) || again.Version != c.Version || again.String() != c.String() {
			t.Fatalf("%q: %q reads as %q, %v", text, c, again, err)
		}
	})
}
