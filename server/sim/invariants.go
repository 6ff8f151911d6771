package sim

import (
	"bytes"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gokeeper/server/database"
	"gokeeper/server/member"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/snapshot"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
	"gokeeper/server/zab"
)

// The invariants that concern the protocol bear the names of ZooKeeper's TLA+
// specification (zookeeper-specifications: ZabWithFLEAndSYNC, system-spec):
//
//	Leadership1         an epoch is established by one server
//	Leadership2         and NEWLEADER of an epoch is sent by one
//	PrefixConsistency   two servers have committed the same as far as both have come
//	Integrity           what is committed was proposed by a leader
//	Agreement           what one has committed no other lacks, or has otherwise
//	TotalOrder          all commit in the same order, without holes
//	LocalPrimaryOrder   within an epoch in the order of proposal
//	GlobalPrimaryOrder  and what is of a later epoch later
//	PrimaryIntegrity    who establishes an epoch has all that was committed before
//
// Others are this package's own: Durable, AckBeforeSync, EpochBeforeAck, EpochAfterHistory,
// OwnLog, OwnHistory, Weight, Digest, Reply, AckImpliesCommit, Linearizability, SessionOrder,
// Watch, Ephemeral, Session, LocalSession, Restart, Liveness, Final.

// versionDir is where storage keeps its files.
const versionDir = "version-2"

// leads notes with which history a server begins to lead.
func (p *process) leads() {
	p.begins = p.steps.Member().Last()
	p.s.hasUpTo(p.begins)
	p.served, p.forgets = false, false
	p.tail = p.readTail()
}

// hasUpTo forgets what the server was brought behind the end of its history: it was not
// saved, or cut off again.
func (s *server) hasUpTo(last proto.Zxid) {
	for len(s.brought) > 0 && s.brought[len(s.brought)-1].Zxid > last {
		s.brought = s.brought[:len(s.brought)-1]
	}
}

// readTail returns the transactions on the server's disk that nobody is known to have
// committed: those of its log, or of the snapshot that it was brought.
func (p *process) readTail() []zab.Entry {
	var tail []zab.Entry
	last := p.s.w.ledger.last()
	for _, e := range p.s.brought {
		if e.Zxid > last && e.Zxid <= p.begins {
			tail = append(tail, e)
		}
	}
	r, err := txnlog.Read(p.s.disk.mem, filepath.Join(p.s.w.plan.logDir, versionDir), last+1, p.s.w.plan.limit)
	for err == nil {
		var x txnlog.Record
		if x, err = r.Next(); err == nil && x.Zxid <= p.begins && (len(tail) == 0 || x.Zxid > tail[len(tail)-1].Zxid) {
			tail = append(tail, zab.Entry{Zxid: x.Zxid, Raw: x.Body})
		}
	}
	return tail
}

// observe looks whether the server serves now, and in which role.
func (p *process) observe() {
	m := p.steps.Member()
	p.reads(m)
	if m.Serving() == p.serving && (m.Role() == p.role || !p.serving) {
		return
	}
	w, role, serving := p.s.w, m.Role(), m.Serving()
	w.trace("server %v: %v, serving %v", p.s.id, role, serving)
	p.role, p.serving = role, serving
	if !serving {
		return
	}
	p.served = true
	p.s.roles++
	if role == member.Leading {
		p.established()
	}
	at, wrong := p.state()
	if wrong != "" {
		w.violated("Agreement", "server %v serves as %v at %v: %s", p.s.id, role, at, wrong)
	}
	p.last = 0
	if i := w.ledger.index(at); i > 0 {
		p.last = w.ledger.entries[i-1].txn.Zxid
	}
}

// state returns up to where the tree holds everything, and how it differs from what was
// committed up to there.
func (p *process) state() (at proto.Zxid, wrong string) {
	p.db.View(func(t *tree.Tree) {
		at = t.LastZxid()
		wrong = p.s.w.ledger.compare(t, at)
	})
	return at, wrong
}

