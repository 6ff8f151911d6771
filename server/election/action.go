package election

import "gokeeper/server/quorum"

// Action is one thing that the machine wants done.
type Action interface{ action() }

// The actions.
type (
	// Send sends the notification. Of those that wait for a server only the newest
	// matters; see peer.
	Send struct {
		To           quorum.ServerID
		Notification Notification
	}
	// Elected ends an election: the state is Leading, Following or Observing, and the
	// vote names the leader.
	Elected struct {
		State State
		Vote  Vote
	}
	// Adopt says that somebody has a newer committed configuration, with its version in
	// the text. Whoever adopts it says so by SetConfig.
	Adopt struct{ Config string }
	// Bootstrap begins the ensemble's history. A server with an empty data directory
	// does not vote: it may have lost what it once acknowledged. It does from now on,
	// since every voter has said that it never followed a leader either. The empty
	// history must be durable before what is sent next.
	Bootstrap struct{}
)

func (Send) action()      {}
func (Elected) action()   {}
func (Adopt) action()     {}
func (Bootstrap) action() {}
