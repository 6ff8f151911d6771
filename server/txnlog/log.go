package txnlog

import (
	"fmt"
	"path/filepath"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/vfs"
)

// Sizes of the stretches that are filled with zeros ahead of the records, and of
// the buffer that is kept between batches.
const (
	firstStretch = 64 << 10
	lastStretch  = 1 << 20
	keepBuffer   = 4 << 20
)

// DefaultPreAllocSize is Java's zookeeper.preAllocSize, in bytes.
const DefaultPreAllocSize = 64 << 20

// padMargin is how close to the visible size a record may begin before the file is
// made longer.
const padMargin = 4096

// Options of a log. The zero value is Java's defaults.
type Options struct {
	// PreAllocSize is the step in which the visible size of a file grows, in bytes.
	// 0 is DefaultPreAllocSize, negative is no padding at all.
	PreAllocSize int64
	// SizeLimit ends a file at the first Sync after which its visible size, padding
	// included, is above it, in bytes (zookeeper.txnLogSizeLimitInKb). 0 or negative
	// is no limit.
	SizeLimit int64
	// Limit is the longest body that Append takes, in bytes; 0 is jute.DefaultLimit.
	// Java does not read back longer ones than its own limit.
	Limit int
	// NoSync leaves the data to the operating system (zookeeper.forceSync=no). What
	// was acknowledged can be lost in a power failure.
	NoSync bool
}

// Log appends records. The first Append after Open or Roll begins a new file, named
// by that record; an existing file of that name is emptied. A Log belongs to one
// goroutine.
type Log struct {
	fs  vfs.FS
	dir string
	opt Options

	file    vfs.File // nil between files
	path    string
	name    proto.Zxid // of the file that the buffered records go to
	last    proto.Zxid // appended
	buf     []byte     // records that are not written yet
	pos     int64      // end of what was written
	durable int64      // end of what was synced
	size    int64      // size with padding, as soon as the buffer is written; 0 between files
	grown   int64      // size that the file has now
	filled  int64      // up to here the file holds records or real zeros
	zeros   []byte     // what the space ahead is filled with
	err     error      // first failure
}

// Open returns a log that begins a new file in the directory with its first record.
// It reads and creates nothing.
func Open(fs vfs.FS, dir string, opt Options) *Log {
	if opt.PreAllocSize == 0 {
		opt.PreAllocSize = DefaultPreAllocSize
	}
	if opt.Limit <= 0 {
		opt.Limit = jute.DefaultLimit
	}
	return &Log{fs: fs, dir: dir, opt: opt}
}

// Append buffers the record of a transaction; the body is copied. Nothing is
// written before Sync. An ErrTooLong is the caller's mistake and leaves the log as
// it was; any other error is final.
func (l *Log) Append(zxid proto.Zxid, body []byte) error {
	if l.err != nil {
		return l.err
	}
	if len(body) > l.opt.Limit || len(body) < minBody {
		return fmt.Errorf("append %v: %w: %d bytes of at most %d", zxid, ErrTooLong, len(body), l.opt.Limit)
	}
	if l.size == 0 {
		l.name, l.size = zxid, HeaderSize
	}
	// As in Java, the position is that of the last batch's end.
	if l.opt.PreAllocSize > 0 && max(l.pos, HeaderSize)+padMargin >= l.size {
		l.pad()
	}
	l.buf = AppendRecord(l.buf, body)
	l.last = zxid
	return nil
}

// pad makes the file one step longer; behind a batch that overran the last step, up
// to a multiple of it.
func (l *Log) pad() {
	pre := l.opt.PreAllocSize
	if l.pos > l.size {
		l.size = (l.pos + pre) / pre * pre
		return
	}
	l.size += pre
}

// Size returns the size of the current file, padding included, or 0 before its
// first record.
func (l *Log) Size() int64 { return max(l.size, l.pos) }

// Pending returns how many bytes wait for Sync.
func (l *Log) Pending() int { return len(l.buf) }

// Last returns the zxid that was appended last, 0 if there was none.
func (l *Log) Last() proto.Zxid { return l.last }

// Sync writes what was appended, with one write, and makes it durable. If it fails
// the state on disk is unknown.
func (l *Log) Sync() error {
	if l.err == nil {
		l.err = l.sync()
	}
	if l.err == nil && l.opt.SizeLimit > 0 && l.Size() > l.opt.SizeLimit {
		l.err = l.finish()
	}
	return l.err
}

