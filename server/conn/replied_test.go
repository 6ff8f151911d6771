package conn

import (
	"io"
	"sync"
	"testing"

	"gokeeper/server/metrics"
	"gokeeper/server/proto"
)

// observed are options whose replies are counted as the server counts them.
func observed() Options {
	m := metrics.New()
	return Options{Replied: func(write bool, n, ms int64) {
		d := m.ReadLatency
		if write {
			d = m.UpdateLatency
		}
		d.ObserveN(ms, n)
	}}
}

// TestReplied wants every reply told once and as what it is, in batches however mixed.
func TestReplied(t *testing.T) {
	var mu sync.Mutex
	told := map[bool]int64{}
	opt := Options{Replied: func(write bool, n, ms int64) {
		mu.Lock()
		defer mu.Unlock()
		told[write] += n
		if n <= 0 || ms < 0 {
			t.Errorf("%d replies after %d ms", n, ms)
		}
	}}
	f := newFake()
	f.auto = false
	_, addr := serve(t, opt, f)
	c := dial(t, addr)
	c.connect()
	const writes, readsEach = 7, 2
	for i := range int32(writes) {
		c.send(request(10*i, proto.OpSetData))
		for j := range int32(readsEach) {
			c.send(getData(10*i+1+j, 100))
		}
	}
	f.await(t, "submit", writes)
	f.commit(writes)
	c.send(getData(1000, 1)) // runs when the rest is answered
	if _, err := io.ReadFull(c, make([]byte, writes*20+writes*readsEach*124+25)); err != nil {
		t.Fatal(err)
	}
	check := func(wantWrites, wantReads int64) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if told[true] != wantWrites || told[false] != wantReads {
			t.Errorf("told of %d writes and %d reads, want %d and %d", told[true], told[false], wantWrites, wantReads)
		}
	}
	check(writes, writes*readsEach+1)
	f.mu.Lock()
	for _, c := range f.sessions { // one flush for requests of many times, as after a burst of commits
		b := c.Buffer()
		for i := range int32(20) {
			b = appendReply(b, i, 1, proto.OK)
			c.Answered(map[bool]proto.Op{true: proto.OpSetData, false: proto.OpPing}[i%3 == 0], i, 1, int64(i))
		}
		c.Release(b)
		c.Flush()
	}
	f.mu.Unlock()
	// Who flushed before may still be at it, and then sends these too: told before they are sent.
	if _, err := io.ReadFull(c, make([]byte, 20*20)); err != nil {
		t.Fatal(err)
	}
	check(writes+7, writes*readsEach+1+13)
}

// TestSizes wants sizes of replies, of neither events nor the response to connecting.
func TestSizes(t *testing.T) {
	f := newFake()
	s, addr := serve(t, Options{}, f)
	check := func(last, least, greatest int64) {
		t.Helper()
		st := s.Stats()
		if st.LastSize != last || st.MinSize != least || st.MaxSize != greatest {
			t.Errorf("sizes last %d, least %d, greatest %d, want %d, %d, %d",
				st.LastSize, st.MinSize, st.MaxSize, last, least, greatest)
		}
	}
	c := dial(t, addr)
	c.connect()
	check(0, 0, 0)
	ask := func(c *client, xid int32, n int) {
		t.Helper()
		c.send(getData(xid, n))
		c.reply(xid, 10, 0)
	}
	ask(c, 1, 100)
	check(120, 120, 120)
	ask(c, 2, 1000)
	ask(c, 3, 7)
	check(27, 27, 1020)
	other := dial(t, addr)
	other.connect()
	ask(other, 1, 3)
	check(23, 23, 1020)
	other.Close()
	f.await(t, "gone", 1)
	check(23, 23, 1020)
	s.ResetStats()
	check(0, 0, 0)
	ask(c, 4, 50)
	check(70, 70, 70)
}

// TestResetWhileEnding: what an ended connection has counted is not there after a reset,
// even one in the midst of its end.
func TestResetWhileEnding(t *testing.T) {
	f := newFake()
	s, addr := serve(t, Options{}, f)
	for range 2000 {
		c := dial(t, addr)
		c.connect()
		c.Close()
		for gone := false; !gone; {
			s.ResetStats()
			select {
			case what := <-f.event:
				gone = what == "gone"
			default:
			}
		}
		if n := s.Stats(); n.Received != 0 || n.Sent != 0 {
			t.Fatalf("received %d, sent %d", n.Received, n.Sent)
		}
	}
}

// TestCountFrames tells replies from what else a buffer holds.
func TestCountFrames(t *testing.T) {
	frame := func(xid int32, n int) []byte {
		b := appendReply(nil, xid, 1, proto.OK)
		return endPacket(append(b, make([]byte, n)...), 0)
	}
	all := func(frames ...[]byte) (b []byte) {
		for _, f := range frames {
			b = append(b, f...)
		}
		return b
	}
	check := func(name string, out []byte, first bool, n int64, want sizes) {
		t.Helper()
		if got, replies := countFrames(out, first); got != n || replies != want {
			t.Errorf("%s: %d packets, %+v, want %d, %+v", name, got, replies, n, want)
		}
	}
	check("nothing", nil, false, 0, sizes{})
	check("event", frame(proto.XidEvent, 30), false, 1, sizes{})
	check("first", frame(0, 21), true, 1, sizes{})
	check("first and reply", all(frame(0, 21), frame(1, 0)), true, 2, sizes{last: 16, least: 16, greatest: 16})
	check("mixed", all(frame(1, 9), frame(proto.XidEvent, 99), frame(proto.XidPing, 0), frame(2, 4)), false, 4,
		sizes{last: 20, least: 16, greatest: 25})
	check("short", []byte{0, 0, 0, 2, 1, 1}, false, 1, sizes{})
	check("cut", all(frame(1, 0), frame(2, 5)[:10]), false, 1, sizes{last: 16, least: 16, greatest: 16})
}
