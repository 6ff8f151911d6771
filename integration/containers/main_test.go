//go:build containers

package containers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go/log"
)

const (
	imageVariable = "GOKEEPER_IMAGE"
	runVariable   = "GOKEEPER_CONTAINERS_RUN" // tells the process of the tests which run it is
)

var (
	image  = cmp.Or(os.Getenv(imageVariable), "gokeeper:dev")
	run    = os.Getenv(runVariable) // begins the names of compose projects, is the label of everything else
	engine *client.Client
)

// TestMain runs the tests in a process of their own, because a panic or a timeout of one test ends the process before
// others have cleaned up. What any of them left is removed here.
func TestMain(m *testing.M) {
	var err error
	if engine, err = client.New(client.FromEnv); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if run != "" {
		log.SetDefault(log.NewNoopLogger())
		os.Exit(m.Run())
	}
	if why := missing(); why != "" {
		fmt.Fprintln(os.Stderr, "container tests:", why)
		os.Exit(1)
	}
	run = fmt.Sprintf("gokeeper-test-%08x", rand.Uint32())
	code := runTests()
	left, err := sweep()
	for _, what := range left {
		fmt.Fprintln(os.Stderr, "left over, removed:", what)
		code = cmp.Or(code, 1)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "not removed, look for the label %s=%s: %v\n", label, run, err)
		code = cmp.Or(code, 1)
	}
	os.Exit(code)
}

// missing says in a line what the tests cannot do without, "" if all is there.
func missing() string {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, err := engine.Ping(ctx, client.PingOptions{}); err != nil {
		return fmt.Sprintf("there is no Docker engine: %v", err)
	}
	if out, err := exec.CommandContext(ctx, "docker", "compose", "version").CombinedOutput(); err != nil {
		line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return fmt.Sprintf("docker compose does not work, scripts/compose.sh installs it on Debian: %v %s", err, line)
	}
	found, err := engine.ImageInspect(ctx, image)
	if err != nil {
		return fmt.Sprintf("there is no image %s, make image builds it: %v", image, err)
	}
	image = found.ID // the name may get another image while the tests run
	return ""
}

// runTests runs this program again, passes signals on, and returns its exit code. It ends the commands, too, for which
// the tests were waiting.
func runTests() int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), runVariable+"="+run, imageVariable+"="+image, "TESTCONTAINERS_RYUK_DISABLED=true") // sweep does what ryuk would
	if h := os.Getenv("DOCKER_HOST"); h == "" || strings.HasPrefix(h, "unix:") {
		cmd.Env = append(cmd.Env, "TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1") // not a guess from /.dockerenv
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // who read the output may be gone; there is work to do all the same
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go func() {
		for s := range signals {
			_ = syscall.Kill(-cmd.Process.Pid, s.(syscall.Signal)) // it may have ended
		}
	}()
	err = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // there may be no one left
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the tests ended by", err)
		return 1
	}
	return 0
}
