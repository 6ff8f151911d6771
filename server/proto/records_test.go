package proto

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gokeeper/server/jute"
)

// exchange is what a client and Java 3.9.6 sent each other: whole packets.
type exchange struct {
	name           string
	sent, received []byte
}

func exchanges(t testing.TB) (all []exchange) {
	t.Helper()
	raw, err := os.ReadFile("testdata/exchanges.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		f := strings.Fields(line)
		e := exchange{name: f[0]}
		for i, p := range []*[]byte{&e.sent, &e.received} {
			if *p, err = hex.DecodeString(strings.TrimPrefix(f[i+1], "-")); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, e)
	}
	return all
}

// opConnect stands here for a connect packet, which has no operation.
const opConnect = OpNotification

// resend reads the request of op and appends it again.
func resend(op Op, d *jute.Decoder, b []byte) []byte {
	switch op {
	case opConnect:
		var r ConnectRequest
		r.Decode(d)
		return r.Append(b)
	case OpCreate, OpCreate2, OpCreateContainer, OpCreateTTL:
		var r CreateRequest
		r.Decode(d, op)
		return r.Append(b, op)
	case OpDelete, OpCheck:
		var r PathVersion
		r.Decode(d)
		return r.Append(b)
	case OpSetData:
		var r SetDataRequest
		r.Decode(d)
		return r.Append(b)
	case OpSetACL:
		var r SetACLRequest
		r.Decode(d)
		return r.Append(b)
	case OpExists, OpGetData, OpGetChildren, OpGetChildren2:
		var r PathWatch
		r.Decode(d)
		return r.Append(b)
	case OpCheckWatches, OpRemoveWatches, OpAddWatch:
		var r PathType
		r.Decode(d)
		return r.Append(b)
	case OpReconfig:
		var r ReconfigRequest
		r.Decode(d)
		return r.Append(b)
	case OpAuth:
		var r AuthPacket
		r.Decode(d)
		return r.Append(b)
	case OpSetWatches, OpSetWatches2:
		return resendWatches(op, d, b)
	case OpMulti:
		for _, o := range DecodeMulti(d) {
			b = o.Append(b)
		}
		return AppendMultiEnd(b)
	case OpMultiRead:
		for o, ok := NextMultiRead(d); ok; o, ok = NextMultiRead(d) {
			h, r := MultiHeader{Op: o.Op, Err: -1}, PathWatch{Path: o.Path}
			b = r.Append(h.Append(b))
		}
		return AppendMultiEnd(b)
	case OpGetACL, OpSync, OpGetEphemerals:
		return jute.AppendBuffer(b, d.Buffer())
	}
	return b
}

// resendWatches reads what it appends through a second decoder, after Check has read
// everything.
func resendWatches(op Op, d *jute.Decoder, b []byte) []byte {
	lists := jute.NewDecoder(d.Rest())
	var r SetWatches
	if r.Check(d, op); d.Err() != nil {
		return b
	}
	r.Decode(lists)
	b = jute.AppendLong(b, int64(r.RelativeZxid))
	for range r.Lists(op) {
		n, ok := lists.Vector()
		if !ok {
			n = -1
		}
		b = jute.AppendInt(b, int32(n))
		for ; n > 0; n-- {
			b = jute.AppendBuffer(b, lists.Buffer())
		}
	}
	return b
}

// TestRequests reads what clients send and gives back the same bytes.
func TestRequests(t *testing.T) {
	refused := map[string]error{"multi-setacl-op": ErrOp, "multi-read-op": ErrOp}
	for _, e := range exchanges(t) {
		if len(e.sent) == 0 {
			continue
		}
		var got []byte
		op, d := opConnect, jute.NewDecoder(e.sent[4:])
		if !strings.HasPrefix(e.name, "connect-") {
			var h RequestHeader
			h.Decode(d)
			got, op = h.Append(got), h.Op
		}
		got = resend(op, d, got)
		if err := refused[e.name]; !errors.Is(d.Err(), err) {
			t.Errorf("%s: error %v, want %v", e.name, d.Err(), err)
		} else if err == nil && (!bytes.Equal(got, unwatched(op, e.sent[4:])) || d.Len() != 0) {
			t.Errorf("%s: encodes to\n%x with %d bytes left, was\n%x", e.name, got, d.Len(), e.sent[4:])
		}
	}
}

