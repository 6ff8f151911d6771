package prep

import (
	"slices"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
)

// closeSession lists the session's ephemerals: those in the applied tree without the
// ones that an outstanding transaction deletes, and those that one creates.
func (p *Prep) closeSession(id proto.SessionID) txn.Body {
	if p.cfg.NoClosePaths {
		return &txn.CloseSession{NoPaths: true}
	}
	paths := []string{}
	for _, path := range p.tree.Ephemerals(id) {
		if c := p.latest[path]; c == nil || !c.gone {
			paths = append(paths, path)
		}
	}
	applied := len(paths)
	for path, c := range p.latest {
		if c.gone || c.stat.Owner != int64(id) || !tree.IsEphemeralOwner(c.stat.Owner) {
			continue
		}
		if _, found := slices.BinarySearch(paths[:applied], path); !found {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	for _, path := range paths {
		if c, parent := p.find(path), p.find(proto.Parent(path)); c != nil && parent != nil {
			p.recordDelete(parent, c)
		}
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
	case tree.IsEphemeralOwner(c.stat.Owner):
		return nil, proto.BadVersion
	}
	p.recordDelete(parent, c)
	return &txn.Delete{Path: path}, proto.OK
}

// reconfig is refused: it is disabled, or the server is standalone and has no
// membership to change.
func (p *Prep) reconfig(d *jute.Decoder) proto.Error {
	var r proto.ReconfigRequest
	if r.Decode(d); d.Err() != nil {
		return proto.MarshallingError
	}
	if !p.cfg.Reconfig {
		return proto.ReconfigDisabled
	}
	return proto.Unimplemented
}
