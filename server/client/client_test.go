package client_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	. "gokeeper/server/client"
	"gokeeper/server/proto"
)

var open = proto.OpenACL()

// TestRequests does every request once, and wants its outcome.
func TestRequests(t *testing.T) {
	k := newKeeper(t)
	c := k.connect(k.address)
	c.create("/a", "x", proto.FlagPersistent)
	if got := c.create("/a/s-", "", proto.FlagSequential); got != "/a/s-0000000000" {
		t.Errorf("sequential: %s", got)
	}
	c.create("/a/c", "", proto.FlagContainer)
	_, _, err := c.Create(c.ctx, Node{Path: "/a/t", ACL: open, Flags: proto.FlagPersistentTTL, TTL: time.Hour})
	c.must(err)
	names, stat, err := c.Children(c.ctx, "/a", false)
	slices.Sort(names)
	if fmt.Sprint(names) != "[c s-0000000000 t]" || stat.NumChildren != 3 || err != nil {
		t.Errorf("children %v, %+v, %v", names, stat, err)
	}
	if data, _, err := c.Get(c.ctx, "/a/t", false); data != nil || err != nil {
		t.Errorf("null data: %q, %v", data, err)
	}
	stat, err = c.Set(c.ctx, "/a", []byte{}, 0)
	if data, again, err2 := c.Get(c.ctx, "/a", false); stat.Version != 1 || again != stat || data == nil || err != nil || err2 != nil {
		t.Errorf("set: %+v, %+v, %q, %v, %v", stat, again, data, err, err2)
	}
	if again, err := c.Exists(c.ctx, "/a", false); again != stat || err != nil {
		t.Errorf("exists: %+v, want %+v, %v", again, stat, err)
	}
	acl := []proto.ACL{{Perms: proto.PermAll, Identity: proto.Identity{Scheme: "ip", ID: "127.0.0.1"}}}
	if stat, err = c.SetACL(c.ctx, "/a", acl, 0); stat.Aversion != 1 || err != nil {
		t.Errorf("setACL: %+v, %v", stat, err)
	}
	if got, _, err := c.ACL(c.ctx, "/a"); !slices.Equal(got, acl) || err != nil {
		t.Errorf("getACL: %v, %v", got, err)
	}
	if n, err := c.CountAll(c.ctx, "/a"); n != 3 || err != nil {
		t.Errorf("nodes below: %d, %v", n, err)
	}
	c.create("/e", "", proto.FlagEphemeral)
	if got, err := c.Ephemerals(c.ctx, "/"); fmt.Sprint(got) != "[/e]" || err != nil {
		t.Errorf("ephemerals: %v, %v", got, err)
	}
	if got, err := c.WhoAmI(c.ctx); fmt.Sprint(got) != "[{ip 127.0.0.1}]" || err != nil {
		t.Errorf("whoAmI: %v, %v", got, err)
	}
	if got, _, err := c.Config(c.ctx, false); len(got) != 0 || err != nil {
		t.Errorf("config: %q, %v", got, err)
	}
	c.must(c.Sync(c.ctx, "/a"))
	c.must(c.Delete(c.ctx, "/a/c", AnyVersion))
	if id, timeout := c.Session(); id == 0 || timeout != DefaultTimeout {
		t.Errorf("session %v with %v", id, timeout)
	}
	c.quiet()
}

// TestErrors wants outcomes as values that name the request and the node.
func TestErrors(t *testing.T) {
	k := newKeeper(t)
	c := k.connect(k.address)
	_, _, err := c.Get(c.ctx, "/no", false)
	c.fails(err, proto.NoNode)
	if err.Error() != "getData /no: no node" {
		t.Error(err)
	}
	c.fails(c.Delete(c.ctx, "/", AnyVersion), proto.BadArguments)
	_, _, err = c.Create(c.ctx, Node{Path: "/x"})
	c.fails(err, proto.InvalidACL)
	_, err = c.SetACL(c.ctx, "/", nil, AnyVersion)
	c.fails(err, proto.InvalidACL)
	_, _, err = c.Reconfigure(c.ctx, Reconfig{Leaving: "3", From: AnyVersion})
	c.fails(err, proto.ReconfigDisabled)
	for _, err := range []error{
		c.Delete(c.ctx, "a", 0), c.Sync(c.ctx, "a"), c.AddWatch(c.ctx, "a", 0), c.RemoveWatches(c.ctx, "a", proto.WatcherAny, true),
	} {
		if _, ok := err.(*PathError); !ok {
			t.Errorf("path that is none: %v", err)
		}
	}
	done, cancel := context.WithCancel(c.ctx)
	cancel()
	_, _, err = c.Get(done, "/", false)
	if err == nil {
		return // the reply may be faster
	}
	c.fails(err, context.Canceled)
}

