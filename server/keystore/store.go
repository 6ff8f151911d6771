package keystore

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"
)

// Types of stores.
const (
	JKS    = "JKS"
	PEM    = "PEM"
	PKCS12 = "PKCS12"
)

// What can be wrong with a store. Each is wrapped with the key and the file.
var (
	// ErrType says that the form of a store is not known here.
	ErrType = errors.New("the type of the store is not one of JKS, PEM, PKCS12 (by .type, or by the suffixes .jks .pem .p12)")
	// ErrBCFKS says that a store has the form of BouncyCastle.
	ErrBCFKS = errors.New("BCFKS stores cannot be read; convert it: keytool -importkeystore -deststoretype PKCS12")
	// ErrNoKey says that a key store has no private key.
	ErrNoKey = errors.New("there is no private key in it")
	// ErrNoCertificate says that a store has no certificate that is of use.
	ErrNoCertificate = errors.New("there is no certificate in it")
	// ErrNoPair says that no certificate belongs to the private key.
	ErrNoPair = errors.New("none of its certificates belongs to its private key")
	// ErrNotTrusted says that a PKCS12 file holds other things than trusted certificates.
	ErrNotTrusted = errors.New("a PKCS12 trust store must hold nothing but certificates marked as trusted: " +
		"make it with keytool -importcert, or give the certificates as PEM")
)

// kind returns the type of the store.
func (s *Store) kind() (string, error) {
	kind := strings.ToUpper(s.Type)
	if kind == "" {
		kind = map[string]string{".jks": JKS, ".pem": PEM, ".p12": PKCS12, ".bcfks": "BCFKS"}[filepath.Ext(s.Location)]
	}
	switch kind {
	case JKS, PEM, PKCS12:
		return kind, nil
	case "BCFKS":
		return "", ErrBCFKS
	}
	return "", ErrType
}

