package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/jute"
	"gokeeper/server/sasl"
)

// Auth is how servers prove to each other that they know a password of the ensemble
// (quorum.auth.enableSasl). Nil: not at all.
type Auth struct {
	// Prove begins the exchange on a connection that was dialled. Nil: this server does
	// not prove anything (quorum.auth.learnerRequireSasl is off).
	Prove func() *sasl.Client
	// Check begins the exchange on a connection that was accepted.
	Check func() *sasl.Server
	// Required refuses who has not proved anything (quorum.auth.serverRequireSasl).
	// Otherwise also those are let in that have failed, as in Java.
	Required bool
	// Within bounds the exchange on links of leader and learner; 0 is 10 seconds.
	Within time.Duration
	Log    zerolog.Logger
}

// Where an exchange is. Java: QuorumAuth.Status.
const (
	authGoesOn = 0
	authDone   = 1
	authFailed = -1
)

// authMagic begins each packet of an exchange; no greeting of Java's and no packet of a
// link begins like that. Java: QuorumAuth.QUORUM_AUTH_MAGIC_NUMBER.
const authMagic = 0x5f2435013501edcc

// maxAuthToken is the longest token that is read, in bytes.
const maxAuthToken = 64 << 10

var (
	// errNotProved says that a server has not even tried.
	errNotProved = errors.New("the server does not authenticate, and quorum.auth.serverRequireSasl is set")
	// errAuthPacket says that something else came than the next step of an exchange.
	errAuthPacket = errors.New("not a packet of an authentication")
)

// appendAuth appends a packet.
func appendAuth(b []byte, status int32, token []byte) []byte {
	return jute.AppendBuffer(jute.AppendInt(jute.AppendLong(b, authMagic), status), token)
}

// readAuth reads a packet and nothing more.
func readAuth(r io.Reader) (status int32, token []byte, err error) {
	var head [16]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errAuthPacket, err)
	}
	if binary.BigEndian.Uint64(head[:]) != authMagic {
		return 0, nil, fmt.Errorf("%w: it begins with % x", errAuthPacket, head[:8])
	}
	status, size := int32(binary.BigEndian.Uint32(head[8:])), int32(binary.BigEndian.Uint32(head[12:]))
	if size < -1 || size > maxAuthToken {
		return 0, nil, fmt.Errorf("%w: token of %d bytes", errAuthPacket, size)
	}
	token = make([]byte, max(size, 0))
	if _, err := io.ReadFull(r, token); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errAuthPacket, err)
	}
	return status, token, nil
}

// prove is what who dials does before anything else is said, but for the greeting.
func (a *Auth) prove(conn net.Conn) error {
	if a == nil || a.Prove == nil {
		return nil
	}
	exchange := a.Prove()
	for answer := []byte{}; ; {
		if _, err := conn.Write(appendAuth(nil, authGoesOn, answer)); err != nil {
			return fmt.Errorf("authenticate: %w", err)
		}
		status, token, err := readAuth(conn)
		if err == nil && status != authGoesOn && status != authDone {
			err = fmt.Errorf("%w by the other server", sasl.ErrRefused)
		}
		if err == nil {
			answer, err = exchange.Next(token)
		}
		if err == nil && (answer == nil) != (status == authDone) {
			err = fmt.Errorf("%w: status %d too soon or too late", errAuthPacket, status)
		}
		switch {
		case err != nil:
			return fmt.Errorf("authenticate: %w", err)
		case status == authDone:
			return nil
		}
	}
}

// accepted is a connection that was accepted, of which a piece may have been read to find
// out what it begins with.
type accepted struct {
	net.Conn
	head []byte // read, and not used
}

// Read returns what was read before first.
func (a *accepted) Read(p []byte) (int, error) {
	if len(a.head) > 0 {
		n := copy(p, a.head)
		a.head = a.head[n:]
		return n, nil
	}
	return a.Conn.Read(p)
}

// peek waits for input, and says whether there is any.
func (a *accepted) peek() bool {
	head := make([]byte, 8)
	n, _ := a.Read(head)
	a.head = head[:n]
	return n > 0
}

// NetConn returns the connection below.
func (a *accepted) NetConn() net.Conn { return a.Conn }

// accept prepares a connection for check.
func (a *Auth) accept(conn net.Conn) net.Conn {
	if a == nil {
		return conn
	}
	return &accepted{Conn: conn}
}

// check finds out whether who has dialled authenticates, and lets it. What else it says is
// left to be read from the connection, which is one of accept.
func (a *Auth) check(conn net.Conn) error {
	if a == nil {
		return nil
	}
	head := make([]byte, 8)
	n, err := io.ReadFull(conn, head)
	conn.(*accepted).head = head[:n]
	if err != nil || binary.BigEndian.Uint64(head) != authMagic {
		if a.Required {
			return errNotProved
		}
		return nil // what is wrong with it will show
	}
	user, err := a.exchange(conn)
	switch {
	case err == nil:
		a.Log.Debug().Stringer("remote", conn.RemoteAddr()).Str("user", user).Msg("server has authenticated")
		return nil
	case a.Required:
		return fmt.Errorf("authentication of the server: %w", err)
	}
	a.Log.Warn().Err(err).Stringer("remote", conn.RemoteAddr()).Msg("server is let in without authentication")
	return nil
}

// exchange is the side of who was dialled. It returns who the other one is.
func (a *Auth) exchange(conn net.Conn) (string, error) {
	exchange := a.Check()
	for {
		_, token, err := readAuth(conn)
		if err != nil {
			return "", err
		}
		answer, err := exchange.Next(token)
		if err != nil {
			_, _ = conn.Write(appendAuth(nil, authFailed, []byte{})) // it will notice in any case
			return "", err
		}
		user, done := exchange.User()
		status := int32(authGoesOn)
		if done {
			status = authDone
		}
		if _, err := conn.Write(appendAuth(nil, status, answer)); err != nil || done {
			return user, err
		}
	}
}
