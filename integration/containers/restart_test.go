//go:build containers

package containers

import (
	"testing"

	"github.com/go-zookeeper/zk"
)

// TestRestart replaces containers on the same volumes, ended by docker stop and by docker kill in turns. What was
// acknowledged stays, and so does a session that is resumed in time.
func TestRestart(t *testing.T) {
	t.Parallel()
	volumes := newVolumes(t)
	var before *zk.Stat
	for turn, end := range []func(n *node){stopped, killed, stopped} {
		n := launch(t, volumes)
		n.serving("standalone")
		s := open(t, n.addr)
		if turn == 0 {
			s.put("/kept", "written in the first container")
			_, before = s.get("/kept")
		}
		if data, stat := s.get("/kept"); data != "written in the first container" || *stat != *before {
			t.Errorf("container %d: %q, %+v; want %+v", turn+1, data, stat, before)
		}
		end(n)
		s.Close()
		n.remove()
	}
}

// grace is what docker stop gives a container until it kills it, in seconds; it is Docker's default.
const grace = 10

// stopped ends a server as docker stop does. Had it not ended by itself, the exit code would be that of SIGKILL.
func stopped(n *node) {
	n.t.Helper()
	n.stop(grace)
	if code := n.ended(); code != 0 {
		n.t.Errorf("exit code %d after docker stop, want 0", code)
	}
}

func killed(n *node) {
	n.t.Helper()
	n.kill()
	if code := n.ended(); code != 137 {
		n.t.Errorf("exit code %d after docker kill, want 137", code)
	}
}
