package client

import (
	"context"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// Sync makes later reads see all that was written before it was sent, by anybody.
func (c *Client) Sync(ctx context.Context, path string) error {
	if err := CheckPath(path); err != nil {
		return err
	}
	return c.do(ctx, path, request{proto.OpSync, jute.AppendString(nil, c.servers.inside(path))}, nil, nil)
}

// CountAll returns how many nodes there are below a node.
func (c *Client) CountAll(ctx context.Context, path string) (n int, err error) {
	if err := CheckPath(path); err != nil {
		return 0, err
	}
	r := request{proto.OpGetAllChildrenNumber, jute.AppendString(nil, c.servers.inside(path))}
	err = c.do(ctx, path, r, nil, func(d *jute.Decoder) { n = int(d.Int()) })
	return n, err
}

// Ephemerals returns the session's ephemeral nodes whose paths begin with the prefix, in
// no order. Java's client leaves the chroot out here, and so finds none.
func (c *Client) Ephemerals(ctx context.Context, prefix string) (paths []string, err error) {
	if err := CheckPath(prefix); err != nil {
		return nil, err
	}
	r := request{proto.OpGetEphemerals, jute.AppendString(nil, c.servers.inside(prefix))}
	err = c.do(ctx, "", r, nil, func(d *jute.Decoder) { paths = decodeStrings(d) })
	for i := range paths {
		paths[i] = c.servers.outside(paths[i])
	}
	return paths, err
}

// WhoAmI returns who the server takes this client for, in no order.
func (c *Client) WhoAmI(ctx context.Context) (ids []proto.Identity, err error) {
	err = c.do(ctx, "", request{op: proto.OpWhoAmI}, nil, func(d *jute.Decoder) {
		for n := d.Count(); n > 0 && d.Err() == nil; n-- {
			ids = append(ids, proto.Identity{Scheme: d.String(), ID: d.String()})
		}
	})
	return ids, err
}

// Config returns the ensemble's dynamic configuration.
func (c *Client) Config(ctx context.Context, watch bool) ([]byte, proto.Stat, error) {
	return c.Get(ctx, proto.PathConfig, watch)
}

// Reconfig is a change of the ensemble: either Joining and Leaving or Members, as lists
// between commas; "" where nothing is said.
type Reconfig struct {
	Joining, Leaving, Members string
	From                      int64 // version of the configuration that it builds on, or AnyVersion
}

// Reconfigure changes the ensemble and returns the new configuration.
func (c *Client) Reconfigure(ctx context.Context, change Reconfig) (data []byte, stat proto.Stat, err error) {
	given := func(s string) []byte {
		if s == "" {
			return nil
		}
		return []byte(s)
	}
	r := proto.ReconfigRequest{
		Joining: given(change.Joining), Leaving: given(change.Leaving), Members: given(change.Members), Version: change.From,
	}
	err = c.do(ctx, "", request{proto.OpReconfig, r.Append(nil)}, nil, func(d *jute.Decoder) {
		data = d.Buffer()
		stat.Decode(d)
	})
	return data, stat, err
}

// AddWatch arms a watch that stays until it is removed: for a node and its children's
// coming and going, or for a node and all below it.
func (c *Client) AddWatch(ctx context.Context, path string, mode proto.AddWatchMode) error {
	if err := CheckPath(path); err != nil {
		return err
	}
	kind := watchPersistent
	if mode == proto.AddPersistentRecursive {
		kind = watchRecursive
	}
	r := proto.PathType{Path: []byte(c.inside(path)), Type: int32(mode)}
	return c.do(ctx, path, request{proto.OpAddWatch, r.Append(nil)}, func(code proto.Error) []Event {
		if code == proto.OK {
			c.watches.add(kind, path)
		}
		return nil
	}, nil)
}

// RemoveWatches removes watches of a node; events tell of each kind that was there. local
// removes them here even when no server can be asked. proto.NoWatcher says that there was
// none. Java: ZooKeeper.removeAllWatches.
func (c *Client) RemoveWatches(ctx context.Context, path string, t proto.WatcherType, local bool) error {
	if err := CheckPath(path); err != nil {
		return err
	}
	r := proto.PathType{Path: []byte(c.inside(path)), Type: int32(t)}
	removed := false
	err := c.do(ctx, path, request{proto.OpRemoveWatches, r.Append(nil)}, func(code proto.Error) (events []Event) {
		if code != proto.OK && !local {
			return nil
		}
		state := SessionSyncConnected
		if code == codeLost {
			state = SessionDisconnected
		}
		for _, typ := range c.watches.remove(t, path) {
			events = append(events, Event{State: state, Type: typ, Path: path, Zxid: proto.NoZxid})
		}
		removed = len(events) > 0
		return events
	}, nil)
	switch {
	case ctx.Err() != nil || err != nil && !local: // the reply may still be on its way
		return err
	case removed:
		return nil
	case err == nil:
		return &OpError{proto.OpRemoveWatches, path, proto.NoWatcher}
	}
	return err
}
