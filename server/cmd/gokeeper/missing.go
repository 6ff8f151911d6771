package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"gokeeper/server/config"
	"gokeeper/server/quorum"
)

// probeLimit is how long another member may take to accept a connection.
const probeLimit = 500 * time.Millisecond

// noQuorum tells why a member that runs does not serve: which others cannot be reached.
func (c *control) noQuorum(cfg *config.Config) {
	missing := unreachable(cfg)
	if len(missing) == 0 {
		fmt.Fprintln(c.stdout, "The server runs and is looking for a leader; all other members can be reached.")
		return
	}
	fmt.Fprintf(c.stdout, "The server runs, but there is no quorum: it cannot reach %s.\n", strings.Join(missing, ", "))
}

// unreachable tries the election ports of all other members, and returns those of which
// none accepts a connection.
func unreachable(cfg *config.Config) []string {
	answers := make(chan string)
	n := 0
	for _, m := range cfg.Servers.Members {
		if m.ID == cfg.MyID {
			continue
		}
		n++
		go func() { answers <- probe(m) }()
	}
	var missing []string
	for range n {
		if a := <-answers; a != "" {
			missing = append(missing, a)
		}
	}
	slices.Sort(missing)
	return missing
}

// probe returns "" when the member accepts connections, otherwise what to call it.
func probe(m quorum.Member) string {
	var tried []string
	for _, a := range m.Addresses {
		address := a.Election().String()
		conn, err := net.DialTimeout("tcp", address, probeLimit)
		if err == nil {
			conn.Close()
			return ""
		}
		tried = append(tried, address)
	}
	return fmt.Sprintf("server.%v (%s)", m.ID, strings.Join(tried, "|"))
}
