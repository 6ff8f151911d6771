package integration

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slots is how many connections each side of the comparison has.
const slots = 4

// TestDifferential sends one random stream of requests, good and bad ones, to this server and to Java 3.9.6, and compares
// every packet that comes back. Zxids, times and session ids are replaced by what they stand for.
func TestDifferential(t *testing.T) {
	peer := java(t, "396")
	rnd := random(t)
	for left, run := number(t, "GOKEEPER_STEPS", 1500), 0; left > 0 && !t.Failed(); left, run = left-1500, run+1 {
		// fresh servers now and then: after a minute each begins to remove empty containers, in its own time
		t.Run(fmt.Sprint(run), func(t *testing.T) { differential(t, peer, rnd, min(left, 1500)) })
	}
}

func differential(t *testing.T, peer target, rnd *rand.Rand, steps int) {
	sides := []*side{newSide(t, subject(t)), newSide(t, peer)}
	g := generator{rnd}
	for n := range slots {
		step(t, sides, fmt.Sprintf("connect %d", n), n, func(s *side) { s.reopen(n, fresh()) })
	}
	for n := range steps {
		slot := rnd.IntN(slots)
		what := fmt.Sprintf("step %d on connection %d", n, slot)
		switch rnd.IntN(60) {
		case 0:
			step(t, sides, what+": resume elsewhere", slot, func(s *side) { s.steal(slot) })
		case 1:
			old := rnd.IntN(2) == 0
			step(t, sides, what+": reconnect", slot, func(s *side) { s.reconnect(slot, old) })
		default:
			batch := g.batch(slot)
			step(t, sides, fmt.Sprintf("%s: %v", what, batch), slot, func(s *side) { s.run(slot, n, batch) })
		}
		reopenClosed(t, sides, rnd)
	}
	compareEnds(t, sides)
}

// step does the same on both sides and compares what all connections received.
func step(t *testing.T, sides []*side, what string, slot int, do func(*side)) {
	t.Helper()
	for _, s := range sides {
		do(s)
		s.settle(slot)
	}
	a, b := sides[0], sides[1]
	trace(t, what, a.log)
	for n := range slots {
		if got, want := a.seen(n), b.seen(n); !slices.Equal(got, want) {
			t.Fatalf("%s\nconnection %d of %s got\n\t%s\nbut of %s\n\t%s", what, n, a.server.name, strings.Join(got, "\n\t"),
				b.server.name, strings.Join(want, "\n\t"))
		}
		a.log[n], b.log[n] = nil, nil
	}
	a.closed, b.closed = false, false
}

// trace appends a step, and what our side answered, to the file that GOKEEPER_TRACE names, to look for causes in.
func trace(t *testing.T, what string, log [slots][]string) {
	t.Helper()
	name := os.Getenv("GOKEEPER_TRACE")
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintln(f, what)
	for n, lines := range log {
		for _, line := range lines {
			fmt.Fprintf(f, "\t%d: %s\n", n, line)
		}
	}
}

// reopenClosed gives a new connection, with the old session or a new one, to each slot that lost its connection.
func reopenClosed(t *testing.T, sides []*side, rnd *rand.Rand) {
	t.Helper()
	for n := range slots {
		if sides[0].clients[n] != nil {
			continue
		}
		resume := rnd.IntN(2) == 0
		step(t, sides, "reopen", n, func(s *side) {
			if o := s.last[n]; resume {
				s.reopen(n, o)
			} else {
				s.reopen(n, fresh())
			}
			if s.clients[n] == nil { // the session is closed
				s.reopen(n, fresh())
			}
		})
	}
}

// compareEnds compares the trees, through a client, and what the servers count.
func compareEnds(t *testing.T, sides []*side) {
	t.Helper()
	for paths := []string{"/"}; len(paths) > 0; {
		path := paths[0]
		paths = paths[1:]
		step(t, sides, "tree at "+path, 0, func(s *side) {
			s.run(0, -1, []action{{op: opGetData, body: watched(path, false)}, {op: opGetACL, body: out(nil).str(path)},
				{op: opGetChildren2, body: watched(path, false)}})
		})
		for _, child := range sides[0].children {
			paths = append(paths, strings.TrimSuffix(path, "/")+"/"+child)
		}
	}
	for _, m := range []string{"zk_znode_count", "zk_watch_count", "zk_ephemerals_count", "zk_approximate_data_size", "zk_global_sessions"} {
		if got, want := sides[0].server.metric(m), sides[1].server.metric(m); got != want {
			t.Errorf("%s: %v, of %s %v", m, got, sides[1].server.name, want)
		}
	}
	if got, want := sides[0].server.word("wchs"), sides[1].server.word("wchs"); got != want {
		t.Errorf("wchs: %q, of %s %q", got, sides[1].server.name, want)
	}
	kinds := sides[0].kinds
	t.Logf("%d events; %d kinds of answers: %v", kinds["event"], len(kinds), kinds)
	if len(kinds) < 50 || kinds["event"] < 50 {
		t.Error("too few kinds of answers: this proves nothing")
	}
}

