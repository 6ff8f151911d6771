package client

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// TestFire wants events for those who wait for them, and one-shot watches used up.
func TestFire(t *testing.T) {
	var w watches
	f := func(typ EventType, path string, want bool) {
		t.Helper()
		if got := w.fire(typ, path); got != want {
			t.Errorf("%v %s: %v, want %v", typ, path, got, want)
		}
	}
	w.add(watchData, "/a")
	f(EventNodeChildrenChanged, "/a", false)
	f(EventNodeDataChanged, "/b", false)
	f(EventNodeDataChanged, "/a", true)
	f(EventNodeDataChanged, "/a", false)
	w.add(watchExists, "/a")
	f(EventNodeCreated, "/a", true)
	w.add(watchData, "/a")
	w.add(watchChildren, "/a")
	f(EventNodeDeleted, "/a", true)
	f(EventNodeChildrenChanged, "/a", false)
	f(EventNodeDataChanged, "/a", false)
	w.add(watchPersistent, "/p")
	w.add(watchRecursive, "/r")
	for range 2 {
		f(EventNodeChildrenChanged, "/p", true)
		f(EventNodeCreated, "/p/x", false)
		f(EventNodeCreated, "/r/x/y", true)
		f(EventNodeDeleted, "/r", true)
		f(EventNodeChildrenChanged, "/r", false)
	}
	w.add(watchRecursive, "/")
	f(EventNodeCreated, "/z", true)
}

func TestRemoveWatchKinds(t *testing.T) {
	for typ, want := range map[proto.WatcherType][]EventType{
		proto.WatcherChildren:            {EventChildWatchRemoved},
		proto.WatcherData:                {EventDataWatchRemoved},
		proto.WatcherPersistent:          {EventPersistentWatchRemoved},
		proto.WatcherPersistentRecursive: {EventPersistentWatchRemoved},
		proto.WatcherAny:                 {EventChildWatchRemoved, EventDataWatchRemoved, EventPersistentWatchRemoved},
	} {
		var w watches
		for k := range watchKinds {
			w.add(k, "/a")
		}
		if got := w.remove(typ, "/a"); !slices.Equal(got, want) {
			t.Errorf("type %d: got %v, want %v", typ, got, want)
		}
		if got := w.remove(typ, "/a"); len(got) != 0 {
			t.Errorf("type %d again: %v", typ, got)
		}
	}
}

// TestRearm wants every watch in one request, none too long, in the old form where it is enough.
func TestRearm(t *testing.T) {
	var w watches
	if got := w.rearm(7, strings.ToLower); len(got) != 0 {
		t.Errorf("without watches: %d requests", len(got))
	}
	w.add(watchData, "/A")
	w.add(watchChildren, "/C")
	read := func(r request) (lists [][]string) {
		d := jute.NewDecoder(r.body)
		if zxid := d.Long(); zxid != 7 {
			t.Errorf("zxid %d", zxid)
		}
		for range (proto.SetWatches{}).Lists(r.op) {
			lists = append(lists, decodeStrings(d))
		}
		if d.Err() != nil || d.Len() != 0 {
			t.Errorf("%v: %v, %d bytes left", r.op, d.Err(), d.Len())
		}
		return lists
	}
	got := w.rearm(7, strings.ToLower)
	if len(got) != 1 || got[0].op != proto.OpSetWatches || fmt.Sprint(read(got[0])) != "[[/a] [] [/c]]" {
		t.Errorf("got %v", got)
	}
	w.add(watchExists, "/B")
	w.add(watchPersistent, "/P")
	w.add(watchRecursive, "/R")
	got = w.rearm(7, strings.ToLower)
	if len(got) != 1 || got[0].op != proto.OpSetWatches2 || fmt.Sprint(read(got[0])) != "[[/a] [/b] [/c] [/p] [/r]]" {
		t.Errorf("got %v", got)
	}
	long := "/" + strings.Repeat("x", 1000)
	for i := range 1000 {
		w.add(watchData, fmt.Sprint(long, i))
	}
	n := 0
	for _, r := range w.rearm(7, strings.ToLower) {
		if len(r.body) > 2*rearmBytes {
			t.Errorf("a request of %d bytes", len(r.body))
		}
		for _, list := range read(r) {
			n += len(list)
		}
	}
	if n != 1005 {
		t.Errorf("%d watches, want 1005", n)
	}
}
