package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shellSite is a running server.
func shellSite(t *testing.T) (s *site, address string) {
	t.Helper()
	s = newSite(t)
	s.daemons(t, s.pid)
	call(t, "start", s.cfg).is(t, 0, "Starting zookeeper ... STARTED\n", s.using())
	return s, fmt.Sprint("127.0.0.1:", s.port)
}

// TestShellCommand wants what a single command prints on each output, and its exit code.
func TestShellCommand(t *testing.T) {
	_, address := shellSite(t)
	const event = "\nWATCHER::\n\nWatchedEvent state:SyncConnected type:None path:null zxid: -1\n"
	head := "Connecting to " + address + "\n"
	call(t, "cli", "-server", address, "create", "/a", "x").is(t, 0, head+event, "Created /a\n")
	call(t, "cli", "-server", address, "get", "/b").is(t, 1, head+event, "Node does not exist: /b\n")
	call(t, "zkCli.sh", "-server", address, "get", "/a").is(t, 0, head+event+"x\n", "")
	if r := call(t, "cli", "-server", address, "nope"); r.code != 127 {
		t.Errorf("unknown command: %s", r)
	}
	settings := filepath.Join(t.TempDir(), "client.cfg")
	text := "zookeeper.client.secure: true\nzookeeper.ssl.keyStore.location = absent.pem\n"
	if err := os.WriteFile(settings, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := call(t, "cli", "-client-configuration", settings, "version"); r.code != 2 ||
		!strings.Contains(r.stderr, "zookeeper.ssl.keyStore.location absent.pem: open absent.pem") {
		t.Errorf("secure client: %s", r)
	}
	call(t, "cli", "-client-configuration", settings+".no", "version").is(t, 2, "Connecting to localhost:2181\n",
		"-client-configuration "+settings+".no: open "+settings+".no: no such file or directory\n")
}

// TestShellScript runs the shell by the name that scripts know, with the arguments as they are.
func TestShellScript(t *testing.T) {
	quiet(t)
	bin := t.TempDir()
	if err := os.Symlink(os.Args[0], filepath.Join(bin, "gokeeper")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../../scripts/zkCli.sh")
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "zkCli.sh") // away from the binary that make builds
	if err := os.WriteFile(script, text, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(script, "-server", "a b:1/x y", "version")
	cmd.Env = append(os.Environ(), asCommand+"=1", "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.Output()
	if want := "Connecting to a b:1/x y\nZooKeeper CLI version: " + serverVersion() + "\n"; string(out) != want || err != nil {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
}

// TestHelp wants every subcommand to say what it is for, asked in either way.
func TestHelp(t *testing.T) {
	quiet(t)
	for _, c := range newRoot(os.Stdout, os.Stderr).Commands() {
		if c.Hidden {
			continue // a script of Java's, with Java's help
		}
		for _, args := range [][]string{{c.Name(), "--help"}, {"help", c.Name()}} {
			r := call(t, args...)
			if about := c.Long + c.Short; r.code != 0 || !strings.HasPrefix(r.stdout, about[:10]) || !strings.Contains(r.stdout, "Usage:\n  gokeeper "+c.Name()) {
				t.Errorf("%q: %s", args, r)
			}
		}
	}
}

// TestCompletion completes the whole command line: verbs, options of the shell, its
// commands, and nodes of the server that it names.
func TestCompletion(t *testing.T) {
	_, address := shellSite(t)
	f := func(want string, args ...string) {
		t.Helper()
		r := call(t, append([]string{"__complete"}, args...)...)
		var got []string
		for line := range strings.Lines(r.stdout) {
			if word, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); !strings.HasPrefix(word, ":") {
				got = append(got, word)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", args, got, want)
		}
	}
	f("start start-foreground status stop", "st")
	f("-server", "cli", "-s")
	f("set setAcl setquota stat sync", "cli", "-r", "s")
	f("", "cli", "-server", "")
	f("--config -s -w -b -x", "cli", "get", "-") // the first is gokeeper's own
	f("/zookeeper", "cli", "-server", address, "ls", "/")
	f("/zookeeper/config", "cli", "-server", address, "ls", "/zookeeper/c")
	f("", "cli", "-server", address, "ls", "/no/")
	for shell, word := range map[string]string{"bash": "complete", "zsh": "#compdef gokeeper", "fish": "complete -c gokeeper"} {
		r := call(t, "completion", shell)
		if r.code != 0 || !strings.Contains(r.stdout, word) {
			t.Errorf("%s: exit code %d, no %q", shell, r.code, word)
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			continue // the shell is not here to judge
		}
		cmd := exec.Command(path, "-n")
		cmd.Stdin = strings.NewReader(r.stdout)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s cannot read it: %v\n%s", shell, err, out)
		}
	}
}
