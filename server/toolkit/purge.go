package toolkit

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"gokeeper/server/storage"
)

// purgeDate is DateFormat's default of the US locale.
const purgeDate = "Jan 2, 2006, 3:04:05 PM"

// purge is the command line of PurgeTxnLog. Unlike Java it leaves a directory alone on
// which a server of this kind runs: that one purges by itself, and knows which files are
// being sent to a learner.
func (s Streams) purge(args []string) int {
	if len(args) < 3 || len(args) > 4 || args[len(args)-2] != "-n" {
		return s.usage(s.Out, 1, usagePurge, "")
	}
	count, err := strconv.Atoi(args[len(args)-1])
	switch {
	case err != nil:
		return s.usage(s.Out, 1, usagePurge, fmt.Sprintf("'%s' can not be parsed to integer.", args[len(args)-1]))
	case count < storage.MinRetain:
		return s.usage(s.Out, 1, usagePurge, "count should be greater than or equal to 3")
	}
	logs, snaps := args[0], args[len(args)-3]
	d, err := storage.Open(s.FS, storage.Options{DataDir: snaps, LogDir: logs, NoAutoCreate: true, Owner: "a purge"})
	if errors.Is(err, storage.ErrInUse) {
		return s.fail(1, fmt.Errorf("%w; a running server purges by itself: set autopurge.snapRetainCount and autopurge.purgeInterval", err))
	}
	if err != nil {
		return s.fail(1, err)
	}
	times, err := s.times(d)
	if err != nil {
		return s.fail(1, errors.Join(err, d.Close()))
	}
	removed, err := d.Purge(count)
	for _, path := range removed {
		fmt.Fprintf(s.Out, "Removing file: %s\t%s\n", times[path].In(s.Zone).Format(purgeDate), path)
	}
	if err := errors.Join(err, d.Close()); err != nil {
		return s.fail(1, err)
	}
	return 0
}

// times returns when each file of the directory was last written, by path.
func (s Streams) times(d *storage.Dir) (map[string]time.Time, error) {
	times := map[string]time.Time{}
	for _, dir := range []string{d.SnapshotDir(), d.LogDir()} {
		names, err := s.FS.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			path := filepath.Join(dir, name)
			info, err := s.FS.Stat(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			times[path] = info.ModTime()
		}
	}
	return times, nil
}
