package client

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// DefaultPort is the port of an address that names none.
const DefaultPort = 2181

// ErrServers says that a connect string cannot be read; it is wrapped with the part.
var ErrServers = errors.New("connect strings have the form host:port,host:port/chroot")

// Servers is a connect string taken apart.
type Servers struct {
	Addresses []string // host:port, at least one
	Chroot    string   // "" or a path without a slash at its end
}

// ParseServers reads a connect string: addresses between commas, and behind the first
// slash a path under which the client lives. Java: ConnectStringParser.
func ParseServers(s string) (Servers, error) {
	hosts, chroot, found := strings.Cut(s, "/")
	var out Servers
	if found && chroot != "" {
		out.Chroot = "/" + chroot
		if err := CheckPath(out.Chroot); err != nil {
			return out, fmt.Errorf("chroot of %q: %w", s, err)
		}
	}
	for host := range strings.SplitSeq(hosts, ",") {
		host = strings.TrimSpace(host)
		if host == "" {
			continue
		}
		a, err := address(host)
		if err != nil {
			return out, err
		}
		out.Addresses = append(out.Addresses, a)
	}
	if len(out.Addresses) == 0 {
		return out, fmt.Errorf("%w: there is no address in %q", ErrServers, s)
	}
	return out, nil
}

// address completes host, host:port, [v6] or [v6]:port.
func address(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil || port == "" {
		host, port = strings.TrimSuffix(s, ":"), strconv.Itoa(DefaultPort)
		if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
			host = host[1 : len(host)-1]
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%w: %q has no port between 1 and 65535", ErrServers, s)
	}
	if host == "" {
		return "", fmt.Errorf("%w: %q has no host", ErrServers, s)
	}
	return net.JoinHostPort(host, port), nil
}

// inside returns the server's path for one of the client.
func (s *Servers) inside(path string) string {
	switch {
	case s.Chroot == "":
		return path
	case path == "/":
		return s.Chroot
	}
	return s.Chroot + path
}

// outside returns the client's path for one of the server. What lies outside of the
// chroot stays as it is: the configuration, which has one path for all.
func (s *Servers) outside(path string) string {
	rest, below := strings.CutPrefix(path, s.Chroot)
	switch {
	case s.Chroot == "" || !below:
		return path
	case rest == "":
		return "/"
	case rest[0] != '/':
		return path
	}
	return rest
}
