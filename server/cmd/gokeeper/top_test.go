package main

import (
	"strings"
	"testing"
)

// TestTopOnce asks a server for one frame, and one that is not there.
func TestTopOnce(t *testing.T) {
	_, address := shellSite(t)
	r := call(t, "top", "-server", address, "--once", "--interval", "10ms", "--admin-port", "0")
	if r.code != 0 || !strings.Contains(r.stdout, address) || !strings.Contains(r.stdout, "standalone") {
		t.Errorf("a server that runs: %s", r)
	}
	r = call(t, "top", "--server", "127.0.0.1:1", "--once", "--interval", "10ms", "--admin-port", "0")
	if r.code != 1 || !strings.Contains(r.stdout, "refused") {
		t.Errorf("no server: %s", r)
	}
	if r = call(t, "top", "-server", address); r.code != 2 || !strings.Contains(r.stderr, "--once") {
		t.Errorf("without a terminal: %s", r)
	}
}
