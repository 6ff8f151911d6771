//go:build containers

package containers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tcexec "github.com/testcontainers/testcontainers-go/exec"

	"gokeeper/server/freeport"
)

// patience is how long anything may take that should come about at all, on a busy machine.
const patience = 2 * time.Minute

// A node is a container of the image, with its client port published on this machine. The port is the same whenever the
// container is started. Not for concurrent use.
type node struct {
	*testcontainers.DockerContainer
	t    testing.TB
	addr string // of the published client port
}

// create makes a container, which is removed with its anonymous volumes when the test ends.
func create(t testing.TB, opts ...testcontainers.ContainerCustomizer) *node {
	t.Helper()
	addr, published := publish(t, "2181/tcp")
	n := &node{t: t, addr: addr}
	base := []testcontainers.ContainerCustomizer{
		testcontainers.WithNoStart(),
		testcontainers.WithLabels(map[string]string{label: run}),
		published,
	}
	c, err := testcontainers.Run(t.Context(), image, append(base, opts...)...)
	n.DockerContainer = c
	t.Cleanup(n.remove)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// publish has a port of a container published on this machine, and returns the address.
func publish(t testing.TB, port string) (addr string, option testcontainers.CustomizeRequestOption) {
	t.Helper()
	host, hostPort := netip.MustParseAddr("127.0.0.1"), strconv.Itoa(freeport.One(t))
	return net.JoinHostPort(host.String(), hostPort), func(r *testcontainers.GenericContainerRequest) error {
		r.ExposedPorts = append(r.ExposedPorts, port)
		return testcontainers.WithHostConfigModifier(func(h *container.HostConfig) {
			if h.PortBindings == nil {
				h.PortBindings = network.PortMap{}
			}
			h.PortBindings[network.MustParsePort(port)] = []network.PortBinding{{HostIP: host, HostPort: hostPort}}
		})(r)
	}
}

// launch makes a container and starts it.
func launch(t testing.TB, opts ...testcontainers.ContainerCustomizer) *node {
	t.Helper()
	n := create(t, opts...)
	n.start()
	return n
}

// environment sets variables of a container: NAME=value.
func environment(variables ...string) testcontainers.CustomizeRequestOption {
	env := map[string]string{}
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	return testcontainers.WithEnv(env)
}

// remove ends the container; after a failure its log is shown.
func (n *node) remove() {
	if n.DockerContainer == nil {
		return
	}
	if n.t.Failed() {
		n.t.Logf("end of the log of %s:\n%s", n.addr, n.logs("60"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := engine.ContainerRemove(ctx, n.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil {
		n.t.Error(err)
	}
	n.DockerContainer = nil
}

// must fails the test when a request to the engine has failed.
func must[T any](t testing.TB, result T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func (n *node) start() {
	n.t.Helper()
	_, err := engine.ContainerStart(n.t.Context(), n.ID, client.ContainerStartOptions{})
	must(n.t, 0, err)
}

// stop is docker stop with a grace of so many seconds.
func (n *node) stop(grace int) {
	n.t.Helper()
	_, err := engine.ContainerStop(n.t.Context(), n.ID, client.ContainerStopOptions{Timeout: &grace})
	must(n.t, 0, err)
}

func (n *node) kill() {
	n.t.Helper()
	_, err := engine.ContainerKill(n.t.Context(), n.ID, client.ContainerKillOptions{Signal: "SIGKILL"})
	must(n.t, 0, err)
}

func (n *node) pause() {
	n.t.Helper()
	_, err := engine.ContainerPause(n.t.Context(), n.ID, client.ContainerPauseOptions{})
	must(n.t, 0, err)
}

func (n *node) unpause() {
	n.t.Helper()
	_, err := engine.ContainerUnpause(n.t.Context(), n.ID, client.ContainerUnpauseOptions{})
	must(n.t, 0, err)
}

func (n *node) state() *container.State {
	n.t.Helper()
	i, err := n.Inspect(n.t.Context())
	return must(n.t, i, err).State
}

// ended waits for the end of the container's process and returns its exit code.
func (n *node) ended() int {
	n.t.Helper()
	n.eventually("ends", func() string {
		if s := n.state(); s.Running {
			return string(s.Status)
		}
		return ""
	})
	return n.state().ExitCode
}

// eventually calls check until it finds nothing amiss.
func (n *node) eventually(what string, check func() (amiss string)) {
	n.t.Helper()
	eventually(n.t, n.addr+" "+what, check)
}

// eventually calls check until it finds nothing amiss.
func eventually(t testing.TB, what string, check func() (amiss string)) {
	t.Helper()
	amiss := ""
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(50 * time.Millisecond) {
		if amiss = check(); amiss == "" {
			return
		}
	}
	t.Fatalf("%s: not within %v: %s", what, patience, amiss)
}

// logs returns the last lines ("all") that the container has written.
func (n *node) logs(lines string) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := engine.ContainerLogs(ctx, n.ID, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: lines})
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	var b bytes.Buffer
	if _, err := stdcopy.StdCopy(&b, &b, r); err != nil {
		return err.Error()
	}
	return b.String()
}

// exec runs a command in the container and returns its exit code and output.
func (n *node) exec(argv ...string) (int, string) {
	n.t.Helper()
	code, out, err := n.Exec(n.t.Context(), argv, tcexec.Multiplexed())
	must(n.t, 0, err)
	b, err := io.ReadAll(out)
	return code, string(must(n.t, b, err))
}

// word sends a four-letter word and returns the answer, empty if there is none.
func word(addr, w string) string {
	const limit = 2 * time.Second
	c, err := net.DialTimeout("tcp", addr, limit)
	if err != nil {
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(limit))
	if _, err := io.WriteString(c, w); err != nil {
		return ""
	}
	b, err := io.ReadAll(c)
	if err != nil {
		return ""
	}
	return string(b)
}

// mode returns what the server says that it is, "" while it does not serve.
func (n *node) mode() string { return mode(n.addr) }

func mode(addr string) string {
	_, m, _ := strings.Cut(word(addr, "srvr"), "Mode: ")
	m, _, _ = strings.Cut(m, "\n")
	return m
}

// serving waits until the server says that it is what was wanted.
func (n *node) serving(want string) {
	n.t.Helper()
	n.eventually("is "+want, func() string {
		switch m := n.mode(); m {
		case want:
			return ""
		case "":
			return fmt.Sprintf("no answer; container %s", n.state().Status)
		default:
			return "mode " + m
		}
	})
}
