package peer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"gokeeper/server/sasl"
	"gokeeper/server/zab"
)

// authOf returns an authentication of servers that know "secret" of user zkq, and show
// the password, none if that is empty.
func authOf(password string, required bool) *Auth {
	a := &Auth{
		Check: func() *sasl.Server {
			return sasl.NewServer(sasl.Members, func(user string) (string, bool) { return "secret", user == "zkq" }, "nonce")
		},
		Required: required,
	}
	if password != "" {
		a.Prove = func() *sasl.Client {
			return sasl.NewClient(sasl.Members, sasl.Credentials{User: "zkq", Password: password}, "cnonce")
		}
	}
	return a
}

// half returns what one end of a connection has said, as one.
func half(t *testing.T, said []recorded) []byte {
	t.Helper()
	var b []byte
	for i := range said {
		b = append(b, said[i].bytes(t)...)
	}
	return b
}

// between returns what stands behind the name in quotes.
func between(t *testing.T, text []byte, name string) string {
	t.Helper()
	_, rest, ok := bytes.Cut(text, []byte(","+name+`="`))
	value, _, ok2 := bytes.Cut(rest, []byte(`"`))
	if !ok || !ok2 {
		t.Fatalf("no %s in %q", name, text)
	}
	return string(value)
}

// TestAuthAsJava has both sides say, byte for byte, what Java's servers have said.
func TestAuthAsJava(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("testdata/sasl-digest-md5.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	dialled, listened := map[int][]recorded{}, map[int][]recorded{}
	for line := range bytes.Lines(file) {
		var r recorded
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if r.Dir == "dialer->listener" {
			dialled[r.Conn] = append(dialled[r.Conn], r)
		} else {
			listened[r.Conn] = append(listened[r.Conn], r)
		}
	}
	if len(dialled) < 3 {
		t.Fatalf("%d connections", len(dialled))
	}
	// against runs one side against the recorded bytes of the other, and returns its own.
	against := func(theirs []byte, size int, run func(net.Conn) error) []byte {
		t.Helper()
		here, there := net.Pipe()
		defer here.Close()
		defer there.Close()
		ours := make([]byte, size)
		done := make(chan error, 2)
		go func() { _, err := there.Write(theirs); done <- err }()
		go func() { _, err := io.ReadFull(there, ours); done <- err }()
		if err := errors.Join(run(here), <-done, <-done); err != nil {
			t.Error(err)
		}
		return ours
	}
	for conn := range dialled {
		asks, answers := half(t, dialled[conn]), half(t, listened[conn])
		a := &Auth{
			Prove: func() *sasl.Client {
				return sasl.NewClient(sasl.Members, sasl.Credentials{User: "zkq", Password: "secret"}, between(t, asks, "cnonce"))
			},
			Check: func() *sasl.Server {
				return sasl.NewServer(sasl.Members, func(string) (string, bool) { return "secret", true }, between(t, answers, "nonce"))
			},
			Required: true,
		}
		if got := against(answers, len(asks), a.prove); !bytes.Equal(got, asks) {
			t.Errorf("%d: proves with\n%q, Java with\n%q", conn, got, asks)
		}
		if got := against(asks, len(answers), func(nc net.Conn) error { return a.check(a.accept(nc)) }); !bytes.Equal(got, answers) {
			t.Errorf("%d: answers\n%q, Java\n%q", conn, got, answers)
		}
	}
}

// TestMeshAuth wants servers together that know the password, whoever dials, and the
// others apart only where it is required.
func TestMeshAuth(t *testing.T) {
	t.Parallel()
	f := func(name string, small, large *Auth, up bool) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := openMesh(t, MeshConfig{Self: 1, Auth: small}), openMesh(t, MeshConfig{Self: 2, Auth: large})
			meet(a, b)
			a.Send(2, []byte("from 1"))
			if !up {
				eventually(t, "refusal", func() bool {
					return a.logged("connection refused")+b.logged("connection refused")+a.logged("cannot be reached")+b.logged("cannot be reached") > 0
				})
				a.halt()
				b.halt()
				if got := append(a.texts, b.texts...); len(got) > 0 {
					t.Errorf("they have heard %q of each other", got)
				}
				return
			}
			b.until(t, "1:from 1")
			b.Send(1, []byte("from 2"))
			a.until(t, "2:from 2")
		})
	}
	f("both", authOf("secret", true), authOf("secret", true), true)
	f("dialler does not know it", authOf("secret", true), authOf("wrong", true), false)
	f("nobody need know it", authOf("", false), authOf("", false), true)
	f("dialler does not try", authOf("secret", true), authOf("", false), false)
	f("dialler knows of none", authOf("secret", true), nil, false)
	f("dialler knows of none and need not", authOf("", false), nil, true)
	f("listener knows of none", nil, authOf("secret", true), false)
	f("plain first, required of the other", authOf("secret", false), authOf("secret", true), true)
}

// TestMeshAuthFails lets in who failed where nobody is required to authenticate, as Java
// does.
func TestMeshAuthFails(t *testing.T) {
	t.Parallel()
	m := openMesh(t, MeshConfig{Self: 1, Auth: authOf("", false)})
	j := newJava(t, 2)
	w := j.dial(m)
	w.write(appendAuth(nil, authGoesOn, []byte{}))
	if status, token, err := readAuth(w.Conn); status != authGoesOn || !bytes.HasPrefix(token, []byte("realm=")) || err != nil {
		t.Fatalf("%d, %q, %v", status, token, err)
	}
	w.write(appendAuth(nil, authGoesOn, []byte("username=x")))
	if status, token, err := readAuth(w.Conn); status != authFailed || len(token) != 0 || err != nil {
		t.Fatalf("%d, %q, %v", status, token, err)
	}
	w.send("hello")
	m.until(t, "2:hello")
}

// TestLinkAuth is TestMeshAuth of leader and learner.
func TestLinkAuth(t *testing.T) {
	t.Parallel()
	f := func(name string, leading, learning *Auth, refused bool) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, leader := lead(t, LinkConfig{Auth: leading})
			d := plain(l)
			d.Auth = learning
			u, learner := learn(t, 77, d)
			u.Send([]zab.Packet{proposal(1, 10)})
			if refused {
				if err := learner.ended(77); len(leader.links) > 0 {
					t.Errorf("ended by %v, and the leader knows of the link", err)
				}
				return
			}
			link := leader.connected(1)[0]
			leader.received(link, 1)
			l.Send([]zab.LinkID{link}, []zab.Packet{proposal(2, 10)})
			learner.received(77, 1)
		})
	}
	f("both", authOf("secret", true), authOf("secret", true), false)
	f("wrong password", authOf("secret", true), authOf("wrong", true), true)
	f("learner does not try", authOf("secret", true), nil, true)
	f("learner need not", authOf("secret", false), nil, false)
}

// FuzzAuth reads any packet, and writes it again.
func FuzzAuth(f *testing.F) {
	f.Add(appendAuth(nil, authDone, []byte("rspauth=0")))
	f.Add(appendAuth(nil, authFailed, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		status, token, err := readAuth(r)
		if err != nil {
			return
		}
		read := b[:len(b)-r.Len()]
		if again := appendAuth(nil, status, token); !bytes.Equal(again, read) && len(token) > 0 {
			t.Errorf("% x is % x", read, again)
		}
	})
}
