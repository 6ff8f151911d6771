package quorum

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// ServerID names a member, the N of server.N and the number in its myid file. Any signed 64-bit
// number is accepted in a configuration; useful are 1 to 255 (254 with TTL nodes), because the
// low eight bits become the high byte of session ids.
type ServerID int64

// String returns the id in decimal.
func (id ServerID) String() string { return strconv.FormatInt(int64(id), 10) }

// Role says whether a member votes.
type Role uint8

// Roles of a member. The zero value is the default of server lines.
const (
	Participant Role = iota // votes and may lead
	Observer                // learns what was committed, never counts for a quorum
)

// String returns the role as server lines spell it.
func (r Role) String() string {
	if r == Observer {
		return "observer"
	}
	return "participant"
}

// ParseRole reads a role in any case, blanks around it ignored.
func ParseRole(s string) (Role, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "participant":
		return Participant, nil
	case "observer":
		return Observer, nil
	}
	return Participant, malformed("Unrecognised peertype: %s", s)
}

// HostPort is an address to listen on or to dial. Host is a name or an IP address without
// brackets; an empty Host means that there is no address.
type HostPort struct {
	Host string
	Port int // 0 to 65535
}

// IsZero reports whether there is no address.
func (a HostPort) IsZero() bool { return a.Host == "" }

// String returns host:port with brackets around IPv6 addresses, "" for no address.
func (a HostPort) String() string {
	if a.IsZero() {
		return ""
	}
	return bracket(a.Host) + ":" + strconv.Itoa(a.Port)
}

// Address is one way to reach a member: Host as in [HostPort], the port that serves learners
// while the member leads, and the port of the election.
type Address struct {
	Host         string
	QuorumPort   int
	ElectionPort int
}

// Quorum returns where a leader accepts its learners.
func (a Address) Quorum() HostPort { return HostPort{a.Host, a.QuorumPort} }

// Election returns where notifications go.
func (a Address) Election() HostPort { return HostPort{a.Host, a.ElectionPort} }

// String returns host:quorumport:electionport with brackets around IPv6 addresses.
func (a Address) String() string {
	return fmt.Sprintf("%s:%d:%d", bracket(a.Host), a.QuorumPort, a.ElectionPort)
}

// Member is one server line.
type Member struct {
	ID   ServerID
	Role Role
	// Addresses has at least one entry; sorted by host and then ports, without duplicates.
	Addresses []Address
	// Client is where clients connect. It is none when neither the line nor, for the own
	// line, clientPort of the static file has one.
	Client HostPort
	// ClientFromStatic is set on the own line when Client was filled in from the static file:
	// such an address is no part of the member's text.
	ClientFromStatic bool
}

// String returns the canonical right side of the server line: the role always, once, after the
// last address; the client address unless it came from the static file.
func (m Member) String() string {
	var b strings.Builder
	for i, a := range m.Addresses {
		if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString(a.String())
	}
	b.WriteByte(':')
	b.WriteString(m.Role.String())
	if !m.Client.IsZero() && !m.ClientFromStatic {
		b.WriteByte(';')
		b.WriteString(m.Client.String())
	}
	return b.String()
}

// Equal reports whether both are the same member at the same addresses. Where the client address
// came from does not matter, its value does.
func (m Member) Equal(o Member) bool {
	return m.ID == o.ID && m.Role == o.Role && m.Client == o.Client && slices.Equal(m.Addresses, o.Addresses)
}

// CheckSingleAddress returns Java's error for a member with several addresses, for callers whose
// configuration does not enable multiAddress.enabled.
func (m Member) CheckSingleAddress() error {
	if len(m.Addresses) <= 1 {
		return nil
	}
	return malformed("Multiple address feature is disabled, but multiple addresses were specified for sid %d", m.ID)
}

// Error is a complaint about a configuration text in the words Java uses for it.
type Error string

// Error returns the text.
func (e Error) Error() string { return string(e) }

func malformed(format string, args ...any) error { return Error(fmt.Sprintf(format, args...)) }

const wrongForm = " does not have the form server_config or server_config;client_config" +
	" where server_config is the pipe separated list of host:port:port or host:port:port:type" +
	" and client_config is port or host:port"

