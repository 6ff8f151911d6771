// Package sasl proves who somebody is by a password that is not sent: the mechanism
// DIGEST-MD5 (RFC 2831, quality of protection auth, algorithm md5-sess) as Java has it,
// and the files in which Java's operators keep names and passwords.
//
//	client                                 server
//	(nothing)                            →
//	                                     ← realm, nonce, charset, algorithm
//	user, realm, nonce, cnonce, uri,
//	response: knows the password         →
//	                                     ← rspauth: knows it, too
//
// [Server] and [Client] are the two sides of one such exchange. They take what has come
// and return what is to be sent; how it gets there is not theirs: clients carry tokens in
// requests of operation sasl, members of an ensemble in packets of their own. Nonces are
// an argument. Nothing of what follows the exchange is protected.
//
// [ParseJAAS] reads the files. Kerberos (GSSAPI) is not here: [ErrKerberos].
//
// The package is pure; the two sides belong to who makes them.
package sasl

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
)

// Service is what one authenticates for, as the digest-uri of RFC 2831 names it: the kind
// of service, and its name, which is also the realm.
type Service string

// Services of ZooKeeper.
const (
	Clients Service = "zookeeper/zk-sasl-md5"               // clients at a server
	Members Service = "zookeeper-quorum/zk-quorum-sasl-md5" // servers of an ensemble at each other
)

// nonceSize is how many random bytes Java makes a nonce of.
const nonceSize = 30

// Nonce returns a nonce made of random bytes, which must not fail.
func Nonce(random io.Reader) string {
	b := make([]byte, nonceSize)
	if _, err := io.ReadFull(random, b); err != nil {
		panic(fmt.Sprint("bug: no random bytes: ", err))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// Why an exchange fails. All but ErrOver are wrapped, with what is wrong.
var (
	// ErrRefused says that the other side has not proved that it knows the password, or
	// that nobody has that name.
	ErrRefused = errors.New("not authenticated")
	// ErrToken says that a token is not what the mechanism asks for.
	ErrToken = errors.New("token is not of DIGEST-MD5")
	// ErrUnreadable says the same of numbers and names that Java cannot read: it does not
	// refuse their token but gives up the connection.
	ErrUnreadable = errors.New("token cannot be read")
	// ErrOver says that the exchange has ended before.
	ErrOver = errors.New("authentication is over")
)
