package conn

import (
	"net"
	"net/netip"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/proto"
)

// Options configure a [Server]. The zero value of a field is its default, and for
// limits that Java has switched off it is off.
type Options struct {
	Log zerolog.Logger
	// Start is the zero of all monotonic times; default: when the server is made.
	Start time.Time

	// MaxPerAddress is maxClientCnxns: connections from one address; 0: no limit.
	MaxPerAddress int
	// MaxTotal is maxCnxns: connections in all; 0: no limit.
	MaxTotal int
	// KeepAlive is clientTcpKeepAlive: SO_KEEPALIVE on client sockets.
	KeepAlive bool
	// Sessionless is nio.sessionlessCnxnTimeout, default 10 s: how long a connection may
	// go without a session, and the width of the buckets in which silent ones expire.
	Sessionless time.Duration
	// Replied is told of n replies to writes or to reads that took ms milliseconds, when
	// they are sent. It is called with a lock held. Nil: nobody wants to know.
	Replied func(write bool, n, ms int64)
	// Deficit is told at each connect request how many tokens of Throttle are taken. Nil:
	// nobody wants to know.
	Deficit func(tokens int64)
	// Throttle limits connect requests.
	Throttle Throttle

	// MinTimeout and MaxTimeout bound the session timeout; defaults 4 s and 40 s.
	MinTimeout, MaxTimeout time.Duration
	// PasswordOK says whether the password belongs to the session. Nil: none does.
	PasswordOK func(id proto.SessionID, password []byte) bool
	// Identify returns who a fresh connection is, at least ip:address. It is called in
	// the connection's goroutine behind the handshake of TLS, if there is one; an error
	// closes the connection. Nil: nobody.
	Identify func(nc net.Conn, remote netip.AddrPort) ([]proto.Identity, error)
	// Handshakes is netty.server.outstandingHandshake.limit: how many connections may be
	// before the end of their handshake, or, on a port that takes plain ones too, before
	// their first byte; 0: no limit.
	Handshakes int
	// DropEarly is netty.server.earlyDropSecureConnectionHandshakes: while no session can be
	// opened, connections of secure ports end without a handshake.
	DropEarly bool
	// Satisfied says whether these identities meet enforced authentication; a
	// connection that does not may only authenticate. Nil: not enforced.
	Satisfied func(ids []proto.Identity) bool

	// Login begins the login of a connection by SASL. Nil: there is none.
	Login func() Login
	// LoginFailed is what a client is told whose login fails, before its connection is
	// closed. OK: it stays connected (allowSaslFailedClients).
	LoginFailed proto.Error

	// MaxPacket is jute.maxbuffer: the largest packet in bytes, inclusive; default 1048575.
	MaxPacket int
	// Outstanding is the limit of unfinished requests above which connections that
	// have one are not read (globalOutstandingLimit, divided for the ensemble); default 1000.
	Outstanding int
	// LargeThreshold is largeRequestThreshold: packets longer than this count as large;
	// 0 or less: none does.
	LargeThreshold int
	// LargeMaxBytes is largeRequestMaxBytes: sum of the large packets in flight above
	// which the next one ends its connection; default 100 MiB.
	LargeMaxBytes int64
	// OutLimit is how many bytes may wait for a client when an event or the reply to a
	// write is added; default 64 MiB.
	OutLimit int
}

// Throttle is the token bucket in front of connect requests, connection_throttle_*.
type Throttle struct {
	Tokens    int           // size of the bucket, which starts full; 0: off
	FillTime  time.Duration // between refills, default 1 ms
	FillCount int           // tokens per refill, default 1
	// Freeze is how long the probability of early drops stays before it is changed
	// again; 0 or less: no early drops.
	Freeze        time.Duration
	DropIncrease  float64 // when the bucket is empty
	DropDecrease  float64 // when at most DecreaseRatio of the bucket is used
	DecreaseRatio float64
}

// withDefaults returns o with zero fields filled in.
func (o Options) withDefaults() Options {
	setDefault(&o.Sessionless, 10*time.Second)
	setDefault(&o.MinTimeout, 4*time.Second)
	setDefault(&o.MaxTimeout, 40*time.Second)
	setDefault(&o.MaxPacket, 0xfffff)
	setDefault(&o.Outstanding, 1000)
	setDefault(&o.LargeMaxBytes, 100<<20)
	setDefault(&o.OutLimit, 64<<20)
	setDefault(&o.Throttle.FillTime, time.Millisecond)
	setDefault(&o.Throttle.FillCount, 1)
	if o.Start.IsZero() {
		o.Start = time.Now()
	}
	return o
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}
