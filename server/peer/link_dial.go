package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"gokeeper/server/zab"
)

// How a leader is dialled if nothing else is said, as Java does.
const (
	DefaultTries = 5
	DefaultPause = 100 * time.Millisecond
)

// errNoAddress says that there is nobody to dial.
var errNoAddress = errors.New("the leader has no address")

// Dial says how to reach a leader.
type Dial struct {
	LinkConfig
	Addresses []string      // all of the leader's; tried at once, the first that answers is kept
	Tries     int           // rounds over the addresses, whose names are looked up anew; 0 is DefaultTries
	Pause     time.Duration // between two rounds; 0 is DefaultPause
	Within    time.Duration // for all rounds together; 0 is no limit
}

func (d Dial) withDefaults() Dial {
	d.LinkConfig = d.LinkConfig.withDefaults()
	if d.Tries <= 0 {
		d.Tries = DefaultTries
	}
	if d.Pause <= 0 {
		d.Pause = DefaultPause
	}
	return d
}

// Uplink is a learner's side of the link to its leader. Its methods may be called from
// any goroutine; only Run waits.
type Uplink struct {
	*link
	dial Dial
}

// DialLeader returns a link that [Uplink.Run] will open. What is sent before that waits.
// Until another limit is set, the leader may be silent for as long as dialling may take.
func DialLeader(d Dial, link zab.LinkID, events Events) *Uplink {
	d = d.withDefaults()
	u := &Uplink{newLink(link, events, d.LinkConfig, nil), d}
	u.snapshot, u.silence = true, d.Within
	return u
}

// Run dials the leader and works until the link has ended, or ctx is done. Events are
// told from here; the last is Gone, also when the leader cannot be reached. Call it
// once.
func (u *Uplink) Run(ctx context.Context) {
	dialling, done := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() {
		select {
		case <-ctx.Done():
			u.end(context.Cause(ctx))
		case <-u.over:
		}
		done()
	})
	conn, err := u.connect(dialling)
	switch {
	case ctx.Err() != nil:
		u.end(context.Cause(ctx))
	case err != nil:
		u.end(err)
	}
	if conn != nil && u.attach(conn) {
		if err := u.authenticate(func(a *Auth) error { return a.prove(conn) }); err != nil {
			u.end(err)
			_ = conn.Close() // nothing else was said
		} else {
			u.run(conn.RemoteAddr())
		}
	}
	watcher.Wait()
	u.events.Gone(u.id, u.ended())
}

// attach makes the connection the link's, or closes it when the link has ended.
func (u *Uplink) attach(conn net.Conn) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.reason != nil {
		_ = conn.Close() // nothing was exchanged
		return false
	}
	u.conn = conn
	return true
}

// connect tries to reach the leader, which may be about to open its port.
func (u *Uplink) connect(ctx context.Context) (net.Conn, error) {
	if u.dial.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, u.dial.Within)
		defer cancel()
	}
	for try := 1; ; try++ {
		conn, err := u.round(ctx)
		if err == nil {
			return conn, nil
		}
		u.cfg.Log.Debug().Err(err).Int("try", try).Msg("leader not reached yet")
		if try < u.dial.Tries {
			wait(ctx, u.dial.Pause)
		}
		if try == u.dial.Tries || ctx.Err() != nil {
			return nil, fmt.Errorf("connect to the leader, try %d: %w", try, err)
		}
	}
}

// round dials all addresses at once and keeps the first connection. It waits for the
// others, which it stops.
func (u *Uplink) round(ctx context.Context) (net.Conn, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var (
		dialling sync.WaitGroup
		mu       sync.Mutex // guards what follows
		kept     net.Conn
		errs     []error
	)
	for _, addr := range u.dial.Addresses {
		dialling.Go(func() {
			conn, err := u.dial.DialContext(ctx, "tcp", addr)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				errs = append(errs, err)
			case kept != nil:
				_ = conn.Close() // the other one is as good
			default:
				kept = conn
				stop()
			}
		})
	}
	dialling.Wait()
	switch {
	case kept != nil:
		return kept, nil
	case len(errs) == 0:
		return nil, errNoAddress
	}
	return nil, errors.Join(errs...)
}

// Send sends packets to the leader, in order. They may be used again on return. The
// bound on what waits is that of [Learners.Send].
func (u *Uplink) Send(packets []zab.Packet) {
	if len(packets) > 0 {
		u.push(outgoing{data: encode(packets)})
	}
}

// SetReadTimeout sets how long the leader may be silent, from now on; 0 is for ever. A
// longer silence ends the link.
func (u *Uplink) SetReadTimeout(d time.Duration) { u.setSilence(d) }

// Close ends the link at once. Gone follows, with the reason.
func (u *Uplink) Close(reason error) { u.end(reason) }
