package sim

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// watches is what a client knows of its watches, and which events it must therefore get:
// each once, before it sees what they tell of, and none but these.
type watches struct {
	data  map[string]kinds
	child map[string]kinds

	next     int      // of the ledger's events
	expected []change // that must still come
}

// kinds is a set of kinds of watches on a path.
type kinds uint8

const (
	once       kinds = 1 << iota // getData, getChildren, exists on a node that is there
	exists                       // exists on a node that is not there
	persistent                   // addWatch
	recursive
)

// String describes the event in traces.
func (e change) String() string { return fmt.Sprintf("%v type %d of %s", e.zxid, e.typ, e.path) }

func newWatches() *watches {
	return &watches{data: map[string]kinds{}, child: map[string]kinds{}}
}

func (w *watches) empty() bool { return len(w.data) == 0 && len(w.child) == 0 }

// see takes in everything committed up to the zxid: what the server knew when it sent a
// reply or an event.
func (w *watches) see(l *ledger, z proto.Zxid, ids []proto.Identity) {
	for ; w.next < len(l.events) && l.events[w.next].zxid <= z; w.next++ {
		w.trigger(l.events[w.next], ids)
	}
}

// trigger uses up the watches that a change concerns. Somebody who may not read the node
// is told nothing.
func (w *watches) trigger(h happening, ids []proto.Identity) {
	c := h.change
	node := w.fire(w.data, c.path, ^recursive) || w.below(c)
	if c.typ == proto.EventNodeDeleted {
		node = w.fire(w.child, c.path, ^recursive) || node
	}
	if node && allows(h.acl, ids, proto.PermRead) {
		w.expected = append(w.expected, c)
	}
	if parent := proto.Parent(c.path); c.typ != proto.EventNodeDataChanged && w.fire(w.child, parent, ^recursive) && allows(h.parent, ids, proto.PermRead) {
		w.expected = append(w.expected, change{c.zxid, proto.EventNodeChildrenChanged, parent})
	}
}

// below says whether a recursive watch on the node or above it concerns the change.
func (w *watches) below(c change) bool {
	for path := c.path; ; path = proto.Parent(path) {
		if w.data[path]&recursive != 0 {
			return true
		}
		if path == "/" {
			return false
		}
	}
}

// fire says whether there is a watch of the kinds on the path, and uses up what fires once.
func (w *watches) fire(in map[string]kinds, path string, of kinds) bool {
	k, ok := in[path]
	if !ok {
		return false
	}
	if left := k &^ (once | exists); left != 0 {
		in[path] = left
	} else {
		delete(in, path)
	}
	return k&of != 0
}

// got takes in an event. It returns what is wrong with it.
func (w *watches) got(l *ledger, e change, ids []proto.Identity) string {
	w.see(l, e.zxid, ids)
	if len(w.expected) == 0 {
		return fmt.Sprintf("event %v, which nothing asks for", e)
	}
	if w.expected[0] != e {
		return fmt.Sprintf("event %v, but next is %v", e, w.expected[0])
	}
	w.expected = w.expected[1:]
	return ""
}

// missed takes in an event of setWatches, whose order does not matter.
func (w *watches) missed(e change) string {
	i := slices.Index(w.expected, e)
	if i < 0 {
		return fmt.Sprintf("event %v, which nothing asks for", e)
	}
	w.expected = slices.Delete(w.expected, i, i+1)
	return ""
}

// replied takes in that a reply shows everything up to the zxid: all events of that must
// have come before.
func (w *watches) replied(l *ledger, z proto.Zxid, ids []proto.Identity) string {
	w.see(l, z, ids)
	if len(w.expected) > 0 {
		return fmt.Sprintf("a reply that shows %v came before event %v", z, w.expected[0])
	}
	return ""
}

// arm adds a watch that holds for what comes behind the zxid seen last.
func (w *watches) arm(in map[string]kinds, path string, k kinds) { in[path] |= k }

