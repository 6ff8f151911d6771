package integration

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// Operation codes.
const (
	opCreate          = 1
	opDelete          = 2
	opExists          = 3
	opGetData         = 4
	opSetData         = 5
	opGetACL          = 6
	opSetACL          = 7
	opGetChildren     = 8
	opSync            = 9
	opPing            = 11
	opGetChildren2    = 12
	opCheck           = 13
	opMulti           = 14
	opCreate2         = 15
	opReconfig        = 16
	opCheckWatches    = 17
	opRemoveWatches   = 18
	opCreateContainer = 19
	opDeleteContainer = 20
	opCreateTTL       = 21
	opMultiRead       = 22
	opAuth            = 100
	opSetWatches      = 101
	opSASL            = 102
	opGetEphemerals   = 103
	opCountChildren   = 104
	opSetWatches2     = 105
	opAddWatch        = 106
	opWhoAmI          = 107
	opCloseSession    = -11
)

// Create flags.
const (
	persistent           = 0
	ephemeral            = 1
	persistentSequential = 2
	ephemeralSequential  = 3
	container            = 4
	withTTL              = 5
	sequentialWithTTL    = 6
)

// Error codes.
const (
	errMarshalling  = -5
	errUnsupported  = -6
	errArguments    = -8
	errNoNode       = -101
	errNoAuth       = -102
	errBadVersion   = -103
	errNodeExists   = -110
	errNotEmpty     = -111
	errInvalidACL   = -114
	errInconsistent = -2
)

// An out is a record being written; its methods append one value each.
type out []byte

func (o out) i32(v int32) out { return binary.BigEndian.AppendUint32(o, uint32(v)) }
func (o out) i64(v int64) out { return binary.BigEndian.AppendUint64(o, uint64(v)) }
func (o out) str(s string) out {
	return append(o.i32(int32(len(s))), s...)
}
func (o out) bool(v bool) out {
	if v {
		return append(o, 1)
	}
	return append(o, 0)
}

// null appends the length of a null string, buffer or vector.
func (o out) null() out { return o.i32(-1) }

// buf appends a buffer; nil is null.
func (o out) buf(b []byte) out {
	if b == nil {
		return o.null()
	}
	return append(o.i32(int32(len(b))), b...)
}
func (o out) strs(s ...string) out {
	o = o.i32(int32(len(s)))
	for _, v := range s {
		o = o.str(v)
	}
	return o
}
func (o out) acl(list []acl) out {
	if list == nil {
		return o.null()
	}
	o = o.i32(int32(len(list)))
	for _, a := range list {
		o = o.i32(a.Perms).str(a.Scheme).str(a.ID)
	}
	return o
}

// frame returns the record with its length in front.
func (o out) frame() []byte { return append(out(nil).i32(int32(len(o))), o...) }

type acl struct {
	Perms      int32
	Scheme, ID string
}

var open = []acl{{31, "world", "anyone"}}

// create is the record of create, create2 and createContainer.
func create(path string, data []byte, list []acl, flags int32) out {
	return out(nil).str(path).buf(data).acl(list).i32(flags)
}
func createTTL(path string, data []byte, list []acl, flags int32, ttl int64) out {
	return create(path, data, list, flags).i64(ttl)
}
func setData(path string, data []byte, version int32) out {
	return out(nil).str(path).buf(data).i32(version)
}

// at is the record of delete, check, checkWatches, removeWatches and addWatch.
func at(path string, n int32) out { return out(nil).str(path).i32(n) }

// watched is the record of exists, getData and getChildren.
func watched(path string, watch bool) out { return out(nil).str(path).bool(watch) }

// A part is one operation of a multi.
type part struct {
	op   int32
	body out
}

func multi(parts ...part) out {
	var o out
	for _, p := range parts {
		o = append(o.i32(p.op).bool(false).i32(-1), p.body...)
	}
	return o.i32(-1).bool(true).i32(-1)
}

// An in reads a record. Reading past the end sets err and yields zero values.
type in struct {
	b   []byte
	err error
}

func (i *in) take(n int) []byte {
	if n < 0 || n > len(i.b) {
		i.err = io.ErrUnexpectedEOF
		i.b = nil
		return make([]byte, min(max(n, 0), 8))
	}
	v := i.b[:n]
	i.b = i.b[n:]
	return v
}
func (i *in) i32() int32 { return int32(binary.BigEndian.Uint32(i.take(4))) }
func (i *in) i64() int64 { return int64(binary.BigEndian.Uint64(i.take(8))) }
func (i *in) bool() bool { return i.take(1)[0] != 0 }

// buf reads a buffer; null yields nil, an empty one a non-nil slice.
func (i *in) buf() []byte {
	n := i.i32()
	if n == -1 || i.err != nil {
		return nil
	}
	return append([]byte{}, i.take(int(n))...)
}
func (i *in) str() string { return string(i.buf()) }
func (i *in) strs() []string {
	var s []string
	for n := i.i32(); n > 0 && i.err == nil; n-- {
		s = append(s, i.str())
	}
	return s
}
func (i *in) acls() []acl {
	var list []acl
	for n := i.i32(); n > 0 && i.err == nil; n-- {
		list = append(list, acl{i.i32(), i.str(), i.str()})
	}
	return list
}

type stat struct {
	Czxid, Mzxid, Ctime, Mtime  int64
	Version, Cversion, Aversion int32
	Owner                       int64
	DataLength, NumChildren     int32
	Pzxid                       int64
}

