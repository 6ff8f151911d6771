package server_test

import (
	"errors"

	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gokeeper/server"
	"gokeeper/server/config"
	"gokeeper/server/freeport"
	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/storage"
	"gokeeper/server/txn"
	"gokeeper/server/vfs"
)

// newChanging prepares an ensemble whose configuration may change: each server has a
// configuration file of its own. All that is said of newEnsemble holds.
func newChanging(t *testing.T, voters, observers int, lines ...string) *ensemble {
	t.Helper()
	lines = append(lines, "reconfigEnabled=true", "skipACL=yes")
	e := newEnsemble(t, voters, observers, lines...)
	for i := range e.configs {
		e.rewrite(i+1, e.configs[i].Servers.Members, lines...)
	}
	return e
}

// rewrite writes the configuration file of a server, with these members in it.
func (e *ensemble) rewrite(number int, members []quorum.Member, lines ...string) {
	e.t.Helper()
	text := []string{
		"# the ensemble", "dataDir=" + e.dirs[number-1], "tickTime=2000", "4lw.commands.whitelist=*", "preAllocSize=64",
		"initLimit=10", "syncLimit=5", "clientPort=2181",
	}
	text = append(text, lines...)
	for _, m := range members {
		m.ClientFromStatic = true
		text = append(text, "server."+m.ID.String()+"="+m.String())
	}
	if err := os.WriteFile(e.file(number), []byte(strings.Join(text, "\n")+"\n"), 0o644); err != nil {
		e.t.Fatal(err)
	}
	e.reread(number)
}

func (e *ensemble) file(number int) string { return filepath.Join(e.dirs[number-1], "zoo.cfg") }

// reread reads the configuration file of a server again, as its next start does.
func (e *ensemble) reread(number int) {
	e.t.Helper()
	cfg, complaints := config.Parse(config.Input{Path: e.file(number), ReadFile: os.ReadFile})
	if config.ExitCode(complaints) != 0 {
		e.t.Fatal(complaints)
	}
	e.configs[number-1] = cfg
}

// join adds a server that is no member, and knows of itself and the first members.
func (e *ensemble) join(known int) (number int) {
	e.t.Helper()
	ports := freeport.Some(e.t, 2)
	number = len(e.members) + 1
	dir := e.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "myid"), fmt.Append(nil, number), 0o644); err != nil {
		e.t.Fatal(err)
	}
	m, err := quorum.ParseMember(quorum.ServerID(number), fmt.Sprintf("127.0.0.1:%d:%d", ports[0], ports[1]))
	if err != nil {
		e.t.Fatal(err)
	}
	e.dirs, e.members, e.configs = append(e.dirs, dir), append(e.members, nil), append(e.configs, config.Config{})
	members := append([]quorum.Member{m}, e.configs[0].Servers.Members[:known]...)
	e.rewrite(number, members, "reconfigEnabled=true", "skipACL=yes")
	return number
}

// line returns the server line of a member with a client address.
func (e *ensemble) line(number int, role quorum.Role) string {
	m, _ := e.configs[number-1].Servers.Member(quorum.ServerID(number))
	m.Role, m.Client, m.ClientFromStatic = role, quorum.HostPort{Host: "127.0.0.1", Port: 10000 + number}, false
	return fmt.Sprintf("server.%d=%s", number, m)
}

func reconfigRecord(joining, leaving, members string, version int64) []byte {
	var b []byte
	for _, s := range []string{joining, leaving, members} {
		if s == "" {
			b = jute.AppendBuffer(b, nil)
		} else {
			b = jute.AppendString(b, s)
		}
	}
	return jute.AppendLong(b, version)
}

// reconfigure changes the configuration through a server, and returns the new text.
func (e *ensemble) reconfigure(through int, joining, leaving, members string) string {
	e.t.Helper()
	c := e.connect(through, nil)
	d := jute.NewDecoder(c.do(proto.OpReconfig, reconfigRecord(joining, leaving, members, -1)))
	text := d.String()
	var s proto.Stat
	s.Decode(d)
	if d.Err() != nil || s.Mzxid != c.zxid || !strings.HasSuffix(text, fmt.Sprintf("\nversion=%x", int64(s.Mzxid))) {
		e.t.Errorf("%q with %+v at %v", text, s, c.zxid)
	}
	return text
}

