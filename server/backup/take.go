package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/storage"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
)

// Options say what is backed up.
type Options struct {
	DataDir, LogDir string // of a server that may be running; LogDir "" is DataDir
	Full            bool   // begin another generation
	Now             time.Time
	Progress        func(what string, n int64) // told how many bytes of a file were read; may be nil
}

// Result is what a backup has done.
type Result struct {
	Generation Generation
	New        bool // the generation was begun by this backup
	Reason     string
	Added      int      // transactions
	Passed     []string // damaged snapshots that were passed over, with the reason
}

// attempts is how often a backup begins again because a purge has removed what it was
// about to read.
const attempts = 4

// take is one run of Take.
type take struct {
	fsys vfs.FS
	dir  string
	opt  Options
	m    *Manifest
	res  Result
}

// Take backs up a data directory, from which it only reads, to a directory that is made if
// need be. See the package for what it adds, and when.
func Take(fsys vfs.FS, dir string, opt Options) (*Result, error) {
	if opt.LogDir == "" {
		opt.LogDir = opt.DataDir
	}
	if opt.Progress == nil {
		opt.Progress = func(string, int64) {}
	}
	t := &take{fsys: fsys, dir: dir, opt: opt}
	unlock, err := t.open()
	if err != nil {
		return nil, err
	}
	for range attempts {
		if err = t.run(); !missing(err) {
			break
		}
	}
	if err = errors.Join(err, unlock.Close()); err != nil {
		return nil, err
	}
	return &t.res, nil
}

