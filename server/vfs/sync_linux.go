package vfs

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// SyncData makes the content durable.
func (f osFile) SyncData() error { return control(f.File, "fdatasync", syscall.Fdatasync) }

// Forget drops the pages that the kernel takes for written.
func (f osFile) Forget() error {
	return control(f.File, "fadvise", func(fd int) error { return unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED) })
}
