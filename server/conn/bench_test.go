package conn

import (
	"bufio"
	"io"
	"runtime"
	"testing"
	"time"

	"gokeeper/server/proto"
)

// memory returns the heap and stacks in use after a collection.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// TestIdleMemory measures what an idle connection with a session costs, the test's own
// end of it included in part.
func TestIdleMemory(t *testing.T) {
	f := newFake()
	s, addr := serve(t, Options{}, f)
	const n = 500
	clients := make([]*client, n)
	for i := range clients {
		clients[i] = dial(t, addr)
	}
	for len(s.Connections()) < n {
		time.Sleep(time.Millisecond) // the accept loop has nobody to tell
	}
	all, _ := s.snapshot()
	for _, c := range clients {
		c.connect()
		c.send(getData(1, 100))
		c.reply(1, 10, 0)
	}
	with := memory()
	s.DropAll()
	f.await(t, "gone", n)
	clear(all)
	f.mu.Lock()
	clear(f.gone)
	clear(f.sessions)
	f.mu.Unlock()
	per := (with - memory()) / n
	t.Logf("%d bytes per idle connection", per)
	if per > 8<<10 {
		t.Errorf("%d bytes per idle connection", per)
	}
}

// TestReadAllocations holds that a read allocates nothing.
func TestReadAllocations(t *testing.T) {
	_, addr := serve(t, Options{}, newFake())
	c := dial(t, addr)
	c.connect()
	const n = 100
	var batch []byte
	for i := range int32(n) {
		batch = append(batch, getData(i, 100)...)
	}
	answer := make([]byte, n*(4+16+4+100))
	per := testing.AllocsPerRun(200, func() {
		if _, err := c.Write(batch); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, answer); err != nil {
			t.Fatal(err)
		}
	}) / n
	if per > 0.02 {
		t.Errorf("%v allocations per read", per)
	}
}

// BenchmarkReads measures pipelined reads of 100 bytes over loopback.
func BenchmarkReads(b *testing.B) {
	for _, depth := range []int{1, 16, 256} {
		b.Run(map[int]string{1: "one by one", 16: "16 deep", 256: "256 deep"}[depth], func(b *testing.B) {
			_, addr := serve(b, observed(), newFake())
			c := dial(b, addr)
			_ = c.SetDeadline(time.Time{})
			c.connect()
			var batch []byte
			for i := range int32(depth) {
				batch = append(batch, getData(i, 100)...)
			}
			answer := make([]byte, depth*(4+16+4+100))
			b.ReportAllocs()
			for i := 0; i < b.N; i += depth {
				if _, err := c.Write(batch); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, answer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkWrites measures pipelined writes with reads between them.
func BenchmarkWrites(b *testing.B) {
	_, addr := serve(b, observed(), newFake())
	c := dial(b, addr)
	_ = c.SetDeadline(time.Time{})
	c.connect()
	go func() {
		w := bufio.NewWriterSize(c, 16<<10)
		body := make([]byte, 100)
		for i := range b.N {
			_, _ = w.Write(request(int32(i), proto.OpSetData, body...))
		}
		_ = w.Flush()
	}()
	b.ReportAllocs()
	_, err := io.CopyN(io.Discard, c, int64(b.N)*20)
	if err != nil {
		b.Fatal(err)
	}
}
