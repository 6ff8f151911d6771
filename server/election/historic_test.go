package election

import (
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

// Mistakes that Java made once, by number in its tracker.

// ensemble returns the configuration of the voters 1 to n.
func ensemble(t *testing.T, n quorum.ServerID) quorum.Config {
	t.Helper()
	var b quorum.Builder
	for id := quorum.ServerID(1); id <= n; id++ {
		if err := b.Set("server."+id.String(), "h:1:2"); err != nil {
			t.Fatal(err)
		}
	}
	c, err := b.Config()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func says(s State, leader quorum.ServerID, zxid proto.Zxid, round, epoch int64) Notification {
	return Notification{State: s, Vote: Vote{leader, zxid, round, epoch}, Version: Version}
}

// TestZOOKEEPER1419 has five servers whose histories lie crosswise by epoch, zxid and id.
// An order of votes in which that makes a circle never lets them settle.
func TestZOOKEEPER1419(t *testing.T) {
	t.Parallel()
	e := New(Config{Self: 3, Quorum: ensemble(t, 5)})
	votes := []Vote{{1, 0x100000009, 1, 5}, {2, 0x200000000, 1, 2}, {3, 0x100000009, 1, 4}, {4, 0x400000001, 1, 4}, {5, 0x300000000, 1, 3}}
	for _, a := range votes {
		for _, b := range votes {
			if a != b && e.isBetter(a, b) == e.isBetter(b, a) {
				t.Errorf("%v and %v have no order", a, b)
			}
			for _, c := range votes {
				if e.isBetter(a, b) && e.isBetter(b, c) && !e.isBetter(a, c) {
					t.Errorf("%v, %v, %v are a circle", a, b, c)
				}
			}
		}
	}
	s := stage{t: t, members: map[quorum.ServerID]*Election{}}
	for _, v := range votes {
		s.members[v.Leader] = New(Config{Self: v.Leader, Quorum: ensemble(t, 5)})
	}
	for _, v := range votes {
		s.members[v.Leader].Look(v.Zxid, v.Epoch, 0)
		s.collect(v.Leader)
	}
	for s.deliver(); s.tickNext(1000); s.deliver() {
	}
	for id, e := range s.members {
		if e.State() == Looking || e.Vote().Leader != 1 {
			t.Errorf("%v is %v with %v", id, e.State(), e.Vote())
		}
	}
}

// TestZOOKEEPER1732 lets a server join an ensemble whose members know their leader by
// another round and zxid each.
func TestZOOKEEPER1732(t *testing.T) {
	t.Parallel()
	e := New(Config{Self: 1, Quorum: ensemble(t, 3)})
	e.Look(0, 0, 0)
	e.Step(2, says(Following, 3, 0x100000005, 1, 2), 1)
	e.Step(3, says(Leading, 3, 0x100000007, 4, 2), 2)
	if e.State() != Following || e.Vote().Leader != 3 {
		t.Errorf("it is %v, %v", e.State(), e.Vote())
	}
}

// TestZOOKEEPER1805 has members tell the epoch that their leader established, not the one
// it was elected with: one that voted for it and one that joined it later say the same.
func TestZOOKEEPER1805(t *testing.T) {
	t.Parallel()
	voted := New(Config{Self: 1, Quorum: ensemble(t, 3)})
	voted.Look(0x100000001, 1, 0)
	voted.Step(3, says(Looking, 3, 0x100000002, 1, 1), 1)
	voted.Tick(500)
	voted.Established(2)

	joined := New(Config{Self: 2, Quorum: ensemble(t, 3)})
	joined.Look(0, 0, 600)
	joined.Step(3, says(Leading, 3, 0x100000002, 1, 2), 601)
	joined.Actions()
	voted.Actions()
	voted.Step(2, says(Looking, 2, 0, 1, 0), 602)
	answer := voted.Actions()[0].(Send).Notification
	joined.Step(1, answer, 603)
	if joined.State() != Following || joined.Vote().Leader != 3 || answer.Vote.Epoch != 2 {
		t.Errorf("it is %v with %v, after %v", joined.State(), joined.Vote(), answer)
	}
	joined.Look(0, 0, 700)
	joined.Established(9) // late news of an epoch do not touch a proposal
	if joined.Vote().Epoch != 0 {
		t.Errorf("it proposes %v", joined.Vote())
	}
}

// TestZOOKEEPER1817and1818 mixes members of old and new releases, whose epochs of one
// leader differ: a server can join them, whichever it hears first.
func TestZOOKEEPER1817and1818(t *testing.T) {
	t.Parallel()
	old, new := says(Following, 3, 0x7, 9, 3), says(Leading, 3, 0x7, 9, 4)
	old.Version = 0
	f := func(first, second quorum.ServerID) {
		t.Helper()
		e := New(Config{Self: 1, Quorum: ensemble(t, 3)})
		e.Look(0, 0, 0)
		for _, id := range []quorum.ServerID{first, second} {
			n := old
			if id == 3 {
				n = new
			}
			e.Step(id, n, 1)
		}
		if e.State() != Following {
			t.Errorf("%v, %v: it is %v", first, second, e.State())
		}
	}
	f(2, 3)
	f(3, 2)
}

// TestZOOKEEPER3109 has a leader whose voter changed its mind. It can be known, and need
// not be waited for until time runs out.
func TestZOOKEEPER3109(t *testing.T) {
	t.Parallel()
	e := New(Config{Self: 3, Quorum: ensemble(t, 5)})
	e.Look(0, 0, 0)
	e.Step(1, says(Looking, 3, 0, 1, 0), 1)
	e.Step(2, says(Looking, 3, 0, 1, 0), 1)
	e.Tick(201)
	if e.State() != Leading || e.Deserted() {
		t.Fatalf("it is %v, deserted %v", e.State(), e.Deserted())
	}
	e.Step(4, says(Looking, 4, 0, 1, 0), 300) // did not vote for it
	if e.Deserted() {
		t.Error("deserted by a server that never voted for it")
	}
	e.Step(2, says(Looking, 5, 0, 1, 0), 300)
	if !e.Deserted() {
		t.Error("not deserted by one of the three that elected it")
	}
}

// TestLeaderGone has followers of a leader that is gone: their word alone makes nobody
// chase it.
func TestLeaderGone(t *testing.T) {
	t.Parallel()
	e := New(Config{Self: 1, Quorum: ensemble(t, 5)})
	e.Look(0, 0, 0)
	for id := quorum.ServerID(2); id <= 4; id++ {
		e.Step(id, says(Following, 5, 0x7, 9, 4), 1)
	}
	e.Step(5, says(Looking, 5, 0x7, 1, 4), 2)
	if e.State() != Looking {
		t.Errorf("it is %v %v", e.State(), e.Vote())
	}
}
