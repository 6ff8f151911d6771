package client

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// PathError says why a path names no node. Its text is that of Java's PathUtils, which
// scripts know.
type PathError struct {
	Path string
	text string
}

// Error returns the reason.
func (e *PathError) Error() string { return e.text }

// CheckPath says whether a node can have this path; the error is a *PathError. Servers
// refuse the same paths without a reason. Positions count UTF-16 units, as in Java.
func CheckPath(path string) error {
	wrong := func(text string) error { return &PathError{path, text} }
	switch {
	case path == "":
		return wrong("Path length must be > 0")
	case path[0] != '/':
		return wrong("Path must start with / character")
	case path == "/":
		return nil
	case strings.HasSuffix(path, "/"):
		return wrong("Path must not end with / character")
	}
	units := utf16.Encode([]rune(path))
	for i, c := range units[1:] {
		if reason := unitWrong(units, i+1, c); reason != "" {
			return wrong("Invalid path string \"" + path + "\" caused by " + reason + " @" + strconv.Itoa(i+1))
		}
	}
	return nil
}

// unitWrong returns what is wrong with the unit c at i, "" for nothing.
func unitWrong(units []uint16, i int, c uint16) string {
	switch {
	case c == 0:
		return "null character not allowed"
	case c == '/' && units[i-1] == '/':
		return "empty node name specified"
	case c == '.' && relative(units, i):
		return "relative paths not allowed"
	case c <= 0x1f, c >= 0x7f && c <= 0x9f, c >= 0xd800 && c <= 0xf8ff, c >= 0xfff0:
		return "invalid character"
	}
	return ""
}

// relative says whether the name that ends with the dot at i is "." or "..".
func relative(units []uint16, i int) bool {
	if i+1 < len(units) && units[i+1] != '/' {
		return false
	}
	return units[i-1] == '/' || units[i-1] == '.' && units[i-2] == '/'
}

// checkNew is CheckPath for a node that is to be created: the server completes the path
// of a sequential one.
func checkNew(path string, sequential bool) error {
	if sequential {
		return CheckPath(path + "1")
	}
	return CheckPath(path)
}
