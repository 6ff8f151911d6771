package integration

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slots is how many connections each side of the comparison has.
const slots = 4

// answerLimit is how long a side may take to answer all that one step asks of a connection. A Java server that shares its
// processor with other tests may pause for seconds.
const answerLimit = 25 * time.Second

// An action is one request of the stream.
type action struct {
	op       int32
	body     out
	relative int    // if not 0, the zxid of the relative-th latest write precedes the body
	xid      *int32 // instead of the next one
	raw      []byte // if not nil, this is sent as it is, and ends the connection
}

func (a action) String() string {
	if a.raw != nil {
		return fmt.Sprintf("{raw, %d bytes %.40x}", len(a.raw), a.raw)
	}
	text := fmt.Sprintf("{op %d %.300q", a.op, []byte(a.body))
	if a.relative > 0 {
		text += fmt.Sprintf(" behind the zxid of %d writes ago", a.relative)
	}
	if a.xid != nil {
		text += fmt.Sprintf(" xid %d", *a.xid)
	}
	return text + "}"
}

// A side is one of the two servers, or ensembles, with its connections and the meaning of its numbers.
type side struct {
	server   *server    // the first of the members
	members  []*server  // of an ensemble: its leader, its followers, its observers
	place    [slots]int // the member to which a slot connects
	clients  [slots]*client
	last     [slots]opening // resumes the slot's latest session
	log      [slots][]string
	stuck    string           // what the server did not answer; it is asked nothing more
	closed   bool             // a session was closed in this step: the order of its events is open
	zxids    []int64          // of answered writes, ascending
	labels   map[int64]string // what those stand for
	sessions map[int64]string // session id to its number
	times    map[string]int64 // a label's time
	children []string         // the latest list of children
	kinds    map[string]int   // how often each operation ended in each code
}

// newSide starts a server with the settings. Nothing may happen in its own time: containers and TTL nodes live on, and
// sessions do not expire while the test runs.
func newSide(t *testing.T, tg target, keys ...string) *side {
	t.Helper()
	s := newServer(t, tg, append([]string{"minSessionTimeout=100000", "maxSessionTimeout=600000"}, keys...)...)
	s.env = []string{"SERVER_JVMFLAGS=-Dznode.container.checkIntervalMs=86400000"}
	s.start(t)
	return sideOf(t, s)
}

// sideOf returns the side of servers that run.
func sideOf(t *testing.T, members ...*server) *side {
	d := &side{server: members[0], members: members, labels: map[int64]string{0: "0"}, sessions: map[int64]string{0: "none"}, times: map[string]int64{"0": 0},
		kinds: map[string]int{}}
	t.Cleanup(d.hangUp)
	return d
}

// at returns the server to which a slot connects.
func (s *side) at(slot int) *server { return s.members[s.place[slot]] }

// ensemble reports whether the side is one.
func (s *side) ensemble() bool { return len(s.members) > 1 }

// hangUp drops all connections.
func (s *side) hangUp() {
	for n, c := range s.clients {
		if c != nil {
			c.Close()
			s.clients[n] = nil
		}
	}
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

// outcome says how a connection ended, and notices a server that does not answer.
func (s *side) outcome(err error, asked string) string {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.stuck = fmt.Sprintf("no answer to %s within %v", asked, answerLimit)
		return s.stuck
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "closed"
	}
	return err.Error()
}

// fresh asks for a session that does not expire while the test runs.
func fresh() opening { return opening{timeout: 600000} }

// reopen connects a slot; on failure the slot has no connection.
func (s *side) reopen(slot int, o opening) {
	c, err := connect(s.at(slot).addr(), o)
	if err != nil {
		s.note(slot, "connect: %s", s.outcome(err, "a connect request"))
		return
	}
	if _, known := s.sessions[c.session]; !known {
		s.sessions[c.session] = fmt.Sprint("s", len(s.sessions))
	}
	s.clients[slot], s.last[slot] = c, fresh()
	s.last[slot].session, s.last[slot].password = c.session, c.password
	s.note(slot, "connected %s timeout %d, response of %d bytes", s.sessions[c.session], c.timeout, c.size)
}

// steal connects a slot while it is connected. If that takes the session over, the server must close the old connection,
// even if the password is wrong. Java does not always: when it notices the end of an older connection late, it forgets
// which one carries the session.
func (s *side) steal(slot int, o opening, ends bool) {
	old := s.clients[slot]
	s.clients[slot] = nil
	s.reopen(slot, o)
	if ends && s.server.name == "gokeeper" {
		old.SetDeadline(time.Now().Add(2 * time.Second))
		if err := drain(old); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			s.note(slot, "the old connection does not end: %v", err)
		}
	}
	old.Close()
}

func drain(c *client) error {
	_, err := io.Copy(io.Discard, c.r)
	return err
}

// reconnect drops a slot's connection, as a client does that loses its network, and opens another one.
func (s *side) reconnect(slot int, o opening, abruptly bool) {
	c := s.clients[slot]
	if tcp, ok := c.Conn.(*net.TCPConn); ok && abruptly {
		_ = tcp.SetLinger(0) // no more than a wish
	}
	c.Close()
	s.clients[slot] = nil
	s.reopen(slot, o)
}

