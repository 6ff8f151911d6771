package faults

import (
	"fmt"
	"math"
	"time"

	"github.com/anishathalye/porcupine"
)

// action is what a client asks of a register: a znode of which only existence and version
// matter.
type action struct {
	kind    string // create, set, delete
	expects int32  // version, -1 for any
}

// outcome is what it was told.
type outcome struct {
	result  string // ok, exists, none, version; lost when there was no answer
	version int32  // that an ok set has made
}

// register is a register's state; the zero value does not exist.
type register struct {
	exists  bool
	version int32
}

// next returns the outcome of an action, and the state behind it.
func (r register) next(a action) (outcome, register) {
	switch {
	case a.kind == "create" && r.exists:
		return outcome{result: "exists"}, r
	case a.kind == "create":
		return outcome{result: "ok"}, register{exists: true}
	case !r.exists:
		return outcome{result: "none"}, r
	case a.expects != -1 && a.expects != r.version:
		return outcome{result: "version"}, r
	case a.kind == "delete":
		return outcome{result: "ok"}, register{}
	}
	r.version++
	return outcome{"ok", r.version}, r
}

// registers is the model of one register's history. An action without an answer has
// happened, or not.
var registers = (&porcupine.NondeterministicModel{
	Init: func() []interface{} { return []interface{}{register{}} },
	Step: func(state, input, output interface{}) []interface{} {
		before := state.(register)
		got, after := before.next(input.(action))
		switch output.(outcome) {
		case outcome{result: "lost"}:
			return []interface{}{before, after}
		case got:
			return []interface{}{after}
		}
		return nil
	},
	DescribeOperation: func(input, output interface{}) string { return fmt.Sprint(input, " → ", output) },
}).ToModel()

// never is when an action ends that got no answer.
const never = math.MaxInt64

// checkLimit is how long porcupine may think about one register.
const checkLimit = 20 * time.Second

// linearizable says whether the history of one register is; illegal only when it surely
// is not.
func linearizable(history []porcupine.Operation) (porcupine.CheckResult, porcupine.LinearizationInfo) {
	return porcupine.CheckOperationsVerbose(registers, history, checkLimit)
}
