package election

import (
	"testing"
	"time"

	"gokeeper/server/quorum"
)

// TestKeep lets one server notice the loss of its leader before the other: their next
// leader is elected without waiting for a repetition. Nothing is kept for long.
func TestKeep(t *testing.T) {
	cfg, err := quorum.Parse("server.1=h:1:2\nserver.2=h:1:2\nserver.3=h:1:2\nversion=0")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		keep time.Duration
		late int64 // how much later it notices
		want State
	}{{100 * time.Millisecond, 5, Following}, {100 * time.Millisecond, 150, Looking}, {0, 5, Looking}} {
		e := New(Config{Self: 1, Quorum: cfg, Keep: c.keep})
		e.Look(0, 1, 0)
		led := Vote{Leader: 2, Round: 1, Epoch: 1}
		e.Step(3, Notification{Following, led, Version, ""}, 1)
		e.Step(2, Notification{Leading, led, Version, ""}, 1)
		if e.State() != Following {
			t.Fatal(e.State())
		}
		e.Step(3, Notification{Looking, Vote{Leader: 3, Round: 2, Epoch: 1}, Version, ""}, 1000)
		now := 1000 + c.late
		e.Look(0, 1, now)
		e.Reach(quorum.Set{3}, now)
		e.Tick(now + 2*short)
		if e.State() != c.want {
			t.Errorf("keep %v, %d ms later: %v, want %v", c.keep, c.late, e.State(), c.want)
		}
	}
}
