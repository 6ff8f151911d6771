package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"gokeeper/server/proto"
	"gokeeper/server/vfs"
)

// Names of the epoch files, and what their unfinished replacements end with. Java
// looks for currentEpoch.tmp too.
const (
	acceptedEpoch = "acceptedEpoch"
	currentEpoch  = "currentEpoch"
	tmpSuffix     = ".tmp"
)

// Epochs is what an ensemble member remembers about epochs.
type Epochs struct {
	Accepted int64 // highest epoch that it promised to follow
	Current  int64 // epoch whose leader's history it has
	// Repaired says that currentEpoch was behind the log and was raised: the server
	// had stopped after it synced transactions of that epoch.
	Repaired bool
}

// LoadEpochs reads the epoch files of a history that ends with last, as an ensemble
// member does at its start. A missing file is created. An ErrEpoch means that the
// files come from somewhere else.
//
// Java refuses to start when currentEpoch is behind the log, unless currentEpoch.tmp
// exists. A crash during synchronisation leaves that state and it is harmless: who
// has a transaction of an epoch has the whole history that the epoch began with.
// Here currentEpoch is raised if acceptedEpoch allows it.
func (d *Dir) LoadEpochs(last proto.Zxid) (Epochs, error) {
	var e Epochs
	var err error
	lastEpoch := last.Epoch()
	if e.Current, err = d.epochOr(currentEpoch, lastEpoch); err != nil {
		return e, err
	}
	if e.Accepted, err = d.epochOr(acceptedEpoch, max(lastEpoch, e.Current)); err != nil {
		return e, err
	}
	if lastEpoch > e.Current {
		if err := d.raiseCurrent(&e, last); err != nil {
			return e, err
		}
	}
	if e.Accepted < e.Current {
		return e, &LoadError{ErrEpoch, fmt.Sprintf("The accepted epoch, %d is less than the current epoch, %d", e.Accepted, e.Current), remedyRestore}
	}
	return e, nil
}

// raiseCurrent finishes what a crash has left.
func (d *Dir) raiseCurrent(e *Epochs, last proto.Zxid) error {
	next := last.Epoch()
	if tmp, err := d.readEpoch(currentEpoch + tmpSuffix); err == nil && tmp > next && tmp <= e.Accepted {
		next = tmp
	}
	if next > e.Accepted {
		return &LoadError{ErrEpoch, fmt.Sprintf("The current epoch, %d, is older than the last zxid, %d", e.Current, int64(last)), remedyRestore}
	}
	e.Current, e.Repaired = next, true
	return d.SetCurrentEpoch(next)
}

// AcceptedEpoch reads acceptedEpoch; the error is fs.ErrNotExist if there is none.
func (d *Dir) AcceptedEpoch() (int64, error) { return d.readEpoch(acceptedEpoch) }

// CurrentEpoch reads currentEpoch; the error is fs.ErrNotExist if there is none.
func (d *Dir) CurrentEpoch() (int64, error) { return d.readEpoch(currentEpoch) }

// SetAcceptedEpoch replaces acceptedEpoch; it is durable on return.
func (d *Dir) SetAcceptedEpoch(e int64) error { return d.writeEpoch(acceptedEpoch, e) }

// SetCurrentEpoch replaces currentEpoch; it is durable on return.
func (d *Dir) SetCurrentEpoch(e int64) error { return d.writeEpoch(currentEpoch, e) }

func (d *Dir) epochOr(name string, missing int64) (int64, error) {
	e, err := d.readEpoch(name)
	if errors.Is(err, fs.ErrNotExist) {
		return missing, d.writeEpoch(name, missing)
	}
	return e, err
}

// readEpoch reads the first line, which is a decimal number and nothing else.
func (d *Dir) readEpoch(name string) (int64, error) {
	path := filepath.Join(d.snapDir, name)
	b, err := vfs.ReadFile(d.fs, path)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", name, err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	line = strings.TrimSuffix(line, "\r")
	e, err := strconv.ParseInt(line, 10, 64)
	if err == nil {
		return e, nil
	}
	if len(b) == 0 {
		line = "null"
	}
	return 0, &LoadError{ErrEpoch, fmt.Sprintf("Found %s in %s", line, path), remedyRestore}
}

func (d *Dir) writeEpoch(name string, e int64) error {
	// vfs replaces the file by way of NAME.tmp, as Java does.
	if err := vfs.WriteFile(d.fs, filepath.Join(d.snapDir, name), []byte(strconv.FormatInt(e, 10))); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
