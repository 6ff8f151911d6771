package database

import (
	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/watch"
)

// addWatch needs neither a node nor a permission: events are filtered when they fire.
func (q *query) addWatch(b []byte) []byte {
	var r proto.PathType
	r.Decode(&q.d)
	if q.d.Err() != nil {
		return b
	}
	switch proto.AddWatchMode(r.Type) {
	case proto.AddPersistent:
		q.watch(r.Path, watch.Persistent)
	case proto.AddPersistentRecursive:
		q.watch(r.Path, watch.Recursive)
	default:
		q.err = proto.MarshallingError
	}
	return jute.AppendInt(b, 0)
}

// watches answers checkWatches and removeWatches.
func (q *query) watches(op proto.Op) {
	var r proto.PathType
	r.Decode(&q.d)
	typ := proto.WatcherType(r.Type)
	if q.d.Err() != nil {
		return
	}
	if typ < proto.WatcherChildren || typ > proto.WatcherPersistentRecursive {
		q.err = proto.MarshallingError
		return
	}
	found := false
	switch {
	case op == proto.OpCheckWatches:
		found = q.db.watches.Has(q.client, watched(r.Path), typ)
	default:
		found = q.db.watches.Remove(q.client, watched(r.Path), typ)
	}
	if !found {
		q.err = proto.NoWatcher
	}
}

// setWatches arms again the watches of a connection that was lost, and appends the
// events that it missed. A record that cannot be decoded does nothing; a list or a path
// that is null fails only after those before it have taken effect.
func (q *query) setWatches(b []byte, op proto.Op) []byte {
	whole := q.d
	var r proto.SetWatches
	if r.Check(&whole, op); whole.Err() != nil {
		q.d = whole
		return b
	}
	r.Decode(&q.d)
	for list := range r.Lists(op) {
		n, ok := q.d.Vector()
		if !ok {
			q.d.Fail(proto.ErrNullVector)
		}
		for i := 0; i < n && q.d.Err() == nil; i++ {
			path := q.d.Buffer()
			if path == nil && list < standardLists {
				q.d.Fail(proto.ErrNullPath)
			}
			if q.d.Err() == nil {
				b = q.rearm(b, list, path, r.RelativeZxid)
			}
		}
	}
	return b
}

// rearmKinds are the watches that the lists of setWatches arm, in their order.
var rearmKinds = [...]watch.Kind{watch.Data, watch.Data, watch.Child, watch.Persistent, watch.Recursive}

// standardLists are how many of the lists are compared with the tree, which needs paths;
// the others are armed as they are.
const standardLists = 3

// rearm handles one path of one list: data, exist, child, persistent, recursive. What
// was missed becomes an event, the rest a watch, whoever may read the node. An event
// about a node that exists goes only to who may read it; who may not gets no watch
// either. A deletion is told to everyone (3.9.6).
func (q *query) rearm(b []byte, list int, path []byte, seen proto.Zxid) []byte {
	n := q.db.tree.Find(path)
	kind, event := rearmKinds[list], proto.EventType(0)
	switch {
	case list >= standardLists:
	case list == 1 && n.Exists():
		event = proto.EventNodeCreated
	case list == 1:
	case !n.Exists():
		event = proto.EventNodeDeleted
	case list == 0 && n.Persisted().Mzxid > seen:
		event = proto.EventNodeDataChanged
	case list == 2 && n.Persisted().Pzxid > seen:
		event = proto.EventNodeChildrenChanged
	}
	if event == 0 {
		q.watch(path, kind)
		return b
	}
	if n.Exists() && !q.db.policy.Allows(q.db.tree.ACL(n), q.ids, proto.PermRead) {
		return b
	}
	return proto.AppendEvent(b, proto.NoZxid, event, jute.JavaString(path))
}
