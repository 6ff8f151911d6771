// Package proto holds the nouns of ZooKeeper's client protocol: operation codes,
// error codes, stat, ACL, paths, watch events, and the records that requests and
// replies are made of.
//
// A packet is an int length and that many bytes. The first packet of a connection
// is a [ConnectRequest], answered by a [ConnectResponse]; every later one begins
// with a [RequestHeader] or a [ReplyHeader]:
//
//	length int | xid int | type int          | record      request
//	length int | xid int | zxid long | err int | record    reply, event
//
// Requests decode without copying: their strings are byte slices that alias the
// packet, nil when the string is null. Replies are appended to the caller's
// buffer. The package is pure; its values may be used from any goroutine as plain
// data.
package proto

import (
	"fmt"

	"gokeeper/server/jute"
)

// Zxid is a transaction id: the epoch in the high 32 bits, a counter in the low
// 32. It compares as a signed number, as in Java.
type Zxid int64

// NewZxid returns the zxid of the counter in the epoch.
func NewZxid(epoch int64, counter uint32) Zxid { return Zxid(epoch<<32 | int64(counter)) }

// Epoch returns the high 32 bits.
func (z Zxid) Epoch() int64 { return int64(z) >> 32 }

// Counter returns the low 32 bits.
func (z Zxid) Counter() uint32 { return uint32(z) }

// String returns the zxid as Java logs it: 0x and hex digits without padding.
func (z Zxid) String() string { return fmt.Sprintf("0x%x", uint64(z)) }

// SessionID identifies a client session. Its top byte is the id of the server
// that created it.
type SessionID int64

// String returns the id as Java logs it: 0x and hex digits without padding.
func (s SessionID) String() string { return fmt.Sprintf("0x%x", uint64(s)) }

// Xids with a meaning of their own.
const (
	XidEvent = -1 // notification, server to client only
	XidPing  = -2 // the reply to a ping always carries it
)

// Perm is a set of permissions of an ACL entry.
type Perm int32

// Permissions. Bits that are not listed are stored and returned as they came.
const (
	PermRead   Perm = 1
	PermWrite  Perm = 2
	PermCreate Perm = 4
	PermDelete Perm = 8
	PermAdmin  Perm = 16
	PermAll    Perm = 31
)

// Identity is a scheme and an id: who a connection is, or whom an ACL entry names.
type Identity struct {
	Scheme string
	ID     string
}

// ACL is one entry of an access control list.
type ACL struct {
	Perms Perm
	Identity
}

// OpenACL is world:anyone with all permissions, the ACL of the built-in nodes.
func OpenACL() []ACL { return []ACL{{PermAll, Identity{"world", "anyone"}}} }

// AppendACL appends the list as a vector; nil is null.
func AppendACL(b []byte, acl []ACL) []byte {
	if acl == nil {
		return jute.AppendInt(b, -1)
	}
	b = jute.AppendInt(b, int32(len(acl)))
	for i := range acl {
		b = jute.AppendInt(b, int32(acl[i].Perms))
		b = jute.AppendString(b, acl[i].Scheme)
		b = jute.AppendString(b, acl[i].ID)
	}
	return b
}

// Null stands for the null scheme or id of an ACL entry that a client sends. It is no
// UTF-8, so that it equals no name.
const Null = "\xff\xff"

// DecodeACL reads a vector of ACL entries that were checked before; nil is null. A
// scheme or an id that is null fails.
func DecodeACL(d *jute.Decoder) []ACL {
	acl := decodeUncheckedACL(d)
	for i := range acl {
		if acl[i].Scheme == Null || acl[i].ID == Null {
			d.Fail(ErrNullID)
		}
	}
	return acl
}

// decodeUncheckedACL reads a vector of ACL entries as a client sends it: strings become
// what Java makes of them, and what is null becomes Null, since it depends on the rest
// what that means.
func decodeUncheckedACL(d *jute.Decoder) []ACL {
	n, ok := d.Vector()
	if !ok {
		return nil
	}
	name := func() string {
		if b := d.Buffer(); b != nil {
			return jute.JavaString(b)
		}
		return Null
	}
	acl := []ACL{}
	for i := 0; i < n && d.Err() == nil; i++ {
		acl = append(acl, ACL{Perms: Perm(d.Int()), Identity: Identity{Scheme: name(), ID: name()}})
	}
	return acl
}

// Stat is what a client sees of a node's state. Times are milliseconds since 1970.
type Stat struct {
	Czxid, Mzxid   Zxid  // transactions that created and last changed the node's data
	Ctime, Mtime   int64 // their times
	Version        int32 // changes of the data
	Cversion       int32 // creations and deletions of children
	Aversion       int32 // changes of the ACL
	EphemeralOwner int64 // session of an ordinary ephemeral, otherwise 0
	DataLength     int32
	NumChildren    int32
	Pzxid          Zxid // transaction that last changed the list of children
}

// StatSize is the encoded length of a Stat in bytes.
const StatSize = 68

// Append appends the record.
func (s *Stat) Append(b []byte) []byte {
	b = jute.AppendLong(b, int64(s.Czxid))
	b = jute.AppendLong(b, int64(s.Mzxid))
	b = jute.AppendLong(b, s.Ctime)
	b = jute.AppendLong(b, s.Mtime)
	b = jute.AppendInt(b, s.Version)
	b = jute.AppendInt(b, s.Cversion)
	b = jute.AppendInt(b, s.Aversion)
	b = jute.AppendLong(b, s.EphemeralOwner)
	b = jute.AppendInt(b, s.DataLength)
	b = jute.AppendInt(b, s.NumChildren)
	return jute.AppendLong(b, int64(s.Pzxid))
}

// Decode reads the record.
func (s *Stat) Decode(d *jute.Decoder) {
	*s = Stat{
		Czxid: Zxid(d.Long()), Mzxid: Zxid(d.Long()), Ctime: d.Long(), Mtime: d.Long(),
		Version: d.Int(), Cversion: d.Int(), Aversion: d.Int(), EphemeralOwner: d.Long(),
		DataLength: d.Int(), NumChildren: d.Int(), Pzxid: Zxid(d.Long()),
	}
}
