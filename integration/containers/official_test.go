//go:build containers

package containers

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
)

// official is what is tested from the documentation of the official image.
const official = "testdata/official"

// TestOfficialCommands runs the commands with which that documentation starts a server. Names are left out, the image is
// ours, and the containers are not restarted, which would hide a failure.
func TestOfficialCommands(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join(official, "commands.txt"))
	for command := range strings.Lines(string(must(t, b, err))) {
		t.Run(strings.TrimSpace(command), func(t *testing.T) {
			env, binds := options(t, command)
			opts := []testcontainers.ContainerCustomizer{environment(env...),
				testcontainers.WithHostConfigModifier(func(h *container.HostConfig) { h.Binds = binds })}
			metrics, published := publish(t, metricsPort+"/tcp")
			if strings.Contains(command, "metricsProvider.httpPort="+metricsPort) {
				launch(t, append(opts, published)...).exports(metrics)
			} else {
				launch(t, opts...).serving("standalone")
			}
		})
	}
}

// metricsPort is where one of the commands has metrics exported.
const metricsPort = "7070"

// exports checks that Prometheus could scrape the server.
func (n *node) exports(addr string) {
	n.t.Helper()
	n.serving("standalone")
	r, err := http.Get("http://" + addr + "/metrics")
	defer must(n.t, r, err).Body.Close()
	b, err := io.ReadAll(r.Body)
	if text := string(must(n.t, b, err)); !strings.Contains(text, "\nznode_count ") {
		n.t.Errorf("%s does not export znode_count:\n%s", addr, text)
	}
}

// shellWord is one word of a command line, with its quotes.
var shellWord = regexp.MustCompile(`(?:[^\s"]|"[^"]*")+`)

// options returns the variables and the mounts of a docker run command. The files that it mounts from the current
// directory are taken from testdata.
func options(t *testing.T, command string) (env, binds []string) {
	t.Helper()
	dir, err := filepath.Abs(official)
	must(t, dir, err)
	command = strings.ReplaceAll(command, "$(pwd)", dir)
	words := shellWord.FindAllString(command, -1)
	for i, w := range words {
		value := strings.ReplaceAll(words[min(i+1, len(words)-1)], `"`, "")
		switch w {
		case "-e":
			env = append(env, value)
		case "-v":
			binds = append(binds, value)
		case "$", "docker", "run", "-d", "zookeeper", "--name", "some-zookeeper", "--restart", "always":
		default:
			if previous := words[max(i-1, 0)]; previous != "-e" && previous != "-v" {
				t.Fatalf("%s: the test does not know the option %s", command, w)
			}
		}
	}
	return env, binds
}

// TestOfficialCompose brings the documentation's ensemble up. What is not as there: the image, and the ports, of which
// those in the file may be taken.
func TestOfficialCompose(t *testing.T) {
	t.Parallel()
	p := newProject(t, filepath.Join(official, "compose.yaml"))
	p.override()
	p.up()
	p.serve("follower", "follower", "leader")
}
