package admin

import (
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"gokeeper/server/auth"
)

// Credentials returns the scheme and what follows it in the header Authorization of a
// request; false for what cannot be credentials. Java: Commands.runCommand.
func Credentials(r *http.Request) (scheme, credentials string, ok bool) {
	scheme, credentials, _ = strings.Cut(strings.TrimRight(r.Header.Get("Authorization"), " "), " ")
	return scheme, credentials, scheme != "" && !strings.Contains(credentials, " ")
}

// admit checks the credentials of a request.
func (s *Server) admit(r *http.Request) *refusal {
	if r.Header.Get("Authorization") == "" {
		return &refusal{http.StatusUnauthorized, errNoCredentials}
	}
	scheme, credentials, ok := Credentials(r)
	if !ok {
		return &refusal{http.StatusUnauthorized, errNotAuthenticated}
	}
	ids, ok := s.opt.Backup.Authenticate(scheme, credentials, Client(r, s.opt.Backups.Forwarded))
	if scheme == auth.X509 {
		ids = s.opt.Backup.Certified(certificates(r))
		ok = len(ids) > 0
	}
	switch {
	case !ok:
		return &refusal{http.StatusUnauthorized, errNotAuthenticated}
	case !s.opt.Backup.Permitted(ids):
		return &refusal{http.StatusForbidden, errNotAuthorized}
	}
	return nil
}

// Client returns the address that a request comes from: if proxies are believed, the
// last one that they have seen. (Java: IPAuthenticationProvider.getClientIPAddress.)
func Client(r *http.Request, forwarded bool) netip.Addr {
	if list := r.Header.Get("X-Forwarded-For"); forwarded && list != "" {
		if a, err := netip.ParseAddr(strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])); err == nil {
			return a
		}
	}
	a, _ := netip.ParseAddrPort(r.RemoteAddr)
	return a.Addr()
}

// allow makes the checks that snapshot and restore have in common.
func (s *Server) allow(r *http.Request, off bool, l *limiter, limited BackupEvent) *refusal {
	if refused := s.admit(r); refused != nil {
		return refused
	}
	switch {
	case off:
		return &refusal{http.StatusServiceUnavailable, nil}
	case s.opt.Backups.NoLastZxid:
		return &refusal{http.StatusInternalServerError, nil}
	case !l.take(time.Now()):
		s.opt.Backup.Counted(limited)
		s.opt.Log.Warn().Str("remote", r.RemoteAddr).Dur("interval", l.interval).Msg("too many snapshots or restores are asked for")
		return &refusal{http.StatusTooManyRequests, nil}
	}
	return nil
}

// backup runs one of the two commands. Not to be able to serve is no failure, as with
// all commands.
func (s *Server) backup(w http.ResponseWriter, r *http.Request, name, method string, do func() *refusal) {
	refused := &refusal{http.StatusOK, errNotServing}
	switch {
	case !s.commands.source.Serving():
	case r.Header.Get("Authorization") != "" && r.Method != method:
		w.Header().Set("Allow", method)
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	default:
		refused = do()
	}
	if refused != nil {
		respondJSON(w, refused.status, closed(nil, name, refused.err))
	}
}

// snapshot writes a snapshot and, unless streaming=false, sends it.
func (s *Server) snapshot(w http.ResponseWriter, r *http.Request) {
	s.backup(w, r, snapshotNames[0], http.MethodGet, func() *refusal {
		if refused := s.allow(r, s.opt.Backups.NoSnapshot, s.snapshots, SnapshotLimited); refused != nil {
			return refused
		}
		f, err := s.opt.Backup.Snapshot()
		if err != nil {
			s.opt.Backup.Counted(SnapshotFailed)
			s.opt.Log.Error().Err(err).Msg("snapshot for an operator failed")
			return &refusal{http.StatusInternalServerError, nil}
		}
		defer f.Close()
		head := w.Header()
		head["last_zxid"] = []string{f.Zxid.String()} // Java's names, which are no usual form of a header's
		head["snapshot_size"] = []string{strconv.FormatInt(f.Size, 10)}
		if q := r.URL.Query(); q.Has("streaming") && !strings.EqualFold(q.Get("streaming"), "true") { // Boolean.parseBoolean
			return &refusal{http.StatusOK, nil}
		}
		head.Set("Content-Type", "application/octet-stream")
		head.Set("Content-Length", strconv.FormatInt(f.Size, 10))
		p := s.progress(r, "snapshot sent", f.Size)
		control := http.NewResponseController(w)
		p.each = func() { _ = control.SetWriteDeadline(s.patience()) } // without it a client that stops reading costs a goroutine
		_, err = io.Copy(w, io.TeeReader(f, p))
		p.end(err)
		return nil
	})
}

// restore takes in a snapshot.
func (s *Server) restore(w http.ResponseWriter, r *http.Request) {
	s.backup(w, r, restoreNames[0], http.MethodPost, func() *refusal {
		if refused := s.allow(r, s.opt.Backups.NoRestore, s.restores, RestoreLimited); refused != nil {
			return refused
		}
		p := s.progress(r, "snapshot received", r.ContentLength)
		control := http.NewResponseController(w)
		p.each = func() { _ = control.SetReadDeadline(s.patience()) }
		p.each()
		zxid, err := s.opt.Backup.Restore(io.TeeReader(r.Body, p))
		p.end(err)
		if err != nil {
			s.opt.Backup.Counted(RestoreFailed)
			return &refusal{http.StatusInternalServerError, nil}
		}
		respondJSON(w, http.StatusOK, closed(object{{"last_zxid", int64(zxid)}}, restoreNames[0], nil))
		return nil
	})
}
