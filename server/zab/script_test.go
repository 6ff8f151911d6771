package zab_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gokeeper/server/jute"
	"gokeeper/server/quorum"
	"gokeeper/server/zab"
)

var rewrite = flag.Bool("rewrite", false, "write what the scripts in testdata print")

// TestScripts runs the files testdata/*.txt. A block is some commands, a line "----", and
// what the machine wants done after them, up to an empty line. Lines before the first
// command of a block that begin with # are kept.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := runScript(string(want))
			if *rewrite {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("%s prints other things (run with -rewrite to take them over):\n%s", name, difference(string(want), got))
			}
		})
	}
}

// difference returns the surroundings of the first line that differs.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < len(w) && i < len(g) && w[i] == g[i] {
		i++
	}
	cut := func(s []string) string { return strings.Join(s[max(0, min(i-6, len(s))):min(i+6, len(s))], "\n") }
	return fmt.Sprintf("line %d\n-- want\n%s\n-- got\n%s", i+1, cut(w), cut(g))
}

// script is the machine that a script drives.
type script struct {
	leader  *zab.Leader
	learner *zab.Learner
	history *zab.History
	now     int64
}

// runScript returns the script with what it prints now.
func runScript(text string) string {
	var out strings.Builder
	s := &script{}
	for block := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n\n") {
		commands, _, _ := strings.Cut(block, "----\n")
		commands = strings.TrimSuffix(strings.TrimSuffix(commands, "----"), "\n")
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		out.WriteString(commands + "\n")
		if !strings.Contains(block, "----") {
			continue // remarks
		}
		out.WriteString("----\n")
		for line := range strings.Lines(commands) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				out.WriteString(s.run(strings.Fields(line)))
			}
		}
	}
	return out.String()
}

// run carries out a command and returns what the machine wants done, a line each.
func (s *script) run(words []string) string {
	var args []string
	f := fields{}
	for _, w := range words[1:] {
		if name, value, ok := strings.Cut(w, "="); ok {
			f[name] = value
		} else {
			args = append(args, w)
		}
	}
	extra := ""
	switch words[0] {
	case "lead":
		s.lead(f)
	case "learn":
		s.learn(f)
	case "plan": // what a learner at this zxid would be brought
		extra = showPlan(s.history.Plan(unshow(args[0]), f.zxid("last"), f["disk"] == "yes")) + "\n"
	case "followers":
		for _, x := range s.leader.Followers() {
			extra += fmt.Sprintf("%+v\n", x)
		}
	case "synced": // is a quorum of these?
		extra = fmt.Sprintf("%v\n", s.leader.Synced(ensemble(0, f.servers("voters"), f.servers("observers"))))
	case "state":
		extra = s.state()
	default:
		if s.leader != nil {
			s.drive(words[0], args, f)
		} else {
			s.feed(words[0], args, f)
		}
	}
	var out strings.Builder
	for _, a := range s.actions() {
		line := showAction(a)
		if words[0] == "tick" && strings.Contains(line, "PING") && f["pings"] != "yes" {
			continue
		}
		out.WriteString(line + "\n")
	}
	return out.String() + extra
}

func (s *script) actions() []zab.Action {
	switch {
	case s.leader != nil:
		return s.leader.Actions()
	case s.learner != nil:
		return s.learner.Actions()
	}
	return nil
}

func (s *script) state() string {
	if l := s.leader; l != nil {
		return fmt.Sprintf("epoch %d established=%v proposed %s outstanding %d\n", l.Epoch(), l.Established(), show(l.Proposed()), l.Outstanding())
	}
	l := s.learner
	return fmt.Sprintf("epoch %d following=%v partial=%v outstanding %d\n", l.Epoch(), l.Following(), l.Partial(), l.Outstanding())
}

// lead begins a leader whose window and log hold log=, up to last=.
func (s *script) lead(f fields) {
	log := entries(f["log"])
	s.history = zab.NewHistory(int(f.number("keep", 500)))
	for _, e := range log {
		s.history.Add(e)
	}
	var seen *quorum.Config
	if f["seen"] != "" {
		c := ensemble(int64(f.zxid("seen")), f.servers("seenvoters"), nil)
		seen = &c
	}
	last := f.zxid("last")
	if n := len(log); n > 0 && last == 0 {
		last = log[n-1].Zxid
	}
	s.history.Applied(last)
	s.learner = nil
	s.leader = zab.Lead(zab.LeaderConfig{
		Self: f.servers("self")[0], Quorum: ensemble(f.number("version", 0), f.servers("voters"), f.servers("observers")),
		LastSeen: seen, Reconfig: f["reconfig"] == "yes",
		Accepted: f.number("accepted", 0), Current: f.number("current", 0), Last: last,
		Tick: time.Second, InitLimit: 10, SyncLimit: 5, DiskSync: f["disk"] == "yes", ForceSnap: f["snap"] == "always",
		MaxSnaps: int(f.number("snaps", 0)), MaxDiffs: int(f.number("diffs", 0)), History: s.history,
	}, s.now)
}