// secret returns the password. As in Java, one line end behind it is not part of it.
func (s *Store) secret() (string, error) {
	if s.PasswordPath == "" {
		return s.Password, nil
	}
	b, err := os.ReadFile(s.PasswordPath)
	if err != nil {
		return "", fmt.Errorf("passwordPath: %w", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), nil
}

// read returns the content of the file, its form and its password. What has the name of
// one Java form may have the other, as Java allows.
func (s *Store) read() (content []byte, kind, password string, err error) {
	if kind, err = s.kind(); err != nil {
		return nil, "", "", err
	}
	if password, err = s.secret(); err != nil {
		return nil, "", "", err
	}
	if content, err = os.ReadFile(s.Location); err != nil {
		return nil, "", "", err
	}
	if kind != PEM {
		kind = PKCS12
		if bytes.HasPrefix(content, []byte{0xfe, 0xed, 0xfe, 0xed}) {
			kind = JKS
		}
	}
	return content, kind, password, nil
}

// certificate reads a key store.
func (s *Store) certificate() (*tls.Certificate, error) {
	content, kind, password, err := s.read()
	if err != nil {
		return nil, err
	}
	var key any
	var chain []*x509.Certificate
	switch kind {
	case PEM:
		if key, err = pemKey(content, password); err == nil {
			chain, err = pemCertificates(content)
		}
	case JKS:
		key, chain, err = jksKey(content, password)
	default:
		var first *x509.Certificate
		var rest []*x509.Certificate
		if key, first, rest, err = pkcs12.DecodeChain(content, password); err == nil {
			chain = append([]*x509.Certificate{first}, rest...)
		}
	}
	if err != nil {
		return nil, err
	}
	return pair(key, chain)
}

// pair puts the certificate of the key first and behind it those that lead to its root.
// The files have them in any order, and others besides.
func pair(key any, certs []*x509.Certificate) (*tls.Certificate, error) {
	if len(certs) == 0 {
		return nil, ErrNoCertificate
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, ErrNoKey
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return nil, ErrNoKey
	}
	var leaf *x509.Certificate
	for _, c := range certs {
		if public.Equal(c.PublicKey) {
			leaf = c
			break
		}
	}
	if leaf == nil {
		return nil, ErrNoPair
	}
	out := &tls.Certificate{PrivateKey: key, Leaf: leaf, Certificate: [][]byte{leaf.Raw}}
	for last := leaf; !bytes.Equal(last.RawIssuer, last.RawSubject) && len(out.Certificate) <= len(certs); {
		issuer := issuerOf(last, certs)
		if issuer == nil {
			break
		}
		out.Certificate = append(out.Certificate, issuer.Raw)
		last = issuer
	}
	return out, nil
}

func issuerOf(c *x509.Certificate, certs []*x509.Certificate) *x509.Certificate {
	for _, other := range certs {
		if bytes.Equal(c.RawIssuer, other.RawSubject) {
			return other
		}
	}
	return nil
}

// trusted reads a trust store.
func (s *Store) trusted() (*x509.CertPool, error) {
	content, kind, password, err := s.read()
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	switch kind {
	case PEM:
		certs, err = pemCertificates(content)
	case JKS:
		certs, err = jksTrusted(content, password)
	default:
		if certs, err = pkcs12.DecodeTrustStore(content, password); err != nil && !errors.Is(err, pkcs12.ErrIncorrectPassword) {
			err = fmt.Errorf("%w (%w)", ErrNotTrusted, err)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case len(certs) == 0:
		return nil, ErrNoCertificate
	}
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool, nil
}

func pemCertificates(content []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if !strings.HasSuffix(block.Type, "CERTIFICATE") {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs = append(certs, c)
	}
	return certs, nil
}

// pemKey returns the first private key. Java wants it in the form of PKCS 8; those that
// OpenSSL wrote before it are read here, too.
func pemKey(content []byte, password string) (any, error) {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "PRIVATE KEY":
			return x509.ParsePKCS8PrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			key, _, err := pkcs8.ParsePrivateKey(block.Bytes, []byte(password))
			return key, err
		case "RSA PRIVATE KEY":
			if block.Headers["DEK-Info"] == "" {
				return x509.ParsePKCS1PrivateKey(block.Bytes)
			}
			return nil, errors.New("its private key is encrypted in the old form of OpenSSL; convert it: openssl pkcs8 -topk8")
		case "EC PRIVATE KEY":
			return x509.ParseECPrivateKey(block.Bytes)
		}
	}
	return nil, ErrNoKey
}

// jks opens a store in Java's older form.
func jks(content []byte, password string) (keystore.KeyStore, error) {
	ks := keystore.New(keystore.WithOrderedAliases())
	err := ks.Load(bytes.NewReader(content), []byte(password))
	return ks, err
}

// jksKey returns the first private key and its chain.
func jksKey(content []byte, password string) (any, []*x509.Certificate, error) {
	ks, err := jks(content, password)
	if err != nil {
		return nil, nil, err
	}
	for _, alias := range ks.Aliases() {
		if !ks.IsPrivateKeyEntry(alias) {
			continue
		}
		entry, err := ks.GetPrivateKeyEntry(alias, []byte(password))
		if err != nil {
			return nil, nil, err
		}
		chain, err := parseAll(entry.CertificateChain)
		if err != nil {
			return nil, nil, err
		}
		key, err := x509.ParsePKCS8PrivateKey(entry.PrivateKey)
		return key, chain, err
	}
	return nil, nil, ErrNoKey
}

// jksTrusted returns the certificates that are trusted; those of keys are not.
func jksTrusted(content []byte, password string) ([]*x509.Certificate, error) {
	ks, err := jks(content, password)
	if err != nil {
		return nil, err
	}
	var found []keystore.Certificate
	for _, alias := range ks.Aliases() {
		if !ks.IsTrustedCertificateEntry(alias) {
			continue
		}
		entry, err := ks.GetTrustedCertificateEntry(alias)
		if err != nil {
			return nil, err
		}
		found = append(found, entry.Certificate)
	}
	return parseAll(found)
}

func parseAll(raw []keystore.Certificate) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for _, r := range raw {
		c, err := x509.ParseCertificate(r.Content)
		if err != nil {
			return nil, err
		}
		certs = append(certs, c)
	}
	return certs, nil
}
