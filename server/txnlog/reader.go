package txnlog

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sort"

	"gokeeper/server/proto"
	"gokeeper/server/vfs"
)

// File is a log file of a directory.
type File struct {
	Name string
	Zxid proto.Zxid // in the name
	Size int64      // visible, padding included
}

// Files returns the log files of the directory by the zxid of their names, those
// with the same zxid by name. Names that are no log's are left out.
func Files(fs vfs.FS, dir string) ([]File, error) {
	entries, err := fs.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list logs: %w", err)
	}
	var files []File
	for _, name := range entries {
		zxid, ok := ParseName(name)
		if !ok {
			continue
		}
		info, err := fs.Stat(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("list logs: %w", err)
		}
		files = append(files, File{name, zxid, info.Size()})
	}
	sort.Slice(files, func(i, j int) bool {
		a, b := files[i], files[j]
		return a.Zxid < b.Zxid || a.Zxid == b.Zxid && a.Name < b.Name
	})
	return files, nil
}

// From returns the files that are read to get all records from the zxid on: those
// with a name of at least that, and the ones with the largest name below it.
func From(files []File, zxid proto.Zxid) []File {
	i := sort.Search(len(files), func(i int) bool { return files[i].Zxid >= zxid })
	if i == 0 {
		return files
	}
	for i--; i > 0 && files[i-1].Zxid == files[i].Zxid; i-- {
	}
	return files[i:]
}

// Reader reads the records of a directory from a zxid on, over all files. It is not
// safe for concurrent use.
type Reader struct {
	fs      vfs.FS
	dir     string
	limit   int
	files   []File // not begun yet
	from    proto.Zxid
	file    vfs.File
	scan    *Scanner
	highest proto.Zxid // read; continuity is checked against it
	any     bool
}

// Read returns a reader of all records with a zxid of at least from. limit is the
// longest body in bytes, 0 is jute.DefaultLimit. The caller closes it.
func Read(fs vfs.FS, dir string, from proto.Zxid, limit int) (*Reader, error) {
	files, err := Files(fs, dir)
	if err != nil {
		return nil, err
	}
	return &Reader{fs: fs, dir: dir, limit: limit, files: From(files, from), from: from}, nil
}

// ReadFile returns a reader that begins with the file in which the zxid stands, or would
// stand, and with that file's first record.
func ReadFile(fs vfs.FS, dir string, zxid proto.Zxid, limit int) (*Reader, error) {
	r, err := Read(fs, dir, zxid+1, limit)
	if err == nil {
		r.from = 0
	}
	return r, err
}

// Files returns the files that are still to be read, the current one not included.
func (r *Reader) Files() []File { return r.files }

// Next returns the next record, io.EOF behind the last one, or an error, mostly a
// *CorruptError. A zxid that leaves out others of its epoch gives ErrGap, since
// Java 3.9.4 refuses it too; only what is read counts, not what lies before from,
// because older parts of a healthy log may have holes that a snapshot covers.
func (r *Reader) Next() (Record, error) {
	for {
		if r.scan == nil {
			if err := r.open(); err != nil {
				return Record{}, err
			}
		}
		rec, err := r.record()
		if errors.Is(err, io.EOF) {
			if err := r.Close(); err != nil {
				return Record{}, err
			}
			continue
		}
		return rec, err
	}
}

func (r *Reader) record() (Record, error) {
	if err := r.scan.skip(r.from); err != nil {
		return Record{}, err
	}
	rec, err := r.scan.Next()
	if err != nil {
		return Record{}, err
	}
	if !r.any || rec.Zxid > r.highest {
		if r.any && rec.Zxid != r.highest+1 && rec.Zxid.Epoch() == r.highest.Epoch() {
			return Record{}, gapError(rec.File, rec.Offset, r.highest, rec.Zxid)
		}
		r.any, r.highest = true, rec.Zxid
		return rec, nil
	}
	rec.Repeated = true
	return rec, nil
}

// open begins the next file.
func (r *Reader) open() error {
	if len(r.files) == 0 {
		return io.EOF
	}
	newest := len(r.files) == 1
	path := filepath.Join(r.dir, r.files[0].Name)
	r.files = r.files[1:]
	f, err := r.fs.Open(path)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	r.file = f
	r.scan, err = NewScanner(f, path, r.limit)
	if err == nil {
		return nil
	}
	r.Close()
	if newest && errors.Is(err, ErrHeaderCut) {
		return io.EOF // a crash at creation
	}
	return err
}

// Close closes the file that is being read.
func (r *Reader) Close() error {
	f := r.file
	r.file, r.scan = nil, nil
	if f == nil {
		return nil
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("close log: %w", err)
	}
	return nil
}
