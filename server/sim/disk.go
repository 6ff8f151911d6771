package sim

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"syscall"

	"gokeeper/server/vfs"
)

// powerFailure and killed are the panics by which a server ends in front of an operation.
type (
	powerFailure struct{}
	killed       struct{}
)

// errNoPower is what a server gets that touches its disk after the end: only what is
// deferred does.
var errNoPower = errors.New("the power has failed")

// disk is what a server keeps when it is down. The file system in memory knows what was
// synced; here operations fail or are the last.
type disk struct {
	mem      *vfs.Mem
	fs       vfs.FS
	random   *source
	dead     bool          // until the server starts again
	crashLog int           // crashIn at the creation of the next log; 0: leave it
	crashIn  int           // operations until the power fails; 0: it does not
	spared   bool          // it is only the process that ends then
	broken   syscall.Errno // of every operation that writes, while it is set
	failIn   int           // operations until one fails; 0: none does
	reads    bool          // it is one that reads, not one that writes
	failure  syscall.Errno // which error it gets
	sealed   string        // a file that cannot be written; "": none
	hurt     bool          // an operation has failed since the server started
	ops      int           // that were done
	synced   int           // operations that made something durable
	during   func(vfs.Op)  // what other stages of the server do meanwhile; nil: nothing
}

func newDisk(random *source) *disk {
	d := &disk{random: random}
	d.replace(vfs.NewMem())
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

// reads are the operations that need a working device to learn what it holds.
func reads(op vfs.Op) bool {
	switch op {
	case vfs.OpOpen, vfs.OpRead, vfs.OpReadDir, vfs.OpStat:
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
			if d.spared {
				panic(killed{})
			}
			panic(powerFailure{})
		}
	}
	if d.crashLog > 0 && op == vfs.OpCreate && strings.HasPrefix(filepath.Base(name), "log.") {
		d.crashIn, d.crashLog = d.crashLog, 0
	}
	if err := d.fault(op, name); err != nil {
		d.hurt = true
		return err
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

// fault is the error of an operation, if it fails.
func (d *disk) fault(op vfs.Op, name string) error {
	switch {
	case strings.HasSuffix(name, "gokeeper.lock"):
		return nil
	case d.broken != 0 && writes(op):
		return d.broken
	case d.sealed != "" && writes(op) && strings.HasPrefix(name, d.sealed):
		return syscall.EIO
	case d.failIn == 0 || d.reads && !reads(op) || !d.reads && !writes(op):
		return nil
	}
	if d.failIn--; d.failIn > 0 {
		return nil
	}
	switch op {
	case vfs.OpSync:
		d.mem.FailSync(name)
	case vfs.OpWrite:
		return &vfs.ShortError{Part: uint8(d.random.IntN(256)), Err: d.failure}
	}
	return d.failure
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
func (d *disk) powerOn() { d.dead, d.crashIn, d.spared, d.hurt, d.during = false, 0, false, false, nil }

// replace puts another disk in the place of this one.
func (d *disk) replace(mem *vfs.Mem) {
	d.mem = mem
	d.fs = vfs.Failing(d.mem, d.operation)
}
