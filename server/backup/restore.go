package backup

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/storage"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
)

// Point is where a history is to end: behind the transaction Zxid, or behind the last
// transaction that is not later than Time, in milliseconds since 1970. The zero value is
// the end of the backup.
type Point struct {
	Zxid proto.Zxid
	Time int64
}

// Target is where a backup is restored to.
type Target struct {
	DataDir, LogDir string // LogDir "" is DataDir
	Replace         bool   // move data that is there aside, under another name
	Now             time.Time
	Told            func(name string) // called with each file before it is read; may be nil
}

// Restored is what a restore has done.
type Restored struct {
	Generation Generation
	Last       proto.Zxid // the end of the restored history
	Replaced   []string   // where the data went that was there
}

// Restore makes the data directory what the backup holds up to the point. Whatever fails,
// what was in the directory stays: the files that are needed are verified first, the new
// data is made beside the old and loaded, and takes its place by renaming.
func Restore(fsys vfs.FS, dir string, p Point, to Target) (*Restored, error) {
	if to.LogDir == "" {
		to.LogDir = to.DataDir
	}
	m, err := Read(fsys, dir)
	if err != nil {
		return nil, err
	}
	g, last, err := m.choose(fsys, dir, p, to.Told)
	if err != nil {
		return nil, err
	}
	r := restore{fsys: fsys, dir: dir, to: to, g: g, last: last}
	if err := r.prepare(); err != nil {
		return nil, errors.Join(err, r.close())
	}
	err = r.stage()
	if err == nil {
		err = r.try()
	}
	if err == nil {
		err = r.swap()
	}
	if err = errors.Join(err, r.close()); err != nil {
		return nil, err
	}
	return &Restored{*g, last, r.replaced}, nil
}

// choose returns the newest generation that holds the point, verified as far as needed,
// and the last transaction up to it.
func (m *Manifest) choose(fsys vfs.FS, dir string, p Point, told func(string)) (*Generation, proto.Zxid, error) {
	for i := len(m.Generations) - 1; i >= 0; i-- {
		g := &m.Generations[i]
		if !g.mayHold(p) {
			continue
		}
		end := proto.Zxid(g.Last)
		if p.Zxid > 0 {
			end = p.Zxid
		}
		if err := verify(fsys, dir, g, end, told); err != nil {
			return nil, 0, err
		}
		last, err := g.lastUpTo(fsys, dir, p)
		if err != nil {
			return nil, 0, err
		}
		if last >= proto.Zxid(g.From) {
			return g, last, nil
		}
	}
	return nil, 0, fmt.Errorf("%w: %s; say another --at", ErrRange, m.ranges())
}

// mayHold says whether the point is not outside of what the generation holds.
func (g *Generation) mayHold(p Point) bool {
	switch {
	case p.Zxid > 0:
		return p.Zxid >= proto.Zxid(g.From) && p.Zxid <= proto.Zxid(g.Last)
	case p.Time > 0:
		return p.Time >= g.FromTime
	}
	return true
}

// ranges says what can be restored.
func (m *Manifest) ranges() string {
	text := "it is empty"
	for i, g := range m.Generations {
		if i == 0 {
			text = "it holds "
		} else {
			text += ", "
		}
		text += fmt.Sprintf("%v (%s) to %v (%s)", proto.Zxid(g.From), clock(g.FromTime), proto.Zxid(g.Last), clock(g.LastTime))
	}
	return text
}

