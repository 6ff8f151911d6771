package tree

import (
	"strings"

	"gokeeper/server/proto"
)

// branch is a znode that has children or had some. It stays one when the last of them
// goes: under a parent of which this happens it will happen again.
type branch struct {
	state
	name     string
	leaves   *set[leaf]
	branches *set[*branch]
}

// Name returns the last part of the path.
func (b *branch) Name() string { return b.name }

// child returns the child with the name.
func (b *branch) child(name string) Node {
	if l, ok := b.leaves.get(name); ok {
		return Node{leaf: l}
	}
	c, _ := b.branches.get(name)
	return Node{branch: c}
}

// put adds a leaf, in place of the one with its name if there is one.
func (b *branch) put(l leaf) {
	if b.leaves == nil {
		b.leaves = &set[leaf]{}
	}
	b.leaves.put(l)
}

// remove takes a child out.
func (b *branch) remove(n Node) {
	if n.branch != nil {
		b.branches.remove(n.branch.name)
	} else {
		b.leaves.remove(n.leaf.Name())
	}
}

// grow makes a branch of a leaf.
func (b *branch) grow(l leaf) *branch {
	name := strings.Clone(l.Name())
	c := &branch{name: name, state: l.state()}
	c.data = strings.Clone(c.data)
	b.leaves.remove(name)
	if b.branches == nil {
		b.branches = &set[*branch]{}
	}
	b.branches.put(c)
	return c
}

// locate returns the node of a path, and the branch above it, nil for the root. Both ""
// and "/" are the root.
func (t *Tree) locate(path string) (above *branch, n Node) {
	if path == "" || path == proto.PathRoot {
		return nil, Node{branch: t.root}
	}
	if path[0] != '/' {
		return nil, Node{}
	}
	above = t.root
	for rest := path[1:]; ; {
		name, more, found := strings.Cut(rest, "/")
		if !found {
			return above, above.child(name)
		}
		if above, _ = above.branches.get(name); above == nil {
			return nil, Node{}
		}
		rest = more
	}
}

// branchAt returns the node of a path for a child to be added, nil if there is none.
func (t *Tree) branchAt(path string) *branch {
	above, n := t.locate(path)
	if n.leaf != "" {
		return above.grow(n.leaf)
	}
	return n.branch
}

// store gives a node that locate returned with above another state.
func (t *Tree) store(above *branch, n Node, s *state) {
	switch {
	case n.branch == nil:
		above.put(s.leaf(n.leaf.Name()))
	case s.data == n.branch.data:
		s.data = n.branch.data
		n.branch.state = *s
	default:
		s.data = strings.Clone(s.data)
		n.branch.state = *s
	}
}
