package tree

import (
	"errors"
	"fmt"
	"strings"

	"gokeeper/server/proto"
)

// Errors of loading.
var (
	// ErrOrphan says that a node came before its parent.
	ErrOrphan = errors.New("node before its parent")
	// ErrRoot says that a tree without a root was to be finished.
	ErrRoot = errors.New("no root node")
	// ErrACL says that a list has an impossible number.
	ErrACL = errors.New("ACL number out of range")
)

// Loader builds a tree from the parts of a snapshot, lists first, then nodes with
// parents before children.
type Loader struct {
	t      *Tree
	parent *Node // of the node before, which most likely is the next one's too
	path   string
}

// NewLoader returns a loader for one tree.
func NewLoader() *Loader { return &Loader{t: empty()} }

// ACL adds a list under the number by which nodes refer to it.
func (l *Loader) ACL(id int64, acl []proto.ACL) error {
	if id <= 0 || id > 1<<31-1 {
		return fmt.Errorf("%w: %d", ErrACL, id)
	}
	l.t.acls.put(int32(id), &aclEntry{acl: copyACL(acl), key: aclKey(acl)})
	return nil
}

// Node adds a node. A number that no list has denies everything until replay gives the
// node another.
func (l *Loader) Node(path string, data []byte, acl int64, p Persisted) error {
	n := &Node{
		czxid: p.Czxid, mzxid: p.Mzxid, pzxid: p.Pzxid, ctime: p.Ctime, mtime: p.Mtime, owner: p.Owner,
		version: p.Version, cversion: p.Cversion, aversion: p.Aversion, acl: l.list(acl),
	}
	n.setData(data)
	if path == "" || path == proto.PathRoot {
		l.root(n)
		return nil
	}
	if err := l.enter(proto.Parent(path)); err != nil {
		return fmt.Errorf("%w: %s", err, path)
	}
	if _, twice := l.parent.children[proto.Name(path)]; twice {
		return nil
	}
	l.t.link(l.parent, path, n)
	return nil
}

func (l *Loader) root(n *Node) {
	l.t.root = n
	l.t.nodes = 1
	l.t.bytes = int64(2 * len(n.data)) // Java adds up the table, and the root stands there twice
	n.digest = n.sum("")
	l.t.digest += uint64(n.digest)
	l.parent, l.path = n, proto.PathRoot
}

// enter makes the node of the path the one to add to.
func (l *Loader) enter(path string) error {
	if l.t.root == nil {
		return ErrOrphan
	}
	if l.parent != nil && l.path == path {
		return nil
	}
	n := l.t.FindString(path)
	if n == nil {
		return ErrOrphan
	}
	l.parent, l.path = n, strings.Clone(path)
	return nil
}

func (l *Loader) list(id int64) int32 {
	if id == int64(openACL) {
		return openACL
	}
	if e := l.t.acls.byID[int32(id)]; e != nil && id > 0 {
		e.uses++
		return int32(id)
	}
	return missingACL
}

// Finish returns the tree, which has seen everything up to last. Lists that no node
// uses are forgotten, and quotas are counted.
func (l *Loader) Finish(last proto.Zxid) (*Tree, error) {
	t := l.t
	if t.root == nil {
		return nil, ErrRoot
	}
	for id, e := range t.acls.byID {
		if e.uses == 0 {
			delete(t.acls.byID, id)
			delete(t.acls.byKey, e.key)
		}
	}
	t.last = last
	t.registerQuotas()
	return t, nil
}
