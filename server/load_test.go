package server_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gokeeper/server/proto"
)

// load is some clients that create /w<client>/<n>, one after the other, and remember
// what was acknowledged.
type load struct {
	t     *testing.T
	acked []atomic.Int64
	wg    sync.WaitGroup
}

// load writes with n clients until their connections end.
func (r *running) load(n int) *load {
	r.t.Helper()
	l := &load{t: r.t, acked: make([]atomic.Int64, n)}
	for w := range l.acked {
		c := r.mustConnect(nil)
		c.create(fmt.Sprintf("/w%d", w), "0", proto.FlagPersistent)
		l.wg.Go(func() { l.run(c, w) })
	}
	return l
}

func (l *load) run(c *client, w int) {
	for n := int64(1); ; n++ {
		h := proto.RequestHeader{Xid: int32(n), Op: proto.OpCreate}
		body := append(h.Append(nil), createRecord(fmt.Sprintf("/w%d/%d", w, n), "", proto.FlagPersistent)...)
		if _, err := c.Conn.Write(append([]byte{0, 0, byte(len(body) >> 8), byte(len(body))}, body...)); err != nil {
			return
		}
		if _, err := c.read(); err != nil {
			return
		}
		l.acked[w].Store(n)
	}
}

// await waits until the first client has n acknowledgements.
func (l *load) await(n int64) {
	l.t.Helper()
	for limit := time.Now().Add(patience); l.acked[0].Load() < n; {
		if time.Now().After(limit) {
			l.t.Fatal("no writes get through")
		}
	}
}

func (l *load) wait() { l.wg.Wait() }

// kept wants everything that was acknowledged to be there.
func (l *load) kept(c *client) {
	l.t.Helper()
	for w := range l.acked {
		for n := int64(1); n <= l.acked[w].Load(); n++ {
			c.holds(fmt.Sprintf("/w%d/%d", w, n), "")
		}
	}
}
