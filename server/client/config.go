package client

import (
	"context"
	"net"
	"time"

	"gokeeper/server/sasl"
)

// Config says how a client connects.
type Config struct {
	Servers  string        // connect string: host:port,host:port/chroot
	Timeout  time.Duration // of the session, asked for; 0 is DefaultTimeout. The server decides
	ReadOnly bool          // be content with a server that serves reads alone, while no other is found
	Watcher  func(Event)   // told of session and watch events; nil for nobody. See the package comment

	// Login is who to log in as by SASL, on every connection, before anything else is asked
	// for; nil for nobody. When a server refuses it the client ends with AuthFailed.
	Login *sasl.Credentials

	// Dial opens a connection; nil is TCP.
	Dial func(ctx context.Context, address string) (net.Conn, error)
	// Retry is how long to wait when all servers were tried in vain, at most; half of it at
	// least, at random, lest all clients come back at once. 0 is DefaultRetry.
	Retry time.Duration
}

// Defaults of a Config. Java's shell asks for the same timeout, and Java's client waits up
// to the same time between rounds.
const (
	DefaultTimeout = 30 * time.Second
	DefaultRetry   = time.Second
)

// complete puts the defaults where nothing is said.
func (c Config) complete() Config {
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Retry <= 0 {
		c.Retry = DefaultRetry
	}
	if c.Watcher == nil {
		c.Watcher = func(Event) {}
	}
	if c.Dial == nil {
		c.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", address)
		}
	}
	return c
}
