package database

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"gokeeper/server/auth"
	"gokeeper/server/jute"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
)

// allowed is a tracker that refuses nobody.
type allowed struct{}

func (allowed) Check(proto.SessionID, bool) proto.Error { return proto.OK }

// history drives a database and a model with the same random requests.
type history struct {
	*rand.Rand
	t       *testing.T
	db      *Database
	model   *model
	prep    *prep.Prep
	clients []*fake
	xid     int32
	zxid    proto.Zxid
}

// TestHistory compares everything that clients get with the model: replies, events
// before them and in their order, and reads that hang on writes right behind those.
func TestHistory(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			policy := &auth.Policy{}
			h := &history{
				Rand: rand.New(rand.NewPCG(seed, 0)), t: t, db: New(tree.New(), nil, policy),
				prep: prep.New(prep.Config{ExtendedTypes: true}, policy, allowed{}), clients: make([]*fake, 3),
			}
			h.model = newModel(h.clients)
			for i := range h.clients {
				h.connect(i, proto.SessionID(i+1))
			}
			for range 300 {
				switch h.IntN(20) {
				case 0:
					h.end()
				case 1, 2, 3, 4, 5, 6, 7:
					h.batch()
				default:
					c := h.client()
					r := h.read(c)
					h.model.read(c, &r)
					h.db.Read(c, &r)
					c.Flush()
				}
				h.compare()
			}
		})
	}
}

func (h *history) client() *fake { return h.clients[h.IntN(len(h.clients))] }

func pick[T any](h *history, list ...T) T { return list[h.IntN(len(list))] }

func (h *history) path() string {
	return pick(h, "/", "/a", "/a", "/b", "/a/a", "/a/b", "/b/a", "/a/a/a", "/zookeeper", "/none")
}

// connect opens a session over a new connection. The first client's is somebody, who may
// read what others may not.
func (h *history) connect(i int, id proto.SessionID) {
	h.clients[i] = &fake{ops: map[int32]proto.Op{}}
	if i == 0 {
		h.clients[i].ids = []proto.Identity{{Scheme: "digest", ID: "a:b"}}
	}
	c := h.commit(h.clients[i], id, proto.OpCreateSession, jute.AppendInt(nil, 4000))
	h.apply([]Commit{c}, nil)
	if h.clients[i].opened != 1 || h.db.Carrier(id) != Client(h.clients[i]) {
		h.t.Fatal("the session is not opened")
	}
}

// end closes a session, by its client or because its time is up.
func (h *history) end() {
	i := h.IntN(len(h.clients))
	c := h.clients[i]
	var by *fake
	if h.IntN(2) == 0 {
		by = c
	}
	h.apply([]Commit{h.commit(by, c.session, proto.OpCloseSession, nil)}, nil)
	h.compare()
	if _, _, known := h.db.Heard(c.session); !c.hangup || c.abort || known {
		h.t.Fatal("the connection of a closed session must end once it has got everything")
	}
	h.db.Detach(c)
	for w := range h.model.watches {
		if w.client == c {
			delete(h.model.watches, w)
		}
	}
	h.connect(i, c.session+10)
}

// batch applies some writes at once, each with reads that hang on it.
func (h *history) batch() {
	var commits []Commit
	var hung [][]proto.Request
	for range 1 + h.IntN(4) {
		c := h.client()
		op, body := h.write()
		commits = append(commits, h.commit(c, c.session, op, body))
		var reads []proto.Request
		for range h.IntN(3) {
			reads = append(reads, h.read(c))
		}
		c.hung = append(c.hung, reads)
		hung = append(hung, reads)
	}
	h.apply(commits, hung)
}

// commit prepares a write.
func (h *history) commit(c *fake, id proto.SessionID, op proto.Op, body []byte) Commit {
	h.zxid++
	h.xid++
	r := prep.Request{Session: id, Op: op, Body: body}
	commit := Commit{Xid: h.xid, Op: op}
	if c != nil {
		c.ops[h.xid], commit.Client, r.IDs = op, c, c.ids
	}
	h.db.View(func(t *tree.Tree) { commit.Txn = h.prep.Prepare(t, &r, h.zxid, int64(h.zxid)*10) })
	return commit
}

