package election

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"gokeeper/server/quorum"
)

// capture is a notification that Java servers exchanged.
type capture struct {
	at       int64
	from, to quorum.ServerID
	payload  []byte
}

// captured reads the notifications of testdata/captures/election-NAME.jsonl.
func captured(t testing.TB, names ...string) []capture {
	t.Helper()
	var all []capture
	for _, name := range names {
		raw, err := os.ReadFile("testdata/captures/election-" + name + ".jsonl")
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
			var m struct {
				MS        float64
				From, To  quorum.ServerID
				Kind, Hex string
			}
			if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
				t.Fatal(name, err)
			}
			b, err := hex.DecodeString(m.Hex)
			if err != nil {
				t.Fatal(name, err)
			}
			if m.Kind == "NOTIFICATION" {
				all = append(all, capture{int64(m.MS), m.From, m.To, b[4:]}) // behind the length
			}
		}
	}
	return all
}

// TestCapturesRoundTrip decodes all that was captured and encodes it to the same bytes.
func TestCapturesRoundTrip(t *testing.T) {
	t.Parallel()
	all := captured(t, "fresh-3", "observer-joins", "rejoin-stale-resend", "rules-A", "rules-B", "rules-C", "rules-D")
	if len(all) < 60 {
		t.Errorf("only %d notifications", len(all))
	}
	for _, c := range all {
		n, err := ParseNotification(c.payload)
		if err != nil {
			t.Errorf("%x: %v", c.payload, err)
			continue
		}
		if got := n.Append(nil); !bytes.Equal(got, c.payload) {
			t.Errorf("%v:\ngot  %x\nwant %x", n, got, c.payload)
		}
	}
}

// TestCaptures gives this server what a Java server 1 heard of two scripted peers, and
// wants it to say the same to each of them, byte for byte.
func TestCaptures(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"rules-A", "rules-B", "rules-C", "rules-D"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := captured(t, name)
			want := map[quorum.ServerID][]string{}
			got := map[quorum.ServerID][]string{}
			e := New(Config{Self: 1, Quorum: ensembleOf(t, all), MinInterval: 4 * time.Second})
			for _, c := range all {
				n, err := ParseNotification(c.payload)
				if err != nil {
					t.Fatal(err)
				}
				if at, ok := e.Deadline(); ok && at <= c.at {
					e.Tick(c.at)
				}
				if c.from != 1 {
					e.Step(c.from, n, c.at)
				} else {
					want[c.to] = append(want[c.to], hex.EncodeToString(c.payload))
					if n.State == Looking && !e.running { // it has started, or could not reach its leader
						e.Look(0, 0, c.at)
					}
				}
				for _, a := range e.Actions() {
					if s, ok := a.(Send); ok {
						got[s.To] = append(got[s.To], hex.EncodeToString(s.Notification.Append(nil)))
					}
				}
			}
			for id := quorum.ServerID(2); id <= 3; id++ {
				if !slices.Equal(got[id], want[id]) {
					t.Errorf("to %v: got\n%q\nwant\n%q", id, got[id], want[id])
				}
			}
			if name == "rules-B" && e.State() != Following {
				t.Errorf("it is %v after the epoch was corrected", e.State())
			}
		})
	}
}

// ensembleOf returns the configuration that server 1 has in the capture.
func ensembleOf(t *testing.T, all []capture) quorum.Config {
	t.Helper()
	for _, c := range all {
		if n, err := ParseNotification(c.payload); err == nil && c.from == 1 {
			q, err := quorum.Parse(n.Config)
			if err != nil {
				t.Fatal(err)
			}
			return q
		}
	}
	t.Fatal("server 1 says nothing")
	return quorum.Config{}
}
