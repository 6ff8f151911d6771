package integration

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gokeeper/server/freeport"
)

// What a server may need more at the end of a soak than after it has warmed up. Memory that is free but not yet given
// back makes some of the difference.
const (
	memoryFactor, memoryMore       = 1.5, 32 << 20
	goroutineFactor, goroutineMore = 1.2, 10
)

// TestSoak runs an ensemble under load for GOKEEPER_SOAK hours. Its members die and come back, but for one observer, which
// lives through all of it. What the clients keep there does not grow; so memory and goroutines of our servers must not.
func TestSoak(t *testing.T) {
	hours, _ := strconv.ParseFloat(os.Getenv("GOKEEPER_SOAK"), 64)
	if hours <= 0 {
		t.Skip("set GOKEEPER_SOAK to the length of the run in hours, as make soak does")
	}
	s := newSoak(t)
	c := s.join(1, opening{})
	for _, p := range []string{"/soak", "/soak/e", "/soak/q"} {
		c.ok(t, opCreate, create(p, nil, open, persistent))
	}
	for n := range soakers {
		c.ok(t, opCreate, create(soaked(n), nil, open, persistent))
	}
	c.ok(t, opCloseSession, nil)
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for n := range soakers {
		clients.Go(func() { s.client(n, stop) })
	}
	s.endure(time.Duration(hours * float64(time.Hour)))
	close(stop)
	clients.Wait()
	s.settled()
	s.equal()
	s.judge()
}

// soakers is how many clients there are.
const soakers = 8

func soaked(n int) string { return fmt.Sprintf("/soak/%d", n) }

// A soak is an ensemble, and what it needed when.
type soak struct {
	*ensemble
	begin   time.Time
	rnd     *rand.Rand
	metrics map[int]string // addresses of our servers
	needs   map[int][]need
	killed  map[int]int
	writes  atomic.Int64
	broken  atomic.Int64 // connections
	expired atomic.Int64 // sessions
}

// A need is what a server needed at a time.
type need struct {
	at         time.Duration
	memory     int64
	goroutines int
}

