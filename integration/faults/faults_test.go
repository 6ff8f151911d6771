package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

// patience is how long the ensemble may take to serve again after the last fault.
const patience = 60 * time.Second

// run is one run of faults.
type run struct {
	t       *testing.T
	w       *network
	members []*member
	rnd     *rand.Rand
	counts  map[string]int
}

// TestFaults is the run: see the package comment.
func TestFaults(t *testing.T) {
	minutes, _ := strconv.ParseFloat(os.Getenv("GOKEEPER_FAULTS"), 64)
	if minutes <= 0 {
		t.Skip("set GOKEEPER_FAULTS to the length of the run in minutes")
	}
	if why := permitted(); why != "" {
		t.Skip(why)
	}
	seed := rand.Uint64()
	if s := os.Getenv("GOKEEPER_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("GOKEEPER_SEED=%d", seed)
	dir, err := os.MkdirTemp("", "gokeeper-faults-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs and data are kept in %s", dir)
			return
		}
		os.RemoveAll(dir)
	})
	w := newNetwork(t, 4)
	r := &run{t: t, w: w, members: newMembers(t, w, 4, binary(t, dir), dir), rnd: rand.New(rand.NewPCG(seed, 0)), counts: map[string]int{}}
	t.Cleanup(func() {
		for _, m := range r.members {
			m.kill()
			m.log.Close()
		}
	})
	r.all(time.Duration(minutes*float64(time.Minute)), seed, dir)
}

// binary returns the server to test.
func binary(t *testing.T, dir string) string {
	t.Helper()
	if b := os.Getenv("GOKEEPER_BINARY"); b != "" {
		return b
	}
	b := filepath.Join(dir, "gokeeper")
	if out, err := exec.Command("go", "build", "-o", b, "gokeeper/server/cmd/gokeeper").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return b
}

func (r *run) all(length time.Duration, seed uint64, dir string) {
	t := r.t
	for _, m := range r.members {
		m.start()
	}
	r.settle()
	r.prepare()
	var addrs []string
	for _, m := range r.members {
		addrs = append(addrs, m.addr)
	}
	h := newHistory()
	l, err := startLoad(h, 6, seed, addrs)
	if err != nil {
		t.Fatal(err)
	}
	for end, report := time.Now().Add(length), time.Now().Add(time.Minute); time.Now().Before(end); {
		r.fault()
		for _, m := range r.members {
			if m.ended() {
				t.Errorf("member %d has ended by itself, see %s", m.id, m.log.Name())
				m.kill()
				m.start()
			}
		}
		if time.Now().After(report) {
			report = report.Add(time.Minute)
			r.report(h)
		}
	}
	r.settle()
	l.end()
	h.compare(r.trees())
	r.report(h)
	for _, v := range h.check(dir) {
		t.Error(v)
	}
}

func (r *run) report(h *history) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.t.Logf("%.0fs: %d writes answered, %d not; longest time without one %.1fs; %d registers, %d acknowledged creates; faults %v; violations %d",
		time.Since(h.start).Seconds(), h.done, h.lost, h.longest.Seconds(), len(h.registers), len(h.acknowledged), r.counts, len(h.violations))
}

// settle waits until all members serve.
func (r *run) settle() {
	r.t.Helper()
	var modes []string
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(50 * time.Millisecond) {
		modes = modes[:0]
		for _, m := range r.members {
			modes = append(modes, m.mode())
		}
		got := strings.Join(modes, " ")
		if strings.Count(got, "leader") == 1 && strings.Count(got, "follower") == 2 && strings.Count(got, "observer") == 1 {
			return
		}
	}
	r.t.Fatalf("the ensemble does not recover: %q", modes)
}

// prepare makes the znodes that the clients use.
func (r *run) prepare() {
	r.t.Helper()
	c, err := connect(r.members[0].addr)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	for _, path := range []string{registerRoot, createRoot, sequenceRoot, ephemeral, counter} {
		if _, err := c.Create(path, nil, 0, zk.WorldACL(zk.PermAll)); err != nil {
			r.t.Fatalf("create %s: %v", path, err)
		}
	}
}

