package proto

import "gokeeper/server/jute"

// ConnectRequest opens or resumes a session.
type ConnectRequest struct {
	ProtocolVersion int32
	LastZxidSeen    Zxid
	Timeout         int32 // milliseconds, before negotiation
	Session         SessionID
	Password        []byte
	HasReadOnly     bool // false: a client from before 3.4, which must not get the flag back
	ReadOnly        bool
}

// Decode reads the record; bytes behind it are ignored.
func (r *ConnectRequest) Decode(d *jute.Decoder) {
	*r = ConnectRequest{
		ProtocolVersion: d.Int(), LastZxidSeen: Zxid(d.Long()), Timeout: d.Int(),
		Session: SessionID(d.Long()), Password: d.Buffer(),
	}
	if d.Err() == nil && d.Len() > 0 {
		r.HasReadOnly, r.ReadOnly = true, d.Bool()
	}
}

// Append appends the record.
func (r *ConnectRequest) Append(b []byte) []byte {
	b = jute.AppendInt(b, r.ProtocolVersion)
	b = jute.AppendLong(b, int64(r.LastZxidSeen))
	b = jute.AppendInt(b, r.Timeout)
	b = jute.AppendLong(b, int64(r.Session))
	b = jute.AppendBuffer(b, r.Password)
	if r.HasReadOnly {
		b = jute.AppendBool(b, r.ReadOnly)
	}
	return b
}

// ConnectResponse answers a ConnectRequest. All zero except for the password's
// length means that there is no such session.
type ConnectResponse struct {
	Timeout     int32 // milliseconds, negotiated
	Session     SessionID
	Password    [16]byte
	HasReadOnly bool
	ReadOnly    bool
}

// Append appends the record.
func (r *ConnectResponse) Append(b []byte) []byte {
	b = jute.AppendInt(b, 0)
	b = jute.AppendInt(b, r.Timeout)
	b = jute.AppendLong(b, int64(r.Session))
	b = jute.AppendBuffer(b, r.Password[:])
	if r.HasReadOnly {
		b = jute.AppendBool(b, r.ReadOnly)
	}
	return b
}

// Decode reads the record; a server from before 3.4 leaves the flag out.
func (r *ConnectResponse) Decode(d *jute.Decoder) {
	d.Int()
	*r = ConnectResponse{Timeout: d.Int(), Session: SessionID(d.Long())}
	copy(r.Password[:], d.Buffer())
	if d.Err() == nil && d.Len() > 0 {
		r.HasReadOnly, r.ReadOnly = true, d.Bool()
	}
}

// RequestHeader begins every request but the first.
type RequestHeader struct {
	Xid int32
	Op  Op
}

// Decode reads the record.
func (r *RequestHeader) Decode(d *jute.Decoder) { r.Xid, r.Op = d.Int(), Op(d.Int()) }

// Append appends the record.
func (r *RequestHeader) Append(b []byte) []byte {
	return jute.AppendInt(jute.AppendInt(b, r.Xid), int32(r.Op))
}

// ReplyHeader begins every reply and event.
type ReplyHeader struct {
	Xid  int32
	Zxid Zxid
	Err  Error
}

// Append appends the record.
func (r *ReplyHeader) Append(b []byte) []byte {
	b = jute.AppendInt(b, r.Xid)
	b = jute.AppendLong(b, int64(r.Zxid))
	return jute.AppendInt(b, int32(r.Err))
}

// Decode reads the record.
func (r *ReplyHeader) Decode(d *jute.Decoder) {
	r.Xid, r.Zxid, r.Err = d.Int(), Zxid(d.Long()), Error(d.Int())
}

// CreateRequest asks for a new node: create, create2, createContainer and, with
// TTL, createTTL.
type CreateRequest struct {
	Path  []byte
	Data  []byte // nil is null, which is kept as such
	ACL   []ACL
	Flags int32
	TTL   int64 // milliseconds; only on the wire of createTTL
}

// Decode reads the record of op.
func (r *CreateRequest) Decode(d *jute.Decoder, op Op) {
	*r = CreateRequest{Path: d.Buffer(), Data: d.Buffer(), ACL: decodeUncheckedACL(d), Flags: d.Int()}
	if op == OpCreateTTL {
		r.TTL = d.Long()
	}
}

// Append appends the record of op.
func (r *CreateRequest) Append(b []byte, op Op) []byte {
	b = jute.AppendBuffer(b, r.Path)
	b = jute.AppendBuffer(b, r.Data)
	b = AppendACL(b, r.ACL)
	b = jute.AppendInt(b, r.Flags)
	if op == OpCreateTTL {
		b = jute.AppendLong(b, r.TTL)
	}
	return b
}

