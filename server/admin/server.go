package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// ServerOptions say how commands are served over HTTP.
type ServerOptions struct {
	URL   string        // the path under which commands are; "" is /commands
	Idle  time.Duration // how long a connection may be silent; 0 is for ever
	Probe Probe
	Log   zerolog.Logger

	// Console answers browsers that ask for /, and whatever is below /console/; nil is
	// Java's behaviour, which has nothing there.
	Console http.Handler

	// Insecure is told of each connection without TLS on a port that speaks it; nil: nobody
	// wants to know.
	Insecure func()

	Backup  Backup
	Backups BackupOptions
}

// Server serves commands over HTTP in the manner of Java's JettyAdminServer, and the
// probes /livez, /readyz and /version.
type Server struct {
	opt      ServerOptions
	commands *Commands
	*httpServer

	snapshots, restores *limiter
}

// NewServer returns a server for the commands.
func NewServer(c *Commands, opt ServerOptions) *Server {
	if opt.URL == "" {
		opt.URL = "/commands"
	}
	s := &Server{opt: opt, commands: c}
	s.snapshots, s.restores = opt.Backups.limiters()
	s.httpServer = newHTTP(s, opt.Idle, opt.Log)
	return s
}

// allowed are the methods that Java's servlet offers.
const allowed = "GET, HEAD, POST, TRACE, OPTIONS"

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.transported(w, r)
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
		s.route(w, r)
	case http.MethodOptions:
		w.Header().Set("Allow", allowed)
	case http.MethodTrace:
		http.Error(w, "Forbidden", http.StatusForbidden)
	default:
		w.Header().Set("Allow", allowed)
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
	}
}

func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	name, isCommand := strings.CutPrefix(path, s.opt.URL+"/")
	switch {
	case path == s.opt.URL || isCommand && name == "":
		s.list(w)
	case isCommand:
		s.run(w, r, name)
	case path == "/livez":
		s.live(w)
	case path == "/readyz":
		s.ready(w)
	case path == "/version":
		s.version(w)
	case s.isConsole(r):
		s.opt.Console.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

// isConsole says whether the request is the console's. A script that asks for / is not
// told of it: it goes on to get what Java says.
func (s *Server) isConsole(r *http.Request) bool {
	switch {
	case s.opt.Console == nil:
		return false
	case r.URL.Path == "/":
		return strings.Contains(r.Header.Get("Accept"), "text/html")
	}
	return strings.HasPrefix(r.URL.Path, "/console/")
}

// list answers with a link to each command.
func (s *Server) list(w http.ResponseWriter) {
	var b []byte
	for _, name := range s.commands.primaries() {
		b = fmt.Appendf(b, "<a href=\"%s/%s\">%s</a>\n<br/>\n", s.opt.URL, name, name)
	}
	w.Header()["Content-Type"] = nil // Java says nothing
	respond(w, http.StatusOK, b)
}

// run answers with what the command of that name has to say.
func (s *Server) run(w http.ResponseWriter, r *http.Request, name string) {
	switch {
	case slices.Contains(snapshotNames, name):
		s.snapshot(w, r)
	case slices.Contains(restoreNames, name):
		s.restore(w, r)
	case r.Method == http.MethodPost && s.commands.names[name] != nil:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
	default:
		respondJSON(w, http.StatusOK, s.commands.answer(name, r.URL.Query()))
	}
}

func respondJSON(w http.ResponseWriter, status int, o object) {
	w.Header().Set("Content-Type", "application/json")
	respond(w, status, appendJSON(nil, o, ""))
}

// respond sends a body. Who does not take it has gone, which concerns nobody.
func respond(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
