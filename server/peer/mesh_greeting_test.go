package peer

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"gokeeper/server/jute"
	"gokeeper/server/quorum"
)

// capturedGreetings returns the first messages of connections between Java servers.
func capturedGreetings(t testing.TB) [][]byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/initial-message-v2.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	one, err := hex.DecodeString("ffffffffffff000000000000000000030000000f3132372e302e302e313a3231313433")
	if err != nil {
		t.Fatal(err)
	}
	found := [][]byte{one}
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		var m struct{ Kind, Hex string }
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if m.Kind != "INITIAL" {
			continue
		}
		b, err := hex.DecodeString(m.Hex)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, b)
	}
	if len(found) < 2 {
		t.Fatal("nothing was captured")
	}
	return found
}

func TestGreetingCaptured(t *testing.T) {
	t.Parallel()
	want := []greeting{
		{3, []string{"127.0.0.1:21143"}},
		{2, []string{"127.0.0.1:21142", "127.0.0.2:21142"}},
	}
	for i, b := range capturedGreetings(t)[:2] {
		g, err := readGreeting(bytes.NewReader(b))
		if err != nil || !reflect.DeepEqual(g, want[i]) {
			t.Errorf("%x: got %+v, %v, want %+v", b, g, err, want[i])
		}
		if got := appendGreeting(nil, g.id, g.addrs, i > 0); !bytes.Equal(got, b) {
			t.Errorf("got %x want %x", got, b)
		}
	}
}

// rawGreeting returns a greeting with any version, length and text.
func rawGreeting(version, id int64, size int, text string) []byte {
	b := jute.AppendLong(jute.AppendLong(nil, version), id)
	return append(jute.AppendInt(b, int32(size)), text...)
}

func TestReadGreeting(t *testing.T) {
	t.Parallel()
	f := func(in []byte, id quorum.ServerID, addrs ...string) {
		t.Helper()
		r := bytes.NewReader(append(in, "rest"...))
		g, err := readGreeting(iotest.OneByteReader(r))
		if err != nil || g.id != id || !reflect.DeepEqual(g.addrs, addrs) || r.Len() != 4 {
			t.Errorf("%q: got %+v, %v, %d bytes left", in, g, err, r.Len())
		}
	}
	text := func(version int64, text string) []byte { return rawGreeting(version, 7, len(text), text) }
	f(jute.AppendLong(nil, 0), 0)
	f(jute.AppendLong(nil, 12), 12)
	f(text(-65536, "h:1"), 7, "h:1")
	f(text(-65535, "h:1|[::1]:65535|b.c:3"), 7, "h:1", "[::1]:65535", "b.c:3")
	f(text(-65536, "0.0.0.0:1"), 7)
	f(text(-65535, "[::]:1|h:2"), 7, "h:2")
	long := strings.Repeat("x", 2048-2)
	f(text(-65536, long+":1"), 7, long+":1")

	bad := func(in []byte, want error) {
		t.Helper()
		if g, err := readGreeting(bytes.NewReader(in)); !errors.Is(err, want) {
			t.Errorf("%q: got %+v, %v", in, g, err)
		}
	}
	bad(nil, io.EOF)
	bad([]byte("GET"), io.ErrUnexpectedEOF)
	bad([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff}, errGreeting)
	bad(text(-65534, "h:1"), errGreeting)
	bad(text(-65536, ""), errGreeting)
	bad(text(-65536, long+":12"), errGreeting)
	bad(rawGreeting(-65536, 7, -1, ""), errGreeting)
	bad(rawGreeting(-65536, 7, 4, "h:1"), errGreeting)
	bad(text(-65536, "h:1")[:12], errGreeting)
	bad(text(-65536, "h"), errGreeting)
	bad(text(-65536, "h:0"), errGreeting)
	bad(text(-65536, "h:65536"), errGreeting)
	bad(text(-65536, "h:-1"), errGreeting)
	bad(text(-65535, "h:1|"), errGreeting)
}

// TestZOOKEEPER4787 has a name with characters that take two bytes: the length of the
// greeting counts bytes.
func TestZOOKEEPER4787(t *testing.T) {
	t.Parallel()
	b := appendGreeting(nil, 1, []string{"zoé-ü.example:3888"}, false)
	if size := int(b[19]); size != len(b)-20 {
		t.Errorf("the length is %d of %d", size, len(b)-20)
	}
	g, err := readGreeting(bytes.NewReader(b))
	if err != nil || g.addrs[0] != "zoé-ü.example:3888" {
		t.Errorf("got %+v, %v", g, err)
	}
}

func FuzzReadGreeting(f *testing.F) {
	for _, b := range capturedGreetings(f) {
		f.Add(b)
	}
	f.Add(jute.AppendLong(nil, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := readGreeting(bytes.NewReader(b))
		if err != nil || len(g.addrs) == 0 {
			return
		}
		again, err := readGreeting(bytes.NewReader(appendGreeting(nil, g.id, g.addrs, true)))
		if err != nil || !reflect.DeepEqual(again, g) {
			t.Fatalf("%q: %+v is read as %+v, %v", b, g, again, err)
		}
	})
}
