package quorum

import (
	"testing"
)

func TestParseMember(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		m, err := ParseMember(1, line)
		if err != nil {
			t.Errorf("%q: %v", line, err)
			return
		}
		if got := m.String(); got != want {
			t.Errorf("%q: got %q want %q", line, got, want)
		}
		again, err := ParseMember(1, m.String())
		if err != nil || !again.Equal(m) {
			t.Errorf("%q: text %q reads as %+v, %v", line, m.String(), again, err)
		}
	}
	f("h:2888:3888", "h:2888:3888:participant")
	f(" h:2888:3888 ", "h:2888:3888:participant")
	f("h:2888:3888:observer", "h:2888:3888:observer")
	f("h:2888:3888:OBSERVER;2181", "h:2888:3888:observer;0.0.0.0:2181")
	f("h:2888:3888:Participant;h2:2181", "h:2888:3888:participant;h2:2181")
	f("h:2888:3888;", "h:2888:3888:participant")
	f("h:+2888:3888", "h:2888:3888:participant")
	f("0.0.0.0:2888:3888;0", "0.0.0.0:2888:3888:participant;0.0.0.0:0")
	f("[::1]:2888:3888;[::1]:2181", "[0:0:0:0:0:0:0:1]:2888:3888:participant;[0:0:0:0:0:0:0:1]:2181")
	f("[2001:DB8::A]:2888:3888:observer", "[2001:db8:0:0:0:0:0:a]:2888:3888:observer")
	f("[::ffff:10.0.0.1]:2888:3888", "10.0.0.1:2888:3888:participant")
	f("[h]:2888:3888", "h:2888:3888:participant")
	f("b:1:2|a:3:4", "a:3:4|b:1:2:participant")
	f("b:1:2|a:3:4;2181", "a:3:4|b:1:2:participant;0.0.0.0:2181")
	f("a:1:2:observer|b:1:2", "a:1:2|b:1:2:observer")
	f("a:1:2|b:1:2:observer", "a:1:2|b:1:2:observer")
	f("a:1:2|a:1:2", "a:1:2:participant")
	f("a:5:2|a:1:2|a:1:1000|", "a:1:2|a:1:1000|a:5:2:participant")
}

func TestParseMemberErrors(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		m, err := ParseMember(1, line)
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %+v, %v, want %s", line, m, err, want)
		}
	}
	shape := func(line string) { t.Helper(); f(line, line+wrongForm) }
	shape("")
	shape(";")
	shape("h")
	shape("h:2888")
	shape("h:1:2:participant:x")
	shape("::1:2888:3888")
	shape(":2888:3888")
	shape(";2181")
	shape("h:1:2;2181;3")
	shape("h:1:2;a:b:2181")
	shape("h:1:2|x")
	shape("h:1:2;:2181")
	shape("[]:1:2")
	shape("[[h]:1:2")
	f("h:abc:3888", "Address unresolved: h:abc")
	f("127.0.0.1:2888:abc", "Address unresolved: 127.0.0.1:abc")
	f("h:99999999999:1", "Address unresolved: h:99999999999")
	f("h:1:2;abc", "Address unresolved: null:abc")
	f("h:1:2; 2181", "Address unresolved: null: 2181")
	f("h:70000:3888", "port out of range:70000")
	f("h:1:-1", "port out of range:-1")
	f("h:1:2;65536", "port out of range:65536")
	f("h:2888:2888", "Client and election port must be different! Please update the configuration file on server.1")
	f("h:1:2:voter", "Unrecognised peertype: voter")
	f("a:1:2:participant|b:1:2:observer", "Multiple addresses should have similar roles: PARTICIPANT vs OBSERVER")
	f("a:1:2:observer|b:1:2:participant", "Multiple addresses should have similar roles: PARTICIPANT vs PARTICIPANT")
	f("[::1:2888:3888", "[::1:2888:3888 starts with '[' but has no matching ']:'")
	f("[::1]", "[::1] starts with '[' but has no matching ']:'")
	f("[::1]:", "[::1]: doesn't have a port after colon")
	f("h:1:2;[::1]:", "[::1]: doesn't have a port after colon")
}

func TestCheckSingleAddress(t *testing.T) {
	m, err := ParseMember(7, "a:1:2|b:1:2")
	if err != nil {
		t.Fatal(err)
	}
	const want = "Multiple address feature is disabled, but multiple addresses were specified for sid 7"
	if err := m.CheckSingleAddress(); err == nil || err.Error() != want {
		t.Errorf("got %v want %s", err, want)
	}
	m.Addresses = m.Addresses[:1]
	if err := m.CheckSingleAddress(); err != nil {
		t.Error(err)
	}
}

func TestMemberEqual(t *testing.T) {
	f := func(a, b string, want bool) {
		t.Helper()
		ma, err := ParseMember(1, a)
		if err != nil {
			t.Fatal(err)
		}
		mb, err := ParseMember(1, b)
		if err != nil {
			t.Fatal(err)
		}
		if got := ma.Equal(mb); got != want {
			t.Errorf("%s and %s: got %v", a, b, got)
		}
	}
	f("h:1:2", "h:1:2:participant", true)
	f("a:1:2|b:1:2", "b:1:2|a:1:2", true)
	f("[::1]:1:2;1", "[0:0::1]:1:2;0.0.0.0:1", true)
	f("h:1:2", "h:1:2:observer", false)
	f("h:1:2", "g:1:2", false)
	f("h:1:2", "h:3:2", false)
	f("h:1:2", "h:1:3", false)
	f("h:1:2;1", "h:1:2", false)
	f("h:1:2;1", "h:1:2;127.0.0.1:1", false)
	f("a:1:2|b:1:2", "a:1:2", false)

	static := Member{ID: 1, Client: HostPort{"0.0.0.0", 1}, ClientFromStatic: true}
	line := Member{ID: 1, Client: HostPort{"0.0.0.0", 1}}
	if !static.Equal(line) {
		t.Error("where the client address comes from must not matter")
	}
	if static.Equal(Member{ID: 2, Client: static.Client}) {
		t.Error("ids must matter")
	}
}

func TestAddressText(t *testing.T) {
	a := Address{"0:0:0:0:0:0:0:1", 2888, 3888}
	if got, want := a.Quorum().String()+" "+a.Election().String(), "[0:0:0:0:0:0:0:1]:2888 [0:0:0:0:0:0:0:1]:3888"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
	if got := (HostPort{}).String(); got != "" {
		t.Errorf("no address prints as %q", got)
	}
}

func FuzzParseMember(f *testing.F) {
	for _, s := range []string{"h:1:2", "h:1:2:observer;2181", "[::1]:1:2|b:1:2:participant;[::]:3", "a:1:2|b", ";", "[]:1:2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		m, err := ParseMember(1, line)
		if err != nil {
			return
		}
		again, err := ParseMember(1, m.String())
		if err != nil || !again.Equal(m) || again.String() != m.String() {
			t.Fatalf("%q: %q reads as %+v, %v", line, m.String(), again, err)
		}
	})
}
