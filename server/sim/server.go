package sim

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/auth"
	"gokeeper/server/database"
	"gokeeper/server/member"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/replica"
	"gokeeper/server/storage"
	"gokeeper/server/tree"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
	"gokeeper/server/zab"
)

// server is one machine of the ensemble: a disk, a clock, and a process while it runs.
type server struct {
	w  *world
	id quorum.ServerID
	*source
	disk    *disk
	process *process      // nil: it is down
	starts  int           // of the process
	wall    time.Duration // what the wall clock is ahead of the time
	latest  int64         // wall time in milliseconds at the last start
	fsync   time.Duration // that a sync takes at least
	fuzzy   bool          // its snapshot may be one that a leader sent, and shows more than it says
	wiped   bool          // its disk was replaced by an empty one
	absent  bool          // not to be started: it is no member yet
	brought []zab.Entry   // in the snapshot that a leader sent, and not known to be committed
}

// epoch0 is the wall time at which runs begin, in milliseconds since 1970.
const epoch0 = 1_700_000_000_000

func (s *server) wallMillis() int64 { return epoch0 + (s.w.now + s.wall).Milliseconds() }

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

	ended   bool
	paused  bool
	backlog []func() // came while it was paused
	turn    [replica.Stages]*event
	alarm   *event
	inside  replica.Stage // the stage whose turn it is
	role    member.Role
	serving bool
	served  bool        // in the present role, if only until now
	last    proto.Zxid  // decided last, while it serves
	checked proto.Zxid  // at which the tree was compared last
	tail    []zab.Entry // of a leader: what it had at the beginning beyond the ledger
	epoch   int64       // that its leader has told
	begins  proto.Zxid  // as a leader: the last transaction of its history at the beginning
}

// start begins a process on what the disk holds.
func (s *server) start() {
	if s.process != nil || s.absent {
		return
	}
	s.starts++
	s.disk.powerOn()
	if s.wallMillis() <= s.latest { // otherwise it would give out the same sessions again
		s.wall += time.Duration(s.latest-s.wallMillis()+1) * time.Millisecond
	}
	s.latest = s.wallMillis()
	p := &process{s: s, begun: s.w.now, conns: map[*connection]struct{}{}, turn: [replica.Stages]*event{}}
	s.process = p
	s.w.trace("server %v starts", s.id)
	p.guard(func() {
		if err := p.open(); err != nil {
			p.cannotStart(err)
			return
		}
		p.steps.Start()
		p.tick()
	})
}

// cannotStart is the end of a process that did not come to run. Only a broken disk is an
// excuse.
func (p *process) cannotStart(err error) {
	p.s.w.trace("server %v cannot start: %v", p.s.id, err)
	if p.s.disk.broken == 0 || !errors.Is(err, p.s.disk.broken) {
		p.s.w.violated("Restart", "server %v cannot start on its own disk: %v", p.s.id, err)
	}
	p.exit()
}

// storageOptions are those of all servers of a run.
func (w *world) storageOptions() storage.Options {
	return storage.Options{
		DataDir: "/data", LogDir: w.plan.logDir, NoDBAutoCreate: true, Recent: w.plan.recent, Owner: "sim",
		Log: txnlog.Options{PreAllocSize: w.plan.preAlloc, Limit: limit},
	}
}

// limit is the longest buffer of a transaction.
const limit = 1 << 20

