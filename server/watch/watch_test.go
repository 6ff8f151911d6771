package watch

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gokeeper/server/proto"
)

var (
	kindNames  = []string{Data: "data", Child: "child", Persistent: "persistent", Recursive: "recursive"}
	eventNames = map[proto.EventType]string{
		proto.EventNodeCreated: "created", proto.EventNodeDeleted: "deleted", proto.EventNodeDataChanged: "changed", proto.EventNodeChildrenChanged: "children",
	}
)

// arm reads watches: WATCHER KIND PATH, with a semicolon between two.
func arm(t *testing.T, watches string) *Table[string] {
	t.Helper()
	table := New[string]()
	for w := range strings.SplitSeq(watches, ";") {
		if f := strings.Fields(w); len(f) == 3 && slices.Contains(kindNames, f[1]) {
			table.Watch(f[0], f[2], Kind(slices.Index(kindNames, f[1])))
		} else if len(f) != 0 {
			t.Fatalf("%q is no watch", w)
		}
	}
	return table
}

// trigger returns the events of a change, those of each watcher in order.
func trigger(table *Table[string], typ proto.EventType, path string) string {
	events := map[string][]string{}
	table.Trigger(typ, path, func(w string, typ proto.EventType, path string) {
		events[w] = append(events[w], eventNames[typ]+" "+path)
	})
	var all []string
	for w, of := range events {
		all = append(all, w+" "+strings.Join(of, ", "))
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

// left returns the watches that a table still has.
func left(table *Table[string]) string {
	types := []proto.WatcherType{proto.WatcherData, proto.WatcherChildren, proto.WatcherPersistent, proto.WatcherPersistentRecursive}
	var all []string
	for w, paths := range table.paths {
		for path := range paths {
			for i, typ := range types {
				if table.Has(w, path, typ) {
					all = append(all, w+" "+kindNames[i]+" "+path)
				}
			}
		}
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

// TestZOOKEEPER4475: which kind of watch sees which kind of event. A recursive one never
// sees a change of children; one that fires once is gone then.
func TestZOOKEEPER4475(t *testing.T) {
	const created, deleted, changed = proto.EventNodeCreated, proto.EventNodeDeleted, proto.EventNodeDataChanged
	f := func(watches string, typ proto.EventType, events, stay string) {
		t.Helper()
		table := arm(t, watches)
		if got := trigger(table, typ, "/a/b"); got != events {
			t.Errorf("%s, /a/b %s:\ngot  %s\nwant %s", watches, eventNames[typ], got, events)
		}
		if got := left(table); got != stay {
			t.Errorf("%s, /a/b %s:\nleft %s\nwant %s", watches, eventNames[typ], got, stay)
		}
		checkCounts(t, table)
		if slices.ContainsFunc(table.selected[:cap(table.selected)], func(w string) bool { return w != "" }) {
			t.Errorf("%q are kept after the change", table.selected[:cap(table.selected)])
		}
	}
	once := func(watch string, typ proto.EventType, events string) { t.Helper(); f(watch, typ, events, "") }
	stays := func(watch string, typ proto.EventType, events string) { t.Helper(); f(watch, typ, events, watch) }

	once("w data /a/b", created, "w created /a/b")
	once("w data /a/b", deleted, "w deleted /a/b")
	once("w data /a/b", changed, "w changed /a/b")
	stays("w child /a/b", created, "")
	once("w child /a/b", deleted, "w deleted /a/b")
	stays("w child /a/b", changed, "")
	for _, kind := range []string{"w persistent", "w recursive"} {
		stays(kind+" /a/b", created, "w created /a/b")
		stays(kind+" /a/b", deleted, "w deleted /a/b")
		stays(kind+" /a/b", changed, "w changed /a/b")
	}
	for _, typ := range []proto.EventType{created, deleted} {
		stays("w data /a", typ, "")
		once("w child /a", typ, "w children /a")
		stays("w persistent /a", typ, "w children /a")
		stays("w persistent /", typ, "")
		stays("w child /", typ, "")
	}
	for _, watch := range []string{"w data /a", "w child /a", "w persistent /a", "w persistent /"} {
		stays(watch, changed, "")
	}
	for typ, name := range eventNames {
		if typ == proto.EventNodeChildrenChanged {
			continue
		}
		stays("w recursive /a", typ, "w "+name+" /a/b")
		stays("w recursive /", typ, "w "+name+" /a/b")
		for _, path := range []string{"/a/b/c", "/a/bb", "/a/", "/b", "a", "/a/b/"} {
			for _, kind := range kindNames {
				stays("w "+kind+" "+path, typ, "")
			}
		}
	}

	// One event each, whatever number of modes and tables matched.
	f("w data /a/b; w child /a/b; w child /a", deleted, "w deleted /a/b, children /a", "")
	f("w child /a/b; w data /a/b; w persistent /a/b; w recursive /a/b; w recursive /a; w recursive /", deleted, "w deleted /a/b",
		"w persistent /a/b; w recursive /; w recursive /a; w recursive /a/b")
	f("w child /a/b; w recursive /", deleted, "w deleted /a/b", "w recursive /")
	f("w data /a/b; w persistent /a/b", changed, "w changed /a/b", "w persistent /a/b")
	f("w persistent /a; w recursive /a; w child /a", created, "w created /a/b, children /a", "w persistent /a; w recursive /a")
	f("v data /a/b; w data /a/b; x child /a", created, "v created /a/b; w created /a/b; x children /a", "")
	f("v child /a/b; w data /a/b; x recursive /", deleted, "v deleted /a/b; w deleted /a/b; x deleted /a/b", "x recursive /")
}

// TestRootsParent: what happens to a child of the root concerns the root's children.
func TestRootsParent(t *testing.T) {
	table := arm(t, "w child /; v recursive /; x persistent /")
	if got := trigger(table, proto.EventNodeCreated, "/a"); got != "v created /a; w children /; x children /" {
		t.Error(got)
	}
}

// TestTypes removes each type from a watcher with all kinds, and checks before and after.
func TestTypes(t *testing.T) {
	f := func(typ proto.WatcherType, stay string) {
		t.Helper()
		table := arm(t, "w child /a; w data /a; w persistent /a; w recursive /a; v data /a; w data /b")
		before, removed, after, again := table.Has("w", "/a", typ), table.Remove("w", "/a", typ), table.Has("w", "/a", typ), table.Remove("w", "/a", typ)
		if before != removed || after || again {
			t.Errorf("type %d: %v, removed %v, then %v and %v", typ, before, removed, after, again)
		}
		if got := left(table); got != stay {
			t.Errorf("type %d: left %s, want %s", typ, got, stay)
		}
		for _, other := range []string{"/", "/a/", "/a/b", "/aa", ""} {
			if table.Has("w", other, typ) || table.Remove("w", other, typ) {
				t.Errorf("type %d: there is none on %q", typ, other)
			}
		}
		checkCounts(t, table)
	}
	f(proto.WatcherChildren, "v data /a; w data /a; w data /b; w persistent /a; w recursive /a")
	f(proto.WatcherData, "v data /a; w child /a; w data /b; w persistent /a; w recursive /a")
	f(proto.WatcherPersistent, "v data /a; w child /a; w data /a; w data /b; w recursive /a")
	f(proto.WatcherPersistentRecursive, "v data /a; w child /a; w data /a; w data /b; w persistent /a")
	f(proto.WatcherAny, "v data /a; w data /b")
	f(0, "v data /a; w child /a; w data /a; w data /b; w persistent /a; w recursive /a")
	f(6, "v data /a; w child /a; w data /a; w data /b; w persistent /a; w recursive /a")

	// The kinds that fire once are not each other, nor those that stay.
	for kind, types := range map[string]string{"data": "2 3", "child": "1 3", "persistent": "3 4", "recursive": "3 5"} {
		table := arm(t, "w "+kind+" /a")
		var has []string
		for typ := range proto.WatcherType(7) {
			if table.Has("w", "/a", typ) {
				has = append(has, fmt.Sprint(typ))
			}
		}
		if got := strings.Join(has, " "); got != types {
			t.Errorf("%s is of types %s, want %s", kind, got, types)
		}
	}
}

func TestDrop(t *testing.T) {
	table := arm(t, "w data /a; w child /a; w persistent /b; w recursive /c; v recursive /c; w data /a; w recursive /c")
	if n := table.Len(); n != 6 {
		t.Errorf("%d watches, want 6", n)
	}
	if w, p, n := table.DataCounts(); w != 2 || p != 3 || n != 4 {
		t.Errorf("data table: %d watchers, %d paths, %d watches", w, p, n)
	}
	table.Drop("w")
	table.Drop("nobody")
	if got := left(table); got != "v recursive /c" {
		t.Error(got)
	}
	checkCounts(t, table)
	table.Drop("v")
	checkCounts(t, table)
	if table.Len() != 0 || len(table.data)+len(table.child)+len(table.paths) != 0 {
		t.Error("something is left of nothing")
	}
}

// checkCounts compares what is kept beside the tables with the tables.
func checkCounts(t *testing.T, table *Table[string]) {
	t.Helper()
	n := 0
	for w, path := range table.DataWatches() {
		if table.Has(w, path, proto.WatcherPersistentRecursive) {
			n++
		}
		if _, listed := table.paths[w][path]; !listed {
			t.Errorf("%s on %s is not listed", w, path)
		}
	}
	if n != table.recursive {
		t.Errorf("%d recursive watches are counted, there are %d", table.recursive, n)
	}
}

// BenchmarkTrigger measures a change that concerns very many watchers.
func BenchmarkTrigger(b *testing.B) {
	for _, n := range []int{1, 100, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			table := New[int]()
			for w := range n {
				table.Watch(w, "/", Recursive)
			}
			for b.Loop() {
				table.Trigger(proto.EventNodeDataChanged, "/a/b", func(int, proto.EventType, string) {})
			}
		})
	}
}
