package snapshot

import (
	"gokeeper/server/proto"
	"gokeeper/server/tree"
)

// Session is one entry of the session table.
type Session struct {
	ID      proto.SessionID
	Timeout int32 // milliseconds
}

// Source is the state that is written. Its methods are called in the order in which
// they stand here, each part while transactions may be applied between two calls.
type Source interface {
	// Sessions returns the session table.
	Sessions() []Session
	// ACLs returns the table that the nodes' ACL ids refer to.
	ACLs() []tree.ACLEntry
	// Nodes appends encoded nodes, parents first, and says whether there are more.
	// The last call appends the string "/" that ends them.
	Nodes(b []byte) (_ []byte, more bool)
	// Last returns the zxid of the last transaction that was applied, and the zxid
	// and value of the last tree digest, both 0 if none was applied since the load.
	Last() (last, digestZxid proto.Zxid, digest uint64)
}

// Options say what a file contains. The zero value is what Java 3.9 writes by
// default.
type Options struct {
	NoDigest    bool // leave out the digest section (zookeeper.digest.enabled=false)
	NoLastZxid  bool // leave out the zxid section (serializeLastProcessedZxid.enabled=false)
	Compression Compression
}
