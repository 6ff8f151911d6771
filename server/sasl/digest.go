package sasl

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
)

// firstUse is the count of uses of a nonce: each is used once.
const firstUse = "00000001"

// qualityAuth is the quality of protection of the exchange alone.
const qualityAuth = "auth"

// proof is what both sides compute from the password and what was said.
type proof struct {
	uri, realm, user, password string
	nonce, cnonce              string
	authzid                    *string // whom the client wants to act as; nil if it has not said
}

// response returns what the client sends, or the server with an empty method. RFC 2831,
// section 2.1.2.1.
func (p *proof) response(method string) string {
	secret := md5.Sum([]byte(latin(p.user) + ":" + latin(p.realm) + ":" + latin(p.password)))
	a1 := string(secret[:]) + ":" + p.nonce + ":" + p.cnonce
	if p.authzid != nil {
		a1 += ":" + *p.authzid
	}
	return sum(sum(a1) + ":" + p.nonce + ":" + firstUse + ":" + p.cnonce + ":" + qualityAuth + ":" + sum(method+":"+p.uri))
}

// sum returns the MD5 of a text, in hexadecimal.
func sum(text string) string {
	h := md5.Sum([]byte(text))
	return hex.EncodeToString(h[:])
}

// latin returns the text in ISO 8859-1 if that has all its letters, otherwise as it is.
func latin(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r > 0xff {
			return text
		}
		b.WriteByte(byte(r))
	}
	return b.String()
}

// realm returns the name of the service.
func (s Service) realm() string {
	_, realm, _ := strings.Cut(string(s), "/")
	return realm
}
