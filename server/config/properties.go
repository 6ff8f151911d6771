package config

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// Entry is one logical line of a property file.
type Entry struct {
	Key, Value string // unescaped, without blanks at either end
	Line       int    // of the first natural line, from 1
	// Malformed is set if the line has a \u without four hexadecimal digits; Java then refuses
	// the whole file.
	Malformed bool
}

// Properties reads the format of java.util.Properties from ISO-8859-1 bytes: "key=value",
// "key:value" or "key value", comments after # or ! at the start of a line, an odd number of
// backslashes at the end joining the next line, the escapes \t \n \r \f \uXXXX, a backslash before
// anything else dropped. Entries come in the order of the file, duplicates included: the last wins.
func Properties(data []byte) []Entry {
	var entries []Entry
	lines := naturalLines(data)
	for i := 0; i < len(lines); i++ {
		first := i
		line := trimLeft(lines[i])
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		logical := line
		for continues(line) {
			logical = logical[:len(logical)-1]
			if i+1 == len(lines) {
				break
			}
			i++
			line = trimLeft(lines[i])
			logical += line
		}
		if logical == "" {
			continue
		}
		key, value := cut(logical)
		k, ok1 := unescape(key)
		v, ok2 := unescape(value)
		entries = append(entries, Entry{trim(k), trim(v), first + 1, !ok1 || !ok2})
	}
	return entries
}

// naturalLines splits at \n, \r and \r\n.
func naturalLines(data []byte) []string {
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	return strings.Split(strings.ReplaceAll(text, "\r", "\n"), "\n")
}

func trimLeft(s string) string { return strings.TrimLeft(s, " \t\f") }

// trim is Java's String.trim.
func trim(s string) string { return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' }) }

// continues reports whether the line ends in an odd number of backslashes.
func continues(line string) bool {
	n := len(line) - len(strings.TrimRight(line, `\`))
	return n%2 == 1
}

// cut splits a logical line at the first separator that no backslash precedes.
func cut(line string) (string, string) {
	i := 0
	for i < len(line) && !strings.ContainsRune("=: \t\f", rune(line[i])) {
		if line[i] == '\\' {
			i++
		}
		i++
	}
	i = min(i, len(line))
	key, rest := line[:i], trimLeft(line[i:])
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = trimLeft(rest[1:])
	}
	return key, rest
}

// unescape turns ISO-8859-1 bytes with escapes into text. It reports false for a bad \u.
func unescape(s string) (string, bool) {
	units := make([]uint16, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			units = append(units, uint16(s[i]))
			continue
		}
		i++
		if s[i] != 'u' {
			units = append(units, uint16(escaped(s[i])))
			continue
		}
		if i+5 > len(s) {
			return s, false
		}
		n, err := strconv.ParseUint(s[i+1:i+5], 16, 16)
		if err != nil {
			return s, false
		}
		units = append(units, uint16(n))
		i += 4
	}
	return string(utf16.Decode(units)), true
}

func escaped(c byte) byte {
	switch c {
	case 't':
		return '\t'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 'f':
		return '\f'
	}
	return c
}
