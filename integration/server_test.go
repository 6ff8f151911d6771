package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gokeeper/server/freeport"
)

// startLimit is how long a server may take until it serves; a Java peer on a busy machine needs seconds.
const startLimit = 60 * time.Second

// buildDir holds the binary that built makes; TestMain removes it.
var buildDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "gokeeper-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	buildDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// built returns the path of the binary under test, building it once per run.
var built = sync.OnceValues(func() (string, error) {
	if b := os.Getenv("GOKEEPER_BINARY"); b != "" {
		return filepath.Abs(b)
	}
	bin := filepath.Join(buildDir, "gokeeper")
	out, err := exec.Command("go", "build", "-o", bin, "gokeeper/server/cmd/gokeeper").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return bin, nil
})

func program(t testing.TB) string {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// A target is a command that runs a server in the foreground; {cfg} in argv stands for its configuration file.
type target struct {
	name string
	argv []string
}

// subject returns the server under test: our binary, or what GOKEEPER_TARGET says.
func subject(t testing.TB) target {
	t.Helper()
	if cmd := os.Getenv("GOKEEPER_TARGET"); cmd != "" {
		argv := strings.Fields(cmd)
		if !strings.Contains(cmd, "{cfg}") {
			argv = append(argv, "{cfg}")
		}
		return target{"target", argv}
	}
	return target{"gokeeper", []string{program(t), "start-foreground", "{cfg}"}}
}

// replaced reports whether the server under test is another one than ours.
func replaced() bool { return os.Getenv("GOKEEPER_TARGET") != "" }

// java returns a Java server of the version ("380", "396"), or skips the test where it is not installed.
func java(t testing.TB, version string) target {
	t.Helper()
	tg, err := installed(version)
	if err != nil {
		t.Skip(err)
	}
	return tg
}

// installed returns a Java server of the version, or says why there is none.
func installed(version string) (target, error) {
	script, err := filepath.Abs("java/zk.sh")
	if err != nil {
		return target{}, err
	}
	if out, err := exec.Command("bash", script, version, "--check").CombinedOutput(); err != nil {
		return target{}, fmt.Errorf("%s(%w)", out, err)
	}
	return target{"java" + version, []string{"bash", script, version, "{cfg}"}}, nil
}

// A server is one configuration and data directory, and the process that runs on it, if any. Not for concurrent use.
type server struct {
	target
	dir  string // holds zoo.cfg, data and log
	cfg  string
	port int
	env  []string // of the process, besides that of the test
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	end  error         // set before done is closed
}

// newServer makes a directory with a configuration: the settings of the recorded vectors, and keys ("key=value"), which
// may override them. The process is not started; it is killed at the end of the test.
func newServer(t testing.TB, tg target, keys ...string) *server {
	t.Helper()
	s := &server{target: tg, dir: t.TempDir(), port: freeport.One(t)}
	s.cfg = filepath.Join(s.dir, "zoo.cfg")
	s.configure(t, keys...)
	t.Cleanup(func() {
		s.signal(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("end of the log of %s in %s:\n%s", s.name, s.dir, s.logTail(3000))
		}
	})
	return s
}

// configure writes zoo.cfg anew.
func (s *server) configure(t testing.TB, keys ...string) {
	t.Helper()
	text := fmt.Sprintf("tickTime=2000\ndataDir=%s\nclientPort=%d\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n"+
		"admin.enableServer=false\nextendedTypesEnabled=true\n4lw.commands.whitelist=*\n", filepath.Join(s.dir, "data"), s.port)
	text += strings.Join(append(keys, ""), "\n")
	if err := os.WriteFile(s.cfg, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (s *server) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// start runs the process and waits until it serves.
func (s *server) start(t testing.TB) {
	t.Helper()
	if err := s.launch(); err != nil {
		t.Fatal(err)
	}
	if err := s.ready(); err != nil {
		t.Fatal(err)
	}
}

func (s *server) launch() error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	var argv []string
	for _, a := range s.argv {
		argv = append(argv, strings.ReplaceAll(a, "{cfg}", s.cfg))
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, s.dir
	cmd.Env, cmd.SysProcAttr = append(os.Environ(), s.env...), childAttributes()
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	s.cmd, s.done = cmd, done
	go func() {
		s.end = cmd.Wait()
		close(done)
	}()
	return nil
}

// ready polls srvr until the server answers with a mode.
func (s *server) ready() error {
	for limit := time.Now().Add(startLimit); time.Now().Before(limit); {
		if strings.Contains(s.ask("srvr", 2*time.Second), "\nMode: ") {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("%s ended while starting: %v\n%s", s.name, s.end, s.logTail(4000))
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s does not serve after %v\n%s", s.name, startLimit, s.logTail(4000))
}

// word sends a four-letter word and returns the answer, empty if there is none.
func (s *server) word(w string) string { return s.ask(w, 10*time.Second) }

func (s *server) ask(w string, limit time.Duration) string {
	c, err := net.DialTimeout("tcp", s.addr(), limit)
	if err != nil {
		return ""
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(limit))
	if _, err := io.WriteString(c, w); err != nil {
		return ""
	}
	b, err := io.ReadAll(c)
	if err != nil {
		return ""
	}
	return string(b)
}

// metric returns the value of a line of mntr, -1 if there is none.
func (s *server) metric(name string) float64 {
	for line := range strings.Lines(s.word("mntr")) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+"\t"); ok {
			if f, err := strconv.ParseFloat(v, 64); err == nil {
				return f
			}
		}
	}
	return -1
}

// signal sends sig to the running process and waits for its end; without one it does nothing.
func (s *server) signal(sig syscall.Signal) error {
	if s.cmd == nil {
		return nil
	}
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		s.cmd.Process.Kill()
		<-s.done
		return fmt.Errorf("%s did not end within 20 s of signal %v", s.name, sig)
	}
	s.cmd = nil
	return nil
}

func (s *server) kill(t testing.TB) { s.mustSignal(t, syscall.SIGKILL) }

func (s *server) stop(t testing.TB) { s.mustSignal(t, syscall.SIGTERM) }

func (s *server) mustSignal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := s.signal(sig); err != nil {
		t.Fatal(err)
	}
}

// running reports whether the process that was started still lives.
func (s *server) running() bool {
	if s.cmd == nil {
		return false
	}
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

func (s *server) logTail(n int) string {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(bytes.ToValidUTF8(b[max(0, len(b)-n):], nil))
}

// files lists the names of version-2 that start with the prefix.
func (s *server) files(t testing.TB, prefix string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.dir, "data", "version-2", prefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// number returns an environment variable's value, or def.
func number(t testing.TB, name string, def int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// random returns a source whose seed is printed, and can be given by GOKEEPER_SEED.
func random(t testing.TB) *rand.Rand {
	t.Helper()
	seed := uint64(number(t, "GOKEEPER_SEED", int(rand.Int32())))
	t.Logf("GOKEEPER_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
