package config

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gokeeper/server/quorum"
)

var rewrite = flag.Bool("rewrite", false, "write the .out files of testdata anew")

// TestCases runs every testdata/NAME.cfg as /conf/NAME.cfg and compares complaints and resulting
// configuration with NAME.out. NAME.flags has lines "VARIABLE text", NAME.myid is the
// myid file, other files under /conf are those of testdata. Of the configuration only what
// differs from Java's defaults is printed. Notes of the start-up log are printed for
// names starting with "log".
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.cfg")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".cfg")
		t.Run(name, func(t *testing.T) {
			in := Input{Path: "/conf/" + name + ".cfg", Flags: readFlags(t, name), ReadFile: readFrom(name), Resolve: resolve}
			compare(t, name, in)
		})
	}
}

// TestWithoutFile does the same for what needs no file: arguments and flags.
func TestWithoutFile(t *testing.T) {
	f := func(name string, flags string, args ...string) {
		t.Helper()
		compare(t, name, Input{Arguments: args, Flags: []Flags{{"JVMFLAGS", flags}}, ReadFile: readFrom("none")})
	}
	f("nofile-defaults", "")
	f("nofile-flags", "-Dreadonlymode.enabled=true -Djute.maxbuffer=4194304 -Dzookeeper.fips-mode=false -Dzookeeper.4lw.commands.whitelist=*")
	f("nofile-args", "", "2181", "/data")
	f("nofile-args-all", "", "2181", "/data", "2000", "10")
	f("nofile-args-few", "", "2181")
	f("nofile-args-many", "", "2181", "/data", "2000", "10", "x")
	f("nofile-args-wrong", "", "70000", "data", "2s", "x")
}

