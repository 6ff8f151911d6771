package admin

import (
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// patience is until when a client must take or give more.
func (s *Server) patience() time.Time {
	if s.opt.Idle == 0 {
		return time.Time{}
	}
	return time.Now().Add(s.opt.Idle)
}

// progressEvery is the time between two log lines about one transfer.
const progressEvery = 10 * time.Second

// progress counts what passes and logs it now and then.
type progress struct {
	log     zerolog.Logger
	what    string
	each    func() // called for every piece
	n       int64
	started time.Time
	told    time.Time
}

func (s *Server) progress(r *http.Request, what string, size int64) *progress {
	now := time.Now()
	log := s.opt.Log.With().Str("remote", r.RemoteAddr).Int64("size", size).Logger()
	return &progress{log: log, what: what, started: now, told: now}
}

// Write counts.
func (p *progress) Write(b []byte) (int, error) {
	p.n += int64(len(b))
	p.each()
	if now := time.Now(); now.Sub(p.told) >= progressEvery {
		p.told = now
		p.log.Info().Int64("bytes", p.n).Dur("took", now.Sub(p.started)).Msg(p.what + " in part")
	}
	return len(b), nil
}

// end logs how the transfer ended.
func (p *progress) end(err error) {
	took := time.Since(p.started)
	if err != nil {
		p.log.Warn().Int64("bytes", p.n).Dur("took", took).Err(err).Msg(p.what + " only in part")
		return
	}
	p.log.Info().Int64("bytes", p.n).Dur("took", took).Msg(p.what)
}
