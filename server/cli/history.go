package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// shown is how many entries history prints, besides itself.
const shown = 10

// history is what was entered.
type history struct {
	lines map[int]string
	count int // number of the command that is being carried out, or of the next
}

func (h *history) begin(line string) {
	if h.lines == nil {
		h.lines = map[int]string{}
	}
	h.lines[h.count] = strings.TrimRight(line, "\r\n")
}

func (h *history) end() { h.count++ }

// line returns an entry; without one it is "null", as Java prints it.
func (h *history) line(i int) string {
	if line, ok := h.lines[i]; ok {
		return line
	}
	return "null"
}

func (s *Shell) history(context.Context, *arguments) (answer, error) {
	var b strings.Builder
	list := []doc{}
	for i := max(0, s.past.count-shown); i <= s.past.count; i++ {
		fmt.Fprintf(&b, "%d - %s\n", i, s.past.line(i))
		list = append(list, doc{"number": i, "command": s.past.line(i)})
	}
	return answer{out: b.String(), doc: doc{"history": list}}, nil
}

// redo carries out a command again, which takes the place of the redo in the history.
func (s *Shell) redo(ctx context.Context, a *arguments) (answer, error) {
	if len(a.words) < 2 {
		return answer{}, nil
	}
	i, err := strconv.ParseInt(a.words[1], 0, 32)
	switch {
	case err != nil:
		return answer{}, usageError(fmt.Sprintf("redo wants the number of a command, not %q; history shows them", a.words[1]))
	case i < 0 || int(i) >= s.past.count:
		return answer{}, usageError("Command index out of range")
	}
	line := s.past.line(int(i))
	words := split(line)
	if len(words) == 0 || words[0] == "redo" {
		return answer{}, usageError("No redoing redos")
	}
	s.past.lines[s.past.count] = line
	return s.carryOut(ctx, words)
}
