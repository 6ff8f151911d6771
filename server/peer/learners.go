package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"gokeeper/server/zab"
)

// Learners is a leader's side of the links to its learners. It accepts connections on
// the quorum port as long as the server leads: it is made when a leadership begins and
// ends with it. Its methods may be called from any goroutine, and do not wait.
type Learners struct {
	cfg       LinkConfig
	events    Events
	listeners []net.Listener

	naming sync.Mutex // held while ids is called, which may take locks of the owner
	ids    func() zab.LinkID

	mu      sync.Mutex
	links   map[zab.LinkID]*link
	stopped bool
	running sync.WaitGroup // everything that Run waits for
}

// ListenLearners opens the addresses; nothing is accepted before [Learners.Run], which
// also closes them. ids gives the name of each new link; it is called one at a time.
func ListenLearners(cfg LinkConfig, addrs []string, events Events, ids func() zab.LinkID) (*Learners, error) {
	l := &Learners{cfg: cfg.withDefaults(), events: events, ids: ids, links: map[zab.LinkID]*link{}}
	for _, addr := range addrs {
		ln, err := l.cfg.Listen(context.Background(), "tcp", addr)
		if err != nil {
			l.hangUp()
			return nil, fmt.Errorf("listen for learners on %s: %w", addr, err)
		}
		l.listeners = append(l.listeners, ln)
	}
	return l, nil
}

// hangUp closes the listeners.
func (l *Learners) hangUp() {
	for _, ln := range l.listeners {
		_ = ln.Close() // nothing is written to it
	}
}

// Addrs returns the addresses that are listened on.
func (l *Learners) Addrs() []net.Addr {
	addrs := make([]net.Addr, len(l.listeners))
	for i, ln := range l.listeners {
		addrs[i] = ln.Addr()
	}
	return addrs
}

// Run accepts learners until ctx is done, then ends all links and waits for their end.
// Call it once.
func (l *Learners) Run(ctx context.Context) {
	for _, ln := range l.listeners {
		l.running.Go(func() { l.accept(ctx, ln) })
	}
	<-ctx.Done()
	l.hangUp()
	l.stop(context.Cause(ctx))
	l.running.Wait()
}

// stop ends all links and lets none begin any more.
func (l *Learners) stop(reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	for _, x := range l.links {
		x.end(reason)
	}
}

// Waits after an accept that failed, which is mostly a lack of file descriptors.
const (
	acceptRetry    = 5 * time.Millisecond
	acceptRetryMax = time.Second
)

// accept begins a link for each connection that the listener gives.
func (l *Learners) accept(ctx context.Context, ln net.Listener) {
	retry := acceptRetry
	for {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			retry = acceptRetry
			l.begin(nc)
		case ctx.Err() != nil:
			return
		default:
			l.cfg.Log.Error().Err(err).Stringer("address", ln.Addr()).Msg("cannot accept learners")
			if errors.Is(err, net.ErrClosed) {
				return
			}
			wait(ctx, retry)
			retry = min(2*retry, acceptRetryMax)
		}
	}
}

// wait waits for d, or until ctx is done.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// begin runs a link over the connection.
func (l *Learners) begin(nc net.Conn) {
	l.naming.Lock()
	id := l.ids()
	l.naming.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		_ = nc.Close() // nothing was exchanged
		return
	}
	conn := l.cfg.Auth.accept(nc)
	x := newLink(id, l.events, l.cfg, conn)
	l.links[x.id] = x
	l.running.Go(func() {
		err := x.authenticate(func(a *Auth) error { return a.check(conn) })
		if err == nil {
			x.run(nc.RemoteAddr())
		}
		l.mu.Lock()
		delete(l.links, x.id)
		l.mu.Unlock()
		if err != nil { // nobody has heard of it
			_ = nc.Close() // nothing else was said
			l.cfg.Log.Warn().Err(err).Stringer("remote", nc.RemoteAddr()).Msg("learner refused")
			return
		}
		l.events.Gone(x.id, x.ended())
	})
}

// Send sends packets, in order, to each of the links; those that are not there any more
// are left out. The packets are encoded once, and may be used again on return.
//
// What a server does not read waits here, and the bytes are shared by the links that
// they go to. A link on which more than LinkConfig.MaxQueued bytes wait when something
// is added ends with ErrBacklog: that server must connect anew, and will be given a
// snapshot if it has missed too much.
func (l *Learners) Send(to []zab.LinkID, packets []zab.Packet) {
	if len(packets) == 0 {
		return
	}
	var data []byte
	for _, id := range to {
		x := l.link(id)
		if x == nil {
			continue
		}
		if data == nil {
			data = encode(packets)
		}
		x.push(outgoing{data: data, packets: len(packets), last: packets[len(packets)-1].Zxid})
	}
}

// Stream has the link's writer call write, which sends a snapshot or a long history,
// in its turn: behind what was sent before, ahead of what is sent later, which waits
// meanwhile. An error ends the link. write is not called when the link ends before its
// turn comes, and is waited for otherwise; its writes fail when the link ends.
func (l *Learners) Stream(link zab.LinkID, write func(w io.Writer) error) {
	if x := l.link(link); x != nil {
		x.push(outgoing{write: write})
	}
}

// Close ends the link at once. Gone follows, with the reason.
func (l *Learners) Close(link zab.LinkID, reason error) {
	if x := l.link(link); x != nil {
		x.end(reason)
	}
}

func (l *Learners) link(id zab.LinkID) *link {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.links[id]
}

// Traffic returns what has gone over the link and to where it leads; false when it is
// not there any more.
func (l *Learners) Traffic(link zab.LinkID) (remote net.Addr, t Traffic, ok bool) {
	x := l.link(link)
	if x == nil {
		return nil, Traffic{}, false
	}
	return x.conn.RemoteAddr(), x.report(), true
}