// unwatched clears the watch flags of a multiRead, which mean nothing and are not kept.
func unwatched(op Op, b []byte) []byte {
	if op == OpMultiRead {
		return bytes.ReplaceAll(b, []byte("/g/m1\x01"), []byte("/g/m1\x00"))
	}
	return b
}

// replay appends the replies and events in received, packet by packet.
func replay(op Op, received []byte) (b []byte, rest int, err error) {
	d := jute.NewDecoder(received)
	for d.Err() == nil && d.Len() > 0 {
		start := len(b)
		length := d.Int()
		var h ReplyHeader
		h.Decode(d)
		if h.Xid == XidEvent {
			typ, state := EventType(d.Int()), d.Int()
			if state != stateSyncConnected {
				return b, d.Len(), errors.New("unknown state")
			}
			b = AppendEvent(b, h.Zxid, typ, d.String())
			continue
		}
		b = h.Append(jute.AppendInt(b, length))
		if h.Err == OK {
			b = answer(op, d, b)
		}
		if int(length) != len(b)-start-4 {
			return b, d.Len(), errors.New("other length")
		}
	}
	return b, d.Len(), d.Err()
}

// answer reads the record that answers op and appends it again.
func answer(op Op, d *jute.Decoder, b []byte) []byte {
	stat := func(b []byte) []byte {
		var s Stat
		s.Decode(d)
		return s.Append(b)
	}
	switch op {
	case OpExists, OpSetData, OpSetACL:
		return stat(b)
	case OpCreate, OpSync:
		return jute.AppendBuffer(b, d.Buffer())
	case OpCreate2, OpCreateContainer, OpCreateTTL, OpGetData:
		return stat(jute.AppendBuffer(b, d.Buffer()))
	case OpGetACL:
		return stat(AppendACL(b, DecodeACL(d)))
	case OpGetChildren, OpGetChildren2, OpGetEphemerals:
		n := d.Count()
		b = jute.AppendInt(b, int32(n))
		for ; n > 0; n-- {
			b = jute.AppendBuffer(b, d.Buffer())
		}
		if op == OpGetChildren2 {
			b = stat(b)
		}
	case OpAddWatch:
		b = jute.AppendInt(b, d.Int())
	case OpMulti, OpMultiRead:
		var h MultiHeader
		for h.Decode(d); d.Err() == nil && !h.Done; h.Decode(d) {
			if h.Op == OpError {
				b = AppendMultiError(b, Error(d.Int()))
			} else {
				b = answer(h.Op, d, h.Append(b))
			}
		}
		b = AppendMultiEnd(b)
	}
	return b
}

// TestReplies appends what Java answers and gets the same bytes.
func TestReplies(t *testing.T) {
	for _, e := range exchanges(t) {
		if strings.HasPrefix(e.name, "connect-") {
			continue
		}
		var h RequestHeader
		if len(e.sent) > 0 {
			h.Decode(jute.NewDecoder(e.sent[4:]))
		}
		if got, rest, err := replay(h.Op, e.received); err != nil || rest != 0 || !bytes.Equal(got, e.received) {
			t.Errorf("%s: %v with %d left, appended\n%x, want\n%x", e.name, err, rest, got, e.received)
		}
	}
}

