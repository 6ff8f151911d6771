package conn

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/secure"
)

// secureOrPlain brings a connection of a port that speaks TLS to where requests can be read: it
// finds out whether TLS is spoken and does the handshake. A plain client of such a port
// goes on with its socket as if nothing had been there. False ends the connection.
func (c *Conn) secureOrPlain() bool {
	sc, ok := c.socket.nc.(*secure.Conn)
	if !ok {
		return true
	}
	s := c.server
	if !s.admitHandshake(c) {
		return false
	}
	defer s.handshakes.Add(-1)
	_ = sc.SetDeadline(time.Now().Add(s.opt.Sessionless)) // a failure shows in the handshake
	nc, head, err := sc.Settle(context.Background())
	if err != nil {
		if errors.Is(err, secure.ErrHandshake) && !c.dead.Load() {
			s.counts.unsuccessful.Add(1)
			s.counts.authFailed.Add(1)
			s.rare(zerolog.WarnLevel, "handshake").Err(err).Stringer("remote", c.remote).Msg("connection closed: no TLS with this client")
		}
		return false
	}
	_ = sc.SetDeadline(time.Time{})
	c.mu.Lock()
	c.socket = newSocket(nc, &c.in)
	c.mu.Unlock()
	if len(head) > 0 {
		c.in.filled(copy(c.in.room(len(head)), head))
	}
	return !c.dead.Load()
}

// admitHandshake counts a handshake that begins, unless there are too many, or it would be
// in vain. Java: NettyServerCnxnFactory, before it reads from a connection.
func (s *Server) admitHandshake(c *Conn) bool {
	if serving, _ := s.backend.Serving(); s.opt.DropEarly && c.secure && !serving {
		s.counts.unserved.Add(1)
		return false
	}
	if n := s.handshakes.Add(1); s.opt.Handshakes > 0 && n > int64(s.opt.Handshakes) {
		s.handshakes.Add(-1)
		s.counts.exceeded.Add(1)
		s.rare(zerolog.WarnLevel, "handshakes").Stringer("remote", c.remote).Int("limit", s.opt.Handshakes).
			Msg("connection closed: too many handshakes")
		return false
	}
	return true
}
