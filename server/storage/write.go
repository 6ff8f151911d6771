package storage

import (
	"fmt"
	"path/filepath"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/vfs"
)

// syncStep is how much of a snapshot is written between two syncs. One sync of a
// large file at the end would hold up those of the log.
const syncStep = 8 << 20

// WriteSnapshot writes the source as the snapshot of the zxid and returns its path.
// The file appears under its name complete and durable, in place of one of the same
// name, or not at all. Several calls may run at once for different zxids.
func (d *Dir) WriteSnapshot(zxid proto.Zxid, src snapshot.Source) (string, error) {
	return d.writeAs(snapshot.Name(zxid, d.opt.Snapshot.Compression), src)
}

// writeAs writes a snapshot under a name, complete and durable or not at all.
func (d *Dir) writeAs(name string, src snapshot.Source) (string, error) {
	tmp := filepath.Join(d.snapDir, unfinished+name)
	if err := d.writeUnfinished(tmp, src); err != nil {
		// The error that counts is the first; what remains is removed at the next start.
		_ = d.fs.Remove(tmp)
		return "", err
	}
	return filepath.Join(d.snapDir, name), d.rename(unfinished+name, name)
}

// rename gives a file of the snapshot directory another name, durably.
func (d *Dir) rename(from, to string) error {
	if err := d.fs.Rename(filepath.Join(d.snapDir, from), filepath.Join(d.snapDir, to)); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	if err := d.fs.SyncDir(d.snapDir); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

func (d *Dir) writeUnfinished(tmp string, src snapshot.Source) error {
	f, err := d.fs.Create(tmp)
	if err != nil {
		return fmt.Errorf("create snapshot: %w", err)
	}
	w := &syncWriter{f: f}
	err = snapshot.Write(w, src, d.opt.Snapshot)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", tmp, err)
	}
	return nil
}

// syncWriter syncs what it has written now and then.
type syncWriter struct {
	f     vfs.File
	off   int64
	dirty int
}

func (w *syncWriter) Write(p []byte) (int, error) {
	n, err := w.f.WriteAt(p, w.off)
	w.off += int64(n)
	if w.dirty += n; err == nil && w.dirty >= syncStep {
		w.dirty = 0
		err = w.f.SyncData()
	}
	return n, err
}
