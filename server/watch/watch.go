// Package watch knows who watches which path in which mode, and whom a change
// concerns. It is generic in the watcher, a connection for instance, and knows nothing
// of nodes or permissions.
//
// As in Java there are two tables, path to watchers:
//
//	data   getData, exists: standard; addWatch: persistent, recursive
//	child  getChildren: standard; addWatch: persistent
//
// A standard watch fires once. A recursive one fires for the path and everything below
// it, but never for a change of children. A watcher gets one event per change and
// table, whatever number of its modes matched.
//
// A Table is not safe for concurrent use.
package watch

import (
	"iter"
	"strings"

	"gokeeper/server/proto"
)

// Kind is what is watched and how.
type Kind uint8

// Kinds of watches.
const (
	Data       Kind = iota // once, the node itself
	Child                  // once, the list of children
	Persistent             // the node and its list of children, until removed
	Recursive              // the node and all below, until removed
)

// modes is a set of modes of one watcher on one path in one table.
type modes uint8

const (
	standard modes = 1 << iota
	persistent
	recursive
)

// table is path → watcher → modes.
type table[W comparable] map[string]map[W]modes

// Table holds the watches.
type Table[W comparable] struct {
	data, child table[W]
	paths       map[W]map[string]struct{} // each watcher's paths in either table
	recursive   int                       // recursive watches; ancestors are walked only when there are any
	pairs       int                       // of watcher and path, in both tables
	selected    []W                       // scratch of Trigger
}

// New returns an empty table.
func New[W comparable]() *Table[W] {
	return &Table[W]{data: table[W]{}, child: table[W]{}, paths: map[W]map[string]struct{}{}}
}

// Watch adds a watch. Adding it twice has no effect.
func (t *Table[W]) Watch(w W, path string, kind Kind) {
	switch kind {
	case Data:
		t.add(t.data, w, path, standard)
	case Child:
		t.add(t.child, w, path, standard)
	case Persistent:
		t.add(t.data, w, path, persistent)
		t.add(t.child, w, path, persistent)
	case Recursive:
		t.add(t.data, w, path, recursive)
	}
}

func (t *Table[W]) add(in table[W], w W, path string, m modes) {
	watchers := in[path]
	if watchers == nil {
		watchers = map[W]modes{}
		in[path] = watchers
	}
	had := watchers[w]
	if m&^had&recursive != 0 {
		t.recursive++
	}
	watchers[w] = had | m
	if had == 0 {
		t.pairs++
		paths := t.paths[w]
		if paths == nil {
			paths = map[string]struct{}{}
			t.paths[w] = paths
		}
		paths[path] = struct{}{}
	}
}

// drop takes modes from a watcher and returns whether it had any of them.
func (t *Table[W]) drop(from table[W], w W, path string, m modes) bool {
	watchers := from[path]
	had := watchers[w]
	if had&m == 0 {
		return false
	}
	if had&m&recursive != 0 {
		t.recursive--
	}
	if left := had &^ m; left != 0 {
		watchers[w] = left
		return true
	}
	delete(watchers, w)
	t.pairs--
	if len(watchers) == 0 {
		delete(from, path)
	}
	t.unlist(w, path)
	return true
}

// unlist forgets a watcher's path when neither table has it any more.
func (t *Table[W]) unlist(w W, path string) {
	if t.data[path][w] != 0 || t.child[path][w] != 0 {
		return
	}
	delete(t.paths[w], path)
	if len(t.paths[w]) == 0 {
		delete(t.paths, w)
	}
}

// Drop removes all watches of a watcher.
func (t *Table[W]) Drop(w W) {
	for path := range t.paths[w] {
		t.drop(t.data, w, path, standard|persistent|recursive)
		t.drop(t.child, w, path, standard|persistent|recursive)
	}
}

