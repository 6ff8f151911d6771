package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/storage"
	"gokeeper/server/vfs"
)

// makeDir makes the directory of a generation, and removes what a backup that did not
// come to its end has left there.
func (t *take) makeDir(name string) error {
	dir := filepath.Join(t.dir, name, versionDir)
	if err := t.fsys.MkdirAll(dir); err != nil {
		return err
	}
	old, err := t.fsys.ReadDir(dir)
	for _, name := range old {
		err = errors.Join(err, t.fsys.Remove(filepath.Join(dir, name)))
	}
	return err
}

// reach is the visitor that looks how far a fuzzy snapshot reaches.
type reach struct {
	snapshot.Discard
	zxid proto.Zxid
	time int64
}

// Node looks at it.
func (r *reach) Node(n *snapshot.Node) error {
	r.zxid = max(r.zxid, n.Stat.Czxid, n.Stat.Mzxid, n.Stat.Pzxid)
	r.time = max(r.time, n.Stat.Ctime, n.Stat.Mtime)
	return nil
}

// trailer takes what the sections say into account.
func (r *reach) trailer(t snapshot.Trailer) {
	if t.Last != nil {
		r.zxid = max(r.zxid, *t.Last)
	}
	if t.Digest != nil {
		r.zxid = max(r.zxid, t.Digest.Zxid)
	}
}

// copySnapshot copies and checks a snapshot of the source.
func (t *take) copySnapshot(g *Generation, f storage.SnapshotFile) error {
	path := filepath.Join(t.opt.DataDir, versionDir, f.Name)
	src, err := t.fsys.Open(path)
	if err != nil {
		return fmt.Errorf("open snapshot: %w", err)
	}
	defer src.Close()
	d, err := newDraft(t.fsys, filepath.Join(t.dir, g.Dir, versionDir))
	if err != nil {
		return err
	}
	var v reach
	r := io.TeeReader(io.NewSectionReader(src, 0, math.MaxInt64), d)
	sections, err := snapshot.Scan(r, snapshot.ReadOptions{Compression: snapshot.CompressionOf(f.Name)}, &v)
	if err == nil {
		_, err = io.Copy(io.Discard, r) // what is behind the last section
	}
	t.opt.Progress(f.Name, d.n)
	if err != nil {
		return errors.Join(fmt.Errorf("snapshot %s: %w", path, err), d.drop())
	}
	v.trailer(sections)
	g.From, g.FromTime, g.LastTime = Zxid(max(v.zxid, f.Zxid)), v.time, v.time
	g.Snapshot, err = d.finish(snapshot.Name(f.Zxid, snapshot.CompressionOf(f.Name)))
	g.Snapshot.First, g.Snapshot.Last = Zxid(f.Zxid), g.From
	return err
}

// TakeStream begins a generation with a snapshot that a server sends, as Java's admin
// command snapshot does. It has no log behind it, and therefore must be exact: ErrFuzzy says
// that the server was written to meanwhile, and that another may be better. A snapshot of
// the same transaction as the last is not kept again. It is loaded to compare its digest,
// and takes as much memory as the server.
func TakeStream(fsys vfs.FS, dir, source string, stream io.Reader, now time.Time) (*Result, error) {
	t := &take{fsys: fsys, dir: dir, opt: Options{DataDir: source, Now: now}}
	unlock, err := t.open()
	if err != nil {
		return nil, err
	}
	if err = errors.Join(t.receive(stream), unlock.Close()); err != nil {
		return nil, err
	}
	return &t.res, nil
}

func (t *take) receive(stream io.Reader) error {
	g := Generation{Dir: t.m.next(), Made: t.opt.Now.UTC().Format(time.RFC3339), Source: t.opt.DataDir}
	if err := t.makeDir(g.Dir); err != nil {
		return fmt.Errorf("make a generation: %w", err)
	}
	d, err := newDraft(t.fsys, filepath.Join(t.dir, g.Dir, versionDir))
	if err != nil {
		return err
	}
	zxid, kind, err := exact(io.TeeReader(stream, d))
	if err != nil {
		return errors.Join(fmt.Errorf("snapshot from %s: %w", t.opt.DataDir, err), d.drop())
	}
	if last := t.m.last(); last != nil && proto.Zxid(last.Last) == zxid && len(last.Logs) == 0 && last.Source == g.Source {
		t.res.Generation = *last
		return d.drop()
	}
	if g.Snapshot, err = d.finish(snapshot.Name(zxid, kind)); err != nil {
		return err
	}
	g.Snapshot.First, g.Snapshot.Last, g.From, g.Last = Zxid(zxid), Zxid(zxid), Zxid(zxid), Zxid(zxid)
	g.FromTime, g.LastTime = t.opt.Now.UnixMilli(), t.opt.Now.UnixMilli()
	t.res.Generation, t.res.New, t.res.Reason = g, true, "a server's snapshot"
	t.m.Generations = append(t.m.Generations, g)
	return t.m.write(t.fsys, t.dir)
}

// exact reads a snapshot to its end and returns of which transaction it is the state: the
// digest of the tree must be that which its writer had when it came to the end.
func exact(r io.Reader) (proto.Zxid, snapshot.Compression, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, 0, &snapshot.CorruptError{Reason: snapshot.ErrShort, Detail: err.Error()}
	}
	kind := snapshot.CompressionOfBytes(head)
	c, err := snapshot.Read(io.MultiReader(bytes.NewReader(head), r), snapshot.ReadOptions{Compression: kind})
	if err != nil {
		return 0, 0, err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return 0, 0, err
	}
	g := c.Digest
	switch {
	case c.Last == nil || g == nil:
		return 0, 0, errors.New("it lacks the sections that say of which transaction it is: back up its data directory with --data")
	case g.Zxid == 0 && g.Value == 0: // Java: nothing was applied since the state was loaded
		return *c.Last, kind, nil
	case *c.Last != g.Zxid || g.Value != c.Tree.Digest():
		return 0, 0, ErrFuzzy
	}
	return *c.Last, kind, nil
}

// missing says that a file was purged while it was about to be read.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
