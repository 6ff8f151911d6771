package prep

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gokeeper/server/auth"
	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
)

// world is a Prep with all around it. Transactions wait in outstanding before they are
// applied to the tree that Prep looks at. A second tree gets each at once: it is what
// Prep must foresee, so that digests are compared and nothing prepared may fail there.
type world struct {
	t           *testing.T
	prep        *Prep
	tree, ahead *tree.Tree
	refused     map[proto.SessionID]refusal // what the tracker says
	outstanding []txn.Txn
	zxid        proto.Zxid
	result      tree.Result
}

func newWorld(t *testing.T, cfg Config) *world {
	w := &world{t: t, tree: tree.New(), ahead: tree.New(), refused: map[proto.SessionID]refusal{}}
	w.prep = New(cfg, &auth.Policy{}, w)
	return w
}

// refusal is why a session may not write, or, if it may be local, not own ephemerals.
type refusal struct {
	err   proto.Error
	local bool
}

// Check is the tracker.
func (w *world) Check(id proto.SessionID, global bool) proto.Error {
	if r := w.refused[id]; global || !r.local {
		return r.err
	}
	return proto.OK
}

func (w *world) prepare(r Request) txn.Txn {
	w.t.Helper()
	w.zxid++
	x := w.prep.Prepare(w.tree, &r, w.zxid, 1000+int64(w.zxid))
	w.outstanding = append(w.outstanding, x)
	raw := x.Append(nil)
	if again, err := txn.Decode(raw, len(raw)+1); err != nil || !bytes.Equal(again.Append(nil), raw) {
		w.t.Fatalf("%s is not what is decoded from it, %s (%v)", show(x.Body), show(again.Body), err)
	}
	result := &w.result
	result.Reset()
	w.ahead.Apply(&x, result)
	code, failed := x.Body.(*txn.Error)
	if failed != (result.Err != proto.OK) || failed && result.Err != code.Code {
		w.t.Fatalf("%s: applied with %v", show(x.Body), result.Err)
	}
	for _, op := range result.Ops {
		if op.Type != proto.OpError && op.Err != proto.OK {
			w.t.Fatalf("%s: an operation applied with %v", show(x.Body), op.Err)
		}
	}
	if result.Mismatch {
		w.t.Fatalf("%s: the tree's digest is %#x then, not %#x", show(x.Body), w.ahead.Digest(), x.Digest.Value)
	}
	return x
}

// apply applies the n oldest outstanding transactions.
func (w *world) apply(n int) {
	for i := range w.outstanding[:n] {
		w.tree.Apply(&w.outstanding[i], &w.result)
		w.prep.Applied(w.outstanding[i].Zxid)
	}
	w.outstanding = w.outstanding[n:]
	if len(w.outstanding) == 0 && (w.prep.Outstanding() != 0 || len(w.prep.latest) != 0) {
		w.t.Fatalf("nothing is outstanding but %d changes of %d nodes", w.prep.Outstanding(), len(w.prep.latest))
	}
}

// show writes a transaction's body as a line.
func show(body txn.Body) string {
	switch b := body.(type) {
	case *txn.Create:
		s := fmt.Sprintf("%v %s %d", b.Type, b.Path, b.ParentCversion)
		if b.Ephemeral {
			s += " ephemeral"
		}
		if b.Type == proto.OpCreateTTL {
			s += fmt.Sprint(" ttl=", b.TTL)
		}
		if !slices.Equal(b.ACL, proto.OpenACL()) {
			s += " " + showACL(b.ACL)
		}
		return s
	case *txn.Delete:
		return "delete " + b.Path
	case *txn.SetData:
		return fmt.Sprintf("setData %s %d", b.Path, b.Version)
	case *txn.SetACL:
		return fmt.Sprintf("setACL %s %d %s", b.Path, b.Version, showACL(b.ACL))
	case *txn.Check:
		return fmt.Sprintf("check %s %d", b.Path, b.Version)
	case *txn.CreateSession:
		return fmt.Sprint("createSession ", b.Timeout)
	case *txn.CloseSession:
		return strings.Join(append([]string{"closeSession"}, b.Paths...), " ")
	case *txn.Error:
		return b.Code.Error()
	case *txn.Multi:
		var ops []string
		for _, op := range b.Ops {
			ops = append(ops, show(op.Body))
		}
		return strings.Join(ops, "; ")
	}
	return fmt.Sprintf("%#v", body)
}

func showACL(acl []proto.ACL) string {
	var entries []string
	for _, a := range acl {
		entries = append(entries, fmt.Sprintf("%d:%s:%s", a.Perms, a.Scheme, a.ID))
	}
	return strings.Join(entries, ",")
}
