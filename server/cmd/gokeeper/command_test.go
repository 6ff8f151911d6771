package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gokeeper/server/freeport"
)

// asCommand makes this test binary, when it is started anew, the command itself.
const asCommand = "GOKEEPER_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(run(os.Args, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what must happen at once.
const patience = 20 * time.Second

// result is what a command printed and how it ended.
type result struct {
	stdout, stderr string
	code           int
}

// call runs a command line in this process.
func call(t *testing.T, args ...string) result {
	t.Helper()
	file := func(name string) *os.File {
		f, err := os.Create(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	stdout, stderr := file("stdout"), file("stderr")
	code := run(append([]string{"gokeeper"}, args...), stdout, stderr)
	text := func(f *os.File) string {
		defer f.Close()
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return result{text(stdout), text(stderr), code}
}

// is compares all of a result.
func (r result) is(t *testing.T, code int, stdout, stderr string) {
	t.Helper()
	if want := (result{stdout, stderr, code}); r != want {
		t.Errorf("got\n%swant\n%s", r, want)
	}
}

// String shows a result.
func (r result) String() string {
	return fmt.Sprintf("exit %d\n1: %q\n2: %q\n", r.code, r.stdout, r.stderr)
}

// quiet takes away what the environment of the tests could say to the command.
func quiet(t *testing.T) {
	t.Helper()
	for _, name := range append([]string{"ZOOCFG", "ZOOCFGDIR", "ZOOPIDFILE", "ZOO_LOG_DIR", noAutoCreate}, flagVariables...) {
		t.Setenv(name, "")
	}
}

// site is a configuration file and its data directory.
type site struct {
	cfg, data, pid string
	port           int
}

// newSite writes a configuration with these lines behind the usual ones.
func newSite(t *testing.T, lines ...string) *site {
	t.Helper()
	quiet(t)
	dir := t.TempDir()
	s := &site{filepath.Join(dir, "zoo.cfg"), filepath.Join(dir, "data"), filepath.Join(dir, "data", "zookeeper_server.pid"), freeport.One(t)}
	s.write(t, append([]string{fmt.Sprint("clientPort=", s.port), "clientPortAddress=127.0.0.1"}, lines...)...)
	return s
}

func (s *site) write(t *testing.T, lines ...string) {
	t.Helper()
	text := strings.Join(append([]string{"dataDir=" + s.data, "tickTime=2000", "preAllocSize=64",
		"admin.serverAddress=127.0.0.1", "admin.serverPort=0"}, lines...), "\n")
	if err := os.WriteFile(s.cfg, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// using is what every command says of the site.
func (s *site) using() string { return "Using config: " + s.cfg + "\n" }

// found is what status says of its port.
func (s *site) found() string {
	return fmt.Sprintf("Client port found: %d. Client address: 127.0.0.1. Client SSL: false.\n", s.port)
}

// daemons lets start start this binary, and ends what the pid file names at the end.
// The children of this process are left unreaped, as those of a container without an
// init are: stop must not take them for alive.
func (s *site) daemons(t *testing.T, pidFile string) {
	t.Helper()
	t.Setenv(asCommand, "1")
	t.Cleanup(func() {
		if pid, ok := runningPID(pidFile); ok {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
}

// TestLife wants the lines of zkServer.sh and nothing else, on either output.
func TestLife(t *testing.T) {
	s := newSite(t)
	s.daemons(t, s.pid)
	none := "Stopping zookeeper ... no zookeeper to stop (could not find file " + s.pid + ")\n"
	const notRunning = "Error contacting service. It is probably not running.\n"
	call(t, "status", s.cfg).is(t, 1, s.found()+notRunning, s.using())
	call(t, "stop", s.cfg).is(t, 0, none, s.using())
	call(t, "start", s.cfg).is(t, 0, "Starting zookeeper ... STARTED\n", s.using())
	b, err := os.ReadFile(s.pid)
	if err != nil {
		t.Fatal(err)
	}
	call(t, "status", s.cfg).is(t, 0, s.found()+"Mode: standalone\n", s.using())
	call(t, "start", s.cfg).is(t, 1, fmt.Sprintf("Starting zookeeper ... already running as process %s.\n", b), s.using())
	call(t, "restart", s.cfg).is(t, 0, "Stopping zookeeper ... STOPPED\nStarting zookeeper ... STARTED\n", s.using()+s.using())
	if again, err := os.ReadFile(s.pid); err != nil || string(again) == string(b) {
		t.Errorf("pid %q after restart (%v), before %q", again, err, b)
	}
	call(t, "stop", s.cfg).is(t, 0, "Stopping zookeeper ... STOPPED\n", s.using())
	call(t, "stop", s.cfg).is(t, 0, none, s.using())
	call(t, "restart", s.cfg).is(t, 0, none+"Starting zookeeper ... STARTED\n", s.using()+s.using())
	call(t, "stop", s.cfg).is(t, 0, "Stopping zookeeper ... STOPPED\n", s.using())
}

// TestPlaces sends pid file and output elsewhere, and takes the configuration from a
// directory.
func TestPlaces(t *testing.T) {
	s := newSite(t)
	pid, logs := filepath.Join(t.TempDir(), "run", "zk.pid"), filepath.Join(t.TempDir(), "logs")
	s.daemons(t, pid)
	for name, value := range map[string]string{"ZOOPIDFILE": pid, "ZOO_LOG_DIR": logs, "USER": "keeper"} {
		t.Setenv(name, value)
	}
	dir := filepath.Dir(s.cfg)
	call(t, "--config", dir, "start").is(t, 0, "Starting zookeeper ... STARTED\n", s.using())
	if _, ok := runningPID(pid); !ok {
		t.Errorf("no process in %s", pid)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(logs, "zookeeper-keeper-server-"+host+".out")); err != nil || !strings.Contains(string(b), "data loaded") {
		t.Errorf("output %q, %v", b, err)
	}
	call(t, "stop", "--config", dir, "zoo.cfg").is(t, 0, "Stopping zookeeper ... STOPPED\n", s.using())
	if _, err := os.Stat(pid); !os.IsNotExist(err) {
		t.Errorf("pid file after stop: %v", err)
	}
	if _, err := os.Stat(s.pid); !os.IsNotExist(err) {
		t.Errorf("pid file in the data directory: %v", err)
	}
}

// TestStalePidFile leaves all kinds of things in the pid file.
func TestStalePidFile(t *testing.T) {
	s := newSite(t)
	s.daemons(t, s.pid)
	dead := exec.Command(os.Args[0], "-test.run=^$")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{strconv.Itoa(dead.Process.Pid), "", "junk", "0", "-1"} {
		if err := os.MkdirAll(s.data, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.pid, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		call(t, "stop", s.cfg).is(t, 0, "Stopping zookeeper ... STOPPED\n", s.using())
		if _, err := os.Stat(s.pid); !os.IsNotExist(err) {
			t.Errorf("%q: pid file after stop: %v", content, err)
		}
	}
	if err := os.WriteFile(s.pid, []byte("junk"), 0o644); err != nil {
		t.Fatal(err)
	}
	call(t, "start", s.cfg).is(t, 0, "Starting zookeeper ... STARTED\n", s.using())
	call(t, "stop", s.cfg).is(t, 0, "Stopping zookeeper ... STOPPED\n", s.using())
}

// TestAlive wants a process that has ended not to be alive, reaped or not.
func TestAlive(t *testing.T) {
	if !alive(os.Getpid()) {
		t.Error("this process is not alive")
	}
	child := exec.Command(os.Args[0], "-test.run=^$")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out) // until it ends
	for limit := time.Now().Add(patience); alive(child.Process.Pid); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Error("a process that has ended is alive until its parent asks")
			break
		}
	}
	_ = child.Wait()
	if alive(child.Process.Pid) {
		t.Error("a process that is gone is alive")
	}
}

// TestCannotStart wants start to fail with the reason, to leave no pid file, and to
// keep away from what other servers use.
func TestCannotStart(t *testing.T) {
	s := newSite(t)
	s.daemons(t, s.pid)
	fails := func(code int, stdout string, reasons ...string) {
		t.Helper()
		r := call(t, "start", s.cfg)
		if r.code != code || r.stdout != stdout {
			t.Errorf("got %swant %d %q", r, code, stdout)
		}
		for _, reason := range reasons {
			if !strings.Contains(r.stderr, reason) {
				t.Errorf("no %q in %s", reason, r)
			}
		}
		if b, err := os.ReadFile(s.pid); err == nil {
			t.Errorf("a pid file names %q", b)
		}
	}
	s.write(t, "secureClientPort=2281")
	fails(1, "Starting zookeeper ... FAILED TO START\n", "set ssl.trustStore.location")
	s.write(t, "clientPort=x")
	fails(2, "", s.cfg, "clientPort")
	s.write(t, fmt.Sprint("clientPort=", s.port))
	t.Setenv("ZOOPIDFILE", filepath.Join(s.cfg, "below", "zk.pid"))
	fails(1, "Starting zookeeper ... FAILED TO WRITE PID\n", s.cfg)
}

// TestForegroundFails wants Java's exit codes and last words.
func TestForegroundFails(t *testing.T) {
	s := newSite(t)
	fails := func(code int, last string) {
		t.Helper()
		r := call(t, "start-foreground", s.cfg)
		if r.code != code || !strings.HasSuffix(r.stderr, last) {
			t.Errorf("got %swant %d, ending with %q", r, code, last)
		}
	}
	s.write(t, "clientPort=x")
	fails(2, "Invalid config, exiting abnormally\n")
	s.write(t, fmt.Sprint("clientPort=", s.port), "datadir.autocreate=false")
	fails(3, "Unable to access datadir, exiting abnormally\n")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.write(t, fmt.Sprint("clientPort=", l.Addr().(*net.TCPAddr).Port), "clientPortAddress=127.0.0.1")
	fails(1, "address already in use\n")
}

// TestForeground stops a server by either signal: soon, with code 0, without a pid file.
func TestForeground(t *testing.T) {
	s := newSite(t)
	t.Setenv(asCommand, "1")
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		word, tell, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "start-foreground", s.cfg)
		cmd.ExtraFiles, cmd.Env = []*os.File{tell}, append(os.Environ(), readyVariable+"=3")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		tell.Close()
		if said, err := io.ReadAll(word); string(said) != readyWord || err != nil {
			t.Fatalf("the server says %q, %v", said, err)
		}
		word.Close()
		if _, err := os.Stat(s.pid); !os.IsNotExist(err) {
			t.Errorf("pid file: %v", err)
		}
		call(t, "status", s.cfg).is(t, 0, s.found()+"Mode: standalone\n", s.using())
		begin := time.Now()
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", sig, err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%v: took %v", sig, took)
		}
	}
}

// TestAdminPortTaken wants Java's exit code, and a line that says which setting helps.
func TestAdminPortTaken(t *testing.T) {
	s := newSite(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.write(t, fmt.Sprint("clientPort=", s.port), "clientPortAddress=127.0.0.1", fmt.Sprint("admin.serverPort=", l.Addr().(*net.TCPAddr).Port))
	got := call(t, "start-foreground", s.cfg)
	if got.code != 4 || !strings.Contains(got.stderr, "Unable to start AdminServer, exiting abnormally\n") ||
		!strings.Contains(got.stderr, "admin.enableServer=false") {
		t.Errorf("%+v", got)
	}
}
