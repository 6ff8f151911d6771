package admin

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"sync/atomic"

	"gokeeper/server/secure"
)

// transport is the connection of a request on a port that speaks TLS.
type transport struct {
	*secure.Conn
	noted atomic.Bool // it is plain, and was counted
}

// transportKey is where a request's context has its transport.
type transportKey struct{}

// withTransport is the ConnContext of HTTP servers.
func withTransport(ctx context.Context, nc net.Conn) context.Context {
	if sc, ok := nc.(*secure.Conn); ok {
		return context.WithValue(ctx, transportKey{}, &transport{Conn: sc})
	}
	return ctx
}

// certificates returns those that the client has shown.
func certificates(r *http.Request) []*x509.Certificate {
	if t, ok := r.Context().Value(transportKey{}).(*transport); ok {
		return t.Certificates()
	}
	return nil
}

// transported tells browsers to stay with TLS, and counts the connections without it of a
// port for both, as Java does.
func (s *Server) transported(w http.ResponseWriter, r *http.Request) {
	t, ok := r.Context().Value(transportKey{}).(*transport)
	switch {
	case !ok:
	case t.Secured():
		w.Header().Set("Strict-Transport-Security", "max-age=86400; includeSubDomains")
	case t.noted.CompareAndSwap(false, true) && s.opt.Insecure != nil:
		s.opt.Insecure()
	}
}
