// Package prep turns clients' writes into transactions. It runs on the leader, and
// on a standalone server, in one goroutine and in the order in which the writes got
// their zxids.
//
// A write is checked against the state as it will be once everything before it is
// applied: the applied tree and, on top of it, the records of what outstanding
// transactions will have changed. So pipelined writes see each other, and applying a
// transaction later needs no check. A write that fails becomes a transaction as well,
// of type error, which takes its place in the order.
//
// Java: PrepRequestProcessor, with ZooKeeperServer's outstandingChanges.
package prep

import (
	"gokeeper/server/auth"
	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
)

// Request is a client's write on its way to becoming a transaction.
type Request struct {
	Session proto.SessionID // 0 for the server's own
	Cxid    int32
	Op      proto.Op
	Body    []byte           // the record; of createSession the timeout as an int
	IDs     []proto.Identity // whose permissions count
}

// Sessions answers what the tracker knows of a session.
type Sessions interface {
	// Check returns why the session may not write: unknown, expired (it is closing),
	// moved to another server, or OK. global asks for more: that it is known to the
	// whole ensemble, as the owner of an ephemeral must be.
	Check(id proto.SessionID, global bool) proto.Error
}

// Config is what the checks depend on. The zero value is Java's default but for
// NoDigest and NoClosePaths, which switch off what is on by default.
type Config struct {
	ExtendedTypes bool // TTL nodes are allowed (extendedTypesEnabled)
	Reconfig      bool // reconfiguration is allowed (reconfigEnabled)
	EnforceQuota  bool // hard quotas refuse writes (enforceQuota)
	NoDigest      bool // transactions carry no tree digest (digest.enabled=false)
	NoClosePaths  bool // closeSession carries no list (closeSessionTxn.enabled=false)
	Limit         int  // longest buffer of a record in bytes; 0 is jute.DefaultLimit
}

// Prep checks writes. It is not safe for concurrent use.
type Prep struct {
	cfg      Config
	policy   *auth.Policy
	sessions Sessions

	changes []*change          // of outstanding transactions, in zxid order
	latest  map[string]*change // the newest of each path
	tree    *tree.Tree         // the applied tree, during Prepare only
	req     *Request           // the write at hand, during Prepare only
	zxid    proto.Zxid
	time    int64
}

// New returns a Prep that asks sessions whether a session may write.
func New(cfg Config, policy *auth.Policy, sessions Sessions) *Prep {
	if cfg.Limit == 0 {
		cfg.Limit = jute.DefaultLimit
	}
	return &Prep{cfg: cfg, policy: policy, sessions: sessions, latest: map[string]*change{}}
}

// Prepare returns the transaction that r becomes, with the zxid and the time (ms since
// 1970) given. t is the applied tree, which must not change meanwhile; it may lack any
// of the transactions prepared before, but not those that Applied was told of.
func (p *Prep) Prepare(t *tree.Tree, r *Request, zxid proto.Zxid, time int64) txn.Txn {
	p.tree, p.req, p.zxid, p.time = t, r, zxid, time
	x := txn.Txn{Header: txn.Header{Session: r.Session, Cxid: r.Cxid, Zxid: zxid, Time: time, Type: r.Op}}
	body, err := p.body(r)
	if err != proto.OK {
		x.Type, x.Body = proto.OpError, &txn.Error{Code: err}
		return x
	}
	x.Body = body
	if !p.cfg.NoDigest {
		x.Digest = &txn.Digest{Version: txn.DigestVersion, Value: p.digest()}
	}
	return x
}

// Applied forgets what transactions up to zxid change: the tree has it now.
func (p *Prep) Applied(zxid proto.Zxid) {
	n := 0
	for n < len(p.changes) && p.changes[n].zxid <= zxid {
		c := p.changes[n]
		if p.latest[c.path] == c {
			delete(p.latest, c.path)
		}
		n++
	}
	if n == 0 {
		return
	}
	clear(p.changes[:n])
	p.changes = p.changes[n:]
	if len(p.changes) == 0 {
		p.changes = nil
	}
}

// Outstanding returns how many changes are not applied yet.
func (p *Prep) Outstanding() int { return len(p.changes) }

// Reset forgets everything outstanding, for a leader that gives up.
func (p *Prep) Reset() {
	p.changes = nil
	clear(p.latest)
}

// body checks one request and records what it will change.
func (p *Prep) body(r *Request) (txn.Body, proto.Error) {
	var d jute.Decoder
	d.Reset(r.Body, p.cfg.Limit)
	switch r.Op {
	case proto.OpCreate, proto.OpCreate2, proto.OpCreateContainer, proto.OpCreateTTL:
		var c proto.CreateRequest
		if c.Decode(&d, r.Op); d.Err() != nil {
			return nil, proto.MarshallingError
		}
		return p.create(r.Op, &c)
	case proto.OpDelete, proto.OpCheck:
		var v proto.PathVersion
		if v.Decode(&d); d.Err() != nil {
			return nil, proto.MarshallingError
		}
		if r.Op == proto.OpCheck {
			return p.check(&v)
		}
		return p.delete(&v)
	case proto.OpSetData:
		var s proto.SetDataRequest
		if s.Decode(&d); d.Err() != nil {
			return nil, proto.MarshallingError
		}
		return p.setData(&s)
	case proto.OpSetACL:
		var s proto.SetACLRequest
		if s.Decode(&d); d.Err() != nil {
			return nil, proto.MarshallingError
		}
		return p.setACL(&s)
	case proto.OpMulti:
		return p.multi(&d)
	case proto.OpDeleteContainer:
		return p.deleteContainer(&d)
	case proto.OpCreateSession:
		timeout := d.Int()
		if d.Err() != nil {
			return nil, proto.MarshallingError
		}
		return &txn.CreateSession{Timeout: timeout}, proto.OK
	case proto.OpCloseSession:
		return p.closeSession(r.Session), proto.OK
	case proto.OpReconfig:
		return nil, p.reconfig(&d)
	}
	return nil, proto.Unimplemented
}
