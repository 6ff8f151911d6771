package client

import (
	"errors"
	"fmt"

	"gokeeper/server/proto"
)

// Errors of the client itself. Outcomes that a server reports are proto.Error values;
// proto.SessionExpired and proto.AuthFailed are also what requests end with after the
// session has.
var (
	// ErrConnectionLoss says that the connection broke, or that no server could be
	// reached, before the reply came. It is wrapped with the cause. A write may have been
	// carried out: read before trying it again.
	ErrConnectionLoss = errors.New("connection lost")
	// ErrClosed says that Close was called before.
	ErrClosed = errors.New("client is closed")
	// ErrNotServing says that a server closed the connection instead of taking the session:
	// it has no quorum, is behind what the client has seen, or limits connections.
	ErrNotServing = errors.New("server takes no session: it has no quorum, or allows no more connections")
	// ErrReply says that a reply cannot be read: the other side is no ZooKeeper server.
	ErrReply = errors.New("reply cannot be read; is this a ZooKeeper server?")
)

// lost wraps what broke a connection.
func lost(cause error) error { return fmt.Errorf("%w: %w", ErrConnectionLoss, cause) }

// OpError is the outcome of a request that failed: which one, on which node, and why.
// Err is a proto.Error when a server said so, or one of the errors above.
type OpError struct {
	Op   proto.Op
	Path string // as the client names it; "" when the request names no node
	Err  error
}

// Error returns all three.
func (e *OpError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%v: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("%v %s: %v", e.Op, e.Path, e.Err)
}

// Unwrap returns why.
func (e *OpError) Unwrap() error { return e.Err }
