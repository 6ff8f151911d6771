package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/adler32"
	"io"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// statSize is the length of a node's persisted stat.
const statSize = 60

// Lengths of the sections with their seals, by which they are told apart.
const (
	sealSize = 13
	lastSize = 8 + sealSize
)

// readSize is how much is asked from the underlying reader at once.
const readSize = 256 << 10

// decoder reads a file or a stream. need makes bytes available, which stay valid
// until the next need. It remembers its first error.
type decoder struct {
	r      io.Reader
	exact  bool // read nothing behind what is needed: something else follows
	buf    []byte
	pos    int   // of the next byte in buf
	summed int   // bytes of buf that sum includes; seals cover whole fields only
	base   int64 // offset of buf in the input
	eof    bool
	limit  int
	sum    hash.Hash32
	err    error
}

func newDecoder(r io.Reader, limit int, exact bool) *decoder {
	if limit <= 0 {
		limit = jute.DefaultLimit
	}
	size := readSize
	if exact {
		size = 4 << 10
	}
	return &decoder{r: r, exact: exact, limit: limit, buf: make([]byte, 0, size), sum: adler32.New()}
}

func (d *decoder) offset() int64 { return d.base + int64(d.pos) }

func (d *decoder) fail(reason error, format string, args ...any) {
	if d.err == nil {
		d.err = &CorruptError{Offset: d.offset(), Reason: reason, Detail: fmt.Sprintf(format, args...)}
	}
}

// buffered tries to have n bytes behind pos and returns how many there are.
func (d *decoder) buffered(n int) int {
	for len(d.buf)-d.pos < n && d.err == nil && !d.eof {
		d.fill(n)
	}
	return len(d.buf) - d.pos
}

// fill reads once, after making room for n bytes behind pos.
func (d *decoder) fill(n int) {
	if d.pos+n > cap(d.buf) {
		d.sumUp()
		rest := d.buf[d.pos:]
		if n > cap(d.buf) {
			d.buf = make([]byte, 0, n+n/2)
		}
		d.base += int64(d.pos)
		d.buf = d.buf[:copy(d.buf[:len(rest)], rest)]
		d.pos, d.summed = 0, 0
	}
	end := cap(d.buf)
	if d.exact {
		end = d.pos + n
	}
	k, err := d.r.Read(d.buf[len(d.buf):end])
	d.buf = d.buf[:len(d.buf)+k]
	switch {
	case errors.Is(err, io.EOF):
		d.eof = true
	case errors.Is(err, io.ErrUnexpectedEOF):
		d.fail(ErrShort, "its compressed form is cut")
	case err != nil:
		d.fail(err, "read")
	}
}

// sumUp takes what was read into the checksum.
func (d *decoder) sumUp() {
	d.sum.Write(d.buf[d.summed:d.pos])
	d.summed = d.pos
}

// need returns the next n bytes without passing over them, nil after an error.
func (d *decoder) need(n int) []byte {
	if d.err != nil {
		return nil
	}
	if len(d.buf)-d.pos < n && d.buffered(n) < n {
		d.fail(ErrShort, "%d bytes are left, %d are needed", len(d.buf)-d.pos, n)
	}
	if d.err != nil {
		return nil
	}
	return d.buf[d.pos : d.pos+n]
}

func (d *decoder) int() int32 {
	p := d.need(4)
	if p == nil {
		return 0
	}
	d.pos += 4
	return int32(binary.BigEndian.Uint32(p))
}

func (d *decoder) long() int64 {
	p := d.need(8)
	if p == nil {
		return 0
	}
	d.pos += 8
	return int64(binary.BigEndian.Uint64(p))
}

// length checks the length of a string or buffer; null has 0 bytes.
func (d *decoder) length(n int32) int {
	if n == -1 {
		return 0
	}
	if n < 0 || int(n) > d.limit {
		d.fail(ErrLength, "%d", n)
		return 0
	}
	return int(n)
}

// bytes reads a string or buffer: nil for null, valid until the next read.
func (d *decoder) bytes() []byte {
	n := d.int()
	k := d.length(n)
	if d.err != nil || n == -1 {
		return nil
	}
	p := d.need(k)
	d.pos += len(p)
	return p
}

