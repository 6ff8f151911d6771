package database

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// fake is a connection that keeps what is sent to it.
type fake struct {
	session proto.SessionID
	ids     []proto.Identity
	drop    bool // keep nothing

	mu     sync.Mutex
	out    []byte
	owed   bool
	hung   [][]proto.Request  // reads by the unfinished write that they hang on
	ops    map[int32]proto.Op // by xid, to know what a reply holds
	opened int
	hangup bool
	abort  bool
}

func (c *fake) Buffer() []byte { c.mu.Lock(); return c.out }

func (c *fake) Release(b []byte) bool {
	defer c.mu.Unlock()
	if c.out = b; c.drop {
		c.out = b[:0]
	}
	first := !c.owed
	c.owed = true
	return first
}

func (c *fake) Flush() { c.mu.Lock(); c.owed = false; c.mu.Unlock() }

func (c *fake) Done() []proto.Request {
	if len(c.hung) == 0 {
		return nil
	}
	reads := c.hung[0]
	c.hung = c.hung[1:]
	return reads
}

func (c *fake) Opened(id proto.SessionID, _ int32, _ [16]byte, _ bool) { c.opened++; c.session = id }
func (c *fake) Hangup()                                                { c.hangup = true }
func (c *fake) Abort()                                                 { c.abort = true }
func (c *fake) Identities() []proto.Identity                           { return c.ids }
func (c *fake) Answered(proto.Op, int32, proto.Zxid, int64)            {}
func (c *fake) Heard() int64                                           { return 77 }
func (c *fake) Timeout() int32                                         { return 5000 }
func (c *fake) Session() proto.SessionID                               { return c.session }

// take returns what was sent since it was called last, a line for each packet.
func (c *fake) take(t *testing.T) []string {
	t.Helper()
	var lines []string
	for d := jute.NewDecoder(c.out); d.Len() > 0; {
		p := jute.NewDecoder(d.Buffer())
		xid, zxid, err := p.Int(), proto.Zxid(p.Long()), proto.Error(p.Int())
		line := fmt.Sprintf("%d at %v: ", xid, zxid)
		switch {
		case xid == proto.XidEvent:
			line += event(proto.EventType(p.Int()), p.Int(), p.String())
		case err != proto.OK:
			line += err.Error()
			if c.ops[xid] == proto.OpMultiRead {
				p.Bytes(p.Len()) // the results so far
			}
		default:
			line += record(p, c.ops[xid])
		}
		if p.Err() != nil || p.Len() != 0 {
			t.Fatalf("%s: %v, %d bytes behind it", line, p.Err(), p.Len())
		}
		lines = append(lines, line)
	}
	c.out = c.out[:0]
	return lines
}

func event(typ proto.EventType, state int32, path string) string {
	return fmt.Sprintf("event %d %d %s", typ, state, path)
}

// record reads what answers op.
func record(d *jute.Decoder, op proto.Op) string {
	switch op {
	case proto.OpCreate, proto.OpSync:
		return d.String()
	case proto.OpCreate2, proto.OpCreateContainer, proto.OpCreateTTL:
		return d.String() + " " + stat(d)
	case proto.OpSetData, proto.OpSetACL, proto.OpExists:
		return stat(d)
	case proto.OpGetData:
		return fmt.Sprintf("%q %s", d.Buffer(), stat(d))
	case proto.OpGetChildren, proto.OpGetEphemerals:
		return names(d)
	case proto.OpGetChildren2:
		return names(d) + " " + stat(d)
	case proto.OpGetACL:
		return fmt.Sprint(proto.DecodeACL(d), " ", stat(d))
	case proto.OpGetAllChildrenNumber, proto.OpAddWatch:
		return fmt.Sprint(d.Int())
	case proto.OpWhoAmI:
		var ids []string
		for range d.Count() {
			ids = append(ids, d.String()+":"+d.String())
		}
		return fmt.Sprint(ids)
	case proto.OpMulti, proto.OpMultiRead:
		return results(d)
	}
	return ""
}

func results(d *jute.Decoder) string {
	var all []string
	for {
		var h proto.MultiHeader
		switch h.Decode(d); {
		case d.Err() != nil || h.Done:
			return fmt.Sprint(all)
		case h.Op == proto.OpError:
			all = append(all, proto.Error(d.Int()).Error())
		default:
			all = append(all, record(d, h.Op))
		}
	}
}

func stat(d *jute.Decoder) string {
	var s proto.Stat
	s.Decode(d)
	return fmt.Sprint(s)
}

func names(d *jute.Decoder) string {
	list := []string{}
	for range d.Count() {
		list = append(list, d.String())
	}
	slices.Sort(list)
	return fmt.Sprint(list)
}
