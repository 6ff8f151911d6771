package auth

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// The forms of ids that Java's providers accept in lists.

// validDigest says whether Java's split at ":" gives two parts; it drops empty ones at
// the end.
func validDigest(id string) bool {
	return strings.Count(strings.TrimRight(id, ":"), ":") == 1
}

// attributes are the names that Java knows in a distinguished name, besides numbers.
var attributes = strings.Fields("CN C L S ST O OU T IP STREET DC DNQUALIFIER DNQ SURNAME GIVENNAME INITIALS GENERATION " +
	"EMAIL EMAILADDRESS UID SERIALNUMBER")

// validName is a syntactic check of a distinguished name: none or some attributes, each
// with a value.
func validName(id string) bool {
	if id == "" {
		return true
	}
	for _, part := range splitName(id) {
		key, _, ok := strings.Cut(part, "=")
		if !ok || !validAttribute(strings.ToUpper(strings.TrimSpace(key))) {
			return false
		}
	}
	return true
}

func validAttribute(key string) bool {
	if slices.Contains(attributes, key) {
		return true
	}
	numbers := strings.Split(strings.TrimPrefix(key, "OID."), ".")
	notNumber := func(s string) bool { return s == "" || strings.Trim(s, "0123456789") != "" }
	return len(numbers) > 1 && !slices.ContainsFunc(numbers, notNumber)
}

// splitName splits at commas, semicolons and plus signs that are not escaped or quoted.
func splitName(id string) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(id); i++ {
		switch c := id[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == ';' || c == '+'):
			parts, start = append(parts, id[start:i]), i+1
		}
	}
	return append(parts, id[min(start, len(id)):])
}

// validPrincipal is the form of a Kerberos name, name[/host]@realm with any part empty,
// or anything without a realm.
func validPrincipal(id string) bool {
	name, realm, hasRealm := strings.Cut(id, "@")
	return !hasRealm || strings.Count(name, "/") <= 1 && !strings.ContainsAny(realm, "/@")
}

// ipMatches says whether the address is in the range addr[/bits].
func ipMatches(aclID, id string) bool {
	addr, err := netip.ParseAddr(id)
	if err != nil {
		return false
	}
	prefix, ok := parsePrefix(aclID)
	return ok && prefix.Contains(addr)
}

// parsePrefix reads addr[/bits] without what Java does not know: zones and IPv4 inside
// IPv6.
func parsePrefix(s string) (netip.Prefix, bool) {
	text, bits, hasBits := strings.Cut(s, "/")
	addr, ok := parseAddress(text)
	if !ok {
		return netip.Prefix{}, false
	}
	n := addr.BitLen()
	if hasBits {
		var err error
		if n, err = strconv.Atoi(bits); err != nil || n < 0 || n > addr.BitLen() {
			return netip.Prefix{}, false
		}
	}
	return netip.PrefixFrom(addr, n), true
}

// parseAddress reads an address. As in Java, numbers may have a sign, those of IPv4 zeros
// in front.
func parseAddress(s string) (netip.Addr, bool) {
	if strings.Contains(s, ":") {
		return parseV6(s)
	}
	parts := strings.Split(s, ".")
	var b [4]byte
	if len(parts) != len(b) {
		return netip.Addr{}, false
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || n > 255 {
			return netip.Addr{}, false
		}
		b[i] = byte(n)
	}
	return netip.AddrFrom4(b), true
}

// parseV6 reads eight segments, or up to seven around one "::".
func parseV6(s string) (netip.Addr, bool) {
	const segments = 8
	left, right, short := strings.Cut(s, "::")
	head, tail := splitSegments(left), splitSegments(right)
	if strings.Contains(right, "::") || short && len(head)+len(tail) >= segments || !short && len(head) != segments {
		return netip.Addr{}, false
	}
	var b [2 * segments]byte
	if !putSegments(b[:], head) || !putSegments(b[2*(segments-len(tail)):], tail) {
		return netip.Addr{}, false
	}
	return netip.AddrFrom16(b), true
}

func splitSegments(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ":")
}

// putSegments writes hexadecimal segments of at most four characters, a sign being one.
func putSegments(b []byte, parts []string) bool {
	for i, part := range parts {
		n, err := strconv.ParseInt(part, 16, 32)
		if err != nil || len(part) > 4 {
			return false
		}
		b[2*i], b[2*i+1] = byte(n>>8), byte(n)
	}
	return true
}
