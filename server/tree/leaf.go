package tree

import (
	"encoding/binary"
	"strings"
	"unsafe"

	"gokeeper/server/proto"
)

// leaf is a znode that never had a child, as most have none, in one string: a single
// allocation, which the collector need not look into. It is replaced, never changed.
//
//	length of name | length of data + 1, 0 for null | name | data
//	ACL | czxid | mzxid - czxid | pzxid - czxid | ctime | mtime - ctime
//	version | cversion | aversion | owner
//	digest, 4 bytes
//
// Lengths are unsigned, the numbers below signed varints of encoding/binary.
type leaf string

// view returns the bytes of a string, which must not be changed.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// text returns the bytes as a string, for as long as they do not change.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// leaf packs the state of a node with the name.
func (s *state) leaf(name string) leaf {
	var space [2*binary.MaxVarintLen32 + 10*binary.MaxVarintLen64 + 4]byte
	length := 0
	if !s.null {
		length = len(s.data) + 1
	}
	head := binary.AppendUvarint(space[:0], uint64(len(name)))
	head = binary.AppendUvarint(head, uint64(length))
	tail := head[len(head):]
	for _, v := range [...]int64{
		int64(s.acl), int64(s.Czxid), int64(s.Mzxid - s.Czxid), int64(s.Pzxid - s.Czxid), s.Ctime, s.Mtime - s.Ctime,
		int64(s.Version), int64(s.Cversion), int64(s.Aversion), s.Owner,
	} {
		tail = binary.AppendVarint(tail, v)
	}
	tail = binary.LittleEndian.AppendUint32(tail, s.digest)
	var b strings.Builder
	b.Grow(len(head) + len(name) + len(s.data) + len(tail))
	b.Write(head)
	b.WriteString(name)
	b.WriteString(s.data)
	b.Write(tail)
	return leaf(b.String())
}

// split returns the parts of the leaf, of the numbers the encoding.
func (l leaf) split() (name, data string, null bool, numbers []byte) {
	b := view(string(l))
	n, i := binary.Uvarint(b)
	d, j := binary.Uvarint(b[i:])
	null, d = d == 0, max(d, 1)
	rest := string(l[i+j:])
	return rest[:n], rest[n : n+d-1], null, b[uint64(i+j)+n+d-1:]
}

// Name returns the last part of the path.
func (l leaf) Name() string {
	name, _, _, _ := l.split()
	return name
}

func (l leaf) acl() int32 {
	_, _, _, numbers := l.split()
	id, _ := number(numbers)
	return int32(id)
}

// number reads one of the numbers and returns what is behind it. Most have one byte.
func number(b []byte) (v int64, rest []byte) {
	if c := b[0]; c < 0x80 {
		return int64(c>>1) ^ -int64(c&1), b[1:]
	}
	v, n := binary.Varint(b)
	return v, b[n:]
}

// state unpacks what leaf packed.
func (l leaf) state() (s state) {
	_, data, null, b := l.split()
	var v [10]int64
	for i := range v {
		v[i], b = number(b)
	}
	s.data, s.null, s.acl, s.digest = data, null, int32(v[0]), binary.LittleEndian.Uint32(b)
	s.Czxid, s.Mzxid, s.Pzxid = proto.Zxid(v[1]), proto.Zxid(v[1]+v[2]), proto.Zxid(v[1]+v[3])
	s.Ctime, s.Mtime = v[4], v[4]+v[5]
	s.Version, s.Cversion, s.Aversion, s.Owner = int32(v[6]), int32(v[7]), int32(v[8]), v[9]
	return s
}