// agrees waits until the servers serve, each as the mode says, and show the configuration.
func (e *ensemble) agrees(text string, modes map[int]string) {
	e.t.Helper()
	var got string
	for limit := time.Now().Add(patience); time.Now().Before(limit); runtime.Gosched() {
		got = ""
		for number, want := range modes {
			if mode := e.mode(number); mode != want {
				got = fmt.Sprintf("%d is %q, want %q", number, mode, want)
				break
			}
			c, err := e.members[number-1].connect(nil)
			if err != nil {
				got = fmt.Sprintf("%d: %v", number, err)
				break
			}
			shown, code := c.get(proto.PathConfig)
			c.Close()
			if code != proto.OK || shown != text {
				got = fmt.Sprintf("%d shows %q (%v), want %q", number, shown, code, text)
				break
			}
		}
		if got == "" {
			return
		}
	}
	e.t.Fatal(got)
}

// files wants the files of a server to hold the configuration.
func (e *ensemble) files(number int, text string) {
	e.t.Helper()
	lines, version, _ := strings.Cut(text, "\nversion=")
	e.reread(number)
	cfg := &e.configs[number-1]
	if got := strings.Join(cfg.Servers.Lines(), "\n"); got != lines || fmt.Sprintf("%x", cfg.Servers.Version) != version ||
		cfg.DynamicFile != e.file(number)+".dynamic."+version {
		e.t.Errorf("files of %d: %q, version %x in %s, want %q", number, got, cfg.Servers.Version, cfg.DynamicFile, text)
	}
	if cfg.NextServers != nil {
		e.t.Errorf("server %d still has a proposed configuration", number)
	}
	static, err := os.ReadFile(e.file(number))
	if err != nil || !strings.HasPrefix(string(static), "# the ensemble\ndataDir=") || strings.Contains(string(static), "server.") {
		e.t.Errorf("configuration file of %d: %v\n%s", number, err, static)
	}
	backup, err := os.ReadFile(e.file(number) + ".bak")
	if err != nil || !strings.Contains(string(backup), "server.1=") {
		e.t.Errorf("copy of the configuration file of %d: %v\n%s", number, err, backup)
	}
}

// TestFirstVersion wants the first leader to give the configuration a version, which all
// have in their files and nodes, and know at the next start.
func TestFirstVersion(t *testing.T) {
	e := newChanging(t, 3, 1)
	e.start()
	e.settled()
	want := strings.Join(e.configs[0].Servers.Lines(), "\n") + "\nversion=100000000"
	for i := range e.members {
		if got, _ := e.connect(i+1, nil).get(proto.PathConfig); got != want {
			t.Errorf("%d shows %q, want %q", i+1, got, want)
		}
	}
	for i := range e.members {
		e.halt(i + 1)
		e.files(i+1, want)
	}
	e.start()
	e.settled()
	for i := range e.members {
		if got, _ := e.connect(i+1, nil).get(proto.PathConfig); got != want {
			t.Errorf("%d shows %q after a start, want %q", i+1, got, want)
		}
	}
}

// TestAddVoter adds a server that has joined as a follower without a vote, and then does
// without one of the others. All are stopped then, and started again.
func TestAddVoter(t *testing.T) {
	e := newChanging(t, 3, 0)
	e.start()
	leader := e.settled()
	e.connect(leader, nil).create("/before", "1", proto.FlagPersistent)
	four := e.join(3)
	e.start(four)
	e.settled()
	e.connect(four, nil).holds("/before", "1")
	text := e.reconfigure(leader%3+1, e.line(four, quorum.Participant), "", "")
	modes := map[int]string{1: "follower", 2: "follower", 3: "follower", 4: "follower"}
	modes[leader] = "leader"
	e.agrees(text, modes)
	if !strings.Contains(text, e.line(four, quorum.Participant)) {
		t.Errorf("%d is not in %q", four, text)
	}
	away := leader%3 + 1
	e.halt(away)
	e.connect(four, nil).create("/with-four", "2", proto.FlagPersistent)
	for i, m := range e.members {
		if m != nil {
			e.halt(i + 1)
		}
		if i+1 != away {
			e.files(i+1, text)
		}
	}
	e.reread(away)
	e.start()
	e.settled()
	e.sees("/with-four", "2")
}

// TestRemoveLeader removes the leader: a designated one takes over, and the old one
// follows without a vote.
func TestRemoveLeader(t *testing.T) {
	e := newChanging(t, 3, 0)
	e.start()
	old := e.settled()
	c := e.connect(old%3+1, nil)
	c.create("/before", "1", proto.FlagPersistent)
	text := e.reconfigure(old, "", fmt.Sprint(old), "")
	if strings.Contains(text, fmt.Sprintf("server.%d=", old)) {
		t.Errorf("%d is still in %q", old, text)
	}
	leader := 0
	for limit := time.Now().Add(patience); leader == 0 || leader == old; runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("%d leads", leader)
		}
		leader = e.settled()
	}
	e.agrees(text, map[int]string{old: "follower", leader: "leader", 6 - old - leader: "follower"})
	e.sees("/before", "1")
	e.connect(old, nil).create("/after", "2", proto.FlagPersistent)
	e.sees("/after", "2")
	e.halt(old)
	e.connect(leader, nil).create("/without", "3", proto.FlagPersistent)
	for i := range e.members {
		if i+1 != old {
			e.halt(i + 1)
			e.files(i+1, text)
		}
	}
	// a server that was removed knows it, too, and refuses to start, as in Java
	_, complaints := config.Parse(config.Input{Path: e.file(old), ReadFile: os.ReadFile})
	if last := complaints[len(complaints)-1].String(); !strings.HasSuffix(last, fmt.Sprintf("My id %d not in the peer list", old)) {
		t.Errorf("start of a removed server: %s", last)
	}
}

// TestPromote makes an observer a voter and a voter an observer.
func TestPromote(t *testing.T) {
	e := newChanging(t, 3, 1)
	e.start()
	leader := e.settled()
	other := leader%3 + 1
	third := 6 - leader - other
	text := e.reconfigure(leader, e.line(4, quorum.Participant), "", "")
	e.agrees(text, map[int]string{leader: "leader", other: "follower", third: "follower", 4: "follower"})
	text = e.reconfigure(leader, e.line(other, quorum.Observer), "", "")
	e.agrees(text, map[int]string{leader: "leader", other: "observer", third: "follower", 4: "follower"})
	e.halt(third)
	e.connect(other, nil).create("/by-4-and-leader", "1", proto.FlagPersistent)
	e.start(third)
	e.settled()
	e.sees("/by-4-and-leader", "1")
}

// TestPromoteWithoutLog makes a voter of an observer that keeps its history in memory only.
// What it held then is on its disk, too, as is what came behind that.
func TestPromoteWithoutLog(t *testing.T) {
	e := newChanging(t, 3, 1, "syncEnabled=false")
	e.start()
	leader := e.settled()
	other := leader%3 + 1
	e.connect(leader, nil).create("/before", "1", proto.FlagPersistent)
	e.sees("/before", "1")
	text := e.reconfigure(leader, e.line(4, quorum.Participant), "", "")
	e.agrees(text, map[int]string{leader: "leader", other: "follower", 6 - leader - other: "follower", 4: "follower"})
	e.connect(leader, nil).create("/behind", "2", proto.FlagPersistent)
	e.sees("/behind", "2")
	e.halt(4)
	dir, err := storage.Open(vfs.OS(), storage.Options{DataDir: e.dirs[3]})
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	rec, err := dir.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/before", "/behind"} {
		if !rec.Tree.FindString(path).Exists() {
			t.Errorf("the disk lacks %s", path)
		}
	}
}

// TestOldFile starts a server with the file from before a reconfiguration in its absence:
// the others tell it.
func TestOldFile(t *testing.T) {
	e := newChanging(t, 3, 1)
	e.start()
	leader := e.settled()
	away := leader%3 + 1
	e.halt(away)
	text := e.reconfigure(leader, "", "4", "")
	e.rewrite(away, e.configs[away-1].Servers.Members, "reconfigEnabled=true", "skipACL=yes")
	e.start(away)
	e.settled()
	e.agrees(text, map[int]string{leader: "leader", away: "follower", 6 - leader - away: "follower"})
	for i := range e.members {
		e.halt(i + 1)
	}
	e.files(away, text)
}

// TestRefusedReconfigurations asks for what Java refuses, too.
func TestRefusedReconfigurations(t *testing.T) {
	e := newChanging(t, 3, 0)
	e.start()
	leader := e.settled()
	c := e.connect(leader%3+1, nil)
	refused := func(joining, leaving, members string, version int64, want proto.Error) {
		t.Helper()
		if _, code := c.reply(c.send(proto.OpReconfig, reconfigRecord(joining, leaving, members, version))); code != want {
			t.Errorf("join %q leave %q all %q version %d: %v, want %v", joining, leaving, members, version, code, want)
		}
	}
	one := e.line(1, quorum.Participant)
	refused("", "3", "", 5, proto.BadVersion)
	refused("some thing", "", "", -1, proto.BadArguments)
	refused("server.5=127.0.0.1:1:2", "", "", -1, proto.BadArguments) // no client address
	refused("server.5=127.0.0.1:1:1;3", "", "", -1, proto.BadArguments)
	refused("server.5=10.9.9.9:1:2:observer;3,server.6=10.9.9.9:1:4:observer;5", "", "", -1, proto.BadArguments)
	refused("", "server.3", "", -1, proto.MarshallingError)
	refused("", "2,3", "", -1, proto.BadArguments)
	refused("", "", one, -1, proto.BadArguments)
	refused("", "", one+",server.2=127.0.0.1:1:2:observer", -1, proto.MarshallingError)
	refused("", "", "tickTime=5", -1, proto.BadArguments)
	refused("", "", "server.x=127.0.0.1:1:2", -1, proto.MarshallingError)
	refused("server.5=127.0.0.1:1:2;3,server.6=127.0.0.1:4:5;6,server.7=127.0.0.1:7:8;9,server.8=127.0.0.1:10:11;12", "", "", -1, proto.NewConfigNoQuorum)
	c.send(proto.OpReconfig, reconfigRecord("", "", "", -1)) // changes nothing but the version
	second := c.send(proto.OpReconfig, reconfigRecord("", "", "", -1))
	if _, code := c.reply(second - 1); code != proto.OK {
		t.Errorf("change of nothing: %v", code)
	}
	if _, code := c.reply(second); code != proto.OK && code != proto.ReconfigInProgress {
		t.Errorf("one right behind: %v", code)
	}
}

// TestReconfigurationWatched wants the event of a change.
func TestReconfigurationWatched(t *testing.T) {
	e := newChanging(t, 3, 0)
	e.start()
	leader := e.settled()
	c := e.connect(leader%3+1, nil)
	c.do(proto.OpGetData, pathRecord(proto.PathConfig, true))
	e.reconfigure(leader, "", "", "")
	b, err := c.read()
	if err != nil {
		t.Fatal(err)
	}
	d := jute.NewDecoder(b)
	xid, _, _ := d.Int(), d.Long(), d.Int()
	typ, _ := proto.EventType(d.Int()), d.Int()
	if path := d.String(); xid != proto.XidEvent || typ != proto.EventNodeDataChanged || path != proto.PathConfig {
		t.Errorf("packet %d: %v of %s", xid, typ, path)
	}
}

// TestProposalCompleted starts an ensemble in which those who may lead have seen a
// configuration that nobody knows to be committed: the leader completes it.
func TestProposalCompleted(t *testing.T) {
	e, next := proposed(t, 2, 3)
	want := strings.Join(next.Lines(), "\n") + "\nversion=100000009"
	e.agrees(want, map[int]string{1: e.mode(1), 2: e.mode(2), 3: e.mode(3)})
	for i := range 3 {
		e.halt(i + 1)
		e.files(i+1, want)
	}
}

// TestProposalForgotten does so where the leader has not: it never happened.
func TestProposalForgotten(t *testing.T) {
	e, _ := proposed(t, 1)
	want := strings.Join(e.configs[2].Servers.Lines(), "\n") + "\nversion=100000000"
	e.agrees(want, map[int]string{1: "follower", 2: e.mode(2), 3: e.mode(3)})
	for i := range 3 {
		e.halt(i + 1)
		e.files(i+1, want)
	}
}

// proposed starts an ensemble of three and an observer which is not in the configuration
// that these have seen last.
func proposed(t *testing.T, seen ...int) (*ensemble, quorum.Config) {
	t.Helper()
	e := newChanging(t, 3, 1)
	e.start()
	e.connect(e.settled(), nil).create("/a", "1", proto.FlagPersistent)
	e.sees("/a", "1") // from now on 1 has no more than the others, and does not lead
	for i := range e.members {
		e.halt(i + 1)
		e.reread(i + 1)
	}
	next := quorum.Majority(e.configs[0].Servers.Members[:3], 0x100000009)
	for _, number := range seen {
		text := strings.Join(next.Lines(), "\n") + "\nversion=100000009"
		if err := os.WriteFile(e.file(number)+".dynamic.next", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		e.reread(number)
	}
	e.start(1, 2, 3)
	e.settled()
	return e, next
}

// TestProposalLogged starts an ensemble in which the logs of those who may lead end with a
// reconfiguration that no file tells of: it is history like all that is there, so that it
// must be completed, too.
func TestProposalLogged(t *testing.T) {
	e := newChanging(t, 3, 1)
	e.start()
	e.connect(e.settled(), nil).create("/a", "1", proto.FlagPersistent)
	e.sees("/a", "1")
	for i := range e.members {
		e.halt(i + 1)
		e.reread(i + 1)
	}
	next := quorum.Majority(e.configs[0].Servers.Members[:3], 0)
	for _, number := range []int{2, 3} {
		next = e.logReconfig(number, next)
	}
	e.start(1, 2, 3)
	e.settled()
	e.agrees(next.String(), map[int]string{1: "follower", 2: e.mode(2), 3: e.mode(3)})
	for i := range 3 {
		e.halt(i + 1)
		e.files(i+1, next.String())
	}
}

// logReconfig appends to the log of a server, and returns the configuration with its
// version.
func (e *ensemble) logReconfig(number int, next quorum.Config) quorum.Config {
	e.t.Helper()
	dir, err := storage.Open(vfs.OS(), storage.Options{DataDir: e.dirs[number-1]})
	if err != nil {
		e.t.Fatal(err)
	}
	rec, err := dir.Load()
	if err != nil {
		e.t.Fatal(err)
	}
	zxid := rec.LastZxid + 1
	next = next.WithVersion(int64(zxid))
	x := txn.Txn{
		Header: txn.Header{Zxid: zxid, Type: proto.OpReconfig},
		Body:   &txn.SetData{Path: proto.PathConfig, Data: []byte(next.String()), Version: -1},
	}
	log := dir.Log()
	if err := errors.Join(log.Append(zxid, x.Append(nil)), log.Sync(), dir.Close()); err != nil {
		e.t.Fatal(err)
	}
	return next
}

// TestMoveMember gives a follower other ports for everything, under which it is found by
// the others and by clients from then on.
func TestMoveMember(t *testing.T) {
	e := newChanging(t, 3, 0)
	e.start()
	leader := e.settled()
	moving, third := leader%3+1, 6-leader-leader%3-1
	e.halt(moving)
	cfg := e.configs[moving-1]
	cfg.ClientPort = freeport.One(t)
	s, err := server.New(cfg, server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := &running{s, t, cancel, make(chan error, 1)}
	go func() { m.end <- s.Run(ctx) }()
	defer m.halt()
	e.members[moving-1] = m
	e.settled()
	ports := freeport.Some(t, 3)
	line := fmt.Sprintf("server.%d=127.0.0.1:%d:%d:participant;127.0.0.1:%d", moving, ports[0], ports[1], ports[2])
	text := e.reconfigure(leader, line, "", "")
	if !strings.Contains(text, line) {
		t.Errorf("no %q in %q", line, text)
	}
	for limit := time.Now().Add(patience); s.ClientAddr().String() != fmt.Sprint("127.0.0.1:", ports[2]); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("clients connect to %v", s.ClientAddr())
		}
	}
	e.agrees(text, map[int]string{leader: "leader", moving: "follower", third: "follower"})
	e.halt(third)
	e.connect(moving, nil).create("/a", "1", proto.FlagPersistent)
	e.start(third)
	e.settled()
	e.halt(leader) // another must be elected, through the new ports
	if next := e.settled(); next == leader {
		t.Errorf("%d leads", next)
	}
	e.sees("/a", "1")
}

// TestMoveLeader gives the leader another port for learners: another leads then.
func TestMoveLeader(t *testing.T) {
	e := newChanging(t, 3, 0)
	e.start()
	old := e.settled()
	ports := freeport.Some(t, 2)
	text := e.reconfigure(old, fmt.Sprintf("server.%d=127.0.0.1:%d:%d;127.0.0.1:2181", old, ports[0], ports[1]), "", "")
	next := 0
	for limit := time.Now().Add(patience); next == 0 || next == old; runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("%d leads", next)
		}
		next = e.settled()
	}
	e.agrees(text, map[int]string{old: "follower", next: "leader", 6 - old - next: "follower"})
}
