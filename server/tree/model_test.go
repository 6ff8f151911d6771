package tree

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf16"

	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// model is the dumber tree that the tests compare with: a map of paths. Whatever can be
// computed from it is.
type model struct {
	nodes map[string]*entry // the root is "/"
	grown int               // of usage texts in place, which the size of data does not count
}

type entry struct {
	p       Persisted
	data    []byte
	acl     []proto.ACL
	listed  bool  // acl is in the table
	visible int32 // cversion as clients see it
}

func newModel() *model {
	m := &model{nodes: map[string]*entry{}}
	for path, visible := range map[string]int32{proto.PathRoot: -1, proto.PathSystem: -2, proto.PathQuota: 0, proto.PathConfig: 0} {
		m.nodes[path] = &entry{data: []byte{}, acl: proto.OpenACL(), visible: visible}
	}
	config := m.nodes[proto.PathConfig]
	config.acl, config.listed, config.p.Aversion = []proto.ACL{acl(proto.PermRead, "world", "anyone")}, true, -1
	return m
}

func acl(perms proto.Perm, scheme, id string) proto.ACL {
	return proto.ACL{Perms: perms, Identity: proto.Identity{Scheme: scheme, ID: id}}
}

func up(path string) string {
	if i := strings.LastIndex(path, "/"); i > 0 {
		return path[:i]
	}
	return proto.PathRoot
}

// under says whether the path is the base or below it.
func under(path, base string) bool {
	return path == base || strings.HasPrefix(path, strings.TrimSuffix(base, "/")+"/")
}

// below returns the paths below the one given, sorted.
func (m *model) below(base string) (all []string) {
	for path := range m.nodes {
		if path != base && under(path, base) {
			all = append(all, path)
		}
	}
	slices.Sort(all)
	return all
}

func (m *model) children(path string) (all []string) {
	for _, p := range m.below(path) {
		if up(p) == path {
			all = append(all, p)
		}
	}
	return all
}

func (m *model) owned(id proto.SessionID) (all []string) {
	for _, path := range m.below(proto.PathRoot) {
		if m.nodes[path].p.Owner == int64(id) && id != 0 {
			all = append(all, path)
		}
	}
	return all
}

func (m *model) stat(path string) proto.Stat {
	e := m.nodes[path]
	s := proto.Stat{
		Czxid: e.p.Czxid, Mzxid: e.p.Mzxid, Pzxid: e.p.Pzxid, Ctime: e.p.Ctime, Mtime: e.p.Mtime,
		Version: e.p.Version, Cversion: e.visible, Aversion: e.p.Aversion,
		DataLength: int32(len(e.data)), NumChildren: int32(len(m.children(path))),
	}
	if e.p.Owner > 0 { // sessions of the tests are small, the other owners negative
		s.EphemeralOwner = e.p.Owner
	}
	return s
}

func (m *model) apply(h txn.Header, body txn.Body) (r Result) {
	switch b := body.(type) {
	case *txn.Create:
		m.create(h, b, &r)
	case *txn.Delete:
		m.remove(h, b.Path, &r)
	case *txn.SetData:
		e := m.nodes[b.Path]
		if e == nil {
			r.Err = proto.NoNode
			break
		}
		m.use(b.Path, 0, len(b.Data)-len(e.data))
		e.data, e.p.Version, e.p.Mzxid, e.p.Mtime = b.Data, b.Version, h.Zxid, h.Time
		r.Stat = m.stat(b.Path)
		r.Changes = []Change{{proto.EventNodeDataChanged, b.Path, e.acl, nil}}
	case *txn.SetACL:
		e := m.nodes[b.Path]
		if e == nil {
			r.Err = proto.NoNode
			break
		}
		e.acl, e.listed, e.p.Aversion = b.ACL, true, b.Version
		r.Stat = m.stat(b.Path)
	case *txn.CloseSession:
		for _, path := range append(slices.Clone(b.Paths), m.owned(h.Session)...) {
			m.remove(h, path, &r)
		}
		r.Err = proto.OK
	case *txn.Multi:
		for _, op := range b.Ops {
			if b.Failed() != proto.OK {
				e, _ := op.Body.(*txn.Error)
				if e == nil {
					e = &txn.Error{}
				}
				r.Ops = append(r.Ops, OpResult{Type: proto.OpError, Err: e.Code})
				continue
			}
			one := m.apply(h, op.Body)
			r.Ops = append(r.Ops, OpResult{op.Type, one.Err, one.Path, one.Stat})
			r.Changes = append(r.Changes, one.Changes...)
		}
	case *txn.Error:
		r.Err = b.Code
	}
	return r
}

