// Package authority issues certificates for tests: what a certificate authority and keytool
// are to an operator. Its certificates are good for an hour.
package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// Authority signs certificates.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// New returns an authority of its own.
func New() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c := template(pkix.Name{CommonName: "authority of a test"})
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	raw, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return nil, err
	}
	c, err = x509.ParseCertificate(raw)
	return &Authority{c, key}, err
}

func template(subject pkix.Name) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: subject,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

// Certificate returns the authority's own certificate in PEM: a trust store.
func (a *Authority) Certificate() []byte { return block("CERTIFICATE", a.cert.Raw) }

// Issue returns a key with its certificate for hosts, names or addresses, in PEM: a key
// store.
func (a *Authority) Issue(subject pkix.Name, hosts ...string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c := template(subject)
	c.KeyUsage = x509.KeyUsageDigitalSignature
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, host := range hosts {
		if ip, err := netip.ParseAddr(host); err == nil {
			c.IPAddresses = append(c.IPAddresses, ip.AsSlice())
		} else {
			c.DNSNames = append(c.DNSNames, host)
		}
	}
	raw, err := x509.CreateCertificate(rand.Reader, c, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return bytes.Join([][]byte{block("PRIVATE KEY", der), block("CERTIFICATE", raw)}, nil), err
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// Write puts a key store <name>.pem for a common name and hosts, and the trust store
// trust.pem, into a directory, and returns where they are.
func (a *Authority) Write(dir, name string, hosts ...string) (key, trust string, err error) {
	store, err := a.Issue(pkix.Name{CommonName: name}, hosts...)
	if err != nil {
		return "", "", err
	}
	key, trust = filepath.Join(dir, name+".pem"), filepath.Join(dir, "trust.pem")
	if err := os.WriteFile(key, store, 0o600); err != nil {
		return "", "", err
	}
	return key, trust, os.WriteFile(trust, a.Certificate(), 0o600)
}