// open reads the disk and builds the parts, as package server does.
func (p *process) open() error {
	s, w := p.s, p.s.w
	for _, dir := range []string{"/conf", "/data", "/log"} {
		if err := s.disk.fs.MkdirAll(dir); err != nil {
			return err
		}
	}
	dir, err := storage.Open(s.disk.fs, w.storageOptions())
	if err != nil {
		return fmt.Errorf("open the data directory: %w", err)
	}
	rec, err := dir.Load()
	if err != nil {
		return fmt.Errorf("load the data directory: %w", err)
	}
	if len(rec.Mismatches) > 0 && !s.fuzzy {
		w.violated("Digest", "server %v: replay gives another digest at %v", s.id, rec.Mismatches)
	}
	epochs, err := dir.LoadEpochs(max(rec.LastZxid, 0))
	if err != nil {
		return fmt.Errorf("load the epochs: %w", err)
	}
	if rec.LastZxid >= 0 {
		p.began(epochs.Current)
	}
	p.members, err = newMembers(s)
	if err != nil {
		return fmt.Errorf("load the configuration: %w", err)
	}
	policy := &auth.Policy{SkipACL: true}
	p.dir, p.db = dir, database.New(rec.Tree, rec.Sessions, policy)
	p.db.Update(func(t *tree.Tree) {
		if c, ok := replica.Reconfigured(t); ok && c.Version > p.members.newest() {
			p.members.seen = &c
		}
		t.SetConfig([]byte(p.members.committed.String()), proto.Zxid(p.members.committed.Version), s.wallMillis())
	})
	w.trace("server %v has %v, epochs %d %d, config %x", s.id, rec.LastZxid, epochs.Accepted, epochs.Current, p.members.committed.Version)
	p.transport = newTransport(p)
	parts := replica.Parts{
		Database: p.db, Dir: dir, Policy: policy, Events: p.events(), Log: zerolog.Nop(),
		Clock: replica.Clock{
			Monotonic: func() int64 { return (w.now - p.begun).Milliseconds() + 1 },
			Wall:      s.wallMillis,
		},
		Transport: p.transport, Configs: p.members, Drop: p.drop,
	}
	p.replica = replica.New(p.config(), parts, rec, epochs, s.Uint64())
	p.steps = p.replica.Step(p.pick, p.decided)
	return nil
}

func (p *process) config() replica.Config {
	w := p.s.w
	return replica.Config{
		Member: member.Config{
			ServerID: int64(p.s.id), Tick: w.plan.tick,
			Prep:         prep.Config{ExtendedTypes: true, Reconfig: true, Limit: limit},
			ReapInterval: 5 * w.plan.tick, ReapPerMinute: 10000, ReapNeverUsed: 0,
			Ensemble: &member.Ensemble{
				Self: p.s.id, Observer: p.members.committed.IsObserver(p.s.id), Quorum: p.members.committed, LastSeen: p.members.seen,
				InitLimit: 10, SyncLimit: 5, Recent: w.plan.recent, DiskSync: w.plan.diskSync, ForceSnap: w.plan.forceSnap,
				Reconfig: true, MaxInterval: 5 * time.Second,
			},
		},
		SnapCount: w.plan.snapCount, Retain: 3, Limit: limit, SyncTime: 5 * w.plan.tick,
		NoLog: false, DiskFactor: w.plan.diskFactor,
	}
}

func (p *process) events() replica.Events {
	return replica.Events{
		Proposed: func(int, time.Duration) {}, Synced: func(int, time.Duration) {}, Applied: func(int) {},
		Snapshot: func(time.Duration) { p.s.w.stats.Events["snapshots"]++ },
		Mismatch: func() { p.s.w.violated("Digest", "server %v: the tree's digest is not the transaction's", p.s.id) },
		Expired:  func(n int) { p.s.w.stats.Events["sessions expired"] += n },
	}
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
	if p.s.disk.broken == 0 && !strings.Contains(err.Error(), "input/output") && !strings.Contains(err.Error(), "no space") {
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
		if s.chance(50) {
			return s.between(0, 30*time.Millisecond)
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
			if (op == vfs.OpCreate || op == vfs.OpWrite || op == vfs.OpSync) && p.s.chance(2) {
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

// meanwhile gives the applier a turn while the snapshotter works.
func (p *process) meanwhile() {
	during := p.s.disk.during
	p.s.disk.during = nil
	if p.steps.Waits(replica.Applier) {
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

// restartLater starts the server again after a while.
func (s *server) restartLater() {
	s.after(s.between(10*time.Millisecond, s.w.plan.downtime), func() {
		if s.process == nil {
			s.start()
		}
	})
}
