package txnlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"io"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// Record is a transaction as it stands in a file.
type Record struct {
	Zxid   proto.Zxid
	Body   []byte // as package txn encodes it; the receiver owns it
	Sum    uint64 // checksum as it stands in the file
	File   string // path
	Offset int64  // of the record in the file
	// Repeated says that the zxid is not higher than one that was read before. Java
	// applies such a transaction again and logs an error.
	Repeated bool
}

// End says how a file ends.
type End int

// Ends of files. All of them are normal, in any file.
const (
	EndOfFile   End = iota // fewer than 12 bytes are left
	EndPadding             // a length of 0
	EndCut                 // the end of the file cuts a record
	EndPartial             // the last byte of a record is not 0x42
	EndNoHeader            // nothing was written: a crash at creation
)

// String returns the end in words.
func (e End) String() string {
	switch e {
	case EndOfFile:
		return "end of file"
	case EndPadding:
		return "zero padding"
	case EndCut:
		return "record cut by end of file"
	case EndPartial:
		return "record without the 0x42 end byte"
	case EndNoHeader:
		return "empty file"
	}
	return fmt.Sprintf("end %d", int(e))
}

// readSize is how much is read from a file at once.
const readSize = 256 << 10

// Scanner reads the records of one file. It is not safe for concurrent use.
type Scanner struct {
	r     io.ReaderAt
	path  string
	limit int
	off   int64 // of the next record
	end   End
	head  [HeaderSize]byte

	buf  []byte // what was read last
	base int64  // its offset in the file
	eof  bool   // nothing follows behind buf
}

// NewScanner returns a scanner of the file and checks its header; path is for
// errors. limit is the longest body in bytes, 0 is jute.DefaultLimit. A file that
// is empty, or that holds nothing but zeros or a part of the header, gives ErrHeaderCut.
func NewScanner(r io.ReaderAt, path string, limit int) (*Scanner, error) {
	if limit <= 0 {
		limit = jute.DefaultLimit
	}
	s := &Scanner{r: r, path: path, limit: limit}
	head, err := s.peek(HeaderSize)
	if err != nil {
		return nil, err
	}
	if len(head) < HeaderSize {
		return nil, s.corrupt(ErrHeaderCut, remedyCut, "it has %d bytes", len(head))
	}
	if m := binary.BigEndian.Uint32(head); m != magic {
		return nil, s.magic(m)
	}
	copy(s.head[:], head)
	s.off = HeaderSize
	return s, nil
}

// magic returns the error for a wrong magic number: that of a cut header if the
// crash at creation left only zeros.
func (s *Scanner) magic(m uint32) error {
	for at := int64(0); ; at += readSize {
		s.off = at
		p, err := s.peek(readSize)
		if err != nil {
			return err
		}
		for _, c := range p {
			if c != 0 {
				s.off = 0
				return s.corrupt(ErrMagic, remedyFile, "invalid magic number %d != %d", m, magic)
			}
		}
		if len(p) < readSize {
			s.off = 0
			return s.corrupt(ErrHeaderCut, remedyCut, "it holds nothing but zeros")
		}
	}
}

// Header returns the fields of the file's header behind the magic number. Nobody goes by
// them, as in Java.
func (s *Scanner) Header() (version int32, dbid int64) {
	return int32(binary.BigEndian.Uint32(s.head[4:])), int64(binary.BigEndian.Uint64(s.head[8:]))
}

// End says how the file ends; valid once Next has returned io.EOF.
func (s *Scanner) End() End { return s.end }

// Offset returns where the next record begins or would begin.
func (s *Scanner) Offset() int64 { return s.off }

// Next returns the next record, io.EOF at the end of the file, or a *CorruptError.
// After one with ErrChecksum the damaged record is passed over and Next may be
// called again, as tools do; the damaged record is returned with that error.
func (s *Scanner) Next() (Record, error) {
	head, err := s.peek(recordHead)
	if err != nil {
		return Record{}, err
	}
	if len(head) < recordHead {
		return s.ended(EndOfFile)
	}
	sum, n := binary.BigEndian.Uint64(head), int32(binary.BigEndian.Uint32(head[8:]))
	if n == 0 {
		return s.ended(EndPadding)
	}
	if n < 0 || int(n) > s.limit {
		return Record{}, s.corrupt(ErrLength, remedyRecord, "%d", n)
	}
	p, err := s.peek(int(n) + Overhead)
	if err != nil {
		return Record{}, err
	}
	if len(p) < int(n)+Overhead {
		return s.ended(EndCut)
	}
	if p[len(p)-1] != endByte {
		return s.ended(EndPartial)
	}
	return s.record(sum, p[recordHead:len(p)-1])
}

func (s *Scanner) ended(e End) (Record, error) {
	s.end = e
	return Record{}, io.EOF
}

// record checks a body whose end byte is right and passes over it.
func (s *Scanner) record(sum uint64, body []byte) (Record, error) {
	if len(body) < minBody {
		return Record{}, s.corrupt(ErrLength, remedyRecord, "%d bytes are no transaction", len(body))
	}
	r := Record{Zxid: bodyZxid(body), Sum: sum, Body: append([]byte(nil), body...), File: s.path, Offset: s.off}
	var err error
	if got := uint64(adler32.Checksum(body)); got != sum {
		err = s.corrupt(ErrChecksum, remedyRecord, "checksum is 0x%x, the bytes give 0x%x", sum, got)
	}
	s.off += int64(len(body)) + Overhead
	return r, err
}

// skip passes over records below the zxid without copying them. It leaves what is
// not a good record to Next.
func (s *Scanner) skip(from proto.Zxid) error {
	for {
		p, err := s.peek(recordHead + minBody)
		if err != nil || len(p) < recordHead+minBody {
			return err
		}
		n := int32(binary.BigEndian.Uint32(p[8:]))
		if n < minBody || int(n) > s.limit || bodyZxid(p[recordHead:]) >= from {
			return nil
		}
		sum := binary.BigEndian.Uint64(p)
		p, err = s.peek(int(n) + Overhead)
		if err != nil || len(p) < int(n)+Overhead || p[len(p)-1] != endByte ||
			uint64(adler32.Checksum(p[recordHead:len(p)-1])) != sum {
			return err
		}
		s.off += int64(n) + Overhead
	}
}

// peek returns the n bytes at s.off, fewer at the end of the file. They are valid
// until the next call.
func (s *Scanner) peek(n int) ([]byte, error) {
	at := s.off - s.base
	if at < 0 || at > int64(len(s.buf)) || (int64(len(s.buf))-at < int64(n) && !s.eof) {
		if err := s.fill(n); err != nil {
			return nil, err
		}
		at = 0
	}
	p := s.buf[at:]
	return p[:min(n, len(p))], nil
}

// fill reads at least n bytes from s.off on, if the file has them.
func (s *Scanner) fill(n int) error {
	size := max(n, readSize)
	if cap(s.buf) < size {
		s.buf = make([]byte, size)
	}
	k, err := s.r.ReadAt(s.buf[:size], s.off)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s at %d: %w", s.path, s.off, err)
	}
	s.buf, s.base, s.eof = s.buf[:k], s.off, err != nil
	return nil
}

func (s *Scanner) corrupt(reason error, remedy, format string, args ...any) error {
	return &CorruptError{File: s.path, Offset: s.off, Reason: reason, Remedy: remedy, Detail: fmt.Sprintf(format, args...)}
}
