package txnlog

import (
	"errors"
	"fmt"

	"gokeeper/server/proto"
)

// Reasons of a [CorruptError] and causes of other errors, for errors.Is.
var (
	// ErrMagic says that a file does not begin with a log's header.
	ErrMagic = errors.New("not a transaction log")
	// ErrHeaderCut says that a file which is not the newest is shorter than a
	// header. Java refuses such a directory too.
	ErrHeaderCut = errors.New("file ends inside its header")
	// ErrChecksum says that a record's end byte is right and its checksum is not.
	ErrChecksum = errors.New("CRC check failed")
	// ErrLength says that a record has a length that no record can have.
	ErrLength = errors.New("unreasonable length")
	// ErrGap says that a zxid does not follow the one before it in the same epoch.
	ErrGap = errors.New("transactions are missing")
	// ErrTooLong says that a transaction is longer than Java would read back.
	ErrTooLong = errors.New("transaction is too long for the log")
	// ErrClosed says that the log was closed.
	ErrClosed = errors.New("log is closed")
)

// CorruptError says that a log cannot be read on, where, and why.
type CorruptError struct {
	File   string // path
	Offset int64  // of the record, or 0 for the file's header
	Reason error  // one of ErrMagic, ErrHeaderCut, ErrChecksum, ErrLength, ErrGap
	Detail string // the values that were met
	Remedy string // what an operator can do
}

// Error returns one line with all fields.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("transaction log %s, offset %d: %v: %s (%s)", e.File, e.Offset, e.Reason, e.Detail, e.Remedy)
}

// Unwrap returns the reason.
func (e *CorruptError) Unwrap() error { return e.Reason }

// Remedies. A member of an ensemble gets its state from the others; a lone server
// has nothing but its files.
const (
	remedyRecord = "ensemble member: move the data directories away and restart, it is synchronised from the others; " +
		"otherwise restore a backup, or repair the log offline, which keeps the damaged bytes"
	remedyFile = "move the file away if it is not a log of this server"
	remedyGap  = "a log file is missing: put it back, or restore this server from its ensemble or a backup"
	remedyCut  = "a crash leaves such a file only as the newest: remove it if it holds nothing that is needed"
)

func gapError(file string, off int64, prev, next proto.Zxid) *CorruptError {
	return &CorruptError{
		File: file, Offset: off, Reason: ErrGap, Remedy: remedyGap,
		Detail: fmt.Sprintf("%v is not the next proposal of %v", next, prev),
	}
}
