package server_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"gokeeper/server"
	"gokeeper/server/proto"
	"gokeeper/server/vfs"
)

// TestDiskFails lets the disk fail under load, in each way that it can. The server must
// end with the reason, and what it acknowledged must be there after a power failure.
func TestDiskFails(t *testing.T) {
	for name, c := range map[string]struct {
		op    vfs.Op
		file  string
		cause error
		want  string // in what Run returns
	}{
		"sync of the log":          {vfs.OpSync, "/log.", syscall.EIO, "transaction log"},
		"full log":                 {vfs.OpWrite, "/log.", syscall.ENOSPC, "transaction log"},
		"no space for a longer":    {vfs.OpTruncate, "/log.", syscall.ENOSPC, "transaction log"},
		"no space for another":     {vfs.OpCreate, "/log.", syscall.ENOSPC, "transaction log"},
		"directory of the log":     {vfs.OpSyncDir, "", syscall.EIO, ""}, // who is first: log or snapshot
		"no space for a snapshot":  {vfs.OpCreate, "snapshot.", syscall.ENOSPC, "snapshot"},
		"full snapshot":            {vfs.OpWrite, "snapshot.", syscall.ENOSPC, "snapshot"},
		"sync of the snapshot":     {vfs.OpSync, "snapshot.", syscall.EIO, "snapshot"},
		"renaming of the snapshot": {vfs.OpRename, "snapshot.", syscall.EIO, "snapshot"},
	} {
		t.Run(name, func(t *testing.T) {
			var broken atomic.Bool
			mem := vfs.NewMem()
			fsys := vfs.Failing(mem, func(op vfs.Op, name string) error {
				if broken.Load() && op == c.op && strings.Contains(name, c.file) {
					return c.cause
				}
				return nil
			})
			cfg := configure(t, "/data", "snapCount=200")
			r := start(t, cfg, server.Options{FS: fsys})
			l := r.load(4)
			l.await(50)
			broken.Store(true)
			if err := r.wait(); !errors.Is(err, c.cause) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Run: %v, want %q and %v", err, c.want, c.cause)
			}
			l.wait()
			noGoroutines(t)
			broken.Store(false)
			mem.Crash(nil)
			l.kept(start(t, cfg, server.Options{FS: mem}).mustConnect(nil))
		})
	}
}

// TestSyncFails wants a write that cannot be made durable to have no answer at all, even
// while the server is up, and to be gone afterwards.
func TestSyncFails(t *testing.T) {
	var broken atomic.Bool
	mem := vfs.NewMem()
	fsys := vfs.Failing(mem, func(op vfs.Op, name string) error {
		if broken.Load() && op == vfs.OpSync && strings.Contains(name, "/log.") {
			return syscall.EIO
		}
		return nil
	})
	r := start(t, configure(t, "/data"), server.Options{FS: fsys})
	c := r.mustConnect(nil)
	c.create("/before", "", proto.FlagPersistent)
	broken.Store(true)
	c.send(proto.OpCreate, createRecord("/after", "", proto.FlagPersistent))
	if b, err := c.read(); err == nil {
		t.Errorf("acknowledged: %x", b)
	}
	if err := r.wait(); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "transaction log") {
		t.Errorf("Run: %v, want %v", err, syscall.EIO)
	}
	broken.Store(false)
	mem.Crash(nil)
	c = start(t, configure(t, "/data"), server.Options{FS: mem}).mustConnect(nil)
	c.holds("/before", "")
	if _, code := c.get("/after"); code != proto.NoNode {
		t.Errorf("/after: %v, want %v", code, proto.NoNode)
	}
}
