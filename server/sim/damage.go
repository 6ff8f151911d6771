package sim

import (
	"bytes"
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"

	"gokeeper/server/quorum"
	"gokeeper/server/snapshot"
	"gokeeper/server/vfs"
)

// Faults of disks.

func (w *world) slowDisk() string {
	s := w.servers[w.ids[w.IntN(len(w.ids))]]
	s.fsync = w.between(0, w.plan.tick)
	if w.chance(3) {
		s.fsync = 0
	}
	return fmt.Sprintf("%v %v", s.id, s.fsync)
}

// failOne makes one of the next operations of a disk fail, that write or that read: what
// that operation was to do is done in part or not at all, and the next one succeeds.
func (w *world) failOne() string {
	d := w.servers[w.ids[w.IntN(len(w.ids))]].disk
	d.failIn, d.reads, d.failure = 1+w.IntN(12), w.chance(3), syscall.EIO
	if w.chance(3) {
		d.failIn = 1 + w.IntN(200)
	}
	if !d.reads && w.chance(2) {
		d.failure = syscall.ENOSPC
	}
	return fmt.Sprintf("in %d operations, reading %v: %v", d.failIn, d.reads, d.failure)
}

// failAtLog lets the power fail when a server has begun its next log.
func (w *world) failAtLog() string {
	s := w.servers[w.ids[w.IntN(len(w.ids))]]
	s.disk.crashLog = 1 + w.IntN(3)
	return fmt.Sprintf("%v in %d operations behind that", s.id, s.disk.crashLog)
}

// failToCut makes the disk of the next server fail that has to cut its history
// (ZOOKEEPER-3701).
func (w *world) failToCut() string {
	w.uncut = 1 + w.IntN(3)
	return fmt.Sprintf("at operation %d", w.uncut)
}

// breakDisk makes every operation of a disk that writes fail for a while.
func (w *world) breakDisk(err syscall.Errno) string {
	s := w.servers[w.ids[w.IntN(len(w.ids))]]
	s.disk.broken = err
	d := w.between(w.plan.tick/2, 6*w.plan.tick)
	w.after(d, func() { s.disk.broken = 0 })
	return fmt.Sprintf("%v for %v", s.id, d)
}

// wipe replaces the disk of a server by an empty one. It must not happen to another before
// a leader has brought this one up: that is the rule for operators, too.
func (w *world) wipe() string {
	return w.wipeServer(w.servers[w.ids[w.IntN(len(w.ids))]])
}

// wipeServer wipes the disk of a server, if the rule permits.
func (w *world) wipeServer(s *server) string {
	for _, id := range w.ids {
		s := w.servers[id]
		if s.wiped && (s.process == nil || !s.process.serving) {
			return ""
		}
		s.wiped = false
	}
	if len(w.ledger.entries) == 0 {
		return ""
	}
	if s.absent || w.bare(s.id) {
		return ""
	}
	if s.process != nil {
		s.process.powerOff()
	}
	s.wiped = true
	s.disk.replace(vfs.NewMem())
	s.restartLater()
	return fmt.Sprint(s.id)
}

// bare says whether a server besides one has nothing on its disk, because it was wiped or
// because it is new. Such a server does not vote before a leader has brought it up, and a
// reconfiguration that nobody knows the end of may need it.
func (w *world) bare(besides quorum.ServerID) bool {
	return slices.ContainsFunc(w.ids, func(id quorum.ServerID) bool {
		s := w.servers[id]
		return id != besides && !s.absent && s.number("currentEpoch") <= 0
	})
}

// wipeOfTwo wipes the disk of a server that alone knows with the leader what was committed
// last, and cuts off the leader: the others must not begin without what it knew.
func (w *world) wipeOfTwo() string {
	p := w.leader()
	voters := w.newest().Voters()
	if p == nil || len(voters) != 3 || w.newest().Hierarchical() {
		return ""
	}
	var others []*server
	for _, id := range voters {
		if id != p.s.id {
			others = append(others, w.servers[id])
		}
	}
	if w.chance(2) {
		slices.Reverse(others)
	}
	know, lag := others[0], others[1]
	cut := func(s *server) {
		w.cutOff(endpoint(p.s.id), endpoint(s.id))
		w.cutOff(endpoint(s.id), endpoint(p.s.id))
	}
	cut(lag)
	w.after(w.between(w.plan.tick, 3*w.plan.tick), func() {
		if w.calm || w.wipeServer(know) == "" {
			return
		}
		cut(know)
		w.trace("-- %v wiped, and the leader %v cut off", know.id, p.s.id)
	})
	return fmt.Sprintf("%v, while %v lags behind %v", know.id, lag.id, p.s.id)
}

// rot flips a bit in the newest snapshots of a server, not in all. It must start from one
// that is sound, and have the logs since that one (ZOOKEEPER-3231).
func (w *world) rot() string {
	p := w.some()
	if p == nil {
		return ""
	}
	s, dir := p.s, filepath.Join("/data", versionDir)
	files := s.disk.mem.Durable(dir)
	var sound []string // the newest first
	for name, content := range files {
		if _, ok := snapshot.ParseName(name); ok && !bytes.Equal(content, s.rotten[name]) {
			sound = append(sound, name)
		}
	}
	if len(sound) < 2 {
		return ""
	}
	slices.SortFunc(sound, func(a, b string) int {
		x, _ := snapshot.ParseName(a)
		y, _ := snapshot.ParseName(b)
		return cmp.Compare(y, x)
	})
	p.powerOff()
	bad := sound[:1+w.IntN(len(sound)-1)]
	for _, name := range bad {
		content := slices.Clone(files[name])
		content[w.IntN(len(content))] ^= 1 << w.IntN(8)
		if err := vfs.WriteFile(s.disk.mem, filepath.Join(dir, name), content); err != nil {
			panic(fmt.Sprintf("bug: %v", err))
		}
		if s.rotten == nil {
			s.rotten = map[string][]byte{}
		}
		s.rotten[name] = content
	}
	s.restartLater()
	return fmt.Sprintf("%v: %v of %d", s.id, bad, len(sound))
}

// restoreObserver gives an observer, which counts for nothing, its disk as it was some time
// ago. It must not have been a voter since: what it then acknowledged would be lost.
func (w *world) restoreObserver() string {
	s := w.servers[w.ids[w.IntN(len(w.ids))]]
	version, ok := s.observes()
	if !ok {
		return ""
	}
	before, fuzzy := s.disk.mem.Copy(), s.fuzzy
	d := w.between(w.plan.tick, 10*w.plan.tick)
	w.after(d, func() {
		if now, ok := s.observes(); w.calm || !ok || now != version {
			return
		}
		w.trace("-- the disk of observer %v is as it was %v ago", s.id, d)
		s.process.powerOff()
		s.disk.replace(before)
		s.fuzzy, s.brought = s.fuzzy || fuzzy, nil
		s.restartLater()
	})
	return fmt.Sprintf("%v, in %v", s.id, d)
}

// observes says that the server is an observer as far as anybody knows, and in which
// version of the configuration.
func (s *server) observes() (version int64, ok bool) {
	if s.process == nil || s.process.members == nil || s.wiped {
		return 0, false
	}
	m, now := s.process.members, s.w.newest()
	return now.Version, m.seen == nil && m.committed.Version == now.Version && now.IsObserver(s.id)
}
