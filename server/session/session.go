// Package session tracks client sessions: their ids, their passwords and when they
// expire. It reads no clock: times are monotonic milliseconds that the caller passes.
//
// A session expires in a bucket: the first multiple of the tick behind its last touch
// plus its timeout, plus one tick. So a silent session ends between its timeout and
// one tick more after the last touch, and touching is cheap. (Java: ExpiryQueue,
// SessionTrackerImpl.)
//
// A Table is used by one goroutine, the leader's or standalone server's loop.
package session

import (
	"encoding/binary"
	"slices"
	"time"

	"gokeeper/server/proto"
)

// Generator gives out session ids. It is not safe for concurrent use.
type Generator struct{ next int64 }

// NewGenerator returns a generator whose ids have the server's id in the top byte and,
// below it, 40 bits of ms, the time of the start in milliseconds. A server that starts
// again must pass a later time, or it gives out the same ids again.
func NewGenerator(server, ms int64) *Generator {
	id := int64(uint64(ms<<24)>>8) | server<<56
	if id == -1<<63 {
		id++ // this value marks containers
	}
	return &Generator{next: id}
}

// Next returns a new id.
func (g *Generator) Next() proto.SessionID {
	id := g.next
	g.next++
	return proto.SessionID(id)
}

// Password returns what a client must show to resume the session: a pure function of
// the id, the same on all servers, namely 16 bytes of java.util.Random.
func Password(id proto.SessionID) [16]byte {
	const secret, multiplier, mask = 0xB3415C00, 0x5DEECE66D, 1<<48 - 1
	seed := (uint64(id) ^ secret ^ multiplier) & mask
	var p [16]byte
	for i := 0; i < len(p); i += 4 {
		seed = (seed*multiplier + 0xB) & mask
		binary.LittleEndian.PutUint32(p[i:], uint32(seed>>16))
	}
	return p
}

// Negotiate returns the timeout that the server grants, all in milliseconds.
func Negotiate(wanted, least, most int32) int32 { return min(max(wanted, least), most) }

// entry is one session of a Table.
type entry struct {
	timeout int32 // milliseconds, when it was added
	bucket  int64 // 0 when in none
	closing bool
}

// Table knows the sessions and when they are due.
type Table struct {
	tick     int64
	sessions map[proto.SessionID]*entry
	buckets  map[int64]map[proto.SessionID]struct{}
	times    []int64 // the buckets' times, sorted
}

// New returns an empty table with buckets of the tick's width.
func New(tick time.Duration) *Table {
	return &Table{
		tick: max(tick.Milliseconds(), 1), sessions: map[proto.SessionID]*entry{},
		buckets: map[int64]map[proto.SessionID]struct{}{},
	}
}

// Touch says that the session was heard at the time and has the timeout in
// milliseconds; a session that is not known is added. It returns when the session is
// due. One that is closing stays as it is.
func (t *Table) Touch(id proto.SessionID, timeout int32, at int64) int64 {
	s := t.sessions[id]
	if s == nil {
		s = &entry{timeout: timeout}
		t.sessions[id] = s
	}
	due := ((at+int64(timeout))/t.tick + 1) * t.tick
	if s.closing || due == s.bucket {
		return due
	}
	t.unlist(id, s)
	s.bucket = due
	b := t.buckets[due]
	if b == nil {
		b = map[proto.SessionID]struct{}{}
		t.buckets[due] = b
		i, _ := slices.BinarySearch(t.times, due)
		t.times = slices.Insert(t.times, i, due)
	}
	b[id] = struct{}{}
	return due
}

// unlist takes the session out of its bucket.
func (t *Table) unlist(id proto.SessionID, s *entry) {
	b := t.buckets[s.bucket]
	delete(b, id)
	if b != nil && len(b) == 0 {
		delete(t.buckets, s.bucket)
		if i, ok := slices.BinarySearch(t.times, s.bucket); ok {
			t.times = slices.Delete(t.times, i, i+1)
		}
	}
	s.bucket = 0
}

// Due returns the sessions whose time has come, and takes them out of their buckets:
// the caller touches each again, or closes it.
func (t *Table) Due(now int64) []proto.SessionID {
	var due []proto.SessionID
	for len(t.times) > 0 && t.times[0] <= now {
		b := t.buckets[t.times[0]]
		delete(t.buckets, t.times[0])
		t.times = slices.Delete(t.times, 0, 1)
		for id := range b {
			t.sessions[id].bucket = 0
			due = append(due, id)
		}
	}
	slices.Sort(due)
	return due
}

// Close marks the session: nothing is accepted from it any more, and it is due no more.
func (t *Table) Close(id proto.SessionID) {
	if s := t.sessions[id]; s != nil {
		t.unlist(id, s)
		s.closing = true
	}
}

// Remove forgets the session.
func (t *Table) Remove(id proto.SessionID) {
	if s := t.sessions[id]; s != nil {
		t.unlist(id, s)
		delete(t.sessions, id)
	}
}

// Known says whether the session is there.
func (t *Table) Known(id proto.SessionID) bool { return t.sessions[id] != nil }

// Timeout returns the timeout that the session was added with, in milliseconds; 0 if it is
// not there.
func (t *Table) Timeout(id proto.SessionID) int32 {
	if s := t.sessions[id]; s != nil {
		return s.timeout
	}
	return 0
}

// Closing says whether the session is there and marked by Close.
func (t *Table) Closing(id proto.SessionID) bool {
	s := t.sessions[id]
	return s != nil && s.closing
}

// Len returns the number of sessions.
func (t *Table) Len() int { return len(t.sessions) }

// Bucket is one time at which sessions are due, for reports.
type Bucket struct {
	At       int64 // monotonic milliseconds
	Sessions []proto.SessionID
}

// Buckets returns the buckets in the order of their times, each with its sessions
// sorted.
func (t *Table) Buckets() []Bucket {
	out := make([]Bucket, 0, len(t.times))
	for _, at := range t.times {
		b := Bucket{At: at}
		for id := range t.buckets[at] {
			b.Sessions = append(b.Sessions, id)
		}
		slices.Sort(b.Sessions)
		out = append(out, b)
	}
	return out
}
