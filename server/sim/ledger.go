package sim

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sort"

	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
)

// ledger is everything that was ever committed, and what follows from it, written anew and
// simpler: which nodes there were at which zxid, which events they caused, which sessions
// were open. Whatever servers and clients see is compared with it.
type ledger struct {
	entries  []committed
	nodes    map[string][]version // all versions of each path, oldest first
	children map[string]map[string]struct{}
	below    map[string][]string                     // the children that a path ever had
	sessions map[proto.SessionID]map[string]struct{} // open ones, with their ephemerals
	closed   map[proto.SessionID]proto.Zxid
	events   []happening
	wrong    string // what must not be
}

// committed is one transaction.
type committed struct {
	txn    txn.Txn
	raw    []byte
	digest uint64 // of the tree behind it; 0: not known
}

// version is a node from a zxid on.
type version struct {
	zxid      proto.Zxid
	exists    bool
	data      []byte
	version   int32
	czxid     proto.Zxid
	mzxid     proto.Zxid
	pzxid     proto.Zxid
	ephemeral proto.SessionID
	children  int32
	creations int32 // of children, ever
	acl       []proto.ACL
	aversion  int32
	ctime     int64
	mtime     int64
}

// change is what happened to one node.
type change struct {
	zxid proto.Zxid
	typ  proto.EventType // NodeCreated, NodeDeleted, NodeDataChanged
	path string
}

// happening is a change and who may hear of it: whoever may read the node, or its parent.
type happening struct {
	change
	acl, parent []proto.ACL
}

// newLedger returns the ledger of an ensemble with this configuration.
func newLedger(config string) *ledger {
	l := &ledger{
		nodes: map[string][]version{}, children: map[string]map[string]struct{}{}, below: map[string][]string{},
		sessions: map[proto.SessionID]map[string]struct{}{}, closed: map[proto.SessionID]proto.Zxid{},
	}
	for _, path := range []string{"/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"} {
		l.nodes[path] = []version{{exists: true, acl: proto.OpenACL()}}
		if path != "/" {
			l.child(path, true)
		}
	}
	read := []proto.ACL{{Perms: proto.PermRead, Identity: anyone}}
	l.nodes[proto.PathConfig] = []version{{exists: true, data: []byte(config), acl: read}}
	return l
}

// last returns the zxid of the last transaction, 0 before the first.
func (l *ledger) last() proto.Zxid {
	if n := len(l.entries); n > 0 {
		return l.entries[n-1].txn.Zxid
	}
	return 0
}

// index returns how many transactions there are up to the zxid.
func (l *ledger) index(z proto.Zxid) int {
	return sort.Search(len(l.entries), func(i int) bool { return l.entries[i].txn.Zxid > z })
}

// at returns the transaction of the zxid, or nil.
func (l *ledger) at(z proto.Zxid) *committed {
	if i := l.index(z); i > 0 && l.entries[i-1].txn.Zxid == z {
		return &l.entries[i-1]
	}
	return nil
}

// digestAt returns the digest of a tree that holds everything up to the zxid; 0: not known.
func (l *ledger) digestAt(z proto.Zxid) uint64 {
	if i := l.index(z); i > 0 {
		return l.entries[i-1].digest
	}
	return 0
}

// add adds a transaction behind the last one.
func (l *ledger) add(x *txn.Txn, raw []byte) {
	c := committed{txn: *x, raw: raw}
	switch n := len(l.entries); {
	case x.Digest != nil:
		c.digest = x.Digest.Value
	case n > 0 && x.Type == proto.OpError:
		c.digest = l.entries[n-1].digest
	}
	l.entries = append(l.entries, c)
	l.apply(&x.Header, x.Type, x.Body)
}

func (l *ledger) complain(format string, args ...any) {
	if l.wrong == "" {
		l.wrong = fmt.Sprintf(format, args...)
	}
}

