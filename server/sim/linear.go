package sim

import (
	"fmt"
	"math"
	"time"

	"github.com/anishathalye/porcupine"

	"gokeeper/server/proto"
)

// checkLimit is how long porcupine may think about one register.
const checkLimit = 2 * time.Second

// observe adds an operation on a register to the register's history.
func (c *client) observe(path string, o *operation, a Action) {
	if len(path) != 3 || path[:2] != "/r" {
		return
	}
	call := c.w.now
	o.done = func(r *reply) {
		op := porcupine.Operation{ClientId: c.id, Input: a, Call: int64(call), Output: Outcome{Result: "lost"}, Return: math.MaxInt64}
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
		o := Outcome{Result: "ok"}
		if e := r.c.w.ledger.at(r.zxid); e != nil && r.op.op == proto.OpSetData {
			o.Version = r.c.w.ledger.node(r.op.path(), r.zxid).version
		}
		return o
	case proto.NodeExists:
		return Outcome{Result: "exists"}
	case proto.NoNode:
		return Outcome{Result: "none"}
	case proto.BadVersion:
		return Outcome{Result: "version"}
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
		if porcupine.CheckOperationsTimeout(Registers, ops, checkLimit) == porcupine.Illegal {
			w.violated("Linearizability", "the history of %s, %d operations, is not linearizable", path, len(ops))
		}
	}
}
