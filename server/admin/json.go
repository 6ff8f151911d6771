package admin

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// object is a JSON object whose fields keep their order.
type object []field

// field is a name and what stands behind it: nil, bool, string, number, an integer,
// object, []object, []string, []int64.
type field struct {
	name  string
	value any
}

// number is a number in the form in which it is to be printed.
type number string

// appendJSON appends a value in the form of Java's admin server, which scripts search
// line by line: fields on lines of their own, two blanks for each level, blanks around
// the colon and inside brackets. (Java: JsonOutputter, Jackson's DefaultPrettyPrinter.)
func appendJSON(b []byte, v any, indent string) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int32:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case number:
		return append(b, v...)
	case string:
		return appendQuoted(b, v)
	case object:
		return v.append(b, indent)
	case []object:
		return appendList(b, v, indent)
	case []string:
		return appendList(b, v, indent)
	case []int64:
		return appendList(b, v, indent)
	}
	panic(fmt.Sprintf("bug: no JSON for %T", v))
}

func (o object) append(b []byte, indent string) []byte {
	if len(o) == 0 {
		return append(b, "{ }"...)
	}
	b = append(b, '{')
	for i, f := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, '\n'), indent...)
		b = append(appendQuoted(append(b, "  "...), f.name), " : "...)
		b = appendJSON(b, f.value, indent+"  ")
	}
	b = append(append(b, '\n'), indent...)
	return append(b, '}')
}

func appendList[T any](b []byte, list []T, indent string) []byte {
	if len(list) == 0 {
		return append(b, "[ ]"...)
	}
	b = append(b, "[ "...)
	for i, v := range list {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendJSON(b, v, indent)
	}
	return append(b, " ]"...)
}

// shortEscapes are the control characters that have a letter.
var shortEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}

// appendQuoted appends a string. What is not UTF-8 becomes U+FFFD, as in Java, which
// has no other strings.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		short := shortEscapes[r]
		switch {
		case short != "":
			b = append(b, short...)
		case r < ' ':
			b = fmt.Appendf(b, `\u%04X`, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
