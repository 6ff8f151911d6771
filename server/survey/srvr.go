package survey

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Server is what a server answers to srvr.
type Server struct {
	Version        string
	Mode           string // standalone, leader, follower, observer, read-only
	Zxid           uint64 // of the last transaction applied
	MinLatency     float64
	AvgLatency     float64 // milliseconds, as are the other two, since the start or srst
	MaxLatency     float64
	Received, Sent int64 // packets
	Connections    int64
	Outstanding    int64
	Nodes          int64
}

// errNoServer says that the answer is not that of a ZooKeeper server.
var errNoServer = errors.New("the answer to srvr is not that of a ZooKeeper server")

// Summary asks a server for srvr.
func Summary(address string, limit time.Duration) (Server, error) {
	text, err := Want(address, "srvr", limit)
	if err != nil {
		return Server{}, err
	}
	return ReadSummary(text)
}

// ReadSummary reads the answer to srvr.
func ReadSummary(text string) (Server, error) {
	var s Server
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		s.line(name, value)
	}
	if s.Mode == "" {
		return Server{}, errNoServer
	}
	return s, nil
}

// line takes in one line. Those that are not known are passed over: versions differ.
func (s *Server) line(name, value string) {
	switch name {
	case "Zookeeper version":
		s.Version, _, _ = strings.Cut(value, ",")
	case "Mode":
		s.Mode = value
	case "Zxid":
		s.Zxid, _ = strconv.ParseUint(strings.TrimPrefix(value, "0x"), 16, 64)
	case "Latency min/avg/max":
		if parts := strings.Split(value, "/"); len(parts) == 3 {
			s.MinLatency, s.AvgLatency, s.MaxLatency = number(parts[0]), number(parts[1]), number(parts[2])
		}
	case "Received":
		s.Received = int64(number(value))
	case "Sent":
		s.Sent = int64(number(value))
	case "Connections":
		s.Connections = int64(number(value))
	case "Outstanding":
		s.Outstanding = int64(number(value))
	case "Node count":
		s.Nodes = int64(number(value))
	}
}

// number returns 0 for what is none.
func number(text string) float64 {
	f, _ := strconv.ParseFloat(text, 64)
	return f
}

// Lag says by how many transactions zxid is behind another. Across epochs nobody can tell
// how many there were; that is -1.
func Lag(zxid, newest uint64) int64 {
	switch {
	case zxid >= newest:
		return 0
	case zxid>>32 != newest>>32:
		return -1
	}
	return int64(newest - zxid)
}
