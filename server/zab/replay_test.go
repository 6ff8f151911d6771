package zab_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/zab"
)

// decode reads one packet that is all of b.
func decode(t *testing.T, b []byte) zab.Packet {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(b))
	p, err := zab.ReadPacket(r, jute.DefaultLimit)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Fatalf("%x: bytes are left", b)
	}
	return p
}

// recorded is one line of a recording of Java servers: the number of the link, > for a
// packet of the learner and < for one of the leader, type, bytes; of FIN there are none.
type recorded struct {
	link zab.LinkID
	up   bool
	kind string
	raw  []byte
	zab.Packet
}

func readRecording(t *testing.T, name string) []recorded {
	t.Helper()
	text, err := os.ReadFile("testdata/java/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var out []recorded
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		link, err := strconv.Atoi(words[0])
		if err != nil {
			t.Fatal(err)
		}
		x := recorded{link: zab.LinkID(link), up: words[1] == ">", kind: words[2]}
		if len(words) > 3 {
			if x.raw, err = hex.DecodeString(words[3]); err != nil {
				t.Fatal(err)
			}
			x.Packet = decode(t, x.raw)
		}
		out = append(out, x)
	}
	return out
}

// TestPacketsOfJava re-encodes packets of all kinds to the same bytes, and the records in
// them.
func TestPacketsOfJava(t *testing.T) {
	text, err := os.ReadFile("testdata/java/packets.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[zab.Type]bool{}
	for line := range strings.Lines(string(text)) {
		kind, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		raw, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		p := decode(t, raw)
		seen[p.Type] = true
		if got := p.Append(nil); !bytes.Equal(got, raw) {
			t.Errorf("%s re-encodes to\n%x, want\n%x", kind, got, raw)
		}
		if p.Type.String() != kind {
			t.Errorf("got %v, want %s", p.Type, kind)
		}
		if got, err := recode(p); err != nil || !bytes.Equal(got, p.Data) {
			t.Errorf("data of %s re-encodes to\n%x, %v, want\n%x", kind, got, err, p.Data)
		}
	}
	for k := zab.Request; k <= zab.InformAndActivate; k++ {
		if !seen[k] {
			t.Errorf("no %v in the recordings", k)
		}
	}
}

// recode decodes and encodes what is in a packet, as far as this package knows it.
func recode(p zab.Packet) ([]byte, error) {
	switch p.Type {
	case zab.FollowerInfo, zab.ObserverInfo:
		i, err := zab.ParseInfo(p.Data)
		return i.Append(nil), err
	case zab.Request:
		f, err := zab.ParseForwarded(p.Data)
		return f.Append(nil), err
	case zab.Ping:
		touched, err := zab.ParseTouched(p.Data)
		b := p.Data[:0:0]
		for _, x := range touched {
			b = zab.AppendTouched(b, x)
		}
		return b, err
	case zab.NewLeader:
		if p.Data == nil {
			return nil, nil
		}
		c, err := quorum.Parse(string(p.Data))
		return []byte(c.String()), err
	}
	return p.Data, nil
}

// TestLearnersOfJava plays what leaders sent to Java servers, real ones and scripted ones,
// to a learner: it must send what the Java server sent, and end the link where that did.
func TestLearnersOfJava(t *testing.T) {
	f := func(name string, link zab.LinkID, ends bool) {
		t.Helper()
		t.Run(fmt.Sprintf("%s %d", name, link), func(t *testing.T) {
			r := slices.DeleteFunc(readRecording(t, name), func(x recorded) bool { return x.link != link })
			replayLearner(t, r, ends)
		})
	}
	f("follower_script.txt", 5, true) // commits what was not proposed next
	f("follower_errors.txt", 5, false)
	f("follower_errors.txt", 8, true) // a hole
	f("follower_errors.txt", 11, false)
	f("follower_errors.txt", 14, true)  // an old epoch
	f("follower_errors.txt", 17, false) // TRUNC to what is not there: others notice
	f("broadcast.txt", 4, false)
	f("broadcast.txt", 5, false)
	f("broadcast.txt", 9, false)
	f("rollover.txt", 5, false)
	f("rollover.txt", 8, false)
	f("rollover.txt", 9, false)
	f("joins.txt", 2, false)
	f("joins.txt", 3, false)
	f("joins.txt", 8, false)
	f("observer_master.txt", 12, false)
}

func replayLearner(t *testing.T, r []recorded, ends bool) {
	info, err := zab.ParseInfo(r[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	cfg := zab.LearnerConfig{
		Self: info.Server, Observer: r[0].Type == zab.ObserverInfo, Accepted: r[0].Zxid.Epoch(), ConfigVersion: info.ConfigVersion,
	}
	var want []string
	for _, x := range r {
		if !x.up {
			continue
		}
		switch x.kind {
		case "ACKEPOCH":
			cfg.Last, cfg.Current = x.Zxid, int64(jute.NewDecoder(x.Data).Int())
		case "REQUEST", "REVALIDATE", "PING", "FIN": // of clients and timers
			continue
		}
		want = append(want, fmt.Sprintf("%x", x.raw))
	}
	l := zab.Learn(cfg)
	var got []string
	stopped := false
	play := func() {
		for actions := l.Actions(); len(actions) > 0; actions = l.Actions() {
			for _, a := range actions {
				switch a := a.(type) {
				case zab.Send:
					for _, p := range a.Packets {
						got = append(got, fmt.Sprintf("%x", p.Append(nil)))
					}
				case zab.Log:
					l.Durable(a.Entries[len(a.Entries)-1].Zxid)
				case zab.Save:
					l.Saved()
				case zab.Stop:
					t.Log(a.Reason)
					stopped = true
				}
			}
		}
	}
	play()
	for _, x := range r {
		if !x.up && x.kind != "FIN" {
			l.Step(x.Packet)
			play()
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if stopped != ends {
		t.Errorf("stopped: %v", stopped)
	}
}

// TestLeadersOfJava plays what learners sent to a Java leader to ours: the same must be
// sent on each link, in the same order but for how proposals and commits mix, which is a
// matter of time.
func TestLeadersOfJava(t *testing.T) {
	f := func(name string, self quorum.ServerID, last proto.Zxid) {
		t.Helper()
		t.Run(name, func(t *testing.T) { replayLeader(t, readRecording(t, name), self, last) })
	}
	f("broadcast.txt", 3, 0)
	f("rollover.txt", 3, 0)
}

// kinds are the packets of a link in order: those of the synchronisation, proposals, and
// commits with all else.
type kinds [3][]string

func (k *kinds) add(p zab.Packet) {
	i := 2
	switch p.Type {
	case zab.Proposal:
		i = 1
	case zab.LeaderInfo, zab.Diff, zab.Trunc, zab.Snap, zab.NewLeader, zab.UpToDate:
		i = 0
	}
	k[i] = append(k[i], fmt.Sprintf("%v %x", p.Type, p.Append(nil)))
}

func replayLeader(t *testing.T, r []recorded, self quorum.ServerID, last proto.Zxid) {
	at := slices.IndexFunc(r, func(x recorded) bool { return x.kind == "NEWLEADER" })
	config, err := quorum.Parse(string(r[at].Data))
	if err != nil {
		t.Fatal(err)
	}
	history := zab.NewHistory(500)
	l := zab.Lead(zab.LeaderConfig{
		Self: self, Quorum: config, Last: last, Accepted: r[at].Zxid.Epoch() - 1, Current: r[at].Zxid.Epoch() - 1,
		Tick: time.Second, InitLimit: 10, SyncLimit: 5, History: history,
	}, 0)
	got, want := map[zab.LinkID]*kinds{}, map[zab.LinkID]*kinds{}
	applied := last
	play := func() {
		for _, a := range l.Actions() {
			switch a := a.(type) {
			case zab.Send:
				for _, link := range a.To {
					for _, p := range a.Packets {
						got[link].add(p)
					}
				}
			case zab.Bring:
				op := zab.Packet{Type: a.Plan.Op, Zxid: a.Plan.Zxid}
				if op.Type == zab.Snap {
					op.Zxid = applied
				}
				got[a.Link].add(op)
				for _, e := range a.Plan.Entries {
					got[a.Link].add(zab.Packet{Type: zab.Proposal, Zxid: e.Zxid, Data: e.Raw})
					got[a.Link].add(zab.Packet{Type: zab.Commit, Zxid: e.Zxid})
				}
			case zab.Serve:
				applied = proto.NewZxid(a.Epoch, 0)
				history.Applied(applied)
			case zab.Decided:
				applied = a.Zxid
				history.Applied(applied)
			case zab.Stop: // Java's stop with the next write, of which nothing is seen
				if !errors.Is(a.Reason, zab.ErrRollover) {
					t.Fatal(showAction(a))
				}
			case zab.Close:
				t.Fatal(showAction(a))
			}
		}
	}
	for _, x := range r {
		if x.kind == "FIN" {
			break
		}
		if want[x.link] == nil {
			got[x.link], want[x.link] = &kinds{}, &kinds{}
			l.Connected(x.link, 0)
		}
		switch {
		case x.up:
			l.Step(x.link, x.Packet, 0)
		case x.Type == zab.Proposal && x.Zxid > l.Proposed():
			l.Propose([]zab.Entry{{Zxid: x.Zxid, Raw: x.Data}}, 0)
			l.Durable(x.Zxid)
		case x.Type == zab.Sync:
			l.Sync(x.link, l.Proposed())
		case x.Type == zab.Revalidate:
			l.Send(x.link, x.Packet)
		}
		if !x.up {
			want[x.link].add(x.Packet)
		}
		play()
	}
	for link, w := range want {
		for i := range w {
			if g := got[link]; !slices.Equal(g[i], w[i]) {
				t.Errorf("link %d: got\n%s\nwant\n%s", link, strings.Join(g[i], "\n"), strings.Join(w[i], "\n"))
			}
		}
	}
}

// TestPlansOfJava asks what a Java leader was asked: each line is the ends of its window,
// its last zxid, the learner's, and what was sent but for commits.
func TestPlansOfJava(t *testing.T) {
	text, err := os.ReadFile("testdata/java/plans.txt")
	if err != nil {
		t.Fatal(err)
	}
	number := func(s string) proto.Zxid {
		n, err := strconv.ParseInt(s, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		return proto.Zxid(n)
	}
	for line := range strings.Lines(string(text)) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 5)
		h := zab.NewHistory(500)
		for _, e := range entries("1:1-1:5,2:1-2:5") {
			h.Add(e)
		}
		if newest, _ := h.Last(); newest != number(words[1]) {
			t.Fatal(newest)
		}
		last, peer := number(words[2]), number(words[3])
		h.Applied(last)
		plan := h.Plan(peer, last, false)
		if plan.Op == zab.Snap {
			plan.Zxid = last
		}
		got := []string{fmt.Sprintf("%v %v", plan.Op, plan.Zxid)}
		for _, e := range plan.Entries {
			got = append(got, fmt.Sprintf("PROPOSAL %v", e.Zxid))
		}
		want := strings.Split(words[4], ",")
		if want = want[:len(want)-1]; !slices.Equal(got, want) { // the last is NEWLEADER
			t.Errorf("%v of %v: got %q, want %q", peer, last, got, want)
		}
	}
}
