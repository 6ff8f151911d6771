package zab_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"gokeeper/server/quorum"
	"gokeeper/server/zab"
)

// Mistakes that ZooKeeper made, by the number in its tracker. Each test fails when the
// mistake is made here. What concerns disks, sessions or elections is tested where that
// is done.

// holds runs a script that stands in the test.
func holds(t *testing.T, text string) {
	t.Helper()
	text = strings.TrimLeft(text, "\n")
	if got := runScript(text); strings.TrimSpace(got) != strings.TrimSpace(text) {
		t.Errorf("got other things: %s", difference(text, got))
	}
}

// quiet returns an ensemble of three in which nothing happens by chance but how far
// packets and disks come.
func quiet(t *testing.T) *simWorld {
	w := &simWorld{rand: rand.New(rand.NewPCG(1, 1)), established: map[int64]quorum.ServerID{}, keep: 500, drops: 1 << 30, loud: true}
	w.begin(ensemble(0, []quorum.ServerID{1, 2, 3}, nil))
	t.Cleanup(func() {
		if t.Failed() || w.failure != "" {
			t.Errorf("%s\n%s", strings.Join(w.story, "\n"), w.failure)
		}
	})
	return w
}

// lead makes a node the leader of the others, and lets all come to rest.
func (w *simWorld) lead(leader *simNode, others ...*simNode) {
	leader.lead()
	for _, n := range others {
		w.follow(n, leader)
	}
	w.rest()
}

func (w *simWorld) follow(n, leader *simNode) {
	w.restart(n)
	n.follows = leader
	w.connect(n)
}

// rest delivers and syncs until nothing is left to do.
func (w *simWorld) rest() {
	for range 500 {
		w.deliver()
		for _, n := range w.nodes {
			if !n.down {
				n.sync()
				n.apply()
				w.saved(n)
			}
		}
	}
}

// A follower whose log holds a proposal that was never committed must not count as one
// without it when it comes back without a restart: it is cut back, in memory as on disk.
func TestZookeeper2845(t *testing.T) {
	holds(t, `
learn self=2 accepted=1 current=1 last=1:3
LEADERINFO 2:0
DIFF 1:3
NEWLEADER 2:0
UPTODATE
PROPOSAL 2:1
----
send FOLLOWERINFO 1:0 server 2
accepted epoch 2 is durable
send ACKEPOCH 1:3 epoch 1
current epoch 2 is durable
send ACK 2:0
send ACK 2:0
serve epoch 2
log 2:1

# It votes with 2:1, which the next leader has not.
lead self=1 voters=1,2,3 accepted=2 current=2 log=1:1-1:3
connect 2
from 2 FOLLOWERINFO 2:0 sid=2
connect 3
from 3 FOLLOWERINFO 2:0 sid=3
from 3 ACKEPOCH 1:3 epoch=2
gone 2
connect 4
from 4 FOLLOWERINFO 3:0 sid=2
from 4 ACKEPOCH 2:1 epoch=-1
----
accepted epoch 3 is durable
2← LEADERINFO 3:0
3← LEADERINFO 3:0
current epoch 3 is durable
3← bring server 3 from 1:3: DIFF 1:3
3← NEWLEADER 3:0
4← LEADERINFO 3:0
4← bring server 2 from 2:1: TRUNC 1:3
4← NEWLEADER 3:0

learn self=2 accepted=3 current=2 last=2:1
LEADERINFO 3:0
TRUNC 1:3
state
----
send FOLLOWERINFO 3:0 server 2
send ACKEPOCH 2:1 epoch -1
truncate behind 1:3
epoch 3 following=false partial=true outstanding 0
`)
}

