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

// History returns the transactions of the log for a learner that lacks those behind the
// zxid. They begin with the file in which the zxid stands, or would stand, so that it can
// be seen where the learner's history is this one and where it leaves it. ErrNoHistory
// says that the log does not reach back so far, or that the files behind the first are
// longer than factor times the newest snapshot, which then is the shorter way
// (zookeeper.snapshotSizeFactor; 0 is no limit). Bodies are the caller's.
// Java: ZKDatabase.getProposalsFromTxnLog.
func (d *Dir) History(zxid proto.Zxid, factor float64) iter.Seq2[RecentTxn, error] {
	return func(yield func(RecentTxn, error) bool) {
		r, err := d.passage(zxid, factor)
		if err != nil {
			yield(RecentTxn{}, err)
			return
		}
		defer r.Close() // nothing is written to it
		for {
			x, err := r.Next()
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(RecentTxn{}, err)
				return
			case x.Zxid < r.base:
			case !yield(RecentTxn{x.Zxid, x.Body}, nil):
				return
			}
		}
	}
}

// passage is a part of the log that is being read while the server runs. Until it is
// closed, Purge keeps the files that it needs.
type passage struct {
	*txnlog.Reader
	dir  *Dir
	from proto.Zxid
	base proto.Zxid // what is read up to here may be another history
}

// passage opens the log for History. What the log writer has not synced may or may not be
// seen; who reads stops at a zxid that is known to be durable.
func (d *Dir) passage(from proto.Zxid, factor float64) (*passage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := txnlog.ReadFile(d.fs, d.logDir, from, d.opt.Log.Limit)
	if err != nil {
		return nil, err
	}
	files := r.Files()
	if from < d.base || len(files) == 0 || files[0].Zxid > from {
		return nil, fmt.Errorf("history from %v: %w", from, ErrNoHistory)
	}
	if err := d.isShort(files[1:], factor); err != nil {
		return nil, fmt.Errorf("history from %v: %w", from, err)
	}
	p := &passage{r, d, from, d.base}
	d.pins[p] = struct{}{}
	return p, nil
}

// Close ends the reading.
func (p *passage) Close() error {
	p.dir.mu.Lock()
	delete(p.dir.pins, p)
	p.dir.mu.Unlock()
	return p.Reader.Close()
}

// isShort refuses files that are longer than factor times the newest snapshot.
func (d *Dir) isShort(files []txnlog.File, factor float64) error {
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
	for _, f := range files {
		sum += f.Size
	}
	if limit > 0 && sum > limit {
		return fmt.Errorf("%w: %d bytes of log, more than %d", ErrNoHistory, sum, limit)
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
