package member

import (
	"testing"

	"gokeeper/server/auth"
	"gokeeper/server/quorum"
)

// TestRecall has a member find a reconfiguration in its history: it counts as seen when
// it is newer than what is known, and configurations may change at all.
func TestRecall(t *testing.T) {
	f := func(reconfig bool, committed, seen, found, want int64) {
		t.Helper()
		c, err := quorum.Parse("server.1=h1:1:2\nserver.2=h2:1:2\nserver.3=h3:1:2")
		if err != nil {
			t.Fatal(err)
		}
		e := Ensemble{Self: 1, Quorum: c.WithVersion(committed), Reconfig: reconfig, InitLimit: 10, SyncLimit: 5, Recent: 500}
		if seen > 0 {
			last := c.WithVersion(seen)
			e.LastSeen = &last
		}
		m := New(Config{ServerID: 1, Tick: tick, Ensemble: &e}, &auth.Policy{}, State{}, 0, 1000)
		m.Actions()
		m.Recall(c.WithVersion(found))
		var got int64
		for _, a := range m.Actions() {
			if a, ok := a.(See); ok {
				got = a.Config.Version
			}
		}
		if got != want {
			t.Errorf("reconfig %v, committed %d, seen %d, found %d: sees %d, want %d", reconfig, committed, seen, found, got, want)
		}
	}
	f(true, 1, 0, 5, 5)
	f(true, 1, 3, 5, 5)
	f(true, 1, 7, 5, 0)
	f(true, 1, 5, 5, 0)
	f(true, 5, 0, 5, 0)
	f(true, 6, 0, 5, 0)
	f(false, 1, 0, 5, 0)
}
