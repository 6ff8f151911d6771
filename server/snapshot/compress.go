package snapshot

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
)

// Compression is how a file is compressed. Readers go by the file's name.
type Compression int

// Compressions, as in zookeeper.snapshot.compression.method.
const (
	Plain Compression = iota
	Gzip
	Snappy
)

// Suffix returns what the file's name ends with, with its dot; "" for Plain.
func (c Compression) Suffix() string {
	switch c {
	case Gzip:
		return ".gz"
	case Snappy:
		return ".snappy"
	}
	return ""
}

// CompressionOf returns the compression that a file's name asks for: that of its
// last part, in any case.
func CompressionOf(name string) Compression {
	switch strings.ToLower(path.Ext(name)) {
	case ".gz":
		return Gzip
	case ".snappy":
		return Snappy
	}
	return Plain
}

// Detect returns the compression of what begins with the bytes, of which it wants eight,
// and Plain for what it does not know.
func Detect(begin []byte) Compression {
	switch {
	case bytes.HasPrefix(begin, []byte(gzipMagic)):
		return Gzip
	case bytes.HasPrefix(begin, snappyHeader[:snappyMagic]):
		return Snappy
	}
	return Plain
}

// gzipMagic begins a gzip file.
const gzipMagic = "\x1f\x8b"

// CompressionOfBytes returns the compression of a stream without a name by its first four
// bytes.
func CompressionOfBytes(head []byte) Compression {
	switch {
	case len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		return Gzip
	case len(head) >= 4 && [4]byte(head) == [4]byte(snappyHeader[:]):
		return Snappy
	}
	return Plain
}

// snappyHeader is the stream header of snappy-java, format version 1, readable by 1.
var snappyHeader = [16]byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1}

// snappyMagic is the length of the part that tells the format.
const snappyMagic = 8

// snappyBlock is how many bytes a block holds before compression, as in Java.
const snappyBlock = 32 << 10

// compressor returns a writer whose Close writes what is left; it does not close w.
func compressor(w io.Writer, c Compression) (io.WriteCloser, error) {
	switch c {
	case Plain:
		return nopCloser{w}, nil
	case Gzip:
		return gzip.NewWriter(w), nil
	case Snappy:
		if _, err := w.Write(snappyHeader[:]); err != nil {
			return nil, fmt.Errorf("write snapshot: %w", err)
		}
		return &snappyWriter{w: w, in: make([]byte, 0, snappyBlock)}, nil
	}
	return nil, fmt.Errorf("write snapshot: unknown compression %d", c)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// snappyWriter writes blocks of snappyBlock bytes, the last one shorter.
type snappyWriter struct {
	w   io.Writer
	in  []byte
	out []byte
}

func (s *snappyWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		k := min(len(p), snappyBlock-len(s.in))
		s.in = append(s.in, p[:k]...)
		p = p[k:]
		if len(s.in) == snappyBlock {
			if err := s.block(); err != nil {
				return n - len(p), err
			}
		}
	}
	return n, nil
}

func (s *snappyWriter) block() error {
	if s.out == nil {
		s.out = make([]byte, 4+snappy.MaxEncodedLen(snappyBlock))
	}
	body := snappy.Encode(s.out[4:], s.in)
	binary.BigEndian.PutUint32(s.out, uint32(len(body)))
	s.in = s.in[:0]
	_, err := s.w.Write(s.out[:4+len(body)])
	return err
}

func (s *snappyWriter) Close() error {
	if len(s.in) == 0 {
		return nil
	}
	return s.block()
}

// decompressor returns a reader of the uncompressed bytes.
func decompressor(r io.Reader, c Compression) (io.Reader, error) {
	switch c {
	case Gzip:
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, &CorruptError{Reason: fmt.Errorf("gzip: %w", err)}
		}
		return z, nil
	case Snappy:
		var head [len(snappyHeader)]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, &CorruptError{Reason: ErrShort, Detail: "snappy header: " + err.Error()}
		}
		if [snappyMagic]byte(head[:]) != [snappyMagic]byte(snappyHeader[:]) {
			return nil, &CorruptError{Reason: ErrMagic, Detail: fmt.Sprintf("snappy header % x", head[:snappyMagic])}
		}
		return &snappyReader{r: r}, nil
	}
	return r, nil
}

// snappyReader reads blocks of any size.
type snappyReader struct {
	r    io.Reader
	in   []byte
	buf  []byte
	left []byte // of the decoded block
}

func (s *snappyReader) Read(p []byte) (int, error) {
	for len(s.left) == 0 {
		if err := s.block(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

// block reads and decodes the next block; io.EOF is a proper end.
func (s *snappyReader) block() error {
	var head [4]byte
	if _, err := io.ReadFull(s.r, head[:]); err != nil {
		return err // io.ErrUnexpectedEOF for a part of it
	}
	n := int32(binary.BigEndian.Uint32(head[:]))
	if n < 0 {
		return fmt.Errorf("snappy block: %w %d", ErrLength, n)
	}
	if err := s.fill(int(n)); err != nil {
		return err
	}
	size, err := snappy.DecodedLen(s.in)
	// The densest block says "copy 64 bytes" with 3; more is a lie about the size.
	if err != nil || size > 32*len(s.in) {
		return fmt.Errorf("snappy block: %w %d of %d bytes", ErrLength, size, len(s.in))
	}
	if cap(s.buf) < size {
		s.buf = make([]byte, size)
	}
	s.left, err = snappy.Decode(s.buf[:cap(s.buf)], s.in)
	if err != nil {
		return fmt.Errorf("snappy block: %w", err)
	}
	return nil
}

// fill reads the n bytes of a block. It does not trust n for the allocation.
func (s *snappyReader) fill(n int) error {
	const step = 1 << 20
	s.in = s.in[:0]
	for len(s.in) < n {
		at, k := len(s.in), min(n-len(s.in), step)
		if cap(s.in) < at+k {
			s.in = append(s.in, make([]byte, k)...)
		}
		s.in = s.in[:at+k]
		if _, err := io.ReadFull(s.r, s.in[at:]); err != nil {
			return io.ErrUnexpectedEOF
		}
	}
	return nil
}
