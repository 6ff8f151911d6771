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

// Replace makes the source the state of the zxid, as after a leader's SNAP. What the
// log and the snapshots hold beyond the zxid belongs to another history and is
// removed: else the next start would replay it on top. The log goes on in a new file.
// Once the snapshot is durable the rest goes too: between it and the snapshot there is a
// hole, so it is of no use to this server any more, and would mislead learners.
func (d *Dir) Replace(zxid proto.Zxid, src snapshot.Source) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var newer []string
	files, err := d.Snapshots()
	if err != nil {
		return "", err
	}
	for _, f := range files {
		if f.Zxid > zxid {
			newer = append(newer, filepath.Join(d.snapDir, f.Name))
		}
	}
	if _, err := d.cut(zxid, newer); err != nil {
		return "", err
	}
	path, err := d.WriteSnapshot(zxid, src)
	if err != nil {
		return "", err
	}
	d.base = zxid
	return path, d.removeAllBut(path)
}

// removeAllBut removes all logs, and the snapshots but for one.
func (d *Dir) removeAllBut(path string) error {
	snapshots, err := d.Snapshots()
	if err != nil {
		return err
	}
	var old []string
	for _, f := range snapshots {
		if p := filepath.Join(d.snapDir, f.Name); p != path {
			old = append(old, p)
		}
	}
	// Logs go last: a snapshot whose log is gone must not be loaded.
	logs, err := txnlog.Files(d.fs, d.logDir)
	if err != nil {
		return err
	}
	for _, f := range logs {
		old = append(old, filepath.Join(d.logDir, f.Name))
	}
	_, err = d.remove(nil, old)
	return err
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
