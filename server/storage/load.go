package storage

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
)

// minRecent is how many transactions Recovered.Recent holds at least, if there are
// so many.
const minRecent = 500

// initializeFile permits a start without data, once.
const initializeFile = "initialize"

// RecentTxn is a transaction near the end of the history.
type RecentTxn struct {
	Zxid proto.Zxid
	Raw  []byte // as the log holds it; must not be changed
}

// Recovered is the state after a load, and how it came about.
type Recovered struct {
	Tree     *tree.Tree
	Sessions map[proto.SessionID]int32 // timeouts in milliseconds
	// LastZxid is the end of the history: what was logged last. It is -1 when there
	// was nothing and an empty start is not permitted: such a server does not count
	// in the election and is filled by a leader.
	LastZxid proto.Zxid
	// Recent are the last transactions replayed, contiguous inside each epoch, oldest
	// first: the committed log that followers are synchronised from.
	Recent []RecentTxn

	Snapshot                 string               // name of the snapshot used, "" for none
	Rejected                 []Rejected           // newer snapshots that turned out to be damaged
	Replayed                 int                  // transactions applied
	Repeated                 int                  // of these, such with a zxid not above the ones before
	Mismatches               []proto.Zxid         // where the tree's digest was not the recorded one
	Removed                  string               // newest log, removed because a crash left it without header
	Torn                     *txnlog.CorruptError // what a crash had left of the last write, and was cut off; nil: nothing
	SnapshotTook, ReplayTook time.Duration        // how long both took

	Empty   bool             // nothing was there
	Trusted bool             // no snapshot was there and snapshot.trust.empty let the logs do
	Hole    *txnlog.Gap      // the log begins later than the snapshot ends, as Java permits
	Digest  *snapshot.Digest // of the snapshot used
}

// Load reads the directory: the newest whole snapshot, then the log behind it. It
// may remove the file initialize and a log without header, and writes snapshot.0
// when it starts an empty history. It may be called again after Truncate.
func (d *Dir) Load() (*Recovered, error) {
	rec, begin := &Recovered{LastZxid: -1}, time.Now()
	// The process before this one may have ended between a renaming, of a snapshot or an
	// epoch's file, and the sync that makes it durable. What is read counts as durable.
	if err := d.fs.SyncDir(d.snapDir); err != nil {
		return nil, fmt.Errorf("sync what was found in %s: %w", d.snapDir, err)
	}
	content, err := d.choose(rec)
	if err != nil {
		return nil, err
	}
	rec.SnapshotTook = time.Since(begin)
	permitted, err := d.takeInitialize()
	if err != nil {
		return nil, err
	}
	if content == nil {
		content, err = d.nothing(rec, permitted)
		if err != nil {
			return nil, err
		}
	}
	rec.Tree, rec.Sessions, rec.Digest = content.Tree, content.Sessions, content.Digest
	if rec.LastZxid < 0 {
		return rec, nil
	}
	if rec.Snapshot == "" {
		// The base of what follows, without which the logs are useless to Java.
		if _, err := d.WriteSnapshot(0, snapshot.Frozen(rec.Tree, nil)); err != nil {
			return nil, err
		}
	}
	rec.startDigests(&content.Trailer)
	if rec.Removed, err = txnlog.RemoveUnfinished(d.fs, d.logDir); err != nil {
		return nil, err
	}
	if err := txnlog.SyncNewest(d.fs, d.logDir); err != nil {
		return nil, err
	}
	if err := d.findBase(rec.LastZxid); err != nil {
		return nil, err
	}
	begin = time.Now()
	if err := d.replay(rec); err != nil {
		return nil, err
	}
	rec.ReplayTook = time.Since(begin)
	return rec, nil
}

// nothing decides what happens without a usable snapshot.
func (d *Dir) nothing(rec *Recovered, permitted bool) (*snapshot.Content, error) {
	logs, err := txnlog.Files(d.fs, d.logDir)
	if err != nil {
		return nil, err
	}
	snapshots, err := d.Snapshots()
	if err != nil {
		return nil, err
	}
	switch {
	case len(logs) > 0 && !d.opt.TrustEmpty:
		return nil, &LoadError{
			ErrNoSnapshot, "No snapshot found, but there are log entries. Something is broken!",
			remedyRestore + "; snapshot.trust.empty=true replays the logs alone, which is right only if they are complete",
		}
	case len(logs) > 0:
		rec.Trusted, rec.LastZxid = true, 0
	case len(snapshots) > 0 && snapshots[0].Zxid > 0:
		// Java starts an empty history here. A crash cannot leave that state: the
		// snapshots held transactions, so something was lost.
		return nil, &LoadError{ErrNoSnapshot, "every snapshot in " + d.snapDir + " is damaged and there are no logs", remedyRestore}
	case !d.opt.NoDBAutoCreate || permitted:
		rec.Empty, rec.LastZxid = true, 0
	default:
		rec.Empty = true
	}
	return &snapshot.Content{Tree: tree.New(), Sessions: map[proto.SessionID]int32{}}, nil
}

