// Package tree holds the znodes. It applies transactions, live and in replay by the
// same code, and answers what the tree looks like.
//
// Nodes hang together by the names of their children; there is no index of paths. A
// node is a leaf, which is small, until it gets its first child; from then on it is a
// branch. A node's data is never changed in place, so slices of it may be shared with
// readers that hold them longer than the lock.
//
// Stored cversion counts creations of children only; what clients see is computed, see
// [Node.Stat]. The owner field tells kinds of nodes apart, see [Owner].
//
// A Tree is not safe for concurrent use; database guards it. (Java: DataTree.)
package tree

import (
	"iter"
	"maps"
	"slices"

	"gokeeper/server/proto"
)

// Tree is all znodes and what is derived from them.
type Tree struct {
	root       *branch
	acls       aclTable
	ephemerals map[proto.SessionID]map[string]struct{}
	owned      int // ephemerals
	containers map[string]struct{}
	ttls       map[string]struct{}
	quotas     quotas

	nodes int
	bytes int64 // of data and paths, as approximate_data_size counts them

	last       proto.Zxid
	digest     uint64
	digestFrom proto.Zxid // digests are compared from here on
	digests    []DigestAt
}

// DigestAt is the tree's digest behind a transaction.
type DigestAt struct {
	Zxid  proto.Zxid
	Value uint64
}

// Digests of every 128th transaction are kept, at most 1024 of them.
const (
	digestEvery = 128
	digestsKept = 1024
)

// New returns the tree of a fresh server: the root and the nodes below /zookeeper.
func New() *Tree {
	t := empty()
	t.setRoot(&state{acl: openACL})
	t.addBuiltIn(proto.PathSystem, &state{acl: openACL})
	t.addBuiltIn(proto.PathQuota, &state{acl: openACL})
	t.addConfig()
	return t
}

func empty() *Tree {
	return &Tree{
		acls: newACLTable(), ephemerals: map[proto.SessionID]map[string]struct{}{},
		containers: map[string]struct{}{}, ttls: map[string]struct{}{}, quotas: quotas{},
	}
}

// setRoot puts the root into its place and counts it, but for its data.
func (t *Tree) setRoot(s *state) {
	t.root = &branch{}
	t.nodes = 1
	s.digest = s.sum("")
	t.digest += uint64(s.digest)
	t.store(nil, Node{branch: t.root}, s)
}

func (t *Tree) addBuiltIn(path string, s *state) {
	t.link(t.branchAt(proto.Parent(path)), path, s)
}

func (t *Tree) addConfig() {
	read := []proto.ACL{{Perms: proto.PermRead, Identity: proto.Identity{Scheme: "world", ID: "anyone"}}}
	t.addBuiltIn(proto.PathConfig, &state{acl: t.acls.intern(read), Persisted: Persisted{Aversion: -1}})
}

// link puts a node into its place and counts it. The parent's digest is the caller's.
func (t *Tree) link(parent *branch, path string, s *state) {
	t.nodes++
	t.bytes += units(path) + int64(len(s.data))
	s.digest = s.sum(path)
	t.digest += uint64(s.digest)
	parent.put(s.leaf(proto.Name(path)))
	t.index(path, s.Owner)
}

// units returns how long Java thinks a path is: its UTF-16 units.
func units(path string) int64 {
	n := 0
	for i := range len(path) {
		switch c := path[i]; {
		case c >= 0xF0: // the first of four bytes: a pair of surrogates
			n += 2
		case c < 0x80 || c >= 0xC0:
			n++
		}
	}
	return int64(n)
}

// unlink takes a node out of its place, with all below it. There can be something in
// replay only: a fuzzy snapshot of Java may hold children of a later node of this path.
func (t *Tree) unlink(parent *branch, path string, n Node) {
	if n.NumChildren() > 0 {
		for _, name := range slices.Collect(n.Children()) {
			t.unlink(n.branch, path+"/"+name, n.branch.child(name))
		}
	}
	parent.remove(n)
	s := n.state()
	t.nodes--
	t.bytes -= units(path) + int64(len(s.data))
	t.digest -= uint64(s.digest)
	t.acls.release(s.acl)
	t.unindex(path, s.Owner)
	t.quotaDeleted(path, len(s.data))
}

// replaceData gives a node other data and returns by how much it is longer.
func (t *Tree) replaceData(s *state, data []byte) int64 {
	grown := int64(len(data) - len(s.data))
	s.setData(data)
	t.bytes += grown
	return grown
}

// redigest brings the digest up to date after a change of the node.
func (t *Tree) redigest(path string, s *state) {
	t.digest -= uint64(s.digest)
	s.digest = s.sum(path)
	t.digest += uint64(s.digest)
}

// index lists the node under its kind.
func (t *Tree) index(path string, owner int64) {
	switch {
	case owner == 0:
	case owner == containerOwner:
		t.containers[path] = struct{}{}
	case isTTLOwner(owner):
		t.ttls[path] = struct{}{}
	default:
		paths := t.ephemerals[proto.SessionID(owner)]
		if paths == nil {
			paths = map[string]struct{}{}
			t.ephemerals[proto.SessionID(owner)] = paths
		}
		if _, listed := paths[path]; !listed {
			t.owned++
		}
		paths[path] = struct{}{}
	}
}

