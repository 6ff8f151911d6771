package txnlog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
)

// TestCopyUpTo copies a log to a transaction that is in it, whatever is behind.
func TestCopyUpTo(t *testing.T) {
	const damaged = "../storage/testdata/datadirs/log-corrupt-middle/data/version-2/log.42" // 0x46 is
	f := func(zxid proto.Zxid, left, records int) {
		t.Helper()
		var b bytes.Buffer
		got, err := txnlog.CopyUpTo(vfs.OS(), damaged, &b, 0, zxid)
		if records == 0 {
			if err == nil {
				t.Errorf("%v: copied", zxid)
			}
			return
		}
		if err != nil || got != left {
			t.Errorf("%v: %d left out, %v; want %d", zxid, got, err, left)
		}
		name := filepath.Join(t.TempDir(), "log.42")
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		if rep, err := txnlog.Check(vfs.OS(), name, 0); err != nil || rep.Records != records || rep.Last != zxid || len(rep.Bad) > 0 {
			t.Errorf("%v: %+v, %v", zxid, rep, err)
		}
	}
	f(0x45, 24, 4)
	f(0x42, 27, 1)
	f(0x46, 0, 0) // it cannot be known that it is right
	f(0x5d, 0, 0)
	f(0x41, 0, 0)
}

// TestHeader returns what is in a file's header.
func TestHeader(t *testing.T) {
	s, err := txnlog.NewScanner(bytes.NewReader(append([]byte("ZKLG\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x4d"), make([]byte, 20)...)), "x", 0)
	if err != nil {
		t.Fatal(err)
	}
	if version, dbid := s.Header(); version != 9 || dbid != 77 {
		t.Errorf("got %d, %d", version, dbid)
	}
}
