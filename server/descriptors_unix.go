//go:build unix

package server

import (
	"os"
	"syscall"
)

// descriptors returns how many file descriptors this process has open and may have,
// -1 when that cannot be known.
func descriptors() (open, most int64) {
	open, most = -1, -1
	if names, err := os.ReadDir("/proc/self/fd"); err == nil {
		open = int64(len(names))
	}
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err == nil {
		most = int64(l.Cur)
	}
	return open, most
}
