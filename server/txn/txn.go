// Package txn defines transactions: what a write becomes once it is checked and
// ordered, what the log keeps, and what a leader proposes.
//
//	header  session long | cxid int | zxid long | time long (ms since 1970) | type int
//	body    by type, see the types below
//	digest  version int (2) | tree digest after the transaction, long      (optional)
//
// A failed write is a transaction too, of type error; it carries no digest. The same
// bytes stand in the log and in proposals, so encoding must give back what was
// decoded; [Decode] keeps what it needs for that.
//
// The package is pure. Decoded byte slices alias the input.
package txn

import (
	"errors"
	"fmt"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// DigestVersion is the version of the tree digest that this server computes.
const DigestVersion = 2

// HeaderSize is the encoded length of a header in bytes.
const HeaderSize = 32

// ErrType says that a transaction is of no known type.
var ErrType = errors.New("unsupported transaction type")

// Header says whose write it was and where it stands in the order.
type Header struct {
	Session proto.SessionID
	Cxid    int32 // xid of the request; 0 for the server's own
	Zxid    proto.Zxid
	Time    int64 // milliseconds since 1970, wall clock of the leader
	Type    proto.Op
}

// Append appends the header.
func (h *Header) Append(b []byte) []byte {
	b = jute.AppendLong(b, int64(h.Session))
	b = jute.AppendInt(b, h.Cxid)
	b = jute.AppendLong(b, int64(h.Zxid))
	b = jute.AppendLong(b, h.Time)
	return jute.AppendInt(b, int32(h.Type))
}

// Decode reads the header.
func (h *Header) Decode(d *jute.Decoder) {
	*h = Header{
		Session: proto.SessionID(d.Long()), Cxid: d.Int(), Zxid: proto.Zxid(d.Long()),
		Time: d.Long(), Type: proto.Op(d.Int()),
	}
}

// Digest is the tree digest that should hold after a transaction.
type Digest struct {
	Version int32
	Value   uint64
}

// Txn is a whole transaction.
type Txn struct {
	Header
	Body   Body
	Digest *Digest // nil when it carries none
}

// Append appends the transaction as the log and proposals hold it.
func (t *Txn) Append(b []byte) []byte {
	b = t.Header.Append(b)
	b = t.Body.Append(b)
	if t.Digest != nil {
		b = jute.AppendInt(b, t.Digest.Version)
		b = jute.AppendLong(b, int64(t.Digest.Value))
	}
	return b
}

// Decode reads a transaction. Bytes behind the digest, and fewer than a digest has,
// are ignored, as in Java.
func Decode(in []byte, limit int) (Txn, error) {
	var d jute.Decoder
	d.Reset(in, limit)
	var t Txn
	t.Header.Decode(&d)
	if d.Err() != nil {
		return t, fmt.Errorf("transaction header: %w", d.Err())
	}
	t.Body = newBody(t.Type)
	if t.Body == nil {
		return t, fmt.Errorf("%w %d", ErrType, t.Type)
	}
	t.Body.decode(&d)
	if d.Err() != nil {
		return t, fmt.Errorf("transaction %v of type %v: %w", t.Zxid, t.Type, d.Err())
	}
	if d.Len() >= 12 {
		t.Digest = &Digest{Version: d.Int(), Value: uint64(d.Long())}
	}
	return t, nil
}

// DecodeHeader reads only the header.
func DecodeHeader(in []byte) (Header, error) {
	var h Header
	d := jute.NewDecoder(in)
	h.Decode(d)
	return h, d.Err()
}
