package replica

import (
	"slices"
	"testing"

	"gokeeper/server/database"
	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// TestWaiting: what a server answers itself comes behind the answers to all that the
// session asked for before, be it a write or a sync, and before the answer to the next.
func TestWaiting(t *testing.T) {
	const id = proto.SessionID(7)
	w := newWaiting()
	var did []string
	do := func(name string) func() { return func() { did = append(did, name) } }
	run := func(then []func()) {
		for _, f := range then {
			f()
		}
	}
	claim := func(typ proto.Op, xid int32) {
		c := database.Commit{Txn: txn.Txn{Header: txn.Header{Session: id, Cxid: xid, Type: typ}}}
		run(w.claim(&c))
	}
	if w.behind(id, do("never")) {
		t.Error("something waits at the beginning")
	}
	w.write(id, database.Commit{Xid: 1, Op: proto.OpCreate})
	w.sync(&Write{Session: id})
	if !w.behind(id, do("behind sync")) {
		t.Error("a sync that waits holds nothing back")
	}
	w.write(id, database.Commit{Xid: 3, Op: proto.OpSetData})
	w.behind(id, do("behind set"))
	claim(proto.OpCreate, 1)
	if len(did) != 0 {
		t.Errorf("did %v when only the create was answered", did)
	}
	s, then := w.synced()
	if s == nil {
		t.Fatal("no sync waits")
	}
	run(then)
	claim(proto.OpSetData, 3)
	if want := []string{"behind sync", "behind set"}; !slices.Equal(did, want) {
		t.Errorf("did %v, not %v", did, want)
	}
	w.write(id, database.Commit{Xid: 4, Op: proto.OpCreate})
	claim(proto.OpCloseSession, 0)
	if w.behind(id, do("never")) || len(w.writes)+len(w.newest) != 0 {
		t.Errorf("a closed session still waits: %v %v", w.writes, w.newest)
	}
}
