package console

import (
	"fmt"
	"net/http"
	"strings"

	"gokeeper/server/admin"
	"gokeeper/server/proto"
)

// sessionRow is a session. What only the server of its connection knows is empty for
// those of others.
type sessionRow struct {
	Session    string `json:"session"`
	Timeout    int32  `json:"timeout"` // milliseconds
	Remote     string `json:"remote"`
	Received   int64  `json:"received"`
	Sent       int64  `json:"sent"`
	Queued     int    `json:"queued"`
	Latency    int64  `json:"latency"`    // milliseconds, mean
	Ephemerals int    `json:"ephemerals"` // how many
}

// rows is a page of a list.
type rows[T any] struct {
	Rows    []T  `json:"rows"`
	More    bool `json:"more"`
	Matched int  `json:"matched"`
}

// sessionKey orders sessions: all keys have the same length.
func sessionKey(id proto.SessionID) string { return fmt.Sprintf("0x%016x", uint64(id)) }

// sessions answers with a page of the sessions, in order of their ids.
func (h *Handler) sessions(r *http.Request, _ Login) (any, error) {
	if !h.opt.Facts.Serving() {
		return nil, ErrNotServing
	}
	byKey := map[string]*sessionRow{}
	for id, timeout := range h.opt.Source.Sessions() {
		byKey[sessionKey(id)] = &sessionRow{Session: id.String(), Timeout: timeout}
	}
	for _, c := range h.opt.Facts.Connections() {
		if c.Session != 0 {
			connected(byKey, &c)
		}
	}
	for _, o := range h.opt.Facts.Ephemerals() {
		if s := byKey[sessionKey(o.Session)]; s != nil {
			s.Ephemerals = len(o.Paths)
		}
	}
	all := least{window: windowOf(r.URL.Query())}
	for key := range byKey {
		all.add(key)
	}
	page, more := all.page()
	out := rows[*sessionRow]{Rows: []*sessionRow{}, More: more, Matched: all.matched}
	for _, key := range page {
		out.Rows = append(out.Rows, byKey[key])
	}
	return out, nil
}

// connected adds what a connection knows of its session, which may be a local one.
func connected(byKey map[string]*sessionRow, c *admin.Connection) {
	key := sessionKey(c.Session)
	if byKey[key] == nil {
		byKey[key] = &sessionRow{Session: c.Session.String(), Timeout: c.Timeout}
	}
	s := byKey[key]
	s.Remote, s.Received, s.Sent, s.Queued, s.Latency = c.Remote.String(), c.Received, c.Sent, c.Queued, c.AvgLatency
}

// watchRow is a watched path.
type watchRow struct {
	Path     string   `json:"path"`
	Watchers int      `json:"watchers"`
	Sessions []string `json:"sessions"` // the first of them
}

// shownWatchers is how many sessions are named for a path.
const shownWatchers = 10

// watches answers with a page of the watched paths, in order.
func (h *Handler) watches(r *http.Request, _ Login) (any, error) {
	if !h.opt.Facts.Serving() {
		return nil, ErrNotServing
	}
	w := windowOf(r.URL.Query())
	out := rows[watchRow]{Rows: []watchRow{}}
	for _, x := range h.opt.Facts.Watches() {
		if !strings.HasPrefix(x.Path, w.prefix) {
			continue
		}
		out.Matched++
		switch {
		case x.Path <= w.after:
		case len(out.Rows) == w.limit:
			out.More = true
		default:
			out.Rows = append(out.Rows, watchRowOf(&x))
		}
	}
	return out, nil
}

func watchRowOf(x *admin.Watch) watchRow {
	row := watchRow{Path: x.Path, Watchers: len(x.Sessions)}
	for _, id := range x.Sessions[:min(len(x.Sessions), shownWatchers)] {
		row.Sessions = append(row.Sessions, id.String())
	}
	return row
}
