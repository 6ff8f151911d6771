package tree

import (
	"hash/crc32"
	"iter"
	"strings"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// Node is a znode that was looked up: a leaf as it was then, a branch as it is. The zero
// value is none.
type Node struct {
	leaf   leaf    // "" if it is none
	branch *branch // nil if it is none
}

// state is what there is about a node but its name and children.
type state struct {
	Persisted
	data   string // null when null is set
	acl    int32  // id in the ACL table
	digest uint32 // what the node adds to the tree's digest
	null   bool
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

// Exists says whether there is such a node. Nothing else may be asked of one that is not
// there.
func (n Node) Exists() bool { return n.leaf != "" || n.branch != nil }

func (n Node) state() state {
	if n.branch != nil {
		return n.branch.state
	}
	return n.leaf.state()
}

// name returns the last part of the path, "" of the root.
func (n Node) name() string {
	if n.branch != nil {
		return n.branch.name
	}
	return n.leaf.Name()
}

// Stat returns what clients see. The visible cversion counts creations and deletions
// of children; the owner shows for ordinary ephemerals only.
func (n Node) Stat() proto.Stat {
	s, children := n.state(), int32(n.NumChildren())
	out := proto.Stat{
		Czxid: s.Czxid, Mzxid: s.Mzxid, Ctime: s.Ctime, Mtime: s.Mtime, Version: s.Version,
		Cversion: s.Cversion*2 - children, Aversion: s.Aversion,
		DataLength: int32(len(s.data)), NumChildren: children, Pzxid: s.Pzxid,
	}
	if IsEphemeralOwner(s.Owner) {
		out.EphemeralOwner = s.Owner
	}
	return out
}

// acl returns the id of the node's list.
func (n Node) acl() int32 {
	if n.branch != nil {
		return n.branch.acl
	}
	return n.leaf.acl()
}

// Persisted returns the stored state.
func (n Node) Persisted() Persisted { return n.state().Persisted }

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

// content returns the data.
func (n Node) content() (data string, null bool) {
	if n.branch != nil {
		return n.branch.data, n.branch.null
	}
	_, data, null, _ = n.leaf.split()
	return data, null
}

// Data returns the data, nil for null. It must not be changed.
func (n Node) Data() []byte {
	data, null := n.content()
	switch {
	case null:
		return nil
	case data == "":
		return []byte{}
	}
	return view(data)
}

// DataLen returns the length of the data in bytes.
func (n Node) DataLen() int {
	data, _ := n.content()
	return len(data)
}

// AppendData appends the data as a buffer.
func (n Node) AppendData(b []byte) []byte {
	data, null := n.content()
	if null {
		return jute.AppendBuffer(b, nil)
	}
	return jute.AppendString(b, data)
}

// setData sets the data, which stays the caller's: who keeps the state copies it.
func (s *state) setData(data []byte) { s.data, s.null = text(data), data == nil }

// NumChildren returns the number of children.
func (n Node) NumChildren() int {
	if n.branch == nil {
		return 0
	}
	return n.branch.leaves.len() + n.branch.branches.len()
}

// Children returns the names of the children in no particular order.
func (n Node) Children() iter.Seq[string] {
	return func(yield func(string) bool) {
		for c := range n.below() {
			if !yield(c.name()) {
				return
			}
		}
	}
}

// below returns the children.
func (n Node) below() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if n.branch == nil {
			return
		}
		if n.branch.leaves.all(func(l leaf) bool { return yield(Node{leaf: l}) }) {
			n.branch.branches.all(func(b *branch) bool { return yield(Node{branch: b}) })
		}
	}
}

// Digest returns what the node adds to the tree's digest.
func (n Node) Digest() uint32 { return n.state().digest }

// sum computes the digest of the node at its path.
func (s *state) sum(path string) uint32 { return nodeDigest(path, s.data, &s.Persisted) }

// NodeDigest returns what a node adds to the digest of its tree: the CRC-32 of path,
// data and stored state, 0 for a node below /zookeeper/. The root's path counts as
// empty.
func NodeDigest(path string, data []byte, p *Persisted) uint32 {
	return nodeDigest(path, text(data), p)
}

func nodeDigest(path, data string, p *Persisted) uint32 {
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
	sum := crc32.Update(0, crc32.IEEETable, view(path))
	sum = crc32.Update(sum, crc32.IEEETable, view(data))
	return crc32.Update(sum, crc32.IEEETable, b)
}
