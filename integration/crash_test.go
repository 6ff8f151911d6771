package integration

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestCrash kills the server with SIGKILL under load, again and again, restarts it on the same directory, and checks that
// every acknowledged write is there, that nothing is there twice, and that no multi was applied in part.
func TestCrash(t *testing.T) {
	rnd := random(t)
	rounds := number(t, "GOKEEPER_ROUNDS", 3)
	s := newServer(t, subject(t), "snapCount=500", "preAllocSize=1024")
	s.start(t)
	c := s.connect(t, opening{})
	for _, p := range []string{"/seq", "/own", "/multi"} {
		c.ok(t, opCreate, create(p, nil, open, persistent))
	}
	keeper := s.connect(t, opening{timeout: 40000})
	keeper.ok(t, opCreate, create("/alive", []byte("alive"), open, ephemeral))
	var all []*writer
	for round := range rounds {
		writers := crashRound(t, s, round, rnd)
		all = append(all, writers...)
		s.start(t)
		check := s.connect(t, opening{})
		verified := all
		if round < rounds-1 { // older ones are looked at again after the last round
			verified = writers
		}
		for _, w := range verified {
			if err := w.verify(check); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		if round%10 == 9 || round == rounds-1 {
			if err := verifySequence(check, all); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		var err error
		if keeper, err = connect(s.addr(), keeper.resume()); err != nil {
			t.Fatalf("round %d: session did not survive: %v", round, err)
		}
		t.Cleanup(func() { keeper.Close() })
		keeper.ok(t, opExists, watched("/alive", false))
		check.Close()
	}
	acked := 0
	for _, w := range all {
		acked += w.acked
	}
	t.Logf("%d rounds, %d acknowledged writes", rounds, acked)
	if acked < rounds*10 {
		t.Errorf("only %d writes were acknowledged: this proves nothing", acked)
	}
}

// crashRound starts four writers, kills the server at a random time, and returns what the writers know.
func crashRound(t *testing.T, s *server, round int, rnd *rand.Rand) []*writer {
	t.Helper()
	var writers []*writer
	var wg sync.WaitGroup
	for n := range 4 {
		w := &writer{name: fmt.Sprintf("r%d-w%d", round, n), nodes: map[string]fate{}, pairs: map[string]fate{}}
		writers = append(writers, w)
		c, err := connect(s.addr(), opening{})
		if err != nil {
			t.Fatal(err)
		}
		seed := rnd.Uint64()
		wg.Go(func() {
			defer c.Close()
			w.err = w.run(c, rand.New(rand.NewPCG(seed, 0)))
		})
	}
	time.Sleep(time.Duration(100+rnd.IntN(500)) * time.Millisecond) // the load runs; the kill must come at any point of it
	if !s.running() {
		t.Fatalf("round %d: the server ended by itself: %v", round, s.end)
	}
	if err := s.signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	for _, w := range writers {
		if w.err != nil {
			t.Fatalf("round %d: %v", round, w.err)
		}
	}
	return writers
}

// A fate is what is known about something that was written.
type fate int

const (
	maybe fate = iota // sent, not answered
	there             // acknowledged
	gone              // its deletion was acknowledged
	dying             // its deletion was sent, not answered
)

// A writer writes through one connection, in pipelined batches, until that breaks, and remembers what it was told.
type writer struct {
	name    string
	started bool // the counter's creation was acknowledged
	acked   int
	nodes   map[string]fate // below /own: unique names with their own path as data
	pairs   map[string]fate // below /multi: names of pairs -a, -b made by one multi
	created []string        // sequential nodes, as answered
	sent    int32           // versions of the counter that were asked for
	counted int32           // versions of the counter that were acknowledged
	err     error           // an answer that should not have come
	zxid    int64           // the last one seen
	pace    func() bool     // nil, or called before each batch: false ends the run
}

// A request is one write and what to do with its answer.
type request struct {
	op   int32
	body out
	done func(r reply) error
}

func (w *writer) counter() string { return "/own/" + w.name }

// run ends without an error when the connection breaks.
func (w *writer) run(c *client, rnd *rand.Rand) error {
	r, err := c.call(opCreate, create(w.counter(), []byte("0"), open, persistent))
	if err != nil {
		return nil
	}
	if r.err != 0 {
		return fmt.Errorf("%s: create: error %d", w.name, r.err)
	}
	w.started = true
	for n := 0; w.pace == nil || w.pace(); {
		var batch []request
		for range 1 + rnd.IntN(8) {
			batch = append(batch, w.request(n, rnd))
			n++
		}
		first := c.xid + 1
		for _, q := range batch {
			if _, err := c.send(q.op, q.body); err != nil {
				return nil
			}
		}
		for k, q := range batch {
			r, err := c.next()
			if err != nil {
				return nil
			}
			if r.xid != first+int32(k) {
				return fmt.Errorf("%s: answer to xid %d instead of %d", w.name, r.xid, first+int32(k))
			}
			if err := q.done(r); err != nil {
				return fmt.Errorf("%s: op %d: %w", w.name, q.op, err)
			}
			w.acked++
			w.zxid = r.zxid
		}
	}
	return nil
}

// request makes the n-th write.
func (w *writer) request(n int, rnd *rand.Rand) request {
	name := fmt.Sprintf("%s-%d", w.name, n)
	switch rnd.IntN(10) {
	case 0, 1, 2:
		return w.sequential(name)
	case 3, 4:
		return w.count()
	case 5, 6:
		return w.pair(name)
	case 7:
		for old, f := range w.nodes {
			if f == there {
				return w.remove(old)
			}
		}
	}
	return w.unique(name)
}

func (w *writer) unique(name string) request {
	w.nodes[name] = maybe
	path := "/own/" + name
	return request{opCreate, create(path, []byte(path), open, persistent), func(r reply) error {
		w.nodes[name] = there
		return refused(r)
	}}
}

func (w *writer) remove(name string) request {
	w.nodes[name] = dying
	return request{opDelete, at("/own/"+name, -1), func(r reply) error {
		w.nodes[name] = gone
		return refused(r)
	}}
}

func (w *writer) sequential(name string) request {
	return request{opCreate, create("/seq/n-", []byte(name), open, persistentSequential), func(r reply) error {
		w.created = append(w.created, r.in().str()+"="+name)
		return refused(r)
	}}
}

// count sets the counter's data to the version that it will have.
func (w *writer) count() request {
	w.sent++
	v := w.sent
	return request{opSetData, setData(w.counter(), fmt.Append(nil, v), v-1), func(r reply) error {
		w.counted = v
		return refused(r)
	}}
}

func (w *writer) pair(name string) request {
	w.pairs[name] = maybe
	a, b := "/multi/"+name+"-a", "/multi/"+name+"-b"
	body := multi(part{opCreate, create(a, nil, open, persistent)}, part{opCreate, create(b, nil, open, persistent)},
		part{opSetData, setData(a, []byte(a), 0)})
	return request{opMulti, body, func(r reply) error {
		w.pairs[name] = there
		return refused(r)
	}}
}

func refused(r reply) error {
	if r.err != 0 {
		return fmt.Errorf("error %d", r.err)
	}
	return nil
}

// verify compares the tree with what the writer knows.
func (w *writer) verify(c *client) error {
	for name, f := range w.nodes {
		path := "/own/" + name
		data, found, err := read(c, path)
		if err != nil {
			return err
		}
		if err := f.check(path, found); err != nil {
			return err
		}
		if found && string(data) != path {
			return fmt.Errorf("%s has the data %q", path, data)
		}
	}
	for name, f := range w.pairs {
		a, b := "/multi/"+name+"-a", "/multi/"+name+"-b"
		data, foundA, errA := read(c, a)
		_, foundB, errB := read(c, b)
		if errA != nil || errB != nil {
			return fmt.Errorf("%w, %w", errA, errB)
		}
		if err := f.check(a, foundA); err != nil {
			return err
		}
		if foundA != foundB || foundA && string(data) != a {
			return fmt.Errorf("multi of %s applied in part: %v %q, %v", name, foundA, data, foundB)
		}
	}
	return w.verifyCounter(c)
}

func (f fate) check(path string, found bool) error {
	if f == there && !found {
		return fmt.Errorf("%s was acknowledged and is lost", path)
	}
	if f == gone && found {
		return fmt.Errorf("%s was deleted and is back", path)
	}
	return nil
}

func (w *writer) verifyCounter(c *client) error {
	r, err := c.call(opGetData, watched(w.counter(), false))
	if err != nil {
		return err
	}
	if r.err == errNoNode && !w.started {
		return nil
	}
	i := r.in()
	data, st := i.buf(), i.stat()
	if r.err != 0 || i.err != nil {
		return fmt.Errorf("%s: error %d, %w", w.counter(), r.err, i.err)
	}
	if st.Version < w.counted || st.Version > w.sent || string(data) != fmt.Sprint(st.Version) {
		return fmt.Errorf("%s: version %d and data %s; acknowledged were %d, sent %d", w.counter(), st.Version, data, w.counted, w.sent)
	}
	return nil
}

// verifySequence checks that each acknowledged sequential node is there with its data, and that no data occurs twice.
func verifySequence(c *client, all []*writer) error {
	r, err := c.call(opGetChildren, watched("/seq", false))
	if err != nil {
		return err
	}
	holders := map[string]string{} // data to path
	for _, name := range r.in().strs() {
		path := "/seq/" + name
		data, _, err := read(c, path)
		if err != nil {
			return err
		}
		if other, twice := holders[string(data)]; twice {
			return fmt.Errorf("%s and %s come from one request", other, path)
		}
		holders[string(data)] = path
	}
	for _, w := range all {
		for _, x := range w.created {
			path, data, _ := strings.Cut(x, "=")
			if holders[data] != path {
				return fmt.Errorf("%s was acknowledged for %s, which is %q", path, data, holders[data])
			}
		}
	}
	return nil
}

// read returns a node's data.
func read(c *client, path string) (data []byte, found bool, err error) {
	r, err := c.call(opGetData, watched(path, false))
	if err != nil || r.err == errNoNode {
		return nil, false, err
	}
	if r.err != 0 {
		return nil, false, fmt.Errorf("getData %s: error %d", path, r.err)
	}
	return r.in().buf(), true, nil
}
