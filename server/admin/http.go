package admin

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// maxHeader is how many bytes the head of a request may have.
const maxHeader = 16 << 10

// stopWait is how long requests may take to end when the server stops.
const stopWait = time.Second

// httpServer is what both HTTP servers have in common.
type httpServer struct {
	http http.Server
	done chan struct{} // closed when Serve has ended
}

func newHTTP(h http.Handler, idle time.Duration, to zerolog.Logger) *httpServer {
	return &httpServer{done: make(chan struct{}), http: http.Server{
		Handler: h, ConnContext: withTransport, ReadHeaderTimeout: idle, IdleTimeout: idle, MaxHeaderBytes: maxHeader, ErrorLog: log.New(debugLog{to}, "", 0),
	}}
}

// debugLog takes the complaints of net/http about what clients do.
type debugLog struct{ log zerolog.Logger }

// Write logs a line.
func (d debugLog) Write(line []byte) (int, error) {
	d.log.Debug().Msg("admin server: " + strings.TrimSpace(string(line)))
	return len(line), nil
}

// Serve answers on the listener until Close. It returns why the listener failed, nil
// after Close. Call it once.
func (s *httpServer) Serve(ln net.Listener) error {
	defer close(s.done)
	if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP on %s: %w", ln.Addr(), err)
	}
	return nil
}

// Close ends Serve, which must have been called, and waits for it. Requests have a
// second to end.
func (s *httpServer) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.done
	return err
}
