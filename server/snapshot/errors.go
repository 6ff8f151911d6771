package snapshot

import (
	"errors"
	"fmt"
)

// Reasons of a [CorruptError], for errors.Is.
var (
	// ErrMagic says that a file does not begin with a snapshot's header.
	ErrMagic = errors.New("not a snapshot")
	// ErrShort says that a snapshot ends too early.
	ErrShort = errors.New("snapshot is incomplete")
	// ErrLength says that a string, buffer or count has an impossible length.
	ErrLength = errors.New("unreasonable length")
	// ErrSeal says that a checksum does not fit the bytes before it.
	ErrSeal = errors.New("CRC corruption")
	// ErrSignature says that a stream does not end with its signature.
	ErrSignature = errors.New("wrong signature at the end of the stream")
	// ErrRecord says that a record cannot be part of a tree.
	ErrRecord = errors.New("record does not fit")
)

// CorruptError says that a snapshot cannot be used, where, and why.
type CorruptError struct {
	Offset int64 // in the uncompressed bytes
	Reason error // one of the errors above, or an error of the decompressor
	Detail string
}

// Error returns one line with all fields.
func (e *CorruptError) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("offset %d: %v", e.Offset, e.Reason)
	}
	return fmt.Sprintf("offset %d: %v: %s", e.Offset, e.Reason, e.Detail)
}

// Unwrap returns the reason.
func (e *CorruptError) Unwrap() error { return e.Reason }
