package client

import (
	"maps"
	"slices"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// watchKind is one of the ways to watch a node.
type watchKind int

const (
	watchData watchKind = iota
	watchExists
	watchChildren
	watchPersistent
	watchRecursive
	watchKinds // how many there are
)

// watches is what a client has armed, by the client's paths. It repeats what the server
// knows, to arm it again on another one, and to drop events that nobody waits for. The
// one-shot kinds are forgotten when they fire. It is not safe for concurrent use.
type watches [watchKinds]map[string]bool

func (w *watches) add(k watchKind, path string) {
	if w[k] == nil {
		w[k] = map[string]bool{}
	}
	w[k][path] = true
}

// fire says whether anybody waits for the event, and forgets the watches that it uses up.
// Java: ZKWatchManager.materialize.
func (w *watches) fire(t EventType, path string) bool {
	found := w[watchPersistent][path]
	for _, k := range usedUp[t] {
		found = found || w[k][path]
		delete(w[k], path)
	}
	if found || t == EventNodeChildrenChanged { // recursive watches see the children themselves
		return found
	}
	for p := path; ; p = proto.Parent(p) {
		if w[watchRecursive][p] {
			return true
		}
		if p == proto.PathRoot {
			return false
		}
	}
}

// usedUp names the one-shot watches that an event fires.
var usedUp = map[EventType][]watchKind{
	EventNodeCreated:         {watchData, watchExists},
	EventNodeDataChanged:     {watchData, watchExists},
	EventNodeChildrenChanged: {watchChildren},
	EventNodeDeleted:         {watchData, watchExists, watchChildren},
}

// selected are the kinds that a watcher type means, each with the event of its removal.
// Java: ZKWatchManager.removeWatcher.
var selected = map[proto.WatcherType][]struct {
	kind  watchKind
	event EventType
}{
	proto.WatcherChildren:            {{watchChildren, EventChildWatchRemoved}},
	proto.WatcherData:                {{watchData, EventDataWatchRemoved}, {watchExists, EventDataWatchRemoved}},
	proto.WatcherPersistent:          {{watchPersistent, EventPersistentWatchRemoved}},
	proto.WatcherPersistentRecursive: {{watchRecursive, EventPersistentWatchRemoved}},
	proto.WatcherAny: {
		{watchChildren, EventChildWatchRemoved}, {watchData, EventDataWatchRemoved}, {watchExists, EventDataWatchRemoved},
		{watchPersistent, EventPersistentWatchRemoved}, {watchRecursive, EventPersistentWatchRemoved},
	},
}

// remove forgets watches of a path and returns the events that tell of it, none when
// there was nothing to forget.
func (w *watches) remove(t proto.WatcherType, path string) []EventType {
	var events []EventType
	for _, s := range selected[t] {
		if w[s.kind][path] && !slices.Contains(events, s.event) {
			events = append(events, s.event)
		}
		delete(w[s.kind], path)
	}
	return events
}

// rearmBytes is about how long the paths in one setWatches may be together; a request
// with more could be longer than servers read. Java: SET_WATCHES_MAX_LENGTH.
const rearmBytes = 128 << 10

// rearm returns the requests that arm everything on another server, which reports at once
// what has changed since the zxid. Servers from before 3.6 know nothing of persistent
// watches, so the old request is used when there are none.
func (w *watches) rearm(seen proto.Zxid, inside func(string) string) []request {
	var out []request
	var lists [watchKinds][]string
	size := 0
	flush := func() {
		if size > 0 {
			out = append(out, setWatches(seen, &lists))
		}
		lists, size = [watchKinds][]string{}, 0
	}
	for k := range w {
		for _, path := range slices.Sorted(maps.Keys(w[k])) {
			path = inside(path)
			lists[k] = append(lists[k], path)
			if size += len(path); size >= rearmBytes {
				flush()
			}
		}
	}
	flush()
	return out
}

func setWatches(seen proto.Zxid, lists *[watchKinds][]string) request {
	op := proto.OpSetWatches
	if len(lists[watchPersistent])+len(lists[watchRecursive]) > 0 {
		op = proto.OpSetWatches2
	}
	b := jute.AppendLong(nil, int64(seen))
	for _, paths := range lists[:proto.SetWatches{}.Lists(op)] {
		b = jute.AppendInt(b, int32(len(paths)))
		for _, path := range paths {
			b = jute.AppendString(b, path)
		}
	}
	return request{op, b}
}