// established checks a leader that begins: nobody else leads the epoch, and its history,
// all of which is committed by that, has everything that was.
func (p *process) established() {
	w := p.s.w
	at := p.db.LastZxid()
	epoch := at.Epoch()
	if other, ok := w.established[epoch]; ok {
		w.violated("Leadership1", "servers %v and %v have both established epoch %d", other, p.s.id, epoch)
	}
	if c := p.members.committed; c.Hierarchical() && c.Weights[p.s.id] == 0 && !slices.ContainsFunc(w.configs, func(x quorum.Config) bool { return !x.SameMembers(c) }) {
		w.violated("Weight", "server %v leads epoch %d, and has no weight", p.s.id, epoch)
	}
	w.established[epoch] = p.s.id
	w.stats.Events["epochs"]++
	if w.doomed && !w.calm {
		w.doomed = false
		w.after(0, func() { w.loseTail() })
	}
	if last := w.ledger.last(); p.begins < last && p.begins.Epoch() <= last.Epoch() && w.ledger.index(p.begins) < len(w.ledger.entries) {
		w.violated("PrimaryIntegrity", "server %v leads epoch %d with a history up to %v, but %v is committed", p.s.id, epoch, p.begins, last)
	}
	var set quorum.Set
	for _, id := range w.ids {
		if s := w.servers[id]; s.wiped || s.number("currentEpoch") >= epoch {
			set.Add(id)
		}
	}
	if !hasQuorum(p.members.committed, set) {
		w.violated("Durable", "server %v establishes epoch %d, which only %v have on disk", p.s.id, epoch, set)
	}
	for _, e := range p.tail {
		if x, err := txn.Decode(e.Raw, w.plan.limit); err == nil && e.Zxid > w.ledger.last() {
			w.record(&x, e.Raw)
			w.stats.Events["transactions recovered by a new leader"]++
		}
	}
}

// decided is told what is committed, as far as the server knows.
func (p *process) decided(commits []database.Commit) {
	p.observe()
	if !p.served {
		return // a leader that is not established may be wrong
	}
	known := len(p.s.w.ledger.entries)
	for i := range commits {
		p.commit(&commits[i].Txn)
	}
	if n := len(commits); n > 0 && !p.forgets && !p.s.keeps(commits[n-1].Txn.Zxid, commits[n-1].Txn.Append(nil)) {
		p.s.w.violated("OwnLog", "server %v applies %v, which is not on its disk", p.s.id, commits[n-1].Txn.Zxid)
	}
	for w, i := p.s.w, known; i < len(w.ledger.entries); i++ {
		if e := &w.ledger.entries[i]; i == len(w.ledger.entries)-1 || e.txn.Type == proto.OpReconfig {
			w.durable(p, e)
		}
	}
}

// commit compares one committed transaction with the ledger, or adds it.
func (p *process) commit(x *txn.Txn) {
	w := p.s.w
	l := w.ledger
	raw := x.Append(nil)
	before := p.last
	p.last = x.Zxid
	if x.Zxid <= l.last() {
		switch e := l.at(x.Zxid); {
		case e == nil:
			w.violated("Agreement", "server %v commits %v, which others have not", p.s.id, x.Zxid)
		case !bytes.Equal(e.raw, raw):
			w.violated("PrefixConsistency", "server %v commits another transaction as %v", p.s.id, x.Zxid)
		case l.index(x.Zxid) != l.index(before)+1:
			w.violated("TotalOrder", "server %v commits %v right behind %v", p.s.id, x.Zxid, before)
		}
		return
	}
	if last := l.last(); before != last {
		w.violated("TotalOrder", "server %v commits %v right behind %v, but %v is committed", p.s.id, x.Zxid, before, last)
	}
	p.extend(x, raw)
}