// takeInitialize says whether an empty start is permitted, and uses the permission up.
func (d *Dir) takeInitialize() (bool, error) {
	found := false
	for _, dir := range []string{d.opt.LogDir, d.opt.DataDir} {
		path := filepath.Join(dir, initializeFile)
		if ok, err := d.exists(path); err != nil || !ok {
			if err != nil {
				return false, err
			}
			continue
		}
		found = true
		if err := d.fs.Remove(path); err != nil {
			return false, fmt.Errorf("remove %s: %w", path, err)
		}
	}
	return found, nil
}

// startDigests says from where on digests are compared. A section below the name is
// from before the load that preceded the snapshot; one above it makes the state
// between the two inexact.
func (rec *Recovered) startDigests(t *snapshot.Trailer) {
	from := rec.LastZxid
	if t.Last != nil {
		from = max(from, *t.Last)
	}
	if g := t.Digest; g != nil && g.Version == txn.DigestVersion && g.Zxid >= rec.LastZxid && g.Zxid > 0 {
		from = max(from, g.Zxid)
		if g.Zxid == rec.LastZxid && from == g.Zxid && g.Value != rec.Tree.Digest() {
			rec.Mismatches = append(rec.Mismatches, g.Zxid)
		}
	}
	if from > rec.LastZxid {
		rec.Tree.SetDigestFrom(from)
	}
}

// replay applies the log behind the snapshot.
func (d *Dir) replay(rec *Recovered) error {
	start := rec.LastZxid + 1
	r, err := txnlog.Read(d.fs, d.logDir, start, d.opt.Log.Limit)
	if err != nil {
		return err
	}
	defer r.Close()
	var result tree.Result
	for {
		x, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if torn, err := d.torn(rec, err); err != nil {
			return err
		} else if torn {
			break
		}
		if rec.Replayed == 0 {
			if err := rec.first(&x, start); err != nil {
				return err
			}
		}
		if err := d.apply(rec, &x, &result); err != nil {
			return err
		}
	}
	rec.LastZxid = rec.Tree.LastZxid()
	rec.Recent = d.lastOnes(rec.Recent)
	return nil
}

// torn says whether an error of the reader is what a crash has left of the last write, and
// has been cut off.
func (d *Dir) torn(rec *Recovered, err error) (bool, error) {
	var bad *txnlog.CorruptError
	if !errors.As(err, &bad) {
		return false, err
	}
	cut, cerr := txnlog.CutTorn(d.fs, d.logDir, bad, d.opt.Log.Limit)
	if !cut {
		return false, errors.Join(err, cerr)
	}
	rec.Torn = bad
	return true, nil
}

// first compares where the log begins with where it should. Java does not; a hole
// behind an older snapshot that is used because a newer one is damaged would silently
// lose what the newer one held.
func (rec *Recovered) first(x *txnlog.Record, start proto.Zxid) error {
	if x.Zxid == start || x.Zxid.Epoch() != start.Epoch() {
		return nil
	}
	rec.Hole = &txnlog.Gap{Offset: x.Offset, Prev: start - 1, Next: x.Zxid}
	if len(rec.Rejected) == 0 {
		return nil
	}
	return &LoadError{
		ErrHole, fmt.Sprintf("snapshot %s is used because %v, but the log goes on at %v only, in %s",
			rec.Snapshot, rec.Rejected[0].Err, x.Zxid, x.File), remedyRestore,
	}
}

// apply replays one transaction. Outcomes that are errors of the protocol are normal
// behind a fuzzy snapshot.
func (d *Dir) apply(rec *Recovered, x *txnlog.Record, result *tree.Result) error {
	t, err := txn.Decode(x.Body, d.limit())
	if err != nil {
		return &ReplayError{x.File, x.Offset, x.Zxid, err}
	}
	switch b := t.Body.(type) {
	case *txn.CreateSession:
		rec.Sessions[t.Session] = b.Timeout
	case *txn.CloseSession:
		delete(rec.Sessions, t.Session)
	}
	result.Reset()
	rec.Tree.Apply(&t, result)
	if result.Mismatch {
		rec.Mismatches = append(rec.Mismatches, x.Zxid)
	}
	rec.Replayed++
	d.opt.Progress.replayed()
	if x.Repeated {
		rec.Repeated++
		return nil
	}
	rec.Recent = append(rec.Recent, RecentTxn{x.Zxid, x.Body})
	if len(rec.Recent) >= 4*d.recent() {
		rec.Recent = d.lastOnes(rec.Recent)
	}
	return nil
}

func (d *Dir) recent() int { return max(minRecent, d.opt.Recent) }

// lastOnes keeps as many as the committed log holds, in a slice of their own.
func (d *Dir) lastOnes(r []RecentTxn) []RecentTxn {
	if len(r) > d.recent() {
		r = r[len(r)-d.recent():]
	}
	return append([]RecentTxn(nil), r...)
}