// header reads the header of a file. Version and dbid have no meaning, as in Java.
func (d *decoder) header() {
	p := d.need(16)
	if p == nil {
		return
	}
	if m := binary.BigEndian.Uint32(p); m != magic {
		d.fail(ErrMagic, "it begins with 0x%08x, not 0x%08x", m, magic)
		return
	}
	d.pos += 16
}

// seal reads a seal and checks it.
func (d *decoder) seal() {
	d.sumUp()
	want, at := int64(d.sum.Sum32()), d.offset()
	got := d.long()
	if d.err == nil && got != want {
		d.err = &CorruptError{Offset: at, Reason: ErrSeal, Detail: fmt.Sprintf("checksum 0x%x, but the bytes give 0x%x", got, want)}
	}
	if s := d.bytes(); d.err == nil && string(s) != endOfNodes {
		d.fail(ErrSeal, "the seal ends with %q", s)
	}
}

// body reads what file and stream have in common.
func (d *decoder) body(v Visitor) {
	for n := d.int(); n > 0 && d.err == nil; n-- {
		s := Session{proto.SessionID(d.long()), d.int()}
		if d.err == nil {
			d.visited(v.Session(s))
		}
	}
	for n := d.int(); n > 0 && d.err == nil; n-- {
		id, list := d.long(), d.acl()
		if d.err == nil {
			d.visited(v.ACL(id, list))
		}
	}
	for d.err == nil && d.node(v) {
	}
}

// visited makes a visitor's error the decoder's.
func (d *decoder) visited(err error) {
	if err != nil {
		d.fail(ErrRecord, "%v", err)
	}
}

func (d *decoder) acl() []proto.ACL {
	n := d.int()
	if n == -1 {
		d.fail(ErrRecord, "null ACL in the table")
	}
	acl := []proto.ACL{}
	for ; n > 0 && d.err == nil; n-- {
		a := proto.ACL{Perms: proto.Perm(d.int())}
		a.Scheme = string(d.bytes())
		a.ID = string(d.bytes())
		acl = append(acl, a)
	}
	return acl
}

// node reads one node and says whether there may be another.
func (d *decoder) node(v Visitor) bool {
	p := d.need(4)
	if p == nil {
		return false
	}
	pathLen := d.length(int32(binary.BigEndian.Uint32(p)))
	if pathLen == len(endOfNodes) {
		if q := d.need(4 + len(endOfNodes)); q != nil && string(q[4:]) == endOfNodes {
			d.pos += len(q)
			return false
		}
	}
	p = d.need(4 + pathLen + 4)
	if p == nil {
		return false
	}
	n := int32(binary.BigEndian.Uint32(p[4+pathLen:]))
	dataLen := d.length(n)
	if p = d.need(4 + pathLen + 4 + dataLen + 8 + statSize); p == nil {
		return false
	}
	node := Node{Path: p[4 : 4+pathLen], Data: p[8+pathLen : 8+pathLen+dataLen : 8+pathLen+dataLen]}
	if n == -1 {
		node.Data = nil
	}
	rest := p[8+pathLen+dataLen:]
	node.ACL = int64(binary.BigEndian.Uint64(rest))
	node.Stat.Decode(jute.NewDecoder(rest[8:]))
	d.visited(v.Node(&node))
	d.pos += len(p)
	return d.err == nil
}

// trailer reads what stands behind the first seal.
func (d *decoder) trailer() Trailer {
	var t Trailer
	left := d.buffered(lastSize + 1) // enough to tell the lengths apart
	if d.err != nil || left == 0 {
		return t
	}
	if left != lastSize {
		t.Digest = d.digest()
		d.seal()
		if left = d.buffered(lastSize); left == 0 || d.err != nil {
			return t
		}
	}
	last := proto.Zxid(d.long())
	t.Last = &last
	d.seal()
	return t
}

// drain reads what is left, so that a decompressor comes to its own checksum.
func (d *decoder) drain() {
	for d.err == nil && !d.eof {
		d.pos, d.summed = len(d.buf), len(d.buf)
		d.fill(1)
	}
}

// digest reads the digest section without its seal.
func (d *decoder) digest() *Digest {
	g := &Digest{Zxid: proto.Zxid(d.long()), Version: d.int()}
	if g.Version >= txn.DigestVersion {
		g.Value = uint64(d.long())
		return g
	}
	// Early 3.6 wrote hex digits. Nothing compares digests of that version.
	g.Text = string(d.bytes())
	return g
}
