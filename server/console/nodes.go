package console

import (
	"net/http"
	"strings"

	"gokeeper/server/proto"
)

// nodeAnswer is a node as JSON. What may not be read is missing, and said why.
type nodeAnswer struct {
	Path     string  `json:"path"`
	Stat     stat    `json:"stat"`
	Data     *[]byte `json:"data"` // base64; null for null data and when it may not be read
	NoData   string  `json:"noData"`
	ACL      []entry `json:"acl"`
	NoACL    string  `json:"noACL"`
	Children bool    `json:"children"` // they may be listed
}

// stat has the names that clients know; zxids and sessions are text, for JSON's numbers
// are not exact.
type stat struct {
	Czxid          string `json:"cZxid"`
	Ctime          int64  `json:"ctime"`
	Mzxid          string `json:"mZxid"`
	Mtime          int64  `json:"mtime"`
	Pzxid          string `json:"pZxid"`
	Cversion       int32  `json:"cversion"`
	Version        int32  `json:"dataVersion"`
	Aversion       int32  `json:"aclVersion"`
	EphemeralOwner string `json:"ephemeralOwner"`
	DataLength     int32  `json:"dataLength"`
	NumChildren    int32  `json:"numChildren"`
}

// entry is an entry of an ACL.
type entry struct {
	Scheme string `json:"scheme"`
	ID     string `json:"id"`
	Perms  string `json:"perms"`
}

func statOf(s *proto.Stat) stat {
	return stat{
		Czxid: s.Czxid.String(), Ctime: s.Ctime, Mzxid: s.Mzxid.String(), Mtime: s.Mtime, Pzxid: s.Pzxid.String(),
		Cversion: s.Cversion, Version: s.Version, Aversion: s.Aversion,
		EphemeralOwner: proto.SessionID(s.EphemeralOwner).String(), DataLength: s.DataLength, NumChildren: s.NumChildren,
	}
}

// perms returns permissions as zkCli.sh writes them.
func perms(p proto.Perm) string {
	var b strings.Builder
	for i, letter := range []proto.Perm{proto.PermCreate, proto.PermDelete, proto.PermRead, proto.PermWrite, proto.PermAdmin} {
		if p&letter != 0 {
			b.WriteByte("cdrwa"[i])
		}
	}
	return b.String()
}

// who returns the path that a request is about and who asks.
func (h *Handler) who(r *http.Request, l Login) (string, []proto.Identity, error) {
	if !h.opt.Facts.Serving() {
		return "", nil, ErrNotServing
	}
	path := r.URL.Query().Get("path")
	if !proto.ValidPath([]byte(path)) {
		return "", nil, errPath
	}
	ids, ok := h.opt.Source.Identities(l)
	if !ok {
		return "", nil, errLogin
	}
	return path, ids, nil
}

// node answers with one node.
func (h *Handler) node(r *http.Request, l Login) (any, error) {
	path, ids, err := h.who(r, l)
	if err != nil {
		return nil, err
	}
	n, ok := h.opt.Source.Node(path, ids)
	if !ok {
		return nil, proto.NoNode
	}
	a := nodeAnswer{Path: path, Stat: statOf(&n.Stat), ACL: []entry{}, Children: n.NoAll == proto.OK}
	if n.NoAll != proto.OK {
		a.NoData = n.NoAll.Error()
	} else if n.Data != nil {
		a.Data = &n.Data
	}
	if n.NoACL != proto.OK {
		a.NoACL = n.NoACL.Error()
	}
	for _, e := range n.ACL {
		a.ACL = append(a.ACL, entry{e.Scheme, e.ID, perms(e.Perms)})
	}
	return a, nil
}

// names is a page of a list of names.
type names struct {
	Names   []string `json:"names"`
	More    bool     `json:"more"`
	Matched int      `json:"matched"` // names with the prefix, on whatever page
}

// children answers with a page of a node's children.
func (h *Handler) children(r *http.Request, l Login) (any, error) {
	path, ids, err := h.who(r, l)
	if err != nil {
		return nil, err
	}
	all := least{window: windowOf(r.URL.Query())}
	if code := h.opt.Source.Children(path, ids, all.add); code != proto.OK {
		return nil, code
	}
	page, more := all.page()
	return names{page, more, all.matched}, nil
}