// NEWLEADER must not be acknowledged before what the synchronisation brought is durable.
// (Also 3023, 4646.)
func TestZookeeper3911(t *testing.T) {
	holds(t, `
learn self=2 last=1:3
LEADERINFO 2:0
DIFF 1:5
PROPOSAL 1:4
COMMIT 1:4
PROPOSAL 1:5
COMMIT 1:5
NEWLEADER 2:0
durable 1:3
durable 1:4
----
send FOLLOWERINFO 0:0 server 2
accepted epoch 2 is durable
send ACKEPOCH 1:3 epoch 0
log 1:4 1:5
decided 1:5

durable 1:5
----
current epoch 2 is durable
send ACK 2:0
`)
}

// Nor before the snapshot is written with what came behind it; and a snapshot that did
// not come whole, or was not written, is nothing to build on. (Also 3642, 2872.)
func TestZookeeper3104(t *testing.T) {
	holds(t, `
learn self=2 last=1:3
LEADERINFO 2:0
state
SNAP 1:9
state
PROPOSAL 1:a
COMMIT 1:a
NEWLEADER 2:0
durable 1:a
state
----
send FOLLOWERINFO 0:0 server 2
accepted epoch 2 is durable
send ACKEPOCH 1:3 epoch 0
epoch 2 following=false partial=false outstanding 0
install the snapshot of 1:9
epoch 2 following=false partial=true outstanding 0
apply 1:a
save a snapshot
epoch 2 following=false partial=true outstanding 0

saved
state
----
current epoch 2 is durable
send ACK 2:0
epoch 2 following=false partial=false outstanding 0
`)
	// On the leader's side, NEWLEADER comes behind all that was queued.
	holds(t, `
lead self=1 voters=1 accepted=1 current=1 log=1:1-1:3
propose 2:1-2:2
durable 2:1
connect 2
from 2 FOLLOWERINFO 0:0 sid=2
from 2 ACKEPOCH 0:0 epoch=0
propose 2:3
----
accepted epoch 2 is durable
current epoch 2 is durable
serve epoch 2
decided 2:1
2← LEADERINFO 2:0
2← bring server 2 from 0:0: SNAP 2:1
2← PROPOSAL 2:2
2← NEWLEADER 2:0
2← PROPOSAL 2:3
`)
}

// The current epoch must not be durable before the transactions that came with it: a
// crash in between would leave a server that wins elections and lacks them.
func TestZookeeper4643(t *testing.T) {
	for crash := range 3 { // before the log is durable, after it, after the acknowledgement
		w := quiet(t)
		a, b, c := w.nodes[0], w.nodes[1], w.nodes[2]
		w.lead(c, a, b)
		w.propose(c)
		w.rest()
		b.leave()
		w.propose(c)
		w.rest() // committed by a and c, unknown to b
		a.crash()
		c.leave()
		c.lead()
		w.follow(b, c)
		for range 200 {
			w.deliver()
		}
		switch crash {
		case 1:
			b.disk.synced = len(b.disk.log)
		case 2:
			b.disk.synced = 0
			for b.disk.synced < len(b.disk.log) {
				b.sync()
			}
			w.deliver()
		}
		b.disk.log = b.disk.log[:b.disk.synced] // the power fails
		b.crash()
		c.crash()
		w.restart(a)
		w.restart(b)
		if better(b, a) { // must not have lost anything
			w.lead(b, a)
		} else {
			w.lead(a, b)
		}
		if !a.serving || !b.serving || len(a.hist) != len(w.committed) {
			t.Errorf("crash %d: a, b and what was committed differ", crash)
			w.story = append(w.story, a.String(), b.String())
		}
	}
}

// A COMMIT may come between NEWLEADER's acknowledgement and UPTODATE, also of a proposal
// that came before NEWLEADER.
func TestZookeeper4394(t *testing.T) {
	holds(t, `
learn self=2 last=1:3
LEADERINFO 2:0
DIFF 1:4
PROPOSAL 1:4
COMMIT 1:4
PROPOSAL 2:1
PROPOSAL 2:2
NEWLEADER 2:0
durable 1:4
COMMIT 2:1
PROPOSAL 2:3
COMMIT 2:2
UPTODATE
durable 2:3
COMMIT 2:3
----
send FOLLOWERINFO 0:0 server 2
accepted epoch 2 is durable
send ACKEPOCH 1:3 epoch 0
log 1:4
decided 1:4
current epoch 2 is durable
send ACK 2:0
send ACK 2:0
log 2:1 2:2 2:3
decided 2:1
decided 2:2
serve epoch 2
send ACK 2:1, ACK 2:2, ACK 2:3
decided 2:3
`)
}

