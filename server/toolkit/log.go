package toolkit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
)

// LogOptions say how a log is shown. The zero value is Java's text of all records.
type LogOptions struct {
	JSON     bool
	From, To proto.Zxid // records below From or above To are left out; 0 is no bound
	Zone     *time.Location
	Limit    int             // longest record that is read, in bytes; 0 is jute.DefaultLimit
	Progress func(off int64) // told now and then how far the file was read; may be nil
}

// DumpLog writes the records of one file to w and returns how many there are and how the
// file ends. A record with a wrong checksum is shown and marked; the error is a
// *txnlog.CorruptError when the file cannot be read on.
func DumpLog(w io.Writer, fsys vfs.FS, path string, opt LogOptions) (n int, end txnlog.End, err error) {
	f, err := fsys.Open(path)
	if err != nil {
		return 0, 0, fmt.Errorf("open log: %w", err)
	}
	defer f.Close()
	s, err := txnlog.NewScanner(f, path, opt.Limit)
	if err != nil {
		return 0, 0, err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	defer func() { err = errors.Join(err, out.Flush()) }()
	d := logDump{out: out, opt: opt}
	d.head(s)
	for {
		rec, err := s.Next()
		if errors.Is(err, io.EOF) {
			d.end(s, path)
			return d.n, s.End(), nil
		}
		if err := d.record(&rec, err); err != nil {
			return d.n, 0, err
		}
		if opt.Progress != nil && d.n%256 == 0 {
			opt.Progress(s.Offset())
		}
	}
}

// logDump is one run of DumpLog.
type logDump struct {
	out *bufio.Writer
	opt LogOptions
	n   int
}

// head shows the file's header, whose fields nobody checks but for the first.
func (d *logDump) head(s *txnlog.Scanner) {
	if d.opt.JSON {
		return
	}
	version, dbid := s.Header()
	fmt.Fprintf(d.out, "ZooKeeper Transactional Log File with dbid %d txnlog format version %d\n", dbid, version)
}

func (d *logDump) end(s *txnlog.Scanner, path string) {
	if d.opt.JSON {
		writeJSON(d.out, jsonEnd{File: path, Records: d.n, End: s.End().String(), Offset: s.Offset()})
		return
	}
	if s.End() != txnlog.EndPartial {
		fmt.Fprintf(d.out, "EOF reached after %d txns.\n", d.n)
	}
}

// record shows a record; what kept it from being read may only be its checksum.
func (d *logDump) record(rec *txnlog.Record, err error) error {
	wrong := errors.Is(err, txnlog.ErrChecksum)
	if err != nil && !wrong {
		return err
	}
	d.n++
	if rec.Zxid < d.opt.From || d.opt.To > 0 && rec.Zxid > d.opt.To {
		return nil
	}
	t, err := txn.Decode(rec.Body, max(len(rec.Body), d.opt.Limit))
	switch {
	case d.opt.JSON:
		writeJSON(d.out, newJSONTxn(rec, &t, wrong, err))
		return nil
	case err != nil:
		return &txnlog.CorruptError{
			File: rec.File, Offset: rec.Offset, Reason: err, Detail: "zxid " + rec.Zxid.String(),
			Remedy: "show it with --json, and see `gokeeper log repair`",
		}
	}
	line := Line(&t, d.opt.Zone)
	if wrong {
		fmt.Fprintf(d.out, "CRC ERROR - %s\n", line)
	}
	fmt.Fprintln(d.out, line)
	return nil
}

// Chop writes the records of a log up to and including the zxid, which must be followed
// by another, to a new file beside it: name.chopped<zxid>, the number being decimal. It
// prints what TxnLogToolkit -c prints.
func Chop(w io.Writer, fsys vfs.FS, path string, zxid proto.Zxid) error {
	f, err := fsys.Open(path)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer f.Close()
	s, err := txnlog.NewScanner(f, path, 0)
	if err != nil {
		return err
	}
	out, err := fsys.Create(fmt.Sprintf("%s.chopped%d", path, int64(zxid)))
	if err != nil {
		return fmt.Errorf("create the chopped log: %w", err)
	}
	c := chop{w: w, zxid: zxid, out: bufio.NewWriter(io.NewOffsetWriter(out, 0))}
	version, dbid := s.Header()
	fmt.Fprintf(w, "ZooKeeper Transactional Log File with dbid %d txnlog format version %d\n", dbid, version)
	err = errors.Join(c.run(s), c.out.Flush(), out.Sync(), out.Close())
	if errors.Is(err, errNotChopped) {
		fmt.Fprintf(w, "Got exception: Failed to chop %s\n", filepath.Base(path))
	}
	return err
}

// errNotChopped says that the log has no such place.
var errNotChopped = errors.New("the log does not contain the zxid with another behind it")

type chop struct {
	w    io.Writer
	out  *bufio.Writer
	zxid proto.Zxid
	last proto.Zxid
	n    int
}

func (c *chop) run(s *txnlog.Scanner) error {
	c.out.Write(txnlog.AppendHeader(nil))
	for {
		rec, err := s.Next()
		switch {
		case errors.Is(err, io.EOF):
			fmt.Fprintf(c.w, "EOF reached after %d txns.\n", c.n)
			return errNotChopped
		case err != nil:
			return err
		case rec.Zxid > c.zxid && c.n > 0 && c.last == c.zxid:
			fmt.Fprintf(c.w, "Chopping at %x new log has %d records\n", uint64(c.zxid), c.n)
			return nil
		case rec.Zxid > c.zxid:
			fmt.Fprintf(c.w, "This log does not contain zxid %x\n", uint64(c.zxid))
			return errNotChopped
		}
		c.gap(rec.Zxid)
		c.n, c.last = c.n+1, rec.Zxid
		c.out.Write(txnlog.AppendRecord(nil, rec.Body))
	}
}

// gap says where zxids are missing.
func (c *chop) gap(next proto.Zxid) {
	if c.n == 0 || next == c.last+1 {
		return
	}
	kind := "intra-epoch"
	if next.Epoch() != c.last.Epoch() {
		kind = "inter-epoch"
	}
	fmt.Fprintf(c.w, "There is %s gap between %x and %x\n", kind, uint64(c.last), uint64(next))
}
