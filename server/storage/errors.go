package storage

import (
	"errors"
	"fmt"

	"gokeeper/server/proto"
)

// Errors of opening a data directory.
var (
	// ErrMissing says that a directory is not there and must not be created.
	ErrMissing = errors.New("missing data directory")
	// ErrMixed says that snapshots lie among logs or logs among snapshots although
	// their directories differ: the configuration names the wrong ones.
	ErrMixed = errors.New("check if dataLogDir and dataDir configuration is correct")
	// ErrInUse says that another server works on the directory.
	ErrInUse = errors.New("directory is in use by another server")
)

// Errors of loading.
var (
	// ErrNoSnapshot says that there are logs, or damaged snapshots, and no snapshot to
	// begin with.
	ErrNoSnapshot = errors.New("no usable snapshot")
	// ErrHole says that the log does not reach back to the older snapshot that is
	// left after newer ones turned out to be damaged.
	ErrHole = errors.New("the log does not follow the snapshot")
	// ErrEpoch says that the epoch files contradict each other or the log.
	ErrEpoch = errors.New("epoch files do not fit")
	// ErrNoBase says that the history cannot be cut because every snapshot holds more.
	ErrNoBase = errors.New("no snapshot is old enough")
	// ErrNoHistory says that the log on disk does not reach back to a zxid without a
	// hole, or that a snapshot is shorter than what the log holds from there on.
	ErrNoHistory = errors.New("the log does not serve for a synchronisation")
)

// LoadError says why a data directory cannot be loaded.
type LoadError struct {
	Reason error
	Text   string // Java's words where it has some
	Remedy string // what an operator can do
}

// Error returns one line with all fields.
func (e *LoadError) Error() string { return fmt.Sprintf("%s (%s)", e.Text, e.Remedy) }

// Unwrap returns the reason.
func (e *LoadError) Unwrap() error { return e.Reason }

// ReplayError says that a record of the log is sound and still no transaction.
type ReplayError struct {
	File   string
	Offset int64
	Zxid   proto.Zxid
	Err    error
}

// Error returns one line with all fields.
func (e *ReplayError) Error() string {
	return fmt.Sprintf("transaction log %s, offset %d, zxid %v: %v (written by another version? "+
		"start that version, or restore this server from its ensemble or a backup)", e.File, e.Offset, e.Zxid, e.Err)
}

// Unwrap returns the cause.
func (e *ReplayError) Unwrap() error { return e.Err }

const remedyRestore = "ensemble member: move the data directories away and restart, it is synchronised from the others; " +
	"otherwise restore a backup"