// TestConnectResponseFollowsTheClient leaves the flag out for clients that sent none.
func TestConnectResponseFollowsTheClient(t *testing.T) {
	for _, e := range exchanges(t) {
		if !strings.HasPrefix(e.name, "connect-") {
			continue
		}
		var q ConnectRequest
		q.Decode(jute.NewDecoder(e.sent[4:]))
		d := jute.NewDecoder(e.received)
		got := jute.AppendInt(nil, d.Int())
		var r ConnectResponse
		r.Decode(d)
		if got = r.Append(got); !bytes.Equal(got, e.received) || r.HasReadOnly != q.HasReadOnly {
			t.Errorf("%s: appended %x, want %x; read-only flag %v, asked %v", e.name, got, e.received, r.HasReadOnly, q.HasReadOnly)
		}
	}
}

// TestNullsOfACL: a list that was checked holds none, in a request they are kept apart
// from every name.
func TestNullsOfACL(t *testing.T) {
	for _, c := range []struct {
		scheme, id []byte
		want       Identity
		err        error
	}{
		{[]byte("ip"), []byte{}, Identity{"ip", ""}, nil},
		{nil, []byte("x"), Identity{Null, "x"}, ErrNullID},
		{[]byte{}, nil, Identity{"", Null}, ErrNullID},
	} {
		in := jute.AppendBuffer(jute.AppendBuffer([]byte{0, 0, 0, 1, 0, 0, 0, 31}, c.scheme), c.id)
		d := jute.NewDecoder(in)
		if DecodeACL(d); !errors.Is(d.Err(), c.err) {
			t.Errorf("%q, %q: error %v, want %v", c.scheme, c.id, d.Err(), c.err)
		}
		var r SetACLRequest
		d = jute.NewDecoder(append(append(jute.AppendString(nil, "/a"), in...), 0, 0, 0, 0))
		if r.Decode(d); d.Err() != nil || !slices.Equal(r.ACL, []ACL{{PermAll, c.want}}) {
			t.Errorf("%q, %q: in a request %q, %v", c.scheme, c.id, r.ACL, d.Err())
		}
	}
	for in, want := range map[string][]ACL{"\xff\xff\xff\xff": nil, "\x00\x00\x00\x00": {}} {
		got := DecodeACL(jute.NewDecoder([]byte(in)))
		if (got == nil) != (want == nil) || string(AppendACL(nil, got)) != in {
			t.Errorf("%x decodes as %#v, want %#v", in, got, want)
		}
	}
}

// TestMultiCreateKinds has what a create with a flag is inside a multi.
func TestMultiCreateKinds(t *testing.T) {
	acl := OpenACL()
	for _, c := range []struct {
		op    Op
		flags int32
		acl   []ACL
		want  Op
		err   error
	}{
		{OpCreate, FlagPersistent, acl, OpCreate, nil},
		{OpCreate2, FlagEphemeralSequential, acl, OpCreate2, nil},
		{OpCreate, FlagContainer, acl, OpCreateContainer, nil},
		{OpCreateTTL, FlagContainer, acl, OpCreateContainer, nil},
		{OpCreateContainer, FlagSequential, acl, OpCreateContainer, nil},
		{OpCreateTTL, FlagPersistentSequentialTTL, acl, OpCreateTTL, nil},
		{OpCreateTTL, FlagEphemeral, acl, OpCreate, nil},
		{OpCreateTTL, 7, acl, OpCreateTTL, nil},
		{OpCreate, FlagPersistentTTL, acl, 0, ErrNoTTL},
		{OpCreate2, 7, acl, 0, ErrOp},
		{OpCreate, -1, acl, 0, ErrOp},
		{OpCreate, FlagPersistent, []ACL{}, OpCreate, nil},
		{OpCreate, FlagPersistent, nil, 0, ErrNullVector},
		{OpCreateContainer, FlagContainer, nil, 0, ErrNullVector},
		{OpCreateTTL, FlagPersistentTTL, nil, OpCreateTTL, nil},
	} {
		o := MultiOp{Op: c.op, Create: CreateRequest{Path: []byte("/a"), ACL: c.acl, Flags: c.flags, TTL: 5}}
		d := jute.NewDecoder(AppendMultiEnd(o.Append(nil)))
		ops := DecodeMulti(d)
		if !errors.Is(d.Err(), c.err) || c.err == nil && (len(ops) != 1 || ops[0].Op != c.want) {
			t.Errorf("%v with flags %d and list %v: %v, error %v; want %v, %v", c.op, c.flags, c.acl, ops, d.Err(), c.want, c.err)
		}
	}
}

