// Package auth decides who a connection is and what it may do: the schemes world,
// auth, digest, ip, x509, sasl, super and ensemble, and the checks of access control lists.
//
// A connection has a set of identities. It starts with its address (scheme ip);
// credentials add to it. An ACL entry grants its permissions to the identities that it
// matches. An identity of scheme super passes every check of permissions.
//
// The package is pure; a Policy may be used from any goroutine once it is made.
package auth

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// Schemes.
const (
	World  = "world"
	Auth   = "auth"
	Digest = "digest"
	IP     = "ip"
	X509   = "x509"
	SASL   = "sasl"
	Super  = "super"
	// Ensemble is no identity: a client says to which ensemble it wants to speak.
	Ensemble = "ensemble"
)

// Policy is how a server authenticates and authorises. The zero value is Java's
// default: digest and ip, no super user.
type Policy struct {
	SkipACL     bool     // everything is permitted (skipACL=yes); lists are still validated
	NoDigest    bool     // scheme digest is off (DigestAuthenticationProvider.enabled=false)
	DigestAlg   string   // its hash: SHA1 (default, also ""), SHA-256, SHA-384, SHA-512
	SuperDigest string   // the digest identity that is super, "" for none
	X509        bool     // scheme x509 is registered
	X509Super   string   // the x509 identity that is super
	SASL        bool     // scheme sasl is registered
	SASLSupers  []string // the sasl identities that are super
	AnySASL     string   // an ACL id that every sasl identity matches (letAnySaslUserDoX)
	Ensemble    bool     // scheme ensemble is registered
	Ensembles   []string // its names of this ensemble; none: every name is right
	Enforced    []string // a session needs an identity of one of these schemes; none: no need
}

// Authenticate returns the identities that the credentials of an auth packet add, or
// AuthFailed. remote is the address of the client.
func (p *Policy) Authenticate(scheme string, credentials []byte, remote netip.Addr) ([]proto.Identity, proto.Error) {
	switch {
	case scheme == Digest && !p.NoDigest && credentials != nil:
		id := proto.Identity{Scheme: Digest, ID: p.digest(credentials)}
		if p.SuperDigest != "" && id.ID == p.SuperDigest {
			return []proto.Identity{{Scheme: Super}, id}, proto.OK
		}
		return []proto.Identity{id}, proto.OK
	case scheme == Ensemble && p.Ensemble:
		if named, ok := p.SameEnsemble(credentials); named && !ok {
			return nil, proto.AuthFailed
		}
		return nil, proto.OK
	case scheme == IP:
		return []proto.Identity{{Scheme: IP, ID: AddressText(remote)}}, proto.OK
	}
	return nil, proto.AuthFailed
}

// SameEnsemble says whether the client names an ensemble that can be compared, and if so
// whether it is this one.
func (p *Policy) SameEnsemble(name []byte) (named, ok bool) {
	if !p.Ensemble || len(name) == 0 || len(p.Ensembles) == 0 {
		return false, false
	}
	return true, slices.Contains(p.Ensembles, string(name))
}

// LoggedIn returns the identities that a user gains who has logged in by SASL.
func (p *Policy) LoggedIn(user string) []proto.Identity {
	ids := []proto.Identity{{Scheme: SASL, ID: user}}
	if slices.Contains(p.SASLSupers, user) {
		ids = append(ids, proto.Identity{Scheme: Super})
	}
	return ids
}

// digest returns user:base64(hash(user:password)).
func (p *Policy) digest(credentials []byte) string {
	h := p.hash()
	h.Write(jute.Text(credentials))
	user, _, _ := bytes.Cut(credentials, []byte(":"))
	return jute.JavaString(user) + ":" + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func (p *Policy) hash() hash.Hash {
	switch strings.ToUpper(p.DigestAlg) {
	case "SHA-256", "SHA256":
		return sha256.New()
	case "SHA-384", "SHA384":
		return sha512.New384()
	case "SHA-512", "SHA512":
		return sha512.New()
	}
	return sha1.New()
}

// Satisfied says whether the identities include one of the schemes that are enforced.
func (p *Policy) Satisfied(ids []proto.Identity) bool {
	if len(p.Enforced) == 0 {
		return true
	}
	return slices.ContainsFunc(ids, func(id proto.Identity) bool { return slices.Contains(p.Enforced, id.Scheme) })
}

// MustLogIn says whether SASL is among the schemes that are enforced.
func (p *Policy) MustLogIn() bool { return slices.Contains(p.Enforced, SASL) }

// AddressText returns the address as Java prints it: IPv6 without compression.
func AddressText(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is4() || !a.IsValid() {
		return a.String()
	}
	b := a.As16()
	parts := make([]string, 8)
	for i := range parts {
		parts[i] = strconv.FormatUint(uint64(b[2*i])<<8|uint64(b[2*i+1]), 16)
	}
	return strings.Join(parts, ":")
}

// UserName returns the identity as whoAmI shows it: of a digest the user only.
func UserName(id proto.Identity) string {
	if id.Scheme == Digest {
		user, _, _ := strings.Cut(id.ID, ":")
		return user
	}
	return id.ID
}
