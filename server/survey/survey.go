// Package survey asks the servers of an ensemble what they say of themselves, in
// four-letter words on their client ports, so that Java's servers answer too. The word
// srvr is answered by every server that nobody has told otherwise; others need the
// whitelist 4lw.commands.whitelist. (Java: FourLetterWordClient, FourLetterCommands.)
//
// Everything may be called from any goroutine.
package survey

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// ErrRefused says that a server has the word not on its whitelist.
var ErrRefused = errors.New("the word is not on the server's whitelist (4lw.commands.whitelist)")

// ErrNotServing says that a server runs and serves no clients.
var ErrNotServing = errors.New("runs, but serves no clients: it has no quorum, or is starting")

// maxAnswer is how much of an answer is read; a line of cons has some 300 bytes.
const maxAnswer = 16 << 20

// Ask sends a four-letter word to HOST:PORT and returns the answer, if all of it has come
// within the limit.
func Ask(address, word string, limit time.Duration) (string, error) {
	return AskOver((&net.Dialer{}).DialContext, address, word, limit)
}

// AskOver asks as Ask does, over connections of another kind.
func AskOver(dial func(ctx context.Context, network, address string) (net.Conn, error), address, word string, limit time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	deadline, _ := ctx.Deadline()
	conn, err := dial(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(deadline); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, word); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(io.LimitReader(conn, maxAnswer))
	return string(answer), err
}

// Want asks as Ask does, and takes the answers of servers that do not answer the word for
// the errors of this package.
func Want(address, word string, limit time.Duration) (string, error) {
	text, err := Ask(address, word, limit)
	switch {
	case err != nil:
		return "", err
	case strings.Contains(text, "is not executed because it is not in the whitelist"):
		return "", ErrRefused
	case strings.HasPrefix(text, "This ZooKeeper instance is not currently serving requests"):
		return "", ErrNotServing
	}
	return text, nil
}

// Each calls f for 0 to n-1, all at once, and waits for them.
func Each(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}