// PathVersion is the request of delete and check.
type PathVersion struct {
	Path    []byte
	Version int32 // -1 matches any version
}

// Decode reads the record.
func (r *PathVersion) Decode(d *jute.Decoder) { r.Path, r.Version = d.Buffer(), d.Int() }

// Append appends the record.
func (r *PathVersion) Append(b []byte) []byte {
	return jute.AppendInt(jute.AppendBuffer(b, r.Path), r.Version)
}

// SetDataRequest replaces a node's data.
type SetDataRequest struct {
	Path    []byte
	Data    []byte // nil is null
	Version int32  // -1 matches any version
}

// Decode reads the record.
func (r *SetDataRequest) Decode(d *jute.Decoder) {
	r.Path, r.Data, r.Version = d.Buffer(), d.Buffer(), d.Int()
}

// Append appends the record.
func (r *SetDataRequest) Append(b []byte) []byte {
	return jute.AppendInt(jute.AppendBuffer(jute.AppendBuffer(b, r.Path), r.Data), r.Version)
}

// SetACLRequest replaces a node's ACL.
type SetACLRequest struct {
	Path    []byte
	ACL     []ACL
	Version int32 // of the ACL; -1 matches any version
}

// Decode reads the record.
func (r *SetACLRequest) Decode(d *jute.Decoder) {
	r.Path, r.ACL, r.Version = d.Buffer(), decodeUncheckedACL(d), d.Int()
}

// Append appends the record.
func (r *SetACLRequest) Append(b []byte) []byte {
	return jute.AppendInt(AppendACL(jute.AppendBuffer(b, r.Path), r.ACL), r.Version)
}

// PathWatch is the request of exists, getData and both getChildren.
type PathWatch struct {
	Path  []byte
	Watch bool
}

// Decode reads the record.
func (r *PathWatch) Decode(d *jute.Decoder) { r.Path, r.Watch = d.Buffer(), d.Bool() }

// Append appends the record.
func (r *PathWatch) Append(b []byte) []byte {
	return jute.AppendBool(jute.AppendBuffer(b, r.Path), r.Watch)
}

// PathType is the request of checkWatches, removeWatches (a [WatcherType]) and
// addWatch (an [AddWatchMode]).
type PathType struct {
	Path []byte
	Type int32
}

// Decode reads the record.
func (r *PathType) Decode(d *jute.Decoder) { r.Path, r.Type = d.Buffer(), d.Int() }

// Append appends the record.
func (r *PathType) Append(b []byte) []byte {
	return jute.AppendInt(jute.AppendBuffer(b, r.Path), r.Type)
}

// ReconfigRequest asks for another membership of the ensemble.
type ReconfigRequest struct {
	Joining, Leaving, Members []byte // nil when not given
	Version                   int64  // of the configuration that it builds on; -1 matches any
}

// Decode reads the record.
func (r *ReconfigRequest) Decode(d *jute.Decoder) {
	r.Joining, r.Leaving, r.Members, r.Version = d.Buffer(), d.Buffer(), d.Buffer(), d.Long()
}

// Append appends the record.
func (r *ReconfigRequest) Append(b []byte) []byte {
	for _, p := range [][]byte{r.Joining, r.Leaving, r.Members} {
		b = jute.AppendBuffer(b, p)
	}
	return jute.AppendLong(b, r.Version)
}

// AuthPacket carries the credentials of one scheme.
type AuthPacket struct {
	Scheme []byte
	Auth   []byte
}

// Decode reads the record; the type in front of it has no meaning.
func (r *AuthPacket) Decode(d *jute.Decoder) {
	d.Int()
	r.Scheme, r.Auth = d.Buffer(), d.Buffer()
}

// Append appends the record.
func (r *AuthPacket) Append(b []byte) []byte {
	return jute.AppendBuffer(jute.AppendBuffer(jute.AppendInt(b, 0), r.Scheme), r.Auth)
}

// SetWatches arms again the watches of a connection that was lost. Lists of paths
// follow it, three or five, which are read one path after the other because they may be
// long.
type SetWatches struct {
	RelativeZxid Zxid // what the client has seen; later changes are reported at once
}

// Decode reads what stands before the lists.
func (r *SetWatches) Decode(d *jute.Decoder) { r.RelativeZxid = Zxid(d.Long()) }

// Lists returns how many lists follow in a request of op.
func (SetWatches) Lists(op Op) int {
	if op == OpSetWatches2 {
		return 5
	}
	return 3
}

// Check reads the whole record of op, lists included, for the error that d then has.
func (r *SetWatches) Check(d *jute.Decoder, op Op) {
	r.Decode(d)
	for range r.Lists(op) {
		for n := d.Count(); n > 0 && d.Err() == nil; n-- {
			d.Buffer()
		}
	}
}