func (h *history) apply(commits []Commit, hung [][]proto.Request) {
	h.db.Apply(commits, func(x *txn.Txn) { h.t.Fatalf("the digest of %v", x) })
	h.prep.Applied(h.zxid)
	for i := range commits {
		var reads []proto.Request
		if hung != nil {
			reads = hung[i]
		}
		h.model.commit(&commits[i], reads)
	}
}

// compare wants every client to have got what the model says, and nothing to be unsent.
func (h *history) compare() {
	h.t.Helper()
	for i, c := range h.clients {
		if got, want := c.take(h.t), h.model.want[c]; !slices.Equal(got, want) {
			h.t.Fatalf("client %d:\ngot  %q\nwant %q", i, got, want)
		}
		if c.owed || len(c.hung) != 0 {
			h.t.Fatalf("client %d is not flushed, or reads hang on nothing", i)
		}
	}
	clear(h.model.want)
}

func (h *history) write() (proto.Op, []byte) {
	if h.IntN(5) > 0 {
		return h.single(pick(h, proto.OpCreate, proto.OpCreate2, proto.OpCreate, proto.OpDelete, proto.OpSetData, proto.OpSetACL))
	}
	var b []byte
	for range 1 + h.IntN(4) {
		op, body := h.single(pick(h, proto.OpCreate, proto.OpCreate2, proto.OpDelete, proto.OpSetData, proto.OpCheck))
		m := proto.MultiHeader{Op: op, Err: -1}
		b = append(m.Append(b), body...)
	}
	return proto.OpMulti, proto.AppendMultiEnd(b)
}

func (h *history) single(op proto.Op) (proto.Op, []byte) {
	path, version := []byte(h.path()), pick(h, int32(-1), -1, -1, 0, 1)
	all := proto.OpenACL()
	hidden := []proto.ACL{{Perms: proto.PermAll &^ proto.PermRead, Identity: all[0].Identity}, {Perms: proto.PermRead, Identity: proto.Identity{Scheme: "digest", ID: "a:b"}}}
	acl := pick(h, all, all, hidden)
	switch op {
	case proto.OpCreate, proto.OpCreate2:
		r := proto.CreateRequest{Path: path, Data: pick(h, nil, []byte{}, []byte("xyz")), ACL: acl, Flags: pick(h, int32(0), 0, proto.FlagEphemeral, proto.FlagSequential)}
		return op, r.Append(nil, op)
	case proto.OpSetData:
		r := proto.SetDataRequest{Path: path, Data: []byte("data"), Version: version}
		return op, r.Append(nil)
	case proto.OpSetACL:
		r := proto.SetACLRequest{Path: path, ACL: acl, Version: version}
		return op, r.Append(nil)
	}
	r := proto.PathVersion{Path: path, Version: version}
	return op, r.Append(nil)
}

// read makes up a read of the client.
func (h *history) read(c *fake) proto.Request {
	h.xid++
	op := pick(h, proto.OpExists, proto.OpExists, proto.OpGetData, proto.OpGetData, proto.OpGetChildren, proto.OpGetChildren2,
		proto.OpGetAllChildrenNumber, proto.OpGetEphemerals, proto.OpSync, proto.OpAddWatch, proto.OpCheckWatches, proto.OpRemoveWatches, proto.OpSetWatches2)
	c.ops[h.xid] = op
	body := jute.AppendString(nil, h.path())
	switch op {
	case proto.OpAddWatch:
		body = jute.AppendInt(body, h.Int32N(2))
	case proto.OpCheckWatches, proto.OpRemoveWatches:
		body = jute.AppendInt(body, 1+h.Int32N(5))
	case proto.OpSetWatches2:
		body = jute.AppendLong(nil, int64(h.zxid)-h.Int64N(20))
		for range 5 {
			n := h.Int32N(3)
			body = jute.AppendInt(body, n)
			for range n {
				body = jute.AppendString(body, h.path())
			}
		}
	case proto.OpExists, proto.OpGetData, proto.OpGetChildren, proto.OpGetChildren2:
		body = jute.AppendBool(body, h.IntN(2) == 0)
	}
	return proto.Request{Xid: h.xid, Op: op, Body: body, IDs: c.ids}
}
