package election

import (
	"gokeeper/server/quorum"
)

// Two servers that both take the other for a stranger would answer each other's answers
// for ever. A stranger therefore gets a few answers at once, then one a second: enough
// for one that looks for its leader, and an exchange of answers dies of it.
const (
	answersAtOnce  = 8
	answerInterval = 1000 // milliseconds
	maxStrangers   = 1024 // more get no answer
)

// allowance is what a stranger may still be answered.
type allowance struct {
	left  int64
	since int64 // when left was counted
}

// grow adds what the time has brought.
func (a *allowance) grow(now int64) {
	n := (now - a.since) / answerInterval
	if a.left += n; a.left >= answersAtOnce {
		a.left, a.since = answersAtOnce, now
		return
	}
	a.since += n * answerInterval
}

// answerStranger answers a server that is no voter: an observer, a server that is not a
// member yet, or no longer.
func (e *Election) answerStranger(from quorum.ServerID) {
	if e.state == Looking && !e.running || !e.mayAnswer(from) {
		return
	}
	n := Notification{State: e.state, Vote: e.vote, Version: Version, Config: e.text}
	n.Vote.Round = e.clock
	e.do(Send{from, n})
}

func (e *Election) mayAnswer(from quorum.ServerID) bool {
	a := e.strangers[from]
	if a == nil {
		if len(e.strangers) >= maxStrangers {
			e.forgetStrangers()
		}
		if len(e.strangers) >= maxStrangers {
			return false
		}
		a = &allowance{answersAtOnce, e.now}
		e.strangers[from] = a
	}
	a.grow(e.now)
	if a.left == 0 {
		return false
	}
	a.left--
	return true
}

// forgetStrangers drops those that have asked for nothing in a while.
func (e *Election) forgetStrangers() {
	for id, a := range e.strangers {
		if a.grow(e.now); a.left == answersAtOnce {
			delete(e.strangers, id)
		}
	}
}