func clock(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// lastUpTo returns the last transaction up to the point. Times may go back and forth a
// little between leaders: the history ends before the first that is later.
func (g *Generation) lastUpTo(fsys vfs.FS, dir string, p Point) (proto.Zxid, error) {
	if p == (Point{}) {
		return proto.Zxid(g.Last), nil
	}
	last := proto.Zxid(g.Snapshot.First)
	r, err := txnlog.Read(fsys, filepath.Join(dir, g.Dir, versionDir), last+1, 0)
	if err != nil {
		return 0, fmt.Errorf("read the backup: %w", err)
	}
	defer r.Close()
	for {
		x, err := r.Next()
		if errors.Is(err, io.EOF) {
			return last, nil
		}
		if err != nil {
			return 0, err
		}
		h, err := txn.DecodeHeader(x.Body)
		if err != nil {
			return 0, fmt.Errorf("%s, offset %d: %w", x.File, x.Offset, err)
		}
		if p.Zxid > 0 && x.Zxid > p.Zxid || p.Time > 0 && h.Time > p.Time && x.Zxid > proto.Zxid(g.From) || x.Zxid > proto.Zxid(g.Last) {
			return last, nil
		}
		last = x.Zxid
	}
}

// restore is one run of Restore.
type restore struct {
	fsys     vfs.FS
	dir      string
	to       Target
	g        *Generation
	last     proto.Zxid
	locks    []io.Closer
	replaced []string
}

// homes returns the directories in which there is a version-2.
func (r *restore) homes() []string {
	if r.to.LogDir == r.to.DataDir {
		return []string{r.to.DataDir}
	}
	return []string{r.to.DataDir, r.to.LogDir}
}

// stageDir is where the new data is made, beside the old.
func stageDir(home string) string { return filepath.Join(home, unfinished+"restore") }

func (r *restore) exists(path string) bool {
	_, err := r.fsys.Stat(path)
	return err == nil
}

// prepare refuses a target that is in use, and makes room for the new data.
func (r *restore) prepare() error {
	for _, home := range r.homes() {
		version := filepath.Join(home, versionDir)
		if r.exists(version) {
			lock, err := storage.Lock(r.fsys, version, "gokeeper restore")
			if err != nil {
				return err
			}
			r.locks = append(r.locks, lock)
			if err := r.mayReplace(version); err != nil {
				return err
			}
		}
		if err := r.fsys.MkdirAll(filepath.Join(stageDir(home), versionDir)); err != nil {
			return fmt.Errorf("make the new data directory: %w", err)
		}
	}
	return nil
}

// mayReplace refuses data that is there, unless it may be moved aside.
func (r *restore) mayReplace(version string) error {
	if r.to.Replace {
		return nil
	}
	names, err := r.fsys.ReadDir(version)
	if err != nil {
		return fmt.Errorf("list %s: %w", version, err)
	}
	for _, name := range names {
		if name != "gokeeper.lock" {
			return fmt.Errorf("%w: %s holds data (%s): name an empty directory, or --replace to move what is there aside", ErrInUse, version, name)
		}
	}
	return nil
}

// stage makes the new data.
func (r *restore) stage() error {
	from := filepath.Join(r.dir, r.g.Dir, versionDir)
	data := filepath.Join(stageDir(r.to.DataDir), versionDir)
	d, err := newDraft(r.fsys, data)
	if err != nil {
		return err
	}
	src, err := r.fsys.Open(filepath.Join(from, r.g.Snapshot.Name))
	if err != nil {
		return errors.Join(err, d.drop())
	}
	defer src.Close()
	if _, err := io.Copy(d, io.NewSectionReader(src, 0, math.MaxInt64)); err != nil {
		return errors.Join(fmt.Errorf("copy the snapshot: %w", err), d.drop())
	}
	f, err := d.finish(r.g.Snapshot.Name)
	if err != nil {
		return err
	}
	if f.SHA256 != r.g.Snapshot.SHA256 {
		return &DamageError{filepath.Join(from, f.Name), -1, "it has changed since it was verified"}
	}
	if err := r.stageLog(from); err != nil {
		return err
	}
	return r.epochs(data)
}

// stageLog copies the log up to the last transaction.
func (r *restore) stageLog(from string) error {
	rd, err := txnlog.Read(r.fsys, from, proto.Zxid(r.g.Snapshot.First)+1, 0)
	if err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	defer rd.Close()
	d, err := newDraft(r.fsys, filepath.Join(stageDir(r.to.LogDir), versionDir))
	if err != nil {
		return err
	}
	d.Write(txnlog.AppendHeader(nil))
	first := proto.Zxid(0)
	for {
		x, err := rd.Next()
		if errors.Is(err, io.EOF) || err == nil && x.Zxid > r.last {
			break
		}
		if err != nil {
			return errors.Join(err, d.drop())
		}
		if first == 0 {
			first = x.Zxid
		}
		d.Write(txnlog.AppendRecord(nil, x.Body)) // what fails is told at the end
	}
	if first == 0 {
		return d.drop()
	}
	_, err = d.finish(txnlog.Name(first))
	return err
}

// epochs gives a member of an ensemble the highest epoch that the source had heard of, so
// that the next leader's zxids are above all that clients have seen of it.
func (r *restore) epochs(data string) error {
	if r.g.AcceptedEpoch == nil {
		return nil
	}
	e := []byte(strconv.FormatInt(max(*r.g.AcceptedEpoch, r.last.Epoch()), 10))
	for _, name := range []string{"acceptedEpoch", "currentEpoch"} {
		if err := vfs.WriteFile(r.fsys, filepath.Join(data, name), e); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// try loads the new data as a server does, and wants it to end where it should.
func (r *restore) try() error {
	in, err := storage.Inspect(r.fsys, storage.Options{DataDir: stageDir(r.to.DataDir), LogDir: stageDir(r.to.LogDir)}, nil)
	switch {
	case err != nil:
		return fmt.Errorf("load the restored data: %w", err)
	case in.Recovered == nil || in.Recovered.LastZxid != r.last || in.Worst() == storage.Damage:
		return fmt.Errorf("the restored data does not load to %v as it should, so it is not put in place; say an earlier --at: %v", r.last, in.Findings)
	}
	return nil
}

// swap puts the new data in place of the old.
func (r *restore) swap() error {
	aside := fmt.Sprintf("%s.before-restore-%s", versionDir, r.to.Now.UTC().Format("20060102T150405.000"))
	for _, home := range r.homes() {
		version := filepath.Join(home, versionDir)
		if r.exists(version) {
			if err := r.fsys.Rename(version, filepath.Join(home, aside)); err != nil {
				return fmt.Errorf("move the old data aside: %w", err)
			}
			if old, err := r.fsys.ReadDir(filepath.Join(home, aside)); err != nil || len(old) > 1 {
				r.replaced = append(r.replaced, filepath.Join(home, aside))
			}
		}
		if err := r.fsys.Rename(filepath.Join(stageDir(home), versionDir), version); err != nil {
			return fmt.Errorf("put the new data in place: %w: the old data is %s", err, filepath.Join(home, aside))
		}
		if err := errors.Join(r.fsys.Remove(stageDir(home)), r.fsys.SyncDir(home)); err != nil {
			return err
		}
	}
	return nil
}

// close gives the locks back, and removes what was staged if it is still there.
func (r *restore) close() error {
	var errs []error
	for _, home := range r.homes() {
		stage := filepath.Join(stageDir(home), versionDir)
		names, err := r.fsys.ReadDir(stage)
		if err != nil {
			continue // it is in place
		}
		for _, name := range names {
			errs = append(errs, r.fsys.Remove(filepath.Join(stage, name)))
		}
		errs = append(errs, r.fsys.Remove(stage), r.fsys.Remove(stageDir(home)))
	}
	for _, l := range r.locks {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// Describe says what the manifest holds, a line for each generation.
func (m *Manifest) Describe() []string {
	var lines []string
	for _, g := range m.Generations {
		lines = append(lines, fmt.Sprintf("%s: %v (%s) to %v (%s), %s and %d logs, begun %s from %s", g.Dir, proto.Zxid(g.From), clock(g.FromTime),
			proto.Zxid(g.Last), clock(g.LastTime), g.Snapshot.Name, len(g.Logs), g.Made, g.Source))
	}
	return lines
}
