package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/txnlog"
)

// MinRetain is how many snapshots Purge keeps at least.
const MinRetain = 3

// Purge deletes old files and returns the paths of those it deleted, snapshots
// first. It keeps the newest retain snapshots that look whole (at least MinRetain),
// more if none of these can be read to its end, and the logs from the one on that
// the oldest of them needs. Like Java it deletes every other name that begins with
// "snapshot." or "log." and has a lower zxid or none, such as snapshot.5.tmp.
// Without a whole snapshot it deletes nothing.
func (d *Dir) Purge(retain int) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	keep, err := d.oldestKept(max(retain, MinRetain))
	if err != nil || keep < 0 {
		return nil, err
	}
	for r := range d.pins {
		keep = min(keep, r.from)
	}
	snapshots, err := d.old(d.snapDir, snapshot.Prefix, snapshot.ParseName, keep)
	if err != nil {
		return nil, err
	}
	// A log may only go when no snapshot is left that needs it: loading from that one
	// would leave out what the log held.
	removed, err := d.remove(nil, snapshots)
	if err != nil {
		return removed, err
	}
	logs, err := d.oldLogs(keep)
	if err != nil {
		return removed, err
	}
	return d.remove(removed, logs)
}

// oldestKept returns the zxid of the oldest snapshot to keep, -1 if there is none.
func (d *Dir) oldestKept(retain int) (proto.Zxid, error) {
	files, err := d.candidates()
	if err != nil {
		return -1, err
	}
	sound := false
	for i, f := range files {
		if !sound {
			_, err := d.verify(f)
			var corrupt *snapshot.CorruptError
			if err != nil && !errors.As(err, &corrupt) {
				return -1, err
			}
			sound = err == nil
		}
		if sound && (i >= retain-1 || i == len(files)-1) {
			return f.Zxid, nil
		}
	}
	return -1, nil
}

// old returns the paths of the files whose name begins with the prefix and has a
// zxid below keep, or none.
func (d *Dir) old(dir, prefix string, parse func(string) (proto.Zxid, bool), keep proto.Zxid) ([]string, error) {
	names, err := d.fs.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("purge: %w", err)
	}
	var old []string
	for _, name := range names {
		if zxid, _ := parse(name); strings.HasPrefix(name, prefix) && zxid < keep {
			old = append(old, filepath.Join(dir, name))
		}
	}
	return old, nil
}

// oldLogs is old for logs: those with the largest zxid up to keep are needed too.
func (d *Dir) oldLogs(keep proto.Zxid) ([]string, error) {
	files, err := txnlog.Files(d.fs, d.logDir)
	if err != nil {
		return nil, fmt.Errorf("purge: %w", err)
	}
	needed := map[string]bool{}
	for _, f := range txnlog.From(files, keep) {
		needed[filepath.Join(d.logDir, f.Name)] = true
	}
	paths, err := d.old(d.logDir, txnlog.Prefix, txnlog.ParseName, keep)
	var old []string
	for _, p := range paths {
		if !needed[p] {
			old = append(old, p)
		}
	}
	return old, err
}

// remove deletes the files and appends the paths of those that it deleted.
func (d *Dir) remove(removed, paths []string) ([]string, error) {
	for _, p := range paths {
		if err := d.fs.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, fmt.Errorf("purge: %w", err)
		}
		removed = append(removed, p)
	}
	if len(paths) > 0 {
		if err := d.fs.SyncDir(filepath.Dir(paths[0])); err != nil {
			return removed, fmt.Errorf("purge: %w", err)
		}
	}
	return removed, nil
}
