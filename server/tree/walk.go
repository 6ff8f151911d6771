package tree

import (
	"cmp"
	"slices"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// Walker writes the nodes for a snapshot, piece by piece, while transactions are
// applied between the pieces. The image is fuzzy; replaying the log from the zxid at
// which the walk began makes it exact:
//   - nodes created since are left out, their creation is replayed;
//   - a node may show changes that are replayed again, which changes nothing;
//   - a list that is not in the table written before shows as open, and the setACL that
//     brought it is replayed.
type Walker struct {
	// Sorted has children follow each other by their names: an image is then a function of
	// the tree. Otherwise their order is another one in each process.
	Sorted bool

	t     *Tree
	from  proto.Zxid
	acls  map[int32]struct{} // those in the table
	stack []place            // the next one last
	ended bool
}

// place is a node and the path of the one above it.
type place struct {
	dir  string
	node Node
}

// Walk begins an image of the tree as it is.
func (t *Tree) Walk() *Walker {
	w := &Walker{t: t, from: t.last, acls: make(map[int32]struct{}, len(t.acls.byID)), stack: []place{{"", Node{branch: t.root}}}}
	for id := range t.acls.byID {
		w.acls[id] = struct{}{}
	}
	return w
}

// Append appends encoded nodes, parents first, until b has grown by limit bytes or all
// are written, which the string "/" then says. more is false when that was the last
// piece. The tree must not change during the call.
func (w *Walker) Append(b []byte, limit int) (_ []byte, more bool) {
	start := len(b)
	for len(w.stack) > 0 {
		if len(b)-start >= limit {
			return b, true
		}
		p := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		s := p.node.state()
		if s.Czxid > w.from && p.node.branch != w.t.root {
			continue
		}
		b = w.node(b, p, &s)
		if p.node.NumChildren() > 0 {
			dir := string(p.appendPath(nil)[4:]) // behind its length
			n := len(w.stack)
			for c := range p.node.below() {
				w.stack = append(w.stack, place{dir, c})
			}
			if w.Sorted {
				slices.SortFunc(w.stack[n:], func(a, b place) int { return cmp.Compare(b.node.name(), a.node.name()) })
			}
		}
	}
	if !w.ended {
		w.ended = true
		b = jute.AppendString(b, proto.PathRoot)
	}
	return b, false
}

func (w *Walker) node(b []byte, p place, s *state) []byte {
	id := s.acl
	if _, ok := w.acls[id]; !ok {
		id = openACL
	}
	b = p.appendPath(b)
	b = p.node.AppendData(b)
	b = jute.AppendLong(b, int64(id))
	return s.Append(b)
}

// appendPath appends the path of the node, that of the root empty.
func (p place) appendPath(b []byte) []byte {
	name := p.node.name()
	if p.dir == "" && name == "" {
		return jute.AppendString(b, "")
	}
	b = jute.AppendInt(b, int32(len(p.dir)+1+len(name)))
	b = append(b, p.dir...)
	b = append(b, '/')
	return append(b, name...)
}
