package storage

import (
	"errors"
	"fmt"
	"path/filepath"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/txnlog"
)

// Truncate cuts the history behind the zxid, as a leader demands with TRUNC, and
// makes that durable: snapshots that hold more go first, then the log. The caller
// loads again, and must find that the history now ends with the zxid: if it does
// not, the zxid was not part of it. ErrNoBase means that every snapshot holds more;
// nothing was changed then, and the server needs a snapshot of the leader.
//
// Java keeps the snapshots and loads them again.
func (d *Dir) Truncate(zxid proto.Zxid) (txnlog.Truncation, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	newer, err := d.newerThan(zxid)
	if err != nil {
		return txnlog.Truncation{}, err
	}
	return d.cut(zxid, newer)
}

// Replace makes the source the state of the zxid, as after a leader's SNAP. Nothing of what
// the log and the snapshots held is left: it belongs to another history, or there is a hole
// between it and the snapshot. The log goes on in a new file. A crash leaves either all of
// the old or the new: once the snapshot is durable under a name of its own, Open finishes
// what is left to do.
func (d *Dir) Replace(zxid proto.Zxid, src snapshot.Source) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.log.Close(); err != nil {
		return "", err
	}
	name := snapshot.Name(zxid, d.opt.Snapshot.Compression)
	if _, err := d.writeAs(replacing+name, src); err != nil {
		return "", err
	}
	d.base = zxid
	if err := d.finishReplacement(name); err != nil {
		return "", err
	}
	d.log = txnlog.Open(d.fs, d.logDir, d.opt.Log)
	return filepath.Join(d.snapDir, name), nil
}

// finishReplacement removes all snapshots and logs, and gives the one that replaces them
// its name.
func (d *Dir) finishReplacement(name string) error {
	snapshots, err := d.Snapshots()
	if err != nil {
		return err
	}
	var old []string
	for _, f := range snapshots {
		old = append(old, filepath.Join(d.snapDir, f.Name))
	}
	if _, err := d.remove(nil, old); err != nil {
		return err
	}
	logs, err := txnlog.Files(d.fs, d.logDir)
	if err != nil {
		return err
	}
	old = nil
	for _, f := range logs {
		old = append(old, filepath.Join(d.logDir, f.Name))
	}
	if _, err := d.remove(nil, old); err != nil {
		return err
	}
	return d.rename(replacing+name, name)
}

// cut removes the snapshots and what the log holds beyond the zxid.
func (d *Dir) cut(zxid proto.Zxid, snapshots []string) (txnlog.Truncation, error) {
	if err := d.log.Close(); err != nil {
		return txnlog.Truncation{}, err
	}
	if _, err := d.remove(nil, snapshots); err != nil {
		return txnlog.Truncation{}, err
	}
	t, err := txnlog.Truncate(d.fs, d.logDir, zxid, d.opt.Log.Limit)
	if err != nil {
		return t, err
	}
	d.log = txnlog.Open(d.fs, d.logDir, d.opt.Log)
	return t, nil
}

// newerThan returns the paths of the snapshots that hold transactions above the
// zxid, the newest first. Names tell most of them; one that was written while
// transactions were applied can hold more than its name says.
func (d *Dir) newerThan(zxid proto.Zxid) ([]string, error) {
	files, err := d.Snapshots()
	if err != nil {
		return nil, err
	}
	var newer []string
	for _, f := range files {
		if f.Zxid <= zxid {
			ok, err := d.isBase(f, zxid)
			if err != nil {
				return nil, err
			}
			if ok {
				return newer, nil
			}
		}
		newer = append(newer, filepath.Join(d.snapDir, f.Name))
	}
	return nil, fmt.Errorf("truncate to %v: %w", zxid, ErrNoBase)
}

// isBase says whether the snapshot is whole and holds nothing above the zxid.
func (d *Dir) isBase(f SnapshotFile, zxid proto.Zxid) (bool, error) {
	t, err := d.verify(f)
	var corrupt *snapshot.CorruptError
	if errors.As(err, &corrupt) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return (t.Last == nil || *t.Last <= zxid) && (t.Digest == nil || t.Digest.Zxid <= zxid), nil
}
