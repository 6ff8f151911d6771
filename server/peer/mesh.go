package peer

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/quorum"
)

// MeshConfig is what a mesh needs to know.
type MeshConfig struct {
	Self quorum.ServerID
	// Listen are the own election addresses, host:port. Others are told to dial them.
	Listen []string
	// ListenAll binds the ports of Listen on all addresses of the machine
	// (quorumListenOnAllIPs).
	ListenAll bool
	// BindRetries is how often to try to bind an address, a second apart
	// (zookeeper.electionPortBindRetry). 0 is for ever: OpenMesh then tries once, and
	// Run goes on.
	BindRetries int
	// MultiAddress tells others all of Listen, which servers before 3.6 do not
	// understand; otherwise the first (zookeeper.multiAddress.enabled).
	MultiAddress bool
	// KeepAlive probes idle connections after seconds instead of minutes
	// (zookeeper.tcpKeepAlive).
	KeepAlive bool
	// DialTimeout bounds a connect, the name's look-up included; 0 is 5 seconds
	// (zookeeper.cnxTimeout).
	DialTimeout time.Duration
	// HandshakeTimeout bounds the greeting, and how long something sent may stay
	// without acknowledgement; 0 is 10 seconds (zookeeper.quorumCnxnTimeoutMs).
	HandshakeTimeout time.Duration
	Auth             *Auth // nil: servers believe each other
	Secure           Secure
	Log              zerolog.Logger
	// Received takes in a message, which becomes its own. It is called from the reader
	// of the sender's connection, and holds up only that.
	Received func(from quorum.ServerID, payload []byte)

	// Resolve, Dial and Listener are for those who want other than plain TCP and the
	// system's names. What Dial and Listener return must know deadlines.
	Resolve  func(ctx context.Context, host string) ([]string, error)
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	Listener func(ctx context.Context, network, address string) (net.Listener, error)
}

func (c MeshConfig) withDefaults() MeshConfig {
	if c.DialTimeout <= 0 {
		c.DialTimeout = 5 * time.Second
	}
	if c.HandshakeTimeout <= 0 {
		c.HandshakeTimeout = 10 * time.Second
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{KeepAlive: -1}).DialContext // tune sets it
	}
	if c.Listener == nil {
		c.Listener = (&net.ListenConfig{KeepAlive: -1}).Listen
	}
	c.Dial, c.Listener = c.Secure.dialer(c.Dial), c.Secure.listener(c.Listener)
	return c
}

// Mesh connects a server with all others for elections. Its methods may be called from
// any goroutine, and do not wait, but for OpenMesh and Run.
type Mesh struct {
	cfg     MeshConfig
	running sync.WaitGroup

	mu        sync.Mutex
	ctx       context.Context       // of Run; nil before it
	stopped   bool                  // Run ends
	listeners []net.Listener        // nil where the address is not bound yet
	greeting  map[net.Conn]struct{} // connections on which the greeting is under way
	peers     map[quorum.ServerID][]string
	contacts  map[quorum.ServerID]*contact
}

// Bounds on what others can make a mesh hold.
const (
	maxGreeting  = 256 // connections that have not greeted yet
	maxStrangers = 256 // servers that are not in SetPeers
)

// OpenMesh binds all addresses; an error names the one that it cannot have. Nothing is
// accepted before [Mesh.Run], which also closes what is bound.
func OpenMesh(cfg MeshConfig) (*Mesh, error) {
	m := &Mesh{
		cfg: cfg.withDefaults(), listeners: make([]net.Listener, len(cfg.Listen)),
		greeting: map[net.Conn]struct{}{}, contacts: map[quorum.ServerID]*contact{},
	}
	for i, addr := range cfg.Listen {
		if err := m.bind(i, addr); err != nil {
			m.hangUp()
			return nil, err
		}
	}
	return m, nil
}

