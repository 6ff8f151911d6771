package cli

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/reeflective/readline"
)

// Editor reads lines from a terminal. Print may be called at any time, by another
// goroutine than ReadLine.
type Editor interface {
	// Use sets what completes the line in front of the cursor.
	Use(complete func(before string) []Candidate)
	// ReadLine reads a line; io.EOF ends the input.
	ReadLine(prompt string) (string, error)
	// Print prints text above the line that is being read, if one is.
	Print(text string)
}

// plainEditor prints prompts and leaves editing to the terminal.
type plainEditor struct {
	in  *bufio.Reader
	out io.Writer
}

// NewPlainEditor returns an editor for terminals that cannot move their cursor.
func NewPlainEditor(in io.Reader, out io.Writer) Editor {
	return &plainEditor{bufio.NewReader(in), out}
}

func (e *plainEditor) Use(func(string) []Candidate) {}

func (e *plainEditor) ReadLine(prompt string) (string, error) {
	e.Print(prompt)
	line, err := e.in.ReadString('\n')
	if err != nil {
		e.Print("\n") // the line that nobody has ended
	}
	return line, err
}

func (e *plainEditor) Print(text string) { _, _ = io.WriteString(e.out, text) }

// lineEditor edits lines, with history and completion. It uses the standard streams of
// the process.
type lineEditor struct {
	shell *readline.Shell

	mu      sync.Mutex // guards what follows, and keeps what is printed together
	prompt  string
	reading bool // the terminal is raw, and shows the prompt
}

// NewLineEditor returns an editor for the terminal on standard input and output.
func NewLineEditor() Editor {
	e := &lineEditor{shell: readline.NewShell()}
	e.shell.Prompt.Primary(func() string {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.prompt
	})
	return e
}

func (e *lineEditor) Use(complete func(string) []Candidate) {
	e.shell.Completer = func(line []rune, cursor int) readline.Completions {
		var described []string
		for _, c := range complete(string(line[:cursor])) {
			described = append(described, c.Value, c.Text)
		}
		return readline.CompleteValuesDescribed(described...)
	}
}

func (e *lineEditor) ReadLine(prompt string) (string, error) {
	e.set(prompt, true)
	defer e.set("", false)
	line, err := e.shell.Readline()
	if errors.Is(err, readline.ErrInterrupt) {
		return "", io.EOF // Ctrl-C leaves the shell, as in Java
	}
	return line, err
}

func (e *lineEditor) set(prompt string, reading bool) {
	e.mu.Lock()
	e.prompt, e.reading = prompt, reading
	e.mu.Unlock()
}

// Print takes the place of the line that is being read, and lets the editor draw that
// again below.
func (e *lineEditor) Print(text string) {
	const clear = "\r\x1b[J"
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.reading {
		_, _ = os.Stdout.WriteString(text)
		return
	}
	_, _ = os.Stdout.WriteString(clear + strings.ReplaceAll(text, "\n", "\r\n") + e.prompt)
	e.shell.Keys.RequestRefresh()
}
