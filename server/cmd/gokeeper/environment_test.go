package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gokeeper/server/freeport"
	"gokeeper/server/survey"
)

// box sets the variables of a container whose directories are in a temporary one.
func box(t *testing.T, vars ...string) (dir string, port int) {
	t.Helper()
	quiet(t)
	dir, port = t.TempDir(), freeport.One(t)
	for _, name := range []string{"conf", "data", "datalog"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("ZOO_CONF_DIR", filepath.Join(dir, "conf"))
	t.Setenv("ZOO_DATA_DIR", filepath.Join(dir, "data"))
	t.Setenv("ZOO_DATA_LOG_DIR", filepath.Join(dir, "datalog"))
	t.Setenv("ZOO_CFG_EXTRA", "preAllocSize=64 admin.serverAddress=127.0.0.1 admin.serverPort=0 clientPortAddress=127.0.0.1 clientPort="+fmt.Sprint(port))
	t.Setenv("ZOO_MY_ID", "3")
	t.Setenv("ZOO_SERVERS", "server.3=127.0.0.1:2888:3888")
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	return dir, port
}

// TestEnvironment starts a server as a container does, and wants the files that the
// images' scripts write, also before they are written.
func TestEnvironment(t *testing.T) {
	dir, port := box(t)
	s := &site{cfg: filepath.Join(dir, "conf", "zoo.cfg"), data: filepath.Join(dir, "data"), port: port}
	s.pid = filepath.Join(s.data, "zookeeper_server.pid")
	s.daemons(t, s.pid)
	const notRunning = "Error contacting service. It is probably not running.\n"
	call(t, "zkServer.sh", "status").is(t, 1, s.found()+notRunning, s.using())
	call(t, "healthcheck").is(t, 1, fmt.Sprintf("unhealthy: dial tcp 127.0.0.1:%d: connect: connection refused\n", port), "")
	call(t, "zkServer.sh", "start").is(t, 0, "Starting zookeeper ... STARTED\n", s.using())
	if b, err := os.ReadFile(filepath.Join(s.data, "myid")); string(b) != "3\n" || err != nil {
		t.Errorf("myid %q, %v", b, err)
	}
	if b, err := os.ReadFile(s.cfg); !strings.HasPrefix(string(b), "dataDir="+s.data+"\n") || err != nil {
		t.Errorf("zoo.cfg %q, %v", b, err)
	}
	if logs, _ := filepath.Glob(filepath.Join(dir, "datalog", "version-2")); len(logs) != 1 {
		t.Errorf("logs %q", logs)
	}
	call(t, "healthcheck").is(t, 0, "healthy: standalone\n", "")
	t.Setenv("ZOO_TICK_TIME", "nonsense") // the file is there and wins
	call(t, "/apache-zookeeper-3.9.4-bin/bin/zkServer.sh", "status").is(t, 0, s.found()+"Mode: standalone\n", s.using())
	call(t, "stop").is(t, 0, "Stopping zookeeper ... STOPPED\n", s.using())
}

// TestEnvironmentInMemory runs where nothing can be written but data.
func TestEnvironmentInMemory(t *testing.T) {
	dir, port := box(t, "ZOO_TICK_TIME=1000")
	if err := os.Remove(filepath.Join(dir, "conf")); err != nil {
		t.Fatal(err)
	}
	s := &site{cfg: filepath.Join(dir, "conf", "zoo.cfg"), port: port, pid: filepath.Join(dir, "data", "zookeeper_server.pid")}
	s.daemons(t, s.pid)
	call(t, "start").is(t, 0, "Starting zookeeper ... STARTED\n", s.using())
	out, err := filepath.Glob(filepath.Join(dir, "data", "*.out"))
	if err != nil || len(out) != 1 {
		t.Fatal(out, err)
	}
	b, err := os.ReadFile(out[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"image":"zookeeper"`, `"tickTime=1000"`, `"message":"environment read"`, "is not kept in a file"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
	call(t, "stop").is(t, 0, "Stopping zookeeper ... STOPPED\n", s.using())
}

// TestEnvironmentRefused wants Java's exit code, and the variable named in both places.
func TestEnvironmentRefused(t *testing.T) {
	const why = `ZOO_SYNC_LIMIT: For input string: "soon" (syncLimit=soon; allowed: a whole number)`
	dir, _ := box(t, "ZOO_SYNC_LIMIT=soon")
	call(t, "status").is(t, 2, "", "Using config: "+filepath.Join(dir, "conf", "zoo.cfg")+"\n"+why+"\n")
	call(t, "healthcheck").is(t, 1, "unhealthy: "+why+"\n", "")
	r := call(t, "start-foreground")
	if r.code != 2 || r.stderr != why+"\nInvalid config, exiting abnormally\n" || !strings.Contains(r.stdout, "ZOO_SYNC_LIMIT") {
		t.Errorf("got %s", r)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "myid")); err == nil {
		t.Error("myid was written")
	}
	t.Setenv("ZOO_PORT_NUMBER", "2181")
	if r := call(t, "start-foreground"); r.code != 2 || !strings.Contains(r.stderr, "ZOO_CFG_EXTRA is a variable of the image zookeeper, but ZOO_PORT_NUMBER is one of bitnami") {
		t.Errorf("got %s", r)
	}
}

// TestScriptName wants the binary to be the script whose name it has.
func TestScriptName(t *testing.T) {
	quiet(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, c := range []struct {
		name, args, want string
		code             int
	}{
		{"zkServer.sh", "print-cmd a/b.cfg", " start-foreground a/b.cfg\n", 0},
		{"zkCli.sh", "-server 127.0.0.1:1 version", "ZooKeeper CLI version: ", 0},
		{"zkTxnLogToolkit.sh", "/nofile", "File doesn't exist or not readable: /nofile\n", 1},
	} {
		link := filepath.Join(dir, c.name)
		if err := os.Symlink(self, link); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(link, strings.Fields(c.args)...)
		cmd.Env = append(os.Environ(), asCommand+"=1")
		out, _ := cmd.CombinedOutput()
		if !strings.Contains(string(out), c.want) || cmd.ProcessState.ExitCode() != c.code {
			t.Errorf("%s %s: got %q, exit %d, want %q, exit %d", c.name, c.args, out, cmd.ProcessState.ExitCode(), c.want, c.code)
		}
	}
}

// TestHealthcheck wants whatever is not a server that serves to be unhealthy, and why.
func TestHealthcheck(t *testing.T) {
	s := newSite(t)
	l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", s.port))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f := func(answer string, code int, want string) {
		t.Helper()
		go func() {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			defer nc.Close()
			_, _ = nc.Read(make([]byte, 4))
			_, _ = nc.Write([]byte(answer))
		}()
		call(t, "healthcheck", s.cfg).is(t, code, want, "")
	}
	answers := fmt.Sprintf("unhealthy: 127.0.0.1:%d answers: ", s.port)
	f("Zookeeper version: 3.9.6\nMode: follower\nNode count: 5\n", 0, "healthy: follower\n")
	f("This ZooKeeper instance is not currently serving requests\n", 1, answers+`"This ZooKeeper instance is not currently serving requests"`+"\n")
	f("", 1, answers+"\"\"\n")
	s.write(t)
	call(t, "healthcheck", s.cfg).is(t, 1, "unhealthy: there is no client port to ask: set clientPort or secureClientPort\n", "")
	call(t, "healthcheck", "./nowhere.cfg").is(t, 1, "unhealthy: ./nowhere.cfg file is missing\n", "")
}

// TestSilentServer wants an end to the patience with a server that says nothing.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	answer, err := survey.Ask(l.Addr().String(), "srvr", time.Millisecond)
	if late, ok := errors.AsType[net.Error](err); !ok || !late.Timeout() { // in connecting or in reading
		t.Errorf("got %q, %v", answer, err)
	}
}
