//go:build !linux

package peer

import (
	"net"
	"time"
)

// setUserTimeout leaves it to the system how long something sent may stay without
// acknowledgement.
func setUserTimeout(*net.TCPConn, time.Duration) error { return nil }
