package console

import (
	"net/http"
	"time"

	"gokeeper/server/metrics"
	"gokeeper/server/proto"
	"gokeeper/server/survey"
)

// state is what the page asks for every few seconds. Counters only grow, until they are
// reset; rates are their differences.
type state struct {
	Time    int64    `json:"time"` // milliseconds of the server's clock
	Version string   `json:"version"`
	Serving bool     `json:"serving"`
	Reasons []string `json:"reasons"` // why not
	Mode    string   `json:"mode"`
	Members []row    `json:"members"`
	Server  *numbers `json:"server,omitempty"` // of this server, while it serves
}

// row is a member and what it says of itself.
type row struct {
	ID      int64   `json:"id"`
	Self    bool    `json:"self"`
	Votes   bool    `json:"votes"`
	Host    string  `json:"host"`
	Client  string  `json:"client"`
	Mode    string  `json:"mode"` // "": not known
	Zxid    string  `json:"zxid"`
	Lag     *int64  `json:"lag"` // transactions behind the newest; -1: epochs behind
	Latency float64 `json:"latency"`
	Clients int64   `json:"clients"`
	Version string  `json:"version"`
	Error   string  `json:"error"`
	zxid    uint64
}

// numbers are this server's.
type numbers struct {
	Uptime      int64      `json:"uptime"` // milliseconds
	Nodes       int        `json:"nodes"`
	Clients     int        `json:"clients"`
	Sessions    int        `json:"sessions"`
	Watches     int        `json:"watches"`
	Outstanding int        `json:"outstanding"`
	Received    int64      `json:"received"`
	Sent        int64      `json:"sent"`
	Zxid        string     `json:"zxid"`
	Reads       cumulative `json:"reads"`
	Writes      cumulative `json:"writes"`
}

// cumulative counts requests and adds up the milliseconds that they took.
type cumulative struct {
	Count int64 `json:"count"`
	Sum   int64 `json:"sum"`
	Max   int64 `json:"max"`
	P99   int64 `json:"p99"`
}

func cumulated(d *metrics.Distribution) cumulative {
	f := d.Figures()
	return cumulative{Count: f.Count, Sum: f.Sum, Max: max(f.Max, 0), P99: max(d.Quantile(0.99), 0)}
}

// state answers with numbers and members.
func (h *Handler) state(*http.Request, Login) (any, error) {
	s := state{Time: time.Now().UnixMilli(), Version: h.opt.Probe.Version(), Reasons: h.opt.Probe.NotReady(), Serving: h.opt.Facts.Serving()}
	if s.Serving {
		s.Server = h.numbers()
		s.Mode = h.opt.Facts.Summary().Mode
	}
	s.Members = h.members()
	return s, nil
}

func (h *Handler) numbers() *numbers {
	sum, m := h.opt.Facts.Summary(), h.opt.Facts.Metrics()
	_, _, watches := h.opt.Facts.WatchCounts()
	return &numbers{
		Uptime: sum.Uptime, Nodes: sum.Nodes, Clients: sum.Connections, Sessions: len(h.opt.Source.Sessions()), Watches: watches,
		Outstanding: sum.Outstanding, Received: sum.Received, Sent: sum.Sent, Zxid: sum.Zxid.String(),
		Reads: cumulated(m.ReadLatency), Writes: cumulated(m.UpdateLatency),
	}
}

// How long a member may take to answer, and for how long its answer serves all viewers.
const (
	surveyLimit = time.Second
	surveyAge   = time.Second
)

// members returns a row for each member. This server knows itself; the others are asked.
func (h *Handler) members() []row {
	all := h.opt.Source.Members()
	answers := h.survey(all)
	rows := make([]row, len(all))
	var newest uint64
	for i, m := range all {
		a, known := answers[m.Client]
		rows[i] = row{ID: m.ID, Self: m.Self, Votes: !m.Observer, Host: m.Host, Client: m.Client}
		switch {
		case m.Self:
			h.itself(&rows[i])
		case !known:
			rows[i].Error = "its address for clients is not known here"
		case a.err != nil:
			rows[i].Error = a.err.Error()
		default:
			rows[i].take(&a.server)
		}
		newest = max(newest, rows[i].zxid)
	}
	for i := range rows {
		if rows[i].Mode != "" {
			lag := survey.Lag(rows[i].zxid, newest)
			rows[i].Lag = &lag
		}
	}
	return rows
}

func (r *row) take(s *survey.Server) {
	r.Mode, r.zxid, r.Latency, r.Clients, r.Version = s.Mode, s.Zxid, s.AvgLatency, s.Connections, s.Version
	r.Zxid = proto.Zxid(s.Zxid).String()
}

// itself fills in the row of this server.
func (h *Handler) itself(r *row) {
	if !h.opt.Facts.Serving() {
		r.Error = "serves no clients now"
		return
	}
	s := h.opt.Facts.Summary()
	r.take(&survey.Server{
		Mode: s.Mode, Zxid: uint64(s.Zxid), AvgLatency: s.AvgLatency, Connections: int64(s.Connections), Version: h.opt.Probe.Version(),
	})
}

// survey asks the other members, at most once in a second however many viewers there are.
func (h *Handler) survey(all []Member) map[string]answer {
	h.asking.Lock()
	defer h.asking.Unlock()
	if time.Since(h.asked) < h.fresh {
		return h.answers
	}
	got := make([]answer, len(all))
	survey.Each(len(all), func(i int) {
		if m := all[i]; !m.Self && m.Client != "" {
			got[i].server, got[i].err = survey.Summary(m.Client, surveyLimit)
		}
	})
	h.answers, h.asked = map[string]answer{}, time.Now()
	for i, m := range all {
		if !m.Self && m.Client != "" {
			h.answers[m.Client] = got[i]
		}
	}
	return h.answers
}