func TestMultiWantsPaths(t *testing.T) {
	for _, o := range []MultiOp{
		{Op: OpCheck}, {Op: OpDelete}, {Op: OpSetData, Data: SetDataRequest{Data: []byte("x")}},
		{Op: OpCreate, Create: CreateRequest{ACL: OpenACL()}},
	} {
		d := jute.NewDecoder(AppendMultiEnd(o.Append(nil)))
		if DecodeMulti(d); !errors.Is(d.Err(), ErrNullPath) {
			t.Errorf("%v: error %v, want ErrNullPath", o.Op, d.Err())
		}
	}
}

// TestMultiEndsWhereItSaysDone, whatever else the header says.
func TestMultiEndsWhereItSaysDone(t *testing.T) {
	check, end := MultiOp{Op: OpCheck, Path: PathVersion{Path: []byte("/a")}}, MultiHeader{Op: OpCheck, Done: true}
	d := jute.NewDecoder(append(end.Append(check.Append(nil)), "behind"...))
	if ops := DecodeMulti(d); len(ops) != 1 || d.Err() != nil || string(d.Rest()) != "behind" {
		t.Errorf("%d operations, %v, rest %q", len(ops), d.Err(), d.Rest())
	}
}

func TestMultiWithoutEndIsShort(t *testing.T) {
	for _, op := range []Op{OpMulti, OpMultiRead} {
		d := jute.NewDecoder(nil)
		if resend(op, d, nil); !errors.Is(d.Err(), jute.ErrShort) {
			t.Errorf("%v: error %v, want ErrShort", op, d.Err())
		}
	}
}

// TestBareCheckIsNeitherReadNorWrite: a check alone must not enter the pipeline
// (ZOOKEEPER-2623). The same holds for what else is no request of its own.
func TestBareCheckIsNeitherReadNorWrite(t *testing.T) {
	for _, op := range []Op{OpCheck, OpNotification, OpError, OpAuth, OpSASL, 10, 99, -12} {
		if op.IsRead() || op.IsWrite() {
			t.Errorf("%v: read %v, write %v", op, op.IsRead(), op.IsWrite())
		}
	}
	for op := range opNames {
		if op.IsRead() && op.IsWrite() {
			t.Errorf("%v is both read and write", op)
		}
	}
}

// FuzzRequest decodes any body as the request of any operation. What it decodes to
// encodes to something that decodes the same, and lengths and counts are not believed.
func FuzzRequest(f *testing.F) {
	for _, e := range exchanges(f) {
		if strings.HasPrefix(e.name, "connect-") {
			f.Add(int32(opConnect), e.sent[4:])
		} else if len(e.sent) > 0 {
			var h RequestHeader
			h.Decode(jute.NewDecoder(e.sent[4:]))
			f.Add(int32(h.Op), e.sent[12:])
		}
	}
	huge := []byte("\x00\x00\x00\x02/a\x7f\xff\xff\xff\x7f\xff\xff\xff")
	for _, op := range []Op{OpCreate, OpSetACL, OpSetWatches, OpMulti, OpMultiRead} {
		f.Add(int32(op), huge)
	}
	f.Fuzz(func(t *testing.T, code int32, body []byte) {
		op, d := Op(code), jute.NewDecoder(body)
		var first []byte
		if n := allocated(func() { first = resend(op, d, nil) }); n > 64<<10+64*uint64(len(body)) {
			t.Errorf("%d bytes allocated to decode %d", n, len(body))
		}
		if d.Err() != nil {
			return
		}
		again := jute.NewDecoder(first)
		if second := resend(op, again, nil); again.Err() != nil || !bytes.Equal(first, second) {
			t.Errorf("%v encodes to %x, then to %x, %v", op, first, second, again.Err())
		}
	})
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
