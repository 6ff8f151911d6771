package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gokeeper/server/config"
)

// TestVersion wants Java's line alone on standard output.
func TestVersion(t *testing.T) {
	quiet(t)
	v, c, d := version, commit, date
	t.Cleanup(func() { version, commit, date = v, c, d })
	f := func(wantVersion, wantOut, wantErr string) {
		t.Helper()
		call(t, "version").is(t, 0, wantOut, wantErr)
		if got := serverVersion(); got != wantVersion {
			t.Errorf("got %q, want %q", got, wantVersion)
		}
	}
	none := strings.Repeat("0", 40)
	version, commit, date = "dev", "", ""
	f("3.9.6-"+none+", built on 1970-01-01 00:00 UTC", "Apache ZooKeeper, version 3.9.6 1970-01-01 00:00 UTC\n", "Gokeeper dev (commit "+none+")\n")
	version, commit, date = "0.1.0", strings.Repeat("a1", 20), "2026-10-16 16:58 UTC"
	f("3.9.6-"+commit+", built on 2026-10-16 16:58 UTC", "Apache ZooKeeper, version 3.9.6 2026-10-16 16:58 UTC\n", "Gokeeper 0.1.0 (commit "+commit+")\n")
}

// TestPrintCmd prints what start runs.
func TestPrintCmd(t *testing.T) {
	quiet(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	call(t, "print-cmd", "conf/a.cfg").is(t, 0, self+" start-foreground conf/a.cfg\n", "Using config: conf/a.cfg\n")
	call(t, "--config", "/c", "print-cmd").is(t, 0, self+" --config /c start-foreground\n", "Using config: /c/zoo.cfg\n")
	call(t, "print-cmd").is(t, 0, self+" start-foreground\n", "Using config: none, built-in defaults\n")
}

// TestUsage wants wrong command lines refused.
func TestUsage(t *testing.T) {
	quiet(t)
	call(t, "nonsense").is(t, 2, "", "gokeeper: unknown command \"nonsense\" for \"gokeeper\"\nRun 'gokeeper --help' for usage.\n")
	if r := call(t, "status", "--nonsense"); r.code != 2 || !strings.Contains(r.stderr, "--nonsense") {
		t.Errorf("unknown flag: %s", r)
	}
	if r := call(t, "stop", "1", "2", "3", "4", "5"); r.code != 2 {
		t.Errorf("too many arguments: %s", r)
	}
	if r := call(t, "--help"); r.code != 0 || !strings.Contains(r.stdout, "start-foreground") {
		t.Errorf("help: %s", r)
	}
}

// TestConfigPath finds the configuration file as zkServer.sh does.
func TestConfigPath(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"here.cfg", "both.cfg", "conf/both.cfg", "conf/there.cfg"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f := func(flag, dir, name, arg, want string) {
		t.Helper()
		env := map[string]string{"ZOOCFGDIR": dir, "ZOOCFG": name}
		c := control{configDir: flag, env: func(key string) string { return env[key] }}
		var args []string
		if arg != "" {
			args = []string{arg}
		}
		if got := c.configPath(args); got != want {
			t.Errorf("--config %q, ZOOCFGDIR=%s ZOOCFG=%s, %q: got %q, want %q", flag, dir, name, arg, got, want)
		}
	}
	f("", "", "", "", "")
	f("conf", "", "", "", "conf/zoo.cfg")
	f("", "conf", "", "", "conf/zoo.cfg")
	f("conf", "other", "", "", "conf/zoo.cfg")
	f("conf", "", "there.cfg", "", "conf/there.cfg")
	f("", "", "x.cfg", "", "x.cfg")
	f("conf", "", "", "there.cfg", "conf/there.cfg")
	f("conf", "", "", "both.cfg", "conf/both.cfg")
	f("conf", "", "", "here.cfg", "here.cfg")
	f("conf", "", "", "nowhere.cfg", "conf/nowhere.cfg")
	f("conf", "", "x.cfg", "there.cfg", "conf/there.cfg")
	f("conf", "", "", "./there.cfg", "./there.cfg")
	f("conf", "", "", "/abs/zoo.cfg", "/abs/zoo.cfg")
	f("", "", "", "here.cfg", "here.cfg")
}

// TestFlags wants the variables to reach the configuration, the later one winning.
func TestFlags(t *testing.T) {
	f := func(file string, want bool, env map[string]string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "zoo.cfg")
		if err := os.WriteFile(path, []byte("dataDir=/d\nclientPort=1\n"+file), 0o644); err != nil {
			t.Fatal(err)
		}
		c := control{env: func(name string) string { return env[name] }}
		s := c.read([]string{path})
		if config.ExitCode(s.complaints) != 0 {
			t.Fatal(s.complaints)
		}
		if s.AutoCreateDataDir != want {
			t.Errorf("%q, %v: data directories are created: %v, want %v", file, env, s.AutoCreateDataDir, want)
		}
	}
	const property = "-Dzookeeper.datadir.autocreate="
	f("", true, nil)
	f("", false, map[string]string{noAutoCreate: "1"})
	f("", false, map[string]string{noAutoCreate: "false"}) // any text, as for the shell
	f("", true, map[string]string{noAutoCreate: "1", "JVMFLAGS": property + "true"})
	f("", false, map[string]string{"JVMFLAGS": property + "true", "SERVER_JVMFLAGS": property + "false"})
	f("", false, map[string]string{"KAFKA_OPTS": "-Xmx1g " + property + "false"})
	f("datadir.autocreate=true", true, map[string]string{noAutoCreate: "1"})
}