// apply notes what a transaction does.
func (l *ledger) apply(h *txn.Header, typ proto.Op, body txn.Body) {
	switch b := body.(type) {
	case *txn.Create:
		l.create(h, b)
	case *txn.Delete:
		l.remove(h.Zxid, b.Path)
	case *txn.SetData:
		l.update(h.Zxid, b.Path, func(v *version) {
			v.data, v.version, v.mzxid, v.mtime = b.Data, b.Version, h.Zxid, h.Time
		})
		l.event(h.Zxid, proto.EventNodeDataChanged, b.Path, l.now(b.Path).acl)
	case *txn.SetACL:
		l.update(h.Zxid, b.Path, func(v *version) { v.acl, v.aversion = b.ACL, v.aversion+1 })
	case *txn.CreateSession:
		if l.sessions[h.Session] == nil {
			l.sessions[h.Session] = map[string]struct{}{}
		}
	case *txn.CloseSession:
		l.close(h, b)
	case *txn.Multi:
		for _, op := range b.Ops {
			if b.Failed() == proto.OK {
				l.apply(h, op.Type, op.Body)
			}
		}
	}
}

func (l *ledger) create(h *txn.Header, b *txn.Create) {
	if l.now(b.Path).exists {
		l.complain("%v creates %s, which exists", h.Zxid, b.Path)
	}
	v := version{
		zxid: h.Zxid, exists: true, data: b.Data, czxid: h.Zxid, mzxid: h.Zxid, pzxid: h.Zxid, acl: b.ACL, ctime: h.Time, mtime: h.Time,
	}
	if owner := tree.Owner(b, h.Session); tree.IsEphemeralOwner(owner) {
		v.ephemeral = h.Session
		mine := l.sessions[h.Session]
		if mine == nil {
			l.complain("%v creates the ephemeral %s of session %v, which is not open", h.Zxid, b.Path, h.Session)
			return
		}
		mine[b.Path] = struct{}{}
	}
	l.put(b.Path, v)
	l.child(b.Path, true)
	l.update(h.Zxid, proto.Parent(b.Path), func(v *version) { v.pzxid = h.Zxid; v.children++; v.creations++ })
	l.event(h.Zxid, proto.EventNodeCreated, b.Path, b.ACL)
}

func (l *ledger) remove(z proto.Zxid, path string) {
	v := l.now(path)
	if !v.exists || len(l.children[path]) > 0 {
		l.complain("%v deletes %s, which exists: %v, and has %d children", z, path, v.exists, len(l.children[path]))
		return
	}
	if v.ephemeral != 0 {
		delete(l.sessions[v.ephemeral], path)
	}
	l.put(path, version{zxid: z})
	l.child(path, false)
	l.update(z, proto.Parent(path), func(v *version) { v.pzxid = z; v.children-- })
	l.event(z, proto.EventNodeDeleted, path, v.acl)
}

