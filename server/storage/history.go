package storage

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"

	"gokeeper/server/proto"
	"gokeeper/server/txnlog"
)

// History returns the transactions of the log from the zxid on, for a learner that lacks
// them. The first is that of the zxid, so that it can be seen that the learner's history
// is this one. ErrNoHistory says that the log does not hold it, or that the files behind
// the first are longer than factor times the newest snapshot, which then is the shorter
// way (zookeeper.snapshotSizeFactor; 0 is no limit). Bodies are the caller's.
// Java: ZKDatabase.getProposalsFromTxnLog.
func (d *Dir) History(from proto.Zxid, factor float64) iter.Seq2[RecentTxn, error] {
	return func(yield func(RecentTxn, error) bool) {
		r, err := d.historyReader(from, factor)
		if err != nil {
			yield(RecentTxn{}, err)
			return
		}
		defer r.Close() // read only
		for {
			x, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(RecentTxn{}, err)
				return
			}
			if !yield(RecentTxn{x.Zxid, append([]byte(nil), x.Body...)}, nil) {
				return
			}
		}
	}
}

func (d *Dir) historyReader(from proto.Zxid, factor float64) (*Reader, error) {
	r, err := d.Reader(from)
	if err != nil {
		return nil, err
	}
	if err := d.serves(r, from, factor); err != nil {
		_ = r.Close() // nothing was read
		return nil, err
	}
	return r, nil
}

// serves says whether the reader's files are a way to bring a learner up.
func (d *Dir) serves(r *Reader, from proto.Zxid, factor float64) error {
	d.mu.Lock()
	base := d.base
	d.mu.Unlock()
	files := r.Files()
	if from < base || len(files) == 0 || files[0].Zxid > from {
		return fmt.Errorf("history from %v: %w", from, ErrNoHistory)
	}
	if factor <= 0 {
		return nil
	}
	snapshots, err := d.Snapshots()
	if err != nil || len(snapshots) == 0 {
		return err
	}
	info, err := d.fs.Stat(filepath.Join(d.snapDir, snapshots[0].Name))
	if err != nil {
		return fmt.Errorf("size of the newest snapshot: %w", err)
	}
	limit := int64(factor * float64(info.Size()))
	var sum int64
	for _, f := range files[1:] {
		info, err := d.fs.Stat(filepath.Join(d.logDir, f.Name))
		if err != nil {
			return fmt.Errorf("size of the log: %w", err)
		}
		sum += info.Size()
	}
	if limit > 0 && sum > limit {
		return fmt.Errorf("history from %v has %d bytes of log, more than %d: %w", from, sum, limit, ErrNoHistory)
	}
	return nil
}

// findBase finds out, at a load, whether the log leads up to the snapshot that was used.
// It does when it holds the snapshot's last transaction. Otherwise the snapshot came from
// a leader, and the log before it may be another history: a crash has kept Replace from
// removing it.
func (d *Dir) findBase(snapshot proto.Zxid) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.base = 0
	if snapshot <= 0 {
		return nil
	}
	r, err := txnlog.Read(d.fs, d.logDir, snapshot, d.opt.Log.Limit)
	if err != nil {
		return err
	}
	defer r.Close() // read only
	x, err := r.Next()
	var damage *txnlog.CorruptError
	switch {
	case err == nil && x.Zxid == snapshot:
		return nil
	case err == nil, errors.Is(err, io.EOF), errors.As(err, &damage): // damage before the snapshot harms nobody else
		d.base = snapshot
		return nil
	}
	return err
}
