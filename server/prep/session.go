package prep

import (
	"slices"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
)

// closeSession lists the session's ephemerals: those in the applied tree that no
// outstanding transaction touches, and those that will be its own after one that does.
// Without the list in the transaction the same nodes go when it is applied.
func (p *Prep) closeSession(id proto.SessionID) txn.Body {
	paths := []string{}
	for _, path := range p.tree.Ephemerals(id) {
		if p.latest[path] == nil {
			paths = append(paths, path)
		}
	}
	for path, c := range p.latest {
		if !c.gone && c.stat.Owner == int64(id) && tree.IsEphemeralOwner(c.stat.Owner) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	for _, path := range paths {
		p.recordDelete(p.find(proto.Parent(path)), p.find(path))
	}
	if p.cfg.NoClosePaths {
		return &txn.CloseSession{NoPaths: true}
	}
	return &txn.CloseSession{Paths: paths}
}

// deleteContainer is the server's own: it removes an empty container or an expired
// TTL node. It is checked again here, since something may have changed meanwhile.
func (p *Prep) deleteContainer(d *jute.Decoder) (txn.Body, proto.Error) {
	raw := d.Buffer()
	if d.Err() != nil || raw == nil {
		return nil, proto.MarshallingError
	}
	path := string(raw)
	if !proto.PlausiblePath(raw) || special(path) {
		return nil, proto.BadArguments
	}
	c, parent := p.find(path), p.find(proto.Parent(path))
	switch {
	case c == nil || parent == nil:
		return nil, proto.NoNode
	case c.children > 0:
		return nil, proto.NotEmpty
	case c.stat.Owner == 0 || tree.IsEphemeralOwner(c.stat.Owner): // another node by now
		return nil, proto.BadVersion
	}
	p.recordDelete(parent, c)
	return &txn.Delete{Path: path}, proto.OK
}
