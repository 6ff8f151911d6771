package txn

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// fields is a JSON object.
type fields map[string]any

// goldens returns transactions of Java's logs and proposals with what they mean.
func goldens(t testing.TB) (all []fields) {
	t.Helper()
	raw, err := os.ReadFile("testdata/records.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		var g fields
		if err := json.Unmarshal([]byte(line), &g); err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	return all
}

func (g fields) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(g["hex"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// describe returns the transaction as the goldens do.
func describe(x *Txn) fields {
	g := fields{
		"clientId": x.Session.String(), "cxid": x.Cxid, "zxid": x.Zxid.String(), "time": x.Time, "type": x.Type,
		"txn": describeBody(x.Body), "digest": nil,
	}
	if x.Digest != nil {
		g["digest"] = fields{"version": x.Digest.Version, "treeDigest": fmt.Sprintf("%#x", x.Digest.Value)}
	}
	return g
}

func describeBody(body Body) fields {
	switch b := body.(type) {
	case *Create:
		g := fields{"path": b.Path, "data": b.Data, "acl": describeACL(b.ACL), "parentCVersion": b.ParentCversion}
		switch b.Type {
		case proto.OpCreate, proto.OpCreate2:
			g["ephemeral"] = b.Ephemeral
		case proto.OpCreateTTL:
			g["ttl"] = b.TTL
		}
		return g
	case *Delete:
		return fields{"path": b.Path}
	case *SetData:
		return fields{"path": b.Path, "data": b.Data, "version": b.Version}
	case *SetACL:
		return fields{"path": b.Path, "acl": describeACL(b.ACL), "version": b.Version}
	case *Check:
		return fields{"path": b.Path, "version": b.Version}
	case *CreateSession:
		return fields{"timeOut": b.Timeout}
	case *CloseSession:
		if b.NoPaths {
			return nil
		}
		return fields{"paths2Delete": append([]string{}, b.Paths...)}
	case *Error:
		return fields{"err": b.Code}
	case *Multi:
		ops := []fields{}
		for _, op := range b.Ops {
			ops = append(ops, fields{"type": op.Type, "txn": describeBody(op.Body)})
		}
		return fields{"txns": ops}
	}
	panic(fmt.Sprintf("bug: %T", body))
}

func describeACL(acl []proto.ACL) []fields {
	list := []fields{}
	for _, a := range acl {
		list = append(list, fields{"perms": a.Perms, "scheme": a.Scheme, "id": a.ID})
	}
	return list
}

// TestGoldens decodes what Java wrote, compares every field, and encodes it to the same
// bytes: the log's checksum and the other members see them.
func TestGoldens(t *testing.T) {
	types := map[proto.Op]bool{}
	for _, want := range goldens(t) {
		raw := want.bytes(t)
		x, err := Decode(raw, jute.DefaultLimit)
		if err != nil {
			t.Errorf("%s: %v", want["hex"], err)
			continue
		}
		if got := x.Append(nil); !bytes.Equal(got, raw) {
			t.Errorf("%v encodes to %x, was %x", x.Zxid, got, raw)
		}
		if h, err := DecodeHeader(raw); err != nil || h != x.Header {
			t.Errorf("%v: header alone %+v, %v", x.Zxid, h, err)
		}
		delete(want, "hex")
		delete(want, "from")
		text, err := json.Marshal(describe(&x))
		if err != nil {
			t.Fatal(err)
		}
		var got fields
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s decodes as\n%v, want\n%v", x.Zxid, got, want)
		}
		types[x.Type] = true
	}
	if len(types) != 13 {
		t.Errorf("%d types of transactions, want every one but check", len(types))
	}
}

// record returns an encoded transaction with the body and without a digest.
func record(typ proto.Op, body []byte) []byte {
	h := Header{Session: 1, Cxid: 2, Zxid: 3, Time: 4, Type: typ}
	return append(h.Append(nil), body...)
}

// again decodes a body and returns what it encodes to.
func again(t *testing.T, typ proto.Op, body []byte, limit int) (Txn, []byte) {
	t.Helper()
	x, err := Decode(record(typ, body), limit)
	if err != nil {
		t.Fatalf("%v %x: %v", typ, body, err)
	}
	return x, x.Append(nil)[HeaderSize:]
}

func TestRareFormsKeepTheirBytes(t *testing.T) {
	odd := append(jute.AppendString(nil, "/\xff\xed\xa0\xbd"), 0xff, 0xff, 0xff, 0xff) // no UTF-8, null data
	noACL := append(odd, 0xff, 0xff, 0xff, 0xff)
	for name, c := range map[string]struct {
		typ  proto.Op
		body []byte
	}{
		"null ACL, negative parent version":   {proto.OpCreate, append(noACL, 0, 0x80, 0, 0, 0)},
		"empty ACL":                           {proto.OpCreateContainer, append(odd, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff)},
		"negative TTL":                        {proto.OpCreateTTL, append(noACL, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)},
		"create without the parent's version": {proto.OpCreate, append(noACL, 1)},
		"null list of ephemerals":             {proto.OpCloseSession, []byte{0xff, 0xff, 0xff, 0xff}},
		"one short path":                      {proto.OpCloseSession, []byte("\x00\x00\x00\x01\x00\x00\x00\x04/abc")},
		"no list, digest":                     {proto.OpCloseSession, []byte{0, 0, 0, 2, 0, 0, 0, 0, 0x51, 0xc6, 0xd6, 0x60}},
		"no list, digest of zero":             {proto.OpCloseSession, []byte{0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0}},
		"no list":                             {proto.OpCloseSession, nil},
	} {
		x, got := again(t, c.typ, c.body, jute.DefaultLimit)
		if !bytes.Equal(got, c.body) {
			t.Errorf("%s: encodes to %x, was %x", name, got, c.body)
		}
		if hasDigest := strings.Contains(name, "digest"); (x.Digest != nil) != hasDigest {
			t.Errorf("%s: digest %v", name, x.Digest)
		}
	}
}

// TestCutIsRefusedOrAnOlderForm cuts goldens at every byte. Some old forms end earlier
// than the new ones; anything else must not be taken for whole.
func TestCutIsRefusedOrAnOlderForm(t *testing.T) {
	for _, g := range goldens(t) {
		raw := g.bytes(t)
		for n := range raw {
			x, err := Decode(raw[:n:n], jute.DefaultLimit)
			if err == nil && !bytes.HasPrefix(raw[:n], x.Append(nil)) {
				t.Errorf("%v cut to %d of %d bytes is taken for %+v", x.Zxid, n, len(raw), x.Body)
			}
		}
	}
}

// TestBytesBehindAreIgnored: those behind a digest, and too few for one, as in Java.
func TestBytesBehindAreIgnored(t *testing.T) {
	raw := goldens(t)[0].bytes(t)
	for n := range 13 {
		x, err := Decode(append(raw[:len(raw):len(raw)], make([]byte, n)...), jute.DefaultLimit)
		if err != nil || !bytes.Equal(x.Append(nil), raw) {
			t.Errorf("%d bytes behind the digest: %+v, %v", n, x.Digest, err)
		}
		x, err = Decode(record(proto.OpError, make([]byte, 4+n)), jute.DefaultLimit)
		if err != nil || (x.Digest != nil) != (n == 12) {
			t.Errorf("%d bytes behind the body: digest %+v, %v", n, x.Digest, err)
		}
	}
}

func TestUnknownTypeIsRefused(t *testing.T) {
	for _, typ := range []proto.Op{0, 3, -12, 17, 1 << 30} {
		if _, err := Decode(record(typ, make([]byte, 50)), jute.DefaultLimit); !errors.Is(err, ErrType) {
			t.Errorf("type %d: error %v, want ErrType", typ, err)
		}
	}
}

func TestLimitIsThatOfTheCaller(t *testing.T) {
	data := make([]byte, 3*jute.DefaultLimit/2)
	set := SetData{Path: "/a", Data: data, Version: 1}
	multi := Multi{Ops: []Op{{proto.OpSetData, &set}, {proto.OpCheck, &Check{Path: "/a"}}}}
	for typ, body := range map[proto.Op]Body{proto.OpSetData: &set, proto.OpMulti: &multi} {
		raw := body.Append(nil)
		if _, err := Decode(record(typ, raw), jute.DefaultLimit); !errors.Is(err, jute.ErrLength) {
			t.Errorf("%v with the default limit: error %v, want ErrLength", typ, err)
		}
		x, _ := again(t, typ, raw, 2*jute.DefaultLimit)
		if m, ok := x.Body.(*Multi); ok && len(m.Ops) != 2 {
			t.Errorf("%d operations of a multi with a raised limit, want 2", len(m.Ops))
		}
	}
}

// TestUndecodableOpEndsMulti has what Java silently stops at: those before it count,
// and all of them stay in the bytes.
func TestUndecodableOpEndsMulti(t *testing.T) {
	op := func(b []byte, typ proto.Op, body []byte) []byte {
		return jute.AppendBuffer(jute.AppendInt(b, int32(typ)), body)
	}
	path := jute.AppendString(nil, "/a")
	old := append(jute.AppendBuffer(path, nil), 0xff, 0xff, 0xff, 0xff, 0) // a create of 3.3
	for name, bad := range map[string][]byte{
		"old create": op(nil, proto.OpCreate, old), "unknown": op(nil, 99, path), "multi": op(nil, proto.OpMulti, make([]byte, 4)),
		"null": op(nil, proto.OpDelete, nil), "short": op(nil, proto.OpSetData, path),
	} {
		body := op(jute.AppendInt(nil, 3), proto.OpDelete, path)
		body = op(append(body, bad...), proto.OpError, []byte{0, 0, 0, 1})
		x, got := again(t, proto.OpMulti, body, jute.DefaultLimit)
		if m := x.Body.(*Multi); len(m.Ops) != 1 || m.Failed() != proto.OK {
			t.Errorf("%s: %d operations, failed %v; want the one before it", name, len(m.Ops), m.Failed())
		}
		if !bytes.Equal(got, body) {
			t.Errorf("%s: encodes to %x, was %x", name, got, body)
		}
	}
}

func TestFirstErrorFailsMulti(t *testing.T) {
	m := Multi{Ops: []Op{{proto.OpCheck, &Check{}}, {proto.OpError, &Error{proto.BadVersion}}, {proto.OpError, &Error{proto.RuntimeInconsistency}}}}
	if got := m.Failed(); got != proto.BadVersion {
		t.Errorf("failed with %v, want bad version", got)
	}
	m.Ops = m.Ops[:1]
	if got := m.Failed(); got != proto.OK {
		t.Errorf("failed with %v, want success", got)
	}
}

// FuzzDecode wants that what is decoded encodes to something that means the same, and
// that lengths and counts in the input are not believed.
func FuzzDecode(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.bytes(f))
	}
	for _, typ := range []proto.Op{proto.OpCreate, proto.OpSetACL, proto.OpMulti, proto.OpCloseSession} {
		f.Add(record(typ, []byte("\x00\x00\x00\x02/a\x7f\xff\xff\xff\x7f\xff\xff\xff\x00\x00\x00\x01")))
	}
	f.Add(record(proto.OpMulti, bytes.Repeat([]byte{0x7f, 0xff, 0xff, 0xff}, 9)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var x Txn
		var err error
		if n := allocated(func() { x, err = Decode(raw, jute.DefaultLimit) }); n > 64<<10+64*uint64(len(raw)) {
			t.Errorf("%d bytes allocated to decode %d", n, len(raw))
		}
		if c, ok := x.Body.(*CloseSession); err != nil || ok && slices.Contains(c.Paths, "") {
			return // two empty paths look like a digest
		}
		first := x.Append(nil)
		y, err := Decode(first, jute.DefaultLimit)
		if err != nil {
			t.Fatalf("%x cannot be decoded again: %v", first, err)
		}
		if got, want := describe(&y), describe(&x); !reflect.DeepEqual(got, want) {
			t.Errorf("decoded again it is %v, was %v", got, want)
		}
		if second := y.Append(nil); !bytes.Equal(first, second) {
			t.Errorf("encodes to %x, then to %x", first, second)
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
