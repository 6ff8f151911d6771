package sasl

import (
	"strings"
	"unicode/utf8"
)

type jaasKind int

const (
	jaasEnd  jaasKind = iota
	jaasWord          // or text in double quotes
	jaasSign          // a single character, also one that has no place in the file
)

// jaasTokens takes a file apart as Java's StreamTokenizer does.
type jaasTokens struct {
	rest string
	line int
}

// next returns the next token.
func (t *jaasTokens) next() (jaasKind, string) {
	t.skip()
	if t.rest == "" {
		return jaasEnd, ""
	}
	r, size := utf8.DecodeRuneInString(t.rest)
	switch {
	case r == '"':
		t.rest = t.rest[size:]
		return jaasWord, t.quoted()
	case isWordRune(r) && !strings.ContainsRune("0123456789.-", r): // these begin a number
		end := strings.IndexFunc(t.rest, func(r rune) bool { return !isWordRune(r) })
		if end < 0 {
			end = len(t.rest)
		}
		word := t.rest[:end]
		t.rest = t.rest[end:]
		return jaasWord, word
	}
	sign := t.rest[:size]
	t.rest = t.rest[size:]
	return jaasSign, sign
}

// isWordRune says whether words have it.
func isWordRune(r rune) bool {
	const firstLetter = 0xa0 // of those that are not in ASCII
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_-$*.", r) || r >= firstLetter
}

// skip drops blanks and comments: /* to */, and a slash otherwise to the end of the line.
func (t *jaasTokens) skip() {
	for t.rest != "" {
		switch {
		case t.rest[0] <= ' ':
			t.drop(1)
		case strings.HasPrefix(t.rest, "/*"):
			end := strings.Index(t.rest[2:], "*/")
			if end < 0 {
				t.drop(len(t.rest))
				return
			}
			t.drop(end + 4)
		case t.rest[0] == '/':
			end := strings.IndexAny(t.rest, "\r\n")
			if end < 0 {
				end = len(t.rest)
			}
			t.drop(end)
		default:
			return
		}
	}
}

func (t *jaasTokens) drop(n int) {
	t.line += strings.Count(t.rest[:n], "\n")
	t.rest = t.rest[n:]
}

// quoted reads to the closing quote, or the end of the line.
func (t *jaasTokens) quoted() string {
	var text strings.Builder
	for t.rest != "" && t.rest[0] != '\n' && t.rest[0] != '\r' {
		c := t.rest[0]
		t.rest = t.rest[1:]
		switch {
		case c == '"':
			return text.String()
		case c == '\\' && t.rest != "":
			text.WriteString(t.escaped())
		default:
			text.WriteByte(c)
		}
	}
	return text.String()
}

// escaped reads what stands behind a backslash: up to three octal digits, a letter for a
// control character, or something that stands for itself.
func (t *jaasTokens) escaped() string {
	n, value := 0, 0
	for n < 3 && n < len(t.rest) && '0' <= t.rest[n] && t.rest[n] <= '7' && value*8 <= 0xff {
		value = 8*value + int(t.rest[n]-'0')
		n++
	}
	if n > 0 {
		t.rest = t.rest[n:]
		return string(rune(value))
	}
	_, size := utf8.DecodeRuneInString(t.rest)
	c := t.rest[:size]
	if at := strings.Index("abfnrtv", c); at >= 0 {
		c = "\a\b\f\n\r\t\v"[at : at+1]
	}
	t.drop(size)
	return c
}