// ParseMember reads the right side of the line server.id. Hosts are not resolved. Errors have
// Java's texts, because operators search for them.
func ParseMember(id ServerID, line string) (Member, error) {
	m := Member{ID: id}
	line = strings.TrimSpace(line)
	parts := split(line, ";")
	if len(parts) == 0 || len(parts) > 2 {
		return Member{}, malformed("%s%s", line, wrongForm)
	}
	if len(parts) == 2 {
		client, err := parseClient(line, parts[1])
		if err != nil {
			return Member{}, err
		}
		m.Client = client
	}
	roleSeen := false
	for _, s := range split(parts[0], "|") {
		a, role, err := parseAddress(id, line, s)
		if err != nil {
			return Member{}, err
		}
		if !slices.Contains(m.Addresses, a) {
			m.Addresses = append(m.Addresses, a)
		}
		if role == nil {
			continue
		}
		if roleSeen && *role != m.Role {
			// Java prints the default role, not the one of the first address.
			return Member{}, malformed("Multiple addresses should have similar roles: PARTICIPANT vs %s",
				strings.ToUpper(role.String()))
		}
		m.Role, roleSeen = *role, true
	}
	if len(m.Addresses) == 0 {
		return Member{}, malformed("%s%s", line, wrongForm)
	}
	slices.SortFunc(m.Addresses, compareAddresses)
	return m, nil
}

func parseClient(line, s string) (HostPort, error) {
	parts, err := splitHost(s)
	if err != nil {
		return HostPort{}, err
	}
	if len(parts) == 0 || len(parts) > 2 || len(parts) == 2 && !plausible(parts[0]) {
		return HostPort{}, malformed("%s%s", line, wrongForm)
	}
	host := "0.0.0.0"
	if len(parts) == 2 {
		host = CanonicalHost(parts[0])
	}
	// "null" is the host name Java has not read yet at this point.
	port, err := parsePort("null", parts[len(parts)-1])
	if err != nil {
		return HostPort{}, err
	}
	return HostPort{host, port}, nil
}

// parseAddress returns a nil role if the address has none.
func parseAddress(id ServerID, line, s string) (Address, *Role, error) {
	parts, err := splitHost(s)
	if err != nil {
		return Address{}, nil, err
	}
	if len(parts) < 3 || len(parts) > 4 || !plausible(parts[0]) {
		return Address{}, nil, malformed("%s%s", line, wrongForm)
	}
	a := Address{Host: CanonicalHost(parts[0])}
	if a.QuorumPort, err = parsePort(parts[0], parts[1]); err != nil {
		return Address{}, nil, err
	}
	if a.ElectionPort, err = parsePort(parts[0], parts[2]); err != nil {
		return Address{}, nil, err
	}
	if a.QuorumPort == a.ElectionPort {
		return Address{}, nil, malformed("Client and election port must be different! "+
			"Please update the configuration file on server.%d", id)
	}
	if len(parts) == 3 {
		return a, nil, nil
	}
	role, err := ParseRole(parts[3])
	if err != nil {
		return Address{}, nil, err
	}
	return a, &role, nil
}

// plausible refuses what can be no host. Java takes an empty one for the loopback address.
func plausible(host string) bool {
	return host != "" && !strings.ContainsFunc(host, func(r rune) bool {
		return r == '[' || r == ']' || r <= ' ' || unicode.IsSpace(r)
	})
}

func parsePort(host, s string) (int, error) {
	port, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0, malformed("Address unresolved: %s:%s", host, s)
	}
	if port < 0 || port > 65535 {
		return 0, malformed("port out of range:%d", port)
	}
	return int(port), nil
}

// splitHost cuts host:port..., where the host may be an IPv6 address in brackets.
func splitHost(s string) ([]string, error) {
	if !strings.HasPrefix(s, "[") {
		return split(s, ":"), nil
	}
	host, rest, ok := strings.Cut(s[1:], "]:")
	if !ok {
		return nil, malformed("%s starts with '[' but has no matching ']:'", s)
	}
	if rest == "" {
		return nil, malformed("%s doesn't have a port after colon", s)
	}
	return append([]string{host}, split(rest, ":")...), nil
}

// split is Java's String.split for one-character separators: trailing empty parts vanish.
func split(s, sep string) []string {
	parts := strings.Split(s, sep)
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

// CanonicalHost returns the spelling Java gives to an IP address in a configuration text: IPv6 with
// all eight groups and without brackets, IPv4-mapped addresses as IPv4. Names come back unchanged.
func CanonicalHost(host string) string {
	bare := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	ip, err := netip.ParseAddr(bare)
	if err != nil || ip.Zone() != "" {
		return host
	}
	ip = ip.Unmap()
	if ip.Is4() {
		return ip.String()
	}
	b := ip.As16()
	groups := make([]string, 8)
	for i := range groups {
		groups[i] = strconv.FormatUint(uint64(b[2*i])<<8|uint64(b[2*i+1]), 16)
	}
	return strings.Join(groups, ":")
}

func bracket(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

func compareAddresses(a, b Address) int {
	if c := strings.Compare(a.Host, b.Host); c != 0 {
		return c
	}
	if a.QuorumPort != b.QuorumPort {
		return a.QuorumPort - b.QuorumPort
	}
	return a.ElectionPort - b.ElectionPort
}
