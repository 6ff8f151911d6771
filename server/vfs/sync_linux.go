package vfs

import "syscall"

// SyncData makes the content durable.
func (f osFile) SyncData() error { return control(f.File, "fdatasync", syscall.Fdatasync) }
