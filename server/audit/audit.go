// Package audit says what Java's audit log keeps of a request: who has changed what, and
// whether it was permitted to happen. Reads, checks and sessions are not in it, but for
// the ephemerals that end with a session.
//
// What a client asked for is told by the server that it is connected to, the ephemerals by
// every server. (Java: AuditHelper, ZKAuditProvider.)
package audit

import (
	"slices"
	"strings"

	"gokeeper/server/auth"
	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// Results of what was asked for.
const (
	Success = "success"
	Failure = "failure"
	Invoked = "invoked" // of the end of a server, which has not ended yet
)

// Operations of a server.
const (
	ServerStart = "serverStart"
	ServerStop  = "serverStop"
)

// Record is one line. What is empty is left out.
type Record struct {
	Session   proto.SessionID // 0: none
	User      string          // the names of a connection, or of the server
	IP        string          // of the client
	Operation string
	Znode     string
	ZnodeType string // of a create
	ACL       string
	Result    string
}

// Request is a request of a client here and what became of it.
type Request struct {
	Session proto.SessionID
	IDs     []proto.Identity
	Op      proto.Op
	Body    []byte // the request's record
	Limit   int    // longest buffer in it; 0 is jute.DefaultLimit
	Txn     *txn.Txn
	Err     proto.Error // of the reply
}

// Records returns what is kept of the request.
func (r *Request) Records() []Record {
	base := Record{Session: r.Session, Result: Success}
	base.User, base.IP = users(r.IDs)
	if r.failed() {
		base.Result = Failure
	}
	var d jute.Decoder
	d.Reset(r.Body, r.Limit)
	switch r.Op {
	case proto.OpMulti:
		return r.multi(&d, base)
	case proto.OpReconfig:
		base.Operation = "reconfig"
	default:
		if !r.single(&d, &base) {
			return nil
		}
	}
	return []Record{base}
}

// failed says whether nothing was changed.
func (r *Request) failed() bool {
	if m, ok := r.Txn.Body.(*txn.Multi); ok && m.Failed() != proto.OK {
		return true
	}
	_, failed := r.Txn.Body.(*txn.Error)
	return failed || r.Err != proto.OK
}

// single fills in a request that is one operation, and says whether it is kept.
func (r *Request) single(d *jute.Decoder, out *Record) bool {
	switch r.Op {
	case proto.OpCreate, proto.OpCreate2, proto.OpCreateContainer, proto.OpCreateTTL:
		var q proto.CreateRequest
		q.Decode(d, r.Op)
		created(out, &q, r.Txn.Body)
	case proto.OpDelete:
		var q proto.PathVersion
		q.Decode(d)
		out.Operation, out.Znode = "delete", string(q.Path)
	case proto.OpSetData:
		var q proto.SetDataRequest
		q.Decode(d)
		out.Operation, out.Znode = "setData", string(q.Path)
	case proto.OpSetACL:
		var q proto.SetACLRequest
		q.Decode(d)
		out.Operation, out.Znode, out.ACL = "setAcl", string(q.Path), aclText(q.ACL)
	default:
		return false
	}
	return true
}

// multi returns a record for each change, or one for all when nothing was changed.
func (r *Request) multi(d *jute.Decoder, base Record) []Record {
	if base.Result == Failure {
		base.Operation = "multiOperation"
		return []Record{base}
	}
	var out []Record
	done, _ := r.Txn.Body.(*txn.Multi)
	for i, op := range proto.DecodeMulti(d) {
		x := base
		switch op.Op {
		case proto.OpDelete:
			x.Operation, x.Znode = "delete", string(op.Path.Path)
		case proto.OpSetData:
			x.Operation, x.Znode = "setData", string(op.Data.Path)
		case proto.OpCheck:
			continue
		default:
			var body txn.Body
			if done != nil && i < len(done.Ops) {
				body = done.Ops[i].Body
			}
			created(&x, &op.Create, body)
		}
		out = append(out, x)
	}
	return out
}

// createTypes are Java's names of the kinds of nodes, by the flags that ask for them.
var createTypes = map[int32]string{
	proto.FlagPersistent: "persistent", proto.FlagEphemeral: "ephemeral", proto.FlagSequential: "persistent_sequential",
	proto.FlagEphemeralSequential: "ephemeral_sequential", proto.FlagContainer: "container",
	proto.FlagPersistentTTL: "persistent_with_ttl", proto.FlagPersistentSequentialTTL: "persistent_sequential_with_ttl",
}

// created fills in a create. A node in a sequence has the name that it was given.
func created(out *Record, q *proto.CreateRequest, body txn.Body) {
	out.Operation, out.Znode, out.ZnodeType = "create", string(q.Path), createTypes[q.Flags]
	if c, ok := body.(*txn.Create); ok {
		out.Znode = c.Path
	}
}

// users returns the names of a connection, its address last, and its address.
func users(ids []proto.Identity) (names, ip string) {
	var list []string
	for _, id := range ids {
		switch id.Scheme {
		case auth.IP:
			ip = id.ID
		case auth.Super: // goes with an identity that has a name
		default:
			if name := auth.UserName(id); !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	if ip != "" {
		list = append(list, ip)
	}
	return strings.Join(list, ","), ip
}

// permLetters are in the order in which getAcl prints them.
var permLetters = []struct {
	perm   proto.Perm
	letter byte
}{{proto.PermCreate, 'c'}, {proto.PermDelete, 'd'}, {proto.PermRead, 'r'}, {proto.PermWrite, 'w'}, {proto.PermAdmin, 'a'}}

// aclText prints the entries one behind the other, as Java does.
func aclText(acl []proto.ACL) string {
	var b []byte
	for _, a := range acl {
		b = append(b, a.Scheme+":"+a.ID+":"...)
		for _, p := range permLetters {
			if a.Perms&p.perm != 0 {
				b = append(b, p.letter)
			}
		}
	}
	return string(b)
}

// Ended returns the records of the ephemerals that ended with a session. user is the
// server's.
func Ended(session proto.SessionID, user string, paths []string) []Record {
	out := make([]Record, len(paths))
	for i, path := range paths {
		out[i] = Record{
			Session: session, User: user, Operation: "ephemeralZNodeDeletionOnSessionCloseOrExpire", Znode: path, Result: Success,
		}
	}
	return out
}
