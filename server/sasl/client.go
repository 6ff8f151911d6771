package sasl

import (
	"crypto/subtle"
	"fmt"
	"strings"
)

// Credentials are a name and the password that proves it.
type Credentials struct{ User, Password string }

// Client is the client's side of one exchange.
type Client struct {
	service  Service
	login    Credentials
	cnonce   string
	expected string // the server's proof; "" before the response
	over     bool
}

// NewClient begins an exchange. cnonce must be random. The first token that goes to the
// server is empty; what it answers is for Next.
func NewClient(service Service, login Credentials, cnonce string) *Client {
	return &Client{service: service, login: login, cnonce: cnonce}
}

// Next takes a token of the server and returns the answer, nil when nothing is to be sent
// any more: the server has proved that it knows the password, too.
func (c *Client) Next(token []byte) ([]byte, error) {
	switch {
	case c.over:
		return nil, ErrOver
	case c.expected != "":
		c.over = true
		return nil, c.check(token)
	}
	answer, err := c.answer(token)
	c.over = err != nil
	return answer, err
}

// answer makes the response to a challenge.
func (c *Client) answer(token []byte) ([]byte, error) {
	d, err := parseDirectives(token, []string{"realm", "nonce", "qop", "stale", "maxbuf", "charset", "algorithm", "cipher"})
	if err != nil {
		return nil, err
	}
	wrong := func(name string) error { return fmt.Errorf("%w: wrong %s %q", ErrToken, name, d[name]) }
	nonce, err := d.get("nonce")
	if err != nil {
		return nil, err
	}
	algorithm, err := d.get("algorithm")
	switch {
	case err != nil:
		return nil, err
	case algorithm != "md5-sess":
		return nil, wrong("algorithm")
	}
	if charset, ok := d["charset"]; ok && charset != "utf-8" {
		return nil, wrong("charset")
	}
	if qop, ok := d["qop"]; ok && !offers(qop, qualityAuth) {
		return nil, wrong("qop")
	}
	p := proof{
		uri: string(c.service), realm: d["realm"], user: c.login.User, password: c.login.Password,
		nonce: nonce, cnonce: c.cnonce, authzid: &c.login.User,
	}
	c.expected = p.response("")
	var b strings.Builder
	if _, ok := d["charset"]; ok {
		b.WriteString("charset=utf-8,")
	}
	b.WriteString("username=" + quote(p.user))
	if _, ok := d["realm"]; ok {
		b.WriteString(",realm=" + quote(p.realm))
	}
	b.WriteString(",nonce=" + quote(nonce) + ",nc=" + firstUse + `,cnonce="` + c.cnonce + `",digest-uri="` + p.uri +
		`",maxbuf=65536,response=` + p.response("AUTHENTICATE") + ",qop=" + qualityAuth + ",authzid=" + quote(p.user))
	return []byte(b.String()), nil
}

// offers says whether a list has the word.
func offers(list, word string) bool {
	for w := range strings.FieldsFuncSeq(list, func(r rune) bool { return strings.ContainsRune(", \t\n", r) }) {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// check looks at the server's proof.
func (c *Client) check(token []byte) error {
	d, err := parseDirectives(token, []string{"rspauth"})
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(d["rspauth"]), []byte(c.expected)) != 1 {
		return fmt.Errorf("%w: the server does not know the password", ErrRefused)
	}
	return nil
}
