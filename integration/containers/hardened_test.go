//go:build containers

package containers

import (
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
)

// TestHardened starts a server that may write nothing but its volumes and may do nothing that is special.
func TestHardened(t *testing.T) {
	t.Parallel()
	volumes := newVolumes(t)
	for _, end := range []func(n *node){killed, stopped} {
		n := launch(t, volumes, checked, environment("ZOO_MY_ID=7", "ZOO_TICK_TIME=1000"),
			testcontainers.WithHostConfigModifier(func(h *container.HostConfig) {
				h.ReadonlyRootfs = true
				h.CapDrop = []string{"ALL"}
				h.SecurityOpt = []string{"no-new-privileges"}
			}))
		n.serving("standalone")
		open(t, n.addr).put("/hardened", "served")
		reports(t, n, "standalone")
		n.becomes(container.Healthy)
		end(n)
		n.remove()
	}
}
