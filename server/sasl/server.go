package sasl

import (
	"crypto/subtle"
	"fmt"
	"strconv"
	"strings"
)

// maxToken is the longest token that a server reads, in bytes. Java's limit.
const maxToken = 4096

// Server is the server's side of one exchange.
type Server struct {
	service  Service
	nonce    string
	password func(user string) (string, bool)
	sameID   bool
	state    serverState
	user     string
}

type serverState int

const (
	unasked serverState = iota
	asked
	over
	proved
)

// NewServer begins an exchange. password returns that of a user, and whether there is one
// of that name. nonce must be random.
//
// Members of an ensemble may act for nobody but themselves. To clients Java's servers let
// them say whom they want to act as, and take no notice of it, with an exception that
// cannot be meant: a user whose name has a realm becomes whoever it says. Here it does not.
func NewServer(service Service, password func(user string) (string, bool), nonce string) *Server {
	return &Server{service: service, nonce: nonce, password: password, sameID: service == Members}
}

// Next takes a token of the client and returns the answer. What the first token says is of
// no account; the second decides. After an error the exchange is over.
func (s *Server) Next(token []byte) ([]byte, error) {
	if len(token) > maxToken {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrToken, len(token), maxToken)
	}
	switch s.state {
	case unasked:
		s.state = asked
		return []byte("realm=" + quote(s.service.realm()) + `,nonce="` + s.nonce + `",charset=utf-8,algorithm=md5-sess`), nil
	case asked:
		s.state = over
		return s.check(token)
	}
	return nil, ErrOver
}

// User returns who has authenticated, and whether anybody has yet.
func (s *Server) User() (string, bool) { return s.user, s.state == proved }

// check decides, and answers the client that it is right.
func (s *Server) check(token []byte) ([]byte, error) {
	d, err := parseDirectives(token, []string{
		// nonce-count is what Java looks for. The count that clients send, nc, it does not see.
		"username", "realm", "nonce", "cnonce", "nonce-count", "qop", "digest-uri", "response", "maxbuf", "charset", "cipher", "authzid", "auth-param",
	})
	if err != nil {
		return nil, err
	}
	p, err := s.proof(d)
	if err != nil {
		return nil, err
	}
	response, err := d.get("response")
	if err != nil {
		return nil, err
	}
	password, known := s.password(p.user)
	if !known {
		return nil, fmt.Errorf("%w: no user %q", ErrRefused, p.user)
	}
	p.password = password
	if subtle.ConstantTimeCompare([]byte(response), []byte(p.response("AUTHENTICATE"))) != 1 {
		return nil, fmt.Errorf("%w: wrong password of %q", ErrRefused, p.user)
	}
	if err := s.permit(p); err != nil {
		return nil, err
	}
	s.user, s.state = p.user, proved
	return []byte("rspauth=" + p.response("")), nil
}

// proof takes from the token what the response depends on, in the order in which Java finds
// fault with it.
func (s *Server) proof(d directives) (*proof, error) {
	wrong := func(name string) error { return fmt.Errorf("%w: wrong %s %q", ErrToken, name, d[name]) }
	if charset, ok := d["charset"]; ok && charset != "utf-8" {
		return nil, wrong("charset")
	}
	if n, ok := d["maxbuf"]; ok {
		if _, err := strconv.ParseInt(n, 10, 32); err != nil {
			return nil, fmt.Errorf("%w: maxbuf %q", ErrUnreadable, n)
		}
	}
	p := &proof{realm: d["realm"], nonce: s.nonce}
	var err error
	if p.user, err = d.get("username"); err != nil {
		return nil, err
	}
	if p.realm != s.service.realm() {
		return nil, wrong("realm")
	}
	nonce, err := d.get("nonce")
	switch {
	case err != nil:
		return nil, err
	case nonce != s.nonce:
		return nil, wrong("nonce")
	}
	if p.cnonce, err = d.get("cnonce"); err != nil {
		return nil, err
	}
	if n, ok := d["nonce-count"]; ok {
		switch count, err := strconv.ParseInt(n, 16, 32); {
		case err != nil:
			return nil, fmt.Errorf("%w: nonce-count %q", ErrUnreadable, n)
		case count != 1:
			return nil, wrong("nonce-count")
		}
	}
	if quality, ok := d["qop"]; ok && quality != qualityAuth {
		return nil, wrong("qop")
	}
	if p.uri, err = d.get("digest-uri"); err != nil {
		return nil, err
	}
	if !strings.EqualFold(p.uri, string(s.service)) {
		return nil, wrong("digest-uri")
	}
	if id, ok := d["authzid"]; ok {
		p.authzid = &id
	}
	return p, nil
}

// permit says whether who has proved to be somebody may be that.
func (s *Server) permit(p *proof) error {
	if s.sameID {
		if p.authzid != nil && *p.authzid != p.user {
			return fmt.Errorf("%w: %q wants to act as %q", ErrRefused, p.user, *p.authzid)
		}
		return nil
	}
	// Java takes the name for one of Kerberos: at most one host, and one realm behind it.
	name, realm, ok := strings.Cut(p.user, "@")
	if p.user == "" || ok && (strings.ContainsAny(realm, "/@") || strings.Count(name, "/") > 1) {
		return fmt.Errorf("%w: name %q", ErrUnreadable, p.user)
	}
	return nil
}
