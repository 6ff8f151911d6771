package sim

import (
	"fmt"
	"slices"
	"strings"

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
func (w *watches) see(l *ledger, z proto.Zxid) {
	for ; w.next < len(l.events) && l.events[w.next].zxid <= z; w.next++ {
		w.trigger(l.events[w.next])
	}
}

func (w *watches) trigger(c change) {
	node := w.fire(w.data, c.path, ^recursive) || w.below(c)
	if c.typ == proto.EventNodeDeleted {
		node = w.fire(w.child, c.path, ^recursive) || node
	}
	if node {
		w.expected = append(w.expected, c)
	}
	if parent := proto.Parent(c.path); c.typ != proto.EventNodeDataChanged && w.fire(w.child, parent, ^recursive) {
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
func (w *watches) got(l *ledger, e change) string {
	w.see(l, e.zxid)
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
func (w *watches) replied(l *ledger, z proto.Zxid) string {
	w.see(l, z)
	if len(w.expected) > 0 {
		return fmt.Sprintf("a reply that shows %v came before event %v", z, w.expected[0])
	}
	return ""
}

// arm adds a watch that holds for what comes behind the zxid seen last.
func (w *watches) arm(in map[string]kinds, path string, k kinds) { in[path] |= k }

// rearmed is what setWatches does at the zxid for a client that has seen everything up to
// another: it arms what is left, and returns the events that were missed.
func (w *watches) rearmed(l *ledger, seen, z proto.Zxid) {
	for w.next < len(l.events) && l.events[w.next].zxid <= z {
		w.next++ // nothing was armed
	}
	w.expected = nil
	miss := func(typ proto.EventType, path string) {
		w.expected = append(w.expected, change{proto.NoZxid, typ, path})
	}
	for path, k := range w.data {
		n := l.node(path, z)
		switch {
		case k&exists != 0 && n.exists:
			miss(proto.EventNodeCreated, path)
			w.data[path] &^= exists
		case k&once != 0 && !n.exists:
			miss(proto.EventNodeDeleted, path)
			w.data[path] &^= once
		case k&once != 0 && n.mzxid > seen:
			miss(proto.EventNodeDataChanged, path)
			w.data[path] &^= once
		}
	}
	for path, k := range w.child {
		n := l.node(path, z)
		switch {
		case k&once != 0 && !n.exists:
			miss(proto.EventNodeDeleted, path)
			w.child[path] &^= once
		case k&once != 0 && n.pzxid > seen:
			miss(proto.EventNodeChildrenChanged, path)
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

// remove forgets all watches on a path. It says whether there were any.
func (w *watches) remove(path string) bool {
	had := w.data[path]|w.child[path] != 0
	delete(w.data, path)
	delete(w.child, path)
	return had
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