// An action is one request of the stream.
type action struct {
	op       int32
	body     out
	relative int // if not 0, the zxid of the relative-th latest write precedes the body
}

func (a action) String() string { return fmt.Sprintf("{op %d %q}", a.op, []byte(a.body)) }

// A side is one of the two servers with its connections and the meaning of its numbers.
type side struct {
	server   *server
	clients  [slots]*client
	last     [slots]opening // resumes the slot's latest session
	log      [slots][]string
	closed   bool             // a session was closed in this step: the order of its events is open
	zxids    []int64          // of answered writes, ascending
	labels   map[int64]string // what those stand for
	sessions map[int64]string // session id to its number
	times    map[string]int64 // a label's time
	children []string         // the latest list of children
	kinds    map[string]int   // how often each operation ended in each code
}

func newSide(t *testing.T, tg target) *side {
	t.Helper()
	s := newServer(t, tg, "maxSessionTimeout=600000")
	s.start(t)
	d := &side{server: s, labels: map[int64]string{0: "0"}, sessions: map[int64]string{0: "none"}, times: map[string]int64{"0": 0}, kinds: map[string]int{}}
	t.Cleanup(func() {
		for _, c := range d.clients {
			if c != nil {
				c.Close()
			}
		}
	})
	return d
}

func (s *side) note(slot int, format string, args ...any) {
	s.log[slot] = append(s.log[slot], fmt.Sprintf(format, args...))
}

// seen returns what a slot received in this step.
func (s *side) seen(slot int) []string {
	if s.closed {
		slices.Sort(s.log[slot])
	}
	return s.log[slot]
}

// reopen connects a slot; on failure the slot has no connection.
func (s *side) reopen(slot int, o opening) {
	c, err := connect(s.server.addr(), o)
	if err != nil {
		s.note(slot, "connect: %v", err)
		return
	}
	if _, known := s.sessions[c.session]; !known {
		s.sessions[c.session] = fmt.Sprint("s", len(s.sessions))
	}
	s.clients[slot], s.last[slot] = c, c.resume()
	s.note(slot, "connected %s timeout %d", s.sessions[c.session], c.timeout)
}

// fresh asks for a session that does not expire while the test runs.
func fresh() opening { return opening{timeout: 600000} }

// steal resumes a slot's session on another connection; the server must close the old one. Java does not always: when it
// notices the end of an older connection late, it forgets which one carries the session.
func (s *side) steal(slot int) {
	old := s.clients[slot]
	s.clients[slot] = nil
	s.reopen(slot, old.resume())
	old.SetDeadline(time.Now().Add(2 * time.Second))
	_, err := io.Copy(io.Discard, old.r)
	if s.server.name == "gokeeper" && err != nil && !errors.Is(err, syscall.ECONNRESET) {
		s.note(slot, "the old connection does not end: %v", err)
	}
	old.Close()
}

// reconnect drops a slot's connection, as a client does that loses its network, and opens another one.
func (s *side) reconnect(slot int, sameSession bool) {
	c := s.clients[slot]
	c.Close()
	s.clients[slot] = nil
	if sameSession {
		s.reopen(slot, c.resume())
	} else {
		s.reopen(slot, fresh())
	}
}

// run sends a batch and reads the answers to it.
func (s *side) run(slot, n int, batch []action) {
	c := s.clients[slot]
	var xids []int32
	for _, a := range batch {
		body := a.body
		if a.relative > 0 {
			body = append(out(nil).i64(s.earlier(a.relative)), body...)
		}
		xid, err := c.send(a.op, body)
		if err != nil {
			break // the server has closed; reading says so
		}
		xids = append(xids, xid)
		s.closed = s.closed || a.op == opCloseSession
	}
	for k, xid := range xids {
		r, ok := s.read(slot, xid)
		if !ok {
			return
		}
		s.answer(slot, fmt.Sprintf("%d.%d", n, k), batch[k].op, r)
	}
	if last := batch[len(batch)-1]; closes(last.op) && len(xids) == len(batch) {
		if r, ok := s.read(slot, -1<<31); ok {
			s.note(slot, "unexpected %+v", r)
		}
	}
}

// earlier returns the zxid of the n-th latest answered write.
func (s *side) earlier(n int) int64 {
	if n > len(s.zxids) {
		return 0
	}
	return s.zxids[len(s.zxids)-n]
}

// closes reports whether the server answers, if at all, and then closes the connection.
func closes(op int32) bool {
	return op == opCloseSession || op == opDeleteContainer || op == opCheck || op == 0 || op == -1 || op > opWhoAmI || op == 10
}

