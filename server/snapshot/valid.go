package snapshot

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"gokeeper/server/vfs"
)

// minSize is the shortest file that Valid looks at, as in Java.
const minSize = 10

// Valid says whether a file looks whole, without reading it: a plain file ends with
// the string "/", a compressed one begins as its format does. It is what Java's
// choice among snapshots and its purge go by. An error means that the file could
// not be read at all.
func Valid(fs vfs.FS, path string) (bool, error) {
	f, err := fs.Open(path)
	if err != nil {
		return false, fmt.Errorf("open snapshot: %w", err)
	}
	defer f.Close()
	switch CompressionOf(filepath.Base(path)) {
	case Gzip:
		return hasAt(f, 0, gzipMagic)
	case Snappy:
		return hasAt(f, 0, string(snappyHeader[:snappyMagic]))
	}
	size, err := f.Size()
	if err != nil {
		return false, fmt.Errorf("open snapshot: %w", err)
	}
	if size < minSize {
		return false, nil
	}
	return hasAt(f, size-5, "\x00\x00\x00\x01/")
}

// hasAt says whether the bytes stand at the offset.
func hasAt(r io.ReaderAt, off int64, want string) (bool, error) {
	b := make([]byte, len(want))
	n, err := r.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read snapshot: %w", err)
	}
	return string(b[:n]) == want, nil
}
