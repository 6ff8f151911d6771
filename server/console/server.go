package console

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"gokeeper/server/admin"
	"gokeeper/server/proto"
	"gokeeper/server/survey"
)

// files are the page. It loads nothing from elsewhere.
//
//go:embed page
var files embed.FS

// Options say what a console shows.
type Options struct {
	Source    Source
	Facts     Facts
	Probe     admin.Probe
	Forwarded bool          // the client's address is in X-Forwarded-For
	Patience  time.Duration // how long the body of a request may take; 0 is for ever
	MaxData   int           // bytes of a node's data
}

// Handler serves the console.
type Handler struct {
	opt Options
	mux *http.ServeMux

	asking  sync.Mutex // held while members are asked: viewers share the answers
	asked   time.Time
	fresh   time.Duration     // for how long answers serve all viewers
	answers map[string]answer // by client address
}

// answer is what a member has said of itself.
type answer struct {
	server survey.Server
	err    error
}

// New returns a handler for / and all below /console/.
func New(opt Options) *Handler {
	h := &Handler{opt: opt, mux: http.NewServeMux(), fresh: surveyAge}
	h.mux.HandleFunc("GET /{$}", h.file("index.html", "text/html; charset=utf-8"))
	h.mux.HandleFunc("GET /console/style.css", h.file("style.css", "text/css; charset=utf-8"))
	h.mux.HandleFunc("GET /console/console.js", h.file("console.js", "text/javascript; charset=utf-8"))
	h.mux.HandleFunc("GET /console/plots.js", h.file("plots.js", "text/javascript; charset=utf-8"))
	h.mux.HandleFunc("GET /console/data.js", h.file("data.js", "text/javascript; charset=utf-8"))
	for name, f := range map[string]endpoint{"state": h.state, "node": h.node, "children": h.children, "sessions": h.sessions, "watches": h.watches} {
		h.mux.HandleFunc("GET /console/"+name, h.answer(f))
	}
	for name, kind := range map[string]Kind{"create": Create, "set": Set, "delete": Delete} {
		h.mux.HandleFunc("POST /console/"+name, h.answer(h.change(kind)))
	}
	return h
}

// policy lets the page load its own files and nothing else, and nobody frame it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", policy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	head.Set("Cache-Control", "no-store")
	if err := origins.Check(r); err != nil {
		fail(w, &failure{http.StatusForbidden, "CrossOrigin", "changes are taken from the console's own page only"})
		return
	}
	h.mux.ServeHTTP(w, r)
}

// origins refuses changes that a page of another origin asks for.
var origins = http.NewCrossOriginProtection()

// file answers with a file of the page.
func (h *Handler) file(name, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		b, err := files.ReadFile("page/" + name)
		if err != nil {
			panic(fmt.Sprintf("bug: page/%s is not in the binary: %v", name, err))
		}
		w.Header().Set("Content-Type", kind)
		respond(w, http.StatusOK, b)
	}
}

// An endpoint returns what is encoded as JSON.
type endpoint func(r *http.Request, l Login) (any, error)

// answer makes an HTTP handler of an endpoint.
func (h *Handler) answer(f endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if h.opt.Patience > 0 { // a body that never ends costs no goroutine
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.opt.Patience))
		}
		r.Body = http.MaxBytesReader(w, r.Body, int64(h.opt.MaxData)*2+maxRest) // base64 needs 4/3
		l := Login{Remote: admin.Client(r, h.opt.Forwarded)}
		if r.Header.Get("Authorization") != "" {
			var ok bool
			if l.Scheme, l.Credentials, ok = admin.Credentials(r); !ok {
				fail(w, errLogin)
				return
			}
		}
		v, err := f(r, l)
		if err != nil {
			fail(w, err)
			return
		}
		b, err := json.Marshal(v)
		if err != nil {
			panic(fmt.Sprintf("bug: %T is no JSON: %v", v, err))
		}
		w.Header().Set("Content-Type", "application/json")
		respond(w, http.StatusOK, b)
	}
}

// maxRest is how many bytes a change may have besides the data.
const maxRest = 64 << 10

// respond sends a body. Who does not take it has gone, which concerns nobody.
func respond(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// failure is an answer that is no success.
type failure struct {
	status int
	code   string // for programs
	text   string // for people
}

// Error returns what people read.
func (f *failure) Error() string { return f.text }

var (
	errNeedsLogin = &failure{http.StatusUnauthorized, "LoginNeeded", "log in first: changes want credentials (Authorization: digest USER:PASSWORD)"}
	errPath       = &failure{http.StatusBadRequest, "BadPath", "the path is missing or no path of a node"}
	errLogin      = &failure{http.StatusUnauthorized, "AuthFailed", "the credentials are refused"}
)

// statuses are those of outcomes of the protocol that have one of their own.
var statuses = map[proto.Error]int{
	proto.NoNode: http.StatusNotFound, proto.NoAuth: http.StatusForbidden, proto.AuthFailed: http.StatusUnauthorized,
	proto.SessionClosedRequireSASL: http.StatusUnauthorized, proto.NodeExists: http.StatusConflict,
	proto.BadVersion: http.StatusConflict, proto.NotEmpty: http.StatusConflict, proto.NotReadOnly: http.StatusServiceUnavailable,
}

// fail sends why there is no success.
func fail(w http.ResponseWriter, err error) {
	f := &failure{http.StatusServiceUnavailable, "Unavailable", err.Error()}
	var code proto.Error
	switch {
	case errors.As(err, &f):
	case errors.As(err, &code):
		f = &failure{http.StatusBadRequest, "Refused", code.Error()}
		if status, ok := statuses[code]; ok {
			f.status = status
		}
	}
	b, _ := json.Marshal(map[string]any{"error": map[string]string{"code": f.code, "text": f.text}}) // strings always are JSON
	w.Header().Set("Content-Type", "application/json")
	respond(w, f.status, b)
}