// read reads until the answer with the xid, noting events; false means that the connection ended.
func (s *side) read(slot int, xid int32) (reply, bool) {
	for {
		r, err := s.clients[slot].next()
		if err != nil {
			end := "closed"
			if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
				end = err.Error()
			}
			s.note(slot, "%s", end)
			s.clients[slot].Close()
			s.clients[slot] = nil
			return r, false
		}
		if r.xid != -1 {
			if r.xid != xid {
				s.note(slot, "xid %d instead of %d", r.xid, xid)
			}
			return r, true
		}
		i := r.in()
		s.kinds["event"]++
		s.note(slot, "event %d state %d %q at %s", i.i32(), i.i32(), i.str(), s.label(r.zxid))
	}
}

// settle lets every other connection answer a ping, so that all events of the step have arrived.
func (s *side) settle(acting int) {
	for slot, c := range s.clients {
		if c == nil {
			continue
		}
		if _, err := c.send(opPing, nil); err != nil && slot != acting {
			s.note(slot, "ping: %v", err)
		}
		s.read(slot, -2)
	}
}

// answer notes an answer in comparable form.
func (s *side) answer(slot int, name string, op int32, r reply) {
	if changes(op) && r.err != errMarshalling && r.zxid > 0 && (len(s.zxids) == 0 || r.zxid > s.zxids[len(s.zxids)-1]) {
		s.zxids = append(s.zxids, r.zxid)
		s.labels[r.zxid] = name
	}
	s.kinds[fmt.Sprintf("op %d error %d", op, r.err)]++
	i := r.in()
	text := ""
	if r.err == 0 {
		text = s.render(op, i)
	}
	s.note(slot, "op %d xid %d at %s error %d: %s rest %x %v", op, r.xid, s.label(r.zxid), r.err, text, i.b, i.err)
}

// changes reports whether a request of the kind takes a zxid.
func changes(op int32) bool {
	switch op {
	case opCreate, opCreate2, opCreateContainer, opCreateTTL, opDelete, opSetData, opSetACL, opMulti, opReconfig, opCloseSession:
		return true
	}
	return false
}

// label says what a zxid stands for: the latest labelled write at or before it.
func (s *side) label(zxid int64) string {
	if zxid <= 0 {
		return fmt.Sprint(zxid)
	}
	n, found := slices.BinarySearch(s.zxids, zxid)
	if found {
		return s.labels[zxid]
	}
	if n == 0 {
		return "start"
	}
	return s.labels[s.zxids[n-1]]
}

// time gives a label's time a name: the label itself, as long as it is always the same time.
func (s *side) time(label string, ms int64) string {
	if known, ok := s.times[label]; !ok {
		s.times[label] = ms
	} else if known != ms {
		return fmt.Sprintf("%+dms", ms-known)
	}
	return label
}

func (s *side) stat(i *in) string {
	st := i.stat()
	c, m := s.label(st.Czxid), s.label(st.Mzxid)
	owner, known := s.sessions[st.Owner]
	if !known {
		owner = fmt.Sprintf("%#x", st.Owner)
	}
	return fmt.Sprintf("[c %s m %s p %s ctime %s mtime %s versions %d %d %d owner %s length %d children %d]", c, m, s.label(st.Pzxid),
		s.time(c, st.Ctime), s.time(m, st.Mtime), st.Version, st.Cversion, st.Aversion, owner, st.DataLength, st.NumChildren)
}

func data(i *in) string {
	b := i.buf()
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}

func sorted(list []string) string {
	slices.Sort(list)
	return fmt.Sprintf("%q", list)
}

// render decodes the body of a successful answer.
func (s *side) render(op int32, i *in) string {
	switch op {
	case opCreate, opSync:
		return data(i)
	case opCreate2, opCreateContainer, opCreateTTL, opGetData:
		return data(i) + s.stat(i)
	case opExists, opSetData, opSetACL:
		return s.stat(i)
	case opGetACL:
		return fmt.Sprint(i.acls()) + s.stat(i)
	case opGetChildren, opGetChildren2:
		s.children = i.strs()
		text := sorted(s.children)
		if op == opGetChildren2 {
			text += s.stat(i)
		}
		return text
	case opGetEphemerals:
		return sorted(i.strs())
	case opMulti, opMultiRead:
		return s.results(i)
	case opWhoAmI:
		var ids []string
		for n := i.i32(); n > 0 && i.err == nil; n-- {
			ids = append(ids, i.str()+":"+i.str())
		}
		return sorted(ids)
	}
	return ""
}

// results decodes the body of a multi.
func (s *side) results(i *in) string {
	var text []string
	for i.err == nil {
		op, done, code := i.i32(), i.bool(), i.i32()
		one := fmt.Sprintf("op %d done %v code %d ", op, done, code)
		if done {
			return strings.Join(append(text, one), ", ")
		}
		if op == -1 {
			one += fmt.Sprint(i.i32())
		} else {
			one += s.render(op, i)
		}
		text = append(text, one)
	}
	return strings.Join(text, ", ")
}
