package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gokeeper/server/config"
)

// stopLimit is how long stop waits for the server's end before it says that it goes on.
const stopLimit = 30 * time.Second

// readyFD is the file descriptor on which start listens for the word of the server it
// started; its number stands in this variable.
const readyVariable = "GOKEEPER_READY_FD"

// control carries out the verbs of zkServer.sh.
type control struct {
	stdout, stderr *os.File
	env            func(string) string
	environ        []string // all of the environment, as name=value
	configDir      string   // --config
}

// exitCode ends with the code; everything was said already.
func exitCode(code int) error { return exitError{code: code} }

// configPath returns the configuration file that the arguments mean, "" for none: a
// name with a slash as it is, otherwise one in the configuration directory or, if it
// is only there, in the working directory. Without a name zoo.cfg is looked for in the
// configuration directory alone.
func (c *control) configPath(args []string) string {
	dir := cmp.Or(c.configDir, c.env("ZOOCFGDIR"), c.env("ZOO_CONF_DIR"))
	name := c.env("ZOOCFG")
	if len(args) > 0 {
		name = args[0]
	}
	switch {
	case name == "" && dir == "":
		return ""
	case name == "":
		name = "zoo.cfg"
	case strings.ContainsRune(name, os.PathSeparator):
		return name
	}
	if dir == "" {
		return name
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil && len(args) > 0 {
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return path
}

// using reports the configuration file as zkServer.sh does, on standard error.
func (c *control) using(path string) {
	if path == "" {
		path = "none, built-in defaults"
	}
	fmt.Fprintf(c.stderr, "Using config: %s\n", path)
}

// settings reads the configuration for a verb that talks to a server. Complaints are
// printed; an error is the exit code they ask for.
func (c *control) settings(args []string) (config.Config, error) {
	c.using(c.configPath(args))
	s := c.read(args[:min(len(args), 1)])
	if code := config.ExitCode(s.complaints); code != 0 {
		printErrors(c.stderr, s.complaints)
		return s.Config, exitCode(code)
	}
	return s.Config, c.checkDirectories(&s.Config)
}

// pidFile returns where start leaves the process id.
func (c *control) pidFile(cfg *config.Config) string {
	if p := c.env("ZOOPIDFILE"); p != "" {
		return p
	}
	return filepath.Join(cfg.DataDir, "zookeeper_server.pid")
}

// runningPID returns the process id in the file when that process lives.
func runningPID(file string) (int, bool) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid, err == nil && pid > 0 && alive(pid)
}

// alive says whether the process runs.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return (err == nil || errors.Is(err, syscall.EPERM)) && !unreaped(pid)
}

// unreaped says that the process has ended and nobody has asked how. In a container
// without an init it stays so for ever.
func unreaped(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(b[bytes.LastIndexByte(b, ')')+1:]), " ")
	return strings.HasPrefix(state, "Z")
}

// start starts a server in the background and returns when it serves.
func (c *control) start(args []string) error {
	cfg, err := c.settings(args)
	if err != nil {
		return err
	}
	fmt.Fprint(c.stdout, "Starting zookeeper ... ")
	file := c.pidFile(&cfg)
	if pid, ok := runningPID(file); ok {
		fmt.Fprintf(c.stdout, "already running as process %d.\n", pid)
		return exitCode(1)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		fmt.Fprintln(c.stdout, "FAILED TO WRITE PID")
		return exitError{1, err}
	}
	pid, err := c.launch(args, &cfg)
	if err != nil {
		fmt.Fprintln(c.stdout, "FAILED TO START")
		return exitError{1, err}
	}
	if err := os.WriteFile(file, []byte(strconv.Itoa(pid)), 0o644); err != nil {
		fmt.Fprintln(c.stdout, "FAILED TO WRITE PID")
		return exitError{1, err}
	}
	fmt.Fprintln(c.stdout, "STARTED")
	return nil
}

// launch runs this binary detached and waits for its word on the pipe: nothing but an
// end of file when it serves, otherwise the reason why it does not.
func (c *control) launch(args []string, cfg *config.Config) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	out, err := os.Create(c.outFile(cfg))
	if err != nil {
		return 0, err
	}
	defer out.Close()
	word, tell, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer word.Close()
	cmd := exec.Command(self, c.foregroundArgs(args)...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = []*os.File{tell}
	cmd.Env = append(os.Environ(), readyVariable+"=3")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		tell.Close()
		return 0, err
	}
	tell.Close()
	said, err := io.ReadAll(word)
	if err != nil {
		return 0, err
	}
	if string(said) == readyWord {
		return cmd.Process.Pid, nil
	}
	cmd.Wait()
	return 0, fmt.Errorf("%s", lastLines(out.Name(), 5))
}

// readyWord is what a server that serves writes to the pipe of start.
const readyWord = "ready"

// lastLines returns the end of the file, for the reason why a server did not start.
func lastLines(name string, n int) string {
	f, err := os.Open(name)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if lines = append(lines, s.Text()); len(lines) > n {
			lines = lines[1:]
		}
	}
	return strings.Join(append(lines, "see "+name), "\n")
}

// foregroundArgs are the arguments by which start calls this binary again.
func (c *control) foregroundArgs(args []string) []string {
	var out []string
	if c.configDir != "" {
		out = append(out, "--config", c.configDir)
	}
	return append(append(out, "start-foreground"), args...)
}

// outFile returns where the output of a server in the background goes: the name is
// zkServer.sh's, the directory $ZOO_LOG_DIR or the data directory.
func (c *control) outFile(cfg *config.Config) string {
	dir := c.env("ZOO_LOG_DIR")
	if dir == "" {
		dir = cfg.DataDir
	}
	name, host := c.env("USER"), "localhost"
	if u, err := user.Current(); err == nil && name == "" {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	os.MkdirAll(dir, 0o755)
	return filepath.Join(dir, fmt.Sprintf("zookeeper-%s-server-%s.out", name, host))
}

// stop ends the server that start started and waits until it is gone.
func (c *control) stop(args []string) error {
	cfg, err := c.settings(args)
	if err != nil {
		return err
	}
	fmt.Fprint(c.stdout, "Stopping zookeeper ... ")
	file := c.pidFile(&cfg)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(c.stdout, "no zookeeper to stop (could not find file %s)\n", file)
		return nil
	}
	pid, running := runningPID(file)
	if running {
		err = c.end(pid)
	}
	if err != nil {
		fmt.Fprintln(c.stdout, "FAILED")
		return exitError{1, err}
	}
	os.Remove(file)
	fmt.Fprintln(c.stdout, "STOPPED")
	return nil
}

// end asks the process to stop and waits for its end.
func (c *control) end(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("signal process %d: %w", pid, err)
	}
	for limit := time.Now().Add(stopLimit); alive(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(limit) {
			return fmt.Errorf("process %d is still running %v after SIGTERM", pid, stopLimit)
		}
	}
	return nil
}

// restart stops a server and starts it again.
func (c *control) restart(args []string) error {
	if err := c.stop(args); err != nil {
		return err
	}
	return c.start(args)
}

// printCmd prints the command line that start runs.
func (c *control) printCmd(args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c.using(c.configPath(args))
	fmt.Fprintln(c.stdout, strings.Join(append([]string{self}, c.foregroundArgs(args)...), " "))
	return nil
}