// announces is told that a leader is about to tell others what is committed. It may not
// have taken it in itself.
func (p *process) announces(z proto.Zxid) {
	w := p.s.w
	raw := w.proposed[z]
	if z <= w.ledger.last() || raw == nil || !p.served {
		return
	}
	x, err := txn.Decode(raw, w.plan.limit)
	if err != nil {
		w.violated("Integrity", "server %v commits %v, which cannot be read: %v", p.s.id, z, err)
		return
	}
	p.extend(&x, raw)
	w.durable(p, &w.ledger.entries[len(w.ledger.entries)-1])
}

// extend adds to the ledger what a server is the first to commit.
func (p *process) extend(x *txn.Txn, raw []byte) {
	w := p.s.w
	switch last := w.ledger.last(); {
	case x.Zxid.Epoch() == last.Epoch() && x.Zxid != last+1:
		w.violated("LocalPrimaryOrder", "%v is committed right behind %v", x.Zxid, last)
	case x.Zxid.Epoch() > last.Epoch() && x.Zxid.Counter() != 1:
		w.violated("LocalPrimaryOrder", "%v is the first of its epoch", x.Zxid)
	case x.Zxid.Epoch() < last.Epoch():
		w.violated("GlobalPrimaryOrder", "%v is committed behind %v", x.Zxid, last)
	}
	if was, ok := w.proposed[x.Zxid]; ok && !bytes.Equal(was, raw) {
		w.violated("Integrity", "server %v commits %v, which was proposed otherwise", p.s.id, x.Zxid)
	}
	delete(w.proposed, x.Zxid)
	w.record(x, raw)
}

// complaints passes on what the ledger found wrong.
func (w *world) complaints() {
	if w.ledger.wrong != "" {
		w.violated("Ephemeral", "%s", w.ledger.wrong)
	}
}

// durable checks that a quorum would still have the committed transaction if the power
// failed now everywhere. The last of several stands for all but reconfigurations, which
// need a quorum of both configurations.
func (w *world) durable(p *process, e *committed) {
	z := e.txn.Zxid
	var set quorum.Set
	for _, id := range w.ids {
		if s := w.servers[id]; s.wiped || s.keeps(z, e.raw) { // one that is wiped has kept what it acknowledged
			set.Add(id)
		}
	}
	for _, c := range w.governing(z) {
		if !hasQuorum(c, set) {
			w.violated("Durable", "server %v commits %v, which only %v have on disk", p.s.id, z, set)
		}
	}
}

// hasQuorum is quorum.Config's, written anew: more than half of the groups that have any
// weight, each by more than half of its weight. Without groups all voters are one.
func hasQuorum(c quorum.Config, set quorum.Set) bool {
	groups := c.Groups
	if !c.Hierarchical() {
		groups = []quorum.Group{{Servers: c.Voters()}}
	}
	balance := 0 // of groups
	for _, g := range groups {
		var all, got int64
		for _, id := range g.Servers {
			weight := int64(1)
			if c.Hierarchical() {
				weight = c.Weights[id]
			}
			all += weight
			if set.Has(id) {
				got += weight
			}
		}
		switch {
		case 2*got > all:
			balance++
		case all > 0:
			balance--
		}
	}
	return balance > 0
}

// governing returns the configurations a quorum of which must have the transaction.
func (w *world) governing(z proto.Zxid) []quorum.Config {
	last := w.configs[0]
	list := []quorum.Config{}
	for _, c := range w.configs {
		if proto.Zxid(c.Version) < z && c.Version > last.Version {
			last = c
		}
		if proto.Zxid(c.Version) == z && z != 0 {
			list = append(list, c)
		}
	}
	return append(list, last)
}

// configAt returns the newest configuration that was committed at or before the zxid.
func (w *world) configAt(z proto.Zxid) quorum.Config {
	last := w.configs[0]
	for _, c := range w.configs {
		if proto.Zxid(c.Version) <= z && c.Version > last.Version {
			last = c
		}
	}
	return last
}

// configured notes a committed configuration, and says whether it is a new one.
func (w *world) configured(c quorum.Config) bool {
	if slices.ContainsFunc(w.configs, func(x quorum.Config) bool { return x.Version == c.Version }) {
		return false
	}
	w.configs = append(w.configs, c)
	w.trace("configuration %x: %s", c.Version, strings.Join(c.Lines(), " "))
	w.stats.Events["configurations"]++
	return true
}

