package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
)

// DamageError says which file of a backup is not what was written, and where.
type DamageError struct {
	File   string
	Offset int64 // -1 when it is not known where
	Reason string
}

// Error returns one line with all fields.
func (e *DamageError) Error() string {
	where := "offset unknown"
	if e.Offset >= 0 {
		where = fmt.Sprintf("offset %d", e.Offset)
	}
	return fmt.Sprintf("%v: %s, %s: %s (take another backup, or an earlier generation or transaction with --at, if the damaged file is not needed for it)",
		ErrDamaged, e.File, where, e.Reason)
}

// Unwrap returns ErrDamaged.
func (e *DamageError) Unwrap() error { return ErrDamaged }

// Verify reads all files of a backup and compares them with the manifest. told is called
// with the name of each before it is read.
func Verify(fsys vfs.FS, dir string, told func(name string)) (*Manifest, error) {
	m, err := Read(fsys, dir)
	if err != nil {
		return nil, err
	}
	for i := range m.Generations {
		g := &m.Generations[i]
		if err := verify(fsys, dir, g, proto.Zxid(g.Last), told); err != nil {
			return m, err
		}
	}
	return m, nil
}

// verify reads those files of a generation that are needed up to the zxid.
func verify(fsys vfs.FS, dir string, g *Generation, to proto.Zxid, told func(name string)) error {
	for _, f := range append([]File{g.Snapshot}, g.Logs...) {
		if proto.Zxid(f.First) > to {
			continue
		}
		path := filepath.Join(dir, g.Dir, versionDir, f.Name)
		if told != nil {
			told(f.Name)
		}
		if err := verifyFile(fsys, path, f); err != nil {
			return err
		}
	}
	return nil
}

func verifyFile(fsys vfs.FS, path string, want File) error {
	got, err := sumOf(fsys, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &DamageError{path, 0, "it is missing"}
	case err != nil:
		return fmt.Errorf("read %s: %w", path, err)
	case got.Size == want.Size && got.SHA256 == want.SHA256:
		return nil
	}
	return locate(fsys, path, want, got.Size)
}

// locate finds out where a file is damaged.
func locate(fsys vfs.FS, path string, want File, size int64) error {
	if _, isLog := txnlog.ParseName(filepath.Base(path)); isLog {
		rep, err := txnlog.Check(fsys, path, 0)
		var corrupt *txnlog.CorruptError
		switch {
		case errors.As(err, &corrupt):
			return &DamageError{path, corrupt.Offset, fmt.Sprintf("%v: %s", corrupt.Reason, corrupt.Detail)}
		case err != nil:
			return err
		case len(rep.Bad) > 0:
			return &DamageError{path, rep.Bad[0].Offset, fmt.Sprintf("%v: %s", rep.Bad[0].Reason, rep.Bad[0].Detail)}
		case rep.Last != proto.Zxid(want.Last):
			return &DamageError{path, rep.Offset, fmt.Sprintf("it ends with %v, not %v: %v", rep.Last, proto.Zxid(want.Last), rep.End)}
		}
	} else {
		_, err := snapshot.ScanFile(fsys, path, 0, snapshot.Discard{}, nil)
		var corrupt *snapshot.CorruptError
		switch {
		case errors.As(err, &corrupt):
			return &DamageError{path, corrupt.Offset, fmt.Sprintf("%v: %s", corrupt.Reason, corrupt.Detail)}
		case err != nil:
			return err
		}
	}
	if size != want.Size {
		return &DamageError{path, min(size, want.Size), fmt.Sprintf("it has %d bytes, not %d", size, want.Size)}
	}
	return &DamageError{path, -1, "its SHA-256 is not what was written, though its own checksums fit"}
}
