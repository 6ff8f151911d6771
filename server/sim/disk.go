package sim

import (
	"errors"
	"math/rand/v2"
	"strings"
	"syscall"

	"gokeeper/server/vfs"
)

// powerFailure is the panic by which a server ends in the middle of an operation.
type powerFailure struct{}

// errNoPower is what a server gets that touches its disk after the end: only what is
// deferred does.
var errNoPower = errors.New("the power has failed")

// disk is what a server keeps when it is down. The file system in memory knows what was
// synced; here operations fail or are the last.
type disk struct {
	mem     *vfs.Mem
	fs      vfs.FS
	random  *source
	dead    bool          // until the server starts again
	crashIn int           // operations until the power fails; 0: it does not
	broken  syscall.Errno // of every operation that writes, while it is set
	ops     int           // that were done
	synced  int           // operations that made something durable
	during  func(vfs.Op)  // what other stages of the server do meanwhile; nil: nothing
}

func newDisk(random *source) *disk {
	d := &disk{mem: vfs.NewMem(), random: random}
	d.fs = vfs.Failing(d.mem, d.operation)
	return d
}

// writes are the operations that need space or a working device.
func writes(op vfs.Op) bool {
	switch op {
	case vfs.OpCreate, vfs.OpWrite, vfs.OpSync, vfs.OpSyncDir, vfs.OpMkdir, vfs.OpRename, vfs.OpTruncate:
		return true
	}
	return false
}

// operation is asked before each operation.
func (d *disk) operation(op vfs.Op, name string) error {
	if d.dead {
		return errNoPower
	}
	d.ops++
	if d.crashIn > 0 {
		if d.crashIn--; d.crashIn == 0 {
			d.dead = true
			panic(powerFailure{})
		}
	}
	if d.broken != 0 && writes(op) && !strings.HasSuffix(name, "gokeeper.lock") {
		return d.broken
	}
	if d.during != nil {
		d.during(op)
	}
	switch op {
	case vfs.OpSync, vfs.OpSyncDir, vfs.OpRename, vfs.OpRemove, vfs.OpTruncate:
		d.synced++
	}
	return nil
}

// powerOff loses what was not synced.
func (d *disk) powerOff() {
	d.dead = true
	d.mem.Crash(rand.New(rand.NewPCG(d.random.Uint64(), d.random.Uint64())))
}

// killed is the end of the process only.
func (d *disk) killed() {
	d.dead = true
	d.mem.Kill()
}

// powerOn lets the server start again.
func (d *disk) powerOn() { d.dead, d.crashIn, d.during = false, 0, nil }

// wipe replaces the disk by an empty one.
func (d *disk) wipe() {
	d.mem = vfs.NewMem()
	d.fs = vfs.Failing(d.mem, d.operation)
}
