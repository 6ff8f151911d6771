package cli_test

import (
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gokeeper/server/cli"
)

// terminal is an editor that types lines, and shows them behind the prompt.
type terminal struct {
	out   io.Writer
	typed []string
}

func (t *terminal) Use(func(string) []cli.Candidate) {}

func (t *terminal) Print(text string) { _, _ = io.WriteString(t.out, text) }

func (t *terminal) ReadLine(prompt string) (string, error) {
	t.Print(prompt)
	if len(t.typed) == 0 {
		t.Print("\n")
		return "", io.EOF
	}
	line := t.typed[0]
	t.typed = t.typed[1:]
	t.Print(line + "\n")
	return line, nil
}

var (
	promptLine = regexp.MustCompile(`^\[zk: [^\]]*\] `)
	eventBlock = regexp.MustCompile(`\nWATCHER::\n\nWatchedEvent .*\n`)
)

// eventsFirst moves the events that came while a command was carried out in front of what
// it printed: either order is right.
func eventsFirst(transcript string) string {
	var out, events, rest strings.Builder
	flush := func() {
		text := rest.String()
		for _, e := range eventBlock.FindAllString(text, -1) {
			events.WriteString(e)
		}
		out.WriteString(events.String() + eventBlock.ReplaceAllString(text, ""))
		events.Reset()
		rest.Reset()
	}
	for line := range strings.Lines(transcript) {
		if promptLine.MatchString(line) {
			flush()
			out.WriteString(line)
			continue
		}
		rest.WriteString(line)
	}
	flush()
	return out.String()
}

// sessions plays what was recorded on a terminal.
func sessions(t *testing.T, address string) {
	t.Helper()
	raw, err := os.ReadFile("testdata/interactive_tty.txt")
	if err != nil {
		t.Fatal(err)
	}
	played := 0
	parts := strings.Split(string(raw), "\n==== ")[1:]
	for i := 0; i+1 < len(parts); i += 2 {
		played++
		name, want, _ := strings.Cut(parts[i], "\n")
		code, _, _ := strings.Cut(strings.TrimPrefix(parts[i+1], "exit "), "\n")
		if strings.Contains(want, "Exception in thread") {
			continue // here the shell goes on
		}
		var typed []string
		for line := range strings.Lines(want + "\n") {
			if p := promptLine.FindString(line); p != "" {
				typed = append(typed, strings.TrimSuffix(line[len(p):], "\n"))
			}
		}
		if last := len(typed) - 1; strings.HasSuffix(name, "(Ctrl-D)") || strings.HasSuffix(name, "(Ctrl-C)") {
			typed = typed[:last]
			want = strings.TrimSuffix(want, "^C")
		}
		var out buffer
		s := cli.New(cli.ParseInvocation([]string{"-server", address}), cli.Config{
			Out: &out, Err: &out, Editor: &terminal{&out, typed}, Location: time.UTC,
		})
		if got := s.Run(t.Context()); strconv.Itoa(got) != code {
			t.Errorf("%s: exit code %d, want %s", name, got, code)
		}
		got := masked(strings.ReplaceAll(out.String(), address, javaAddress), false)
		if got, want := eventsFirst(got), eventsFirst(masked(want+"\n", false)); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
	if played != 7 {
		t.Errorf("%d sessions were played, want 7", played)
	}
}
