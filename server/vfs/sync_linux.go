package vfs

import (
	"errors"
	"os"
	"syscall"
)

// SyncData makes the content durable. The descriptor is used directly: one that is
// registered with the poller would not behave differently, files are not.
func (f osFile) SyncData() error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
