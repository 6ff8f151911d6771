package election

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"testing"
)

func TestParseForms(t *testing.T) {
	t.Parallel()
	const head = "00000001" + "0000000000000003" + "0000000500000007" + "0000000000000009"
	vote := Vote{Leader: 3, Zxid: 0x500000007, Round: 9, Epoch: 4}
	f := func(in string, want Notification) {
		t.Helper()
		b, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseNotification(b); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", in, got, err, want)
		}
	}
	oldest := vote
	oldest.Epoch = 5 // of the zxid
	f(head, Notification{Following, oldest, 0, ""})
	f(head+"0000000000000004"+"00000001", Notification{Following, vote, 0, ""})
	f(head+"0000000000000004"+"00000002", Notification{Following, vote, 0, ""})
	f(head+"0000000000000004"+"00000001"+"ff", Notification{Following, vote, 1, ""})
	f(head+"0000000000000004"+"00000002"+"00000000", Notification{Following, vote, 2, ""})
	f(head+"0000000000000004"+"00000002"+"00000003"+"613d62", Notification{Following, vote, 2, "a=b"})
	f(head+"0000000000000004"+"00000003"+"00000001"+"61"+"ffff", Notification{Following, vote, 3, "a"})

	bad := func(in string) {
		t.Helper()
		b, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseNotification(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %+v, %v", in, got, err)
		}
	}
	bad("")
	bad(head[:54])
	bad(head + "00000000")                                          // part of an epoch
	bad(head + "0000000000000004")                                  // 36 bytes: no version
	bad(head + "0000000000000004" + "00000002" + "000000")          // part of a length
	bad(head + "0000000000000004" + "00000002" + "ffffffff" + "61") // negative
	bad(head + "0000000000000004" + "00000002" + "00000002" + "61") // too long
	bad(head + "0000000000000004" + "00000002" + "7fffffff" + "61") // far too long
}

func TestAppendOld(t *testing.T) {
	t.Parallel()
	n := Notification{State: Leading, Vote: Vote{math.MinInt64, -1, 1, -2}}
	want := "00000002" + "8000000000000000" + "ffffffffffffffff" + "0000000000000001" + "fffffffffffffffe" + "00000001"
	if got := hex.EncodeToString(n.Append(nil)); got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

func TestStateString(t *testing.T) {
	t.Parallel()
	for s, want := range map[State]string{Looking: "LOOKING", Following: "FOLLOWING", Leading: "LEADING", Observing: "OBSERVING", 4: "UNKNOWN(4)", -1: "UNKNOWN(-1)"} {
		if got := s.String(); got != want {
			t.Errorf("got %s want %s", got, want)
		}
	}
}

func FuzzParseNotification(f *testing.F) {
	for _, c := range captured(f, "fresh-3", "rules-A", "rules-D") {
		f.Add(c.payload)
	}
	f.Add(make([]byte, 28))
	f.Add(make([]byte, 41))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := ParseNotification(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if n.Version < Version {
			n.Version, n.Config = 0, "" // all that can be said of it
		}
		raw := n.Append(nil)
		again, err := ParseNotification(raw)
		if err != nil || again != n {
			t.Fatalf("%x: %+v is read as %+v, %v", b, n, again, err)
		}
		if n.Version == Version && !bytes.HasPrefix(b, raw) {
			t.Fatalf("%x is written as %x", b, raw)
		}
	})
}
