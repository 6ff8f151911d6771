package proto

import "gokeeper/server/jute"

// MultiHeader stands before each operation and each result of a multi, and once
// more, with Done set, behind the last.
type MultiHeader struct {
	Op   Op
	Done bool
	Err  Error
}

// Decode reads the record.
func (r *MultiHeader) Decode(d *jute.Decoder) {
	r.Op, r.Done, r.Err = Op(d.Int()), d.Bool(), Error(d.Int())
}

// Append appends the record.
func (r *MultiHeader) Append(b []byte) []byte {
	return jute.AppendInt(jute.AppendBool(jute.AppendInt(b, int32(r.Op)), r.Done), int32(r.Err))
}

// AppendMultiEnd appends the header that ends a multi.
func AppendMultiEnd(b []byte) []byte {
	end := MultiHeader{Op: -1, Done: true, Err: -1}
	return end.Append(b)
}

// AppendMultiError appends the result of an operation that failed or was not done.
func AppendMultiError(b []byte, err Error) []byte {
	h := MultiHeader{Op: OpError, Err: err}
	return jute.AppendInt(h.Append(b), int32(err))
}

// MultiOp is one operation of a multi. Which record is filled follows from Op.
type MultiOp struct {
	Op     Op
	Create CreateRequest  // create, create2, createContainer, createTTL
	Path   PathVersion    // delete, check
	Data   SetDataRequest // setData
}

// DecodeMulti reads the operations of a multi. An operation of another kind, a
// read for instance, fails the whole request.
//
// As in Java, the flag decides between the kinds of create: a container flag makes
// any of them a createContainer, a createTTL without a flag of its own becomes a create,
// and a TTL flag without the operation that carries a TTL cannot be decoded. Neither
// can an operation without a path, nor, but for createTTL, a create without a list.
func DecodeMulti(d *jute.Decoder) []MultiOp {
	var ops []MultiOp
	for {
		var h MultiHeader
		h.Decode(d)
		if d.Err() != nil || h.Done {
			return ops
		}
		op := MultiOp{Op: h.Op}
		switch h.Op {
		case OpCreate, OpCreate2, OpCreateContainer, OpCreateTTL:
			op.Create.Decode(d, h.Op)
			op.Op = createKind(h.Op, &op.Create, d)
		case OpDelete, OpCheck:
			op.Path.Decode(d)
		case OpSetData:
			op.Data.Decode(d)
		default:
			d.Fail(ErrOp)
		}
		if op.path() == nil {
			d.Fail(ErrNullPath)
		}
		ops = append(ops, op)
	}
}

// Append appends the operation with its header.
func (o *MultiOp) Append(b []byte) []byte {
	h := MultiHeader{Op: o.Op, Err: -1}
	b = h.Append(b)
	switch o.Op {
	case OpDelete, OpCheck:
		return o.Path.Append(b)
	case OpSetData:
		return o.Data.Append(b)
	}
	return o.Create.Append(b, o.Op)
}

func (o *MultiOp) path() []byte {
	switch o.Op {
	case OpDelete, OpCheck:
		return o.Path.Path
	case OpSetData:
		return o.Data.Path
	}
	return o.Create.Path
}

// createKind returns the operation that op with r's flags stands for in a multi.
func createKind(op Op, r *CreateRequest, d *jute.Decoder) Op {
	if r.ACL == nil && op != OpCreateTTL {
		d.Fail(ErrNullVector)
	}
	switch r.Flags {
	case FlagPersistent, FlagEphemeral, FlagSequential, FlagEphemeralSequential:
		if op == OpCreateTTL {
			return OpCreate
		}
	case FlagContainer:
		return OpCreateContainer
	case FlagPersistentTTL, FlagPersistentSequentialTTL:
		if op != OpCreateTTL {
			d.Fail(ErrNoTTL)
		}
	default: // unknown, which the checks refuse
		if op != OpCreateTTL {
			d.Fail(ErrOp)
		}
	}
	return op
}

// MultiReadOp is one operation of a multiRead: getData or getChildren.
type MultiReadOp struct {
	Op   Op
	Path []byte
}

// NextMultiRead reads the next operation of a multiRead and whether there was one.
func NextMultiRead(d *jute.Decoder) (MultiReadOp, bool) {
	var h MultiHeader
	h.Decode(d)
	if d.Err() != nil || h.Done {
		return MultiReadOp{}, false
	}
	if h.Op != OpGetData && h.Op != OpGetChildren {
		d.Fail(ErrOp)
		return MultiReadOp{}, false
	}
	var r PathWatch
	r.Decode(d)
	return MultiReadOp{h.Op, r.Path}, d.Err() == nil
}
