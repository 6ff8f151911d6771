package conn

import "gokeeper/server/proto"

// Backend is the server behind the sockets. Its methods are called from the readers
// of many connections at once.
type Backend interface {
	// Serving says whether sessions can be opened, and whether only to read.
	Serving() (serving, readOnly bool)
	// LastZxid returns the last zxid applied on this server.
	LastZxid() proto.Zxid
	// Open asks for a new session or one to resume, whose password has been checked.
	// The answer is c.Opened or c.Refused, from any goroutine; the connection is not
	// read before.
	Open(c *Conn, o Opening)
	// Evict closes this server's connection that carries the session. It comes before
	// a resume, whether or not the password is right.
	Evict(id proto.SessionID)
	// Ordered says that requests of this kind must go through Submit: writes,
	// and what else waits for them.
	Ordered(op proto.Op) bool
	// Read answers r at once: it appends the reply to c's buffer and calls c.Answered.
	// r and its body are only valid during the call.
	Read(c *Conn, r *proto.Request)
	// Submit takes over a request whose answer comes later: reply, c.Answered and
	// c.Done, in the order of submission. closeSession ends with c.Hangup.
	Submit(c *Conn, r proto.Request)
	// Authenticate returns the identities that c gains by the credentials, or why not.
	// credentials are only valid during the call; nil is null.
	Authenticate(c *Conn, scheme string, credentials []byte) ([]proto.Identity, proto.Error)
	// Command returns the answer to a four-letter word, also to one that is not
	// allowed, or nil. arg is the mask of stmk.
	Command(c *Conn, word string, arg []byte) []byte
	// Gone is called once for each connection that was Opened, when it has ended:
	// nothing more will be read from it or written to it.
	Gone(c *Conn)
}

// Login is the server's side of one login by SASL. Only the reader of its connection calls
// it.
type Login interface {
	// Next answers a token of the client, and returns what it gains if it has logged in by
	// that. An error ends the login; one that is sasl.ErrUnreadable closes the connection
	// without an answer, whatever Options.LoginFailed is.
	Next(token []byte) (answer []byte, gained []proto.Identity, err error)
}

// Opening is what a client asks for when it connects.
type Opening struct {
	Session proto.SessionID // to resume; 0: a new one
	Timeout int32           // negotiated, milliseconds
}

// WordTelnetClose is the name under which the close sequence of telnet (ff f4 ff fd)
// reaches Backend.Command.
const WordTelnetClose = "telnet close"

// wordAt returns the four-letter word that in begins with, if any, and the length of
// its argument. in has at least four bytes.
func wordAt(in []byte) (word string, arg int) {
	switch w := string(in[:4]); w {
	case "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro", "mntr", "ruok", "srst", "srvr",
		"stat", "wchc", "wchp", "wchs":
		return w, 0
	case "stmk":
		return w, 8
	case "\xff\xf4\xff\xfd":
		return WordTelnetClose, 0
	}
	return "", 0
}
