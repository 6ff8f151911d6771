package client

import (
	"context"
	"time"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// AnyVersion matches every version of a node.
const AnyVersion = -1

// Node is a node to be created.
type Node struct {
	Path  string
	Data  []byte        // nil is null, which servers keep apart from empty
	ACL   []proto.ACL   // not empty; proto.OpenACL for everybody
	Flags int32         // one of proto.Flag…
	TTL   time.Duration // of the flags with a TTL: whole milliseconds
}

// op returns the operation that creates a node with these flags.
func (n *Node) op() proto.Op {
	switch n.Flags {
	case proto.FlagContainer:
		return proto.OpCreateContainer
	case proto.FlagPersistentTTL, proto.FlagPersistentSequentialTTL:
		return proto.OpCreateTTL
	}
	return proto.OpCreate2
}

// sequential says whether the server completes the name.
func (n *Node) sequential() bool {
	switch n.Flags {
	case proto.FlagSequential, proto.FlagEphemeralSequential, proto.FlagPersistentSequentialTTL:
		return true
	}
	return false
}

// Create creates a node and returns its path, which a server has completed when it is
// sequential, and its state. All errors of requests are *OpError or *PathError.
func (c *Client) Create(ctx context.Context, n Node) (path string, stat proto.Stat, err error) {
	if err := checkNew(n.Path, n.sequential()); err != nil {
		return "", stat, err
	}
	op := n.op()
	if len(n.ACL) == 0 {
		return "", stat, &OpError{op, "", proto.InvalidACL}
	}
	r := proto.CreateRequest{
		Path: []byte(c.servers.inside(n.Path)), Data: n.Data, ACL: n.ACL, Flags: n.Flags, TTL: n.TTL.Milliseconds(),
	}
	err = c.do(ctx, n.Path, request{op, r.Append(nil, op)}, nil, func(d *jute.Decoder) {
		path = c.servers.outside(d.String())
		stat.Decode(d)
	})
	return path, stat, err
}

// Delete deletes a node that has this version, or AnyVersion.
func (c *Client) Delete(ctx context.Context, path string, version int32) error {
	if err := CheckPath(path); err != nil {
		return err
	}
	r := proto.PathVersion{Path: []byte(c.servers.inside(path)), Version: version}
	return c.do(ctx, path, request{proto.OpDelete, r.Append(nil)}, nil, nil)
}

// Exists returns the state of a node, or proto.NoNode. A watch fires when the node is
// created, changed or deleted.
func (c *Client) Exists(ctx context.Context, path string, watch bool) (stat proto.Stat, err error) {
	err = c.readNode(ctx, proto.OpExists, path, watch, watchData, func(d *jute.Decoder) { stat.Decode(d) })
	return stat, err
}

// Get returns a node's data, nil when it is null, and its state. A watch fires when the
// node is changed or deleted.
func (c *Client) Get(ctx context.Context, path string, watch bool) (data []byte, stat proto.Stat, err error) {
	err = c.readNode(ctx, proto.OpGetData, path, watch, watchData, func(d *jute.Decoder) {
		data = d.Buffer()
		stat.Decode(d)
	})
	return data, stat, err
}

// Children returns the names of a node's children, in no order, and its state. A watch
// fires when a child is created or deleted, or the node itself deleted.
func (c *Client) Children(ctx context.Context, path string, watch bool) (names []string, stat proto.Stat, err error) {
	err = c.readNode(ctx, proto.OpGetChildren2, path, watch, watchChildren, func(d *jute.Decoder) {
		names = decodeStrings(d)
		stat.Decode(d)
	})
	return names, stat, err
}

// readNode reads one node and arms the kind of watch that the outcome asks for.
func (c *Client) readNode(ctx context.Context, op proto.Op, path string, watch bool, kind watchKind, decode func(*jute.Decoder)) error {
	if err := CheckPath(path); err != nil {
		return err
	}
	r := proto.PathWatch{Path: []byte(c.inside(path)), Watch: watch}
	var settle settlement
	if watch {
		settle = func(code proto.Error) []Event {
			switch {
			case code == proto.OK:
				c.watches.add(kind, path)
			case code == proto.NoNode && op == proto.OpExists:
				c.watches.add(watchExists, path)
			}
			return nil
		}
	}
	return c.do(ctx, path, request{op, r.Append(nil)}, settle, decode)
}

// inside puts the chroot in front of a path, except for the configuration, which is the
// same node for all clients.
func (c *Client) inside(path string) string {
	if path == proto.PathConfig {
		return path
	}
	return c.servers.inside(path)
}

// Set replaces the data of a node that has this version, or AnyVersion.
func (c *Client) Set(ctx context.Context, path string, data []byte, version int32) (stat proto.Stat, err error) {
	if err := CheckPath(path); err != nil {
		return stat, err
	}
	r := proto.SetDataRequest{Path: []byte(c.servers.inside(path)), Data: data, Version: version}
	err = c.do(ctx, path, request{proto.OpSetData, r.Append(nil)}, nil, func(d *jute.Decoder) { stat.Decode(d) })
	return stat, err
}

// ACL returns a node's access control list and its state.
func (c *Client) ACL(ctx context.Context, path string) (acl []proto.ACL, stat proto.Stat, err error) {
	if err := CheckPath(path); err != nil {
		return nil, stat, err
	}
	body := jute.AppendString(nil, c.servers.inside(path))
	err = c.do(ctx, path, request{proto.OpGetACL, body}, nil, func(d *jute.Decoder) {
		acl = proto.DecodeACL(d)
		stat.Decode(d)
	})
	return acl, stat, err
}

// SetACL replaces the list of a node whose list has this version, or AnyVersion.
func (c *Client) SetACL(ctx context.Context, path string, acl []proto.ACL, version int32) (stat proto.Stat, err error) {
	if err := CheckPath(path); err != nil {
		return stat, err
	}
	if len(acl) == 0 {
		return stat, &OpError{proto.OpSetACL, "", proto.InvalidACL}
	}
	r := proto.SetACLRequest{Path: []byte(c.servers.inside(path)), ACL: acl, Version: version}
	err = c.do(ctx, path, request{proto.OpSetACL, r.Append(nil)}, nil, func(d *jute.Decoder) { stat.Decode(d) })
	return stat, err
}

func decodeStrings(d *jute.Decoder) []string {
	list := []string{}
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		list = append(list, d.String())
	}
	return list
}
