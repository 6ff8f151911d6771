package config

import (
	"fmt"
	"strings"
)

// Exit codes of the server process, as of Java's.
const (
	ExitStart       = 1 // could not start: ports, own id not among the members
	ExitConfig      = 2 // wrong arguments or configuration
	ExitDataDir     = 3 // data directory missing or not creatable
	ExitAdminServer = 4 // standalone only: admin server could not bind
)

// Level says how serious a complaint is.
type Level uint8

// Levels of complaints. An Error means that the server must not start.
const (
	Info Level = iota
	Warning
	Error
)

// String returns the level in lower case.
func (l Level) String() string {
	switch l {
	case Info:
		return "info"
	case Warning:
		return "warning"
	}
	return "error"
}

// Complaint is one remark about a configuration. Errors contain the text Java has for the mistake.
type Complaint struct {
	Level Level
	// Exit is the exit code an Error asks for, 0 for other levels.
	Exit int
	// File is the path of the file or the name of the variable with the flags; "" if the mistake
	// is that something is missing altogether.
	File string
	// Line counts from 1; 0 if no particular line is meant.
	Line int
	// Key and Value are what was set; Key is empty if no particular one is meant. Value is
	// empty for keys that may hold secrets.
	Key, Value string
	// Allowed says what would be right, if that fits a few words.
	Allowed string
	// Text says what is wrong.
	Text string
}

// String returns "file:line: text (key=value; allowed: ...)" without the level.
func (c Complaint) String() string {
	var b strings.Builder
	if c.File != "" {
		b.WriteString(c.File)
		if c.Line > 0 {
			fmt.Fprintf(&b, ":%d", c.Line)
		}
		b.WriteString(": ")
	}
	b.WriteString(c.Text)
	if c.Key == "" {
		return b.String()
	}
	fmt.Fprintf(&b, " (%s=%s", c.Key, c.Value)
	if c.Allowed != "" {
		fmt.Fprintf(&b, "; allowed: %s", c.Allowed)
	}
	b.WriteByte(')')
	return b.String()
}

// ExitCode returns the exit code of the first Error, 0 if there is none and the server may start.
func ExitCode(complaints []Complaint) int {
	for _, c := range complaints {
		if c.Level == Error {
			return c.Exit
		}
	}
	return 0
}