func (m *model) create(h txn.Header, c *txn.Create, r *Result) {
	parent, e := m.nodes[up(c.Path)], m.nodes[c.Path]
	if parent == nil {
		r.Err = proto.NoNode
		return
	}
	raised := max(parent.p.Cversion, c.ParentCversion)
	if c.ParentCversion == txn.NoParentCversion {
		raised = parent.p.Cversion + 1
	}
	if e != nil && c.Type != proto.OpCreate {
		raised = parent.p.Cversion
	}
	if raised > parent.p.Cversion {
		parent.visible += 2 * (raised - parent.p.Cversion)
		parent.p.Cversion, parent.p.Pzxid = raised, h.Zxid
	}
	if e != nil {
		e.acl, e.listed, r.Err = c.ACL, true, proto.NodeExists
		return
	}
	parent.visible--
	m.nodes[c.Path] = &entry{
		p:    Persisted{Czxid: h.Zxid, Mzxid: h.Zxid, Pzxid: h.Zxid, Ctime: h.Time, Mtime: h.Time, Owner: Owner(c, h.Session)},
		data: c.Data, acl: c.ACL, listed: true,
	}
	if base, ok := strings.CutPrefix(up(c.Path), proto.PathQuota); ok && strings.HasSuffix(c.Path, "/"+statsName) {
		m.count(base)
	}
	m.use(c.Path, 1, len(c.Data))
	r.Path, r.Stat = c.Path, m.stat(c.Path)
	r.Changes = []Change{{proto.EventNodeCreated, c.Path, c.ACL, parent.acl}}
}

func (m *model) remove(h txn.Header, path string, r *Result) {
	parent, e := m.nodes[up(path)], m.nodes[path]
	r.Err = proto.NoNode
	if parent == nil {
		return
	}
	parent.p.Pzxid = max(parent.p.Pzxid, h.Zxid)
	if e == nil {
		return
	}
	r.Err = proto.OK
	parent.visible++
	for _, p := range append(m.below(path), path) {
		gone := m.nodes[p]
		delete(m.nodes, p)
		m.use(p, -1, -len(gone.data))
	}
	r.Changes = append(r.Changes, Change{proto.EventNodeDeleted, path, e.acl, parent.acl})
}

// count writes what is at and below the path into its usage.
func (m *model) count(base string) {
	if stats := m.nodes[proto.PathQuota+base+"/"+statsName]; stats != nil {
		count, bytes := 0, 0
		for path, e := range m.nodes {
			if under(path, base) {
				count, bytes = count+1, bytes+len(e.data)
			}
		}
		m.write(stats, count, bytes)
	}
}

// use adds to the usage of the deepest path that has limits.
func (m *model) use(path string, count, bytes int) {
	base := path
	for m.nodes[proto.PathQuota+base+"/"+limitsName] == nil {
		if base = up(base); base == proto.PathRoot {
			return
		}
	}
	if stats := m.nodes[proto.PathQuota+base+"/"+statsName]; stats != nil {
		var c, b int
		if n, _ := fmt.Sscanf(string(stats.data), "count=%d,bytes=%d", &c, &b); n == 2 {
			m.write(stats, c+count, b+bytes)
		}
	}
}

func (m *model) write(stats *entry, count, bytes int) {
	text := fmt.Appendf(nil, "count=%d,bytes=%d", count, bytes)
	m.grown += len(text) - len(stats.data)
	stats.data = text
}

func (m *model) digest() (sum uint64) {
	for path, e := range m.nodes {
		if path == proto.PathRoot {
			path = ""
		}
		if strings.HasPrefix(path, "/zookeeper/") {
			continue
		}
		b := append([]byte(path), e.data...)
		for _, v := range []any{e.p.Czxid, e.p.Mzxid, e.p.Pzxid, e.p.Ctime, e.p.Mtime, e.p.Version, e.p.Cversion, e.p.Aversion, e.p.Owner} {
			b, _ = binary.Append(b, binary.BigEndian, v)
		}
		sum += uint64(crc32.ChecksumIEEE(b))
	}
	return sum
}

