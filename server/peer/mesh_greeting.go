package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"gokeeper/server/jute"
	"gokeeper/server/quorum"
)

// Versions of the greeting. A number that is not negative is the id of a server that
// knows of no versions.
const (
	greetingOne     = -65536 // one address
	greetingSeveral = -65535 // several
)

// maxAddresses is the longest text of addresses in a greeting. Java's limit.
const maxAddresses = 2048

// errGreeting says that a connection begins with something that is no greeting.
var errGreeting = errors.New("not the greeting of a server")

// greeting is what a dialler says first. Java: QuorumCnxManager.InitialMessage.
type greeting struct {
	id    quorum.ServerID
	addrs []string // host:port, where to dial it back; wildcards are left out
}

// appendGreeting appends a greeting with the addresses, the first only unless several
// are allowed.
func appendGreeting(b []byte, id quorum.ServerID, addrs []string, several bool) []byte {
	version := int64(greetingOne)
	if several {
		version = greetingSeveral
	} else {
		addrs = addrs[:min(len(addrs), 1)]
	}
	b = jute.AppendLong(jute.AppendLong(b, version), int64(id))
	return jute.AppendString(b, strings.Join(addrs, "|"))
}

// readGreeting reads a greeting and nothing behind it. The end of input before the first
// byte is io.EOF.
func readGreeting(r io.Reader) (greeting, error) {
	var head [20]byte
	if _, err := io.ReadFull(r, head[:8]); err != nil {
		return greeting{}, err
	}
	version := int64(binary.BigEndian.Uint64(head[:]))
	switch {
	case version >= 0:
		return greeting{id: quorum.ServerID(version)}, nil
	case version != greetingOne && version != greetingSeveral:
		return greeting{}, fmt.Errorf("%w: version %d", errGreeting, version)
	}
	if _, err := io.ReadFull(r, head[8:]); err != nil {
		return greeting{}, fmt.Errorf("%w: %w", errGreeting, err)
	}
	g := greeting{id: quorum.ServerID(binary.BigEndian.Uint64(head[8:]))}
	size := int32(binary.BigEndian.Uint32(head[16:]))
	if size <= 0 || size > maxAddresses {
		return greeting{}, fmt.Errorf("%w: addresses of %d bytes", errGreeting, size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return greeting{}, fmt.Errorf("%w: %w", errGreeting, err)
	}
	for addr := range strings.SplitSeq(string(text), "|") {
		host, port, err := splitAddress(addr)
		if err != nil {
			return greeting{}, err
		}
		if !isWildcard(host) {
			g.addrs = append(g.addrs, net.JoinHostPort(host, port))
		}
	}
	return g, nil
}

func splitAddress(addr string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(addr)
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", errGreeting, err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", fmt.Errorf("%w: port %q", errGreeting, port)
	}
	return host, port, nil
}

func isWildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}