// rearmed is what setWatches does at the zxid for a client that has seen everything up to
// another: it arms what is left, and returns the events that were missed. Who may not read
// a node that is there gets neither.
func (w *watches) rearmed(l *ledger, seen, z proto.Zxid, ids []proto.Identity) {
	// Nothing was armed; and the ledger may be another than before, a read-only server's.
	w.next = sort.Search(len(l.events), func(i int) bool { return l.events[i].zxid > z })
	w.expected = nil
	miss := func(n version, typ proto.EventType, path string) {
		if !n.exists || allows(n.acl, ids, proto.PermRead) {
			w.expected = append(w.expected, change{proto.NoZxid, typ, path})
		}
	}
	for path, k := range w.data {
		n := l.node(path, z)
		if k&exists != 0 && n.exists {
			miss(n, proto.EventNodeCreated, path)
			w.data[path] &^= exists
		}
		switch {
		case k&once != 0 && !n.exists:
			miss(n, proto.EventNodeDeleted, path)
			w.data[path] &^= once
		case k&once != 0 && n.mzxid > seen:
			miss(n, proto.EventNodeDataChanged, path)
			w.data[path] &^= once
		}
	}
	for path, k := range w.child {
		n := l.node(path, z)
		switch {
		case k&once != 0 && !n.exists:
			miss(n, proto.EventNodeDeleted, path)
			w.child[path] &^= once
		case k&once != 0 && n.pzxid > seen:
			miss(n, proto.EventNodeChildrenChanged, path)
			w.child[path] &^= once
		}
	}
	w.tidy()
}

func (w *watches) tidy() {
	for _, in := range []map[string]kinds{w.data, w.child} {
		for path, k := range in {
			if k == 0 {
				delete(in, path)
			}
		}
	}
}

// of returns the kinds of watches on a path that a type names, in either table.
func (w *watches) of(path string, typ proto.WatcherType) (data, child kinds) {
	switch typ {
	case proto.WatcherData:
		data = once | exists
	case proto.WatcherChildren:
		child = once
	case proto.WatcherPersistent:
		data, child = persistent, persistent
	case proto.WatcherPersistentRecursive:
		data = recursive
	case proto.WatcherAny:
		data, child = ^kinds(0), ^kinds(0)
	}
	return w.data[path] & data, w.child[path] & child
}

// has says whether there is a watch of the type on a path. One that is persistent is
// looked for in one table only, where each has its half.
func (w *watches) has(path string, typ proto.WatcherType) bool {
	data, child := w.of(path, typ)
	return data != 0 || child != 0 && typ != proto.WatcherPersistent
}

// remove forgets the watches of the type on a path. It says whether there were any.
func (w *watches) remove(path string, typ proto.WatcherType) bool {
	data, child := w.of(path, typ)
	w.data[path] &^= data
	w.child[path] &^= child
	w.tidy()
	return data|child != 0
}

// forgetPersistent forgets those that setWatches, the older one, cannot name.
func (w *watches) forgetPersistent() {
	for _, in := range []map[string]kinds{w.data, w.child} {
		for path := range in {
			in[path] &^= persistent | recursive
		}
	}
	w.tidy()
}

// lists returns the paths in the five lists of setWatches2.
func (w *watches) lists() [5][]string {
	var lists [5][]string
	for path, k := range w.data {
		for i, of := range map[int]kinds{0: once, 1: exists, 3: persistent, 4: recursive} {
			if k&of != 0 {
				lists[i] = append(lists[i], path)
			}
		}
	}
	for path, k := range w.child {
		if k&once != 0 {
			lists[2] = append(lists[2], path)
		}
	}
	for i := range lists {
		slices.SortFunc(lists[i], strings.Compare)
	}
	return lists
}

// setWatches arms again, at a new server, what was armed.
func (c *client) setWatches() {
	seen, op, lists := c.seen, proto.OpSetWatches2, c.watches.lists()
	if c.chance(4) {
		op = proto.OpSetWatches
		c.watches.forgetPersistent()
	}
	b := jute.AppendLong(nil, int64(seen))
	for _, list := range lists[:proto.SetWatches{}.Lists(op)] {
		b = jute.AppendInt(b, int32(len(list)))
		for _, path := range list {
			b = jute.AppendString(b, path)
		}
	}
	c.watches.expected = nil
	c.ask(op, fmt.Sprintf("%v from %v", op, seen), b, func(r *reply) {
		got := c.watches.expected
		c.watches.rearmed(r.l, seen, r.begun(), r.op.ids)
		for _, e := range got {
			if wrong := c.watches.missed(e); wrong != "" {
				r.wrong("%s", wrong)
			}
		}
		for _, e := range c.watches.expected {
			r.wrong("event %v did not come", e)
		}
		c.watches.expected = nil
	})
}
