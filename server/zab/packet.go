package zab

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
)

// Type is the kind of a packet between a leader and a learner. Java: Leader's constants.
type Type int32

// The packets. L is any learner, F a follower, O an observer.
const (
	Request           Type = 1  // L→ a client's write, sync, or session request
	Proposal          Type = 2  // →F a transaction to log
	Ack               Type = 3  // L→ everything up to the zxid is logged
	Commit            Type = 4  // →F the proposal with the zxid is decided
	Ping              Type = 5  // both ways; from a learner with the sessions it heard
	Revalidate        Type = 6  // both ways; may a client go on with its session here
	Sync              Type = 7  // →L everything a sync waited for was sent before
	Inform            Type = 8  // →O a decided transaction
	CommitAndActivate Type = 9  // →F Commit of a reconfiguration
	NewLeader         Type = 10 // →L the end of the history
	FollowerInfo      Type = 11 // F→ the first packet
	UpToDate          Type = 12 // →L serve
	Diff              Type = 13 // →L the missing transactions follow
	Trunc             Type = 14 // →L forget what is behind the zxid
	Snap              Type = 15 // →L the whole tree follows, outside of packets
	ObserverInfo      Type = 16 // O→ the first packet
	LeaderInfo        Type = 17 // →L the new epoch
	AckEpoch          Type = 18 // L→ the learner's last zxid and epoch
	InformAndActivate Type = 19 // →O Inform of a reconfiguration
)

var typeNames = [...]string{
	Request: "REQUEST", Proposal: "PROPOSAL", Ack: "ACK", Commit: "COMMIT", Ping: "PING", Revalidate: "REVALIDATE",
	Sync: "SYNC", Inform: "INFORM", CommitAndActivate: "COMMITANDACTIVATE", NewLeader: "NEWLEADER",
	FollowerInfo: "FOLLOWERINFO", UpToDate: "UPTODATE", Diff: "DIFF", Trunc: "TRUNC", Snap: "SNAP",
	ObserverInfo: "OBSERVERINFO", LeaderInfo: "LEADERINFO", AckEpoch: "ACKEPOCH", InformAndActivate: "INFORMANDACTIVATE",
}

// String returns Java's name of the type.
func (t Type) String() string {
	if t > 0 && int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("UNKNOWN(%d)", int32(t))
}

// Packet is what leader and learner exchange, back to back and without any framing:
//
//	int type | long zxid | buffer data | vector<string scheme, string id> auth
//
// Java: QuorumPacket.
type Packet struct {
	Type Type
	Zxid proto.Zxid
	Data []byte           // nil is null
	Auth []proto.Identity // of Request: who asks; nil is null
}

// String describes the packet in traces: its type and zxid.
func (p Packet) String() string { return p.Type.String() + " " + p.Zxid.String() }

// Append appends the packet's bytes.
func (p *Packet) Append(b []byte) []byte {
	b = jute.AppendLong(jute.AppendInt(b, int32(p.Type)), int64(p.Zxid))
	b = jute.AppendBuffer(b, p.Data)
	if p.Auth == nil {
		return jute.AppendInt(b, -1)
	}
	b = jute.AppendInt(b, int32(len(p.Auth)))
	for _, id := range p.Auth {
		b = jute.AppendString(jute.AppendString(b, id.Scheme), id.ID)
	}
	return b
}

// ErrTooLong says that a buffer or string is longer than the limit, or has a negative
// length other than null's -1.
var ErrTooLong = errors.New("length out of range")

// maxAuth bounds the identities of a packet. Java has no bound.
const maxAuth = 1 << 16

// ReadPacket reads the next packet. A buffer or string longer than limit bytes is
// ErrTooLong; the end of input between packets is io.EOF, inside one
// io.ErrUnexpectedEOF.
func ReadPacket(r *bufio.Reader, limit int) (Packet, error) {
	var head [16]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Packet{}, err
	}
	p := Packet{Type: Type(binary.BigEndian.Uint32(head[:])), Zxid: proto.Zxid(binary.BigEndian.Uint64(head[4:]))}
	var err error
	if p.Data, err = readBuffer(r, int32(binary.BigEndian.Uint32(head[12:])), limit); err != nil {
		return Packet{}, fmt.Errorf("data of %v: %w", p.Type, err)
	}
	if p.Auth, err = readAuth(r, limit); err != nil {
		return Packet{}, fmt.Errorf("identities of %v: %w", p.Type, err)
	}
	return p, nil
}

