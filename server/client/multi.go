package client

import (
	"context"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// CreateOp creates a node.
func CreateOp(n Node) proto.MultiOp {
	return proto.MultiOp{Op: n.op(), Create: proto.CreateRequest{
		Path: []byte(n.Path), Data: n.Data, ACL: n.ACL, Flags: n.Flags, TTL: n.TTL.Milliseconds(),
	}}
}

// DeleteOp deletes a node that has this version, or AnyVersion.
func DeleteOp(path string, version int32) proto.MultiOp {
	return proto.MultiOp{Op: proto.OpDelete, Path: proto.PathVersion{Path: []byte(path), Version: version}}
}

// SetOp replaces the data of a node that has this version, or AnyVersion.
func SetOp(path string, data []byte, version int32) proto.MultiOp {
	return proto.MultiOp{Op: proto.OpSetData, Data: proto.SetDataRequest{Path: []byte(path), Data: data, Version: version}}
}

// CheckOp wants a node to have this version.
func CheckOp(path string, version int32) proto.MultiOp {
	return proto.MultiOp{Op: proto.OpCheck, Path: proto.PathVersion{Path: []byte(path), Version: version}}
}

// MultiResult is the outcome of one part of a Multi.
type MultiResult struct {
	Err  proto.Error // OK also for parts before the one that failed, which are taken back
	Path string      // of what was created
	Stat proto.Stat  // of what was created or set
}

// MultiCall is a Multi whose reply is waited for later.
type MultiCall struct {
	c     *Client
	call  *call
	paths []string
}

// StartMulti sends a multi and returns at once. What is started later is carried out
// later, so that several may be under way.
func (c *Client) StartMulti(ops ...proto.MultiOp) *MultiCall {
	m := &MultiCall{c: c}
	var body []byte
	for _, o := range ops {
		path := &o.Create.Path
		switch o.Op {
		case proto.OpDelete, proto.OpCheck:
			path = &o.Path.Path
		case proto.OpSetData:
			path = &o.Data.Path
		}
		m.paths = append(m.paths, string(*path))
		*path = []byte(c.servers.inside(string(*path)))
		body = o.Append(body)
	}
	m.call = c.submit(request{proto.OpMulti, proto.AppendMultiEnd(body)}, nil)
	return m
}

// Multi carries out all of the parts or none. The error is that of the part that failed;
// the results are those of all parts, when there was a reply.
func (c *Client) Multi(ctx context.Context, ops ...proto.MultiOp) ([]MultiResult, error) {
	return c.StartMulti(ops...).Await(ctx)
}

// Await waits for the outcome.
func (m *MultiCall) Await(ctx context.Context) ([]MultiResult, error) {
	d, err := m.call.await(ctx)
	if err != nil {
		return nil, &OpError{proto.OpMulti, "", err}
	}
	var results []MultiResult
	for {
		var h proto.MultiHeader
		h.Decode(d)
		if d.Err() != nil || !h.Done && len(results) == len(m.paths) {
			return nil, &OpError{proto.OpMulti, "", ErrReply}
		}
		if h.Done {
			break
		}
		results = append(results, m.result(h.Op, d))
	}
	for i, r := range results {
		if r.Err != proto.OK && r.Err != proto.RuntimeInconsistency {
			return results, &OpError{proto.OpMulti, m.paths[i], r.Err}
		}
	}
	return results, nil
}

func (m *MultiCall) result(op proto.Op, d *jute.Decoder) (r MultiResult) {
	switch op {
	case proto.OpError:
		r.Err = proto.Error(d.Int())
	case proto.OpCreate:
		r.Path = m.c.servers.outside(d.String())
	case proto.OpCreate2:
		r.Path = m.c.servers.outside(d.String())
		r.Stat.Decode(d)
	case proto.OpSetData:
		r.Stat.Decode(d)
	}
	return r
}
