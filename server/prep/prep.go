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
	Local   bool             // it asks for an ephemeral of a session that is local here and stays so
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
	ExtendedTypes  bool // TTL nodes are allowed (extendedTypesEnabled)
	Reconfig       bool // reconfiguration is allowed (reconfigEnabled)
	MultiAddress   bool // members may have several addresses
	EnforceQuota   bool // hard quotas refuse writes (enforceQuota)
	SmallEnsembles bool // one voter is enough (standaloneEnabled=false)
	NoDigest       bool // transactions carry no tree digest (digest.enabled=false)
	NoClosePaths   bool // closeSession carries no list (closeSessionTxn.enabled=false)
	Limit          int  // longest buffer and longest transaction in bytes; 0 is jute.DefaultLimit
}

// keepRaw is how much scratch is kept between writes, in bytes.
const keepRaw = 64 << 10

// Prep checks writes. It is not safe for concurrent use.
type Prep struct {
	cfg      Config
	policy   *auth.Policy
	sessions Sessions
	members  Membership // nil: no ensemble

	reconfigured int64 // version of the last reconfiguration

	changes []*change          // of outstanding transactions, in zxid order
	latest  map[string]*change // the newest of each path

	// the write at hand, during Prepare only
	tree     *tree.Tree // the applied tree
	req      *Request
	zxid     proto.Zxid
	time     int64
	raw      []byte    // the transaction, for its length
	replaced []*change // what was latest before each of its changes, nil for none
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
	clear(p.replaced)
	p.replaced = p.replaced[:0]
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
	return p.shorten(x)
}

// shorten keeps a transaction from being longer than the log and Java's learners take,
// which would be the end of them. An expansion of the scheme auth can make one that long,
// and is refused. So can many ephemerals; their session is closed without the list, and
// without a digest, which Java would read as the list.
func (p *Prep) shorten(x txn.Txn) txn.Txn {
	p.raw = x.Append(p.raw[:0])
	n := len(p.raw)
	if n > keepRaw {
		p.raw = nil
	}
	switch {
	case n <= p.cfg.Limit:
	case x.Type == proto.OpCloseSession:
		x.Body, x.Digest = &txn.CloseSession{NoPaths: true}, nil
	default:
		p.rollback()
		x.Type, x.Body, x.Digest = proto.OpError, &txn.Error{Code: proto.BadArguments}, nil
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
	case proto.OpDelete:
		var v proto.PathVersion
		if v.Decode(&d); d.Err() != nil {
			return nil, proto.MarshallingError
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
		return p.reconfig(&d)
	}
	return nil, proto.Unimplemented
}
