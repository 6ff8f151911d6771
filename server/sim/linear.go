package sim

import (
	"fmt"
	"math"
	"time"

	"github.com/anishathalye/porcupine"

	"gokeeper/server/proto"
)

// action is what a client asks of a register: a znode of which existence and version
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

// registerModel is the model of one register's history. An action without an answer has
// happened, or not.
var registerModel = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{register{}} },
	Step: func(state, input, output any) []any {
		before := state.(register)
		got, after := before.next(input.(action))
		switch output.(outcome) {
		case outcome{result: "lost"}:
			return []any{before, after}
		case got:
			return []any{after}
		}
		return nil
	},
}).ToModel()

// checkLimit is how long porcupine may think about one register.
const checkLimit = 2 * time.Second

// record adds an operation on a register to the register's history.
func (c *client) record(path string, o *operation, a action) {
	if len(path) != 3 || path[:2] != "/r" {
		return
	}
	call := c.w.now
	o.done = func(r *reply) {
		op := porcupine.Operation{ClientId: c.id, Input: a, Call: int64(call), Output: outcome{result: "lost"}, Return: math.MaxInt64}
		if r != nil {
			if op.Output = told(r); op.Output == nil {
				return
			}
			op.Return = int64(c.w.now)
		}
		c.w.histories[path] = append(c.w.histories[path], op)
	}
}

// told returns what a reply says of a register; nil for what it says of the session only.
func told(r *reply) any {
	switch r.err {
	case proto.OK:
		o := outcome{result: "ok"}
		if e := r.c.w.ledger.at(r.zxid); e != nil && r.op.op == proto.OpSetData {
			o.version = r.c.w.ledger.node(r.op.path(), r.zxid).version
		}
		return o
	case proto.NodeExists:
		return outcome{result: "exists"}
	case proto.NoNode:
		return outcome{result: "none"}
	case proto.BadVersion:
		return outcome{result: "version"}
	}
	return nil
}

// path returns the path of a setData.
func (o *operation) path() string {
	var path string
	_, _ = fmt.Sscanf(o.what, "setData %s", &path) // it is written like that
	return path
}

// linearizable checks the histories of the registers.
func (w *world) linearizable() {
	for path, ops := range w.histories {
		if porcupine.CheckOperationsTimeout(registerModel, ops, checkLimit) == porcupine.Illegal {
			w.violated("Linearizability", "the history of %s, %d operations, is not linearizable", path, len(ops))
		}
	}
}
