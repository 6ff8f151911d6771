package faults

import (
	"math"
	"time"

	"github.com/anishathalye/porcupine"

	"gokeeper/server/sim"
)

// never is when an action ends that got no answer.
const never = math.MaxInt64

// checkLimit is how long porcupine may think about one register.
const checkLimit = 20 * time.Second

// linearizable says whether the history of one register is; illegal only when it surely
// is not.
func linearizable(history []porcupine.Operation) (porcupine.CheckResult, porcupine.LinearizationInfo) {
	return porcupine.CheckOperationsVerbose(sim.Registers, history, checkLimit)
}