// Has says whether the watcher has a watch of the type on exactly this path.
func (t *Table[W]) Has(w W, path string, typ proto.WatcherType) bool {
	data, child := t.data[path][w], t.child[path][w]
	switch typ {
	case proto.WatcherChildren:
		return child&standard != 0
	case proto.WatcherData:
		return data&standard != 0
	case proto.WatcherPersistent:
		return data&persistent != 0
	case proto.WatcherPersistentRecursive:
		return data&recursive != 0
	case proto.WatcherAny:
		return data|child != 0
	}
	return false
}

// Remove removes the watcher's watches of the type on exactly this path, and says
// whether there were any.
func (t *Table[W]) Remove(w W, path string, typ proto.WatcherType) bool {
	switch typ {
	case proto.WatcherChildren:
		return t.drop(t.child, w, path, standard)
	case proto.WatcherData:
		return t.drop(t.data, w, path, standard)
	case proto.WatcherPersistent:
		data := t.drop(t.data, w, path, persistent)
		return t.drop(t.child, w, path, persistent) || data
	case proto.WatcherPersistentRecursive:
		return t.drop(t.data, w, path, recursive)
	case proto.WatcherAny:
		data := t.drop(t.data, w, path, standard|persistent|recursive)
		return t.drop(t.child, w, path, standard|persistent|recursive) || data
	}
	return false
}

// Trigger tells whom a change of the node concerns. typ is NodeCreated, NodeDeleted or
// NodeDataChanged; the event for the parent's list of children follows from the first
// two. emit is called once per event and watcher, first for the node, then for the
// parent. Standard watches that are selected are gone afterwards.
func (t *Table[W]) Trigger(typ proto.EventType, path string, emit func(w W, typ proto.EventType, path string)) {
	t.fire(t.data, typ, path, 0, emit)
	if typ == proto.EventNodeDeleted {
		t.fire(t.child, typ, path, len(t.selected), emit)
	}
	t.forget()
	if typ != proto.EventNodeDataChanged {
		t.fire(t.child, proto.EventNodeChildrenChanged, proto.Parent(path), 0, emit)
		t.forget()
	}
}

// forget empties selected, so that it holds no watcher that may be gone.
func (t *Table[W]) forget() {
	clear(t.selected)
	t.selected = t.selected[:0]
}

// fire selects the watchers of one table, skipping the first skip of those selected
// already, and emits their events.
func (t *Table[W]) fire(in table[W], typ proto.EventType, path string, skip int, emit func(W, proto.EventType, string)) {
	already := len(t.selected)
	for w := range in[path] {
		t.drop(in, w, path, standard)
		if !contains(t.selected[:skip], w) {
			t.selected = append(t.selected, w)
		}
	}
	if t.recursive > 0 && typ != proto.EventNodeChildrenChanged {
		t.ancestors(in, path, already)
	}
	for _, w := range t.selected[already:] {
		emit(w, typ, path)
	}
}

// ancestors selects the recursive watchers above the path.
func (t *Table[W]) ancestors(in table[W], path string, already int) {
	for strings.LastIndexByte(path, '/') >= 0 && path != proto.PathRoot {
		path = proto.Parent(path)
		below := t.selected // one path has a watcher once, so very many on one cost no search
		for w, m := range in[path] {
			if m&recursive != 0 && !contains(below, w) {
				t.selected = append(t.selected, w)
			}
		}
	}
}

func contains[W comparable](list []W, w W) bool {
	for _, x := range list {
		if x == w {
			return true
		}
	}
	return false
}

// DataWatches returns each watcher of the data table with each of its paths.
func (t *Table[W]) DataWatches() iter.Seq2[W, string] {
	return func(yield func(W, string) bool) {
		for path, watchers := range t.data {
			for w := range watchers {
				if !yield(w, path) {
					return
				}
			}
		}
	}
}

// DataCounts returns how many watchers the data table has, on how many paths, and the
// pairs of them.
func (t *Table[W]) DataCounts() (watchers, paths, watches int) {
	seen := map[W]struct{}{}
	for w := range t.DataWatches() {
		seen[w] = struct{}{}
		watches++
	}
	return len(seen), len(t.data), watches
}

// Len returns the number of pairs of watcher and path in both tables.
func (t *Table[W]) Len() int { return t.pairs }
