package database

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/txn"
	"gokeeper/server/watch"
)

// model is a database written without any thought of speed: a map of nodes, a set of
// watches, and lines of text for what each client must get.
type model struct {
	nodes   map[string]*modelNode
	watches map[modelWatch]bool
	clients []*fake
	zxid    proto.Zxid
	want    map[*fake][]string
}

type modelNode struct {
	stat proto.Stat // but for what is counted
	made int32      // children ever created
	data []byte
	acl  []proto.ACL
}

type modelWatch struct {
	client *fake
	path   string
	kind   watch.Kind
}

func newModel(clients []*fake) *model {
	m := &model{nodes: map[string]*modelNode{}, watches: map[modelWatch]bool{}, clients: clients, want: map[*fake][]string{}}
	for _, path := range []string{"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"} {
		m.nodes[path] = &modelNode{}
	}
	return m
}

func (m *model) say(c *fake, xid int32, zxid proto.Zxid, format string, args ...any) {
	m.want[c] = append(m.want[c], fmt.Sprintf("%d at %v: ", xid, zxid)+fmt.Sprintf(format, args...))
}

// below returns the sorted paths below one, only its children unless deep is set.
func (m *model) below(path string, deep bool) []string {
	var found []string
	for p := range m.nodes {
		if p != "/" && strings.HasPrefix(p, strings.TrimSuffix(path, "/")+"/") && (deep || proto.Parent(p) == path) {
			found = append(found, p)
		}
	}
	slices.Sort(found)
	return found
}

func (m *model) stat(path string) string {
	n := m.nodes[path]
	s, kids := n.stat, int32(len(m.below(path, false)))
	s.Cversion, s.NumChildren, s.DataLength = 2*n.made-kids, kids, int32(len(n.data))
	return fmt.Sprint(s)
}

// readable is the one question of permission here: no list, or one that begins with an
// entry for all, can be read by all; otherwise by who has an identity.
func readable(n *modelNode, c *fake) bool {
	return len(n.acl) == 0 || n.acl[0].Perms&proto.PermRead != 0 || len(c.ids) > 0
}

// fire sends the events of a change of the node n.
func (m *model) fire(typ proto.EventType, path string, n *modelNode) {
	parent := proto.Parent(path)
	for _, c := range m.clients {
		hit := m.spend(c, path, watch.Data) || m.watches[modelWatch{c, path, watch.Persistent}]
		hit = typ == proto.EventNodeDeleted && m.spend(c, path, watch.Child) || hit
		for w := range m.watches {
			above := w.path == path || strings.HasPrefix(path, strings.TrimSuffix(w.path, "/")+"/")
			hit = hit || w.client == c && w.kind == watch.Recursive && above
		}
		if hit && readable(n, c) {
			m.say(c, proto.XidEvent, m.zxid, "%s", event(typ, 3, path))
		}
		if typ == proto.EventNodeDataChanged {
			continue
		}
		hit = m.spend(c, parent, watch.Child) || m.watches[modelWatch{c, parent, watch.Persistent}]
		if hit && readable(m.nodes[parent], c) {
			m.say(c, proto.XidEvent, m.zxid, "%s", event(proto.EventNodeChildrenChanged, 3, parent))
		}
	}
}

// spend removes a watch and says whether it was there.
func (m *model) spend(c *fake, path string, kind watch.Kind) bool {
	w := modelWatch{c, path, kind}
	had := m.watches[w]
	delete(m.watches, w)
	return had
}

// apply does what a transaction says and returns the record of its reply.
func (m *model) apply(h *txn.Header, typ proto.Op, body txn.Body) string {
	m.zxid = h.Zxid
	switch b := body.(type) {
	case *txn.Create:
		n := &modelNode{data: b.Data, acl: b.ACL, stat: proto.Stat{Czxid: h.Zxid, Mzxid: h.Zxid, Pzxid: h.Zxid, Ctime: h.Time, Mtime: h.Time}}
		if b.Ephemeral {
			n.stat.EphemeralOwner = int64(h.Session)
		}
		m.nodes[b.Path] = n
		parent := m.nodes[proto.Parent(b.Path)]
		parent.made, parent.stat.Pzxid = parent.made+1, h.Zxid
		m.fire(proto.EventNodeCreated, b.Path, n)
		if typ == proto.OpCreate {
			return b.Path
		}
		return b.Path + " " + m.stat(b.Path)
	case *txn.Delete:
		n := m.nodes[b.Path]
		delete(m.nodes, b.Path)
		m.nodes[proto.Parent(b.Path)].stat.Pzxid = h.Zxid
		m.fire(proto.EventNodeDeleted, b.Path, n)
	case *txn.SetData:
		n := m.nodes[b.Path]
		n.data = b.Data
		n.stat.Version, n.stat.Mzxid, n.stat.Mtime = n.stat.Version+1, h.Zxid, h.Time
		m.fire(proto.EventNodeDataChanged, b.Path, n)
		return m.stat(b.Path)
	case *txn.SetACL:
		m.nodes[b.Path].acl = b.ACL
		m.nodes[b.Path].stat.Aversion++
		return m.stat(b.Path)
	case *txn.CloseSession:
		for _, path := range slices.Sorted(maps.Keys(m.nodes)) {
			if m.nodes[path].stat.EphemeralOwner == int64(h.Session) {
				m.apply(h, proto.OpDelete, &txn.Delete{Path: path})
			}
		}
	case *txn.Multi:
		return m.multi(h, b)
	case *txn.Error:
		return b.Code.Error()
	}
	return ""
}

