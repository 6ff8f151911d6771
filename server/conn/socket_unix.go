//go:build unix

package conn

import (
	"io"
	"net"
	"syscall"
)

// rawConn returns the descriptor of a TCP socket, nil for anything else.
func rawConn(nc net.Conn) syscall.RawConn {
	tc, ok := nc.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// onReadable reads once; false means that there was nothing and to wait.
func (s *socket) onReadable(fd uintptr) bool {
	room := s.in.room(s.need)
	for {
		n, err := syscall.Read(int(fd), room)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			s.in.park()
			s.n, s.readErr = 0, nil
			return s.polled
		case err != nil:
			s.n, s.readErr = 0, err
		case n == 0:
			s.n, s.readErr = 0, io.EOF
		default:
			s.n, s.readErr = n, nil
		}
		return true
	}
}

// onWritable writes until everything is sent or the socket is full. It never waits.
func (s *socket) onWritable(fd uintptr) bool {
	for s.sent < len(s.out) {
		n, err := syscall.Write(int(fd), s.out[s.sent:])
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return true
		case err != nil:
			s.writeErr = err
			return true
		default:
			s.sent += n
		}
	}
	return true
}
