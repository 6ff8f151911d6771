package sim

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// Action is what a client asks of a register: a znode of which only existence and version
// matter.
type Action struct {
	Kind    string // create, set, delete
	Expects int32  // version, -1 for any
}

// Outcome is what it was told.
type Outcome struct {
	Result  string // ok, exists, none, version; lost when there was no answer
	Version int32  // that an ok set has made
}

// register is a register's state; the zero value does not exist.
type register struct {
	exists  bool
	version int32
}

// next returns the outcome of an action, and the state behind it.
func (r register) next(a Action) (Outcome, register) {
	switch {
	case a.Kind == "create" && r.exists:
		return Outcome{Result: "exists"}, r
	case a.Kind == "create":
		return Outcome{Result: "ok"}, register{exists: true}
	case !r.exists:
		return Outcome{Result: "none"}, r
	case a.Expects != -1 && a.Expects != r.version:
		return Outcome{Result: "version"}, r
	case a.Kind == "delete":
		return Outcome{Result: "ok"}, register{}
	}
	r.version++
	return Outcome{"ok", r.version}, r
}

// Registers is the model of one register's history, of [Action] and [Outcome]: of simulated
// servers and of real ones. An action without an answer has happened, or not.
var Registers = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{register{}} },
	Step: func(state, input, output any) []any {
		before := state.(register)
		got, after := before.next(input.(Action))
		switch output.(Outcome) {
		case Outcome{Result: "lost"}:
			return []any{before, after}
		case got:
			return []any{after}
		}
		return nil
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprint(input, " → ", output) },
}).ToModel()
