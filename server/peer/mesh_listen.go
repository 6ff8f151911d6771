package peer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"time"

	"gokeeper/server/sasl"
)

// bindPause is the time between two tries to bind an address.
const bindPause = time.Second

// bind opens the listener i, with as many tries as are allowed.
func (m *Mesh) bind(i int, addr string) error {
	for try := 1; ; try++ {
		err := m.bindOnce(context.Background(), i, addr)
		switch {
		case err == nil:
			return nil
		case m.cfg.BindRetries == 0:
			m.cfg.Log.Error().Err(err).Msg("cannot bind the election address yet")
			return nil // Run goes on
		case try >= m.cfg.BindRetries:
			return err
		}
		m.cfg.Log.Warn().Err(err).Int("try", try).Msg("cannot bind the election address yet")
		wait(context.Background(), bindPause)
	}
}

// bindOnce looks up the name anew, which may not have been known at the last try.
func (m *Mesh) bindOnce(ctx context.Context, i int, addr string) error {
	if m.cfg.ListenAll {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return errAddress(addr, err)
		}
		addr = net.JoinHostPort("", port)
	}
	ln, err := m.cfg.Listener(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("bind election address %s: %w", addr, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		_ = ln.Close() // nobody has come
		return net.ErrClosed
	}
	m.listeners[i] = ln
	return nil
}

// hangUp closes the listeners.
func (m *Mesh) hangUp() {
	for _, ln := range m.listeners {
		if ln != nil {
			_ = ln.Close() // nothing is written to it
		}
	}
}

// listen accepts connections on listener i until Run ends. Its error is for good.
func (m *Mesh) listen(i int) error {
	ln, err := m.bound(i)
	if err != nil {
		return err
	}
	retry := acceptRetry
	for {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			retry = acceptRetry
			m.accept(conn)
		case m.ctx.Err() != nil:
			return context.Canceled
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept servers on %v: %w", ln.Addr(), err)
		default: // mostly a lack of file descriptors
			m.cfg.Log.Error().Err(err).Stringer("address", ln.Addr()).Msg("cannot accept servers")
			wait(m.ctx, retry)
			retry = min(2*retry, acceptRetryMax)
		}
	}
}

// bound returns listener i. It tries to bind it as long as Run runs.
func (m *Mesh) bound(i int) (net.Listener, error) {
	for {
		m.mu.Lock()
		ln := m.listeners[i]
		m.mu.Unlock()
		switch {
		case ln != nil:
			return ln, nil
		case m.ctx.Err() != nil:
			return nil, context.Canceled
		}
		wait(m.ctx, bindPause)
		if err := m.bindOnce(m.ctx, i, m.cfg.Listen[i]); err != nil {
			m.cfg.Log.Debug().Err(err).Msg("cannot bind the election address yet")
		} else {
			m.cfg.Log.Info().Str("address", m.cfg.Listen[i]).Msg("election address bound")
		}
	}
}

// accept waits for the greeting in a goroutine of its own: a connection that says nothing
// must not hold up the others.
func (m *Mesh) accept(conn net.Conn) {
	if !m.greets(conn, maxGreeting) {
		m.cfg.Log.Warn().Stringer("remote", conn.RemoteAddr()).Msg("too many connections that do not greet")
		_ = conn.Close() // nothing was exchanged
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.start(func() { m.welcome(conn) }) {
		_ = conn.Close() // nothing was exchanged
	}
}

// welcome reads the greeting, has the server authenticate and finds out what to do with the connection.
func (m *Mesh) welcome(conn net.Conn) {
	g, err := readGreeting(conn)
	over := m.cfg.Auth.accept(conn)
	if err == nil {
		err = m.authenticate(over)
	}
	if !m.greeted(conn) {
		_ = conn.Close() // nothing was sent
		return
	}
	if err == nil && m.admit(over, g) {
		return
	}
	_ = conn.Close() // nothing was sent
	switch {
	case err == nil:
	case errors.Is(err, errGreeting), errors.Is(err, errNotProved), errors.Is(err, sasl.ErrRefused):
		m.cfg.Log.Warn().Err(err).Stringer("remote", conn.RemoteAddr()).Msg("connection refused")
	default: // mostly somebody who looks whether the port is open
		m.cfg.Log.Debug().Err(err).Stringer("remote", conn.RemoteAddr()).Msg("connection without a greeting")
	}
}

// authGrace is how long a server that dials may take to begin to authenticate, where it
// need not. It does so at once, or not at all; then it may have nothing to say for long,
// and wait itself to be sent something.
const authGrace = 300 * time.Millisecond

// authenticate has the server authenticate that has dialled.
func (m *Mesh) authenticate(conn net.Conn) error {
	a := m.cfg.Auth
	if a == nil {
		return nil
	}
	if !a.Required {
		m.limit(conn, authGrace)
		speaks := conn.(*accepted).peek()
		m.limit(conn, m.cfg.HandshakeTimeout)
		if !speaks {
			return nil
		}
	}
	return a.check(conn)
}

// admit keeps the connection of a server with a larger id. One with a smaller id has
// none, whatever it looks like from here, and wants to be dialled.
func (m *Mesh) admit(conn net.Conn, g greeting) bool {
	log := m.cfg.Log.With().Stringer("peer", g.id).Stringer("remote", conn.RemoteAddr()).Logger()
	switch {
	case g.id == m.cfg.Self:
		log.Error().Msg("another server has the id of this one")
		return false
	case g.id == math.MaxInt64: // an observer of a release that did not give them ids
		log.Warn().Msg("a server without an id cannot be dialled")
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.contact(g.id)
	if c == nil {
		log.Warn().Msg("too many servers that are no members")
		return false
	}
	c.told = g.addrs
	if g.id > m.cfg.Self {
		return m.install(c, conn)
	}
	c.called = true
	m.pursue(c)
	m.forget(c)
	return false
}
