package auth

import "testing"

// TestIP compares what is an address, and what it matches, with Java 3.9.6.
func TestIP(t *testing.T) {
	valid := func(id string, want bool) {
		t.Helper()
		if _, got := parsePrefix(id); got != want {
			t.Errorf("%q: valid %t, want %t", id, got, want)
		}
	}
	for _, id := range []string{"127.0.0.1", "127.0.0.01", "+127.0.0.1", "0.0.0.0/0", "127.0.0.1/8", "127.0.0.1/+8", "127.0.0.1/08", "::", "::1", "1::",
		"::1/64", "::/128", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "0001::", "-1::", "+1::", "-1:2:3:4:5:6:7:8"} {
		valid(id, true)
	}
	for _, id := range []string{"", "/8", "127.1", "1.2.3.4.", "1.2.3.4.5", "256.1.1.1", "-1.1.1.1", "1.2.3.x", "127.0.0.1/", "127.0.0.1/33", "127.0.0.1/-1",
		"127.0.0.1/8/8", "127.0.0.1/ 8", " 127.0.0.1", "::1/129", "1::2::3", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4::5:6:7:8", "00001::",
		"fe80::1%lo", "::ffff:127.0.0.1", "g::", "1: 2::"} {
		valid(id, false)
	}
	matches := func(acl, id string, want bool) {
		t.Helper()
		if got := ipMatches(acl, id); got != want {
			t.Errorf("%q matches %q: %t, want %t", acl, id, got, want)
		}
	}
	matches("127.0.0.1", "127.0.0.1", true)
	matches("127.0.0.01", "127.0.0.1", true)
	matches("127.0.0.1", "127.0.0.2", false)
	matches("127.5.5.5/8", "127.0.0.1", true)
	matches("127.0.0.1/31", "127.0.0.2", false)
	matches("0.0.0.0/0", "10.1.2.3", true)
	matches("::/0", "10.1.2.3", false)
	matches("0.0.0.0/0", "0:0:0:0:0:0:0:1", false)
	matches("::1", "0:0:0:0:0:0:0:1", true)
	matches("-1::", "ffff:0:0:0:0:0:0:0", true)
	matches("1:2::/33", "1:2:7fff:0:0:0:0:9", true)
	matches("1:2::/33", "1:2:8000:0:0:0:0:9", false)
	matches("127.0.0.1", "nonsense", false)
}
