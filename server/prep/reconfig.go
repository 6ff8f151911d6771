package prep

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/txn"
)

// Membership answers what a leader knows of its ensemble.
type Membership interface {
	// Configs returns the committed configuration, and the one that was seen last, which
	// is the same unless it is proposed only.
	Configs() (committed, seen quorum.Config)
	// Synced says whether a quorum of the configuration is connected and up to date.
	Synced(quorum.Config) bool
}

// Lead says whose membership reconfigurations change. Without it there are none.
func (p *Prep) Lead(m Membership) { p.members = m }

// reconfig checks in Java's order: enabled, session, an ensemble, none in progress, the
// version that it builds on, the new members, their number, a quorum of them, permission.
func (p *Prep) reconfig(d *jute.Decoder) (txn.Body, proto.Error) {
	var r proto.ReconfigRequest
	if r.Decode(d); d.Err() != nil {
		return nil, proto.MarshallingError
	}
	if !p.cfg.Reconfig {
		return nil, proto.ReconfigDisabled
	}
	if err := p.session(false); err != proto.OK {
		return nil, err
	}
	if p.members == nil {
		return nil, proto.Unimplemented
	}
	committed, seen := p.members.Configs()
	switch {
	case seen.Version != committed.Version || p.reconfigured > committed.Version:
		return nil, proto.ReconfigInProgress
	case r.Version != -1 && r.Version != seen.Version:
		return nil, proto.BadVersion
	}
	next, err := p.nextConfig(&r, seen)
	if err != proto.OK {
		return nil, err
	}
	next = next.WithVersion(int64(p.zxid))
	voters := len(next.Voters())
	switch {
	case voters < 1 || voters < 2 && !p.cfg.SmallEnsembles:
		return nil, proto.BadArguments
	case !p.members.Synced(next):
		return nil, proto.NewConfigNoQuorum
	}
	c, err := p.target([]byte(proto.PathConfig), proto.PermWrite)
	if err != proto.OK {
		return nil, err
	}
	p.reconfigured = next.Version
	n := p.edit(c)
	n.data = []byte(next.String())
	n.stat.Version, n.stat.Mzxid, n.stat.Mtime = -1, p.zxid, p.time
	p.record(c, n)
	return &txn.SetData{Path: c.path, Data: n.data, Version: -1}, proto.OK
}

// nextConfig returns the configuration that is asked for: all members at once, or some
// that leave and then some that join.
func (p *Prep) nextConfig(r *proto.ReconfigRequest, seen quorum.Config) (quorum.Config, proto.Error) {
	if r.Members != nil {
		return p.allMembers(string(r.Members))
	}
	if seen.Hierarchical() {
		return quorum.Config{}, proto.BadArguments
	}
	members := slices.Clone(seen.Members)
	for _, s := range list(r.Leaving, ",") {
		id, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return quorum.Config{}, proto.MarshallingError
		}
		members = without(members, quorum.ServerID(id))
	}
	for _, s := range list(r.Joining, ",") {
		m, err := p.joiner(s)
		if err != proto.OK {
			return quorum.Config{}, err
		}
		members = without(members, m.ID)
		if slices.ContainsFunc(members, func(o quorum.Member) bool { return conflict(m, o) }) {
			return quorum.Config{}, proto.BadArguments
		}
		members = append(members, m)
	}
	return quorum.Majority(members, seen.Version), proto.OK
}

// list is Java's StringUtils.split: parts are trimmed, empty ones left out.
func list(text []byte, sep string) []string {
	var parts []string
	for s := range strings.SplitSeq(string(text), sep) {
		if s = strings.TrimSpace(s); s != "" {
			parts = append(parts, s)
		}
	}
	return parts
}

func without(members []quorum.Member, id quorum.ServerID) []quorum.Member {
	return slices.DeleteFunc(members, func(m quorum.Member) bool { return m.ID == id })
}

// joiner reads server.N=LINE, which must have a client address.
func (p *Prep) joiner(text string) (quorum.Member, proto.Error) {
	parts := list([]byte(text), "=")
	if len(parts) != 2 {
		return quorum.Member{}, proto.BadArguments
	}
	id, err := strconv.ParseInt(parts[0][strings.LastIndexByte(parts[0], '.')+1:], 10, 64)
	if err != nil {
		return quorum.Member{}, proto.MarshallingError
	}
	m, err := quorum.ParseMember(quorum.ServerID(id), parts[1])
	if err != nil || m.Client.IsZero() || !p.cfg.MultiAddress && m.CheckSingleAddress() != nil {
		return quorum.Member{}, proto.BadArguments
	}
	return m, proto.OK
}

// conflict says that two members have an address in common. Those of the loopback and of
// every interface do not count: they are another machine's at each member.
func conflict(a, b quorum.Member) bool {
	addresses := func(m quorum.Member) []quorum.HostPort {
		list := []quorum.HostPort{m.Client}
		for _, a := range m.Addresses {
			list = append(list, a.Quorum(), a.Election())
		}
		return list
	}
	others := addresses(b)
	return slices.ContainsFunc(addresses(a), func(x quorum.HostPort) bool { return !x.IsZero() && !everywhere(x.Host) && slices.Contains(others, x) })
}

// everywhere says that a host is there on each machine. Java asks its resolver; here a
// name stands for itself.
func everywhere(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && (ip.IsLoopback() || ip.IsUnspecified()) || strings.EqualFold(host, "localhost")
}

// allMembers reads a whole configuration, lines separated by commas or line ends. Where
// Java does not foresee its own exceptions, the request counts as unreadable.
func (p *Prep) allMembers(text string) (quorum.Config, proto.Error) {
	c, err := quorum.Parse(strings.ReplaceAll(text, ",", "\n"))
	if err != nil {
		if strings.HasPrefix(err.Error(), "For input string") {
			return quorum.Config{}, proto.MarshallingError
		}
		return quorum.Config{}, proto.BadArguments
	}
	if !p.cfg.MultiAddress && slices.ContainsFunc(c.Members, func(m quorum.Member) bool { return m.CheckSingleAddress() != nil }) {
		return quorum.Config{}, proto.BadArguments
	}
	voters, observers := len(c.Voters()), len(c.Observers())
	if voters == 0 && (p.cfg.SmallEnsembles || observers > 0) || voters == 1 && !p.cfg.SmallEnsembles && observers > 0 {
		return quorum.Config{}, proto.MarshallingError
	}
	return c, proto.OK
}
