package txnlog

import (
	"encoding/binary"
	"hash/adler32"

	"gokeeper/server/proto"
)

// Layout of files and records, in bytes.
const (
	// HeaderSize is the length of a file's header.
	HeaderSize = 16
	// recordHead is checksum and length, in front of a body.
	recordHead = 12
	// Overhead is what a record adds to its body: checksum, length and end byte.
	Overhead = recordHead + 1
)

const (
	magic   = 0x5a4b4c47 // "ZKLG"
	version = 2
	endByte = 0x42
	// minBody is the length of a transaction's header, which every body begins with.
	minBody = 32
	// zxidOffset is where the zxid stands in a body, behind session and cxid.
	zxidOffset = 12
)

// AppendHeader appends the header of a file.
func AppendHeader(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, magic)
	b = binary.BigEndian.AppendUint32(b, version)
	return binary.BigEndian.AppendUint64(b, 0)
}

// AppendRecord appends the record that holds the body.
func AppendRecord(b, body []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(adler32.Checksum(body)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	b = append(b, body...)
	return append(b, endByte)
}

// bodyZxid returns the zxid in the header of a transaction of at least minBody bytes.
func bodyZxid(body []byte) proto.Zxid {
	return proto.Zxid(binary.BigEndian.Uint64(body[zxidOffset:]))
}