func readAuth(r *bufio.Reader, limit int) ([]proto.Identity, error) {
	n, err := readInt(r)
	switch {
	case err != nil:
		return nil, err
	case n == -1:
		return nil, nil
	case n < 0 || n > maxAuth:
		return nil, ErrTooLong
	}
	auth := make([]proto.Identity, 0, min(n, 16))
	for range n {
		scheme, err := readString(r, limit)
		if err != nil {
			return nil, err
		}
		id, err := readString(r, limit)
		if err != nil {
			return nil, err
		}
		auth = append(auth, proto.Identity{Scheme: scheme, ID: id})
	}
	return auth, nil
}

func readString(r *bufio.Reader, limit int) (string, error) {
	n, err := readInt(r)
	if err != nil {
		return "", err
	}
	b, err := readBuffer(r, n, limit)
	return string(b), err
}

func readInt(r *bufio.Reader) (int32, error) {
	var b [4]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, inside(err)
	}
	return int32(binary.BigEndian.Uint32(b[:])), nil
}

// readBuffer reads n bytes. It trusts n only as far as bytes come: a peer cannot make
// it allocate much more than it sends.
func readBuffer(r *bufio.Reader, n int32, limit int) ([]byte, error) {
	const trusted = 1 << 16
	switch {
	case n == -1:
		return nil, nil
	case n < 0 || int(n) > limit:
		return nil, ErrTooLong
	}
	b := make([]byte, min(int(n), trusted))
	for got := 0; ; {
		m, err := io.ReadFull(r, b[got:])
		if err != nil {
			return nil, inside(err)
		}
		if got += m; got == int(n) {
			return b, nil
		}
		b = append(b, make([]byte, min(int(n)-got, got))...)
	}
}

func inside(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// ProtocolVersion is the version of the exchange that leader and learner announce.
const ProtocolVersion = 0x10000

// Info is the data of a learner's first packet. Java: LearnerInfo.
type Info struct {
	Server        quorum.ServerID
	Protocol      int32
	ConfigVersion int64 // of the learner's committed configuration
}

// Append appends the record.
func (i *Info) Append(b []byte) []byte {
	return jute.AppendLong(jute.AppendInt(jute.AppendLong(b, int64(i.Server)), i.Protocol), i.ConfigVersion)
}

// ParseInfo reads the record. Old learners leave out the version of the configuration.
func ParseInfo(b []byte) (Info, error) {
	d := jute.NewDecoder(b)
	i := Info{Server: quorum.ServerID(d.Long()), Protocol: d.Int()}
	if d.Len() >= 8 {
		i.ConfigVersion = d.Long()
	}
	return i, d.Err()
}

// Touched is one session in a learner's answer to a ping: it was heard of since the
// last. Of a Revalidate it is the session to ask about.
type Touched struct {
	Session proto.SessionID
	Timeout int32 // milliseconds
}

// AppendTouched appends the record.
func AppendTouched(b []byte, t Touched) []byte {
	return jute.AppendInt(jute.AppendLong(b, int64(t.Session)), t.Timeout)
}

// ParseTouched reads as many records as there are.
func ParseTouched(b []byte) ([]Touched, error) {
	const size = 12
	if len(b)%size != 0 {
		return nil, fmt.Errorf("%d bytes of sessions: %w", len(b), io.ErrUnexpectedEOF)
	}
	d := jute.NewDecoder(b)
	out := make([]Touched, len(b)/size)
	for i := range out {
		out[i] = Touched{proto.SessionID(d.Long()), d.Int()}
	}
	return out, nil
}

// Forwarded is the data of a Request: a client's request on its way from a learner to
// the leader.
type Forwarded struct {
	Session proto.SessionID
	Cxid    int32
	Op      proto.Op
	Body    []byte // the client's record; shares the packet's memory
}

// Append appends the record.
func (f *Forwarded) Append(b []byte) []byte {
	b = jute.AppendInt(jute.AppendInt(jute.AppendLong(b, int64(f.Session)), f.Cxid), int32(f.Op))
	return append(b, f.Body...)
}

// ParseForwarded reads the record.
func ParseForwarded(b []byte) (Forwarded, error) {
	d := jute.NewDecoder(b)
	f := Forwarded{Session: proto.SessionID(d.Long()), Cxid: d.Int(), Op: proto.Op(d.Int())}
	f.Body = d.Rest()
	return f, d.Err()
}