// A follower must not acknowledge proposals before NEWLEADER; a leader must bear with one
// that does.
func TestZookeeper4685(t *testing.T) {
	holds(t, `
learn self=2 last=1:3
LEADERINFO 2:0
DIFF 1:3
PROPOSAL 2:1
COMMIT 2:1
PROPOSAL 2:2
NEWLEADER 2:0
durable 2:1
PROPOSAL 2:3
durable 2:3
----
send FOLLOWERINFO 0:0 server 2
accepted epoch 2 is durable
send ACKEPOCH 1:3 epoch 0
log 2:1
decided 2:1
current epoch 2 is durable
send ACK 2:0

lead self=1 voters=1,2,3 accepted=1 current=1 log=1:1-1:3
connect 2
from 2 FOLLOWERINFO 0:0 sid=2
from 2 ACKEPOCH 1:2 epoch=1
from 2 ACK 1:3
state
from 2 ACK 2:0
state
----
accepted epoch 2 is durable
2← LEADERINFO 2:0
current epoch 2 is durable
2← bring server 2 from 1:2: DIFF 1:3 1:3
2← NEWLEADER 2:0
epoch 2 established=false proposed 1:3 outstanding 0
serve epoch 2
2← UPTODATE -1
epoch 2 established=true proposed 2:0 outstanding 0
`)
}

// Writes that go on while a follower joins are all logged, in order, wherever in the
// synchronisation they come.
func TestZookeeper4785(t *testing.T) {
	stages := []string{"DIFF 1:3", "NEWLEADER 2:0", "UPTODATE"}
	for writes := range 1 << len(stages) { // behind which of them two writes come, one committed
		l := zab.Learn(zab.LearnerConfig{Self: 2, Last: unshow("1:3")})
		s := &script{learner: l}
		s.run(strings.Fields("LEADERINFO 2:0"))
		out, next := "", 1
		for i, stage := range stages {
			out += s.run(strings.Fields(stage))
			if writes>>i&1 == 0 {
				continue
			}
			for range 2 {
				out += s.run([]string{"PROPOSAL", show(unshow("2:0") + zxidOf(next))})
				next++
			}
			out += s.run([]string{"COMMIT", show(unshow("2:0") + zxidOf(next-2))})
			out += s.run([]string{"COMMIT", show(unshow("2:0") + zxidOf(next-1))})
			out += s.run([]string{"durable", show(unshow("2:0") + zxidOf(next-1))})
		}
		out += s.run([]string{"durable", "2:9"})
		var logged []string
		for line := range strings.Lines(out) {
			if rest, ok := strings.CutPrefix(line, "log "); ok {
				logged = append(logged, strings.Fields(rest)...)
			}
		}
		want := strings.Fields(showEntries(entries("2:1-2:9")[:next-1]))
		if strings.Join(logged, " ") != strings.Join(want, " ") || l.Outstanding() != 0 || !l.Following() {
			t.Errorf("writes behind %03b: logged %v, want %v:\n%s", writes, logged, want, out)
		}
	}
}

