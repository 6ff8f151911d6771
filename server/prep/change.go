package prep

import (
	"slices"
	"strings"

	"gokeeper/server/proto"
	"gokeeper/server/tree"
)

// change is what a node will be once an outstanding transaction is applied.
type change struct {
	path     string
	zxid     proto.Zxid
	gone     bool // it will not be there
	stat     tree.Persisted
	children int
	acl      []proto.ACL
	data     []byte // nil is null
	node     uint32 // its digest, 0 when it does not count
	total    uint64 // the tree's digest behind this change
}

// find returns what the node of the path will be, or nil when it will not be there.
// The result must not be changed; see edit.
func (p *Prep) find(path string) *change {
	if c := p.latest[path]; c != nil {
		if c.gone {
			return nil
		}
		return c
	}
	n := p.tree.FindString(path)
	if !n.Exists() {
		return nil
	}
	return &change{
		path: path, zxid: -1, stat: n.Persisted(), children: n.NumChildren(), acl: p.tree.ACL(n), data: n.Data(),
		node: n.Digest(),
	}
}

// edit returns a copy of the change that belongs to the transaction at hand.
func (p *Prep) edit(c *change) *change {
	n := *c
	n.zxid = p.zxid
	return &n
}

// record makes c the newest change of its path and brings the digest up to date.
// before is what the path was, nil for a node that was not there.
func (p *Prep) record(before, c *change) {
	total := p.digest()
	if before != nil {
		total -= uint64(before.node)
	}
	c.node = 0
	if !c.gone {
		c.node = p.nodeDigest(c)
	}
	c.total = total + uint64(c.node)
	p.changes = append(p.changes, c)
	p.replaced = append(p.replaced, p.latest[c.path])
	p.latest[c.path] = c
}

// digest returns the tree's digest behind everything outstanding.
func (p *Prep) digest() uint64 {
	if n := len(p.changes); n > 0 {
		return p.changes[n-1].total
	}
	return p.tree.Digest()
}

// nodeDigest returns what the node contributes to the tree's digest: nothing below
// /zookeeper/.
func (p *Prep) nodeDigest(c *change) uint32 {
	if p.cfg.NoDigest || strings.HasPrefix(c.path, proto.PathSystem+"/") {
		return 0
	}
	return tree.NodeDigest(c.path, c.data, &c.stat)
}

// rollback drops every change of the write at hand.
func (p *Prep) rollback() {
	first := len(p.changes) - len(p.replaced)
	for i, old := range slices.Backward(p.replaced) { // a path may have several
		path := p.changes[first+i].path
		if p.latest[path] = old; old == nil {
			delete(p.latest, path)
		}
	}
	clear(p.changes[first:])
	p.changes, p.replaced = p.changes[:first], p.replaced[:0]
}
