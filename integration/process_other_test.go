//go:build !linux

package integration

import (
	"errors"
	"syscall"
)

func childAttributes() *syscall.SysProcAttr { return nil }

func peakMemory(int) (int64, error) { return 0, errors.ErrUnsupported }
