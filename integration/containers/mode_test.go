//go:build containers

package containers

import (
	"fmt"
	"strings"
	"testing"
)

// reports checks that gokeeper status in the container says what the server is.
func reports(t *testing.T, n *node, want string) {
	t.Helper()
	code, out := n.exec("gokeeper", "status")
	if code != 0 || !strings.Contains(out, "Mode: "+want+"\n") {
		t.Errorf("gokeeper status: exit code %d, want 0 and mode %s:\n%s", code, want, out)
	}
}

// TestModeStandalone also calls Java's scripts, which are the binary under other names.
func TestModeStandalone(t *testing.T) {
	t.Parallel()
	n := launch(t)
	n.serving("standalone")
	reports(t, n, "standalone")
	for _, c := range [][]string{
		{"Mode: standalone", "zkServer.sh", "status"},
		{"[zookeeper]", "zkCli.sh", "-server", "localhost:2181", "ls", "/"},
	} {
		if code, out := n.exec(c[1:]...); code != 0 || !strings.Contains(out, c[0]) {
			t.Errorf("%v: exit code %d, want 0 and %q:\n%s", c[1:], code, c[0], out)
		}
	}
}

// TestModeEnsemble starts three voters and an observer, and writes through each of them.
func TestModeEnsemble(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, 1)
	leader := e.settled()
	for id := 1; id <= 4; id++ {
		want := "follower"
		switch id {
		case leader:
			want = "leader"
		case 4:
			want = "observer"
		}
		if got := e.node(id).mode(); got != want {
			t.Errorf("member %d: srvr says %q, want %s", id, got, want)
		}
		reports(t, e.node(id), want)
	}
	for id := 1; id <= 4; id++ {
		path := fmt.Sprint("/through-", id)
		open(t, e.node(id).addr).put(path, fmt.Sprint("written through member ", id))
		e.sees(path, fmt.Sprint("written through member ", id))
	}
}
