// Package jute encodes and decodes the primitives of Hadoop's record format,
// which ZooKeeper uses on every socket and in every file.
//
// All integers are big-endian two's complement, without padding, tags or names:
//
//	bool     1 byte, 0 or 1 (any other value reads as true)
//	int      4 bytes
//	long     8 bytes
//	buffer   int length, then that many bytes; length -1 is null
//	string   as buffer, holding UTF-8
//	vector   int count, then the elements; count -1 is null
//
// Encoding appends to a slice that the caller owns. Decoding reads from a slice
// without copying: byte slices that it returns alias the input. A Decoder
// remembers its first error, so a record is decoded field by field and checked
// once. Nothing here blocks, allocates by a length found in the input, or panics
// on bad input.
//
// A null string or buffer decodes to a nil slice and an empty one to a slice that
// is empty and not nil; the two are different values in the protocol.
package jute

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// DefaultLimit is the longest buffer or string that Java reads with default
// settings: jute.maxbuffer (0xfffff) plus an extra of the same size.
const DefaultLimit = 2 * 0xfffff

// Errors of decoding. ErrLength is wrapped with the length that was met.
var (
	// ErrShort says that the input ended inside a field.
	ErrShort = errors.New("record ends inside a field")
	// ErrLength says that a buffer or string has an impossible length.
	ErrLength = errors.New("unreasonable length")
)

// AppendBool appends v as one byte.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendInt appends v in four bytes.
func AppendInt(b []byte, v int32) []byte { return binary.BigEndian.AppendUint32(b, uint32(v)) }

// AppendLong appends v in eight bytes.
func AppendLong(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) }

// AppendBuffer appends p with its length; nil is null.
func AppendBuffer(b, p []byte) []byte {
	if p == nil {
		return AppendInt(b, -1)
	}
	return append(AppendInt(b, int32(len(p))), p...)
}

// AppendString appends s with its length. A null string is AppendBuffer(b, nil).
func AppendString(b []byte, s string) []byte {
	return append(AppendInt(b, int32(len(s))), s...)
}

// Decoder reads primitives from a byte slice. The zero value reads an empty input;
// Reset gives it another. It is not safe for concurrent use.
type Decoder struct {
	in    []byte
	off   int
	limit int
	err   error
}

// NewDecoder returns a decoder over in with the default limit of lengths.
func NewDecoder(in []byte) *Decoder {
	return &Decoder{in: in, limit: DefaultLimit}
}

// Reset makes d read in from its start and forget its error. limit is the longest
// buffer or string that it accepts, in bytes.
func (d *Decoder) Reset(in []byte, limit int) { *d = Decoder{in: in, limit: limit} }

// Err returns the first error, or nil.
func (d *Decoder) Err() error { return d.err }

// Offset returns how many bytes have been read.
func (d *Decoder) Offset() int { return d.off }

// Len returns how many bytes are left.
func (d *Decoder) Len() int { return len(d.in) - d.off }

// Rest returns the bytes that are left, without reading them.
func (d *Decoder) Rest() []byte { return d.in[d.off:] }

// Fail makes err the decoder's error if it has none yet. Decoders of records use
// it for values that the format allows and the record does not.
func (d *Decoder) Fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// take returns the next n bytes, or nil after an error.
func (d *Decoder) take(n int) []byte {
	if d.err != nil {
		return nil
	}
	if n > len(d.in)-d.off {
		d.err = ErrShort
		return nil
	}
	p := d.in[d.off : d.off+n : d.off+n]
	d.off += n
	return p
}

// Bool reads one byte; anything but 0 is true.
func (d *Decoder) Bool() bool {
	p := d.take(1)
	return p != nil && p[0] != 0
}

// Int reads four bytes.
func (d *Decoder) Int() int32 {
	p := d.take(4)
	if p == nil {
		return 0
	}
	return int32(binary.BigEndian.Uint32(p))
}

// Long reads eight bytes.
func (d *Decoder) Long() int64 {
	p := d.take(8)
	if p == nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(p))
}

// Bytes reads n bytes that carry no length of their own.
func (d *Decoder) Bytes(n int) []byte {
	if n < 0 {
		d.Fail(fmt.Errorf("%w %d", ErrLength, n))
		return nil
	}
	return d.take(n)
}

// Buffer reads a buffer or string and returns it as a part of the input: nil for
// null, otherwise not nil.
func (d *Decoder) Buffer() []byte {
	n := d.Int()
	if d.err != nil || n == -1 {
		return nil
	}
	if n < 0 || int(n) > d.limit {
		d.err = fmt.Errorf("%w %d", ErrLength, n)
		return nil
	}
	return d.take(int(n))
}

// String reads a string as a copy; null reads as "".
func (d *Decoder) String() string { return string(d.Buffer()) }

// Count reads the count of a vector; null and, as in Java, any negative count is
// no element. Use Vector where null matters. The caller must not allocate by the
// count: it may be far larger than the input.
func (d *Decoder) Count() int {
	n, _ := d.Vector()
	return n
}

// Vector reads the count of a vector and whether the vector is there at all (is
// not null).
func (d *Decoder) Vector() (n int, ok bool) {
	c := d.Int()
	if d.err != nil || c < 0 {
		return 0, d.err == nil && c != -1
	}
	return int(c), true
}

// AppendJavaString appends p as Java sends back a string that it has read; nil is
// null. See JavaString.
func AppendJavaString(b, p []byte) []byte {
	if p == nil {
		return AppendInt(b, -1)
	}
	start := len(b)
	b = appendJava(AppendInt(b, 0), p)
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

// JavaString returns p as Java sends back a string that it has read: what is not UTF-8
// becomes U+FFFD and a code point above U+FFFF two surrogates of three bytes each. Only
// echoed strings can contain either.
func JavaString(p []byte) string { return string(appendJava(nil, p)) }

// Text returns p as Java reads it, in UTF-8: what is none becomes U+FFFD.
func Text(p []byte) []byte {
	if utf8.Valid(p) {
		return p
	}
	var b []byte
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError {
			n = replaced(p)
		}
		b, p = utf8.AppendRune(b, r), p[n:]
	}
	return b
}

func appendJava(b, p []byte) []byte {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError {
			n = replaced(p)
		}
		if r > 0xffff {
			r -= 0x10000
			b = appendSurrogate(b, 0xd800+(r>>10))
			b = appendSurrogate(b, 0xdc00+(r&0x3ff))
		} else {
			b = utf8.AppendRune(b, r)
		}
		p = p[n:]
	}
	return b
}

// replaced returns how many bytes at the start of p, which is no valid UTF-8 there, Java
// replaces by one U+FFFD: as many as could begin a character, and a surrogate's three.
// (U+FFFD itself is replaced by itself.)
func replaced(p []byte) int {
	size, low, high := 1, byte(0x80), byte(0xbf)
	switch c := p[0]; {
	case c == 0xe0:
		size, low = 3, 0xa0
	case c > 0xe0 && c < 0xf0:
		size = 3
	case c == 0xf0:
		size, low = 4, 0x90
	case c > 0xf0 && c < 0xf4:
		size = 4
	case c == 0xf4:
		size, high = 4, 0x8f
	}
	n := 1
	for n < min(size, len(p)) && p[n] >= low && p[n] <= high {
		n++
		low, high = 0x80, 0xbf
	}
	return n
}

func appendSurrogate(b []byte, r rune) []byte {
	return append(b, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
}
