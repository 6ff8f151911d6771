package peer

import (
	"context"
	"crypto/tls"
	"net"

	"gokeeper/server/secure"
)

// Secure says how servers speak TLS to each other; the zero value does not.
type Secure struct {
	// Dial returns what a host, as it is called, and the address that it has led to are
	// dialled with; nil dials without TLS.
	Dial func(host, address string) *tls.Config
	// Accept is how accepted connections begin; nil takes plain ones alone.
	Accept *secure.Port
}

func (s Secure) dialer(dial secure.Dialer) secure.Dialer {
	if s.Dial == nil {
		return dial
	}
	return secure.Dial(dial, s.Dial)
}

func (s Secure) listener(listen func(ctx context.Context, network, address string) (net.Listener, error)) func(ctx context.Context, network, address string) (net.Listener, error) {
	if s.Accept == nil {
		return listen
	}
	return func(ctx context.Context, network, address string) (net.Listener, error) {
		ln, err := listen(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return s.Accept.Listener(ln), nil
	}
}
