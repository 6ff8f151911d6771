package server

import (
	"fmt"
	"slices"
	"strings"

	"gokeeper/server/member"
	"gokeeper/server/quorum"
)

// probe is the server as probes see it.
type probe struct{ s *Server }

// Version implements [admin.Probe], as does NotReady.
func (p probe) Version() string { return p.s.opt.Version }

// NotReady says why clients are not served.
func (p probe) NotReady() []string {
	s := p.s
	if !s.opened.Load() {
		return []string{p.loading()}
	}
	serving, readOnly := s.replica.Serving()
	switch {
	case readOnly:
		return append([]string{"only reads are served: there is no leader"}, p.missing()...)
	case serving:
		return nil
	}
	switch s.replica.Role() {
	case member.Leading:
		if s.cfg.LeaderServes {
			return append([]string{"elected to lead, a quorum is not up to date yet"}, p.missing()...)
		}
		return []string{"this server leads, and leaders serve no clients (leaderServes=no)"}
	case member.Following, member.Observing:
		return []string{"a leader is found and brings this server up to date"}
	}
	return append([]string{"no leader is elected"}, p.missing()...)
}

// loading says how far the data directory is read.
func (p probe) loading() string {
	l := p.s.loading.Now()
	if l.Snapshot == "" {
		return "loading the data directory"
	}
	return fmt.Sprintf("loading the data directory: %d of %d bytes of %s, %d transactions behind it", l.Read, l.Size, l.Snapshot, l.Replayed)
}

// missing says which voters this server is not connected to for elections.
func (p probe) missing() []string {
	reached := p.s.peers.Reached()
	var lines []string
	for _, m := range p.s.members.current.Load().Members {
		if m.Role != quorum.Participant || m.ID == p.s.cfg.MyID || slices.Contains(reached, m.ID) {
			continue
		}
		lines = append(lines, fmt.Sprintf("server %v is not connected (%s)", m.ID, strings.Join(elections(&m), ", ")))
	}
	if lines == nil {
		lines = []string{"all voters are connected"}
	}
	return lines
}