// fault makes one fault, lets it last, undoes it, and gives the ensemble some time.
func (r *run) fault() {
	pick := r.rnd.IntN(100)
	last := time.Duration(200+r.rnd.IntN(4000)) * time.Millisecond
	calm := time.Duration(300+r.rnd.IntN(3000)) * time.Millisecond
	m := r.members[r.rnd.IntN(len(r.members))]
	who := fmt.Sprint("member ", m.id)
	if r.rnd.IntN(2) == 0 {
		if leader := r.leader(); leader != nil {
			m, who = leader, "leader"
		}
	}
	name := r.begin(pick, m, who)
	r.counts[name]++
	time.Sleep(last) // how long the fault lasts is the fault
	for _, m := range r.members {
		r.w.heal(r.t, m.id)
		m.signal(syscall.SIGCONT)
		if m.cmd == nil {
			m.start()
		}
	}
	time.Sleep(calm)
}

func (r *run) leader() *member {
	for _, m := range r.members {
		if m.mode() == "leader" {
			return m
		}
	}
	return nil
}

// begin makes the fault and returns its name.
func (r *run) begin(pick int, m *member, who string) string {
	if who != "leader" {
		who = "other"
	}
	switch {
	case pick < 30:
		m.kill()
		return "kill " + who
	case pick < 36:
		for _, m := range r.members {
			m.kill()
		}
		return "kill all"
	case pick < 50:
		m.signal(syscall.SIGSTOP)
		return "pause " + who
	case pick < 62:
		r.w.cut(r.t, m.id, true, true)
		return "cut off " + who
	case pick < 74:
		r.w.cut(r.t, m.id, true, false)
		return "deaf " + who
	case pick < 86:
		r.w.cut(r.t, m.id, false, true)
		return "mute " + who
	}
	r.w.slow(r.t, m.id, 20+r.rnd.IntN(200))
	return "slow " + who
}

// trees returns what each member holds.
func (r *run) trees() []map[string]string {
	r.t.Helper()
	var trees []map[string]string
	for _, m := range r.members {
		c, err := connect(m.addr)
		if err != nil {
			r.t.Fatal(err)
		}
		tree := map[string]string{}
		for limit := time.Now().Add(patience); ; { // sessions that ended must be over, and their ephemerals gone
			if _, err := c.Sync("/"); err != nil {
				r.t.Fatalf("member %d: sync: %v", m.id, err)
			}
			left, _, err := c.Children(ephemeral)
			if err != nil {
				r.t.Fatalf("member %d: %v", m.id, err)
			}
			if len(left) == 0 {
				break
			}
			if time.Now().After(limit) {
				r.t.Errorf("member %d: ephemerals of sessions that are over: %v", m.id, left)
				break
			}
		}
		r.walk(c, "/", tree)
		c.Close()
		trees = append(trees, tree)
	}
	return trees
}

// walk reads a subtree. Another's session comes and goes meanwhile; it leaves no znode.
func (r *run) walk(c *zk.Conn, path string, tree map[string]string) {
	r.t.Helper()
	data, stat, err := c.Get(path)
	if err != nil {
		r.t.Fatalf("%s: %v", path, err)
	}
	tree[path] = fmt.Sprintf("%q %+v", data, *stat)
	if stat.NumChildren == 0 {
		return
	}
	children, _, err := c.Children(path)
	if err != nil {
		r.t.Fatalf("%s: %v", path, err)
	}
	for _, name := range children {
		r.walk(c, strings.TrimSuffix(path, "/")+"/"+name, tree)
	}
}

// compare wants all members to hold the same, and what was acknowledged. The node of the
// configuration is written by each member for itself.
func (h *history) compare(trees []map[string]string) {
	first := trees[0]
	for i, tree := range trees {
		for _, path := range h.acknowledged {
			if _, ok := tree[path]; !ok {
				h.violation("acknowledged: %s is not on member %d", path, i+1)
			}
		}
		for path, want := range first {
			if got, ok := tree[path]; path != "/zookeeper/config" && (!ok || got != want) {
				h.violation("replicas: %s is %s on member %d, %s on member 1", path, got, i+1, want)
			}
		}
		for path := range tree {
			if _, ok := first[path]; !ok {
				h.violation("replicas: %s is on member %d, not on member 1", path, i+1)
			}
		}
	}
}