// configured notes a configuration that the server has committed. A leader may have no
// transaction of it: the first one agrees with the others on a version, and one that has
// seen what another proposed completes that, even if its log has lost it.
func (s *server) configured(c quorum.Config) {
	if !s.w.configured(c) || s.process == nil {
		return
	}
	z, begin := proto.Zxid(c.Version), proto.NewZxid(s.number("currentEpoch"), 0)
	has := s.w.ledger.at(z) != nil || slices.ContainsFunc(s.process.tail, func(e zab.Entry) bool { return e.Zxid == z })
	if z <= begin && !has {
		s.w.ledger.update(begin, proto.PathConfig, func(v *version) {
			v.data, v.mzxid = []byte(c.String()), z
		})
	}
}

// keeps says whether the server would still have the transaction if the power failed now.
func (s *server) keeps(z proto.Zxid, raw []byte) bool {
	best := proto.Zxid(-1)
	logs := s.disk.mem.Durable(filepath.Join(s.w.plan.logDir, versionDir))
	for name := range logs {
		if at, ok := txnlog.ParseName(name); ok && at <= z {
			best = max(best, at)
		}
	}
	if best >= 0 && bytes.Contains(logs[txnlog.Name(best)], raw) {
		return true // the raw bytes, since reading properly takes long
	}
	for name := range s.disk.mem.Durable(filepath.Join("/data", versionDir)) {
		if at, ok := snapshot.ParseName(name); ok && at >= z {
			return true
		}
	}
	return false
}

