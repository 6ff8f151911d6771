package client

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"net"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/sasl"
)

// ErrNoLogin says that a server has no logins by SASL.
var ErrNoLogin = errors.New("the server has no SASL login")

// logIn logs in, if that is wanted, on a connection on which nothing else was said but the
// connect request. What is wrong with it ends the client, as in Java.
func (c *Client) logIn(nc net.Conn, in *bufio.Reader) error {
	if c.cfg.Login == nil {
		return nil
	}
	exchange := sasl.NewClient(sasl.Clients, *c.cfg.Login, sasl.Nonce(rand.Reader))
	for token := []byte{}; token != nil; {
		answer, err := c.token(nc, in, token)
		if err == nil {
			token, err = exchange.Next(answer)
		}
		switch {
		case errors.Is(err, errToken), errors.Is(err, ErrNoLogin), errors.Is(err, sasl.ErrRefused), errors.Is(err, sasl.ErrToken):
			return fmt.Errorf("%w: %w", proto.AuthFailed, err)
		case err != nil:
			return err
		}
	}
	return nil
}

// errToken says that the server does not take a token.
var errToken = errors.New("login refused")

// token sends a token and returns the answer.
func (c *Client) token(nc net.Conn, in *bufio.Reader, token []byte) ([]byte, error) {
	c.mu.Lock()
	c.xid++
	xid := c.xid
	c.mu.Unlock()
	if _, err := nc.Write(request{proto.OpSASL, jute.AppendBuffer(nil, token)}.frame(nil, xid)); err != nil {
		return nil, err
	}
	b, err := readFrame(in)
	if err != nil {
		return nil, err
	}
	d := jute.NewDecoder(b)
	var h proto.ReplyHeader
	h.Decode(d)
	answer := d.Buffer()
	switch {
	case d.Err() != nil || h.Xid != xid:
		return nil, ErrReply
	case h.Err != proto.OK:
		return nil, fmt.Errorf("%w: %w", errToken, h.Err)
	case answer == nil:
		return nil, ErrNoLogin
	}
	return answer, nil
}
