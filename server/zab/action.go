package zab

import (
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

// LinkID names a connection between leader and learner. Who runs a leader chooses it; it
// is never used again for another connection.
type LinkID int64

// Entry is a transaction: its zxid, and the bytes of header, record and digest that
// travel in proposals and that the log holds.
type Entry struct {
	Zxid proto.Zxid
	Raw  []byte
}

// Action is one thing that a machine wants done.
type Action interface{ action() }

// The actions of both machines.
type (
	// Send sends the packets, in order, to each of the links. A learner's go to its
	// leader, and To is nil.
	Send struct {
		To      []LinkID
		Packets []Packet
	}
	// StoreAccepted makes the accepted epoch durable.
	StoreAccepted struct{ Epoch int64 }
	// StoreCurrent makes the current epoch durable.
	StoreCurrent struct{ Epoch int64 }
	// Decided says that everything logged up to the zxid is committed.
	Decided struct{ Zxid proto.Zxid }
	// Seen makes the configuration durable as the one that was seen last, whatever was
	// before: it is proposed, or what the leader begins with.
	Seen struct{ Config quorum.Config }
	// Activate makes a configuration the committed one, unless one that is as new was
	// before. Designated says that Leader leads from now on; otherwise a learner whose
	// leader is none in the configuration needs an election. The history ends with Zxid.
	Activate struct {
		Config     quorum.Config
		Zxid       proto.Zxid
		Leader     quorum.ServerID
		Designated bool
	}
	// Serve begins the broadcast: clients may be served. A learner does so with what it
	// has applied, a leader gives out zxids from the epoch's first on.
	Serve struct{ Epoch int64 }
	// Stop ends the machine: its role is over, and an election must follow.
	Stop struct{ Reason error }
)

// The actions of a leader.
type (
	// Bring brings a learner up to date. What is sent to the link later comes behind. A
	// snapshot's zxid is that of the database when the action is carried out, not of when
	// its turn on the link comes: what is decided later is sent again, behind NEWLEADER.
	// Progress tells that a long history is on its way.
	Bring struct {
		Link   LinkID
		Server quorum.ServerID
		Peer   proto.Zxid // the learner's last zxid
		Plan   Plan
	}
	// Received is a packet that is not the machine's business: REQUEST, REVALIDATE, or a
	// PING with the sessions that the learner has heard of.
	Received struct {
		Link   LinkID
		Packet Packet
	}
	// Close ends a link.
	Close struct {
		Link   LinkID
		Reason error
	}
)

// The actions of a learner.
type (
	// Install replaces the database by the snapshot that came with the SNAP packet.
	Install struct{ Zxid proto.Zxid }
	// Truncate removes all transactions behind the zxid from the log, and loads the
	// database anew. It must fail when the zxid is not in the log.
	Truncate struct{ Zxid proto.Zxid }
	// Apply applies transactions that are committed and not in the log, which Save makes
	// up for.
	Apply struct{ Entries []Entry }
	// Save writes a snapshot of the database and, when that is durable, drops what the log
	// held before, its end first: who crashes in between must find the old history, or the
	// new one.
	Save struct{}
	// Log appends transactions to the log. Entries that are logged and not decided must be
	// in the database, too, when the role ends: the next vote stands for them.
	Log struct{ Entries []Entry }
	// Answered is a packet that answers a request of this server: SYNC, REVALIDATE.
	Answered struct{ Packet Packet }
	// Pinged asks for the sessions that were heard of since the last time; they go to
	// the leader as the data of a PING with the zxid.
	Pinged struct{ Zxid proto.Zxid }
)

func (Send) action()          {}
func (StoreAccepted) action() {}
func (StoreCurrent) action()  {}
func (Decided) action()       {}
func (Seen) action()          {}
func (Activate) action()      {}
func (Serve) action()         {}
func (Stop) action()          {}
func (Bring) action()         {}
func (Received) action()      {}
func (Close) action()         {}
func (Install) action()       {}
func (Truncate) action()      {}
func (Apply) action()         {}
func (Save) action()          {}
func (Log) action()           {}
func (Answered) action()      {}
func (Pinged) action()        {}

// actions collects what a machine wants done.
type actions struct {
	list    []Action
	stopped bool
}

func (a *actions) do(x Action) {
	if !a.stopped {
		a.list = append(a.list, x)
	}
}

// stop ends the machine, once.
func (a *actions) stop(reason error) {
	a.do(Stop{reason})
	a.stopped = true
}

// Actions returns what is to be done since the last call.
func (a *actions) Actions() []Action {
	list := a.list
	a.list = nil
	return list
}
