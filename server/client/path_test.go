package client

import (
	"testing"

	"gokeeper/server/proto"
)

// TestCheckPath wants Java's reasons.
func TestCheckPath(t *testing.T) {
	for path, want := range map[string]string{
		"":            "Path length must be > 0",
		"a":           "Path must start with / character",
		"/a/":         "Path must not end with / character",
		"//":          "Path must not end with / character",
		"//a":         `Invalid path string "//a" caused by empty node name specified @1`,
		"/a//b":       `Invalid path string "/a//b" caused by empty node name specified @3`,
		"/.":          `Invalid path string "/." caused by relative paths not allowed @1`,
		"/a/..":       `Invalid path string "/a/.." caused by relative paths not allowed @4`,
		"/a/./b":      `Invalid path string "/a/./b" caused by relative paths not allowed @3`,
		"/a\x00":      "Invalid path string \"/a\x00\" caused by null character not allowed @2",
		"/a\x1f":      "Invalid path string \"/a\x1f\" caused by invalid character @2",
		"/é\u0080":    "Invalid path string \"/é\u0080\" caused by invalid character @2",
		"/é😀":         "Invalid path string \"/é😀\" caused by invalid character @2",
		"/a\xffb\x01": "Invalid path string \"/a\xffb\x01\" caused by invalid character @2",
	} {
		if err := CheckPath(path); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", path, err, want)
		}
	}
	if checkNew("/a/", false) == nil || checkNew("/a/", true) != nil {
		t.Error("a path may end with a slash when the server completes it, and only then")
	}
}

// FuzzCheckPath compares with the server's check.
func FuzzCheckPath(f *testing.F) {
	for _, p := range []string{"/", "/a/b", "/...", "/a..", "/a/.", "/é", "/\ufffd", "/\uf8ff", "//", ""} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if err := CheckPath(path); (err == nil) != proto.ValidPath([]byte(path)) {
			t.Errorf("%q: %v", path, err)
		}
	})
}
