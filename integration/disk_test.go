package integration

import (
	"errors"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestDiskFull writes until a real disk is full. The server must end, say why, and have what it acknowledged when there is
// space again.
func TestDiskFull(t *testing.T) {
	rnd := random(t)
	s := newServer(t, subject(t), "preAllocSize=256", "snapCount=2000")
	grow := smallDisk(t, filepath.Join(s.dir, "data"), "4m")
	s.start(t)
	c := s.connect(t, opening{})
	for _, p := range []string{"/seq", "/own", "/multi"} {
		c.ok(t, opCreate, create(p, nil, open, persistent))
	}
	var writers []*writer
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c"} {
		w := &writer{name: name, nodes: map[string]fate{}, pairs: map[string]fate{}}
		writers = append(writers, w)
		conn := s.connect(t, opening{})
		seed := rnd.Uint64()
		wg.Go(func() { w.err = w.run(conn, rand.New(rand.NewPCG(seed, 0))) })
	}
	select {
	case <-s.done:
	case <-time.After(time.Minute):
		t.Fatal("the disk does not become full")
	}
	wg.Wait()
	var exit *exec.ExitError
	if !errors.As(s.end, &exit) || exit.ExitCode() <= 0 {
		t.Errorf("the server ended with %v", s.end)
	}
	if log := s.logTail(2000); !strings.Contains(log, "no space left on device") {
		t.Errorf("the log does not say why:\n%s", log)
	}
	s.cmd = nil
	grow("64m")
	s.start(t)
	check := s.connect(t, opening{})
	acked := 0
	for _, w := range writers {
		if w.err != nil {
			t.Error(w.err)
		}
		if err := w.verify(check); err != nil {
			t.Error(err)
		}
		acked += w.acked
	}
	if err := verifySequence(check, writers); err != nil {
		t.Error(err)
	}
	t.Logf("%d acknowledged writes", acked)
	if acked < 100 {
		t.Error("too few: this proves nothing")
	}
}
