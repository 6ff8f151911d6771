package tree

import (
	"hash/crc32"
	"iter"
	"strings"
	"unsafe"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// Node is one znode.
type Node struct {
	data     string // null when null is set
	children map[string]*Node
	czxid    proto.Zxid
	mzxid    proto.Zxid
	pzxid    proto.Zxid
	ctime    int64
	mtime    int64
	owner    int64
	version  int32
	cversion int32
	aversion int32
	acl      int32  // id in the ACL table
	digest   uint32 // what the node adds to the tree's digest
	null     bool
}

// Persisted is a node's state as logs and snapshots hold it.
type Persisted struct {
	Czxid, Mzxid      proto.Zxid
	Ctime, Mtime      int64 // milliseconds since 1970
	Version, Cversion int32 // cversion counts creations of children only
	Aversion          int32
	Owner             int64
	Pzxid             proto.Zxid
}

// Owner values that are not sessions.
const (
	containerOwner = -1 << 63
	ttlMark        = 0xff << 56 // in the top byte; the TTL in the low 40 bits
	ttlMask        = 1<<40 - 1
)

func isTTLOwner(owner int64) bool { return uint64(owner)>>56 == 0xff }

func ttlOf(owner int64) int64 { return owner & ttlMask }

// IsEphemeralOwner says whether the value of an owner field is a session: not 0, not
// the mark of a container, and without the mark of a TTL.
func IsEphemeralOwner(owner int64) bool {
	return owner != 0 && owner != containerOwner && !isTTLOwner(owner)
}

// Owner returns the owner field of the node that c creates for the session.
func Owner(c *txn.Create, session proto.SessionID) int64 {
	switch {
	case c.Type == proto.OpCreateContainer:
		return containerOwner
	case c.Type == proto.OpCreateTTL:
		mark := uint64(ttlMark)
		return int64(mark | uint64(c.TTL)&ttlMask)
	case c.Ephemeral:
		return int64(session)
	}
	return 0
}

// Stat returns what clients see. The visible cversion counts creations and deletions
// of children; the owner shows for ordinary ephemerals only.
func (n *Node) Stat() proto.Stat {
	s := proto.Stat{
		Czxid: n.czxid, Mzxid: n.mzxid, Ctime: n.ctime, Mtime: n.mtime, Version: n.version,
		Cversion: n.cversion*2 - int32(len(n.children)), Aversion: n.aversion,
		DataLength: int32(len(n.data)), NumChildren: int32(len(n.children)), Pzxid: n.pzxid,
	}
	if IsEphemeralOwner(n.owner) {
		s.EphemeralOwner = n.owner
	}
	return s
}

// Persisted returns the stored state.
func (n *Node) Persisted() Persisted {
	return Persisted{
		Czxid: n.czxid, Mzxid: n.mzxid, Ctime: n.ctime, Mtime: n.mtime, Version: n.version,
		Cversion: n.cversion, Aversion: n.aversion, Owner: n.owner, Pzxid: n.pzxid,
	}
}

// Append appends the state as snapshots hold it, 60 bytes.
func (p *Persisted) Append(b []byte) []byte {
	b = jute.AppendLong(b, int64(p.Czxid))
	b = jute.AppendLong(b, int64(p.Mzxid))
	b = jute.AppendLong(b, p.Ctime)
	b = jute.AppendLong(b, p.Mtime)
	b = jute.AppendInt(b, p.Version)
	b = jute.AppendInt(b, p.Cversion)
	b = jute.AppendInt(b, p.Aversion)
	b = jute.AppendLong(b, p.Owner)
	return jute.AppendLong(b, int64(p.Pzxid))
}

// Decode reads what Append wrote.
func (p *Persisted) Decode(d *jute.Decoder) {
	*p = Persisted{
		Czxid: proto.Zxid(d.Long()), Mzxid: proto.Zxid(d.Long()), Ctime: d.Long(), Mtime: d.Long(),
		Version: d.Int(), Cversion: d.Int(), Aversion: d.Int(), Owner: d.Long(), Pzxid: proto.Zxid(d.Long()),
	}
}

// Data returns the data, nil for null. It must not be changed.
func (n *Node) Data() []byte {
	switch {
	case n.null:
		return nil
	case n.data == "":
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(n.data), len(n.data))
}

// DataLen returns the length of the data in bytes.
func (n *Node) DataLen() int { return len(n.data) }

// AppendData appends the data as a buffer.
func (n *Node) AppendData(b []byte) []byte {
	if n.null {
		return jute.AppendBuffer(b, nil)
	}
	return jute.AppendString(b, n.data)
}

func (n *Node) setData(data []byte) { n.data, n.null = string(data), data == nil }

// NumChildren returns the number of children.
func (n *Node) NumChildren() int { return len(n.children) }

// Children returns the names of the children in no particular order.
func (n *Node) Children() iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range n.children {
			if !yield(name) {
				return
			}
		}
	}
}

// Digest returns what the node adds to the tree's digest.
func (n *Node) Digest() uint32 { return n.digest }

// sum computes the node's digest at its path.
func (n *Node) sum(path string) uint32 {
	p := n.Persisted()
	return NodeDigest(path, n.Data(), &p)
}

// NodeDigest returns what a node adds to the digest of its tree: the CRC-32 of path,
// data and stored state, 0 for a node below /zookeeper/. The root's path counts as
// empty.
func NodeDigest(path string, data []byte, p *Persisted) uint32 {
	if path == proto.PathRoot {
		path = ""
	}
	if strings.HasPrefix(path, proto.PathSystem+"/") {
		return 0
	}
	var stat [60]byte
	b := stat[:0]
	b = jute.AppendLong(b, int64(p.Czxid))
	b = jute.AppendLong(b, int64(p.Mzxid))
	b = jute.AppendLong(b, int64(p.Pzxid))
	b = jute.AppendLong(b, p.Ctime)
	b = jute.AppendLong(b, p.Mtime)
	b = jute.AppendInt(b, p.Version)
	b = jute.AppendInt(b, p.Cversion)
	b = jute.AppendInt(b, p.Aversion)
	b = jute.AppendLong(b, p.Owner)
	sum := crc32.Update(0, crc32.IEEETable, unsafe.Slice(unsafe.StringData(path), len(path)))
	sum = crc32.Update(sum, crc32.IEEETable, data)
	return crc32.Update(sum, crc32.IEEETable, b)
}
