package integration

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestReaping lets containers and TTL nodes expire on this server and on Java 3.9.6, and compares which go, the events, and
// the transactions of the log.
func TestReaping(t *testing.T) {
	ours := newServer(t, subject(t))
	theirs := newServer(t, java(t, "396"))
	var seen [2][]string
	for i, s := range []*server{ours, theirs} {
		s.env = []string{"SERVER_JVMFLAGS=-Dznode.container.checkIntervalMs=100"}
		s.start(t)
		seen[i] = reaped(t, s)
		s.stop(t)
		for _, e := range logEntries(t, s) {
			if e.session == 0 {
				seen[i] = append(seen[i], string(e.rest[:len(e.rest)-12])) // without the digest
			}
		}
		slices.Sort(seen[i])
	}
	if !slices.Equal(seen[0], seen[1]) {
		t.Errorf("%s: %q\n%s: %q", ours.name, seen[0], theirs.name, seen[1])
	}
	if len(seen[0]) != 2*5 {
		t.Errorf("%d events and transactions of five nodes that go: %q", len(seen[0]), seen[0])
	}
}

// reaped makes nodes that expire and nodes that do not, and returns the events of a watch on all of them.
func reaped(t *testing.T, s *server) []string {
	t.Helper()
	c, w := s.connect(t, opening{}), s.connect(t, opening{})
	w.limit = 60 * time.Second
	w.ok(t, opAddWatch, at("/", 1)) // first: what is to go soon may be gone before the next request
	mk := func(path string, op int32, ttl int64) {
		t.Helper()
		body := create(path, nil, open, map[int32]int32{opCreateContainer: container, opCreateTTL: withTTL}[op])
		if op == opCreateTTL {
			body = body.i64(ttl)
		}
		c.ok(t, op, body)
	}
	const short, shorter, long = 250, 50, 3600000
	mk("/unused", opCreateContainer, 0)
	mk("/used", opCreateContainer, 0)
	mk("/used/child", opCreate, 0)
	mk("/full", opCreateContainer, 0)
	mk("/full/child", opCreate, 0)
	mk("/nested", opCreateContainer, 0)
	mk("/nested/inner", opCreateContainer, 0)
	mk("/nested/inner/child", opCreate, 0)
	mk("/long", opCreateTTL, long)
	mk("/parent", opCreateTTL, short)
	mk("/parent/child", opCreate, 0)
	mk("/short", opCreateTTL, shorter)
	mk("/last", opCreateContainer, 0)
	mk("/last/child", opCreate, 0)
	for _, path := range []string{"/used/child", "/nested/inner/child"} {
		c.ok(t, opDelete, at(path, -1))
	}
	gone := func(path string) []string {
		t.Helper()
		var events []string
		for {
			r, err := w.next()
			if err != nil {
				t.Fatalf("%s is still there: %v", path, err)
			}
			i := r.in()
			typ := i.i32()
			i.i32()
			if p := i.str(); typ == 2 && !strings.HasSuffix(p, "/child") {
				events = append(events, p)
			}
			if slices.Contains(events, path) {
				return events
			}
		}
	}
	all := gone("/nested") // the third look at the earliest
	if !slices.Contains(all, "/short") {
		all = append(all, gone("/short")...)
	}
	if !slices.Contains(all, "/used") {
		all = append(all, gone("/used")...)
	}
	c.ok(t, opDelete, at("/last/child", -1))
	all = append(all, gone("/last")...) // one more look than all others needed
	for _, path := range []string{"/unused", "/full", "/long", "/parent"} {
		c.ok(t, opExists, watched(path, false))
	}
	return all
}
