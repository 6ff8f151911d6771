package server

import (
	"net"
	"net/netip"

	"gokeeper/server/admin"
	"gokeeper/server/member"
	"gokeeper/server/peer"
	"gokeeper/server/quorum"
	"gokeeper/server/zab"
)

// What follows are the facts that only the admin server tells.

// LastSnapshot returns the newest snapshot of the data directory.
func (f facts) LastSnapshot() admin.Snapshot {
	file, taken, _ := f.s.dir.Newest()
	return admin.Snapshot{Zxid: file.Zxid, Taken: taken}
}

// Leader returns who leads the ensemble.
func (f facts) Leader() (admin.Leader, bool) {
	id, ok := f.s.leading()
	if !ok {
		return admin.Leader{}, false
	}
	out := admin.Leader{Self: id == f.s.cfg.MyID, ID: int64(id)}
	if m, ok := f.s.members.current.Load().Member(id); ok {
		out.Host = m.Addresses[0].Host
	}
	return out, true
}

// leading returns who leads.
func (s *Server) leading() (quorum.ServerID, bool) {
	type found struct {
		id quorum.ServerID
		ok bool
	}
	x := inspect(s, func(m *member.Member) (x found) {
		x.id, x.ok = m.Leader()
		return x
	})
	return x.id, x.ok
}

// Observers returns the observers that learn from this leader.
func (f facts) Observers() []admin.Observer {
	if f.s.peers == nil {
		return nil
	}
	return inspect(f.s, func(m *member.Member) (out []admin.Observer) {
		for _, x := range m.Followers() {
			if remote, t, ok := f.s.peers.traffic(x.Link); ok && x.Observer && x.Synced {
				out = append(out, observer(&x, remote, &t))
			}
		}
		return out
	})
}

func observer(x *zab.Follower, remote net.Addr, t *peer.Traffic) admin.Observer {
	a, _ := netip.ParseAddrPort(remote.String())
	return admin.Observer{
		Remote: a, ID: int64(x.Server), Established: t.Since, Queued: t.Queued, QueuedBytes: t.QueuedBytes,
		Received: t.Received, Sent: t.Sent, Requests: t.Requests, LastZxid: t.Last,
	}
}

// Voters returns the voting members of the ensemble.
func (f facts) Voters() []admin.Member {
	if f.s.peers == nil || f.s.readOnly() {
		return nil
	}
	var out []admin.Member
	for _, m := range f.s.members.current.Load().Members {
		if m.Role == quorum.Participant {
			out = append(out, memberOf(&m))
		}
	}
	return out
}

func memberOf(m *quorum.Member) admin.Member {
	out := admin.Member{ID: int64(m.ID), Client: m.Client.String()}
	for _, a := range m.Addresses {
		out.Quorum, out.Election = append(out.Quorum, a.Quorum().String()), append(out.Election, a.Election().String())
	}
	return out
}

// Zab returns this server's place in its ensemble, nil while it has none.
func (f facts) Zab() *admin.Zab {
	if !f.Serving() || f.s.peers == nil || f.s.readOnly() {
		return nil
	}
	own, _ := f.s.members.current.Load().Member(f.s.cfg.MyID)
	return &admin.Zab{
		Member: memberOf(&own), Leads: f.s.replica.Role() == member.Leading, Votes: own.Role == quorum.Participant,
		LastZxid: f.s.db.LastZxid(), Phase: "broadcast",
	}
}

// InitialConfig returns the text of the configuration file. Java does not tell it in an
// ensemble.
func (f facts) InitialConfig() (string, bool) { return f.s.initial, f.s.initial != "" }

// Properties returns what Java keeps as system properties.
func (f facts) Properties() map[string]string { return f.s.cfg.Properties }
