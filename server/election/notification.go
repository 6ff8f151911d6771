package election

import (
	"errors"
	"fmt"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

// State is what a member does. The numbers are on the wire.
type State int32

// The states.
const (
	Looking State = iota
	Following
	Leading
	Observing
)

var stateNames = [...]string{Looking: "LOOKING", Following: "FOLLOWING", Leading: "LEADING", Observing: "OBSERVING"}

// String returns Java's name of the state.
func (s State) String() string {
	if s >= 0 && int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("UNKNOWN(%d)", int32(s))
}

// Vote is a leader with the end of its history, and the round of the election in which
// somebody is for it.
type Vote struct {
	Leader quorum.ServerID
	Zxid   proto.Zxid
	Round  int64 // Java: electionEpoch
	Epoch  int64 // Java: peerEpoch
}

// String describes the vote in traces.
func (v Vote) String() string {
	return fmt.Sprintf("leader=%v zxid=%v round=%d epoch=%d", v.Leader, v.Zxid, v.Round, v.Epoch)
}

// Version is the version of the notifications that this server sends.
const Version = 2

// Notification is what members tell each other about elections.
type Notification struct {
	State   State
	Vote    Vote
	Version int32  // 0: from a release before 3.4.6, or of the 3.4 line
	Config  string // the sender's committed configuration; Version 2 and later
}

// String describes the notification in traces, without the configuration.
func (n Notification) String() string { return n.State.String() + " " + n.Vote.String() }

// Lengths of the forms without a configuration, and of the shortest with one.
const (
	lenOldest = 28 // no epoch, no version
	lenOld    = 40 // an epoch, and a version that means nothing
	lenConfig = 44
)

// ErrMalformed says that a payload is no notification.
var ErrMalformed = errors.New("malformed notification")

// ParseNotification reads a payload in any of its forms:
//
//	28 bytes          up to the round; the epoch is that of the zxid      version 0
//	40 bytes          up to the epoch, and an int that is ignored         version 0
//	any other length  up to the version, and a configuration if that is 2 or more
//
// Bytes behind the configuration are ignored, and an unknown state is returned as it is.
func ParseNotification(b []byte) (Notification, error) {
	if len(b) < lenOldest {
		return Notification{}, fmt.Errorf("%w: %d bytes", ErrMalformed, len(b))
	}
	d := jute.NewDecoder(b)
	n := Notification{State: State(d.Int())}
	n.Vote = Vote{Leader: quorum.ServerID(d.Long()), Zxid: proto.Zxid(d.Long()), Round: d.Long()}
	if len(b) == lenOldest {
		n.Vote.Epoch = n.Vote.Zxid.Epoch()
		return n, nil
	}
	n.Vote.Epoch = d.Long()
	if len(b) == lenOld {
		return n, nil
	}
	n.Version = d.Int()
	if n.Version >= Version {
		size := d.Int()
		if size < 0 || int(size) > d.Len() {
			return Notification{}, fmt.Errorf("%w: configuration of %d bytes in %d", ErrMalformed, size, len(b))
		}
		n.Config = string(d.Bytes(int(size)))
	}
	if err := d.Err(); err != nil {
		return Notification{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return n, nil
}

// Append appends the notification's bytes: with a configuration from version 2 on,
// otherwise the 40 bytes of the 3.4 line.
func (n Notification) Append(b []byte) []byte {
	b = jute.AppendLong(jute.AppendInt(b, int32(n.State)), int64(n.Vote.Leader))
	b = jute.AppendLong(jute.AppendLong(b, int64(n.Vote.Zxid)), n.Vote.Round)
	b = jute.AppendLong(b, n.Vote.Epoch)
	if n.Version < Version {
		return jute.AppendInt(b, 1) // what 3.4 writes there
	}
	return jute.AppendString(jute.AppendInt(b, n.Version), n.Config)
}
