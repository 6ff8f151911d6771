package peer

import (
	"net"
	"syscall"
	"testing"
	"time"
)

// TestMeshWatchesConnections wants the system to find out that the other end is gone.
func TestMeshWatchesConnections(t *testing.T) {
	t.Parallel()
	m := openMesh(t, MeshConfig{Self: 1, KeepAlive: true, HandshakeTimeout: 7 * time.Second})
	w := newJava(t, 2).dial(m)
	w.send("a")
	m.until(t, "2:a") // it is tuned
	m.Mesh.mu.Lock()
	conn := m.contacts[2].wire.conn.(*net.TCPConn)
	m.Mesh.mu.Unlock()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	option := func(level, name, want int) {
		t.Helper()
		err := raw.Control(func(fd uintptr) {
			if got, err := syscall.GetsockoptInt(int(fd), level, name); err != nil || got != want {
				t.Errorf("option %d: got %d, %v, want %d", name, got, err, want)
			}
		})
		if err != nil {
			t.Error(err)
		}
	}
	option(syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1)
	option(syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15)
	option(syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 10)
	option(syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 3)
	option(syscall.IPPROTO_TCP, tcpUserTimeout, 7000)
	option(syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
}
