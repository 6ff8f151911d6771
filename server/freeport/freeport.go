// Package freeport finds free TCP ports, for tests of servers that must know their ports
// before they start, and have them again when they start again.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Ports are given from [lowest, lowest+count): below those that Linux gives to whoever
// asks for any and to who connects, so that no client takes one while a server restarts.
const (
	lowest = 16000
	count  = 16000
)

// given holds what One returned.
var given sync.Map

// One returns a port that nobody listens on at 127.0.0.1, and never the same twice in a
// process. It fails the test if there is none. Any goroutine of the test may call it.
func One(t testing.TB) int {
	t.Helper()
	for range count {
		port := lowest + rand.IntN(count)
		if _, again := given.LoadOrStore(port, true); again {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			_ = l.Close() // nobody has connected
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// Some returns n such ports.
func Some(t testing.TB, n int) []int {
	t.Helper()
	free := make([]int, n)
	for i := range free {
		free[i] = One(t)
	}
	return free
}
