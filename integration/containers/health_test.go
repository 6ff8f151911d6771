//go:build containers

package containers

import (
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
)

// checked lets the engine run the image's own health check more often than the image says.
var checked = testcontainers.WithConfigModifier(func(c *container.Config) {
	c.Healthcheck = &container.HealthConfig{Interval: time.Second, Retries: 2, StartPeriod: time.Second}
})

// becomes waits until the engine says so of the container's health.
func (n *node) becomes(health container.HealthStatus) {
	n.t.Helper()
	n.eventually("becomes "+string(health), func() string {
		h := n.state().Health
		switch {
		case h == nil:
			return "no health"
		case h.Status == health:
			return ""
		case len(h.Log) == 0:
			return string(h.Status)
		}
		return string(h.Status) + ", " + h.Log[len(h.Log)-1].Output
	})
}

// TestHealth takes the quorum away by docker stop and gives it back. Followers, the leader and a server without a quorum
// must all end by themselves.
func TestHealth(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, 0, checked)
	leader := e.settled()
	for _, n := range e.nodes {
		n.becomes(container.Healthy)
	}
	last, second, third := e.node(leader), e.node(leader%3+1), e.node((leader+1)%3+1)
	stopped(second)
	stopped(third)
	last.becomes(container.Unhealthy)
	if !last.state().Running {
		t.Error("the server has ended with its quorum")
	}
	second.start()
	last.becomes(container.Healthy)
	leader = e.settled((leader+1)%3 + 1)
	stopped(e.node(leader))
	for _, n := range []*node{last, second} {
		if n != e.node(leader) {
			n.becomes(container.Unhealthy)
			stopped(n)
		}
	}
}

// TestHealthStandalone has only the image's own intervals.
func TestHealthStandalone(t *testing.T) {
	t.Parallel()
	launch(t).becomes(container.Healthy)
}
