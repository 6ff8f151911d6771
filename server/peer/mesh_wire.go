package peer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// maxMessage is the longest message that is read, in bytes. Java's limit.
const maxMessage = 524288

// errLength says that a message is empty or too long.
var errLength = errors.New("message length out of range")

// wire is a connection that is up. It has a reader and a writer.
type wire struct {
	contact *contact
	conn    net.Conn
	wake    chan struct{} // holds a token while something may wait
	over    chan struct{} // closed at the end
	ended   bool          // guarded by the mesh's mu
}

func (w *wire) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// install makes the connection the contact's, in place of an older one. If nothing waits
// for the server, it is sent the last message again. mu is held.
func (m *Mesh) install(c *contact, conn net.Conn) bool {
	w := &wire{contact: c, conn: conn, wake: make(chan struct{}, 1), over: make(chan struct{})}
	if !m.start(func() { m.run(w) }) {
		return false
	}
	old := c.wire
	c.wire, c.trouble = w, ""
	if old != nil {
		m.end(old, errReplaced)
	}
	if c.queued == nil {
		c.queued = c.last
	}
	w.poke()
	c.poke() // who dials may stop
	m.cfg.Log.Info().Stringer("peer", c.id).Stringer("remote", conn.RemoteAddr()).Msg("election link up")
	return true
}

// run is the reader. On return the connection is closed and its writer has ended.
func (m *Mesh) run(w *wire) {
	m.tune(w.conn)
	var writer sync.WaitGroup
	writer.Go(func() { m.finish(w, m.write(w)) })
	m.finish(w, m.read(w))
	_ = w.conn.Close() // what is lost by it will be sent again
	writer.Wait()
}

func (m *Mesh) finish(w *wire, reason error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.end(w, reason)
}

// end ends the connection. It does not wait: a passed deadline wakes reader and writer.
// mu is held.
func (m *Mesh) end(w *wire, reason error) {
	if w.ended {
		return
	}
	w.ended = true
	close(w.over)
	_ = w.conn.SetDeadline(time.Unix(1, 0)) // fails on a connection that has ended already
	c := w.contact
	if c.wire != w {
		return
	}
	c.wire = nil
	if m.stopped {
		return
	}
	m.cfg.Log.Info().Stringer("peer", c.id).Stringer("remote", w.conn.RemoteAddr()).Err(reason).Msg("election link down")
	if c.queued != nil {
		m.pursue(c)
	}
	m.forget(c)
}

// write sends what waits, until that fails or the connection ends.
func (m *Mesh) write(w *wire) error {
	var frame []byte
	for {
		select {
		case <-w.over:
			return nil
		case <-w.wake:
		}
		payload := m.take(w)
		if payload == nil {
			continue
		}
		frame = append(binary.BigEndian.AppendUint32(frame[:0], uint32(len(payload))), payload...)
		if _, err := w.conn.Write(frame); err != nil {
			m.putBack(w, payload)
			return fmt.Errorf("send: %w", err)
		}
	}
}

// take returns the message that waits for the server, if there is one, and bounds its
// write.
func (m *Mesh) take(w *wire) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := w.contact
	if w.ended || c.wire != w || c.queued == nil {
		return nil
	}
	payload := c.queued
	c.queued, c.last = nil, payload
	_ = w.conn.SetWriteDeadline(time.Now().Add(m.cfg.HandshakeTimeout)) // a failure shows in the write
	return payload
}

// putBack lets a message wait again that could not be sent, unless there is a newer one
// or a newer connection, which was given it.
func (m *Mesh) putBack(w *wire, payload []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := w.contact; c.wire == w && c.queued == nil {
		c.queued = payload
	}
}

// read passes on what comes, until the connection ends.
func (m *Mesh) read(w *wire) error {
	in := bufio.NewReader(w.conn)
	for {
		payload, err := readMessage(in)
		if err != nil {
			return err
		}
		m.cfg.Received(w.contact.id, payload)
	}
}

func readMessage(in io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	size := int32(binary.BigEndian.Uint32(head[:]))
	if size <= 0 || size > maxMessage {
		return nil, fmt.Errorf("%w: %d", errLength, size)
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(in, payload); err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	return payload, nil
}

// Probes of idle connections. A server that has vanished, or a firewall that forgets idle
// connections, shows only by them before the next election.
const (
	probeSoon     = 15 * time.Second
	probeLate     = 2 * time.Minute
	probeInterval = 10 * time.Second
	probeCount    = 3
)

// tune has the system find out that the other end is gone.
func (m *Mesh) tune(conn net.Conn) {
	for over, ok := conn.(interface{ NetConn() net.Conn }); ok; over, ok = conn.(interface{ NetConn() net.Conn }) {
		conn = over.NetConn() // of TLS, or accepted
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	idle := probeLate
	if m.cfg.KeepAlive {
		idle = probeSoon
	}
	err := errors.Join(
		tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: idle, Interval: probeInterval, Count: probeCount}),
		setUserTimeout(tcp, m.cfg.HandshakeTimeout),
	)
	if err != nil { // it will be noticed later, by a write
		m.cfg.Log.Debug().Err(err).Msg("cannot have the system watch a connection")
	}
}
