// Package client is a small client library for ZooKeeper's protocol: one session over
// whichever server of a list answers.
//
//	Create, Get … ── call ──→ queue ── writer ──→ socket
//	                                                │
//	      answer ←── call ←── pending ←─────── session loop ──→ Watcher
//
// A [Client] keeps its session by itself. When a connection breaks it tries the next
// server with the session's id and password, logs in and sends its credentials again, and
// arms its watches again, so that nothing that happened meanwhile is missed. Requests that
// were under way fail with [ErrConnectionLoss]: whether they were carried out is unknown,
// and only the caller can tell what to do then. Requests may be sent before the replies to
// earlier ones have come; servers answer a session in order.
//
// Paths are those of the client: the chroot of the connect string is put in front of them
// and taken away from what comes back.
//
// All methods of a Client may be called from any goroutine. The Watcher is called by the
// session loop, in the order in which events and replies arrive: an event is told before
// the reply behind it is returned. It must return soon and must not call methods that wait.
package client
