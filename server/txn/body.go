package txn

import (
	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// Body is what a transaction does: one of *Create, *Delete, *SetData, *SetACL,
// *Check, *Multi, *CreateSession, *CloseSession and *Error.
type Body interface {
	// Append appends the record.
	Append(b []byte) []byte
	decode(d *jute.Decoder)
}

// newBody returns an empty body for a transaction of the type, nil for no type.
func newBody(typ proto.Op) Body {
	switch typ {
	case proto.OpCreate, proto.OpCreate2, proto.OpCreateContainer, proto.OpCreateTTL:
		return &Create{Type: typ}
	case proto.OpDelete, proto.OpDeleteContainer:
		return &Delete{}
	case proto.OpSetData, proto.OpReconfig:
		return &SetData{}
	case proto.OpSetACL:
		return &SetACL{}
	case proto.OpCheck:
		return &Check{}
	case proto.OpMulti:
		return &Multi{}
	case proto.OpCreateSession:
		return &CreateSession{}
	case proto.OpCloseSession:
		return &CloseSession{}
	case proto.OpError:
		return &Error{}
	}
	return nil
}

// NoParentCversion in a Create means the parent's current one plus 1. Logs from
// before 3.4 hold no parent cversion.
const NoParentCversion = -1

// Create adds a node: types create and create2, createContainer, createTTL.
type Create struct {
	Type           proto.Op // of the transaction; decides what is encoded
	Path           string   // with the sequence number
	Data           []byte   // nil is null
	ACL            []proto.ACL
	Ephemeral      bool  // create and create2 only: the owner is the header's session
	ParentCversion int32 // the parent's stored cversion after the creation
	TTL            int64 // createTTL only, milliseconds
	old            bool  // encoded without the parent's cversion
}

// Append appends the record of the type.
func (c *Create) Append(b []byte) []byte {
	b = jute.AppendString(b, c.Path)
	b = jute.AppendBuffer(b, c.Data)
	b = proto.AppendACL(b, c.ACL)
	if c.Type == proto.OpCreate || c.Type == proto.OpCreate2 {
		b = jute.AppendBool(b, c.Ephemeral)
	}
	if !c.old {
		b = jute.AppendInt(b, c.ParentCversion)
	}
	if c.Type == proto.OpCreateTTL {
		b = jute.AppendLong(b, c.TTL)
	}
	return b
}

func (c *Create) decode(d *jute.Decoder) {
	c.Path, c.Data, c.ACL = d.String(), d.Buffer(), proto.DecodeACL(d)
	plain := c.Type == proto.OpCreate || c.Type == proto.OpCreate2
	if plain {
		c.Ephemeral = d.Bool()
	}
	if plain && d.Len() < 4 {
		c.ParentCversion, c.old = NoParentCversion, true
		return
	}
	c.ParentCversion = d.Int()
	if c.Type == proto.OpCreateTTL {
		c.TTL = d.Long()
	}
}

// Delete removes a node: types delete and deleteContainer.
type Delete struct {
	Path string
}

// Append appends the record.
func (t *Delete) Append(b []byte) []byte { return jute.AppendString(b, t.Path) }

func (t *Delete) decode(d *jute.Decoder) { t.Path = d.String() }

// SetData replaces a node's data: types setData and reconfig.
type SetData struct {
	Path    string
	Data    []byte // nil is null
	Version int32  // the new version
}

// Append appends the record.
func (t *SetData) Append(b []byte) []byte {
	return jute.AppendInt(jute.AppendBuffer(jute.AppendString(b, t.Path), t.Data), t.Version)
}

func (t *SetData) decode(d *jute.Decoder) {
	t.Path, t.Data, t.Version = d.String(), d.Buffer(), d.Int()
}

// SetACL replaces a node's ACL.
type SetACL struct {
	Path    string
	ACL     []proto.ACL
	Version int32 // the new aversion
}

// Append appends the record.
func (t *SetACL) Append(b []byte) []byte {
	return jute.AppendInt(proto.AppendACL(jute.AppendString(b, t.Path), t.ACL), t.Version)
}

func (t *SetACL) decode(d *jute.Decoder) {
	t.Path, t.ACL, t.Version = d.String(), proto.DecodeACL(d), d.Int()
}

// Check is a version check inside a multi. It changes nothing.
type Check struct {
	Path    string
	Version int32 // the node's version plus 1, as Java writes it
}

// Append appends the record.
func (t *Check) Append(b []byte) []byte {
	return jute.AppendInt(jute.AppendString(b, t.Path), t.Version)
}

func (t *Check) decode(d *jute.Decoder) { t.Path, t.Version = d.String(), d.Int() }

// CreateSession opens a session, that of the header.
type CreateSession struct {
	Timeout int32 // milliseconds, negotiated
}

// Append appends the record.
func (t *CreateSession) Append(b []byte) []byte { return jute.AppendInt(b, t.Timeout) }

func (t *CreateSession) decode(d *jute.Decoder) { t.Timeout = d.Int() }

// CloseSession ends the header's session and deletes its ephemerals.
type CloseSession struct {
	Paths   []string // the ephemerals known when it was prepared
	NoPaths bool     // no list was written: from before 3.6, or switched off
	null    bool     // the list was null
}

// Append appends the record.
func (t *CloseSession) Append(b []byte) []byte {
	if t.NoPaths {
		return b
	}
	if t.null {
		return jute.AppendInt(b, -1)
	}
	b = jute.AppendInt(b, int32(len(t.Paths)))
	for _, p := range t.Paths {
		b = jute.AppendString(b, p)
	}
	return b
}

func (t *CloseSession) decode(d *jute.Decoder) {
	if d.Len() < 4 {
		t.NoPaths = true
		return
	}
	// Without a list a digest may follow. Its version looks like a count of two, but two
	// paths, which are never empty, are longer than a digest.
	if d.Len() == 12 && jute.NewDecoder(d.Rest()).Int() == DigestVersion {
		t.NoPaths = true
		return
	}
	n, ok := d.Vector()
	t.null = !ok
	for i := 0; i < n && d.Err() == nil; i++ {
		t.Paths = append(t.Paths, d.String())
	}
}

// Error is a write that failed. It takes its place in the order and changes nothing.
type Error struct {
	Code proto.Error
}

// Append appends the record.
func (t *Error) Append(b []byte) []byte { return jute.AppendInt(b, int32(t.Code)) }

func (t *Error) decode(d *jute.Decoder) { t.Code = proto.Error(d.Int()) }

// Op is one transaction inside a Multi.
type Op struct {
	Type proto.Op
	Body Body
}

// Multi is several transactions with one zxid. When one of them is an Error, none
// has an effect.
type Multi struct {
	Ops  []Op
	tail []byte // operations that could not be decoded, kept for encoding
	lost int    // their number
}

// Append appends the record.
func (t *Multi) Append(b []byte) []byte {
	b = jute.AppendInt(b, int32(len(t.Ops)+t.lost))
	for _, op := range t.Ops {
		b = jute.AppendInt(b, int32(op.Type))
		start := len(b)
		b = jute.AppendInt(b, 0)
		b = op.Body.Append(b)
		jute.AppendInt(b[:start], int32(len(b)-start-4))
	}
	return append(b, t.tail...)
}

// decode reads the operations. As in Java, one that cannot be decoded (an old create
// inside a multi, for instance) ends the multi silently: those before it count.
func (t *Multi) decode(d *jute.Decoder) {
	n := d.Count()
	for i := 0; i < n && d.Err() == nil; i++ {
		rest := d.Rest()
		typ, data := proto.Op(d.Int()), d.Buffer()
		if d.Err() != nil {
			return
		}
		body := newBody(typ)
		if typ == proto.OpMulti || body == nil || !decodeWhole(body, data) {
			t.lost = n - i
			t.tail = rest[:skipOps(d, n-i-1, rest)]
			return
		}
		t.Ops = append(t.Ops, Op{typ, body})
	}
}

func decodeWhole(body Body, data []byte) bool {
	var d jute.Decoder
	d.Reset(data, len(data)) // the caller's limit has let the whole pass
	body.decode(&d)
	c, isCreate := body.(*Create)
	return d.Err() == nil && !(isCreate && c.old)
}

// skipOps passes over n operations and returns how much of rest was read.
func skipOps(d *jute.Decoder, n int, rest []byte) int {
	for ; n > 0 && d.Err() == nil; n-- {
		d.Int()
		d.Buffer()
	}
	return len(rest) - d.Len()
}

// Failed returns the code of the first operation that failed, or OK.
func (t *Multi) Failed() proto.Error {
	for _, op := range t.Ops {
		if e, ok := op.Body.(*Error); ok {
			return e.Code
		}
	}
	return proto.OK
}
