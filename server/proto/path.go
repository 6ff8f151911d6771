package proto

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Paths of the built-in nodes.
const (
	PathRoot   = "/"
	PathSystem = "/zookeeper"
	PathQuota  = "/zookeeper/quota"
	PathConfig = "/zookeeper/config"
)

// ValidPath says whether a node may have this path: absolute, no empty, "." or ".."
// component, no slash at the end, and none of the characters that Java forbids
// (control characters, U+D800 to U+F8FF, U+FFF0 to U+FFFF and everything above, and
// bytes that are not UTF-8).
func ValidPath(p []byte) bool {
	if len(p) == 0 || p[0] != '/' {
		return false
	}
	for rest := p[1:]; len(p) > 1; {
		i := bytes.IndexByte(rest, '/')
		name := rest
		if i >= 0 {
			name = rest[:i]
		}
		if !validName(name) {
			return false
		}
		if i < 0 {
			return true
		}
		rest = rest[i+1:]
	}
	return true
}

func validName(name []byte) bool {
	switch string(name) {
	case "", ".", "..":
		return false
	}
	for i := 0; i < len(name); {
		c := name[i]
		if c < utf8.RuneSelf {
			if c < 0x20 || c == 0x7f {
				return false
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(name[i:])
		if r < 0xa0 || r >= 0xd800 && r <= 0xf8ff || r >= 0xfff0 {
			return false
		}
		i += n
	}
	return true
}

// PlausiblePath is the light check that create and delete make before they look for
// the parent: there is a slash and no NUL.
func PlausiblePath(p []byte) bool {
	return bytes.IndexByte(p, '/') >= 0 && bytes.IndexByte(p, 0) < 0
}

// Parent returns the path above p, which must contain a slash: the part before the
// last one, "/" for a child of the root.
func Parent(p string) string {
	i := strings.LastIndexByte(p, '/')
	if i <= 0 {
		return PathRoot
	}
	return p[:i]
}

// Name returns the last component of p.
func Name(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }
