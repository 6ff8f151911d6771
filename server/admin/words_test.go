package admin

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gokeeper/server/metrics"
	"gokeeper/server/proto"
)

func all(string) bool { return true }

// readers say how the facts stand in the answer to each word.
var readers = map[string]func(*parser, *fake){
	"conf": (*parser).conf, "cons": (*parser).cons, "crst": (*parser).nothing, "dirs": (*parser).dirs, "dump": (*parser).dump,
	"envi": (*parser).environment, "gtmk": (*parser).nothing, "hash": (*parser).digests, "isro": (*parser).readOnly,
	"ruok": (*parser).nothing, "srst": (*parser).nothing, "srvr": (*parser).summary, "stat": (*parser).summary,
	"stmk": (*parser).nothing, "wchc": (*parser).watchers, "wchp": (*parser).watches, "wchs": (*parser).watchCounts,
}

// emptySets are lines of Java's sets of connections in which there are none; here such
// sets are not kept, nor counted.
var emptySets = regexp.MustCompile(`(Connections Sets) \(\d+\)(/\(\d+\):\n)0 expire at .*:\n`)

// TestJava takes the facts out of the answers of Java servers in all roles, and wants
// the same bytes made of them.
func TestJava(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		role, name := filepath.Base(filepath.Dir(file)), strings.TrimSuffix(filepath.Base(file), ".txt")
		if role == "not_serving" || role == "whitelist" || strings.Contains(name, "unknown") || strings.HasSuffix(name, "without_argument") {
			continue // tests of their own
		}
		t.Run(role+"/"+name, func(t *testing.T) {
			p := open(t, role, name)
			want := p.text
			f := newFake()
			read := readers[name[:4]]
			if read == nil {
				t.Fatalf("nothing reads %s", name)
			}
			if read(p, f); p.text != "" && role != "netty" {
				t.Fatalf("not read: %q", p.text)
			}
			w := NewCommands(f, all)
			if name == "stmk" || name == "gtmk_after_stmk" {
				w.Word("stmk", binary.BigEndian.AppendUint64(nil, 250))
			}
			want = emptySets.ReplaceAllString(want, "$1 (1)$2")
			got := string(w.Word(name[:4], binary.BigEndian.AppendUint64(nil, 250)))
			switch {
			case role == "netty" && name == "dump":
				want += "Connections Sets (0)/(0):\n"
			case role == "local_sessions": // Java lists connections in no order
				got, want = sortConnections(got), sortConnections(want)
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// sortConnections sorts the lines at the end of dump.
func sortConnections(text string) string {
	head, tail, _ := strings.Cut(text, "Connections Sets")
	lines := slices.Collect(strings.Lines(tail))
	slices.Sort(lines)
	return head + strings.Join(lines, "")
}

// TestNotServing wants of a server without a quorum what Java says there.
func TestNotServing(t *testing.T) {
	files, err := filepath.Glob("testdata/not_serving/*.txt")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		p := open(t, "not_serving", name)
		f, want := newFake(), p.text
		if name == "envi" {
			p.environment(f)
		}
		f.down = true
		if got := string(NewCommands(f, all).Word(name, nil)); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		if f.statsReset+f.connectionsReset != 0 {
			t.Errorf("%s has reset something", name)
		}
	}
}

// TestWhitelist runs every word with every other word allowed, and alone.
func TestWhitelist(t *testing.T) {
	for name := range newFakeCommands().words {
		f := newFake()
		w := NewCommands(f, func(word string) bool { return word != name })
		want := name + " is not executed because it is not in the whitelist.\n"
		if file := filepath.Join("testdata", "whitelist", name+"_refused.txt"); exists(file) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want = string(b)
		}
		for _, f.down = range []bool{false, true} {
			if got := string(w.Word(name, make([]byte, 8))); got != want {
				t.Errorf("%s refused: got %q, want %q", name, got, want)
			}
		}
		if f.statsReset+f.connectionsReset != 0 || w.mask.Load() != defaultMask {
			t.Errorf("%s was refused and done", name)
		}
		f.down = false
		alone := NewCommands(f, func(word string) bool { return word == name })
		if got := string(alone.Word(name, make([]byte, 8))); strings.Contains(got, "whitelist") {
			t.Errorf("%s allowed: got %q", name, got)
		}
	}
	for _, name := range []string{"xxxx", "RUOK", "ruo", "", "ruokruok", "lsnp", "orst", "kill"} {
		if got := NewCommands(newFake(), all).Word(name, nil); got != nil {
			t.Errorf("unknown word %q: got %q, want nothing", name, got)
		}
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func TestMask(t *testing.T) {
	w := NewCommands(newFake(), all)
	f := func(word string, arg []byte, want string) {
		t.Helper()
		if got := string(w.Word(word, arg)); got != want {
			t.Errorf("%s %x: got %q, want %q", word, arg, got, want)
		}
	}
	f("gtmk", nil, "306")
	f("stmk", nil, "")
	f("stmk", make([]byte, 7), "")
	f("gtmk", nil, "306")
	f("stmk", []byte{0, 0, 0, 0, 0, 0, 0, 250}, "250")
	f("gtmk", nil, "250")
	f("stmk", bytes.Repeat([]byte{0xff}, 8), "-1")
	f("stmk", []byte{0, 0, 0, 0, 0, 0, 1, 50, 77}, "306")
	f("gtmk", nil, "306")
}

func TestResets(t *testing.T) {
	f := newFake()
	w := NewCommands(f, all)
	w.Word("srst", nil)
	if f.statsReset != 1 || f.connectionsReset != 0 {
		t.Errorf("srst: %d and %d resets", f.statsReset, f.connectionsReset)
	}
	w.Word("crst", nil)
	if f.statsReset != 1 || f.connectionsReset != 1 {
		t.Errorf("crst: %d and %d resets", f.statsReset, f.connectionsReset)
	}
}

// TestRemote prints addresses as Java does.
func TestRemote(t *testing.T) {
	f := func(address, want string) {
		t.Helper()
		if got := remote(&Connection{Remote: netip.MustParseAddrPort(address)}); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
	f("127.0.0.1:41234", "/127.0.0.1:41234")
	f("[::1]:41234", "/[0:0:0:0:0:0:0:1]:41234")
	f("[::ffff:10.1.2.3]:1", "/10.1.2.3:1")
	f("[fe80::1%eth0]:2", "/[fe80:0:0:0:0:0:0:1]:2")
	f("[2001:db8:0:12::ab]:3", "/[2001:db8:0:12:0:0:0:ab]:3")
}

// TestConnectionLine shows what no recorded connection has.
func TestConnectionLine(t *testing.T) {
	f := newFake()
	w := NewCommands(f, all)
	check := func(c Connection, want string) {
		t.Helper()
		c.Remote, c.Established = netip.MustParseAddrPort("10.0.0.1:99"), time.UnixMilli(1000)
		f.connections = []Connection{c}
		if got := string(w.Word("cons", nil)); got != want+"\n\n" {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	check(Connection{Interest: 5, Queued: 3}, " /10.0.0.1:99[5](queued=3,recved=0,sent=0)")
	check(Connection{Session: math.MinInt64, LastOp: proto.OpGetAllChildrenNumber, LastCxid: 16, Timeout: 4000},
		" /10.0.0.1:99[0](queued=0,recved=0,sent=0,sid=0x8000000000000000,lop=GETACN,est=1000,to=4000,lcxid=0x10,"+
			"lzxid=0x0,lresp=0,llat=0,minlat=0,avglat=0,maxlat=0)")
	for op := range opNames {
		if name := opNames[op]; !slices.Contains(strings.Fields("NA PING SESS MULT MLTR CREA DELE SETD RECO SETA CLOS SYNC CHEC "+
			"EXIS GETD SETW STW2 ADDW GETA GETC GETACN CHKW REMW HOMI GETE"), name) {
			t.Errorf("%v is %q, which Java does not say", op, name)
		}
	}
	for op := proto.Op(-11); op <= proto.OpWhoAmI; op++ {
		if answered := op.IsRead() || op.IsWrite(); answered && opNames[op] == "" && op != proto.OpDeleteContainer {
			t.Errorf("%v has no short name", op)
		}
	}
}

// TestSeveralWatchers lists watches by path and by session.
func TestSeveralWatchers(t *testing.T) {
	f := newFake()
	f.watches = []Watch{{"/a", []proto.SessionID{2}}, {"/b", []proto.SessionID{1, 2}}, {"/c", []proto.SessionID{1}}}
	w := NewCommands(f, all)
	check := func(word, want string) {
		t.Helper()
		if got := string(w.Word(word, nil)); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
	check("wchp", "/a\n\t0x2\n/b\n\t0x1\n\t0x2\n/c\n\t0x1\n\n")
	check("wchc", "0x1\n\t/b\n\t/c\n0x2\n\t/a\n\t/b\n\n")
	f.watches = nil
	check("wchp", "\n")
	check("wchc", "\n")
}

// TestMonitor wants gauges first, in their order, and every line in Java's form.
func TestMonitor(t *testing.T) {
	f := newFake()
	f.gauges = []metrics.Line{{Name: "version", Value: "3.9.6-0, built on 2026-01-02 03:04 UTC"}, {Name: "server_state", Value: "standalone"}}
	got := string(NewCommands(f, all).Word("mntr", nil))
	if want := "zk_version\t3.9.6-0, built on 2026-01-02 03:04 UTC\nzk_server_state\tstandalone\n"; !strings.HasPrefix(got, want) {
		t.Errorf("begins with %.80q, want %q", got, want)
	}
	form := regexp.MustCompile(`^zk_[a-z0-9_]+\t(\d+|\d+\.\d{1,4})\n$`)
	n := 0
	for line := range strings.Lines(got) {
		if n++; n > 2 && !form.MatchString(line) {
			t.Errorf("line %q", line)
		}
	}
	if n < 400 {
		t.Errorf("%d lines", n)
	}
}

// FuzzWord runs whatever the first four bytes and an argument are. Only known words
// have an answer, every answer but the few without one ends its line, and only those
// that may change something do.
func FuzzWord(f *testing.F) {
	for name := range newFakeCommands().words {
		f.Add([]byte(name), []byte{0, 0, 0, 0, 0, 0, 0, 250}, true, true)
		f.Add([]byte(name), []byte(nil), false, true)
		f.Add([]byte(name), []byte("junk"), true, false)
	}
	f.Add([]byte("xxxx"), []byte("\n"), true, true)
	f.Add([]byte{0xff, 0xf4, 0xff, 0xfd}, []byte(nil), true, true)
	f.Fuzz(func(t *testing.T, first, arg []byte, serving, allowed bool) {
		src := newFake()
		src.down = !serving
		src.connections = []Connection{{Remote: netip.MustParseAddrPort("127.0.0.1:1"), Session: 7, LastCxid: -1}}
		w := NewCommands(src, func(string) bool { return allowed })
		name := string(first[:min(len(first), 4)])
		got := string(w.Word(name, arg))
		_, known := w.words[name]
		switch {
		case !known:
			if got != "" {
				t.Fatalf("%q is unknown and answered %q", name, got)
			}
		case !allowed:
			if got != name+" is not executed because it is not in the whitelist.\n" {
				t.Fatalf("%q is not allowed and answered %q", name, got)
			}
		case slices.Contains([]string{"ruok", "isro", "gtmk"}, name), name == "stmk" && len(arg) >= 8, name == "hash" && !serving:
			if got == "" || strings.HasSuffix(got, "\n") {
				t.Fatalf("%q answered %q", name, got)
			}
		case name == "stmk", name == "hash":
			if got != "" {
				t.Fatalf("%q answered %q", name, got)
			}
		case !strings.HasSuffix(got, "\n"):
			t.Fatalf("%q answered %q", name, got)
		}
		if done := allowed && serving; (src.statsReset > 0) != (done && name == "srst") ||
			(src.connectionsReset > 0) != (done && name == "crst") {
			t.Fatalf("%q has reset %d and %d", name, src.statsReset, src.connectionsReset)
		}
		if changed := w.mask.Load() != defaultMask; changed && (name != "stmk" || !allowed) {
			t.Fatalf("%q has set the mask", name)
		}
	})
}