// run sends a batch and reads the answers to it.
func (s *side) run(slot, n int, batch []action) {
	c := s.clients[slot]
	c.limit = answerLimit
	var sent []int32
	for _, a := range batch {
		xid, err := s.send(c, a)
		if err != nil {
			break // the server has closed; reading says so
		}
		sent = append(sent, xid)
		s.closed = s.closed || a.op == opCloseSession
	}
	for k, xid := range sent {
		if batch[k].raw != nil {
			continue
		}
		r, ok := s.read(slot, xid, batch[k].String())
		if !ok {
			return
		}
		s.answer(slot, fmt.Sprintf("%d.%d", n, k), batch[k].op, r)
	}
	if last := batch[len(batch)-1]; last.closes() && len(sent) == len(batch) {
		if r, ok := s.read(slot, -1<<31, "the end of the connection"); ok {
			s.note(slot, "unexpected %+v", r)
		}
	}
}

func (s *side) send(c *client, a action) (int32, error) {
	if a.raw != nil {
		return 0, c.write(a.raw)
	}
	body := a.body
	if a.relative > 0 {
		body = append(out(nil).i64(s.earlier(a.relative)), body...)
	}
	if a.xid == nil {
		return c.send(a.op, body)
	}
	return *a.xid, c.write(append(out(nil).i32(*a.xid).i32(a.op), body...).frame())
}

// earlier returns the zxid of the n-th latest answered write.
func (s *side) earlier(n int) int64 {
	if n > len(s.zxids) {
		return 0
	}
	return s.zxids[len(s.zxids)-n]
}

// closes reports whether the server answers, if at all, and then closes the connection.
func (a action) closes() bool {
	switch a.op {
	case opCloseSession, opDeleteContainer, opCheck, 0, -1, 10:
		return true
	}
	return a.raw != nil || a.op > opWhoAmI
}

// read reads until the answer with the xid, noting events; false means that the connection ended.
func (s *side) read(slot int, xid int32, asked string) (reply, bool) {
	for {
		r, err := s.clients[slot].next()
		if err != nil {
			s.note(slot, "%s", s.outcome(err, asked))
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
		s.note(slot, "event %d state %d %q at %s error %d rest %x %v", i.i32(), i.i32(), i.str(), s.label(r.zxid), r.err, i.b, i.err)
	}
}

// settle lets every connection answer a ping, so that all events of the step have arrived; in an ensemble its server has
// everything then.
func (s *side) settle(acting int) {
	for slot, c := range s.clients {
		if c == nil || s.stuck != "" {
			continue
		}
		c.limit = answerLimit
		if s.ensemble() && !s.catchUp(slot) {
			continue
		}
		if _, err := c.send(opPing, nil); err != nil && slot != acting {
			s.note(slot, "ping: %v", err)
		}
		s.read(slot, -2, "a ping")
	}
}

// catchUp has a member come to where the ensemble is. Learners do by a sync; Java's leader answers that at once, and a
// write, which fails, only behind all others.
func (s *side) catchUp(slot int) bool {
	op, body := int32(opSync), out(nil).str("/")
	if s.place[slot] == 0 {
		op, body = opDelete, at("/absent", -1)
	}
	if xid, err := s.clients[slot].send(op, body); err == nil {
		_, ok := s.read(slot, xid, "catching up")
		return ok
	}
	return true // the answer to the ping says more
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
	if r.err == 0 || op == opMultiRead && len(r.body) > 0 { // the one answer with an error and a body
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
	} else if s.ensemble() && label == "0" && ms > 0 {
		return "the start of a member" // of the node of the configuration, which each writes itself
	} else if known != ms {
		return fmt.Sprintf("%+dms", ms-known)
	}
	return label
}

// owner gives a session id its number.
func (s *side) owner(id int64) string {
	if name, known := s.sessions[id]; known {
		return name
	}
	return fmt.Sprintf("%#x", uint64(id))
}

func (s *side) stat(i *in) string {
	st := i.stat()
	c, m := s.label(st.Czxid), s.label(st.Mzxid)
	return fmt.Sprintf("[c %s m %s p %s ctime %s mtime %s versions %d %d %d owner %s length %d children %d]", c, m, s.label(st.Pzxid),
		s.time(c, st.Ctime), s.time(m, st.Mtime), st.Version, st.Cversion, st.Aversion, s.owner(st.Owner), st.DataLength, st.NumChildren)
}

// data reads a buffer, of a node or else.
func (s *side) data(i *in) string {
	b := i.buf()
	if b == nil {
		return "null"
	}
	return s.configured(fmt.Sprintf("%q", b))
}

// configured replaces what differs in the node of the configuration.
func (s *side) configured(text string) string {
	text = memberPorts.ReplaceAllString(text, "server.$1=HOST")
	return configVersion.ReplaceAllStringFunc(text, func(line string) string {
		zxid, err := strconv.ParseInt(strings.TrimPrefix(line, "version="), 16, 64)
		if err != nil {
			return line
		}
		return "version=" + s.label(zxid)
	})
}

var (
	memberPorts   = regexp.MustCompile(`server\.(\d+)=127\.0\.0\.1:\d{5}:\d{5}`)
	configVersion = regexp.MustCompile(`version=[0-9a-f]+`)
)

func sorted(list []string) string {
	slices.Sort(list)
	return fmt.Sprintf("%q", list)
}

// render decodes the body of a successful answer.
func (s *side) render(op int32, i *in) string {
	switch op {
	case opCreate, opSync:
		return s.data(i)
	case opCreate2, opCreateContainer, opCreateTTL, opGetData:
		return s.data(i) + s.stat(i)
	case opExists, opSetData, opSetACL:
		return s.stat(i)
	case opGetACL:
		return fmt.Sprintf("%q", i.acls()) + s.stat(i)
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
	case opReconfig:
		return s.data(i) + s.stat(i)
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
