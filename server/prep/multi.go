package prep

import (
	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// multi checks the operations one after the other, each against what those before it
// will have changed. When one fails nothing of the multi is recorded: the transaction
// keeps those before it as they are, the code of the one that failed, and a
// RuntimeInconsistency for each behind it.
func (p *Prep) multi(d *jute.Decoder) (txn.Body, proto.Error) {
	ops := proto.DecodeMulti(d)
	if d.Err() != nil {
		return nil, proto.MarshallingError
	}
	m := p.mark(multiPaths(ops))
	body := &txn.Multi{}
	failed := false
	for i := range ops {
		if failed {
			body.Ops = append(body.Ops, txn.Op{Type: proto.OpError, Body: &txn.Error{Code: proto.RuntimeInconsistency}})
			continue
		}
		b, err := p.multiOp(&ops[i])
		if err == proto.OK {
			body.Ops = append(body.Ops, txn.Op{Type: ops[i].Op, Body: b})
			continue
		}
		failed = true
		p.rollback(m)
		body.Ops = append(body.Ops, txn.Op{Type: proto.OpError, Body: &txn.Error{Code: err}})
	}
	return body, proto.OK
}

func (p *Prep) multiOp(op *proto.MultiOp) (txn.Body, proto.Error) {
	switch op.Op {
	case proto.OpDelete:
		return p.delete(&op.Path)
	case proto.OpCheck:
		return p.check(&op.Path)
	case proto.OpSetData:
		return p.setData(&op.Data)
	}
	return p.create(op.Op, &op.Create)
}

// multiPaths returns the paths whose newest changes a failed multi must bring back:
// those that the operations name and their parents. A sequential node's own path is
// new, so it has none.
func multiPaths(ops []proto.MultiOp) map[string]*change {
	paths := map[string]*change{}
	for i := range ops {
		var path string
		switch ops[i].Op {
		case proto.OpDelete, proto.OpCheck:
			path = string(ops[i].Path.Path)
		case proto.OpSetData:
			path = string(ops[i].Data.Path)
		default:
			path = string(ops[i].Create.Path)
		}
		paths[path] = nil
		if proto.PlausiblePath([]byte(path)) {
			paths[proto.Parent(path)] = nil
		}
	}
	return paths
}
