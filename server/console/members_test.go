package console

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gokeeper/server/admin"
	"gokeeper/server/metrics"
	"gokeeper/server/proto"
)

// members is a source that knows members and nothing else.
type members struct {
	Source
	all []Member
}

func (m members) Members() []Member                   { return m.all }
func (m members) Sessions() map[proto.SessionID]int32 { return nil }

// serving are the facts of a follower.
type serving struct{ admin.Source }

func (serving) Serving() bool { return true }
func (serving) Summary() admin.Summary {
	return admin.Summary{Mode: "follower", Zxid: 0x100000005}
}
func (serving) Metrics() *metrics.Set                      { return metrics.New() }
func (serving) WatchCounts() (clients, paths, watches int) { return 0, 0, 0 }

// ready is the probe of a server that serves.
type ready struct{}

func (ready) NotReady() []string { return nil }
func (ready) Version() string    { return "3.9.6" }

// member answers srvr as one in this mode at this zxid, and counts how often.
func member(t *testing.T, mode, zxid string, asked *atomic.Int32) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			if _, err := io.CopyN(io.Discard, c, 4); err == nil {
				fmt.Fprintf(c, "Zookeeper version: 3.9.6-x, built\nZxid: %s\nMode: %s\n", zxid, mode)
			}
			c.Close()
		}
	}()
	return ln.Addr().String()
}

// TestMembers: the others are asked, once for all viewers, and the lag is counted from
// whoever is ahead.
func TestMembers(t *testing.T) {
	var asked atomic.Int32
	all := []Member{
		{ID: 1, Client: member(t, "leader", "0x100000008", &asked)}, {ID: 2, Self: true, Client: "127.0.0.1:1"},
		{ID: 3, Observer: true, Client: member(t, "observer", "0x3", &asked)}, {ID: 4},
	}
	h := New(Options{Source: members{all: all}, Facts: serving{}, Probe: ready{}})
	h.fresh = time.Hour
	var got struct {
		Members []row `json:"members"`
	}
	for range 3 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/console/state", nil))
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%v in %s", err, w.Body)
		}
	}
	var lines []string
	for _, r := range got.Members {
		lag := "unknown"
		if r.Lag != nil {
			lag = fmt.Sprint(*r.Lag)
		}
		lines = append(lines, fmt.Sprintf("%d %s %s %s", r.ID, r.Mode, r.Zxid, lag))
	}
	const want = "1 leader 0x100000008 0\n2 follower 0x100000005 3\n3 observer 0x3 -1\n4   unknown"
	if s := strings.Join(lines, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("two members were asked %d times for three viewers", n)
	}
}
