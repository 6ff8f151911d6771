package snapshot_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"gokeeper/server/snapshot"
	"gokeeper/server/vfs"
)

// TestScanFile reads files of every compression, names them in its errors, and tells how
// far it is.
func TestScanFile(t *testing.T) {
	const dirs = "../storage/testdata/datadirs/"
	for name, want := range map[string]snapshot.Compression{
		"java-3.9.6-standalone/data/version-2/snapshot.41":        snapshot.Plain,
		"snapshots-gz/data/version-2/snapshot.56.gz":              snapshot.Gzip,
		"snapshots-snappy/data/version-2/snapshot.56.snappy":      snapshot.Snappy,
		"snapshot-corrupt-newest/data/version-2/snapshot.41":      snapshot.Plain,
		"many-logs-and-snapshots/data/version-2/snapshot.missing": -1,
	} {
		var n int64
		_, err := snapshot.ScanFile(vfs.OS(), dirs+name, 0, snapshot.Discard{}, func(k int64) { n = k })
		b, rerr := os.ReadFile(dirs + name)
		switch {
		case want < 0:
			if !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		case strings.Contains(name, "corrupt"):
			if !errors.Is(err, snapshot.ErrSeal) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		}
		if rerr != nil || n != int64(len(b)) || snapshot.CompressionOfBytes(b[:4]) != want {
			t.Errorf("%s: %d bytes of %d, compression %v, %v", name, n, len(b), snapshot.CompressionOfBytes(b[:4]), rerr)
		}
	}
}
