package admin

import (
	"fmt"
	"net/http"
	"strings"
)

// Probe is what probes ask of a server.
type Probe interface {
	// NotReady returns why clients are not served, as lines to be read by operators;
	// none when they are.
	NotReady() []string
	// Version returns the version as srvr prints it.
	Version() string
}

// live says that the process answers. A server without a quorum is alive: to restart it
// would not bring the quorum back.
func (s *Server) live(w http.ResponseWriter) { respondText(w, http.StatusOK, "ok\n") }

// ready says whether clients are served, or why not.
func (s *Server) ready(w http.ResponseWriter) {
	reasons := s.opt.Probe.NotReady()
	if len(reasons) == 0 {
		respondText(w, http.StatusOK, "ok\n")
		return
	}
	respondText(w, http.StatusServiceUnavailable, "not ready\n"+strings.Join(reasons, "\n")+"\n")
}

// version tells the version, also of the protocol that monitoring goes by.
func (s *Server) version(w http.ResponseWriter) {
	text := s.opt.Probe.Version()
	number, _, _ := strings.Cut(text, "-")
	respondJSON(w, http.StatusOK, object{{"version", number}, {"build", text}})
}

func respondText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	respond(w, status, fmt.Append(nil, text))
}
