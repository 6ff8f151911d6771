package txnlog

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"gokeeper/server/proto"
	"gokeeper/server/vfs"
)

// Report is what Check found in a file.
type Report struct {
	Records     int // good ones
	First, Last proto.Zxid
	End         End
	Offset      int64           // where the records end
	Bad         []*CorruptError // checksum errors, all of them
	Gaps        []Gap           // zxids that do not follow the one before them
}

// Gap is a place where zxids are not contiguous, within an epoch or between two.
type Gap struct {
	Offset     int64
	Prev, Next proto.Zxid
}

// Check reads one file to its end. The error is nil even if records are damaged;
// it is a *CorruptError if the file cannot be read on. EndNoHeader is no error.
func Check(fs vfs.FS, path string, limit int) (Report, error) {
	var rep Report
	f, err := fs.Open(path)
	if err != nil {
		return rep, fmt.Errorf("open log: %w", err)
	}
	defer f.Close()
	s, err := NewScanner(f, path, limit)
	if errors.Is(err, ErrHeaderCut) {
		rep.End = EndNoHeader
		return rep, nil
	}
	if err != nil {
		return rep, err
	}
	for {
		rec, err := s.Next()
		rep.Offset = s.Offset()
		if errors.Is(err, io.EOF) {
			rep.End = s.End()
			return rep, nil
		}
		if err := rep.note(rec, err); err != nil {
			return rep, err
		}
	}
}

// note counts a record; it returns what cannot be passed over.
func (rep *Report) note(rec Record, err error) error {
	var bad *CorruptError
	if errors.Is(err, ErrChecksum) && errors.As(err, &bad) {
		rep.Bad = append(rep.Bad, bad)
		return nil
	}
	if err != nil {
		return err
	}
	if rep.Records == 0 {
		rep.First = rec.Zxid
	} else if rec.Zxid != rep.Last+1 {
		rep.Gaps = append(rep.Gaps, Gap{rec.Offset, rep.Last, rec.Zxid})
	}
	rep.Records++
	rep.Last = rec.Zxid
	return nil
}

// Repair copies the records of a file to w, with the checksums that their bytes give.
// each is called for every record, with its damage or nil; for a damaged one it says
// whether its checksum is to be corrected, otherwise it is copied as it is, and an error of
// it ends the copying. Repair corrects checksums, not data: the bytes remain as damaged as
// they are. The copy has no padding. It returns how many were corrected, and how many
// records there are.
//
// The copy must not keep a name of the form log.<zxid>.…, beside the original it
// would be read as a log too.
func Repair(fs vfs.FS, path string, w io.Writer, limit int, each func(Record, *CorruptError) (bool, error)) (fixed, n int, err error) {
	f, err := fs.Open(path)
	if err != nil {
		return 0, 0, fmt.Errorf("open log: %w", err)
	}
	defer f.Close()
	s, err := NewScanner(f, path, limit)
	if err != nil {
		return 0, 0, err
	}
	out := bufio.NewWriterSize(w, readSize)
	out.Write(AppendHeader(nil))
	for {
		rec, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *CorruptError
		if err != nil && !(errors.Is(err, ErrChecksum) && errors.As(err, &bad)) {
			return fixed, n, err
		}
		fix, err := each(rec, bad)
		if err != nil {
			return fixed, n, err
		}
		n++
		b := AppendRecord(nil, rec.Body)
		switch {
		case bad == nil:
		case fix:
			fixed++
		default:
			binary.BigEndian.PutUint64(b, rec.Sum)
		}
		out.Write(b)
	}
	if err := out.Flush(); err != nil {
		return fixed, n, fmt.Errorf("repair %s: %w", path, err)
	}
	return fixed, n, nil
}

// CopyUpTo copies the records of a file up to the zxid, which must be among them, to w. It
// returns how many records behind it were left out.
func CopyUpTo(fs vfs.FS, path string, w io.Writer, limit int, zxid proto.Zxid) (left int, err error) {
	f, err := fs.Open(path)
	if err != nil {
		return 0, fmt.Errorf("open log: %w", err)
	}
	defer f.Close()
	s, err := NewScanner(f, path, limit)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(w, readSize)
	out.Write(AppendHeader(nil))
	found := false
	for {
		rec, err := s.Next()
		switch {
		case errors.Is(err, ErrChecksum) && found:
			left++
		case errors.Is(err, io.EOF), err != nil && found: // damage behind the place does not matter
			if !found {
				return 0, fmt.Errorf("%s does not hold %v: take a zxid that `gokeeper log show` prints", path, zxid)
			}
			return left, out.Flush()
		case err != nil:
			return 0, err
		case rec.Zxid <= zxid:
			found = found || rec.Zxid == zxid
			out.Write(AppendRecord(nil, rec.Body))
		default:
			left++
		}
	}
}
