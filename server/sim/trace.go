package sim

import (
	"fmt"
	"hash"
	"hash/fnv"
	"time"
)

// keptLines is how many lines of a trace are kept for who wants to know why a run failed.
const keptLines = 400

// trace is what happened in a run. All of it goes into the sum; the last lines are kept.
type trace struct {
	sum   hash.Hash64
	lines []string
	begun int // lines there were
	buf   []byte
	tell  func(line string) // nil: nobody wants to hear all of it
}

func newTrace() *trace { return &trace{sum: fnv.New64a()} }

// add adds a line.
func (t *trace) add(now time.Duration, format string, args ...any) {
	t.buf = fmt.Appendf(t.buf[:0], "%10.6f ", now.Seconds())
	t.buf = fmt.Appendf(t.buf, format, args...)
	_, _ = t.sum.Write(t.buf) // never fails
	line := string(t.buf)
	if t.tell != nil {
		t.tell(line)
	}
	if len(t.lines) < keptLines {
		t.lines = append(t.lines, line)
	} else {
		t.lines[t.begun%keptLines] = line
	}
	t.begun++
}

// last returns the last lines, oldest first.
func (t *trace) last() []string {
	if t.begun <= keptLines {
		return t.lines
	}
	at := t.begun % keptLines
	return append(append([]string(nil), t.lines[at:]...), t.lines[:at]...)
}