// open makes the directory, locks it and reads what is there.
func (t *take) open() (io.Closer, error) {
	if err := t.fsys.MkdirAll(t.dir); err != nil {
		return nil, fmt.Errorf("make the backup's directory: %w", err)
	}
	lock, err := t.fsys.Lock(filepath.Join(t.dir, lockFile), "gokeeper backup")
	if errors.Is(err, vfs.ErrLocked) {
		return nil, fmt.Errorf("%w: another backup writes to %s: wait for its end", ErrInUse, t.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", t.dir, err)
	}
	t.m, err = Read(t.fsys, t.dir)
	if errors.Is(err, ErrNoBackup) {
		t.m, err = &Manifest{}, t.empty()
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// empty refuses a directory that holds something else.
func (t *take) empty() error {
	names, err := t.fsys.ReadDir(t.dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", t.dir, err)
	}
	for _, name := range names {
		if name != lockFile && name != "0001" {
			return fmt.Errorf("%w: %s is no backup and not empty (%s): name another directory", ErrInUse, t.dir, name)
		}
	}
	return nil
}

// run adds to the last generation, or begins one.
func (t *take) run() error {
	t.res = Result{}
	last := t.m.last()
	switch {
	case last == nil:
		t.res.Reason = "the first"
	case t.opt.Full: // the last one first goes on to where the next begins, so that no moment is missing
		if _, err := t.extend(*last); err != nil {
			return err
		}
		t.res = Result{Reason: "asked for"}
	default:
		added, err := t.extend(*last)
		if added || err != nil {
			return err
		}
	}
	return t.begin()
}

func (t *take) logs() string { return filepath.Join(t.opt.LogDir, versionDir) }

// extend adds what the source has behind the end of the generation. It returns false if
// the source does not hold that end any more.
func (t *take) extend(g Generation) (bool, error) {
	r, err := txnlog.Read(t.fsys, t.logs(), proto.Zxid(g.Last), 0)
	if err != nil {
		return false, fmt.Errorf("read the logs: %w", err)
	}
	defer r.Close()
	x, err := r.Next()
	switch {
	case errors.Is(err, io.EOF) && g.LastSum == "" && proto.Zxid(g.Last) == 0:
	case errors.Is(err, io.EOF):
		t.res.Reason = fmt.Sprintf("the source ends before %v", proto.Zxid(g.Last))
		return false, nil
	case err != nil:
		return false, err
	case g.Last == 0 && x.Zxid == 1: // behind an empty snapshot there is no record to know again
		return true, t.add(&g, r, &x)
	case x.Zxid != proto.Zxid(g.Last):
		t.res.Reason = fmt.Sprintf("the source's logs do not reach back to %v", proto.Zxid(g.Last))
		return false, nil
	case g.LastSum != "" && sum(x.Body) != g.LastSum:
		t.res.Reason = fmt.Sprintf("%v of the source is another transaction", x.Zxid)
		return false, nil
	}
	return true, t.add(&g, r, nil)
}

func sum(body []byte) string {
	s := sha256.Sum256(body)
	return hex.EncodeToString(s[:])
}

// add copies the first record and what the reader has behind it, and makes the generation
// the newest.
func (t *take) add(g *Generation, r *txnlog.Reader, first *txnlog.Record) error {
	file, err := t.copyLog(g, r, first)
	if err != nil {
		return err
	}
	if g.Last < g.From {
		return fmt.Errorf("%w: it holds transactions up to %v, and the log ends with %v: call it again", ErrFuzzy, proto.Zxid(g.From), proto.Zxid(g.Last))
	}
	if file != nil {
		g.Logs = append(g.Logs[:len(g.Logs):len(g.Logs)], *file)
	}
	if g.AcceptedEpoch, err = t.accepted(); err != nil {
		return err
	}
	t.res.Generation = *g
	if last := t.m.last(); last != nil && last.Dir == g.Dir {
		*last = *g
	} else {
		t.m.Generations, t.res.New = append(t.m.Generations, *g), true
	}
	return t.m.write(t.fsys, t.dir)
}

// copyLog copies records to a file of the generation; nil if there are none.
func (t *take) copyLog(g *Generation, r *txnlog.Reader, first *txnlog.Record) (*File, error) {
	dir := filepath.Join(t.dir, g.Dir, versionDir)
	d, err := newDraft(t.fsys, dir)
	if err != nil {
		return nil, err
	}
	d.Write(txnlog.AppendHeader(nil))
	from := Zxid(0)
	for x := first; ; x = nil {
		if x == nil {
			rec, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, errors.Join(err, d.drop())
			}
			x = &rec
		}
		if x.Zxid <= proto.Zxid(g.Last) {
			continue // again, which changes nothing
		}
		if from == 0 {
			from = Zxid(x.Zxid)
		}
		if err := t.note(g, x); err != nil {
			return nil, errors.Join(err, d.drop())
		}
		d.Write(txnlog.AppendRecord(nil, x.Body)) // what fails is told at the end
		t.opt.Progress(filepath.Base(x.File), x.Offset)
	}
	if from == 0 {
		return nil, d.drop()
	}
	file, err := d.finish(txnlog.Name(proto.Zxid(from)))
	file.First, file.Last = from, g.Last
	return &file, err
}

// note makes a record the end of the generation.
func (t *take) note(g *Generation, x *txnlog.Record) error {
	h, err := txn.DecodeHeader(x.Body)
	if err != nil {
		return fmt.Errorf("%s, offset %d: %w", x.File, x.Offset, err)
	}
	g.Last, g.LastTime, g.LastSum = Zxid(x.Zxid), h.Time, sum(x.Body)
	if g.Last == g.From {
		g.FromTime = h.Time
	}
	t.res.Added++
	return nil
}

// accepted reads the source's accepted epoch; nil if it has none.
func (t *take) accepted() (*int64, error) {
	b, err := vfs.ReadFile(t.fsys, filepath.Join(t.opt.DataDir, versionDir, "acceptedEpoch"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read acceptedEpoch: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	n, err := strconv.ParseInt(strings.TrimSuffix(line, "\r"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read acceptedEpoch: %w: see `gokeeper data check`", err)
	}
	return &n, nil
}

// begin begins a generation with the newest whole snapshot of the source.
func (t *take) begin() error {
	files, err := storage.Snapshots(t.fsys, filepath.Join(t.opt.DataDir, versionDir))
	if err != nil {
		return err
	}
	g := Generation{Dir: t.m.next(), Made: t.opt.Now.UTC().Format(time.RFC3339), Source: t.opt.DataDir}
	if err := t.makeDir(g.Dir); err != nil {
		return fmt.Errorf("make a generation: %w", err)
	}
	for _, f := range files {
		err := t.copySnapshot(&g, f)
		var corrupt *snapshot.CorruptError
		if errors.As(err, &corrupt) {
			t.res.Passed = append(t.res.Passed, f.Name+": "+corrupt.Error())
			continue
		}
		if err != nil {
			return err
		}
		return t.follow(g, f.Zxid)
	}
	return fmt.Errorf("there is no whole snapshot in %s: see `gokeeper data check`", filepath.Join(t.opt.DataDir, versionDir))
}

// follow adds the log behind the snapshot. It must follow it without a hole, and lead to
// where the snapshot is a state that was.
func (t *take) follow(g Generation, base proto.Zxid) error {
	r, err := txnlog.Read(t.fsys, t.logs(), base, 0)
	if err != nil {
		return fmt.Errorf("read the logs: %w", err)
	}
	defer r.Close()
	x, err := r.Next()
	if err == nil && x.Zxid == base {
		h, herr := txn.DecodeHeader(x.Body)
		if herr == nil {
			g.LastTime = h.Time
			if proto.Zxid(g.From) == base {
				g.FromTime = h.Time
			}
		}
		g.LastSum = sum(x.Body)
		x, err = r.Next()
	}
	g.Last = Zxid(base)
	switch {
	case errors.Is(err, io.EOF):
		return t.add(&g, r, nil)
	case err != nil:
		return err
	case x.Zxid != base+1 && x.Zxid.Epoch() == base.Epoch():
		return fmt.Errorf("the log goes on at %v only behind the snapshot of %v: see `gokeeper data check %s`", x.Zxid, base, t.opt.DataDir)
	}
	return t.add(&g, r, &x)
}
