package keystore

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
)

// versions are Java's names of the versions of TLS, oldest first. Those before TLS are
// passed over: nobody speaks them any more.
var versions = []struct {
	name string
	id   uint16
}{
	{"TLSv1", tls.VersionTLS10}, {"TLSv1.1", tls.VersionTLS11}, {"TLSv1.2", tls.VersionTLS12}, {"TLSv1.3", tls.VersionTLS13},
}

func version(name string) (uint16, bool) {
	for _, v := range versions {
		if v.name == strings.TrimSpace(name) {
			return v.id, true
		}
	}
	return 0, false
}

// protocols sets the versions: those that are enabled, otherwise 1.2 up to the protocol.
func (s *Settings) protocols(c *tls.Config) error {
	c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS13
	if len(s.EnabledProtocols) == 0 {
		switch v, ok := version(s.Protocol); {
		case s.Protocol == "" || s.Protocol == "TLS":
		case !ok:
			return fmt.Errorf("%sprotocol: %q is none of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3", s.Prefix, s.Protocol)
		default:
			c.MinVersion, c.MaxVersion = min(v, tls.VersionTLS12), v
		}
		return nil
	}
	var ids []uint16
	for _, name := range s.EnabledProtocols {
		if id, ok := version(name); ok {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return fmt.Errorf("%senabledProtocols: none of %q is one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3", s.Prefix, s.EnabledProtocols)
	}
	c.MinVersion, c.MaxVersion = slices.Min(ids), slices.Max(ids)
	return nil
}

// suites sets the cipher suites, and returns the names of those that are not known here.
// The standard library lets nobody choose among the suites of TLS 1.3: a list without any
// of them ends at 1.2, one with nothing else begins at 1.3.
func (s *Settings) suites(c *tls.Config) (unknown []string, err error) {
	if len(s.CipherSuites) == 0 {
		return nil, nil
	}
	known := append(tls.CipherSuites(), tls.InsecureCipherSuites()...)
	newest := false
	for _, name := range s.CipherSuites {
		name = strings.TrimSpace(name)
		standard := strings.Replace(name, "SSL_", "TLS_", 1) // Java's names for old ones
		i := slices.IndexFunc(known, func(k *tls.CipherSuite) bool { return k.Name == standard })
		switch {
		case i < 0:
			unknown = append(unknown, name)
		case slices.Equal(known[i].SupportedVersions, []uint16{tls.VersionTLS13}):
			newest = true
		default:
			c.CipherSuites = append(c.CipherSuites, known[i].ID)
		}
	}
	switch {
	case len(c.CipherSuites) == 0 && !newest:
		return unknown, fmt.Errorf("%sciphersuites: none of %q is known here", s.Prefix, s.CipherSuites)
	case len(c.CipherSuites) == 0:
		c.MinVersion = tls.VersionTLS13
	case !newest:
		c.MaxVersion = min(c.MaxVersion, tls.VersionTLS12)
	}
	if c.MinVersion > c.MaxVersion {
		return unknown, fmt.Errorf("%sciphersuites: none of %q goes with the protocols", s.Prefix, s.CipherSuites)
	}
	return unknown, nil
}