func (m *model) multi(h *txn.Header, b *txn.Multi) string {
	all := []string{}
	for _, op := range b.Ops {
		switch e, bad := op.Body.(*txn.Error); {
		case bad:
			all = append(all, e.Code.Error())
		case b.Failed() != proto.OK:
			all = append(all, "ok")
		default:
			all = append(all, m.apply(h, op.Type, op.Body))
		}
	}
	return fmt.Sprint(all)
}

// commit applies a transaction and answers who waits for it, and what hangs on it.
func (m *model) commit(c *Commit, hung []proto.Request) {
	got := m.apply(&c.Txn.Header, c.Txn.Type, c.Txn.Body)
	if c.Client == nil || c.Txn.Type == proto.OpCreateSession {
		return
	}
	client := c.Client.(*fake)
	m.say(client, c.Xid, m.zxid, "%s", got)
	for i := range hung {
		m.read(client, &hung[i])
	}
}

// read answers a read.
func (m *model) read(c *fake, r *proto.Request) {
	d := jute.NewDecoder(r.Body)
	switch r.Op {
	case proto.OpSetWatches2:
		m.setWatches(c, d)
		m.say(c, r.Xid, m.zxid, "")
	case proto.OpSync:
		m.say(c, r.Xid, m.zxid, "%s", d.String())
	case proto.OpGetEphemerals:
		prefix, found := d.String(), []string{}
		for _, path := range slices.Sorted(maps.Keys(m.nodes)) {
			if m.nodes[path].stat.EphemeralOwner == int64(c.session) && strings.HasPrefix(path, prefix) {
				found = append(found, path)
			}
		}
		m.say(c, r.Xid, m.zxid, "%v", found)
	case proto.OpAddWatch:
		m.watches[modelWatch{c, d.String(), watch.Persistent + watch.Kind(d.Int())}] = true
		m.say(c, r.Xid, m.zxid, "0")
	case proto.OpCheckWatches, proto.OpRemoveWatches:
		m.say(c, r.Xid, m.zxid, "%s", m.find(c, d.String(), d.Int(), r.Op == proto.OpRemoveWatches))
	default:
		path := d.String()
		m.say(c, r.Xid, m.zxid, "%s", m.node(c, r.Op, path, d.Len() > 0 && d.Bool()))
	}
}

// node answers what is asked of one node.
func (m *model) node(c *fake, op proto.Op, path string, watched bool) string {
	n := m.nodes[path]
	if n != nil && !readable(n, c) {
		return proto.NoAuth.Error()
	}
	kind := watch.Data
	if op == proto.OpGetChildren || op == proto.OpGetChildren2 {
		kind = watch.Child
	}
	if watched && (n != nil || op == proto.OpExists) {
		m.watches[modelWatch{c, path, kind}] = true
	}
	if n == nil {
		return proto.NoNode.Error()
	}
	var children []string
	for _, p := range m.below(path, false) {
		children = append(children, proto.Name(p))
	}
	switch op {
	case proto.OpExists:
		return m.stat(path)
	case proto.OpGetData:
		return fmt.Sprintf("%q %s", n.data, m.stat(path))
	case proto.OpGetChildren:
		return fmt.Sprint(children)
	case proto.OpGetChildren2:
		return fmt.Sprint(children, " ", m.stat(path))
	}
	return fmt.Sprint(len(m.below(path, true))) // getAllChildrenNumber
}

// find looks for watches of a type, and removes them.
func (m *model) find(c *fake, path string, typ int32, remove bool) string {
	kinds := map[int32][]watch.Kind{1: {watch.Child}, 2: {watch.Data}, 4: {watch.Persistent}, 5: {watch.Recursive}}[typ]
	if typ == 3 {
		kinds = []watch.Kind{watch.Child, watch.Data, watch.Persistent, watch.Recursive}
	}
	result := proto.NoWatcher.Error()
	for _, kind := range kinds {
		if m.watches[modelWatch{c, path, kind}] {
			result = ""
		}
		if remove {
			m.spend(c, path, kind)
		}
	}
	return result
}

func (m *model) setWatches(c *fake, d *jute.Decoder) {
	seen := proto.Zxid(d.Long())
	for list := range 5 {
		for range d.Count() {
			path := d.String()
			n, missed := m.nodes[path], proto.EventType(0)
			switch {
			case list < 3 && list != 1 && n == nil:
				missed = proto.EventNodeDeleted
			case list == 0 && n.stat.Mzxid > seen:
				missed = proto.EventNodeDataChanged
			case list == 1 && n != nil:
				missed = proto.EventNodeCreated
			case list == 2 && n.stat.Pzxid > seen:
				missed = proto.EventNodeChildrenChanged
			}
			switch {
			case missed == 0:
				m.watches[modelWatch{c, path, rearmKinds[list]}] = true
			case n == nil || readable(n, c):
				m.say(c, proto.XidEvent, proto.NoZxid, "%s", event(missed, 3, path))
			}
		}
	}
}
