package sasl

import (
	"fmt"
	"slices"
	"strings"
)

// directives are the parts of a token, name=value, by name.
type directives map[string]string

// parseDirectives reads a token. The names that the mechanism knows may come once, in any
// case; names that it does not know are passed over. An empty element is none. As in Java a
// blank ends a value like a comma, and a name without a value may stand at the end only.
func parseDirectives(token []byte, known []string) (directives, error) {
	found := directives{}
	s := scanner{rest: string(token)}
	for s.skipBlanks(); s.rest != ""; {
		if s.rest[0] == ',' {
			s.rest = s.rest[1:]
			s.skipBlanks()
			continue
		}
		name, value, err := s.directive()
		if err != nil {
			return nil, err
		}
		name = strings.ToLower(name)
		if !slices.Contains(known, name) {
			continue
		}
		if _, twice := found[name]; twice {
			return nil, fmt.Errorf("%w: %s comes twice", ErrToken, name)
		}
		found[name] = value
	}
	return found, nil
}

// get returns the value of a directive that must be there.
func (d directives) get(name string) (string, error) {
	value, ok := d[name]
	if !ok {
		return "", fmt.Errorf("%w: %s is missing", ErrToken, name)
	}
	return value, nil
}

// scanner is what is left of a token.
type scanner struct{ rest string }

const blanks = " \t\r\n"

func (s *scanner) skipBlanks() { s.rest = strings.TrimLeft(s.rest, blanks) }

// directive reads a name and its value, with what separates it from the next.
func (s *scanner) directive() (name, value string, err error) {
	end := strings.IndexAny(s.rest, "=,"+blanks)
	if end < 0 {
		name, s.rest = s.rest, ""
		return name, "", nil
	}
	name, s.rest = s.rest[:end], s.rest[end:]
	s.skipBlanks()
	if name == "" || s.rest == "" || s.rest[0] != '=' {
		return "", "", fmt.Errorf("%w: name and = expected at %q", ErrToken, name+s.rest)
	}
	s.rest = s.rest[1:]
	s.skipBlanks()
	if s.rest == "" {
		return "", "", fmt.Errorf("%w: %s has no value", ErrToken, name)
	}
	if s.rest[0] == '"' {
		value, err = s.quoted()
	} else {
		value = s.word()
	}
	if err == nil && s.rest != "" {
		s.rest = s.rest[1:]
		s.skipBlanks()
	}
	return name, value, err
}

func (s *scanner) word() string {
	end := strings.IndexAny(s.rest, ","+blanks)
	if end < 0 {
		end = len(s.rest)
	}
	word := s.rest[:end]
	s.rest = s.rest[end:]
	return word
}

// quoted reads a quoted value. What stands behind it is a separator.
func (s *scanner) quoted() (string, error) {
	var value strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '\\' && i+1 < len(s.rest):
			i++
			value.WriteByte(s.rest[i])
		case c == '"':
			s.rest = s.rest[i+1:]
			if s.rest != "" && strings.IndexByte(","+blanks, s.rest[0]) < 0 {
				return "", fmt.Errorf("%w: comma expected behind %q", ErrToken, value.String())
			}
			return value.String(), nil
		default:
			value.WriteByte(c)
		}
	}
	return "", fmt.Errorf("%w: quote is not closed", ErrToken)
}

// quote returns a value as it stands in a token.
func quote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
