//go:build !linux

package vfs

// SyncData makes the content durable.
func (f osFile) SyncData() error { return f.Sync() }

// Forget does nothing.
func (f osFile) Forget() error { return nil }
