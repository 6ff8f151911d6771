// Package conn holds the client sockets: it accepts connections, answers four-letter
// words, opens sessions, cuts the input into requests, keeps them in order, and
// sends replies and events. What a request does is the business of the [Backend].
//
// The first four bytes of a connection decide what it is:
//
//	a known word     text command: answer without framing, then close
//	0 … limit        length of a ConnectRequest, then requests, each length + packet
//	anything else    closed
//
// A connection has one goroutine, its reader. It waits without holding a buffer, takes
// all input that is there, runs the requests in it, and sends their replies with one
// write. No goroutine, timer, closure or allocation belongs to a read request.
//
//   - A read is run by the reader (Backend.Read) when nothing of the connection is
//     unfinished. Otherwise a copy hangs on the newest unfinished write and whoever
//     answers that write runs it (Conn.Done).
//   - A write goes to Backend.Submit and is answered later, from any goroutine.
//   - Replies and events are appended to the out buffer between Buffer and Release.
//     Flush sends without waiting; what the socket does not take is left to a writer
//     goroutine, which ends when the buffer is empty.
//
// So the order of requests, of replies, and of replies and events is kept without
// queues between goroutines. auth and sasl are the exception that the protocol makes:
// they take effect when read and their replies may overtake others.
//
// Every queue is bounded and pressure ends at the socket that is not read:
//
//   - input: a partial packet is buffered only as far as it was received, at most
//     Options.MaxPacket; an idle connection holds no buffer
//   - unfinished requests: while the server has more than Options.Outstanding of them,
//     or their bodies are larger than 128 MiB, a connection that has one is not read;
//     on one write hang no reads once 256 wait on the connection
//   - output: while more than 256 KiB wait to be taken by the client, its requests are
//     not read; events still come, and when more of them come while Options.OutLimit
//     bytes wait, the connection is closed. A single reply may be of any size.
//   - time: connections without a session are closed after one to two times
//     Options.Sessionless, silent ones likewise with their session's timeout; a closing
//     connection gives the client 10 s to take what was sent
//
// Lock order: the database's lock, then one connection's; or that of the list of
// connections, then one connection's. Nothing here takes two connections' locks, or calls
// the Backend with one held.
package conn
