//go:build !linux

package integration

import (
	"errors"
	"syscall"
	"testing"
)

func childAttributes() *syscall.SysProcAttr { return nil }

func peakMemory(int) (int64, error) { return 0, errors.ErrUnsupported }

func residentMemory(int) (int64, error) { return 0, errors.ErrUnsupported }

func smallDisk(t *testing.T, _, _ string) func(size string) {
	t.Skip("no file system of its own on this system")
	return nil
}

func frozen(int) bool { return true }
