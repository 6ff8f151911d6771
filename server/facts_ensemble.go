package server

import (
	"cmp"
	"slices"
	"strconv"

	"gokeeper/server/admin"
	"gokeeper/server/config"
	"gokeeper/server/member"
	"gokeeper/server/metrics"
	"gokeeper/server/quorum"
	"gokeeper/server/replica"
)

// memberConf returns what conf shows of a member of an ensemble.
func memberConf(c *config.Config, servers *quorum.Config) *admin.MemberConf {
	out := &admin.MemberConf{
		InitLimit: c.InitLimit, SyncLimit: c.SyncLimit, Observer: servers.IsObserver(c.MyID),
		Membership: servers.Lines(), Version: servers.Version,
	}
	if own, ok := servers.Member(c.MyID); ok {
		a := own.Addresses[0]
		out.ElectionPort, out.QuorumPort = strconv.Itoa(a.ElectionPort), strconv.Itoa(a.QuorumPort)
	}
	return out
}

// measureLearners observes what waits for the learners of a leader.
func (s *Server) measureLearners() {
	if s.peers == nil || s.replica.Role() != member.Leading {
		return
	}
	inspect(s, func(m *member.Member) (none struct{}) {
		for _, x := range m.Followers() {
			if _, t, ok := s.peers.traffic(x.Link); ok {
				s.metrics.LearnerQueueSize.Observe(x.Server.String(), int64(t.Queued), 1)
				s.metrics.LearnerQueueTime.Observe(x.Server.String(), t.Waits.Milliseconds(), 1)
			}
		}
		return none
	})
}

// globalSessions returns all sessions of the ensemble.
func (s *Server) globalSessions() []admin.Timeout {
	var out []admin.Timeout
	for id, timeout := range s.db.Sessions() {
		out = append(out, admin.Timeout{Session: id, Milliseconds: timeout})
	}
	slices.SortFunc(out, func(a, b admin.Timeout) int { return cmp.Compare(a.Session, b.Session) })
	return out
}

// proposals returns the sizes of a leader's proposals, nil for other servers.
func (s *Server) proposals() *admin.Sizes {
	if s.replica.Role() != member.Leading {
		return nil
	}
	p := s.replica.Proposals()
	return &admin.Sizes{Last: int64(p.Last), Min: int64(p.Min), Max: int64(p.Max)}
}

// peerStates are the roles as mntr shows them beside the phase.
var peerStates = map[member.Role]string{
	member.Following: "following - broadcast", member.Observing: "observing - broadcast", member.Leading: "leading - broadcast",
}

// withEnsemble adds to the lines of mntr those that a member of an ensemble has, each
// where Java has it.
func (s *Server) withEnsemble(lines []metrics.Line) []metrics.Line {
	if s.peers == nil || s.readOnly() {
		return lines
	}
	n := func(v int) string { return strconv.Itoa(v) }
	size := func(v int64) string { return strconv.FormatInt(v, 10) }
	behind := map[string][]metrics.Line{
		"server_state":              {{Name: "peer_state", Value: peerStates[s.replica.Role()]}},
		"non_mtls_local_conn_count": {{Name: "quorum_size", Value: n(len(s.members.current.Load().Voters()))}},
	}
	if id, ok := s.leading(); ok && s.replica.Role() == member.Observing {
		behind["server_state"] = append(behind["server_state"], metrics.Line{Name: "observer_master_id", Value: id.String()})
	}
	if p := s.proposals(); p != nil {
		st := inspect(s, (*member.Member).Learners)
		behind["avg_latency"] = []metrics.Line{{Name: "min_proposal_size", Value: size(p.Min)}}
		behind["packets_received"] = []metrics.Line{{Name: "max_proposal_size", Value: size(p.Max)}}
		behind["max_client_response_size"] = []metrics.Line{{Name: "synced_followers", Value: n(st.Followers)}}
		behind["watch_count"] = []metrics.Line{
			{Name: "synced_non_voting_followers", Value: n(st.NonVoting)}, {Name: "synced_observers", Value: n(st.Observers)},
		}
		behind["open_file_descriptor_count"] = []metrics.Line{
			{Name: "last_proposal_size", Value: size(p.Last)}, {Name: "pending_syncs", Value: n(st.Syncs)},
			{Name: "leader_uptime", Value: strconv.FormatInt(s.millis()-s.replica.Since(), 10)},
		}
		behind["outstanding_tls_handshake"] = []metrics.Line{{Name: "learners", Value: n(st.Connected)}}
	}
	var out []metrics.Line
	for _, l := range lines {
		out = append(append(out, l), behind[l.Name]...)
	}
	return out
}

var _ replica.Transport = (*transport)(nil)
