package txnlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"path/filepath"
	"strings"

	"gokeeper/server/jute"
	"gokeeper/server/vfs"
)

// CutTorn cuts from the newest file a record that a reader has found damaged, if nothing
// whole lies behind it, and says whether it did. That is what a crash leaves of the write
// that was under way: not only its end can be missing. Java refuses such a file. A damaged
// record with others behind it, or in an older file, was synced, and is left alone.
func CutTorn(fs vfs.FS, dir string, bad *CorruptError, limit int) (bool, error) {
	files, err := Files(fs, dir)
	if err != nil {
		return false, err
	}
	name := files[len(files)-1].Name
	if !errors.Is(bad, ErrChecksum) && !errors.Is(bad, ErrLength) || filepath.Join(dir, name) != bad.File {
		return false, nil
	}
	f, err := fs.Open(bad.File)
	if err != nil {
		return false, fmt.Errorf("open log: %w", err)
	}
	defer f.Close()
	if found, err := wholeBehind(f, bad, limit); found || err != nil {
		return false, err
	}
	if err := shorten(fs, dir, name, f, bad.Offset); err != nil {
		return false, fmt.Errorf("cut %s at %d: %w", bad.File, bad.Offset, err)
	}
	return true, nil
}

// wholeBehind says whether a whole record begins anywhere behind a damaged one: its length
// may be what is damaged.
func wholeBehind(f vfs.File, bad *CorruptError, limit int) (bool, error) {
	b, err := readFrom(f, bad.File, bad.Offset)
	if err != nil {
		return false, err
	}
	if limit <= 0 {
		limit = jute.DefaultLimit
	}
	for at := 1; at+Overhead+minBody <= len(b); at++ {
		n := int(int32(binary.BigEndian.Uint32(b[at+8:])))
		if n < minBody || n > limit || at+n+Overhead > len(b) || b[at+n+Overhead-1] != endByte {
			continue
		}
		if body := b[at+recordHead : at+recordHead+n]; uint64(adler32.Checksum(body)) == binary.BigEndian.Uint64(b[at:]) {
			return true, nil
		}
	}
	return false, nil
}

// readFrom returns what stands in a file from an offset on, without the zeros at the end.
func readFrom(f vfs.File, path string, at int64) ([]byte, error) {
	size, err := f.Size()
	if err != nil {
		return nil, fmt.Errorf("size of %s: %w", path, err)
	}
	b := make([]byte, max(size-at, 0))
	if n, err := f.ReadAt(b, at); err != nil && n < len(b) {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return bytes.TrimRight(b, "\x00"), nil
}

// SyncNewest makes the newest file durable. The process before this one may have ended
// between a write and its sync: what a start reads then counts as durable. If it fails the
// file holds, for the next start, what the disk has.
func SyncNewest(fs vfs.FS, dir string) error {
	files, err := Files(fs, dir)
	if err != nil || len(files) == 0 {
		return err
	}
	f, err := fs.Open(filepath.Join(dir, files[len(files)-1].Name))
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	if err = f.Sync(); err != nil {
		_ = f.Forget() // else the next start would find it synced
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = fs.SyncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("sync what was found of the log: %w", err)
	}
	return nil
}

// RemoveUnfinished deletes what a crash has left of Truncate, and the newest file if a
// crash at its creation left it without a header, or with a damaged one and nothing else.
// It returns the name of that file, "" if there was none. Without that the file would no
// longer be the newest after the next start.
func RemoveUnfinished(fs vfs.FS, dir string) (string, error) {
	if err := removeCopies(fs, dir); err != nil {
		return "", err
	}
	files, err := Files(fs, dir)
	if err != nil || len(files) == 0 {
		return "", err
	}
	name := files[len(files)-1].Name
	path := filepath.Join(dir, name)
	f, err := fs.Open(path)
	if err != nil {
		return "", fmt.Errorf("open log: %w", err)
	}
	_, err = NewScanner(f, path, 0)
	empty := errors.Is(err, ErrHeaderCut)
	if errors.Is(err, ErrMagic) {
		rest, rerr := readFrom(f, path, HeaderSize)
		empty, err = len(rest) == 0, errors.Join(err, rerr)
	}
	f.Close()
	var corrupt *CorruptError
	switch {
	case err != nil && !errors.As(err, &corrupt):
		return "", err
	case !empty:
		return "", nil // good, or the reader's to complain about
	}
	if err := fs.Remove(path); err != nil {
		return "", fmt.Errorf("remove empty log: %w", err)
	}
	if err := fs.SyncDir(dir); err != nil {
		return "", fmt.Errorf("remove empty log: %w", err)
	}
	return name, nil
}

// removeCopies deletes copies that were to take the place of a log and did not.
func removeCopies(fs vfs.FS, dir string) error {
	names, err := fs.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list logs: %w", err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, unfinished+Prefix) {
			if err := fs.Remove(filepath.Join(dir, name)); err != nil {
				return fmt.Errorf("remove unfinished log: %w", err)
			}
		}
	}
	return nil
}
