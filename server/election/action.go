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
)

func (Send) action()    {}
func (Elected) action() {}
func (Adopt) action()   {}
