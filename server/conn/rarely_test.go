package conn

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

func TestRarely(t *testing.T) {
	var out bytes.Buffer
	r := rarely{log: zerolog.New(&out).Level(zerolog.InfoLevel)}
	at := func(now time.Duration, level zerolog.Level, cause, want string) {
		t.Helper()
		out.Reset()
		r.event(level, cause, now).Msg("x")
		if got := strings.TrimSpace(out.String()); got != want {
			t.Errorf("%v %s: %s, want %s", now, cause, got, want)
		}
	}
	at(0, zerolog.InfoLevel, "a", `{"level":"info","message":"x"}`)
	at(time.Second, zerolog.InfoLevel, "a", "")
	at(time.Second, zerolog.WarnLevel, "b", `{"level":"warn","message":"x"}`)
	at(2*time.Second, zerolog.InfoLevel, "a", "")
	at(rareEvery, zerolog.InfoLevel, "a", `{"level":"info","skipped":2,"message":"x"}`)
	at(rareEvery, zerolog.InfoLevel, "a", "")
	at(rareEvery, zerolog.DebugLevel, "c", "")
}

// TestExplained: a client that speaks something else is named in the log, once.
func TestExplained(t *testing.T) {
	var out bytes.Buffer
	s, addr := serve(t, Options{Log: zerolog.New(&out)}, newFake())
	for range 3 {
		c := dial(t, addr)
		c.send([]byte("GET / HTTP/1.1\r\n\r\n"))
		c.closed()
	}
	for len(s.Connections()) > 0 {
		time.Sleep(time.Millisecond)
	}
	if n := strings.Count(out.String(), "HTTP request"); n != 1 || !strings.Contains(out.String(), `"first":"\"GET / HTTP`) {
		t.Errorf("log: %s", out.String())
	}
}
