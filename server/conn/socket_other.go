//go:build !unix

package conn

import (
	"net"
	"syscall"
)

// rawConn returns nil: only unix sockets can be read and written without waiting.
func rawConn(net.Conn) syscall.RawConn { return nil }

func (s *socket) onReadable(uintptr) bool { return true }
func (s *socket) onWritable(uintptr) bool { return true }
