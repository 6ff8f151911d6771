package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
)

// versionDir is the directory in which Java keeps files of this format.
const versionDir = "version-2"

// What the names of files begin with that are being written, and that of a snapshot that
// is going to take the place of everything else.
const (
	unfinished = ".unfinished-"
	replacing  = ".replacing-"
)

// Options of a data directory. The zero value of every field but DataDir is Java's
// default.
type Options struct {
	DataDir string // snapshots and epochs
	LogDir  string // transaction logs; "" is DataDir

	NoAutoCreate   bool // refuse a missing directory (zookeeper.datadir.autocreate=false)
	NoDBAutoCreate bool // do not start an empty history without the file initialize (zookeeper.db.autocreate=false)
	TrustEmpty     bool // replay logs without a snapshot (zookeeper.snapshot.trust.empty)
	Recent         int  // transactions in Recovered.Recent (zookeeper.commitLogCount); at least 500

	Progress *Progress // of loads; nil: nobody looks

	Owner string // what a second server is told about this one; "" is the process id

	Log      txnlog.Options
	Snapshot snapshot.Options
}

// Dir is a data directory that this process has locked.
type Dir struct {
	fs      vfs.FS
	opt     Options
	snapDir string
	logDir  string
	locks   []io.Closer
	log     *txnlog.Log

	mu   sync.Mutex            // guards what follows, and makes Purge and History exclude each other
	pins map[*passage]struct{} // logs that are being read
	base proto.Zxid            // what the log holds up to here is not the history of what is behind it
}

// Open creates the directories if they are missing, checks and locks them. It loads
// nothing.
func Open(fsys vfs.FS, opt Options) (*Dir, error) {
	if opt.LogDir == "" {
		opt.LogDir = opt.DataDir
	}
	d := &Dir{
		fs: fsys, opt: opt, pins: map[*passage]struct{}{},
		snapDir: filepath.Join(opt.DataDir, versionDir), logDir: filepath.Join(opt.LogDir, versionDir),
	}
	if err := d.prepare(); err != nil {
		d.unlock()
		return nil, err
	}
	d.log = txnlog.Open(fsys, d.logDir, opt.Log)
	return d, nil
}

// prepare does what can fail at opening.
func (d *Dir) prepare() error {
	for _, dir := range d.dirs() {
		if err := d.makeDir(dir); err != nil {
			return err
		}
	}
	for _, dir := range d.dirs() {
		if err := d.lock(dir); err != nil {
			return err
		}
	}
	if err := d.checkMix(); err != nil {
		return err
	}
	return d.tidy()
}

// dirs returns the log directory and, if it is another, the snapshot directory.
func (d *Dir) dirs() []string {
	if d.logDir == d.snapDir {
		return []string{d.logDir}
	}
	return []string{d.logDir, d.snapDir}
}

func (d *Dir) makeDir(dir string) error {
	ok, err := d.exists(dir)
	if err != nil || ok {
		return err
	}
	if d.opt.NoAutoCreate {
		kind := "data"
		if dir != d.logDir {
			kind = "snap"
		}
		return &LoadError{ErrMissing, fmt.Sprintf("Missing %s directory %s, automatic data directory creation is disabled "+
			"(zookeeper.datadir.autocreate is false). Please create this directory manually.", kind, dir), "mkdir -p " + dir}
	}
	if err := d.fs.MkdirAll(dir); err != nil {
		return &LoadError{err, fmt.Sprintf("Unable to create data directory %s: %v", dir, err), "check owner and mode of the directories above"}
	}
	return nil
}

// checkMix refuses directories that were mixed up in the configuration.
func (d *Dir) checkMix() error {
	if d.logDir == d.snapDir {
		return nil
	}
	const text = "%s directory has %s files. Check if dataLogDir and dataDir configuration is correct."
	for _, c := range []struct{ dir, prefix, text string }{
		{d.logDir, snapshot.Prefix, fmt.Sprintf(text, "Log", "snapshot")},
		{d.snapDir, txnlog.Prefix, fmt.Sprintf(text, "Snapshot", "log")},
	} {
		names, err := d.fs.ReadDir(c.dir)
		if err != nil {
			return fmt.Errorf("list %s: %w", c.dir, err)
		}
		for _, name := range names {
			if strings.HasPrefix(name, c.prefix) {
				return &LoadError{ErrMixed, c.text, "found " + filepath.Join(c.dir, name)}
			}
		}
	}
	return nil
}

// tidy deletes what a crash has left half written, and finishes a replacement.
func (d *Dir) tidy() error {
	names, err := d.fs.ReadDir(d.snapDir)
	if err != nil {
		return fmt.Errorf("list %s: %w", d.snapDir, err)
	}
	for _, name := range names {
		switch final, ok := strings.CutPrefix(name, replacing); {
		case ok:
			if err := d.finishReplacement(final); err != nil {
				return fmt.Errorf("finish to replace all by %s: %w", final, err)
			}
		case strings.HasPrefix(name, unfinished):
			if err := d.fs.Remove(filepath.Join(d.snapDir, name)); err != nil {
				return fmt.Errorf("remove unfinished snapshot: %w", err)
			}
		}
	}
	return nil
}

// Log returns the transaction log. After Truncate and Replace it is another one.
func (d *Dir) Log() *txnlog.Log { return d.log }

// SnapshotDir returns the directory with the snapshots.
func (d *Dir) SnapshotDir() string { return d.snapDir }

// LogDir returns the directory with the logs.
func (d *Dir) LogDir() string { return d.logDir }

// Close closes the log, what was appended being durable, and unlocks the directory.
func (d *Dir) Close() error {
	err := d.log.Close()
	return errors.Join(err, d.unlock())
}

// Sizes returns how many bytes the files of both directories show, padding included;
// the same number twice if they are one directory.
func (d *Dir) Sizes() (data, logs int64, err error) {
	if data, err = d.size(d.snapDir); err != nil || d.logDir == d.snapDir {
		return data, data, err
	}
	logs, err = d.size(d.logDir)
	return data, logs, err
}

func (d *Dir) size(dir string) (int64, error) {
	names, err := d.fs.ReadDir(dir)
	if err != nil {
		return 0, fmt.Errorf("list %s: %w", dir, err)
	}
	var sum int64
	for _, name := range names {
		if name == lockFile {
			continue // Java's number does not have it
		}
		info, err := d.fs.Stat(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // purged meanwhile
		}
		if err != nil {
			return 0, fmt.Errorf("size of %s: %w", dir, err)
		}
		sum += info.Size()
	}
	return sum, nil
}

// limit is the longest buffer or string that is read.
func (d *Dir) limit() int {
	if d.opt.Log.Limit > 0 {
		return d.opt.Log.Limit
	}
	return jute.DefaultLimit
}
