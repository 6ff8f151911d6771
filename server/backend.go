package server

import (
	"gokeeper/server/auth"
	"gokeeper/server/conn"
	"gokeeper/server/proto"
	"gokeeper/server/replica"
)

// backend is the server as its client connections see it.
type backend struct{ s *Server }

// Serving says whether sessions can be opened.
func (b backend) Serving() (serving, readOnly bool) {
	if b.s.replica == nil {
		return false, false
	}
	return b.s.replica.Serving()
}

// LastZxid returns the last zxid applied.
func (b backend) LastZxid() proto.Zxid { return b.s.db.LastZxid() }

// Open passes a connect request on.
func (b backend) Open(c *conn.Conn, o conn.Opening) {
	b.s.replica.Open(&replica.Open{Client: c, Session: o.Session, Timeout: o.Timeout, Refuse: c.Refused, ReadOnly: c.RefusedReadOnly})
}

// Evict closes the connection that carries the session.
func (b backend) Evict(id proto.SessionID) {
	if c := b.s.db.Carrier(id); c != nil {
		c.Abort()
	}
}

// Ordered says which requests take a place in the order of writes. A sync has one in an
// ensemble; a standalone server is never behind itself.
func (b backend) Ordered(op proto.Op) bool {
	return op.IsWrite() || op == proto.OpSync && b.s.peers != nil
}

// Read answers a read at once.
func (b backend) Read(c *conn.Conn, r *proto.Request) { b.s.db.Read(c, r) }

// Submit puts a write into the order.
func (b backend) Submit(c *conn.Conn, r proto.Request) {
	b.s.replica.Submit(&replica.Write{Client: c, Session: c.Session(), Request: r})
}

// Authenticate checks credentials. A client that means another ensemble is not told so,
// but cut off: it is to try another server, and an error would be the last that it does.
func (b backend) Authenticate(c *conn.Conn, scheme string, credentials []byte) ([]proto.Identity, proto.Error) {
	if scheme == auth.X509 { // the certificate has told who it is
		if ids := auth.Of(c.Identities(), scheme); len(ids) > 0 {
			return ids, proto.OK
		}
	}
	ids, err := b.s.policy.Authenticate(scheme, credentials, c.Remote().Addr())
	if scheme == auth.Ensemble && b.s.policy.Ensemble {
		b.s.countEnsemble(credentials)
		if err != proto.OK {
			c.Abort()
		}
	}
	return ids, err
}

// countEnsemble counts a client that says which ensemble it means.
func (s *Server) countEnsemble(name []byte) {
	switch named, ok := s.policy.SameEnsemble(name); {
	case !named:
		s.metrics.EnsembleSkipped.Add(1)
	case ok:
		s.metrics.EnsembleRight.Add(1)
	default:
		s.metrics.EnsembleWrong.Add(1)
	}
}

// Command answers a four-letter word.
func (b backend) Command(c *conn.Conn, word string, arg []byte) []byte {
	if c.Secure() {
		return b.s.secureCommands.Word(word, arg)
	}
	return b.s.commands.Word(word, arg)
}

// Gone forgets a connection that has ended.
func (b backend) Gone(c *conn.Conn) { b.s.db.Detach(c) }

// serving says whether clients are served, if only some.
func (s *Server) serving() bool {
	serving, _ := backend{s}.Serving()
	return serving
}

// mode returns what srvr calls the role of the server.
func (s *Server) mode() string {
	if s.readOnly() {
		return "read-only"
	}
	return s.replica.Role().String()
}

// readOnly says whether only reads are served.
func (s *Server) readOnly() bool {
	_, readOnly := s.replica.Serving()
	return readOnly
}