func compare(t *testing.T, name string, in Input) {
	t.Helper()
	c, complaints := Parse(in)
	got := render(c, complaints, strings.HasPrefix(name, "log"))
	out := "testdata/" + name + ".out"
	if *rewrite {
		if err := os.WriteFile(out, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func readFlags(t *testing.T, name string) []Flags {
	data, err := os.ReadFile("testdata/" + name + ".flags")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var flags []Flags
	for line := range strings.Lines(string(data)) {
		variable, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		flags = append(flags, Flags{variable, text})
	}
	return flags
}

func readFrom(name string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		switch {
		case filepath.Base(path) == "myid":
			return os.ReadFile("testdata/" + name + ".myid")
		case filepath.Dir(path) == "/conf":
			return os.ReadFile("testdata/" + filepath.Base(path))
		}
		return nil, fs.ErrNotExist
	}
}

func resolve(host string) ([]netip.Addr, error) {
	switch host {
	case "localhost":
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	case "own.example":
		return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
	}
	return nil, errors.New("no such host")
}

func render(c Config, complaints []Complaint, notes bool) string {
	var b strings.Builder
	for _, x := range complaints {
		startup := x.Level == Info && x.File == "" && !strings.HasPrefix(x.Text, "flags")
		if startup && !notes {
			continue
		}
		fmt.Fprintf(&b, "%s: %s\n", x.Level, x)
	}
	if code := ExitCode(complaints); code != 0 {
		fmt.Fprintf(&b, "exit %d\n", code)
		return b.String()
	}
	b.WriteString("----\n")
	java, now := leaves(derivedJavaDefaults()), leaves(c)
	for _, name := range slices.Sorted(maps.Keys(now)) {
		switch v := now[name].(type) {
		case quorum.Config:
			if len(v.Members) > 0 {
				fmt.Fprintf(&b, "%s\n", indent(name, v))
			}
		case *quorum.Config:
			if v != nil {
				fmt.Fprintf(&b, "%s\n", indent(name, *v))
			}
		case map[string]string:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				fmt.Fprintf(&b, "%s[%s] = %q\n", name, k, v[k])
			}
		default:
			if !reflect.DeepEqual(v, java[name]) {
				fmt.Fprintf(&b, "%s = %v\n", name, v)
			}
		}
	}
	return b.String()
}

func derivedJavaDefaults() Config {
	p := parser{config: javaDefaults()}
	p.derive()
	return p.config
}

func indent(name string, c quorum.Config) string {
	s := name + " =\n\t" + strings.ReplaceAll(c.String(), "\n", "\n\t")
	for _, m := range c.Members {
		if m.ClientFromStatic {
			s += fmt.Sprintf("\n\t(client address of %d from the static file: %s)", m.ID, m.Client)
		}
	}
	return s
}

func TestMissingFile(t *testing.T) {
	_, complaints := Parse(Input{Path: "/conf/zoo.cfg", ReadFile: func(string) ([]byte, error) { return nil, fs.ErrNotExist }})
	last := complaints[len(complaints)-1]
	if ExitCode(complaints) != ExitConfig || last.Text != "/conf/zoo.cfg file is missing" {
		t.Errorf("got %v", complaints)
	}
	_, complaints = Parse(Input{Path: "zoo.cfg", ReadFile: func(string) ([]byte, error) { return nil, errors.New("read zoo.cfg: permission denied") }})
	last = complaints[len(complaints)-1]
	if ExitCode(complaints) != ExitConfig || last.Text != "read zoo.cfg: permission denied" {
		t.Errorf("got %v", complaints)
	}
}

func TestUnreadableFiles(t *testing.T) {
	denied := errors.New("permission denied")
	f := func(unreadable, zoo, want string) {
		t.Helper()
		_, complaints := Parse(Input{Path: "/c/zoo.cfg", ReadFile: func(path string) ([]byte, error) {
			switch path {
			case unreadable:
				return nil, denied
			case "/c/zoo.cfg":
				return []byte(zoo), nil
			case "/c/dyn":
				return []byte("server.1=h:1:2\n"), nil
			}
			return nil, fs.ErrNotExist
		}})
		for _, c := range complaints {
			if c.Level.String()+" "+c.Text == want {
				return
			}
		}
		t.Errorf("no %q in %v", want, complaints)
	}
	f("/d/myid", "dataDir=/d\nclientPort=1", "error permission denied")
	f("/c/dyn", "dataDir=/d\ndynamicConfigFile=/c/dyn", "error permission denied")
	f("/c/zoo.cfg.dynamic.next", "dataDir=/d\ndynamicConfigFile=/c/dyn", "warning NextQuorumVerifier is initiated to null: permission denied")
}

func TestDefaults(t *testing.T) {
	c := Defaults()
	d, complaints := Parse(Input{})
	if ExitCode(complaints) != 0 {
		t.Fatal(complaints)
	}
	d.Properties = nil
	if !reflect.DeepEqual(c, d) {
		t.Errorf("without a file\ngot  %+v\nwant %+v", d, c)
	}
	if c.ClientPort != 2181 || c.DataDir != "./data" || c.DataLogDir != "./data" || c.TickTime != 2*time.Second ||
		c.MinSessionTimeout != 4*time.Second || c.MaxSessionTimeout != 40*time.Second || c.MaxClientConnections != 60 ||
		c.PurgeRetain != 3 || c.PurgeInterval != 24*time.Hour || c.Distributed || !c.FourLetterWhitelist.Allows("srvr") {
		t.Errorf("got %+v", c)
	}
}

func TestWhitelist(t *testing.T) {
	w := Whitelist{"mntr", "srvr"}
	if !w.Allows("mntr") || w.Allows("ruok") || !(Whitelist{"*"}).Allows("ruok") || (Whitelist)(nil).Allows("srvr") {
		t.Error("whitelist")
	}
}

func TestLimits(t *testing.T) {
	c := Config{TickTime: 2 * time.Second, InitLimit: 10, SyncLimit: 5, ConnectLimit: 3, GlobalOutstandingLimit: 1000}
	if c.InitTime() != 20*time.Second || c.SyncTime() != 10*time.Second || c.ConnectTime() != 6*time.Second {
		t.Error("ticks")
	}
	for voters, want := range map[int]int{0: 1000, 1: 1000, 2: 1000, 3: 500, 5: 250} {
		if got := c.OutstandingLimit(voters); got != want {
			t.Errorf("%d voters: got %d want %d", voters, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.cfg")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte("1\n"), "-Dzookeeper.snapCount=2 -Da='b c'")
	}
	f.Fuzz(func(t *testing.T, cfg, myid []byte, flags string) {
		c, complaints := Parse(Input{Path: "/conf/zoo.cfg", Flags: []Flags{{"JVMFLAGS", flags}}, Resolve: resolve,
			ReadFile: func(path string) ([]byte, error) {
				if path == "/conf/zoo.cfg" {
					return cfg, nil
				}
				return myid, nil
			}})
		for _, x := range complaints {
			if (x.Level == Error) != (x.Exit != 0) || x.Text == "" {
				t.Fatalf("%+v", x)
			}
		}
		if ExitCode(complaints) != 0 {
			return
		}
		if c.DataDir == "" || c.MinSessionTimeout > c.MaxSessionTimeout || c.PurgeRetain < minPurgeRetain ||
			c.ClientPort < 0 || c.ClientPort > 65535 || !c.FourLetterWhitelist.Allows("srvr") {
			t.Fatalf("%+v", c)
		}
		if c.Distributed && (c.MyID == NoID || c.InitLimit <= 0 || c.SyncLimit <= 0) {
			t.Fatalf("%+v", c)
		}
	})
}
