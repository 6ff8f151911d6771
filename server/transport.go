package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/config"
	"gokeeper/server/election"
	"gokeeper/server/peer"
	"gokeeper/server/quorum"
	"gokeeper/server/replica"
	"gokeeper/server/zab"
)

// leaderRetries says how often a learner dials its leader, which may not have noticed
// yet that it was elected: many times, since a refusal costs nothing.
const (
	leaderRetries    = 100
	leaderRetryPause = 20 * time.Millisecond
)

// transport joins the replica to the sockets of the ensemble. Its methods are the loop's
// of the replica, but for Run and received.
type transport struct {
	cfg     *config.Config
	auth    *peer.Auth // nil: servers believe each other
	log     zerolog.Logger
	secure  peer.Secure
	replica *replica.Replica // set before Run
	own     quorum.Member    // this server, as it was last a member

	electing sync.Mutex
	mesh     *peer.Mesh         // guarded by electing, as is the next
	stopMesh context.CancelFunc // ends the mesh that runs
	links    atomic.Int64       // the last number of a learner's link

	// of the role that the server has now
	learners *peer.Learners
	uplink   *peer.Uplink
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

// newTransport opens the election port.
func newTransport(cfg *config.Config, secure peer.Secure, auth *peer.Auth, log zerolog.Logger) (*transport, error) {
	t := &transport{cfg: cfg, secure: secure, auth: auth, log: log}
	t.own, _ = cfg.Servers.Member(cfg.MyID)
	mesh, err := t.openMesh(cfg.ElectionBindRetries)
	if err != nil {
		return nil, fmt.Errorf("open the election port: %w", err)
	}
	t.mesh = mesh
	seen := cfg.NextServers
	if !cfg.ReconfigEnabled {
		seen = nil
	}
	t.Configure(cfg.Servers, seen)
	return t, nil
}

// openMesh opens the election port at this server's addresses.
func (t *transport) openMesh(retries int) (*peer.Mesh, error) {
	cfg := t.cfg
	return peer.OpenMesh(peer.MeshConfig{
		Self: cfg.MyID, Listen: elections(&t.own), ListenAll: cfg.ListenOnAllIPs, MultiAddress: cfg.MultiAddress,
		DialTimeout: cfg.ElectionConnectTimeout, HandshakeTimeout: cfg.ElectionReadTimeout,
		KeepAlive: cfg.ElectionKeepAlive, BindRetries: retries, Secure: t.secure, Auth: t.auth, Log: t.log, Received: t.received,
	})
}

// elections returns the election addresses of a member.
func elections(m *quorum.Member) []string {
	var addrs []string
	for _, a := range m.Addresses {
		addrs = append(addrs, a.Election().String())
	}
	return addrs
}

// moveMesh goes on at another address, for as long as it takes to have that.
func (t *transport) moveMesh() {
	const forEver = 0
	mesh, err := t.openMesh(forEver)
	if err != nil {
		t.log.Error().Err(err).Msg("cannot open the new election port; the old one stays")
		return
	}
	t.electing.Lock()
	defer t.electing.Unlock()
	before, stop := t.mesh, t.stopMesh
	t.mesh, t.stopMesh = mesh, nil
	if stop != nil {
		stop()
		return
	}
	done, cancel := context.WithCancel(context.Background()) // not started yet: only releases its ports
	cancel()
	_ = before.Run(done)
}

// Configure implements replica.Transport. A server that is no member any more keeps its
// ports: it may still learn, and be asked.
func (t *transport) Configure(committed quorum.Config, seen *quorum.Config) {
	if own, ok := committed.Member(t.cfg.MyID); ok {
		moved := !slices.Equal(elections(&own), elections(&t.own))
		if t.own = own; moved {
			t.moveMesh()
		}
	}
	members := committed.Members
	if seen != nil {
		members = append(slices.Clone(members), seen.Members...)
	}
	peers := map[quorum.ServerID][]string{}
	for _, m := range members {
		for _, addr := range elections(&m) {
			if !slices.Contains(peers[m.ID], addr) {
				peers[m.ID] = append(peers[m.ID], addr)
			}
		}
	}
	t.elector().SetPeers(peers)
}

// elector returns the mesh that is in use.
func (t *transport) elector() *peer.Mesh {
	t.electing.Lock()
	defer t.electing.Unlock()
	return t.mesh
}

// Run carries notifications until the context is done.
func (t *transport) Run(ctx context.Context) error {
	for {
		run, stop := context.WithCancel(ctx)
		t.electing.Lock()
		mesh := t.mesh
		t.stopMesh = stop
		t.electing.Unlock()
		err := mesh.Run(run)
		stop()
		if ctx.Err() != nil || mesh == t.elector() {
			return err
		}
	}
}

// received takes in a notification; one that cannot be read is dropped, as in Java.
func (t *transport) received(from quorum.ServerID, payload []byte) {
	n, err := election.ParseNotification(payload)
	if err != nil {
		t.log.Warn().Stringer("peer", from).Err(err).Msg("notification dropped")
		return
	}
	t.replica.Notified(from, n)
}

// Notify implements replica.Transport, as do the others.
func (t *transport) Notify(to quorum.ServerID, n election.Notification) {
	t.elector().Send(to, n.Append(nil))
}

// Reached implements replica.Transport.
func (t *transport) Reached() []quorum.ServerID { return t.elector().Links() }

func (t *transport) linkConfig() peer.LinkConfig {
	return peer.LinkConfig{Limit: t.cfg.JuteMaxBuffer + t.cfg.JuteExtra, KeepAlive: t.cfg.ElectionKeepAlive, Secure: t.secure, Auth: t.auth, Log: t.log}
}

// Lead implements replica.Transport.
func (t *transport) Lead(l replica.Links) error {
	var addrs []string
	for _, a := range t.own.Addresses {
		if t.cfg.ListenOnAllIPs {
			a.Host = ""
		}
		addrs = append(addrs, net.JoinHostPort(a.Host, strconv.Itoa(a.QuorumPort)))
	}
	learners, err := peer.ListenLearners(t.linkConfig(), addrs, l, func() zab.LinkID { return zab.LinkID(t.links.Add(1)) })
	if err != nil {
		return fmt.Errorf("open the quorum port: %w", err)
	}
	t.learners = learners
	t.start(learners.Run)
	return nil
}

// Follow implements replica.Transport.
func (t *transport) Follow(link zab.LinkID, leader quorum.Member, l replica.Links) {
	var addrs []string
	for _, a := range leader.Addresses {
		addrs = append(addrs, a.Quorum().String())
	}
	t.uplink = peer.DialLeader(peer.Dial{
		LinkConfig: t.linkConfig(), Addresses: addrs, Tries: leaderRetries, Pause: leaderRetryPause, Within: t.cfg.ConnectTime(),
	}, link, l)
	t.uplink.SetReadTimeout(t.cfg.InitTime())
	t.start(t.uplink.Run)
}

// start runs the links of a role until Leave.
func (t *transport) start(run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	t.cancel = cancel
	t.running.Go(func() { run(ctx) })
}

// Leave implements replica.Transport.
func (t *transport) Leave() {
	if t.cancel != nil {
		t.cancel()
		t.running.Wait()
	}
	t.learners, t.uplink, t.cancel = nil, nil, nil
}

// Send implements replica.Transport.
func (t *transport) Send(to []zab.LinkID, packets []zab.Packet) {
	switch {
	case t.learners != nil:
		t.learners.Send(to, packets)
	case t.uplink != nil:
		t.uplink.Send(packets)
	}
}

// Stream implements replica.Transport.
func (t *transport) Stream(link zab.LinkID, write func(io.Writer) error) {
	if t.learners != nil {
		t.learners.Stream(link, write)
	}
}

// Close implements replica.Transport.
func (t *transport) Close(link zab.LinkID, reason error) {
	if t.learners != nil {
		t.learners.Close(link, reason)
	}
}

// traffic returns what has gone over the link of a learner, and to where it leads. It is
// the loop's, too.
func (t *transport) traffic(link zab.LinkID) (net.Addr, peer.Traffic, bool) {
	if t.learners == nil {
		return nil, peer.Traffic{}, false
	}
	return t.learners.Traffic(link)
}

// Silence implements replica.Transport.
func (t *transport) Silence(limit time.Duration) {
	if t.uplink != nil {
		t.uplink.SetReadTimeout(limit)
	}
}
