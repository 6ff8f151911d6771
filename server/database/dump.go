package database

import (
	"gokeeper/server/proto"
	"gokeeper/server/tree"
)

// Dump is the state on its way into a snapshot, taken piece by piece while
// transactions are applied in between: a fuzzy image, which the log from Zxid on makes
// exact. Its methods are called in the order in which they stand here, from one
// goroutine.
type Dump struct {
	db       *Database
	zxid     proto.Zxid
	sessions map[proto.SessionID]int32
	acls     []tree.ACLEntry
	walker   *tree.Walker
	piece    int
}

// Dump begins an image of the database as it is now. About so many bytes of nodes are
// written under one hold of the lock. If sorted, nodes follow their siblings by name.
func (d *Database) Dump(piece int, sorted bool) *Dump {
	d.mu.RLock()
	defer d.mu.RUnlock()
	s := &Dump{
		db: d, zxid: d.tree.LastZxid(), sessions: make(map[proto.SessionID]int32, len(d.sessions)),
		acls: d.tree.ACLTable(), walker: d.tree.Walk(), piece: piece,
	}
	for id, l := range d.sessions {
		s.sessions[id] = l.timeout
	}
	s.walker.Sorted = sorted
	return s
}

// Zxid returns the zxid of the last transaction applied when the image was begun.
func (s *Dump) Zxid() proto.Zxid { return s.zxid }

// Sessions returns the sessions and their timeouts in milliseconds.
func (s *Dump) Sessions() map[proto.SessionID]int32 { return s.sessions }

// ACLs returns the table that the nodes' ACL ids refer to.
func (s *Dump) ACLs() []tree.ACLEntry { return s.acls }

// Nodes appends encoded nodes and says whether there are more.
func (s *Dump) Nodes(b []byte) ([]byte, bool) {
	s.db.mu.RLock()
	defer s.db.mu.RUnlock()
	return s.walker.Append(b, s.piece)
}

// Last returns the zxid of the last transaction applied by now, and the tree's digest
// with the zxid at which it holds.
func (s *Dump) Last() (last, digestZxid proto.Zxid, digest uint64) {
	s.db.mu.RLock()
	defer s.db.mu.RUnlock()
	last = s.db.tree.LastZxid()
	return last, last, s.db.tree.Digest()
}