// number reads a file with an epoch, as it would be after a power failure.
func (s *server) number(name string) int64 {
	b := s.disk.mem.Durable(filepath.Join("/data", versionDir))[name]
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// sends looks at packets that are about to leave.
func (p *process) sends(packets []zab.Packet) {
	w := p.s.w
	for i, x := range packets {
		switch {
		case x.Type == zab.Ack && i+1 < len(packets) && packets[i+1].Type == zab.Ack: // stands for this one
		case x.Type == zab.Proposal || x.Type == zab.Inform:
			if by := w.established[x.Zxid.Epoch()]; by != p.s.id {
				w.violated("Integrity", "server %v proposes %v, and server %v has established that epoch", p.s.id, x.Zxid, by)
			}
			w.proposed[x.Zxid] = x.Data
			if x.Type == zab.Inform {
				p.announces(x.Zxid)
			}
		case x.Type == zab.Commit || x.Type == zab.CommitAndActivate || x.Type == zab.InformAndActivate:
			p.announces(x.Zxid)
		case x.Type == zab.Ack && x.Zxid.Counter() != 0:
			if raw := w.proposed[x.Zxid]; raw != nil && !p.s.keeps(x.Zxid, raw) {
				w.violated("AckBeforeSync", "server %v acknowledges %v, which is not on its disk", p.s.id, x.Zxid)
			}
		case x.Type == zab.Ack:
			p.acknowledges(x.Zxid.Epoch())
		case x.Type == zab.NewLeader:
			epoch := x.Zxid.Epoch()
			if other, ok := w.newLeaders[epoch]; ok && other != p.s.id {
				w.violated("Leadership2", "servers %v and %v both lead epoch %d", other, p.s.id, epoch)
			}
			w.newLeaders[epoch] = p.s.id
			w.begins[epoch] = p.tail
		case x.Type == zab.LeaderInfo:
			if got := p.s.number("acceptedEpoch"); got < x.Zxid.Epoch() {
				w.violated("EpochBeforeAck", "server %v announces epoch %d and has %d on its disk", p.s.id, x.Zxid.Epoch(), got)
			}
		case x.Type == zab.AckEpoch:
			p.s.hasUpTo(x.Zxid)
			p.cut = 0
			if got := p.s.number("acceptedEpoch"); got < p.epoch {
				w.violated("EpochBeforeAck", "server %v accepts epoch %d and has %d on its disk", p.s.id, p.epoch, got)
			}
			if i := w.ledger.index(x.Zxid); i > 0 && !p.forgets && !p.s.keeps(w.ledger.entries[i-1].txn.Zxid, w.ledger.entries[i-1].raw) {
				w.violated("OwnHistory", "server %v says that its history ends with %v, and has not %v on its disk", p.s.id, x.Zxid, w.ledger.entries[i-1].txn.Zxid)
			}
		}
	}
}

// acknowledges checks a learner that has made the leader's history its own.
func (p *process) acknowledges(epoch int64) {
	w := p.s.w
	if p.cut != 0 {
		p.s.hasUpTo(p.cut)
		p.cut = 0
	}
	p.s.forgetful = p.forgets
	if got := p.s.number("currentEpoch"); got < epoch {
		w.violated("EpochBeforeAck", "server %v acknowledges epoch %d and has %d on its disk", p.s.id, epoch, got)
	}
	if tail := w.begins[epoch]; len(tail) > 0 && p.steps.Member().Role() == member.Following {
		if e := tail[len(tail)-1]; !p.s.keeps(e.Zxid, e.Raw) {
			w.violated("AckBeforeSync", "server %v acknowledges epoch %d without %v on its disk", p.s.id, epoch, e.Zxid)
		}
	}
	if l := w.ledger; len(l.entries) > 0 && p.steps.Member().Role() == member.Following && !w.failedEpoch(epoch) {
		if i := l.index(proto.NewZxid(epoch, 0)); i > 0 && !p.s.keeps(l.entries[i-1].txn.Zxid, l.entries[i-1].raw) {
			w.violated("AckBeforeSync", "server %v acknowledges epoch %d without %v on its disk", p.s.id, epoch, l.entries[i-1].txn.Zxid)
		}
	}
}

// failedEpoch says whether a later epoch was established and this one was not: who stood for
// it may lack what the later one began with.
func (w *world) failedEpoch(epoch int64) bool {
	if _, ok := w.established[epoch]; ok {
		return false
	}
	for e := range w.established {
		if e > epoch {
			return true
		}
	}
	return false
}

// began checks a server that starts: who has an epoch has the history that it began with,
// or another server would believe that it has (ZOOKEEPER-4643). Of an epoch that nobody
// has established that cannot be said: a later one may have begun with more; nor of who
// was an observer without a log and has acknowledged nothing since. It may be a voter by now,
// but nobody has counted it yet.
func (p *process) began(epoch int64) {
	l := p.s.w.ledger
	if _, ok := p.s.w.established[epoch]; !ok || p.s.forgetful {
		return
	}
	if i := l.index(proto.NewZxid(epoch, 0)); i > 0 && !p.s.keeps(l.entries[i-1].txn.Zxid, l.entries[i-1].raw) {
		p.s.w.violated("EpochAfterHistory", "server %v has epoch %d on its disk and not %v", p.s.id, epoch, l.entries[i-1].txn.Zxid)
	}
}

// hears notes what a server is told.
func (p *process) hears(packets []zab.Packet) {
	for _, x := range packets {
		switch x.Type {
		case zab.LeaderInfo:
			p.epoch = x.Zxid.Epoch()
		case zab.NewLeader:
			if p.s.crashAt > 0 {
				p.s.disk.crashIn, p.s.crashAt = p.s.crashAt, 0
			}
		}
	}
}

// check compares a server that serves with the ledger, as often as its tree has changed.
func (w *world) check(p *process) {
	if !p.serving || p.db == nil {
		return
	}
	var at proto.Zxid
	var digest uint64
	p.db.View(func(t *tree.Tree) { at, digest = t.LastZxid(), t.Digest() })
	if at == p.checked {
		return
	}
	p.checked = at
	if want := w.ledger.digestAt(at); want != 0 && want != digest {
		w.violated("Digest", "server %v at %v has digest %x, want %x", p.s.id, at, digest, want)
	}
}