// text returns everything that can be seen, a line each, as textOf does for a tree.
func (m *model) text() string {
	lists, size := map[string]bool{}, 1-m.grown
	var lines, containers, ttls []string
	owners := map[proto.SessionID][]string{}
	for _, path := range append(m.below(proto.PathRoot), proto.PathRoot) {
		e := m.nodes[path]
		lines = append(lines, nodeLine(path, e.p, m.stat(path), e.data, e.acl))
		if e.listed {
			lists[fmt.Sprint(e.acl)] = true
		}
		switch {
		case e.p.Owner == -1<<63:
			containers = append(containers, path)
		case e.p.Owner < 0:
			ttls = append(ttls, path)
		case e.p.Owner > 0:
			owners[proto.SessionID(e.p.Owner)] = append(owners[proto.SessionID(e.p.Owner)], path)
		}
		if size += len(e.data); path != proto.PathRoot {
			size += len(utf16.Encode([]rune(path)))
		}
	}
	return stateText(lines, lists, containers, ttls, owners, len(m.nodes)+1, int64(size), m.digest())
}

// textOf returns what the tree holds, node by node, and what it keeps beside them.
func textOf(t *Tree) string {
	var lines []string
	var visit func(path string, n Node)
	visit = func(path string, n Node) {
		lines = append(lines, nodeLine(path, n.Persisted(), n.Stat(), n.Data(), t.ACL(n)))
		for name := range n.Children() {
			visit(strings.TrimSuffix(path, "/")+"/"+name, n.branch.child(name))
		}
	}
	visit(proto.PathRoot, t.FindString(proto.PathRoot))
	lists := map[string]bool{}
	for _, e := range t.ACLTable() {
		lists[fmt.Sprint(e.ACL)] = true
	}
	return stateText(lines, lists, slices.Sorted(maps.Keys(t.containers)), slices.Sorted(maps.Keys(t.ttls)),
		maps.Collect(t.EphemeralOwners()), t.NodeCount(), t.DataSize(), t.Digest())
}

func nodeLine(path string, p Persisted, s proto.Stat, data []byte, acl []proto.ACL) string {
	return fmt.Sprintf("%q %+v %+v null:%v %q %v", path, p, s, data == nil, data, acl)
}

func stateText(lines []string, lists map[string]bool, containers, ttls []string, owners map[proto.SessionID][]string, nodes int, size int64, digest uint64) string {
	slices.Sort(lines)
	return fmt.Sprintf("%s\nlists %v\ncontainers %q\nttls %q\nephemerals %q\n%d nodes, %d bytes, digest %#x\n",
		strings.Join(lines, "\n"), lists, containers, ttls, owners, nodes, size, digest)
}

// generator makes random transactions. wild ones need not have an effect, as in replay
// over a fuzzy snapshot; the others are such as a leader makes of the state in m.
type generator struct {
	*rand.Rand
	m       *model
	wild    bool
	quotas  bool
	zxid    proto.Zxid
	session proto.SessionID // the next to be closed; those from here on are open
}

func newGenerator(seed uint64, wild, quotas bool) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 0)), m: newModel(), wild: wild, quotas: quotas, session: 1}
}

// next returns a transaction, which the model has applied, and what came of it.
func (g *generator) next() (*txn.Txn, Result) {
	g.zxid++
	op := g.op(g.m)
	if k := g.IntN(20); k < 2 {
		op = g.multi()
	} else if k == 2 {
		op = txn.Op{Type: proto.OpError, Body: &txn.Error{Code: proto.BadVersion}}
	}
	x := &txn.Txn{Header: g.header(op.Type), Body: op.Body}
	r := g.m.apply(x.Header, x.Body)
	switch g.IntN(20) {
	case 0: // none
	case 1:
		x.Digest, r.Mismatch = &txn.Digest{Version: txn.DigestVersion, Value: g.m.digest() + 1}, true
	case 2:
		x.Digest = &txn.Digest{Version: txn.DigestVersion + 1, Value: 1}
	default:
		x.Digest = &txn.Digest{Version: txn.DigestVersion, Value: g.m.digest()}
	}
	return x, r
}

func (g *generator) header(typ proto.Op) txn.Header {
	h := txn.Header{Session: g.session, Zxid: g.zxid, Time: 1000 + int64(g.zxid), Type: typ}
	if typ == proto.OpCloseSession {
		g.session++
	} else {
		h.Session += proto.SessionID(uint64(g.zxid) % 3)
	}
	return h
}

