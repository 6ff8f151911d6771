package integration

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gokeeper/server/freeport"
)

// A shell runs the command line in a directory that holds zk0/conf/zoo.cfg.
type shell struct {
	dir  string
	argv []string
	s    *server // only for its port and its client
}

// scripted reports whether the transcripts run on another command than ours.
func scripted() bool { return os.Getenv("GOKEEPER_SCRIPT") != "" }

func newShell(t *testing.T) *shell {
	t.Helper()
	argv := strings.Fields(os.Getenv("GOKEEPER_SCRIPT"))
	if len(argv) == 0 {
		if replaced() {
			t.Skip("GOKEEPER_TARGET has no command line; GOKEEPER_SCRIPT can name one")
		}
		argv = []string{program(t)}
	}
	sh := &shell{dir: t.TempDir(), argv: argv, s: &server{port: freeport.One(t)}}
	if err := os.MkdirAll(filepath.Join(sh.dir, "zk0", "conf"), 0o755); err != nil {
		t.Fatal(err)
	}
	sh.write(t, "tickTime=2000", "dataDir=zk0/data", fmt.Sprint("clientPort=", sh.s.port), "clientPortAddress=127.0.0.1",
		"admin.enableServer=false", "4lw.commands.whitelist=*")
	t.Cleanup(func() {
		if pid, err := sh.pid(); err == nil {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return sh
}

func (sh *shell) write(t *testing.T, lines ...string) {
	t.Helper()
	text := strings.Join(append(lines, ""), "\n")
	if err := os.WriteFile(filepath.Join(sh.dir, "zk0", "conf", "zoo.cfg"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (sh *shell) pidFile() string {
	return filepath.Join(sh.dir, "zk0", "data", "zookeeper_server.pid")
}

func (sh *shell) pid() (int, error) {
	b, err := os.ReadFile(sh.pidFile())
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(b)) // no blank, no newline
}

// A result is what one command printed and how it ended.
type result struct {
	stdout, stderr string
	code           int
}

func (sh *shell) run(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(sh.argv[0], append(slices.Clone(sh.argv[1:]), args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = sh.dir, &stdout, &stderr
	cmd.Env = append(os.Environ(), "ZOO_LOG_DIR="+filepath.Join(sh.dir, "logs"))
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v (a daemon must not keep its parent's output open)\n%s%s", args, err, &stdout, &stderr)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// furniture is what commands may print besides their result; "Using config" is checked separately.
var furniture = regexp.MustCompile(`^(ZooKeeper JMX enabled by default|/usr/bin/java|Using config: .*|Client port found: .*)$`)

// expect runs a command with the configuration file and compares what it prints on standard output.
func (sh *shell) expect(t *testing.T, command string, code int, lines ...string) result {
	t.Helper()
	const cfg = "zk0/conf/zoo.cfg"
	r := sh.run(t, command, cfg)
	if r.code != code {
		t.Errorf("%s: exit code %d, want %d", command, r.code, code)
	}
	if !slices.Contains(strings.Split(r.stdout+r.stderr, "\n"), "Using config: "+cfg) {
		t.Errorf("%s: no line 'Using config: %s'", command, cfg)
	}
	var got []string
	for line := range strings.Lines(r.stdout) {
		if line = strings.TrimSuffix(line, "\n"); !furniture.MatchString(line) {
			got = append(got, line)
		}
	}
	if !slices.Equal(got, lines) {
		t.Errorf("%s: got %q, want %q", command, got, lines)
	}
	if t.Failed() {
		t.Fatalf("%s printed\n%s--- and as errors\n%s", command, r.stdout, r.stderr)
	}
	return r
}

// TestCommands goes through the life of a server on the command line.
func TestCommands(t *testing.T) {
	sh := newShell(t)
	none := "Stopping zookeeper ... no zookeeper to stop (could not find file zk0/data/zookeeper_server.pid)"
	r := sh.expect(t, "status", 1, "Error contacting service. It is probably not running.")
	if want := fmt.Sprintf("Client port found: %d. Client address: 127.0.0.1. Client SSL: false.\n", sh.s.port); !strings.Contains(r.stdout, want) {
		t.Logf("status does not print %q as the script of Java ZooKeeper does", want)
	}
	sh.expect(t, "stop", 0, none)
	sh.expect(t, "start", 0, "Starting zookeeper ... STARTED")
	sh.serving(t)
	first, err := sh.pid()
	if err != nil {
		t.Fatal(err)
	}
	sh.expect(t, "status", 0, "Mode: standalone")
	sh.expect(t, "start", 1, fmt.Sprintf("Starting zookeeper ... already running as process %d.", first))
	c := sh.s.connect(t, opening{})
	c.ok(t, opCreate, create("/kept", []byte("kept"), open, persistent))
	c.ok(t, opCreate, create("/mine", nil, open, ephemeral))
	sh.expect(t, "restart", 0, "Stopping zookeeper ... STOPPED", "Starting zookeeper ... STARTED")
	sh.serving(t)
	if second, err := sh.pid(); err != nil || second == first {
		t.Errorf("after restart the process is %d (%v), before %d", second, err, first)
	}
	c = sh.s.connect(t, c.resume())
	c.ok(t, opGetData, watched("/kept", false))
	c.ok(t, opGetData, watched("/mine", false))
	sh.expect(t, "stop", 0, "Stopping zookeeper ... STOPPED")
	if _, err := os.Stat(sh.pidFile()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the pid file is still there: %v", err)
	}
	if !scripted() {
		if conn, err := net.Dial("tcp", sh.s.addr()); err == nil {
			conn.Close()
			t.Error("the server still listens after stop")
		}
	}
	sh.expect(t, "status", 1, "Error contacting service. It is probably not running.")
	sh.expect(t, "stop", 0, none)
}

// serving checks that the server serves when start has returned; Java's script returns earlier.
func (sh *shell) serving(t *testing.T) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); !strings.Contains(sh.s.word("srvr"), "\nMode: standalone\n"); {
		if !scripted() || time.Now().After(limit) {
			t.Fatal("start returned, but the server does not serve")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestStalePid starts over the pid file of a process that is gone.
func TestStalePid(t *testing.T) {
	sh := newShell(t)
	if err := os.MkdirAll(filepath.Dir(sh.pidFile()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(sh.pidFile(), []byte("4194303"), 0o644); err != nil {
		t.Fatal(err)
	}
	sh.expect(t, "stop", 0, "Stopping zookeeper ... STOPPED")
	if err := os.WriteFile(sh.pidFile(), []byte("4194303"), 0o644); err != nil {
		t.Fatal(err)
	}
	sh.expect(t, "start", 0, "Starting zookeeper ... STARTED")
	sh.serving(t)
	sh.expect(t, "stop", 0, "Stopping zookeeper ... STOPPED")
}

// TestOtherCommands checks what version, print-cmd and a wrong command print.
func TestOtherCommands(t *testing.T) {
	sh := newShell(t)
	if r := sh.run(t, "version"); r.code != 0 || !regexp.MustCompile(`(?m)^Apache ZooKeeper, version 3\.\d+\.\d+.*$`).MatchString(r.stdout) {
		t.Errorf("version: %+v", r)
	}
	if r := sh.run(t, "print-cmd", "zk0/conf/zoo.cfg"); r.code != 0 || !strings.Contains(r.stdout, "zk0/conf/zoo.cfg") {
		t.Errorf("print-cmd: %+v", r)
	}
	if r := sh.run(t, "nonsense"); !strings.Contains(strings.ToLower(r.stderr), "usage") {
		t.Errorf("unknown command: %+v", r)
	}
}

// TestStartFails wants start to name the reason when the server cannot run. Java's script knows only that it ended.
func TestStartFails(t *testing.T) {
	if scripted() {
		t.Skip("Java's script says STARTED or gives no reason")
	}
	sh := newShell(t)
	l, err := net.Listen("tcp", sh.s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := sh.run(t, "start", "zk0/conf/zoo.cfg")
	if r.code != 1 || !strings.Contains(r.stdout, "Starting zookeeper ... FAILED TO START\n") || !strings.Contains(r.stdout+r.stderr, "address already in use") {
		t.Errorf("port in use: want a failure that says so, got %+v", r)
	}
	sh.write(t, "dataDir=zk0/data", "clientPort=abc")
	r = sh.run(t, "start", "zk0/conf/zoo.cfg")
	if r.code == 0 || !strings.Contains(r.stdout+r.stderr, "clientPort") || strings.Contains(r.stdout, "STARTED") {
		t.Errorf("wrong configuration: want a failure that names the key, got %+v", r)
	}
	if pid, err := sh.pid(); err == nil {
		t.Errorf("a pid file names %d after failed starts", pid)
	}
}

// TestWrongConfiguration checks the exit code 2 and that the complaint names file, line and key.
func TestWrongConfiguration(t *testing.T) {
	wrong := func(line, key string) {
		t.Helper()
		s := newServer(t, subject(t), "# line 9", line)
		if err := s.launch(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-s.done:
		case <-time.After(startLimit):
			t.Fatalf("%s: the server runs", line)
		}
		if exit := (*exec.ExitError)(nil); !errors.As(s.end, &exit) || exit.ExitCode() != 2 {
			t.Errorf("%s: ended with %v, want exit code 2", line, s.end)
		}
		text := s.logTail(1 << 20)
		if !strings.Contains(text, s.cfg) {
			t.Errorf("%s: the complaint does not name the file:\n%s", line, text)
		}
		if replaced() {
			return // Java names neither key nor line
		}
		if place := regexp.MustCompile(`zoo\.cfg:10\b|line 10\b|"line":10\b`); !place.MatchString(text) || !strings.Contains(text, key) {
			t.Errorf("%s: the complaint does not name the key and line 10:\n%s", line, text)
		}
	}
	wrong("tickTime=2s", "tickTime")
	wrong("clientPort=abc", "clientPort")
	wrong("reconfigEnabled=yes", "reconfigEnabled")
	wrong("maxSessionTimeout=1e3", "maxSessionTimeout")
}

// TestTerminate checks that SIGTERM ends the server in order, and that sessions and their ephemerals survive the restart
// exactly as long as their timeout.
func TestTerminate(t *testing.T) {
	s := newServer(t, subject(t), "tickTime=200")
	s.start(t)
	kept := s.connect(t, opening{timeout: 4000})
	left := s.connect(t, opening{timeout: 1000})
	kept.ok(t, opCreate, create("/kept", nil, open, ephemeral))
	left.ok(t, opCreate, create("/left", nil, open, ephemeral))
	s.stop(t)
	if exit := (*exec.ExitError)(nil); errors.As(s.end, &exit) && exit.ExitCode() != 143 {
		t.Errorf("SIGTERM: %v", s.end)
	}
	s.start(t)
	c := s.connect(t, opening{timeout: 4000})
	c.ok(t, opExists, watched("/left", true))
	kept = s.connect(t, kept.resume())
	kept.ok(t, opExists, watched("/kept", false))
	begin := time.Now()
	for len(c.events) == 0 {
		if time.Since(begin) > 15*time.Second {
			t.Fatal("the ephemeral of a session that is gone stays")
		}
		time.Sleep(100 * time.Millisecond)
		c.ok(t, opPing, nil)
		kept.ok(t, opPing, nil)
	}
	if e := c.events[0]; e.typ != 2 || e.path != "/left" {
		t.Errorf("event %+v, want the deletion of /left", e)
	}
	kept.ok(t, opExists, watched("/kept", false))
	if _, err := connect(s.addr(), left.resume()); !errors.Is(err, errExpired) {
		t.Errorf("resuming the expired session: %v", err)
	}
}
