package toolkit

import (
	"encoding/json"
	"io"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
)

// writeJSON writes a value as one line. The writer keeps its own error.
func writeJSON(w io.Writer, v any) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // the values can all be encoded; w is buffered and tells at its flush
}

// jsonEnd is the last line of a log.
type jsonEnd struct {
	File    string `json:"file"`
	Records int    `json:"records"`
	End     string `json:"end"`
	Offset  int64  `json:"offset"`
}

// jsonTxn is a transaction. Ids are hexadecimal, as everywhere else; data is base64.
type jsonTxn struct {
	Zxid      string    `json:"zxid"`
	Session   string    `json:"session"`
	Cxid      int32     `json:"cxid"`
	Time      string    `json:"time"`
	Type      string    `json:"type"`
	Offset    int64     `json:"offset"`
	Checksum  string    `json:"checksum,omitempty"` // "wrong"
	Undecoded string    `json:"undecoded,omitempty"`
	Raw       []byte    `json:"raw,omitempty"`
	Digest    string    `json:"digest,omitempty"`
	Ops       []*jsonOp `json:"ops,omitempty"`
	*jsonOp
}

// jsonOp is what an operation does; only the fields of its type are there.
type jsonOp struct {
	Op        string    `json:"op,omitempty"` // inside a multi
	Path      string    `json:"path,omitempty"`
	Data      *[]byte   `json:"data,omitempty"`
	ACL       []jsonACL `json:"acl,omitempty"`
	Version   *int32    `json:"version,omitempty"`
	Ephemeral bool      `json:"ephemeral,omitempty"`
	TTL       int64     `json:"ttl,omitempty"` // milliseconds
	Timeout   int32     `json:"timeout,omitempty"`
	Paths     []string  `json:"paths,omitempty"`
	Error     *int32    `json:"error,omitempty"`
}

type jsonACL struct {
	Perms  int32  `json:"perms"`
	Scheme string `json:"scheme"`
	ID     string `json:"id"`
}

func jsonTime(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

func newJSONTxn(rec *txnlog.Record, t *txn.Txn, wrong bool, err error) *jsonTxn {
	j := &jsonTxn{Zxid: rec.Zxid.String(), Session: t.Session.String(), Cxid: t.Cxid, Time: jsonTime(t.Time), Type: t.Type.String(), Offset: rec.Offset}
	if wrong {
		j.Checksum = "wrong"
	}
	if err != nil {
		j.Undecoded, j.Raw = err.Error(), rec.Body
		return j
	}
	if t.Digest != nil {
		j.Digest = proto.Zxid(t.Digest.Value).String()
	}
	if m, ok := t.Body.(*txn.Multi); ok {
		for _, op := range m.Ops {
			o := newJSONOp(op.Body)
			o.Op = op.Type.String()
			j.Ops = append(j.Ops, o)
		}
		return j
	}
	j.jsonOp = newJSONOp(t.Body)
	return j
}

func newJSONOp(body txn.Body) *jsonOp {
	switch x := body.(type) {
	case *txn.Create:
		return &jsonOp{Path: x.Path, Data: &x.Data, ACL: jsonACLs(x.ACL), Ephemeral: x.Ephemeral, TTL: x.TTL}
	case *txn.SetData:
		return &jsonOp{Path: x.Path, Data: &x.Data, Version: &x.Version}
	case *txn.Delete:
		return &jsonOp{Path: x.Path}
	case *txn.SetACL:
		return &jsonOp{Path: x.Path, ACL: jsonACLs(x.ACL), Version: &x.Version}
	case *txn.Check:
		return &jsonOp{Path: x.Path, Version: &x.Version}
	case *txn.CreateSession:
		return &jsonOp{Timeout: x.Timeout}
	case *txn.CloseSession:
		return &jsonOp{Paths: x.Paths}
	case *txn.Error:
		code := int32(x.Code)
		return &jsonOp{Error: &code}
	}
	return &jsonOp{}
}

func jsonACLs(acl []proto.ACL) []jsonACL {
	var out []jsonACL
	for _, a := range acl {
		out = append(out, jsonACL{int32(a.Perms), a.Scheme, a.ID})
	}
	return out
}

// jsonNode is a node of a snapshot with its persisted stat.
type jsonNode struct {
	Path           string    `json:"path"`
	Data           *[]byte   `json:"data,omitempty"`
	DataLength     int       `json:"dataLength"`
	ACL            []jsonACL `json:"acl,omitempty"`
	Czxid          string    `json:"czxid"`
	Mzxid          string    `json:"mzxid"`
	Pzxid          string    `json:"pzxid"`
	Ctime          string    `json:"ctime"`
	Mtime          string    `json:"mtime"`
	Version        int32     `json:"version"`
	Cversion       int32     `json:"cversion"`
	Aversion       int32     `json:"aversion"`
	EphemeralOwner string    `json:"ephemeralOwner"`
}

func newJSONNode(n *snapshot.Node, acl []proto.ACL, data bool) *jsonNode {
	s := &n.Stat
	j := &jsonNode{
		Path: nodePath(n.Path), DataLength: len(n.Data), ACL: jsonACLs(acl), Czxid: s.Czxid.String(), Mzxid: s.Mzxid.String(),
		Pzxid: s.Pzxid.String(), Ctime: jsonTime(s.Ctime), Mtime: jsonTime(s.Mtime), Version: s.Version,
		Cversion: s.Cversion, Aversion: s.Aversion, EphemeralOwner: ownerText(s),
	}
	if data {
		j.Data = &n.Data
	}
	return j
}

func ownerText(s *tree.Persisted) string { return proto.SessionID(s.Owner).String() }

// jsonSession is a session of a snapshot.
type jsonSession struct {
	Session    string `json:"session"`
	Timeout    int32  `json:"timeout"` // milliseconds
	Ephemerals int    `json:"ephemerals"`
}
