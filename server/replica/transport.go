package replica

import (
	"io"
	"net"
	"time"

	"gokeeper/server/election"
	"gokeeper/server/quorum"
	"gokeeper/server/snapshot"
	"gokeeper/server/zab"
)

// Transport carries what the members of an ensemble say to each other. Its methods are
// called from the replica's loop and do not block, but for Leave. Notifications come in
// by [Replica.Notified], everything else by the [Links] passed to Lead and Follow.
type Transport interface {
	// Configure says who the members are: of the committed configuration, and of the one
	// that was seen last if that is not nil.
	Configure(committed quorum.Config, seen *quorum.Config)
	// Notify sends a notification of the election; of several that wait only the last
	// counts.
	Notify(to quorum.ServerID, n election.Notification)
	// Reached returns the servers to which notifications can be sent at once.
	Reached() []quorum.ServerID
	// Lead accepts learners until Leave. An error means that the port is not to be had.
	Lead(Links) error
	// Follow connects to the leader until Leave.
	Follow(link zab.LinkID, leader quorum.Member, l Links)
	// Leave ends all links and returns when nothing more comes from them.
	Leave()
	// Send sends packets to each of the links, or with none to the leader.
	Send(to []zab.LinkID, packets []zab.Packet)
	// Stream lets write send a learner what is too long for packets, in its place
	// between what is sent before and after. write runs in another goroutine.
	Stream(link zab.LinkID, write func(io.Writer) error)
	// Close ends one link.
	Close(link zab.LinkID, reason error)
	// Silence sets how long the leader may be silent.
	Silence(limit time.Duration)
}

// Configs keeps the configuration of the ensemble for the next start. What it is told is
// durable when it returns, if it can be.
type Configs interface {
	// See keeps the configuration that was seen last. The log has its proposal by then; but
	// one that a leader brings a learner up to date with is seen first, as it must be known
	// when NEWLEADER is acknowledged.
	See(quorum.Config)
	// Commit keeps the committed one, and forgets the other unless seen has it.
	Commit(c quorum.Config, seen *quorum.Config)
}

// Links is told what comes over the links between leader and learners. The calls about
// one link come in order, each in a goroutine that may wait.
type Links interface {
	// Connected says that a learner has connected, or that the leader was reached.
	Connected(link zab.LinkID, remote net.Addr)
	// Received takes over packets.
	Received(link zab.LinkID, packets []zab.Packet)
	// Snapshot reads the stream behind a SNAP packet, which Received brings afterwards.
	Snapshot(link zab.LinkID, p zab.Packet, r io.Reader) error
	// Gone says that the link has ended, or could not be opened.
	Gone(link zab.LinkID, err error)
}

// links brings what happens on links into the inbox.
type links struct{ r *Replica }

// Connected implements [Links], as do the others.
func (l links) Connected(link zab.LinkID, remote net.Addr) {
	l.r.inbox.put(input{link: &linkInput{id: link, remote: remote}})
}

// Received implements [Links].
func (l links) Received(link zab.LinkID, packets []zab.Packet) {
	l.r.inbox.put(input{link: &linkInput{id: link, packets: packets}})
}

// Snapshot implements [Links].
func (l links) Snapshot(link zab.LinkID, p zab.Packet, r io.Reader) error {
	content, err := snapshot.ReadStream(r, p.Zxid, l.r.cfg.Limit)
	if err != nil {
		return err
	}
	l.r.inbox.put(input{link: &linkInput{id: link, content: content}})
	return nil
}

// Gone implements [Links].
func (l links) Gone(link zab.LinkID, err error) {
	l.r.inbox.put(input{link: &linkInput{id: link, gone: true, err: err}})
}

// linkInput is one thing that happened on a link: it has come up when nothing else is set.
type linkInput struct {
	id      zab.LinkID
	remote  net.Addr
	packets []zab.Packet
	content *snapshot.Content
	gone    bool
	err     error
}

// Notified takes in a notification of another server's election.
func (r *Replica) Notified(from quorum.ServerID, n election.Notification) {
	r.inbox.put(input{notified: &notified{from, n}})
}

type notified struct {
	from         quorum.ServerID
	notification election.Notification
}

// link handles what happened on a link.
func (r *Replica) link(in *linkInput, now int64) {
	switch {
	case in.packets != nil:
		r.measurePackets(in.id, in.packets, now)
		r.m.Received(in.id, in.packets, now)
	case in.content != nil:
		r.received[in.id] = in.content
	case in.gone:
		delete(r.received, in.id)
		r.Log.Debug().Int64("link", int64(in.id)).Err(in.err).Msg("link ended")
		r.m.Gone(in.id, in.err, now)
	default:
		r.Log.Debug().Int64("link", int64(in.id)).Stringer("remote", in.remote).Msg("link open")
		r.m.Connected(in.id, now)
	}
}
