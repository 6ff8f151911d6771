package prep

import (
	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// multi checks the operations one after the other, each against what those before it
// will have changed. When one fails nothing of the multi is recorded: the transaction
// keeps those before it as they are, the code of the one that failed, and a
// RuntimeInconsistency for each behind it. One that is malformed fails the request.
func (p *Prep) multi(d *jute.Decoder) (txn.Body, proto.Error) {
	ops := proto.DecodeMulti(d)
	if d.Err() != nil {
		return nil, proto.MarshallingError
	}
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
		p.rollback()
		if err == proto.MarshallingError {
			return nil, err // what Java cannot handle fails the whole
		}
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