func (i *in) stat() stat {
	return stat{i.i64(), i.i64(), i.i64(), i.i64(), i.i32(), i.i32(), i.i32(), i.i64(), i.i32(), i.i32(), i.i64()}
}

// A reply is any packet from the server after the handshake; xid is -1 for a watch event.
type reply struct {
	xid  int32
	zxid int64
	err  int32
	body []byte
}

func (r reply) in() *in { return &in{b: r.body} }

// An event is a watch notification.
type event struct {
	zxid int64
	typ  int32
	path string
}

// An opening is a connect request; the zero value asks for a new session.
type opening struct {
	timeout  int32 // ms; 0 means 30000
	session  int64
	password []byte // nil means 16 zero bytes
	zxid     int64  // the last one seen
	from     string // local address
	readOnly bool
	raw      []byte // the frame, instead of one made from the fields above
}

func (o opening) packet() []byte {
	if o.raw != nil {
		return o.raw
	}
	if o.timeout == 0 {
		o.timeout = 30000
	}
	if o.password == nil {
		o.password = make([]byte, 16)
	}
	return out(nil).i32(0).i64(o.zxid).i32(o.timeout).i64(o.session).buf(o.password).bool(o.readOnly).frame()
}

// errExpired says that the server does not know the session that was to be resumed.
var errExpired = errors.New("session expired")

// callLimit is how long an answer may take if a client sets no limit of its own.
const callLimit = 30 * time.Second

// A client is one connection with a session. Not for concurrent use, but one goroutine may send while another receives.
type client struct {
	net.Conn
	r        *bufio.Reader
	session  int64
	password []byte
	timeout  int32
	size     int // bytes of the connect response
	xid      int32
	events   []event       // those that call came across
	limit    time.Duration // how long the answer to what is sent may take; 0 means callLimit
}

// connect opens a connection and its session.
func connect(addr string, o opening) (*client, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	if o.from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(o.from)}
	}
	conn, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &client{Conn: conn, r: bufio.NewReader(conn)}
	if err := c.handshake(o); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) handshake(o opening) error {
	c.SetDeadline(time.Now().Add(callLimit))
	if _, err := c.Write(o.packet()); err != nil {
		return err
	}
	b, err := c.packet()
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	i := in{b: b}
	i.i32()
	c.timeout, c.session, c.password, c.size = i.i32(), i.i64(), i.buf(), len(b)
	if i.err != nil {
		return fmt.Errorf("handshake %x: %w", b, i.err)
	}
	if c.session == 0 {
		return errExpired
	}
	return nil
}

// packet reads one frame's contents.
func (c *client) packet() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return nil, err
	}
	n := int32(binary.BigEndian.Uint32(head[:]))
	if n < 0 || n > 64<<20 {
		return nil, fmt.Errorf("frame of length %d", n)
	}
	b := make([]byte, n)
	_, err := io.ReadFull(c.r, b)
	return b, err
}

// next reads the next packet, event or reply.
func (c *client) next() (reply, error) {
	b, err := c.packet()
	if err != nil {
		return reply{}, err
	}
	i := in{b: b}
	r := reply{xid: i.i32(), zxid: i.i64(), err: i.i32(), body: i.b}
	return r, i.err
}

// send writes a request without waiting for the answer, and returns its xid.
func (c *client) send(op int32, body out) (int32, error) {
	c.xid++
	xid := c.xid
	switch op {
	case opPing:
		xid = -2
	case opAuth:
		xid = -4
	case opSetWatches, opSetWatches2:
		xid = -8
	}
	return xid, c.write(append(out(nil).i32(xid).i32(op), body...).frame())
}

// write sends bytes and sets the time until which answers may come.
func (c *client) write(b []byte) error {
	c.SetDeadline(time.Now().Add(cmp.Or(c.limit, callLimit)))
	_, err := c.Write(b)
	return err
}

// call sends a request and returns its answer; events that come before it are kept.
func (c *client) call(op int32, body out) (reply, error) {
	xid, err := c.send(op, body)
	if err != nil {
		return reply{}, err
	}
	for {
		r, err := c.next()
		if err != nil {
			return r, fmt.Errorf("answer to op %d: %w", op, err)
		}
		if r.xid == xid {
			return r, nil
		}
		if r.xid != -1 {
			return r, fmt.Errorf("answer to op %d: xid %d instead of %d", op, r.xid, xid)
		}
		i := r.in()
		e := event{zxid: r.zxid, typ: i.i32()}
		i.i32()
		e.path = i.str()
		c.events = append(c.events, e)
	}
}

// ok is call for a request that must succeed.
func (c *client) ok(t testing.TB, op int32, body out) *in {
	t.Helper()
	r, err := c.call(op, body)
	if err != nil {
		t.Fatal(err)
	}
	if r.err != 0 {
		t.Fatalf("op %d: error %d", op, r.err)
	}
	return r.in()
}

// fails is call for a request that must be refused with the code.
func (c *client) fails(t testing.TB, code, op int32, body out) {
	t.Helper()
	r, err := c.call(op, body)
	if err != nil {
		t.Fatal(err)
	}
	if r.err != code {
		t.Fatalf("op %d: error %d, want %d", op, r.err, code)
	}
}

// connect opens a session that is closed, as a connection, at the end of the test.
func (s *server) connect(t testing.TB, o opening) *client {
	t.Helper()
	c, err := connect(s.addr(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// resume returns the opening that takes the session over.
func (c *client) resume() opening {
	return opening{timeout: c.timeout, session: c.session, password: c.password}
}
