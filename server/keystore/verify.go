package keystore

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// chain verifies that the certificates lead to a trusted one.
func chain(certs []*x509.Certificate, roots *x509.CertPool, use x509.ExtKeyUsage, now time.Time) error {
	if len(certs) == 0 {
		return ErrNoCertificate
	}
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{use}, CurrentTime: now}
	for _, c := range certs[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := certs[0].Verify(o)
	return err
}

// names verifies that the certificate is that of one of the hosts, or of a name of theirs.
func (s *Settings) names(c *x509.Certificate, hosts ...string) error {
	for _, host := range hosts {
		if isNamed(c, host) {
			return nil
		}
	}
	if s.Names != nil {
		for _, host := range hosts {
			if _, err := netip.ParseAddr(host); err != nil {
				continue
			}
			for _, name := range s.Names(host) {
				if isNamed(c, strings.TrimSuffix(name, ".")) {
					return nil
				}
			}
		}
	}
	hosts = slices.DeleteFunc(slices.Clone(hosts), func(host string) bool { return host == "" })
	return fmt.Errorf("the certificate of %q is not for %q: give it that as a subject alternative name, or set %shostnameVerification=false",
		c.Subject, hosts, s.Prefix)
}

// isNamed says whether the certificate is for the host.
func isNamed(c *x509.Certificate, host string) bool {
	if host == "" {
		return false
	}
	if c.VerifyHostname(host) == nil {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil || len(c.DNSNames) > 0 {
		return false
	}
	named := *c
	named.DNSNames = []string{c.Subject.CommonName}
	return named.VerifyHostname(host) == nil
}