// Run accepts and dials until ctx is done, and waits for the end of all that it started.
// Call it once, also to release what OpenMesh has bound. An error says that a listener
// has failed for good.
func (m *Mesh) Run(outer context.Context) error {
	ctx, cancel := context.WithCancelCause(outer)
	defer cancel(nil)
	m.mu.Lock()
	m.ctx = ctx
	for i := range m.cfg.Listen {
		m.start(func() { cancel(m.listen(i)) })
	}
	for _, c := range m.contacts {
		if c.queued != nil {
			m.pursue(c)
		}
	}
	m.mu.Unlock()

	<-ctx.Done()
	m.stop()
	m.running.Wait()
	if outer.Err() != nil {
		return nil
	}
	return context.Cause(ctx)
}

// stop ends everything, and lets nothing begin any more.
func (m *Mesh) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped = true
	m.hangUp()
	for conn := range m.greeting {
		_ = conn.SetDeadline(time.Unix(1, 0)) // wakes who reads or writes it
	}
	for _, c := range m.contacts {
		if c.wire != nil {
			m.end(c.wire, context.Cause(m.ctx))
		}
	}
}

// start runs f in a goroutine that Run waits for, if it runs. mu is held.
func (m *Mesh) start(f func()) bool {
	if m.ctx == nil || m.stopped {
		return false
	}
	m.running.Go(f)
	return true
}

// SetPeers replaces the election addresses, host:port, of the other servers; the own
// ones do no harm. Connections that are up stay, also those of servers that are gone:
// these may still ask who leads.
func (m *Mesh) SetPeers(peers map[quorum.ServerID][]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.peers = maps.Clone(peers)
	for _, c := range m.contacts {
		switch {
		case m.isStranger(c) && c.wire == nil:
			c.queued = nil
			m.forget(c)
		case c.wire == nil && c.queued != nil:
			m.pursue(c)
		}
	}
}

// Send sends the message, in place of one that still waits. It must not be changed any
// more. Servers without address and connection are not sent to, nor is the own one.
func (m *Mesh) Send(to quorum.ServerID, payload []byte) {
	if to == m.cfg.Self {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.contacts[to]
	if c == nil {
		if len(m.peers[to]) == 0 {
			return
		}
		c = m.contact(to)
	}
	c.queued = payload
	if c.wire != nil {
		c.wire.poke()
		return
	}
	m.pursue(c)
}

// Links returns the servers to which a connection is up, ascending.
func (m *Mesh) Links() []quorum.ServerID {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []quorum.ServerID
	for id, c := range m.contacts {
		if c.wire != nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Addr returns the addresses that are bound.
func (m *Mesh) Addr() []net.Addr {
	m.mu.Lock()
	defer m.mu.Unlock()
	var addrs []net.Addr
	for _, ln := range m.listeners {
		if ln != nil {
			addrs = append(addrs, ln.Addr())
		}
	}
	return addrs
}

// hello returns what this server says first when it dials. A port 0 that it was told to
// listen on is none to dial.
func (m *Mesh) hello() []byte {
	addrs := slices.Clone(m.cfg.Listen)
	m.mu.Lock()
	for i, ln := range m.listeners {
		host, port, err := net.SplitHostPort(addrs[i])
		if err == nil && port == "0" && ln != nil {
			_, port, _ = net.SplitHostPort(ln.Addr().String())
			addrs[i] = net.JoinHostPort(host, port)
		}
	}
	m.mu.Unlock()
	return appendGreeting(nil, m.cfg.Self, addrs, m.cfg.MultiAddress)
}

// greets bounds the greeting on the connection, in time and by the end of Run. Its false
// says that there can be none.
func (m *Mesh) greets(conn net.Conn, limit int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped || len(m.greeting) >= limit {
		return false
	}
	m.greeting[conn] = struct{}{}
	_ = conn.SetDeadline(time.Now().Add(m.cfg.HandshakeTimeout)) // a failure shows in the greeting
	return true
}

// limit changes how much longer the greeting may take.
func (m *Mesh) limit(conn net.Conn, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.stopped {
		_ = conn.SetDeadline(time.Now().Add(d)) // a failure shows in the greeting
	}
}

// greeted ends what greets began. Its false says that Run has ended it before.
func (m *Mesh) greeted(conn net.Conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.greeting, conn)
	return !m.stopped && conn.SetDeadline(time.Time{}) == nil
}

// errAddress says that an address has no port.
func errAddress(addr string, err error) error {
	return fmt.Errorf("election address %q: %w", addr, err)
}
