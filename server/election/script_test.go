package election

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

var rewrite = flag.Bool("rewrite", false, "write what the scripts print into them")

// TestScripts runs testdata/scripts: a command, ----, and what it prints, blank lines
// between. The commands are the methods of stage.
func TestScripts(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/scripts/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s := stage{t: t, configs: map[string]quorum.Config{}, members: map[quorum.ServerID]*Election{}}
			var got []string
			for block := range strings.SplitSeq(strings.TrimSpace(string(raw)), "\n\n") {
				command, _, _ := strings.Cut(block, "\n----")
				got = append(got, command+s.run(command))
			}
			text := strings.Join(got, "\n\n") + "\n"
			switch {
			case *rewrite:
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			case text != string(raw):
				t.Errorf("got\n%s\nwant\n%s", text, raw)
			}
		})
	}
}

// stage is some members, the notifications between them, and the time.
type stage struct {
	t       *testing.T
	out     strings.Builder
	configs map[string]quorum.Config
	members map[quorum.ServerID]*Election
	now     int64
	flying  []flight
}

type flight struct {
	from quorum.ServerID
	send Send
}

// run executes the lines of a block that are no comments and returns what follows them.
func (s *stage) run(block string) string {
	s.out.Reset()
	printed := false
	lines := strings.Split(block, "\n")
	for i, line := range lines {
		f := strings.Fields(line)
		if strings.HasPrefix(line, "#") || len(f) == 0 {
			continue
		}
		printed = true
		if f[0] == "config" { // config NAME, and the lines of the configuration
			c, err := quorum.Parse(strings.Join(lines[i+1:], "\n"))
			if err != nil {
				s.t.Fatalf("%s: %v", line, err)
			}
			s.configs[f[1]] = c
			break
		}
		s.command(f)
	}
	if !printed {
		return ""
	}
	return "\n----\n" + strings.TrimSuffix(cmp.Or(s.out.String(), "ok\n"), "\n")
}

func (s *stage) command(f []string) {
	switch f[0] {
	case "at": // at TIME: time passes, nothing is delivered
		s.pass(s.number(f[1]))
		return
	case "run": // run TIME: time passes, everything is delivered at once
		for s.deliver(); s.tickNext(s.number(f[1])); s.deliver() {
		}
		s.now = s.number(f[1])
		return
	case "deliver": // everything that is in flight, and what comes of it
		s.deliver()
		return
	case "lose": // lose FROM TO: drops what is in flight
		s.flying = slices.DeleteFunc(s.flying, func(x flight) bool { return x.from == s.id(f[1]) && x.send.To == s.id(f[2]) })
		return
	case "stop": // stop SID
		delete(s.members, s.id(f[1]))
		return
	case "new": // new SID CONFIG [observer] [quiet] [next=CONFIG]
		c := Config{Self: s.id(f[1]), Quorum: s.configs[f[2]], Observer: slices.Contains(f, "observer"), LastSeen: s.next(f)}
		if slices.Contains(f, "quiet") {
			c.MinInterval = 4 * time.Second
		}
		s.members[c.Self] = New(c)
		return
	}
	id := s.id(f[1])
	e := s.members[id]
	switch f[0] {
	case "look": // look SID ZXID EPOCH
		e.Look(proto.Zxid(s.number(f[2])), s.number(f[3]), s.now)
	case "step": // step SID FROM STATE LEADER ZXID ROUND EPOCH [old] [config=CONFIG]
		n := Notification{State: State(slices.Index(stateNames[:], f[3])), Version: Version, Config: e.text}
		n.Vote = Vote{s.id(f[4]), proto.Zxid(s.number(f[5])), s.number(f[6]), s.number(f[7])}
		if slices.Contains(f, "old") {
			n.Version, n.Config = 0, ""
		}
		if name, ok := s.option(f, "config"); ok {
			n.Config = s.configs[name].String()
		}
		e.Step(s.id(f[2]), n, s.now)
	case "established": // established SID EPOCH
		e.Established(s.number(f[2]))
	case "designate": // designate SID STATE LEADER ZXID
		e.Designate(State(slices.Index(stateNames[:], f[2])), s.id(f[3]), proto.Zxid(s.number(f[4])))
	case "setconfig": // setconfig SID CONFIG [next=CONFIG]
		e.SetConfig(s.configs[f[2]], s.next(f))
	case "state": // state SID
		at, ok := e.Deadline()
		fmt.Fprintf(&s.out, "%v is %v, %v, clock %d, due %d %v, deserted %v\n", id, e.State(), e.Vote(), e.Round(), at, ok, e.Deserted())
	default:
		s.t.Fatalf("unknown command %q", f)
	}
	s.collect(id)
}

// collect prints the actions of a member and lets its notifications fly.
func (s *stage) collect(id quorum.ServerID) {
	for _, a := range s.members[id].Actions() {
		fmt.Fprintf(&s.out, "%d: %v ", s.now, id)
		switch a := a.(type) {
		case Send:
			fmt.Fprintf(&s.out, "to %v: %v\n", a.To, a.Notification)
			s.flying = append(s.flying, flight{id, a})
		case Elected:
			fmt.Fprintf(&s.out, "is elected: %v %v\n", a.State, a.Vote)
		case Bootstrap:
			fmt.Fprintln(&s.out, "begins the history")
		case Adopt:
			fmt.Fprintf(&s.out, "adopts %q\n", a.Config[strings.LastIndex(a.Config, "\n")+1:])
		}
	}
}

func (s *stage) deliver() {
	for len(s.flying) > 0 {
		x := s.flying[0]
		s.flying = s.flying[1:]
		if e := s.members[x.send.To]; e != nil {
			e.Step(x.from, x.send.Notification, s.now)
			s.collect(x.send.To)
		}
	}
}

func (s *stage) pass(to int64) {
	for s.tickNext(to) {
	}
	s.now = to
}

// tickNext ticks whoever is due first until the time given, if anybody is.
func (s *stage) tickNext(until int64) bool {
	next, when := quorum.ServerID(0), int64(math.MaxInt64)
	for id, e := range s.members {
		if at, ok := e.Deadline(); ok && (at < when || at == when && id < next) {
			next, when = id, at
		}
	}
	if when > until {
		return false
	}
	s.now = max(s.now, when)
	s.members[next].Tick(s.now)
	s.collect(next)
	return true
}

func (s *stage) id(text string) quorum.ServerID { return quorum.ServerID(s.number(text)) }

func (s *stage) number(text string) int64 {
	if text == "none" {
		return math.MinInt64
	}
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *stage) option(f []string, key string) (string, bool) {
	for _, x := range f {
		if v, ok := strings.CutPrefix(x, key+"="); ok {
			return v, true
		}
	}
	return "", false
}

func (s *stage) next(f []string) *quorum.Config {
	name, ok := s.option(f, "next")
	if !ok {
		return nil
	}
	c := s.configs[name]
	return &c
}