func (t *Tree) unindex(path string, owner int64) {
	switch {
	case owner == 0:
	case owner == containerOwner:
		delete(t.containers, path)
	case isTTLOwner(owner):
		delete(t.ttls, path)
	default:
		id := proto.SessionID(owner)
		if _, listed := t.ephemerals[id][path]; listed {
			t.owned--
		}
		delete(t.ephemerals[id], path)
		if len(t.ephemerals[id]) == 0 {
			delete(t.ephemerals, id)
		}
	}
}

// Find returns the node of a path. Both "" and "/" are the root. It does not allocate.
func (t *Tree) Find(path []byte) Node { return t.FindString(text(path)) }

// FindString is Find for a string.
func (t *Tree) FindString(path string) Node {
	_, n := t.locate(path)
	return n
}

func isBelowRoot(path string) bool { return len(path) > 1 && path[0] == '/' && path[1] != '/' }

// ACL returns the node's list, which must not be changed. nil and empty permit
// everything.
func (t *Tree) ACL(n Node) []proto.ACL { return t.acls.list(n.acl()) }

// LastZxid returns the zxid of the last transaction applied.
func (t *Tree) LastZxid() proto.Zxid { return t.last }

// SetLastZxid sets the zxid without a transaction: the start of a new epoch.
func (t *Tree) SetLastZxid(zxid proto.Zxid) { t.last = zxid }

// Digest returns the tree's digest.
func (t *Tree) Digest() uint64 { return t.digest }

// SetDigestFrom makes the tree compare the digests of transactions from zxid on only:
// before it, a tree loaded from a fuzzy snapshot is not exact.
func (t *Tree) SetDigestFrom(zxid proto.Zxid) { t.digestFrom = zxid }

// Digests returns the digests kept, oldest first.
func (t *Tree) Digests() []DigestAt { return slices.Clone(t.digests) }

// Ephemerals returns the paths of the session's ephemerals, sorted.
func (t *Tree) Ephemerals(id proto.SessionID) []string {
	return slices.Sorted(maps.Keys(t.ephemerals[id]))
}

// EphemeralOwners returns the sessions that own ephemerals, with their sorted paths.
func (t *Tree) EphemeralOwners() iter.Seq2[proto.SessionID, []string] {
	return func(yield func(proto.SessionID, []string) bool) {
		for _, id := range slices.Sorted(maps.Keys(t.ephemerals)) {
			if !yield(id, t.Ephemerals(id)) {
				return
			}
		}
	}
}

// EphemeralCount returns the number of ephemerals.
func (t *Tree) EphemeralCount() int { return t.owned }

// NodeCount returns the number of nodes as Java counts them: the root is counted twice.
func (t *Tree) NodeCount() int { return t.nodes + 1 }

// DataSize returns the bytes of data and the UTF-16 units of paths, as Java adds them up,
// with one for the root's name.
func (t *Tree) DataSize() int64 { return t.bytes + 1 }

// CountDescendants returns how many nodes are below n.
func (t *Tree) CountDescendants(n Node) int {
	if n.branch == t.root {
		return t.nodes - 1
	}
	count := n.NumChildren()
	if count > 0 {
		n.branch.branches.all(func(b *branch) bool {
			count += t.CountDescendants(Node{branch: b})
			return true
		})
	}
	return count
}

// Expired returns containers and nodes with a TTL that are due: empty, and, a
// container, once used; maxNeverUsed (milliseconds) is the age at which one that never
// had a child is due too, 0 is never. now is the wall clock in milliseconds.
func (t *Tree) Expired(now, maxNeverUsed int64) []string {
	var due []string
	for path := range t.containers {
		n := t.FindString(path)
		p := n.Persisted()
		unused := p.Cversion == 0
		if n.NumChildren() == 0 && (!unused || maxNeverUsed > 0 && now-p.Mtime > maxNeverUsed) {
			due = append(due, path)
		}
	}
	for path := range t.ttls {
		n := t.FindString(path)
		p := n.Persisted()
		if ttl := ttlOf(p.Owner); n.NumChildren() == 0 && ttl != 0 && now-p.Mtime > ttl {
			due = append(due, path)
		}
	}
	slices.Sort(due)
	return due
}

// SetConfig writes the configuration into its node without a transaction, as a member
// of an ensemble does at its start. mtime is in milliseconds. The snapshot of an old
// server may lack the node.
func (t *Tree) SetConfig(data []byte, version proto.Zxid, mtime int64) {
	if !t.FindString(proto.PathConfig).Exists() {
		t.addConfig()
	}
	above, n := t.locate(proto.PathConfig)
	s := n.state()
	t.replaceData(&s, data)
	s.Version, s.Mzxid, s.Mtime = -1, version, mtime
	t.store(above, n, &s)
}

// DropOrphans deletes the ephemerals of sessions that are not alive, without a
// transaction, and returns their paths. A standalone server and a leader do this when
// they start.
func (t *Tree) DropOrphans(alive func(proto.SessionID) bool) []string {
	var dropped []string
	for id, paths := range t.EphemeralOwners() {
		if alive(id) {
			continue
		}
		for _, path := range paths {
			t.remove(path, t.last)
			dropped = append(dropped, path)
		}
	}
	return dropped
}