// TestNoAutoCreate wants every command that concerns a server to name the directory
// that is missing.
func TestNoAutoCreate(t *testing.T) {
	s := newSite(t)
	logs := filepath.Join(t.TempDir(), "logs")
	s.write(t, fmt.Sprint("clientPort=", s.port), "clientPortAddress=127.0.0.1", "dataLogDir="+logs)
	t.Setenv(noAutoCreate, "1")
	missing := func(what, dir string) {
		t.Helper()
		want := "ZooKeeper " + what + " directory is missing at " + dir + " fix the path or run initialize\n"
		for _, verb := range []string{"start", "stop", "restart", "status"} {
			call(t, verb, s.cfg).is(t, 1, want, s.using())
		}
		if r := call(t, "start-foreground", s.cfg); r.code != 1 || !strings.HasSuffix(r.stdout, want) {
			t.Errorf("start-foreground: %s", r)
		}
	}
	missing("data", s.data)
	if _, err := os.Stat(s.data); !os.IsNotExist(err) {
		t.Errorf("the data directory was created: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(s.data, "version-2"), 0o755); err != nil {
		t.Fatal(err)
	}
	missing("txnlog", logs)
	if err := os.MkdirAll(filepath.Join(logs, "version-2"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.daemons(t, s.pid)
	call(t, "start", s.cfg).is(t, 0, "Starting zookeeper ... STARTED\n", s.using())
	call(t, "stop", s.cfg).is(t, 0, "Stopping zookeeper ... STOPPED\n", s.using())
}

// TestStatusPorts wants status to say which port it asks, or why none.
func TestStatusPorts(t *testing.T) {
	s := newSite(t)
	const (
		looking    = "Client port not found. Looking for secureClientPort in the static config.\n"
		notRunning = "Error contacting service. It is probably not running.\n"
	)
	f := func(code int, want string, lines ...string) {
		t.Helper()
		s.write(t, lines...)
		call(t, "status", s.cfg).is(t, code, want, s.using())
	}
	f(1, looking+"Unable to find either secure or unsecure client port in any configs. Terminating.\n")
	port := fmt.Sprint(s.port)
	f(1, looking+"Client port found: "+port+". Client address: 127.0.0.1. Client SSL: true.\n"+
		"Note: secureClientPort ("+port+") was asked with the server's own certificate: dial tcp 127.0.0.1:"+port+": connect: connection refused\n"+
		notRunning, "secureClientPort="+port, "secureClientPortAddress=127.0.0.1")
	f(1, strings.Replace(s.found(), "127.0.0.1", "localhost", 1)+notRunning, fmt.Sprint("clientPort=", s.port))
	f(1, s.found()+notRunning, fmt.Sprint("clientPort=", s.port), "clientPortAddress=127.0.0.1", "secureClientPort=2281")
	if err := os.MkdirAll(s.data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.data, "myid"), []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f(1, s.found()+notRunning, fmt.Sprint("server.1=127.0.0.1:21452:21453;127.0.0.1:", s.port))
}

// TestStatusAnswers wants the line with the mode of whoever answers, and nobody else
// taken for a server.
func TestStatusAnswers(t *testing.T) {
	s := newSite(t)
	l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", s.port))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f := func(answer, want string, code int) {
		t.Helper()
		asked := make(chan string, 1)
		go func() {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			defer nc.Close()
			word := make([]byte, 4)
			n, _ := bufio.NewReader(nc).Read(word)
			asked <- string(word[:n])
			_, _ = nc.Write([]byte(answer))
		}()
		call(t, "status", s.cfg).is(t, code, s.found()+want, s.using())
		if word := <-asked; word != "srvr" {
			t.Errorf("asked %q", word)
		}
	}
	const no = "Error contacting service. It is probably not running.\n"
	f("Zookeeper version: 3.9.6\nLatency min/avg/max: 0/0.0/0\nMode: leader\nNode count: 5\nProposal sizes last/min/max: 1/1/1\n", "Mode: leader\n", 0)
	f("Zookeeper version: 3.9.6\nREAD-ONLY mode; serving only read-only clients\nMode: read-only\nNode count: 5\n", "Mode: read-only\n", 0)
	f("This ZooKeeper instance is not currently serving requests\n", no, 1)
	f("srvr is not executed because it is not in the whitelist.\n", no, 1)
	f("", no, 1)
}