// What a follower committed during its synchronisation must be in its window when it
// leads, and nobody takes a history with a hole.
func TestZookeeper4925(t *testing.T) {
	holds(t, `
learn self=2 last=1:2
LEADERINFO 2:0
DIFF 1:8
PROPOSAL 1:3
COMMIT 1:3
PROPOSAL 1:6
----
send FOLLOWERINFO 0:0 server 2
accepted epoch 2 is durable
send ACKEPOCH 1:2 epoch 0
stop: 0x100000006 after 0x100000003: a proposal is missing

lead self=1 voters=1,2 accepted=1 current=1 log=1:1-1:3,1:6-1:8
plan 1:2 last=1:8
plan 1:7 last=1:8
----
SNAP
DIFF 1:8 1:8
`)
	w := quiet(t)
	a, b, c := w.nodes[0], w.nodes[1], w.nodes[2]
	w.lead(c, a)
	for range 5 {
		w.propose(c)
	}
	w.follow(b, c) // while five writes are under way
	w.rest()
	if !b.serving {
		t.Fatal("b does not follow")
	}
	plan := b.window.Plan(0, b.last(), false)
	if newest, _ := b.window.Last(); newest != b.last() || b.window.Len() != len(b.hist) {
		t.Errorf("window of %d ends at %v, history of %d at %v: %s", b.window.Len(), newest, len(b.hist), b.last(), showPlan(plan))
	}
}

// The server with the highest zxid comes back: it loses its tail, and no more.
// (1154, 1156.)
func TestZookeeper1154(t *testing.T) {
	for _, more := range []bool{false, true} { // whether the others go on meanwhile
		w := quiet(t)
		a, b, c := w.nodes[0], w.nodes[1], w.nodes[2]
		w.lead(c, a, b)
		w.propose(c)
		w.rest()
		before := w.committed[len(w.committed)-1]
		w.propose(c) // reaches nobody
		for _, x := range w.links {
			x.down = nil
			w.breakLink(x)
		}
		c.leave()
		w.rest()
		w.lead(b, a)
		if more {
			w.propose(b)
		}
		w.rest()
		if c.last() <= before.Zxid {
			t.Fatalf("c ends at %s", show(c.last()))
		}
		w.follow(c, b)
		w.rest()
		w.propose(b)
		w.rest()
		if !c.serving || c.last() <= before.Zxid || c.last() != b.last() || c.decided != b.decided {
			t.Errorf("%v\n%v", b, c)
		}
	}
}

// A DIFF out of log files must not skip what lies between two of them.
func TestZookeeper2418(t *testing.T) {
	h := zab.NewHistory(500)
	for _, e := range entries("1:8-1:9") {
		h.Add(e)
	}
	h.Applied(unshow("1:9"))
	plan := h.Plan(unshow("1:2"), unshow("1:9"), true)
	if p, err := plan.FromDisk(logOf(entries("1:1-1:4,1:6-1:8"), ""), unshow("1:2")); err == nil {
		t.Errorf("got %s", showPlan(p))
	}
}

// What the previous role had logged tells nothing in the next. (Also 4541.)
func TestZookeeper4712(t *testing.T) {
	holds(t, `
learn self=2 last=1:3
LEADERINFO 2:0
durable 1:3
DIFF 1:4
PROPOSAL 1:4
COMMIT 1:4
durable 1:3
NEWLEADER 2:0
durable 1:3
saved
----
send FOLLOWERINFO 0:0 server 2
accepted epoch 2 is durable
send ACKEPOCH 1:3 epoch 0
log 1:4
decided 1:4

lead self=1 voters=1,2,3 accepted=1 current=1 log=1:1-1:9
durable 1:9
join 2 sid=2 last=1:9
propose 2:1
from 2 ACK 1:9
durable 1:9
----
accepted epoch 2 is durable
2← LEADERINFO 2:0
current epoch 2 is durable
2← bring server 2 from 1:9: DIFF 1:9
2← NEWLEADER 2:0
serve epoch 2
2← UPTODATE -1
2← PROPOSAL 2:1
`)
}

// The counter must not run into the epoch. (Also 4883.)
func TestZookeeper1277(t *testing.T) {
	holds(t, `
lead self=1 voters=1
propose 1:fffffff0-1:fffffffd
durable 1:fffffffd
propose 1:fffffffe
durable 1:fffffffe
propose 1:ffffffff
----
accepted epoch 1 is durable
current epoch 1 is durable
serve epoch 1
decided 1:fffffffd
decided 1:fffffffe
stop: the epoch has no more zxids
`)
}