// multi returns one whose operations build on one another, at times a failed one.
func (g *generator) multi() txn.Op {
	after := &model{nodes: map[string]*entry{}}
	for path, e := range g.m.nodes {
		c := *e
		after.nodes[path] = &c
	}
	m := &txn.Multi{}
	for range g.IntN(5) {
		op := g.op(after)
		if op.Type == proto.OpCloseSession {
			continue
		}
		m.Ops = append(m.Ops, op)
		after.apply(txn.Header{Session: g.session, Zxid: g.zxid, Type: op.Type}, op.Body)
	}
	if g.IntN(4) == 0 {
		m.Ops = append(m.Ops, txn.Op{Type: proto.OpError, Body: &txn.Error{Code: proto.NoNode}}, txn.Op{Type: proto.OpCheck, Body: &txn.Check{}})
	}
	return txn.Op{Type: proto.OpMulti, Body: m}
}

// op returns an operation that fits the state in m, unless a wild one need not.
func (g *generator) op(m *model) txn.Op {
	for {
		path := g.path()
		e, parent := m.nodes[path], m.nodes[up(path)]
		wild := g.wild && g.IntN(4) == 0
		builtIn := e != nil && e.p.Czxid == 0
		switch k := g.IntN(20); {
		case k < 11 && (wild && !builtIn || e == nil && parent != nil && parent.p.Owner <= 0):
			return g.create(path, parent, wild)
		case k < 14 && !builtIn && (wild || e != nil && len(m.children(path)) == 0):
			return txn.Op{Type: pick(g, proto.OpDelete, proto.OpDeleteContainer), Body: &txn.Delete{Path: path}}
		case k < 17 && path != proto.PathRoot && (wild || e != nil):
			s := &txn.SetData{Path: path, Data: g.data(), Version: g.Int32N(9)}
			if strings.HasSuffix(path, statsName) {
				s.Data = []byte("count=5,bytes=-1")
			}
			return txn.Op{Type: proto.OpSetData, Body: s}
		case k < 19 && (wild || e != nil):
			return txn.Op{Type: proto.OpSetACL, Body: &txn.SetACL{Path: path, ACL: g.acl(), Version: g.Int32N(9)}}
		case k == 19 && g.IntN(4) == 0:
			paths := m.owned(g.session)
			if wild {
				paths = append(paths[:g.IntN(len(paths)+1)], path)
			}
			if builtIn && wild || g.IntN(4) == 0 {
				paths = nil
			}
			return txn.Op{Type: proto.OpCloseSession, Body: &txn.CloseSession{Paths: paths}}
		}
	}
}

func (g *generator) create(path string, parent *entry, wild bool) txn.Op {
	c := &txn.Create{
		Type: pick(g, proto.OpCreate, proto.OpCreate2, proto.OpCreate2, proto.OpCreateContainer, proto.OpCreateTTL),
		Path: path, Data: g.data(), ACL: g.acl(), ParentCversion: txn.NoParentCversion,
	}
	switch c.Type {
	case proto.OpCreateTTL:
		c.TTL = 1 + g.Int64N(1<<40-1)
	case proto.OpCreate, proto.OpCreate2:
		c.Ephemeral = g.IntN(3) == 0 && !strings.HasPrefix(path, proto.PathSystem+"/")
	}
	if parent != nil {
		c.ParentCversion = parent.p.Cversion + 1
	}
	if wild {
		c.ParentCversion = g.Int32N(20) - 1
	}
	return txn.Op{Type: c.Type, Body: c}
}

func (g *generator) path() string {
	names := []string{"a", "b", "é\U0001f600", "zookeeperx"}
	path := ""
	for range 1 + g.IntN(3) {
		path += "/" + pick(g, names...)
	}
	switch g.IntN(20) {
	case 0:
		return pick(g, proto.PathRoot, proto.PathSystem, proto.PathConfig, proto.PathSystem+"/x")
	case 1, 2, 3, 4:
		if g.quotas {
			return proto.PathQuota + path[:1+strings.IndexByte(path[1:]+"/", '/')] + pick(g, "", "", "/a", "/"+limitsName, "/"+statsName, "/a/"+limitsName, "/a/"+statsName)
		}
	}
	return path
}

func (g *generator) data() []byte {
	return pick(g, nil, []byte{}, []byte("x"), []byte("count=1,bytes=2"), make([]byte, g.IntN(30)))
}

func (g *generator) acl() []proto.ACL {
	a, b := acl(proto.PermAll, "ip", "::1"), acl(proto.Perm(g.IntN(4)), "digest", "u:p")
	return pick(g, proto.OpenACL(), []proto.ACL{a, b}, []proto.ACL{b, a}, []proto.ACL{b}, []proto.ACL{})
}

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }
