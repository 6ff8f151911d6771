package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestProperties(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		var got []string
		for _, e := range Properties([]byte(in)) {
			s := fmt.Sprintf("%d %q=%q", e.Line, e.Key, e.Value)
			if e.Malformed {
				s += " malformed"
			}
			got = append(got, s)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q:\ngot  %s\nwant %s", in, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	}
	f("")
	f("\n \n\t\f\n")
	f("a=1", `1 "a"="1"`)
	f("a:1\nb 2\nc\t3\nd\f4", `1 "a"="1"`, `2 "b"="2"`, `3 "c"="3"`, `4 "d"="4"`)
	f("  a \t=  1  ", `1 "a"="1"`)
	f("a = = 1", `1 "a"="= 1"`)
	f("a : = 1", `1 "a"="= 1"`)
	f("a  b = c", `1 "a"="b = c"`)
	f("a==1", `1 "a"="=1"`)
	f("a", `1 "a"=""`)
	f("a=", `1 "a"=""`)
	f("=1", `1 ""="1"`)
	f("# c\n! d\n  # e\na=1 # x\nb=!", `4 "a"="1 # x"`, `5 "b"="!"`)
	f("a=1\r\nb=2\rc=3\n\rd=4", `1 "a"="1"`, `2 "b"="2"`, `3 "c"="3"`, `5 "d"="4"`)
	f("a=1\na=2", `1 "a"="1"`, `2 "a"="2"`)

	// Continuation.
	f("a=1\\\n   2\nb=3", `1 "a"="12"`, `3 "b"="3"`)
	f("a\\\n b=1", `1 "ab"="1"`)
	f("a=1\\\\\nb=2", `1 "a"="1\\"`, `2 "b"="2"`)
	f("a=1\\\\\\\nb=2", `1 "a"="1\\b=2"`)
	f("a=1\\\n# no comment", `1 "a"="1# no comment"`)
	f("# comment \\\na=1", `2 "a"="1"`)
	f("a=1\\\n\nb=2", `1 "a"="1"`, `3 "b"="2"`)
	f("a=1\\", `1 "a"="1"`)
	f("\\\n\\\na=1", `1 "a"="1"`)
	f("\\\n\na=1", `3 "a"="1"`)
	f("a=1\\\r\n2", `1 "a"="12"`)
	f("a=\\\n\\\n1", `1 "a"="1"`)

	// Escapes.
	f(`a=\t\n\r\fx`, `1 "a"="x"`) // trimmed afterwards
	f(`a=x\ty\nz`, `1 "a"="x\ty\nz"`)
	f(`a\=b\:c\ d=1`, `1 "a=b:c d"="1"`)
	f(`a=C:\dir\new`, `1 "a"="C:dir\new"`)
	f(`a=C:\\dir`, `1 "a"="C:\\dir"`)
	f(`a=\u0041\u00e9\uD83D\uDE00`, `1 "a"="Aé😀"`)
	f(`\u0061=\#\!\q`, `1 "a"="#!q"`)
	f(`a=\u12`, `1 "a"="\\u12" malformed`)
	f(`a=\u12xy`, `1 "a"="\\u12xy" malformed`)
	f(`a\u+123=1`, `1 "a\\u+123"="1" malformed`)

	// ISO-8859-1: bytes are characters; a BOM becomes part of the first key.
	f("a=\xe9", `1 "a"="é"`)
	f("\xef\xbb\xbfa=1", `1 "ï»¿a"="1"`)
	f(`a="x y"`, `1 "a"="\"x y\""`)
}

func FuzzProperties(f *testing.F) {
	for _, s := range []string{"a=1\\\n2", "a\\:b:c", `\u00e9=\u12`, "#\\\n!", "\\", "\\\r\n\f=", "a b\\\\\\\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := len(naturalLines(data))
		previous := 0
		for _, e := range Properties(data) {
			if e.Line <= previous || e.Line > lines {
				t.Fatalf("%q: line %d after %d of %d", data, e.Line, previous, lines)
			}
			previous = e.Line
			if e.Malformed || e.Key == "" && e.Value == "" {
				continue
			}
			again := Properties([]byte(escape(e.Key) + "=" + escape(e.Value)))
			if len(again) != 1 || again[0].Key != e.Key || again[0].Value != e.Value {
				t.Fatalf("%q: %+v reads back as %+v", data, e, again)
			}
		}
	})
}

// escape writes text with nothing left to interpret.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r > 0xffff {
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
			continue
		}
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.String()
}

func TestWords(t *testing.T) {
	f := func(in string, closed bool, want ...string) {
		t.Helper()
		got, ok := words(in)
		if ok != closed || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v", in, got, ok)
		}
	}
	f("", true)
	f("  \t\n ", true)
	f("a  b\tc\nd", true, "a", "b", "c", "d")
	f(`'a b' "c d"`, true, "a b", "c d")
	f(`-Da="x y"z'w'`, true, "-Da=x yzw")
	f(`a\ b \"c "d\"e" "f\g" 'h\i'`, true, "a b", `"c`, `d"e`, `f\g`, `h\i`)
	f(`'' ""`, true, "", "")
	f(`a "b c`, false, "a", "b c")
	f(`a\`, true, `a\`)
}