// close ends a session. The transaction must name all of its ephemerals.
func (l *ledger) close(h *txn.Header, b *txn.CloseSession) {
	mine, open := l.sessions[h.Session]
	if !open {
		return // a second one, of a client and of the expiry
	}
	have := slices.Sorted(maps.Keys(mine))
	named := slices.Sorted(slices.Values(b.Paths))
	if !b.NoPaths && !slices.Equal(have, named) {
		l.complain("%v closes session %v with the ephemerals %q, but it has %q", h.Zxid, h.Session, named, have)
	}
	for _, path := range b.Paths {
		if _, left := mine[path]; left {
			l.remove(h.Zxid, path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(mine)) {
		l.remove(h.Zxid, path)
	}
	delete(l.sessions, h.Session)
	l.closed[h.Session] = h.Zxid
}

func (l *ledger) event(z proto.Zxid, typ proto.EventType, path string, acl []proto.ACL) {
	l.events = append(l.events, happening{change{z, typ, path}, acl, l.now(proto.Parent(path)).acl})
}

// now returns the newest version of a path.
func (l *ledger) now(path string) version {
	if all := l.nodes[path]; len(all) > 0 {
		return all[len(all)-1]
	}
	return version{}
}

// node returns the version of a path at a zxid.
func (l *ledger) node(path string, z proto.Zxid) version {
	all := l.nodes[path]
	i := sort.Search(len(all), func(i int) bool { return all[i].zxid > z })
	if i == 0 {
		return version{}
	}
	return all[i-1]
}

func (l *ledger) put(path string, v version) {
	all := l.nodes[path]
	if n := len(all); n > 0 && all[n-1].zxid == v.zxid {
		all[n-1] = v
		return
	}
	l.nodes[path] = append(all, v)
}

func (l *ledger) update(z proto.Zxid, path string, f func(*version)) {
	v := l.now(path)
	if !v.exists {
		l.complain("%v changes %s, which does not exist", z, path)
		return
	}
	f(&v)
	v.zxid = z
	l.put(path, v)
}

func (l *ledger) child(path string, there bool) {
	parent := proto.Parent(path)
	if l.children[parent] == nil {
		l.children[parent] = map[string]struct{}{}
	}
	if there {
		l.children[parent][path] = struct{}{}
		if !slices.Contains(l.below[parent], path) {
			l.below[parent] = append(l.below[parent], path)
		}
	} else {
		delete(l.children[parent], path)
	}
}

// childrenAt returns the sorted paths of the children at a zxid.
func (l *ledger) childrenAt(parent string, z proto.Zxid) []string {
	var list []string
	for _, path := range l.below[parent] {
		if l.node(path, z).exists {
			list = append(list, path)
		}
	}
	slices.Sort(list)
	return list
}

// countAt returns how many nodes there are below a path at a zxid.
func (l *ledger) countAt(path string, z proto.Zxid) int32 {
	var n int32
	for _, child := range l.below[path] {
		if l.node(child, z).exists {
			n += 1 + l.countAt(child, z)
		}
	}
	return n
}

// compare returns how a tree that holds everything up to the zxid differs.
func (l *ledger) compare(t *tree.Tree, z proto.Zxid) string {
	for _, path := range slices.Sorted(maps.Keys(l.nodes)) {
		want, n := l.node(path, z), t.FindString(path)
		if want.exists != n.Exists() {
			return fmt.Sprintf("%s exists: %v, want %v", path, n.Exists(), want.exists)
		}
		if !n.Exists() || path == proto.PathConfig {
			continue
		}
		s := n.Stat()
		got := version{
			zxid: want.zxid, exists: true, data: want.data, version: s.Version, czxid: s.Czxid, mzxid: s.Mzxid, pzxid: s.Pzxid,
			ephemeral: proto.SessionID(s.EphemeralOwner), children: s.NumChildren, acl: t.ACL(n), aversion: s.Aversion,
			ctime: s.Ctime, mtime: s.Mtime, creations: creations(s.Cversion, s.NumChildren),
		}
		if path == "/" || path == "/zookeeper" { // what was there from the beginning
			got.children, got.creations = want.children, want.creations
		}
		if !bytes.Equal(n.Data(), want.data) || !sameVersion(got, want) || !slices.Equal(got.acl, want.acl) {
			return fmt.Sprintf("%s is %+v with data %q, want %+v", path, got, n.Data(), want)
		}
	}
	return ""
}

func sameVersion(a, b version) bool {
	return a.version == b.version && a.czxid == b.czxid && a.mzxid == b.mzxid && a.pzxid == b.pzxid &&
		a.ephemeral == b.ephemeral && a.children == b.children && a.creations == b.creations && a.aversion == b.aversion &&
		a.ctime == b.ctime && a.mtime == b.mtime
}

// creations returns how many children there were ever: clients see how many came and went.
func creations(cversion, children int32) int32 { return (cversion + children) / 2 }
