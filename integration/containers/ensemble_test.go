//go:build containers

package containers

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	dockernet "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
)

// An ensemble is nodes that are members of one. The member with the id n is nodes[n-1], and zoo<n> to the others. They
// talk to each other in a network of their own, so that one can be cut off while clients still reach it.
type ensemble struct {
	t      testing.TB
	nodes  []*node
	quorum *testcontainers.DockerNetwork
}

// quick lets servers notice within two seconds that another is gone.
var quick = environment("ZOO_TICK_TIME=500", "ZOO_INIT_LIMIT=20", "ZOO_SYNC_LIMIT=4", "ZOO_MAX_CLIENT_CNXNS=0")

// newEnsemble starts voters, and observers after them, with options for each.
func newEnsemble(t testing.TB, voters, observers int, opts ...testcontainers.ContainerCustomizer) *ensemble {
	t.Helper()
	e := prepareEnsemble(t, voters, observers, opts...)
	e.launch()
	return e
}

// prepareEnsemble makes the containers of an ensemble, and starts none.
func prepareEnsemble(t testing.TB, voters, observers int, opts ...testcontainers.ContainerCustomizer) *ensemble {
	t.Helper()
	e := &ensemble{t: t, quorum: newNetwork(t)}
	clients := newNetwork(t)
	var members []string
	for i := range voters + observers {
		role := ""
		if i >= voters {
			role = ":observer"
		}
		members = append(members, fmt.Sprintf("server.%d=zoo%d:2888:3888%s;2181", i+1, i+1, role))
	}
	for i := range members {
		own := []testcontainers.ContainerCustomizer{
			network.WithNetwork(nil, clients),
			network.WithNetwork([]string{e.alias(i + 1)}, e.quorum),
			quick,
			environment(fmt.Sprintf("ZOO_MY_ID=%d", i+1), "ZOO_SERVERS="+strings.Join(members, " ")),
		}
		e.nodes = append(e.nodes, create(t, slices.Concat(own, opts)...))
	}
	return e
}

// launch starts all members.
func (e *ensemble) launch() {
	e.t.Helper()
	for _, n := range e.nodes {
		n.start()
	}
}

// newNetwork makes a network, which is removed when the test ends, after the containers in it.
func newNetwork(t testing.TB) *testcontainers.DockerNetwork {
	t.Helper()
	nw, err := network.New(t.Context(), network.WithLabels(map[string]string{label: run}))
	testcontainers.CleanupNetwork(t, nw)
	return must(t, nw, err)
}

// within returns the ensemble for a subtest, which fails in its place.
func (e *ensemble) within(t testing.TB) *ensemble {
	w := &ensemble{t: t, quorum: e.quorum}
	for _, n := range e.nodes {
		w.nodes = append(w.nodes, &node{n.DockerContainer, t, n.addr})
	}
	return w
}

func (e *ensemble) alias(id int) string { return fmt.Sprint("zoo", id) }

func (e *ensemble) node(id int) *node { return e.nodes[id-1] }

// addrs returns the client addresses, beginning with that of one member.
func (e *ensemble) addrs(first int) []string {
	addrs := []string{e.node(first).addr}
	for i, n := range e.nodes {
		if i+1 != first {
			addrs = append(addrs, n.addr)
		}
	}
	return addrs
}

// settled waits until all members but these serve and one leads, and returns that one.
func (e *ensemble) settled(but ...int) (leader int) {
	e.t.Helper()
	eventually(e.t, "the ensemble settles", func() string {
		leader = 0
		leaders, modes := 0, []string{}
		for i, n := range e.nodes {
			if slices.Contains(but, i+1) {
				continue
			}
			m := n.mode()
			modes = append(modes, m)
			if m == "leader" {
				leader = i + 1
				leaders++
			}
		}
		if leaders != 1 || slices.Contains(modes, "") {
			return fmt.Sprintf("modes %q", modes)
		}
		return ""
	})
	return leader
}

// sees checks a znode's data at every member.
func (e *ensemble) sees(path, want string) {
	e.t.Helper()
	for i, n := range e.nodes {
		s := open(e.t, n.addr)
		if got, _ := s.get(path); got != want {
			e.t.Errorf("member %d: %s is %q, want %q", i+1, path, got, want)
		}
		s.Close()
	}
}

// cut takes a member out of the others' network.
func (e *ensemble) cut(id int) {
	e.t.Helper()
	_, err := engine.NetworkDisconnect(e.t.Context(), e.quorum.ID, client.NetworkDisconnectOptions{Container: e.node(id).ID, Force: true})
	must(e.t, 0, err)
}

// join puts it back under its name, where it may get another address.
func (e *ensemble) join(id int) {
	e.t.Helper()
	_, err := engine.NetworkConnect(e.t.Context(), e.quorum.ID, client.NetworkConnectOptions{
		Container: e.node(id).ID, EndpointConfig: &dockernet.EndpointSettings{Aliases: []string{e.alias(id)}},
	})
	must(e.t, 0, err)
}
