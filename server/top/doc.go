// Package top draws what the servers of an ensemble are doing, for a terminal: members,
// rates, latencies, the busiest clients and namespaces. It asks in four-letter words, and
// where the whitelist keeps one back, the admin server's command of the same content; both
// are Java's, so that it shows Java's servers too.
//
//	Collect ── survey ──→ Sample ─┐
//	                              ├─ Frame ──→ lines
//	             Sample before it ┘
//
// What neither gives is left out, and said why. Everything may be called from any goroutine.
package top

import (
	"time"

	"gokeeper/server/survey"
)

// Sample is what the servers said at a time.
type Sample struct {
	Taken   time.Time
	Servers []Server
}

// Server is what one server said.
type Server struct {
	Address string // HOST:PORT of its clients
	Err     error  // why it said nothing
	Summary survey.Server
	Values  map[string]float64 // of mntr, without the prefix zk_
	NoMore  error              // why Values or Clients are missing
	Clients []Client
}

// Client is a client connection. Counters only grow.
type Client struct {
	Remote  string
	Session string
	LastOp  string
	Packets float64 // received from it
	Latency float64 // milliseconds, mean
}
