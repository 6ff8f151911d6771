package sim

import (
	"errors"
	"runtime/debug"
	"syscall"
	"time"

	"gokeeper/server/database"
	"gokeeper/server/member"
	"gokeeper/server/proto"
	"gokeeper/server/replica"
	"gokeeper/server/storage"
	"gokeeper/server/vfs"
	"gokeeper/server/zab"
)

// process is a server that runs, until it ends in one way or another.
type process struct {
	s         *server
	begun     time.Duration
	dir       *storage.Dir
	db        *database.Database
	replica   *replica.Replica
	steps     *replica.Steps
	transport *transport
	members   *members
	conns     map[*connection]struct{}

	ended    bool
	paused   bool
	backlog  []func() // came while it was paused
	turn     [replica.Stages]*event
	alarm    *event
	inside   replica.Stage // the stage whose turn it is
	role     member.Role
	serving  bool
	readOnly bool        // serves reads without a leader
	book     *ledger     // what it shows then; nil: not known yet
	stay     int         // in a role, by number
	served   bool        // in the present role, if only until now
	forgets  bool        // the role is that of an observer that keeps its history in memory only
	last     proto.Zxid  // decided last, while it serves
	checked  proto.Zxid  // at which the tree was compared last
	tail     []zab.Entry // of a leader: what it had at the beginning beyond the ledger
	deserts  *process    // the leader, which ends when this server is about to take a snapshot: that holds the tail then
	epoch    int64       // that its leader has told
	cut      proto.Zxid  // to which it is told to cut its history, and may not be able to; 0: none
	begins   proto.Zxid  // as a leader: the last transaction of its history at the beginning
}

// do runs something in the process, when it is not paused.
func (p *process) do(f func()) {
	switch {
	case p.ended:
	case p.paused:
		p.backlog = append(p.backlog, f)
	default:
		p.guard(f)
	}
}

// guard runs something in the process, which may be the last thing that it does.
func (p *process) guard(f func()) {
	w := p.s.w
	defer func() {
		switch x := recover(); x.(type) {
		case nil:
		case powerFailure:
			w.trace("server %v: the power fails in the middle of an operation", p.s.id)
			w.stats.Faults["power failure inside an operation"]++
			p.powerOff()
			p.s.restartLater()
		case killed:
			w.trace("server %v: is killed in the middle of an operation", p.s.id)
			w.stats.Faults["kill inside an operation"]++
			p.kill()
			p.s.restartLater()
		default:
			w.violated("Panic", "server %v: %v\n%s", p.s.id, x, debug.Stack())
			p.exit()
		}
	}()
	f()
	if p.ended {
		return
	}
	if err := p.steps.Err(); err != nil {
		p.failed(err)
		return
	}
	p.observe()
	p.schedule()
	w.check(p)
}

// failed is the end of a process whose disk has failed.
func (p *process) failed(err error) {
	w := p.s.w
	w.trace("server %v stops: %v", p.s.id, err)
	if !p.s.disk.hurt || !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.ENOSPC) {
		w.violated("Restart", "server %v stops: %v", p.s.id, err)
	}
	p.kill()
	p.s.restartLater()
}

// schedule gives each stage that has something to do its turn, at some time.
func (p *process) schedule() {
	for stage := range replica.Stages {
		if p.turn[stage] == nil && p.steps.Waits(stage) {
			p.turn[stage] = p.s.after(p.s.turnDelay(stage), func() { p.do(func() { p.run(stage) }) })
			if leader := p.deserts; stage == replica.Snapshotter && leader != nil && !p.s.w.calm {
				p.deserts = nil
				p.s.after(0, func() { leader.kill(); leader.s.restartLater() })
			}
		}
	}
	p.alarm.cancel()
	if at, ok := p.steps.Deadline(); ok {
		wait := time.Duration(at)*time.Millisecond - (p.s.w.now - p.begun)
		p.alarm = p.s.after(max(min(wait, 20*time.Millisecond), time.Millisecond), func() { p.do(p.steps.Look) })
	}
}

// turnDelay draws how long it takes until a stage has done what waits for it.
func (s *server) turnDelay(stage replica.Stage) time.Duration {
	switch stage {
	case replica.LogWriter:
		return s.fsync + s.between(100*time.Microsecond, 3*time.Millisecond)
	case replica.Snapshotter:
		return s.between(time.Millisecond, 60*time.Millisecond)
	case replica.Applier:
		if s.chance(50) || s.process.turn[replica.Snapshotter] != nil && s.chance(2) { // so that it works while a snapshot is written
			return s.between(0, 60*time.Millisecond)
		}
	}
	return s.between(5*time.Microsecond, 300*time.Microsecond)
}

// run is one turn of a stage. While a snapshot is written, others may have theirs.
func (p *process) run(stage replica.Stage) {
	p.turn[stage] = nil
	p.inside = stage
	if stage == replica.Snapshotter {
		p.s.disk.during = func(op vfs.Op) {
			if op == vfs.OpCreate || op == vfs.OpWrite || op == vfs.OpSync {
				p.meanwhile()
			}
		}
		defer func() { p.s.disk.during = nil }()
	}
	p.steps.Turn(stage)
	if stage == replica.Snapshotter && p.s.chance(4) {
		if _, err := p.dir.Purge(3); err != nil {
			p.s.w.trace("server %v: purge: %v", p.s.id, err)
		}
	}
}

// meanwhile gives the applier a turn, or none, while a snapshot is written.
func (p *process) meanwhile() {
	if !p.s.chance(2) {
		return
	}
	during := p.s.disk.during
	p.s.disk.during = nil
	if p.steps.Waits(replica.Applier) {
		p.s.w.stats.Events["turns of the applier inside a snapshot"]++
		p.steps.Turn(replica.Applier)
	}
	p.s.disk.during = during
}

// pick decides which stage works while the loop waits.
func (p *process) pick(stages []replica.Stage) replica.Stage { return stages[p.s.IntN(len(stages))] }

// tick has the loop look at what is due, and again later.
func (p *process) tick() {
	if p.ended {
		return
	}
	p.s.after(p.steps.Interval()+p.s.between(0, time.Millisecond), func() { p.do(func() { p.steps.Tick(); p.tick() }) })
}

// kill ends the process; the machine goes on, and tells the others.
func (p *process) kill() {
	if p.ended {
		return
	}
	p.s.disk.killed()
	p.leave(true)
}

// powerOff ends the machine, which tells nobody.
func (p *process) powerOff() {
	if p.ended {
		return
	}
	p.s.disk.powerOff()
	p.leave(false)
}

// exit ends a process that has already released what it had.
func (p *process) exit() {
	if !p.ended {
		p.s.disk.killed()
		p.leave(true)
	}
	p.s.restartLater()
}

// leave forgets the process.
func (p *process) leave(tell bool) {
	p.ended = true
	p.s.process = nil
	if p.transport != nil {
		p.transport.die(tell)
	}
	for _, c := range p.sortedConns() {
		c.die(tell)
	}
}

// stop ends the process as an operator does.
func (p *process) stop() {
	p.do(func() {
		p.steps.Stop()
		p.observe() // it may have begun to lead with the last that it heard
		if p.steps.Err() == nil {
			_ = p.dir.Close() // a disk that fails now is no worse than a kill
		}
		p.kill()
	})
}

// pause and resume are what a hypervisor or a long collection of garbage does.
func (p *process) pause() { p.paused = true }

func (p *process) resume() {
	p.paused = false
	for len(p.backlog) > 0 && !p.ended && !p.paused {
		f := p.backlog[0]
		p.backlog = p.backlog[1:]
		p.guard(f)
	}
}
