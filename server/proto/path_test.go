package proto

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

var badPaths = []string{
	"", "a", "a/b", "/a/", "//", "//a", "/a//b", "/.", "/..", "/./a", "/a/..", "/a/../b",
	"/\x00", "/a\x1f", "/\x7f", "/\u0080", "/\u009f", "/\uf8ff", "/\ue000", "/\ufff0", "/\uffff", "/\U00010000", "/\U0001f600",
	"/\xff", "/a\xc3", "/\xed\xa0\xbd\xed\xb8\x80", "/\xc0\xaf",
}

func TestValidPaths(t *testing.T) {
	for _, p := range []string{"/", "/a", "/a/b", "/...", "/.a", "/a.", "/..a", "/a b", "/\u00a0", "/é/中", "/\ud7ff", "/\uf900", "/\uffef", "/~"} {
		if !ValidPath([]byte(p)) {
			t.Errorf("%q is refused", p)
		}
	}
	for _, p := range badPaths {
		if ValidPath([]byte(p)) {
			t.Errorf("%q is allowed", p)
		}
	}
}

func TestPlausiblePaths(t *testing.T) {
	for p, want := range map[string]bool{"/": true, "a/": true, "/a//b/": true, "": false, "a": false, "/a\x00": false} {
		if got := PlausiblePath([]byte(p)); got != want {
			t.Errorf("%q: %v, want %v", p, got, want)
		}
	}
}

func TestParentAndName(t *testing.T) {
	for p, want := range map[string][2]string{
		"/": {"/", ""}, "/a": {"/", "a"}, "/a/b": {"/a", "b"}, "/a/": {"/a", ""}, "//x": {"/", "x"}, "/a//b": {"/a/", "b"},
	} {
		if got := [2]string{Parent(p), Name(p)}; got != want {
			t.Errorf("%q: %q, want %q", p, got, want)
		}
	}
}

var forbidden = regexp.MustCompile(`[\x{0}-\x{1f}\x{7f}-\x{9f}\x{d800}-\x{f8ff}\x{fff0}-\x{10ffff}]`)

// FuzzValidPath compares with the rules written down one by one.
func FuzzValidPath(f *testing.F) {
	for _, p := range badPaths {
		f.Add([]byte(p))
	}
	f.Add([]byte("/a/é"))
	f.Fuzz(func(t *testing.T, p []byte) {
		s := string(p)
		want := utf8.ValidString(s) && strings.HasPrefix(s, "/") && !forbidden.MatchString(s)
		for name := range strings.SplitSeq(strings.TrimPrefix(s, "/"), "/") {
			want = want && (name != "" || s == "/") && name != "." && name != ".."
		}
		if got := ValidPath(p); got != want {
			t.Errorf("%q: %v, want %v", p, got, want)
		}
		if want && s != "/" && strings.TrimSuffix(Parent(s), "/")+"/"+Name(s) != s {
			t.Errorf("%q has parent %q and name %q", s, Parent(s), Name(s))
		}
	})
}

func TestZxidParts(t *testing.T) {
	for _, c := range []struct {
		epoch   int64
		counter uint32
		text    string
	}{
		{0, 0, "0x0"}, {1, 0xffffffff, "0x1ffffffff"}, {0x7fffffff, 0xfffffff0, "0x7ffffffffffffff0"}, {-1, 0xffffffff, "0xffffffffffffffff"},
	} {
		z := NewZxid(c.epoch, c.counter)
		if z.Epoch() != c.epoch || z.Counter() != c.counter || z.String() != c.text {
			t.Errorf("%d, %#x: epoch %d, counter %#x, %v", c.epoch, c.counter, z.Epoch(), z.Counter(), z)
		}
	}
}
