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

// parseAddress reads an address. As in Java, the numbers of IPv4 may have a sign and
// zeros in front, and are decimal.
func parseAddress(s string) (netip.Addr, bool) {
	parts := strings.Split(s, ".")
	if len(parts) == 1 {
		addr, err := netip.ParseAddr(s)
		return addr, err == nil && addr.Zone() == ""
	}
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
