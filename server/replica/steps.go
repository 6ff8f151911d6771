package replica

import (
	"context"
	"time"

	"gokeeper/server/database"
	"gokeeper/server/member"
)

// Stage is one of the goroutines of a running replica.
type Stage int

// The stages.
const (
	Loop Stage = iota
	LogWriter
	Applier
	Snapshotter
	Stages // how many there are
)

// Steps runs the stages of a replica turn by turn in the caller's goroutine, in the order
// that the caller wants, instead of Run: a simulation decides by its seed what would
// otherwise be up to the scheduler. Where the loop waits for another stage, Pick says
// whose turn it is until the wait is over.
type Steps struct {
	r *Replica

	// Pick chooses one of the stages that have something to do. There is at least one.
	Pick func([]Stage) Stage
	// Decided is told which transactions are committed now, as far as this member knows,
	// and in its own log. The slice is used again.
	Decided func([]database.Commit)
	decided []database.Commit

	// Meanwhile is called between two pieces of a snapshot, of about Piece bytes each:
	// other stages may have their turns.
	Meanwhile func()
	Piece     int
}

// Step begins to run the replica by turns. Run must not be called.
func (r *Replica) Step(pick func([]Stage) Stage, decided func([]database.Commit)) *Steps {
	s := &Steps{r: r, Pick: pick, Decided: decided, Meanwhile: func() {}, Piece: imagePiece}
	r.steps = s
	r.stopped, r.fail = context.WithCancelCause(context.Background())
	return s
}

// Start is the first turn of the loop.
func (s *Steps) Start() { s.r.start() }

// Turn is one turn of a stage: it takes all that waits for it.
func (s *Steps) Turn(stage Stage) {
	switch stage {
	case Loop:
		s.r.turn()
	case LogWriter:
		s.r.logTurn()
	case Applier:
		s.r.applyTurn()
	case Snapshotter:
		s.r.take()
	}
}

// Waits says whether there is something for the stage to do.
func (s *Steps) Waits(stage Stage) bool {
	switch stage {
	case Loop:
		return !s.r.inbox.empty() || !s.r.durable.empty()
	case LogWriter:
		return !s.r.logQueue.empty()
	case Applier:
		return !s.r.applies.empty()
	case Snapshotter:
		return !s.r.snapshots.empty()
	}
	return false
}

// Tick lets the loop do what is due several times a tick; see Interval.
func (s *Steps) Tick() { s.r.tick() }

// Interval returns how far apart calls of Tick are.
func (s *Steps) Interval() time.Duration { return s.r.tickInterval() }

// Look goes on with an election, whose next step is due at a monotonic time in
// milliseconds, if any is.
func (s *Steps) Look() { s.r.look() }

// Deadline returns when Look is due next.
func (s *Steps) Deadline() (at int64, ok bool) { return s.r.m.Deadline() }

// Member returns the member, which must not be changed.
func (s *Steps) Member() *member.Member { return s.r.m }

// Err returns why the replica cannot go on, nil while it can.
func (s *Steps) Err() error { return context.Cause(s.r.stopped) }

// Stop is the end of Run: what was submitted is logged, applied and answered, as far as
// that is possible without others.
func (s *Steps) Stop() {
	s.r.inbox.end()
	for s.r.stopped.Err() == nil {
		work := s.work(Loop)
		if len(work) == 0 {
			break
		}
		s.Turn(s.Pick(work))
	}
	if s.r.Transport != nil {
		s.r.Transport.Leave()
	}
}

// work returns the stages, from the first on, that have something to do.
func (s *Steps) work(first Stage) []Stage {
	var work []Stage
	for stage := first; stage < Stages; stage++ {
		if s.Waits(stage) {
			work = append(work, stage)
		}
	}
	return work
}

// tell passes on those of the entries that are transactions.
func (s *Steps) tell(entries []entry) {
	s.decided = s.decided[:0]
	for i := range entries {
		if entries[i].call == nil {
			s.decided = append(s.decided, entries[i].commit)
		}
	}
	s.Decided(s.decided)
}

// until has the other stages work until done is closed, or nothing is left to do.
func (s *Steps) until(done chan struct{}) {
	for s.r.stopped.Err() == nil {
		select {
		case <-done:
			return
		default:
		}
		work := s.work(LogWriter)
		if len(work) == 0 {
			panic("bug: the loop waits for stages that have nothing to do")
		}
		s.Turn(s.Pick(work))
	}
}
