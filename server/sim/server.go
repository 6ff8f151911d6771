package sim

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/database"
	"gokeeper/server/member"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/replica"
	"gokeeper/server/storage"
	"gokeeper/server/tree"
	"gokeeper/server/txnlog"
	"gokeeper/server/zab"
)

// server is one machine of the ensemble: a disk, a clock, and a process while it runs.
type server struct {
	w  *world
	id quorum.ServerID
	*source
	disk      *disk
	process   *process          // nil: it is down
	starts    int               // of the process
	forgetful bool              // what it has seen last it has in memory only
	roles     int               // in which it has begun to serve
	wall      time.Duration     // what the wall clock is ahead of the time
	latest    int64             // wall time in milliseconds at the last start
	fsync     time.Duration     // that a sync takes at least
	fuzzy     bool              // its snapshot may be one that a leader sent, and shows more than it says
	wiped     bool              // its disk was replaced by an empty one
	absent    bool              // not to be started: it is no member yet
	loseSnap  int               // links that are to break behind a snapshot that they bring
	crashAt   int               // operations behind the next NEWLEADER at which the power fails; 0: it does not
	rotten    map[string][]byte // snapshots with a wrong bit
	brought   []zab.Entry       // in the snapshot that a leader sent, and not known to be committed
}

// epoch0 is the wall time at which runs begin, in milliseconds since 1970.
const epoch0 = 1_700_000_000_000

func (s *server) wallMillis() int64 {
	return (epoch0*time.Millisecond + s.w.now + s.wall).Milliseconds() // one sum, or rounding would differ before epoch0
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
	if !p.s.disk.hurt || !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.ENOSPC) {
		p.s.w.violated("Restart", "server %v cannot start on its own disk: %v", p.s.id, err)
	}
	p.exit()
}

// storageOptions are those of all servers of a run.
func (w *world) storageOptions() storage.Options {
	return storage.Options{
		DataDir: "/data", LogDir: w.plan.logDir, NoDBAutoCreate: true, Recent: w.plan.recent, Owner: "sim",
		Log: txnlog.Options{PreAllocSize: w.plan.preAlloc, SizeLimit: w.plan.logSize, Limit: w.plan.limit},
	}
}

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
	p.members, err = newMembers(s)
	if err != nil {
		return fmt.Errorf("load the configuration: %w", err)
	}
	if rec.LastZxid >= 0 {
		p.began(epochs.Current)
	}
	policy := policy()
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
	p.steps.Meanwhile, p.steps.Piece = p.meanwhile, w.plan.piece
	return nil
}

func (p *process) config() replica.Config {
	w := p.s.w
	return replica.Config{
		Member: member.Config{
			ServerID: int64(p.s.id), Tick: w.plan.tick,
			Prep: prep.Config{
				ExtendedTypes: true, Reconfig: true, SmallEnsembles: w.plan.small, NoClosePaths: w.plan.noPaths, Limit: w.plan.limit,
			},
			ReapInterval: 5 * w.plan.tick, ReapPerMinute: 10000, ReapNeverUsed: 0,
			Ensemble: &member.Ensemble{
				Self: p.s.id, Observer: p.members.committed.IsObserver(p.s.id), Quorum: p.members.committed, LastSeen: p.members.seen,
				InitLimit: 10, SyncLimit: 5, Recent: w.plan.recent, DiskSync: w.plan.diskSync, ForceSnap: w.plan.forceSnap,
				MaxSnaps: w.plan.maxSnaps, MaxEpochWait: w.plan.epochWait, Reconfig: true, MaxInterval: 5 * time.Second,
				LocalSessions: w.plan.local, Upgrade: w.plan.upgrade, ReadOnly: w.plan.readOnly,
			},
		},
		SnapCount: w.plan.snapCount, SnapSize: w.plan.snapSize, Retain: 3, Limit: w.plan.limit, SyncTime: 5 * w.plan.tick,
		NoLog: w.plan.noLog, DiskFactor: w.plan.diskFactor,
	}
}

func (p *process) events() replica.Events {
	return replica.Events{
		Proposed: func(int, time.Duration) {}, Synced: func(int, time.Duration) {}, Applied: func(int) {},
		Snapshot: func(time.Duration) { p.s.w.stats.Events["snapshots"]++ },
		Mismatch: p.mismatch,
		Expired:  func(n int) { p.s.w.stats.Events["sessions expired"] += n },
	}
}

// mismatch is told that a transaction was applied to another tree than the one it was made
// for. Before a server serves that is right where it began with a snapshot that a leader had
// sent: that shows more than it says, and what it shows comes once more.
func (p *process) mismatch() {
	if p.served || !p.s.fuzzy {
		p.s.w.violated("Digest", "server %v: the tree's digest is not the transaction's", p.s.id)
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
