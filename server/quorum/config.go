package quorum

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Group is the line group.ID: servers whose weights are counted together. Servers ascend.
type Group struct {
	ID      int64
	Servers []ServerID
}

// Config is the membership of an ensemble at one version. Build it with [Parse] or a [Builder]
// and never change it afterwards. The zero value has no members and no quorum.
type Config struct {
	// Members in ascending order of ids.
	Members []Member
	// Groups in ascending order of ids.
	Groups []Group
	// Weights of the servers; every participant of a hierarchical configuration has an entry
	// (1 if it had no line). Nil for majority quorums.
	Weights map[ServerID]int64
	// Version is the zxid of the transaction that made this configuration, 0 at first.
	Version int64

	hierarchical bool
}

// Majority returns the configuration in which the majority of the participants decides.
func Majority(members []Member, version int64) Config {
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b Member) int { return compareMember(a, b.ID) })
	return Config{Members: members, Version: version}
}

// Hierarchical reports whether groups and weights decide; otherwise the majority does.
func (c Config) Hierarchical() bool { return c.hierarchical }

// Member returns the member with that id.
func (c Config) Member(id ServerID) (Member, bool) {
	i, ok := slices.BinarySearchFunc(c.Members, id, compareMember)
	if !ok {
		return Member{}, false
	}
	return c.Members[i], true
}

// Voters returns the ids of the participants, ascending.
func (c Config) Voters() []ServerID { return c.withRole(Participant) }

// Observers returns the ids of the observers, ascending.
func (c Config) Observers() []ServerID { return c.withRole(Observer) }

// IsVoter reports whether id is a participant.
func (c Config) IsVoter(id ServerID) bool {
	i, ok := slices.BinarySearchFunc(c.Members, id, compareMember)
	return ok && c.Members[i].Role == Participant
}

// IsObserver reports whether id is listed as an observer.
func (c Config) IsObserver(id ServerID) bool {
	i, ok := slices.BinarySearchFunc(c.Members, id, compareMember)
	return ok && c.Members[i].Role == Observer
}

// WithClient returns a copy in which the member id has the client address of the static file,
// which shows in no text. A member whose line has a client address keeps it.
func (c Config) WithClient(id ServerID, client HostPort) Config {
	i, ok := slices.BinarySearchFunc(c.Members, id, compareMember)
	if !ok || !c.Members[i].Client.IsZero() {
		return c
	}
	c.Members = slices.Clone(c.Members)
	c.Members[i].Client, c.Members[i].ClientFromStatic = client, true
	return c
}

// WithVersion returns a copy with another version.
func (c Config) WithVersion(version int64) Config {
	c.Version = version
	return c
}

// Equal reports whether both describe the same ensemble: the same kind of quorum and either the
// same version or the same members, groups and weights. Going from version 0 to the agreed version
// is therefore no change.
func (c Config) Equal(o Config) bool {
	if c.hierarchical != o.hierarchical {
		return false
	}
	return c.Version == o.Version || c.SameMembers(o)
}

// SameMembers reports whether members, groups and weights are the same, whatever the versions.
func (c Config) SameMembers(o Config) bool {
	return slices.EqualFunc(c.Members, o.Members, Member.Equal) &&
		slices.EqualFunc(c.Groups, o.Groups, func(a, b Group) bool {
			return a.ID == b.ID && slices.Equal(a.Servers, b.Servers)
		}) &&
		maps.Equal(c.Weights, o.Weights)
}

// Lines returns the text without the version: servers, groups and weights, each by ascending id.
func (c Config) Lines() []string {
	lines := make([]string, 0, len(c.Members)+len(c.Groups)+len(c.Weights))
	for _, m := range c.Members {
		lines = append(lines, "server."+m.ID.String()+"="+m.String())
	}
	for _, g := range c.Groups {
		ids := make([]string, len(g.Servers))
		for i, id := range g.Servers {
			ids[i] = id.String()
		}
		lines = append(lines, "group."+strconv.FormatInt(g.ID, 10)+"="+strings.Join(ids, ":"))
	}
	for _, id := range slices.Sorted(maps.Keys(c.Weights)) {
		lines = append(lines, "weight."+id.String()+"="+strconv.FormatInt(c.Weights[id], 10))
	}
	return lines
}

// SortedLines returns [Config.Lines] sorted as text, the order Java's dynamic files have.
func (c Config) SortedLines() []string {
	lines := c.Lines()
	slices.Sort(lines)
	return lines
}

// String returns the canonical text including the version, as it travels in packets and is the
// data of /zookeeper/config.
func (c Config) String() string {
	// Java prints the version as an unsigned number.
	return strings.Join(append(c.Lines(), "version="+strconv.FormatUint(uint64(c.Version), 16)), "\n")
}

func (c Config) withRole(role Role) []ServerID {
	var ids []ServerID
	for _, m := range c.Members {
		if m.Role == role {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

func compareMember(m Member, id ServerID) int {
	switch {
	case m.ID < id:
		return -1
	case m.ID > id:
		return 1
	}
	return 0
}
