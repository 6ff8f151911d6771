package prep

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// Operations that a random history is made of, those of multis first. $path, $front of a
// sequential name, $version and $acl are chosen when one is made.
var (
	single   = append(slices.Clone(multiple), "setACL $path v=$version acl=$acl", "setACL $path acl=$acl", "closeSession", "deleteContainer $path")
	multiple = []string{
		"create $path", "create $path", "create $path acl=$acl", "create2 $front flags=2", "create $path flags=1",
		"create $front flags=3", "createContainer $path flags=4", "createTTL $path flags=5 ttl=9", "delete $path v=$version",
		"delete $path", "delete $path", "setData $path v=$version data=x", "setData $path data=null", "check $path v=$version",
	}
	choices = map[string][]string{
		"path":    {"/a", "/b", "/a/a", "/a/b", "/b/a", "/a/0000000000", "/a/0000000002", "/a/b/0000000001"},
		"front":   {"/", "/a/", "/a/b/"},
		"version": {"-1", "0", "1"},
		"acl":     {"31:world:anyone", "31:ip:10.0.0.1", "1:world:anyone,30:ip:10.0.0.1", "31:auth:", "30:world:anyone"},
		"as":      {"as 1", "as 2 ip:10.0.0.1", "as 3 digest:bob:pw"},
	}
)

// line makes up a command.
func line(r *rand.Rand) string {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	text := pick(single)
	if r.IntN(4) == 0 {
		text = "multi " + pick(multiple)
		for range r.IntN(4) {
			text += "; " + pick(multiple)
		}
	}
	return os.Expand(text, func(name string) string { return pick(choices[name]) })
}

// TestOutstanding wants a write to become the same transaction whether what stands
// before it is applied already or outstanding, in random histories.
func TestOutstanding(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			cfg := Config{ExtendedTypes: true, NoClosePaths: seed%10 == 9}
			at, late := &script{world: newWorld(t, cfg)}, &script{world: newWorld(t, cfg)}
			for range 300 {
				who, what := strings.Fields(choices["as"][r.IntN(3)]), strings.Fields(line(r))
				for _, s := range []*script{at, late} {
					s.run(who)
					s.run(what)
				}
				want, got := at.outstanding[0], late.outstanding[len(late.outstanding)-1]
				if !bytes.Equal(got.Append(nil), want.Append(nil)) {
					t.Fatalf("%q: %s\nbut with everything applied %s", what, show(got.Body), show(want.Body))
				}
				at.apply(1)
				late.apply(r.IntN(1 + min(len(late.outstanding), 4)))
			}
		})
	}
}

// TestZOOKEEPER2623: a check by itself is no write, nor is anything else that has no
// transaction.
func TestZOOKEEPER2623(t *testing.T) {
	s := &script{world: newWorld(t, Config{}), session: 1}
	if got := s.run([]string{"check", "/"}); got != proto.Unimplemented.Error() {
		t.Errorf("check alone: %s", got)
	}
}

// TestZOOKEEPER3496: no transaction may be longer than what logs and learners take,
// though a list can grow by the identities of who sends it.
func TestZOOKEEPER3496(t *testing.T) {
	s := &script{world: newWorld(t, Config{Limit: 1000}), session: 1}
	s.run([]string{"create", "/a"})
	for range 10 {
		s.ids = append(s.ids, proto.Identity{Scheme: "digest", ID: strings.Repeat("u", 100) + ":pw"})
	}
	for _, line := range []string{
		"create /b acl=31:auth:", "setACL /a acl=31:auth:", "multi create /b; create /c acl=31:auth:", "multi create /a/b; setData /a",
	} {
		got := s.run(strings.Fields(line))
		if n := len(s.outstanding[len(s.outstanding)-1].Append(nil)); n > 1000 || strings.Contains(line, "auth") != (got == proto.BadArguments.Error()) {
			t.Errorf("%s: %d bytes: %s", line, n, got)
		}
	}
	if got := s.run(strings.Fields("create /b")); got != "create /b 2" {
		t.Errorf("/b after its creation was refused: %s", got)
	}
	s.apply(len(s.outstanding))
}

// TestZOOKEEPER4306: nor may the end of a session with very many ephemerals. The list is
// left out then: they go without it.
func TestZOOKEEPER4306(t *testing.T) {
	s := &script{world: newWorld(t, Config{Limit: 1000}), session: 1}
	for i := range 100 {
		s.run([]string{"create", fmt.Sprint("/ephemeral", i), "flags=1"})
	}
	s.run([]string{"closeSession"})
	x := s.outstanding[100]
	if n := len(x.Append(nil)); n > 1000 || x.Body.(*txn.CloseSession).Paths != nil || x.Digest != nil {
		t.Errorf("%d bytes: %s, digest %v; Java takes a digest for the list that is missing", n, show(x.Body), x.Digest)
	}
	if n := s.ahead.EphemeralCount(); n != 0 {
		t.Errorf("%d ephemerals are left", n)
	}
	if got := s.run([]string{"delete", "/ephemeral7"}); got != proto.NoNode.Error() {
		t.Errorf("delete behind it: %s", got)
	}
	s.apply(len(s.outstanding))
}

// TestSequenceEnds: the counter stays at its greatest value, as Java's does, rather than
// begin again below zero.
func TestSequenceEnds(t *testing.T) {
	s := &script{world: newWorld(t, Config{}), session: 1}
	s.run([]string{"create", "/a"})
	x := txn.Txn{Header: txn.Header{Zxid: 2, Type: proto.OpCreate}, Body: &txn.Create{Type: proto.OpCreate, Path: "/a/x", ACL: proto.OpenACL(), ParentCversion: 1<<31 - 2}}
	s.apply(1)
	s.zxid = 2
	s.tree.Apply(&x, &s.result)
	s.ahead.Apply(&x, &s.result)
	for i, want := range []string{"create /a/s2147483646 2147483647", "create /a/s2147483647 -2147483648", "node exists", "create /a/t2147483647 -2147483648"} {
		if got := s.run([]string{"create", "/a/" + "ssst"[i:i+1], "flags=2"}); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
	s.apply(len(s.outstanding))
}

// FuzzPrepare wants every body to become a transaction that applies as foreseen.
func FuzzPrepare(f *testing.F) {
	s := &script{}
	s.world = newWorld(nil, Config{})
	for _, line := range []string{
		"create /a/b acl=31:auth:", "createTTL /a/x flags=6 ttl=5", "delete /a", "setData /a data=x", "setACL /a/b acl=1:world:anyone",
		"multi create /a; create2 /a/ flags=3; setData /a; check /a; delete /b", "deleteContainer /a", "createSession 5", "closeSession", "reconfig",
	} {
		op, body := s.request(strings.Fields(line))
		f.Add(int32(op), body)
	}
	f.Fuzz(func(t *testing.T, op int32, body []byte) {
		w := newWorld(t, Config{ExtendedTypes: true, EnforceQuota: true, Reconfig: true})
		s := &script{world: w, session: 1, ids: []proto.Identity{{Scheme: "digest", ID: "bob:pw"}}}
		for _, line := range []string{"create /a", "create /a/b flags=1"} {
			s.run(strings.Fields(line))
		}
		w.prepare(Request{Session: 1, Op: proto.Op(op), Body: body, IDs: s.ids})
		w.prepare(Request{Session: 1, Op: proto.OpCloseSession})
		w.apply(len(w.outstanding))
	})
}