// learn begins a learner.
func (s *script) learn(f fields) {
	s.leader = nil
	s.learner = zab.Learn(zab.LearnerConfig{
		Self: f.servers("self")[0], Observer: f["role"] == "observer", Accepted: f.number("accepted", 0),
		Current: f.number("current", 0), Last: f.zxid("last"),
	})
}

// drive passes something to the leader.
func (s *script) drive(command string, args []string, f fields) {
	link := func(i int) zab.LinkID {
		n, err := strconv.Atoi(args[i])
		if err != nil {
			panic(err)
		}
		return zab.LinkID(n)
	}
	l := s.leader
	switch command {
	case "connect":
		for i := range args {
			l.Connected(link(i), s.now)
		}
	case "gone":
		l.Gone(link(0))
	case "from": // LINK TYPE [ZXID]
		l.Step(link(0), packet(args[1:], f), s.now)
	case "join": // LINK: all up to the acknowledgement of NEWLEADER
		l.Connected(link(0), s.now)
		l.Step(link(0), packet([]string{"FOLLOWERINFO", "0:0"}, f), s.now)
		l.Step(link(0), packet([]string{"ACKEPOCH", f["last"]}, fields{"epoch": "0"}), s.now)
		l.Step(link(0), zab.Packet{Type: zab.Ack, Zxid: unshow(fmt.Sprintf("%x:0", l.Epoch()))}, s.now)
	case "propose":
		l.Propose(entries(args[0]), s.now)
	case "reconfigure": // ZXID
		l.Propose([]zab.Entry{reconfiguration(unshow(args[0]), f)}, s.now)
	case "durable":
		l.Durable(unshow(args[0]))
	case "sync":
		l.Sync(link(0), unshow(args[1]))
	case "applied":
		s.history.Applied(unshow(args[0]))
	case "progress":
		l.Progress(link(0), s.now)
	case "tick": // milliseconds that pass, in steps of half a tick; pings show with pings=yes
		n, err := strconv.Atoi(args[0])
		if err != nil {
			panic(err)
		}
		for end := s.now + int64(n); s.now < end; {
			s.now = min(s.now+500, end)
			l.Tick(s.now)
		}
	default:
		panic("unknown command " + command)
	}
}

// feed passes something to the learner.
func (s *script) feed(command string, args []string, f fields) {
	switch command {
	case "durable":
		s.learner.Durable(unshow(args[0]))
	case "saved":
		s.learner.Saved()
	default: // TYPE [ZXID]
		s.learner.Step(packet(append([]string{command}, args...), f))
	}
}

// packet builds a packet from its type, zxid and what else is said.
func packet(args []string, f fields) zab.Packet {
	p := zab.Packet{Zxid: -1}
	for t := zab.Request; t <= zab.InformAndActivate; t++ {
		if t.String() == args[0] {
			p.Type = t
		}
	}
	if p.Type == 0 {
		p.Type = 99
	}
	if len(args) > 1 {
		p.Zxid = unshow(args[1])
	}
	switch p.Type {
	case zab.FollowerInfo, zab.ObserverInfo:
		i := zab.Info{Server: f.servers("sid")[0], Protocol: zab.ProtocolVersion, ConfigVersion: f.number("version", 0)}
		p.Data = i.Append(nil)
	case zab.AckEpoch:
		p.Data = jute.AppendInt(nil, int32(f.number("epoch", 0)))
	case zab.LeaderInfo:
		p.Data = jute.AppendInt(nil, zab.ProtocolVersion)
	case zab.Proposal, zab.Inform:
		p.Data = entry(p.Zxid, 0).Raw
		if f["voters"] != "" {
			p.Data = reconfiguration(p.Zxid, f).Raw
		}
	case zab.InformAndActivate:
		p.Data = append(jute.AppendLong(nil, f.number("designated", 0)), entry(p.Zxid, 0).Raw...)
		if f["voters"] != "" {
			p.Data = append(jute.AppendLong(nil, f.number("designated", 0)), reconfiguration(p.Zxid, f).Raw...)
		}
	case zab.CommitAndActivate:
		p.Data = jute.AppendLong(nil, f.number("designated", 0))
	case zab.NewLeader:
		if f["voters"] != "" {
			p.Data = []byte(ensemble(int64(f.zxid("version")), f.servers("voters"), f.servers("observers")).String())
		}
	case zab.Ping:
		if f["touched"] != "" {
			p.Data = zab.AppendTouched(nil, zab.Touched{Session: 1, Timeout: 1000})
		}
	}
	if f["data"] == "none" {
		p.Data = nil
	}
	return p
}
