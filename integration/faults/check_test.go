package faults

import (
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"

	"gokeeper/server/sim"
)

// ops builds a history of one register: each operation begins and ends at these times.
func op(client int, from, to int64, a sim.Action, out sim.Outcome) porcupine.Operation {
	return porcupine.Operation{ClientId: client, Input: a, Call: from, Return: to, Output: out}
}

// TestRegister gives the model histories that are right and such that are not.
func TestRegister(t *testing.T) {
	create, set, remove := sim.Action{Kind: "create", Expects: -1}, sim.Action{Kind: "set", Expects: -1}, sim.Action{Kind: "delete", Expects: -1}
	ok := func(v int32) sim.Outcome { return sim.Outcome{Result: "ok", Version: v} }
	none, exists, lost := sim.Outcome{Result: "none"}, sim.Outcome{Result: "exists"}, sim.Outcome{Result: "lost"}
	f := func(name string, want porcupine.CheckResult, ops ...porcupine.Operation) {
		t.Helper()
		if got, _ := linearizable(ops); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	f("in order", porcupine.Ok, op(0, 1, 2, create, ok(0)), op(1, 3, 4, set, ok(1)), op(0, 5, 6, sim.Action{Kind: "set", Expects: 1}, ok(2)), op(0, 7, 8, remove, ok(0)))
	f("at once", porcupine.Ok, op(0, 1, 9, create, ok(0)), op(1, 2, 8, set, none), op(2, 3, 7, set, ok(1)))
	f("a lost write", porcupine.Illegal, op(0, 1, 2, create, ok(0)), op(0, 3, 4, set, ok(1)), op(1, 5, 6, set, ok(1)))
	f("a lost create", porcupine.Illegal, op(0, 1, 2, create, ok(0)), op(1, 3, 4, create, ok(0)))
	f("a write that comes back", porcupine.Illegal, op(0, 1, 2, create, ok(0)), op(0, 3, 4, remove, ok(0)), op(1, 5, 6, create, exists))
	f("a condition that did not hold", porcupine.Illegal, op(0, 1, 2, create, ok(0)), op(0, 3, 4, set, ok(1)), op(1, 5, 6, sim.Action{Kind: "set", Expects: 0}, ok(2)))
	f("a refusal without cause", porcupine.Illegal, op(0, 1, 2, create, ok(0)), op(0, 3, 4, sim.Action{Kind: "set", Expects: 0}, sim.Outcome{Result: "version"}))
	f("no answer, and it happened", porcupine.Ok, op(0, 1, 2, create, ok(0)), op(0, 3, never, set, lost), op(1, 5, 6, set, ok(2)))
	f("no answer, and it did not", porcupine.Ok, op(0, 1, 2, create, ok(0)), op(0, 3, never, set, lost), op(1, 5, 6, set, ok(1)))
	f("no answer, and it happened later", porcupine.Ok, op(0, 1, 2, create, ok(0)), op(0, 3, never, remove, lost), op(1, 5, 6, set, ok(1)), op(1, 7, 8, set, none))
	f("no answer, and it happened twice", porcupine.Illegal, op(0, 1, 2, create, ok(0)), op(0, 3, never, set, lost), op(1, 5, 6, set, ok(3)))
}

// TestSequence wants numbers that come twice, or descend, to be noticed.
func TestSequence(t *testing.T) {
	f := func(want string, paths ...string) {
		t.Helper()
		h := newHistory()
		before := map[string]string{}
		for _, p := range paths {
			client, path, _ := strings.Cut(p, " ")
			h.sequence(client, path, before[client])
			before[client] = path
		}
		if got := strings.Join(h.violations, "; "); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%v: got %q, want %q", paths, got, want)
		}
	}
	f("", "a s-01", "b s-02", "a s-03")
	f("was given to a and to b", "a s-01", "b s-01")
	f("got s-01 after s-02", "a s-02", "a s-01")
}

// TestTrees wants members that differ to be noticed.
func TestTrees(t *testing.T) {
	same := map[string]string{"/a": "1", "/b": "2"}
	f := func(want int, trees ...map[string]string) {
		t.Helper()
		h := newHistory()
		h.acknowledged = []string{"/a"}
		h.compare(trees)
		if len(h.violations) != want {
			t.Errorf("%v: %q, want %d", trees, h.violations, want)
		}
	}
	f(0, same, map[string]string{"/a": "1", "/b": "2"})
	f(1, same, map[string]string{"/a": "1", "/b": "3"})
	f(1, same, map[string]string{"/a": "1"})
	f(1, same, map[string]string{"/a": "1", "/b": "2", "/c": ""})
	f(2, map[string]string{"/b": "2"}, map[string]string{"/b": "2"}) // one on each
}
