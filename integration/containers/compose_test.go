//go:build containers

package containers

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gokeeper/server/freeport"
)

// composeDir holds the compose files that users get.
const composeDir = "../../compose"

// A project is a compose file under a name of this run. Not for concurrent use.
type project struct {
	t     testing.TB
	name  string
	files []string
	env   []string // of docker compose
	dir   string   // for files of the test; there until the project is down
}

// newProject prepares a project, which is taken down with its volumes when the test ends.
func newProject(t testing.TB, file string, env ...string) *project {
	t.Helper()
	name := run + "-" + strings.ToLower(t.Name())
	p := &project{t: t, name: strings.ReplaceAll(name, "/", "-"), files: []string{file}, env: append(env, imageVariable+"="+image), dir: t.TempDir()}
	t.Cleanup(p.down)
	return p
}

// docker runs docker compose and returns what it prints.
func (p *project) docker(ctx context.Context, args ...string) (string, error) {
	all := []string{"compose", "--progress", "plain", "-p", p.name}
	for _, f := range p.files {
		all = append(all, "-f", f)
	}
	cmd := exec.CommandContext(ctx, "docker", append(all, args...)...)
	cmd.Env = append(os.Environ(), p.env...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("docker compose %s: %w\n%s", strings.Join(args, " "), err, &errs)
	}
	return string(out), nil
}

// compose is docker, and must work.
func (p *project) compose(args ...string) string {
	p.t.Helper()
	out, err := p.docker(p.t.Context(), args...)
	return must(p.t, out, err)
}

// up starts all services and waits until they are healthy.
func (p *project) up() {
	p.t.Helper()
	p.compose("up", "--detach", "--wait", "--wait-timeout", strconv.Itoa(int(patience.Seconds())))
}

func (p *project) down() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	if p.t.Failed() {
		logs, _ := p.docker(ctx, "logs", "--tail", "40")
		p.t.Logf("logs of %s:\n%s", p.name, logs)
	}
	if _, err := p.docker(ctx, "down", "--volumes", "--timeout", "0"); err != nil {
		p.t.Error(err)
	}
}

// configuration is what compose understands of a project.
type configuration struct {
	Services map[string]struct {
		Image string
		Ports []struct {
			HostIP    string `json:"host_ip"`
			Target    int
			Published string
		}
	}
}

// config returns what compose understands.
func (p *project) config() configuration {
	p.t.Helper()
	var c configuration
	must(p.t, 0, json.Unmarshal([]byte(p.compose("config", "--format", "json")), &c))
	return c
}

// clientPort is that of a server in its container.
const clientPort = 2181

// override adds a file that gives each service our image, and free ports of this machine alone.
func (p *project) override() {
	p.t.Helper()
	var text strings.Builder
	text.WriteString("services:\n")
	for name, s := range p.config().Services {
		fmt.Fprintf(&text, "  %s:\n    image: %s\n    pull_policy: never\n    ports: !override\n", name, image)
		for _, port := range s.Ports {
			fmt.Fprintf(&text, "      - 127.0.0.1:%d:%d\n", freeport.One(p.t), port.Target)
		}
	}
	file := filepath.Join(p.dir, "override.yml")
	must(p.t, 0, os.WriteFile(file, []byte(text.String()), 0o644))
	p.files = append(p.files, file)
}

// addrs returns the published client addresses by service.
func (p *project) addrs() map[string]string {
	p.t.Helper()
	addrs := map[string]string{}
	for name, s := range p.config().Services {
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				p.t.Errorf("%s: port %d is published on %q, want 127.0.0.1", name, port.Target, port.HostIP)
			}
			if port.Target == clientPort {
				addrs[name] = port.HostIP + ":" + port.Published
			}
		}
	}
	return addrs
}

// serve checks that the servers say that they are these, in whatever order, and that each has what was written through
// another.
func (p *project) serve(want ...string) {
	p.t.Helper()
	addrs := p.addrs()
	eventually(p.t, fmt.Sprint("the servers are ", want), func() string {
		var got []string
		for _, addr := range addrs {
			got = append(got, mode(addr))
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			return fmt.Sprintf("they are %q", got)
		}
		return ""
	})
	for writer, addr := range addrs {
		open(p.t, addr).put("/"+writer, "written through "+writer)
		for reader, addr := range addrs {
			s := open(p.t, addr)
			if data, _ := s.get("/" + writer); data != "written through "+writer {
				p.t.Errorf("%s has %q in /%s", reader, data, writer)
			}
			s.Close()
		}
	}
}

// TestComposeFiles brings up the files in compose/, which have variables for their ports.
func TestComposeFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file  string
		modes []string
	}{
		{"standalone.yml", []string{"standalone"}},
		{"ensemble3.yml", []string{"follower", "follower", "leader"}},
		{"observer.yml", []string{"follower", "follower", "leader", "observer"}},
	} {
		t.Run(strings.TrimSuffix(c.file, ".yml"), func(t *testing.T) {
			var env []string
			for _, v := range []string{"ZOO_PORT", "ZOO1_PORT", "ZOO2_PORT", "ZOO3_PORT", "ZOO4_PORT"} {
				env = append(env, fmt.Sprint(v, "=", freeport.One(t)))
			}
			p := newProject(t, filepath.Join(composeDir, c.file), env...)
			p.up()
			p.serve(c.modes...)
			p.stop()
		})
	}
}

// stop checks that the services end by themselves when they are stopped.
func (p *project) stop() {
	p.t.Helper()
	p.compose("stop")
	for line := range strings.Lines(p.compose("ps", "--all", "--format", "{{.Service}} {{.State}} {{.ExitCode}}")) {
		if f := strings.Fields(line); len(f) != 3 || f[1] != "exited" || f[2] != "0" {
			p.t.Errorf("after docker compose stop: %s, want exited 0", strings.TrimSpace(line))
		}
	}
}

// TestComposeMetrics looks at a file that wants images which the tests do not fetch.
func TestComposeMetrics(t *testing.T) {
	t.Parallel()
	p := newProject(t, filepath.Join(composeDir, "metrics.yml"))
	if services := p.config().Services; len(services) < 2 {
		t.Errorf("services %q, want a server and what looks at it", slices.Collect(maps.Keys(services)))
	}
}

// readmeHeading is above the file in README.md that users of the official image change to.
const readmeHeading = "In place of the official image"

// TestComposeReadme brings up the very text in README.md. What is not as there: the image's name and the ports.
func TestComposeReadme(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../README.md")
	_, text, found := strings.Cut(string(must(t, b, err)), "# "+readmeHeading+"\n")
	_, text, fenced := strings.Cut(text, "```yaml\n")
	text, _, closed := strings.Cut(text, "```\n")
	if !found || !fenced || !closed {
		t.Fatalf("README.md has no yaml block under the heading %q", readmeHeading)
	}
	file := filepath.Join(t.TempDir(), "compose.yml")
	must(t, 0, os.WriteFile(file, []byte(text), 0o644))
	p := newProject(t, file)
	p.override()
	p.up()
	p.serve("follower", "follower", "leader")
}