// Roll makes what was appended durable and ends the file; the next record begins
// another. It does nothing between files.
func (l *Log) Roll() error {
	if l.err == nil {
		l.err = l.sync()
	}
	if l.err == nil {
		l.err = l.finish()
	}
	return l.err
}

// Close makes what was appended durable and closes the file. Later calls fail with
// ErrClosed. After a failure it only closes the file and returns that failure.
func (l *Log) Close() error {
	err := l.Roll()
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
	if err == nil {
		l.err = ErrClosed
	}
	if err == ErrClosed {
		return nil
	}
	return err
}

func (l *Log) sync() error {
	if len(l.buf) == 0 {
		return nil
	}
	if l.file == nil {
		if err := l.create(); err != nil {
			return err
		}
	}
	err := l.write()
	if l.opt.NoSync {
		return err
	}
	if err == nil {
		if err = l.file.SyncData(); err != nil {
			err = fmt.Errorf("sync %s: %w", l.path, err)
		}
	}
	if err != nil {
		l.retreat()
		return err
	}
	l.durable = l.pos
	return nil
}

// retreat cuts off what was written and is not durable. Otherwise the next start would find
// it, still in memory of the operating system, and take it for durable: that does not write
// again what it could not. If this fails too, nothing is left to try.
func (l *Log) retreat() {
	if l.file.Truncate(l.durable) == nil {
		_ = l.file.Sync() // the error that counts is the first
	}
}

// create begins the file. The header is durable before the file is made longer:
// else a crash could leave a long file of zeros without one, which Java refuses.
func (l *Log) create() error {
	l.path = filepath.Join(l.dir, Name(l.name))
	f, err := l.fs.Create(l.path)
	if err != nil {
		return fmt.Errorf("create log: %w", err)
	}
	l.file, l.pos, l.durable, l.filled, l.grown = f, HeaderSize, HeaderSize, HeaderSize, HeaderSize
	if err := l.head(); err != nil {
		// Nothing was acknowledged that it holds. The next start would find its header, still
		// in memory of the operating system, and begin another file; without power the first
		// would be one without a header that is not the newest.
		if l.fs.Remove(l.path) == nil {
			_ = l.fs.SyncDir(l.dir) // the error that counts is the first
		}
		return fmt.Errorf("create %s: %w", l.path, err)
	}
	return nil
}

// head makes the header durable, and the name.
func (l *Log) head() error {
	if _, err := l.file.WriteAt(AppendHeader(nil), 0); err != nil || l.opt.NoSync {
		return err
	}
	if err := l.file.SyncData(); err != nil {
		return err
	}
	return l.fs.SyncDir(l.dir)
}

// write writes the buffer behind what was written, and prepares the space behind it.
func (l *Log) write() error {
	end := l.pos + int64(len(l.buf))
	if l.size > l.grown {
		if err := l.file.Truncate(l.size); err != nil {
			return fmt.Errorf("preallocate %s: %w", l.path, err)
		}
		l.grown = l.size
	}
	if _, err := l.file.WriteAt(l.buf, l.pos); err != nil {
		return fmt.Errorf("write %s: %w", l.path, err)
	}
	l.pos = end
	if l.buf = l.buf[:0]; cap(l.buf) > keepBuffer {
		l.buf = nil
	}
	l.grown = max(l.grown, end)
	return l.fill()
}

// fill writes zeros behind the records when the last stretch is used up. The length
// follows the file's, so that small logs stay small.
func (l *Log) fill() error {
	if l.pos <= l.filled {
		return nil
	}
	n := max(0, min(max(l.pos, firstStretch), lastStretch, l.size-l.pos))
	if n > 0 {
		if int64(len(l.zeros)) < n {
			l.zeros = make([]byte, n)
		}
		if _, err := l.file.WriteAt(l.zeros[:n], l.pos); err != nil {
			return fmt.Errorf("preallocate %s: %w", l.path, err)
		}
	}
	l.filled = l.pos + n
	return nil
}

// finish closes the file, everything in it being durable.
func (l *Log) finish() error {
	l.size, l.pos, l.grown = 0, 0, 0
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file = nil
	if err := f.Close(); err != nil {
		return fmt.Errorf("close %s: %w", l.path, err)
	}
	return nil
}
