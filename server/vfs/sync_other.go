//go:build !linux

package vfs

// SyncData makes the content durable.
func (f osFile) SyncData() error { return f.Sync() }
