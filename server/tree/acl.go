package tree

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gokeeper/server/proto"
)

// openACL is the number of the list of built-in nodes, world:anyone with everything,
// which is not in the table.
const openACL int32 = -1

// aclTable keeps each different list once, with a number that nodes refer to. The
// order of entries makes a difference. Numbers are local to a server.
type aclTable struct {
	byID  map[int32]*aclEntry
	byKey map[string]int32
	last  int32
}

type aclEntry struct {
	acl  []proto.ACL
	key  string
	uses int
}

// ACLEntry is one list of the table.
type ACLEntry struct {
	ID  int64
	ACL []proto.ACL
}

var (
	open   = proto.OpenACL()
	denied = []proto.ACL{{}} // grants nothing, to nobody
)

func newACLTable() aclTable {
	return aclTable{byID: map[int32]*aclEntry{}, byKey: map[string]int32{}}
}

func aclKey(acl []proto.ACL) string {
	var b strings.Builder
	for _, a := range acl {
		fmt.Fprintf(&b, "%d %q %q;", a.Perms, a.Scheme, a.ID)
	}
	return b.String()
}

// intern returns the number of the list and counts a use of it.
func (t *aclTable) intern(acl []proto.ACL) int32 {
	// most nodes get the list of the node before; comparing is cheaper than a key
	if e := t.byID[t.last]; e != nil && slices.Equal(e.acl, acl) {
		e.uses++
		return t.last
	}
	key := aclKey(acl)
	if id, ok := t.byKey[key]; ok {
		t.byID[id].uses++
		return id
	}
	id := t.next()
	t.byID[id], t.byKey[key] = &aclEntry{acl: copyACL(acl), key: key, uses: 1}, id
	return id
}

// next returns the next free number. They come round again on a server that sees many
// lists come and go.
func (t *aclTable) next() int32 {
	for {
		if t.last == math.MaxInt32 {
			t.last = 0
		}
		t.last++
		if t.byID[t.last] == nil {
			return t.last
		}
	}
}

// copyACL copies the list with its strings, which may be parts of a large buffer. A
// null list becomes an empty one: Java cannot load a table with a null.
func copyACL(acl []proto.ACL) []proto.ACL {
	out := make([]proto.ACL, len(acl))
	for i, a := range acl {
		out[i] = proto.ACL{Perms: a.Perms, Identity: proto.Identity{Scheme: strings.Clone(a.Scheme), ID: strings.Clone(a.ID)}}
	}
	return out
}

// release counts one use less.
func (t *aclTable) release(id int32) {
	e := t.byID[id]
	if e == nil {
		return
	}
	if e.uses--; e.uses == 0 {
		delete(t.byID, id)
		delete(t.byKey, e.key)
	}
}

func (t *aclTable) list(id int32) []proto.ACL {
	if id == openACL {
		return open
	}
	return t.byID[id].acl
}

// ACLTable returns the lists that nodes refer to, in the order of their ids.
func (t *Tree) ACLTable() []ACLEntry {
	out := make([]ACLEntry, 0, len(t.acls.byID))
	for _, id := range slices.Sorted(maps.Keys(t.acls.byID)) {
		out = append(out, ACLEntry{int64(id), t.acls.byID[id].acl})
	}
	return out
}
