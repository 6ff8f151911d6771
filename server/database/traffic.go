package database

import (
	"encoding/binary"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
)

// readSample is how many reads stand for one that is looked at, which its xid decides:
// looking at all of them makes answering a quarter dearer. A power of two.
const readSample = 16

const (
	headSize = 20 // length, xid, zxid and error in front of a record
	statSize = 68
)

// Traffic is told how many bytes were written to the node of a path, and how many were
// read from it, n times; and how many watchers got so many bytes of one event. Read is called with the lock held and by many at once. path is
// only valid during the call. The zero value does not want to know.
type Traffic struct {
	Read  func(path []byte, bytes, n int64)
	Write func(path []byte, bytes int64)
	Event func(typ proto.EventType, watchers int, bytes int64)
	Audit func(*Outcome) // is told of every change, in order
}

// Outcome is what became of a client's request here, or that a session has ended. It is
// valid during the call.
type Outcome struct {
	Client Client // nil: no client here has asked
	Op     proto.Op
	Body   []byte // the request's record
	Txn    *txn.Txn
	Err    proto.Error
	Ended  []string // ephemerals that are gone with the session
}

// outcome notes one, to be told when the lock is let go.
func (d *Database) outcome(c *Commit, r *tree.Result) {
	o := Outcome{Client: c.Client, Op: c.Op, Body: c.Body, Txn: &c.Txn, Err: r.Err}
	if _, closes := c.Txn.Body.(*txn.CloseSession); closes {
		o.Client = nil
		for i := range r.Changes {
			o.Ended = append(o.Ended, r.Changes[i].Path)
		}
	}
	if o.Client != nil || o.Ended != nil {
		d.outcomes = append(d.outcomes, o)
	}
}

// tellOutcomes tells of what was noted.
func (d *Database) tellOutcomes() {
	for i := range d.outcomes {
		d.traffic.Audit(&d.outcomes[i])
	}
	clear(d.outcomes)
	d.outcomes = d.outcomes[:0]
}

// Report makes t what is told of traffic. It must be called before the database is used.
func (d *Database) Report(t Traffic) { d.traffic = t }

// sampleRead counts a read of a node for all reads around it. reply is its packet.
// Java counts the path, what is read and a stat, for exists and getChildren too.
func (d *Database) sampleRead(r *proto.Request, reply []byte) {
	var body jute.Decoder
	body.Reset(r.Body, jute.DefaultLimit)
	path, record := body.Buffer(), reply[headSize:]
	bytes := len(path) + len(record)
	switch r.Op {
	case proto.OpExists:
	case proto.OpGetData:
		bytes -= 4
	case proto.OpGetChildren, proto.OpGetChildren2:
		bytes -= 4 + 4*int(binary.BigEndian.Uint32(record))
		if r.Op == proto.OpGetChildren {
			bytes += statSize
		}
	default:
		return
	}
	d.traffic.Read(path, int64(bytes), readSample)
}

// countWrite counts what a transaction wrote: paths and data.
func (d *Database) countWrite(body txn.Body) {
	count := func(path string, data []byte) {
		d.path = append(d.path[:0], path...)
		d.traffic.Write(d.path, int64(len(path)+len(data)))
	}
	switch x := body.(type) {
	case *txn.Create:
		count(x.Path, x.Data)
	case *txn.SetData:
		count(x.Path, x.Data)
	case *txn.Delete:
		count(x.Path, nil)
	case *txn.Multi:
		if x.Failed() != proto.OK {
			return
		}
		for i := range x.Ops {
			d.countWrite(x.Ops[i].Body)
		}
	}
}