// TestMulti wants all parts or none, and several multis under way in order.
func TestMulti(t *testing.T) {
	k := newKeeper(t)
	c := k.connect(k.address + "/app")
	root := k.connect(k.address)
	root.create("/app", "", proto.FlagPersistent)
	results, err := c.Multi(c.ctx, CreateOp(Node{Path: "/a", ACL: open}), SetOp("/a", []byte("x"), 0), CheckOp("/a", 1),
		CreateOp(Node{Path: "/t", ACL: open, Flags: proto.FlagPersistentTTL, TTL: time.Hour}))
	if err != nil || len(results) != 4 || results[0].Path != "/a" || results[1].Stat.Version != 1 || results[3].Path != "/t" {
		t.Errorf("%+v, %v", results, err)
	}
	root.holds("/app/a", "x")
	results, err = c.Multi(c.ctx, DeleteOp("/a", 1), CheckOp("/t", 7), DeleteOp("/t", AnyVersion))
	c.fails(err, proto.BadVersion)
	if err.Error() != "multi /t: bad version" || len(results) != 3 || results[2].Err != proto.RuntimeInconsistency {
		t.Errorf("%+v, %v", results, err)
	}
	if results, err := c.Multi(c.ctx); len(results) != 0 || err != nil {
		t.Errorf("empty: %+v, %v", results, err)
	}
	var calls []*MultiCall
	for i := range 100 {
		calls = append(calls, c.StartMulti(SetOp("/a", []byte(fmt.Sprint(i)), int32(i+1))))
	}
	for _, m := range slices.Backward(calls) {
		_, err := m.Await(c.ctx)
		c.must(err)
	}
	c.holds("/a", "99")
}

// TestChrootOfRequests wants paths cut wherever a server names one.
func TestChrootOfRequests(t *testing.T) {
	k := newKeeper(t)
	root := k.connect(k.address)
	root.create("/app", "", proto.FlagPersistent)
	root.create("/app/x", "", proto.FlagPersistent)
	c := k.connect(k.address + "/app/x")
	_, _, err := c.Children(c.ctx, "/", true)
	c.must(err)
	c.must(c.AddWatch(c.ctx, "/", proto.AddPersistentRecursive))
	if got := c.create("/e-", "1", proto.FlagEphemeralSequential); got != "/e-0000000000" {
		t.Errorf("created %s", got)
	}
	c.sees("WatchedEvent state:SyncConnected type:NodeCreated path:/e-0000000000")
	c.sees("WatchedEvent state:SyncConnected type:NodeChildrenChanged path:/")
	root.holds("/app/x/e-0000000000", "1")
	if got, err := c.Ephemerals(c.ctx, "/"); fmt.Sprint(got) != "[/e-0000000000]" || err != nil {
		t.Errorf("ephemerals: %v, %v", got, err)
	}
	_, err = root.Set(root.ctx, "/app/x", nil, AnyVersion)
	c.must(err)
	c.sees("WatchedEvent state:SyncConnected type:NodeDataChanged path:/")
	if _, _, err := c.Config(c.ctx, true); err != nil {
		t.Errorf("config: %v", err)
	}
}

// TestWatches wants an event before the reply behind it, once for a one-shot watch.
func TestWatches(t *testing.T) {
	k := newKeeper(t)
	c := k.connect(k.address)
	const event = "WatchedEvent state:SyncConnected type:%s path:%s"
	_, err := c.Exists(c.ctx, "/a", true)
	c.fails(err, proto.NoNode)
	c.create("/a", "", proto.FlagPersistent)
	c.sees(fmt.Sprintf(event, "NodeCreated", "/a"))
	_, _, err = c.Get(c.ctx, "/a", true)
	c.must(err)
	for range 2 {
		_, err = c.Set(c.ctx, "/a", nil, AnyVersion)
		c.must(err)
	}
	c.sees(fmt.Sprintf(event, "NodeDataChanged", "/a"))
	c.quiet()
	c.must(c.AddWatch(c.ctx, "/a", proto.AddPersistent))
	_, err = c.Exists(c.ctx, "/a", true)
	c.must(err)
	c.must(c.RemoveWatches(c.ctx, "/a", proto.WatcherAny, false))
	c.sees("WatchedEvent state:SyncConnected type:DataWatchRemoved path:/a zxid: -1")
	c.sees("WatchedEvent state:SyncConnected type:PersistentWatchRemoved path:/a zxid: -1")
	c.fails(c.RemoveWatches(c.ctx, "/a", proto.WatcherAny, false), proto.NoWatcher)
	c.fails(c.RemoveWatches(c.ctx, "/a", proto.WatcherChildren, true), proto.NoWatcher)
	c.must(c.Delete(c.ctx, "/a", AnyVersion))
	c.quiet()
}

// TestCloseAndLeave: one ends the session, the other leaves it to its timeout.
func TestCloseAndLeave(t *testing.T) {
	k := newKeeper(t)
	c, other := k.connect(k.address), k.connect(k.address)
	c.create("/closed", "", proto.FlagEphemeral)
	c.must(c.Close(c.ctx))
	c.must(c.Close(c.ctx))
	c.sees("WatchedEvent state:Closed type:None path:null zxid: -1")
	c.quiet()
	_, err := c.Exists(c.ctx, "/", false)
	c.fails(err, ErrClosed)
	c.fails(c.AddAuth("digest", []byte("a:b")), ErrClosed)
	c.fails(c.AwaitConnected(c.ctx), ErrClosed)
	if c.State() != Closed {
		t.Errorf("state %v", c.State())
	}
	_, err = other.Exists(other.ctx, "/closed", false)
	other.fails(err, proto.NoNode)
	d := k.connect(k.address)
	d.create("/left", "", proto.FlagEphemeral)
	d.Leave()
	d.quiet()
	_, err = other.Exists(other.ctx, "/left", false)
	other.must(err)
}
