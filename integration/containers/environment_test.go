//go:build containers

package containers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
)

// offline starts a container without a network.
var offline = testcontainers.WithHostConfigModifier(func(h *container.HostConfig) { h.NetworkMode = "none" })

// TestWrongEnvironment gives the server variables that make no server. It must end, and name the variable, what was
// wrong with it and what is allowed.
func TestWrongEnvironment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		variables string // separated by |
		says      string // all of these words, in this order
	}{
		{"ZOO_TICK_TIME=soon", "ZOO_TICK_TIME soon allowed: a whole number of milliseconds"},
		{"ZOO_STANDALONE_ENABLED=perhaps", "ZOO_STANDALONE_ENABLED perhaps allowed: true, false"},
		{"ZOO_MY_ID=300", "ZOO_MY_ID 300 allowed: 0 to 255"},
		{"ZOO_MY_ID=4|ZOO_SERVERS=server.1=zoo1:2888:3888;2181 server.2=zoo2:2888:3888;2181 server.3=zoo3:2888:3888;2181",
			"ZOO_MY_ID server.4 ZOO_SERVERS server.1, server.2, server.3"},
		{"ZOO_SERVERS=server.1=zoo1:2888", "ZOO_SERVERS zoo1:2888 host:port:port"},
		{"ZOO_CFG_EXTRA=nonsense", "ZOO_CFG_EXTRA nonsense allowed: key=value"},
		{"ZOO_TICK_TIME=1000|ZOO_CFG_EXTRA=tickTime=500", "ZOO_TICK_TIME tickTime=1000 ZOO_CFG_EXTRA tickTime=500"},
	} {
		t.Run(c.variables, func(t *testing.T) {
			n := launch(t, offline, environment(strings.Split(c.variables, "|")...))
			if code := n.ended(); code == 0 {
				t.Error("the container has ended with exit code 0")
			}
			if missing := lacks(n.logs("all"), strings.Fields(c.says)); missing != "" {
				t.Errorf("%q is missing, or comes too early, in\n%s", missing, n.logs("all"))
			}
		})
	}
}

// lacks returns the first of the words that does not come after those before it, in one line of text at least.
func lacks(text string, words []string) (missing string) {
	for line := range strings.Lines(text) {
		missing = ""
		for _, w := range words {
			_, rest, found := strings.Cut(line, w)
			if !found {
				missing = w
				break
			}
			line = rest
		}
		if missing == "" {
			return ""
		}
	}
	return fmt.Sprint("text with ", missing)
}
