package tree

import (
	"errors"
	"fmt"
	"strings"

	"gokeeper/server/proto"
)

// Errors of loading.
var (
	// ErrOrphan says that a node came before its parent, or can have none.
	ErrOrphan = errors.New("node before its parent")
	// ErrRoot says that a tree without a root was to be finished.
	ErrRoot = errors.New("no root node")
)

// Loader builds a tree from the parts of a snapshot, lists first, then nodes with
// parents before children.
type Loader struct {
	t      *Tree
	acls   map[int64]int32 // numbers of lists in the snapshot and in the tree
	parent *branch         // of the node before, which most likely is the next one's too
	path   string
}

// NewLoader returns a loader for one tree.
func NewLoader() *Loader { return &Loader{t: empty(), acls: map[int64]int32{}} }

// ACL adds a list under the number by which nodes refer to it.
func (l *Loader) ACL(id int64, acl []proto.ACL) {
	if again, ok := l.acls[id]; ok {
		l.t.acls.release(again)
	}
	l.acls[id] = l.t.acls.intern(acl)
}

// Node adds a node. A number that no list has denies everything until replay gives the
// node another.
func (l *Loader) Node(path string, data []byte, acl int64, p Persisted) error {
	s := state{Persisted: p}
	s.setData(data)
	isRoot := path == "" || path == proto.PathRoot
	if !isRoot && (l.t.root == nil || !isBelowRoot(path) || !l.enter(proto.Parent(path))) {
		return fmt.Errorf("%w: %s", ErrOrphan, path)
	}
	if isRoot && l.t.root != nil || !isRoot && l.parent.child(proto.Name(path)).Exists() {
		return nil // twice
	}
	s.acl = l.list(acl)
	if isRoot {
		l.t.setRoot(&s)
		l.t.bytes = int64(2 * len(s.data)) // Java adds up the table, and the root stands there twice
		l.parent, l.path = l.t.root, proto.PathRoot
	} else {
		l.t.link(l.parent, path, &s)
	}
	return nil
}

// enter makes the node of the path the one to add to, if there is one.
func (l *Loader) enter(path string) bool {
	if l.path == path {
		return true
	}
	b := l.t.branchAt(path)
	if b == nil {
		return false
	}
	l.parent, l.path = b, strings.Clone(path)
	return true
}

func (l *Loader) list(id int64) int32 {
	if id == int64(openACL) {
		return openACL
	}
	if known, ok := l.acls[id]; ok {
		l.t.acls.byID[known].uses++
		return known
	}
	return l.t.acls.intern(denied)
}

// Finish returns the tree, which has seen everything up to last. Lists that no node
// uses are forgotten, and quotas are counted.
func (l *Loader) Finish(last proto.Zxid) (*Tree, error) {
	t := l.t
	if t.root == nil {
		return nil, ErrRoot
	}
	for _, id := range l.acls {
		t.acls.release(id)
	}
	t.last = last
	t.registerQuotas()
	return t, nil
}
