package snapshot

import (
	"cmp"
	"slices"

	"gokeeper/server/proto"
	"gokeeper/server/tree"
)

// frozenChunk is how many bytes of nodes are encoded at once.
const frozenChunk = 256 << 10

// Frozen returns a source of a tree that nobody changes while it is written.
func Frozen(t *tree.Tree, sessions map[proto.SessionID]int32) Source {
	return &frozen{t, sessions, nil}
}

type frozen struct {
	tree     *tree.Tree
	sessions map[proto.SessionID]int32
	walker   *tree.Walker
}

func (f *frozen) Sessions() []Session { return SessionList(f.sessions) }

func (f *frozen) ACLs() []tree.ACLEntry { return f.tree.ACLTable() }

func (f *frozen) Nodes(b []byte) ([]byte, bool) {
	if f.walker == nil {
		f.walker = f.tree.Walk()
	}
	return f.walker.Append(b, frozenChunk)
}

func (f *frozen) Last() (last, digestZxid proto.Zxid, digest uint64) {
	last = f.tree.LastZxid()
	if last == 0 {
		return 0, 0, 0 // as Java, nothing was applied
	}
	return last, last, f.tree.Digest()
}

// SessionList returns the sessions ordered by id, so that equal states give equal
// files.
func SessionList(sessions map[proto.SessionID]int32) []Session {
	list := make([]Session, 0, len(sessions))
	for id, timeout := range sessions {
		list = append(list, Session{id, timeout})
	}
	slices.SortFunc(list, func(a, b Session) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
