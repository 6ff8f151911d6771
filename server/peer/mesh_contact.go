package peer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"time"

	"gokeeper/server/quorum"
)

// contact is what a mesh knows of another server. The mesh's mu guards it.
type contact struct {
	id       quorum.ServerID
	queued   []byte   // waits to be sent; nil is nothing
	last     []byte   // the last one sent, maybe in vain
	wire     *wire    // the connection, if one is up
	told     []string // addresses of its last greeting
	called   bool     // it has asked to be dialled
	pursuing bool     // a goroutine dials it
	kick     chan struct{}
	trouble  string // why it cannot be reached, as logged
}

// Times between two tries to reach a server. The pause doubles from one to the other; a
// new message ends it, but not the shortest one.
const (
	pauseShortest = 100 * time.Millisecond
	pauseLongest  = 10 * time.Second
	// A server that was asked to call back is given time to: another question would
	// make it drop the connection that it has just opened.
	pauseAsked = 500 * time.Millisecond
)

// dialOneOf bounds the connect to one of several addresses.
const dialOneOf = time.Second

// Why connections end.
var (
	errAsked    = errors.New("the server has asked for a new one, and cannot be dialled")
	errReplaced = errors.New("the server has opened a new one")
)

// contact returns the contact of the server, nil if there are too many strangers. mu is
// held.
func (m *Mesh) contact(id quorum.ServerID) *contact {
	c := m.contacts[id]
	if c != nil {
		return c
	}
	if len(m.peers[id]) == 0 && len(m.contacts) >= len(m.peers)+maxStrangers {
		return nil
	}
	c = &contact{id: id, kick: make(chan struct{}, 1)}
	m.contacts[id] = c
	return c
}

func (m *Mesh) isStranger(c *contact) bool { return len(m.peers[c.id]) == 0 }

// forget drops a stranger that nothing is going on with. mu is held.
func (m *Mesh) forget(c *contact) {
	if m.isStranger(c) && c.wire == nil && !c.pursuing {
		delete(m.contacts, c.id)
	}
}

// addresses returns where to dial the server, best first. mu is held.
func (m *Mesh) addresses(c *contact) []string {
	switch known := m.peers[c.id]; {
	case len(known) == 0:
		return c.told
	case c.called:
		addrs := slices.Clone(c.told)
		for _, a := range known {
			if !slices.Contains(addrs, a) {
				addrs = append(addrs, a)
			}
		}
		return addrs
	default:
		return known
	}
}

// pursue has the server dialled, soon if it is dialled already. mu is held.
func (m *Mesh) pursue(c *contact) {
	if c.pursuing {
		c.poke()
		return
	}
	if len(m.addresses(c)) > 0 {
		c.pursuing = m.start(func() { m.chase(c) })
	}
}

func (c *contact) poke() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

func (c *contact) calm() {
	select {
	case <-c.kick:
	default:
	}
}

// chase dials the server until a connection is up or nothing waits for it. One that has
// asked to be dialled is dialled in any case: if there seems to be a connection, that one
// ends when the new one is up, or cannot be had.
func (m *Mesh) chase(c *contact) {
	shortest := pauseShortest
	if c.id > m.cfg.Self {
		shortest = pauseAsked
	}
	for pause := shortest; ; pause = min(2*pause, pauseLongest) {
		m.mu.Lock()
		if m.stopped || c.wire != nil && !c.called {
			m.giveUp(c)
			return
		}
		addrs, before := m.addresses(c), c.wire
		c.called = false
		c.calm()
		m.mu.Unlock()

		err := m.try(c, addrs, before)

		m.mu.Lock()
		m.note(c, err)
		switch {
		case err == nil && c.wire != nil:
			c.called = false // it may have asked meanwhile
		case err != nil && before != nil:
			m.end(before, errAsked)
		}
		if !c.called && (c.wire != nil || c.queued == nil) {
			m.giveUp(c)
			return
		}
		m.mu.Unlock()
		wait(m.ctx, shortest)
		c.await(m.ctx, pause-shortest)
	}
}

// giveUp ends a chase. mu is held, and let go.
func (m *Mesh) giveUp(c *contact) {
	defer m.mu.Unlock()
	c.pursuing = false
	c.calm()
	m.forget(c)
}

// await waits for d, or until there is a reason to try at once.
func (c *contact) await(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.kick:
	case <-ctx.Done():
	}
}

// note logs why the server cannot be reached, if it has changed. mu is held.
func (m *Mesh) note(c *contact, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text == c.trouble || m.ctx.Err() != nil {
		return
	}
	c.trouble = text
	if err != nil {
		m.cfg.Log.Warn().Stringer("peer", c.id).Err(err).Msg("server cannot be reached for elections")
		return
	}
	m.cfg.Log.Info().Stringer("peer", c.id).Msg("server can be reached for elections again")
}

// try dials one address after the other, until one answers. The connection before is
// not good enough.
func (m *Mesh) try(c *contact, addrs []string, before *wire) error {
	timeout := m.cfg.DialTimeout
	if len(addrs) > 1 {
		timeout = min(timeout, dialOneOf)
	}
	var errs []error
	for _, addr := range addrs {
		err := m.tryAddress(c, addr, timeout, before)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (m *Mesh) tryAddress(c *contact, addr string, timeout time.Duration, before *wire) error {
	ctx, cancel := context.WithTimeout(m.ctx, timeout)
	defer cancel()
	resolved := []string{addr}
	if m.cfg.Resolve != nil {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return errAddress(addr, err)
		}
		hosts, err := m.cfg.Resolve(ctx, host)
		if err != nil {
			return fmt.Errorf("look up %s: %w", host, err)
		}
		resolved = resolved[:0]
		for _, h := range hosts {
			resolved = append(resolved, net.JoinHostPort(h, port))
		}
	}
	err := fmt.Errorf("look up %s: no address", addr)
	for _, a := range resolved {
		var conn net.Conn
		if conn, err = m.cfg.Dial(ctx, "tcp", a); err == nil {
			return m.greet(c, conn, before)
		}
	}
	return err
}

// greet begins a connection that was dialled: with a larger id than the other's it is
// kept, otherwise the other is left to dial.
func (m *Mesh) greet(c *contact, conn net.Conn, before *wire) error {
	m.mu.Lock()
	up := c.wire != nil && c.wire != before
	m.mu.Unlock()
	if up { // it was quicker
		_ = conn.Close() // nothing was exchanged
		return nil
	}
	if !m.greets(conn, math.MaxInt) {
		_ = conn.Close() // Run ends
		return net.ErrClosed
	}
	// Java reads the addresses with one call and refuses what is short: one write.
	_, err := conn.Write(m.hello())
	if err == nil {
		err = m.cfg.Auth.prove(conn)
	}
	if !m.greeted(conn) && err == nil {
		err = net.ErrClosed
	}
	if c.id > m.cfg.Self || err != nil {
		if closing := conn.Close(); err == nil {
			err = closing
		}
		if err != nil {
			return fmt.Errorf("greet: %w", err)
		}
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.install(c, conn) {
		_ = conn.Close() // Run ends
	}
	return nil
}
