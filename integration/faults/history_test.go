package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"gokeeper/server/sim"
)

// history is what all clients did. Its methods may be called from any goroutine.
type history struct {
	start time.Time

	mu           sync.Mutex
	registers    map[string][]porcupine.Operation
	acknowledged []string // paths that were created
	sequences    map[string]string
	violations   []string
	done, lost   int
	last         time.Time     // of the last acknowledged write
	longest      time.Duration // without one
}

func newHistory() *history {
	now := time.Now()
	return &history{start: now, last: now, registers: map[string][]porcupine.Operation{}, sequences: map[string]string{}}
}

func (h *history) now() int64 { return time.Since(h.start).Nanoseconds() }

// violation notes what must not be.
func (h *history) violation(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.violations = append(h.violations, fmt.Sprintf("%.3fs ", time.Since(h.start).Seconds())+fmt.Sprintf(format, args...))
}

// wrote counts a write that was answered.
func (h *history) wrote() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	h.longest = max(h.longest, now.Sub(h.last))
	h.last = now
	h.done++
}

func (h *history) unanswered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lost++
}

// operation adds to the history of a register.
func (h *history) operation(path string, client int, a sim.Action, call int64, out sim.Outcome) {
	op := porcupine.Operation{ClientId: client, Input: a, Call: call, Output: out, Return: h.now()}
	if out.Result == "lost" {
		op.Return = never
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.registers[path] = append(h.registers[path], op)
}

func (h *history) created(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acknowledged = append(h.acknowledged, path)
}

// sequence notes a sequential znode. Names are unique, and ascend for each client, who
// waits for one answer before it asks again.
func (h *history) sequence(client, path, before string) {
	h.mu.Lock()
	other, taken := h.sequences[path]
	h.sequences[path] = client
	h.acknowledged = append(h.acknowledged, path)
	h.mu.Unlock()
	if taken {
		h.violation("sequence: %s was given to %s and to %s", path, other, client)
	}
	if path <= before {
		h.violation("sequence: %s got %s after %s", client, path, before)
	}
}

// check checks the registers, and returns all violations. Drawings of histories that are
// not linearizable are left in dir.
func (h *history) check(dir string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for path, ops := range h.registers {
		result, info := linearizable(ops)
		if result != porcupine.Illegal {
			continue
		}
		file := filepath.Join(dir, filepath.Base(path)+".html")
		if f, err := os.Create(file); err == nil {
			_ = porcupine.Visualize(sim.Registers, info, f)
			f.Close()
		}
		h.violations = append(h.violations, fmt.Sprintf("register: %s with %d operations is not linearizable, see %s", path, len(ops), file))
	}
	return h.violations
}
