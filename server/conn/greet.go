package conn

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/sasl"
)

// greet handles what comes before there is a session: a four-letter word or the
// connect request.
func (c *Conn) greet(need *int) verdict {
	in := c.in.bytes()
	if len(in) < frameHead {
		*need = frameHead
		return more
	}
	if word, arg := wordAt(in); word != "" {
		*need = frameHead + arg
		if len(in) < *need {
			return more
		}
		c.received++
		return c.word(word, in[frameHead:*need])
	}
	if serving, _ := c.server.backend.Serving(); !serving {
		c.server.counts.unserved.Add(1)
		return cut
	}
	body, n, err := nextFrame(in, c.server.opt.MaxPacket)
	switch {
	case err != nil:
		c.explain(in)
		return cut
	case c.server.tooLarge(n - frameHead):
		return cut
	case n > len(in):
		*need = n
		return more
	}
	c.in.skip(n)
	c.received++
	c.bytes += int64(n)
	return c.connect(body)
}

// word answers a four-letter word.
func (c *Conn) word(word string, arg []byte) verdict {
	c.server.opt.Log.Debug().Str("word", word).Stringer("remote", c.remote).Msg("four-letter word")
	c.mu.Lock()
	c.command = true
	c.mu.Unlock()
	c.report()
	answer := c.server.backend.Command(c, word, arg)
	c.Release(append(c.Buffer(), answer...))
	c.Hangup()
	return stop
}

// connect handles the connect request up to the open session.
func (c *Conn) connect(body []byte) verdict {
	s := c.server
	var d jute.Decoder
	var r proto.ConnectRequest
	d.Reset(body, s.opt.MaxPacket)
	r.Decode(&d)
	if d.Err() != nil {
		return c.malformed("connect request that cannot be decoded")
	}
	if !c.admit(&r) {
		return cut
	}
	o := Opening{Session: r.Session, Timeout: s.negotiate(r.Timeout)}
	refuse := false
	if o.Session != 0 {
		s.counts.revalidated.Add(1)
		s.backend.Evict(o.Session)
		refuse = s.opt.PasswordOK == nil || !s.opt.PasswordOK(o.Session, r.Password)
	}
	c.mu.Lock()
	c.oldForm = !r.HasReadOnly
	c.mu.Unlock()
	c.in.park()
	c.report()
	if refuse {
		c.Refused()
		return stop
	}
	s.backend.Open(c, o)
	if !c.await(c.isOpened) || c.Session() == 0 {
		return stop
	}
	c.ready = true
	return next
}

// admit makes the checks that end in a close without an answer.
func (c *Conn) admit(r *proto.ConnectRequest) bool {
	s := c.server
	s.counts.requests.Add(1)
	if f := s.opt.Deficit; f != nil {
		f(s.throttle.deficit())
	}
	serving, readOnly := s.backend.Serving()
	switch {
	case !serving:
		s.counts.unserved.Add(1)
	case !s.throttle.take(time.Duration(s.nanos()), rand.Float64()):
		s.counts.dropped.Add(1)
		s.rare(zerolog.InfoLevel, "throttled").Stringer("remote", c.remote).Msg("connection closed: throttled")
	case readOnly && !r.ReadOnly:
		s.rare(zerolog.InfoLevel, "read-only").Stringer("remote", c.remote).
			Msg("connection closed: client does not want a read-only server")
	case r.LastZxidSeen > s.backend.LastZxid():
		s.rare(zerolog.InfoLevel, "ahead").Stringer("remote", c.remote).Stringer("zxid", r.LastZxidSeen).
			Msg("connection closed: client has seen a later zxid than this server")
	default:
		return true
	}
	return false
}

// negotiate brings a session timeout into the limits; milliseconds.
func (s *Server) negotiate(timeout int32) int32 {
	return int32(min(max(int64(timeout), s.opt.MinTimeout.Milliseconds()), s.opt.MaxTimeout.Milliseconds()))
}

func (c *Conn) isOpened() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opened
}

// authenticate handles an auth packet at once, out of turn.
func (c *Conn) authenticate(r *proto.Request) verdict {
	var d jute.Decoder
	var p proto.AuthPacket
	d.Reset(r.Body, c.server.opt.MaxPacket)
	p.Decode(&d)
	if d.Err() != nil {
		return c.malformed("authentication that cannot be decoded")
	}
	ids, err := c.server.backend.Authenticate(c, string(p.Scheme), p.Auth)
	c.reply(r.Xid, 0, err)
	if err != proto.OK {
		c.server.counts.authFailed.Add(1)
		c.server.rare(zerolog.WarnLevel, "authentication").Stringer("remote", c.remote).
			Stringer("session", c.Session()).Str("scheme", string(p.Scheme[:min(len(p.Scheme), 32)])).Msg("authentication failed")
		c.Hangup()
		return stop
	}
	c.addIdentities(ids)
	return next
}

// sasl answers a token of a login, at once and out of turn. Where no login is configured
// that is a null token.
func (c *Conn) sasl(r *proto.Request) verdict {
	var d jute.Decoder
	d.Reset(r.Body, c.server.opt.MaxPacket)
	token := d.Buffer()
	if token == nil {
		return c.malformed("authentication that cannot be decoded")
	}
	if c.server.opt.Login == nil {
		return c.token(r.Xid, nil, proto.OK)
	}
	if c.login == nil {
		c.login = c.server.opt.Login()
	}
	answer, ids, err := c.login.Next(token)
	if err != nil {
		return c.loginFailed(r.Xid, err)
	}
	if len(ids) > 0 {
		c.addIdentities(ids)
		c.server.opt.Log.Debug().Stringer("remote", c.remote).Stringer("session", c.Session()).Str("user", ids[0].ID).Msg("client logged in")
	}
	return c.token(r.Xid, answer, proto.OK)
}

// loginFailed tells the client, and ends the connection unless it may go on without.
func (c *Conn) loginFailed(xid int32, err error) verdict {
	c.server.rare(zerolog.WarnLevel, "login").Stringer("remote", c.remote).Stringer("session", c.Session()).Err(err).Msg("login failed")
	if errors.Is(err, sasl.ErrUnreadable) {
		return cut
	}
	return c.token(xid, nil, c.server.opt.LoginFailed)
}

// token sends a token. An error is the last that the client hears.
func (c *Conn) token(xid int32, token []byte, err proto.Error) verdict {
	b := c.Buffer()
	start := len(b)
	b = jute.AppendBuffer(appendReply(b, xid, 0, err), token)
	c.Release(endPacket(b, start))
	if err != proto.OK {
		c.Hangup()
		return stop
	}
	return next
}

// authenticated says whether the connection satisfies enforced authentication.
func (c *Conn) authenticated() bool {
	if c.passed {
		return true
	}
	f := c.server.opt.Satisfied
	c.passed = f == nil || f(c.Identities())
	return c.passed
}
