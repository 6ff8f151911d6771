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

// TestHealth takes the quorum away and gives it back.
func TestHealth(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, 0, checked)
	leader := e.settled()
	for _, n := range e.nodes {
		n.becomes(container.Healthy)
	}
	last := e.node(leader)
	for id := 1; id <= 3; id++ {
		if id != leader {
			e.node(id).kill()
		}
	}
	last.becomes(container.Unhealthy)
	if !last.state().Running {
		t.Error("the server has ended with its quorum")
	}
	e.node(leader%3 + 1).start()
	last.becomes(container.Healthy)
}

// TestHealthStandalone has only the image's own intervals.
func TestHealthStandalone(t *testing.T) {
	t.Parallel()
	launch(t).becomes(container.Healthy)
}