// newSoak starts three voters, one of them Java's where that is installed, and the observer.
func newSoak(t *testing.T) *soak {
	own := subject(t)
	voters := []target{own, own, own}
	if peer, err := installed("396"); err == nil {
		voters[2] = peer
	} else {
		t.Logf("all servers are ours: %v", err)
	}
	s := &soak{
		ensemble: newEnsemble(t, voters, []target{own}, "snapCount=5000", "autopurge.purgeInterval=1", "maxSessionTimeout=60000"),
		rnd:      random(t), metrics: map[int]string{}, needs: map[int][]need{}, killed: map[int]int{},
	}
	s.fuzzy = true
	for _, sid := range s.sids() {
		if n := s.node(sid); n.name != "java396" {
			port := freeport.One(t)
			s.metrics[sid] = fmt.Sprintf("http://127.0.0.1:%d/metrics", port)
			text, err := os.ReadFile(n.cfg)
			if err != nil {
				t.Fatal(err)
			}
			text = fmt.Appendf(text, "metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider\n"+
				"metricsProvider.httpHost=127.0.0.1\nmetricsProvider.httpPort=%d\n", port)
			if err := os.WriteFile(n.cfg, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.launch()
	s.settled()
	populate(t, s.node(1), "/still", create2(t)) // to be compared at the end
	s.begin = time.Now()
	return s
}

// endure measures now and then, and between two measurements kills a voter, or restarts it, and waits until all serve.
func (s *soak) endure(length time.Duration) {
	pause := max(length/200, time.Second)
	row := max(length/24, time.Second)
	for next := row; time.Since(s.begin) < length; {
		time.Sleep(pause) // the load runs
		if at := time.Since(s.begin); at >= next {
			next += row
			s.measure(at)
			sid := 1 + s.rnd.IntN(3)
			s.halt([]syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[s.rnd.IntN(2)], sid)
			s.killed[sid]++
			s.launch(sid)
			s.settled()
		}
	}
	s.measure(time.Since(s.begin))
}

// measure notes what our servers need now, and prints a row of the table.
func (s *soak) measure(at time.Duration) {
	s.t.Helper()
	text := ""
	for _, sid := range s.sids() {
		if s.metrics[sid] == "" {
			text += fmt.Sprintf("  %d %s restarts %d", sid, s.node(sid).name, s.killed[sid])
			continue
		}
		n := need{at: at, goroutines: goroutines(s.t, s.metrics[sid])}
		var err error
		if n.memory, err = residentMemory(s.node(sid).cmd.Process.Pid); err != nil {
			s.t.Fatal(err)
		}
		s.needs[sid] = append(s.needs[sid], n)
		text += fmt.Sprintf("  %d %3d MiB %3d goroutines restarts %d", sid, n.memory>>20, n.goroutines, s.killed[sid])
	}
	fmt.Printf("%8v  %7d writes %4d broken %d expired%s\n", at.Round(time.Second), s.writes.Load(), s.broken.Load(), s.expired.Load(), text)
}

// goroutines asks a server how many it has.
func goroutines(t testing.TB, url string) int {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "go_goroutines "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(n)
		}
	}
	t.Fatalf("%s tells no number of goroutines", url)
	return 0
}

// judge compares what each of our servers needed in the second quarter of the run with what it needed in the last.
func (s *soak) judge() {
	s.t.Helper()
	for _, sid := range s.sids() {
		var warm, last []need
		for _, n := range s.needs[sid] {
			switch length := s.needs[sid][len(s.needs[sid])-1].at; {
			case n.at > length/4 && n.at <= length/2:
				warm = append(warm, n)
			case n.at > length*3/4:
				last = append(last, n)
			}
		}
		if s.metrics[sid] == "" {
			continue
		}
		if len(warm) == 0 || len(last) == 0 {
			s.t.Fatalf("node %d: the run is too short: %v", sid, s.needs[sid])
		}
		memory := func(n need) int64 { return n.memory }
		number := func(n need) int64 { return int64(n.goroutines) }
		if before, now := median(warm, memory), median(last, memory); float64(now) > memoryFactor*float64(before)+memoryMore {
			s.t.Errorf("node %d: %d MiB resident, after it had warmed up %d MiB", sid, now>>20, before>>20)
		}
		if before, now := median(warm, number), median(last, number); float64(now) > goroutineFactor*float64(before)+goroutineMore {
			s.t.Errorf("node %d: %d goroutines, after it had warmed up %d", sid, now, before)
		}
	}
	if s.writes.Load() < 1000 {
		s.t.Errorf("%d writes: this proves nothing", s.writes.Load())
	}
}

func median(list []need, of func(need) int64) int64 {
	var all []int64
	for _, n := range list {
		all = append(all, of(n))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// client works through one session that it takes from server to server, or through a new one when that has expired. It
// leaves nothing behind that it does not use again or that does not end with its session.
func (s *soak) client(n int, stop <-chan struct{}) {
	var o opening
	for at := n; ; at++ {
		o.timeout = 15000
		c, err := connect(s.nodes[at%len(s.nodes)].addr(), o)
		if errors.Is(err, errExpired) {
			s.expired.Add(1)
			o = opening{}
		}
		if err == nil {
			zxid, ended := s.work(c, n, stop)
			c.Close()
			resumed := c.resume()
			resumed.zxid = max(o.zxid, zxid)
			if o = resumed; ended {
				return
			}
			s.broken.Add(1)
		}
		select {
		case <-stop:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// work sends requests until the connection breaks, or until it is told to stop: then it closes the session.
func (s *soak) work(c *client, n int, stop <-chan struct{}) (zxid int64, ended bool) {
	own := fmt.Sprintf("/soak/e/%d", n)
	for k := 0; ; k++ {
		select {
		case <-stop:
			_, err := c.call(opCloseSession, nil)
			return zxid, err == nil
		case <-time.After(10 * time.Millisecond): // the pace of the load, which leaves room beside it
		}
		for _, q := range []request{
			{op: opSetData, body: setData(soaked(n), make([]byte, 100+k%900), -1)},
			{op: opExists, body: watched(soaked((n+1)%soakers), true)},
			{op: opCreate, body: create(own, nil, open, ephemeral)},
			{op: opDelete, body: at(own, -1)},
			{op: opGetChildren, body: watched("/soak/e", true)},
		} {
			r, err := c.call(q.op, q.body)
			if err != nil {
				return zxid, false
			}
			zxid = max(zxid, r.zxid)
			if changes(q.op) && r.err == 0 {
				s.writes.Add(1)
			}
		}
		c.events = nil
	}
}
