// Package console is a page for browsers on the admin port: the ensemble, a browser of
// the tree, sessions, watches, rates and latencies. Java has none.
//
//	/                     the page, for who accepts text/html
//	/console/console.js   its parts, built into the binary
//	/console/state        numbers and members; the page asks every few seconds
//	/console/node         a node's state, data and ACL
//	/console/children     names of a node's children, a page at a time
//	/console/sessions     sessions, a page at a time
//	/console/watches      watched paths, a page at a time
//	/console/create       POST, as are set and delete: changes
//
// Nothing is kept for a viewer: rates are differences that the page makes, pages of lists
// go on behind the last name seen, and credentials come with every request, in the header
// Authorization that the commands snapshot and restore have. Without a cookie no other
// site can act in a viewer's name; changes that come from another origin are refused
// besides. Who has no credentials reads what an unauthenticated client may read; a change
// wants credentials, and goes to the server as a client's request.
//
// Everything may be called from any goroutine.
package console

import (
	"context"
	"errors"
	"net/netip"

	"gokeeper/server/admin"
	"gokeeper/server/proto"
)

// Source is the server as the console sees it.
type Source interface {
	// Identities returns who a request without or with credentials is; false when the
	// credentials are refused.
	Identities(l Login) ([]proto.Identity, bool)
	// Members returns the members of the ensemble; the server alone when standalone.
	Members() []Member
	// Node returns a node as far as the identities may see it, and whether there is one.
	Node(path string, who []proto.Identity) (Node, bool)
	// Children calls f with the names of a node's children in no order.
	Children(path string, who []proto.Identity, f func(name string)) proto.Error
	// Sessions returns the timeouts of all sessions known here in milliseconds.
	Sessions() map[proto.SessionID]int32
	// Change carries out one change as a client with these credentials, and returns the
	// path of the node. The error wraps a proto.Error when the ensemble refuses.
	Change(ctx context.Context, l Login, c Change) (path string, err error)
}

// Facts are what the console tells of what the commands of the admin server tell.
type Facts interface {
	admin.Source
}

// Login is who a request comes from.
type Login struct {
	Remote      netip.Addr
	Scheme      string // "": no credentials
	Credentials string
}

// Member is a member of the ensemble.
type Member struct {
	ID       int64 // 0 standalone
	Observer bool
	Self     bool
	Host     string
	Client   string // HOST:PORT for clients, "" when it is not known here
}

// Node is a node as somebody may see it.
type Node struct {
	Stat  proto.Stat
	Data  []byte      // must not be changed
	NoAll proto.Error // why Data is missing, OK when it is there
	ACL   []proto.ACL // digests are masked for who may not change them
	NoACL proto.Error
}

// Kind says what a change does.
type Kind uint8

// The changes.
const (
	Create Kind = iota
	Set
	Delete
)

// Change is a change of the tree.
type Change struct {
	Kind    Kind
	Path    string
	Data    []byte // of Create and Set; nil is null
	Version int32  // of Set and Delete: the one that the node must have, -1 for any
	Flags   int32  // of Create: one of proto.Flag… without a session's or a TTL
	Own     bool   // of Create: the creator alone may do anything; otherwise everybody may
}

// ErrNotServing says that the server serves no clients, and the console of it no nodes.
var ErrNotServing = errors.New("the server serves no clients now")
