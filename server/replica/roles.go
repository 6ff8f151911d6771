package replica

import (
	"errors"
	"fmt"
	"math"

	"gokeeper/server/database"
	"gokeeper/server/election"
	"gokeeper/server/member"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/snapshot"
	"gokeeper/server/storage"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/zab"
)

// errNoStream says that a SNAP packet came without what belongs behind it.
var errNoStream = errors.New("no snapshot came with SNAP")

// act carries out what the member wants done.
func (r *Replica) act() {
	for list := r.m.Actions(); len(list) > 0; list = r.m.Actions() {
		for _, a := range merge(list) {
			if err := r.perform(a); err != nil {
				r.Log.Error().Err(err).Msg("role ends")
				r.m.Failed(err)
				break // what followed rests on it
			}
		}
	}
}

// merge makes one of the transactions to log that stand close together, and of the
// commits between them: many come at once, and each costs a turn of the log writer or the
// applier.
func merge(list []member.Action) []member.Action {
	out := list[:0]
	log, decided := -1, -1 // their places in out, -1: a later one must not be moved there
	for _, a := range list {
		switch a := a.(type) {
		case zab.Log:
			if log >= 0 {
				l := out[log].(zab.Log)
				out[log] = zab.Log{Entries: append(l.Entries, a.Entries...)}
				continue
			}
			log = len(out)
		case zab.Decided:
			if decided > log {
				out[decided] = a // everything up to it, which is logged or being logged
				continue
			}
			decided = len(out)
		default:
			log, decided = -1, -1
		}
		out = append(out, a)
	}
	return out
}

// perform carries out one action. An error ends the role, not the server.
func (r *Replica) perform(a member.Action) error {
	switch a := a.(type) {
	case zab.Decided:
		r.decided(a.Zxid)
	case zab.Send:
		r.Transport.Send(a.To, a.Packets)
	case member.Write:
		r.batch.remote(&a)
	case zab.Log:
		return r.log(a.Entries)
	case member.Synced:
		r.answerSync()
	case member.Revalidated:
		r.revalidated(a)
	case member.Moved:
		r.moved(a.Session)
	case zab.Pinged:
		r.pong(a)
	case election.Send:
		r.Transport.Notify(a.To, a.Notification)
	default:
		return r.change(a)
	}
	return nil
}

// disk ends the replica when the data directory cannot be read or written: what it holds
// is unknown then.
func (r *Replica) disk(err error) error {
	if err != nil {
		r.fail(err)
	}
	return err
}

// change carries out the rarer actions.
func (r *Replica) change(a member.Action) error {
	switch a := a.(type) {
	case member.Lead, member.Follow:
		return r.begin(a)
	case zab.StoreAccepted:
		return r.disk(r.Dir.SetAcceptedEpoch(a.Epoch))
	case zab.StoreCurrent:
		if r.m.Role() != member.Leading {
			r.Transport.Silence(r.cfg.SyncTime) // all that takes long is done; Java: at NEWLEADER
		}
		return r.disk(r.Dir.SetCurrentEpoch(a.Epoch))
	case zab.Bring:
		r.bring(a)
	case zab.Close:
		r.Transport.Close(a.Link, a.Reason)
	case zab.Install:
		return r.install(a.Zxid)
	case zab.Truncate:
		return r.truncate(a.Zxid)
	case zab.Apply:
		return r.applyDirectly(a.Entries)
	case zab.Save:
		r.save()
	case zab.Serve:
		r.serve(a.Epoch)
	case member.Left:
		return r.leave(a)
	case member.ReadOnly:
		r.note()
		r.Log.Info().Bool("on", a.On).Msg("serving reads without a leader")
		if !a.On {
			r.dropClients()
		}
	case election.Bootstrap:
		r.Log.Info().Msg("no server of the ensemble has a history: this one begins with an empty one")
		_, err := r.snapshot(false)
		return r.disk(err)
	case member.See:
		// A file that tells of a proposal which the log has lost keeps this server from an
		// election without those who do not know yet that they are voters.
		if !r.flushLog() {
			return nil
		}
		r.Configs.See(a.Config)
		committed := r.m.Quorum()
		r.Transport.Configure(committed, &a.Config)
		r.Log.Info().Str("version", fmt.Sprintf("%x", a.Config.Version)).Msg("a configuration is proposed")
	case member.Configure:
		r.Configs.Commit(a.Config, a.Seen)
		r.Transport.Configure(a.Config, a.Seen)
		r.Log.Info().Str("version", fmt.Sprintf("%x", a.Config.Version)).Strs("members", a.Config.Lines()).Msg("configuration committed")
	default:
		panic(fmt.Sprintf("bug: action %T", a))
	}
	return nil
}

// log appends a leader's transactions to the log.
func (r *Replica) log(entries []zab.Entry) error {
	list, now := make([]entry, len(entries)), r.now()
	for i, e := range entries {
		x, err := txn.Decode(e.Raw, r.cfg.Limit)
		if err != nil {
			return fmt.Errorf("proposal %v: %w", e.Zxid, err)
		}
		if x.Zxid != e.Zxid {
			return fmt.Errorf("proposal %v holds transaction %v", e.Zxid, x.Zxid)
		}
		list[i] = entry{commit: database.Commit{Txn: x}, raw: e.Raw, at: now}
	}
	r.Metrics.ProposalsReceived.Add(int64(len(list)))
	r.since1970(r.Metrics.ProposalTime, list)
	r.outstanding = append(r.outstanding, list...)
	if r.logless { // even if the last of the entries has ended the role
		r.unlogged = true
		r.durable.put(entries[len(entries)-1].Zxid)
		return nil
	}
	r.logQueue.put(list...)
	return nil
}

// flushLog waits until the log holds durably what was passed to it. It returns false
// when the replica has failed.
func (r *Replica) flushLog() bool {
	done := make(chan struct{})
	return r.logQueue.put(entry{done: done}) && r.wait(done)
}

// flushApplier waits until everything that is committed is applied.
func (r *Replica) flushApplier() bool {
	done := make(chan struct{})
	return r.applies.put(task{call: func() { close(done) }}) && r.wait(done)
}

// quiesce waits until nothing works on the database or the data directory.
func (r *Replica) quiesce() bool {
	done := make(chan struct{})
	return r.flushLog() && r.flushApplier() && r.snapshots.put(picture{done: done}) && r.wait(done)
}

func (r *Replica) wait(done chan struct{}) bool {
	if r.steps != nil {
		r.steps.until(done)
	}
	select {
	case <-done:
		return true
	case <-r.stopped.Done():
		return false
	}
}

// leave ends a role: nobody is served or heard any more; what was logged is applied,
// committed or not, since the vote of the next election stands for all of it
// (ZOOKEEPER-2845).
func (r *Replica) leave(a member.Left) error {
	r.note()
	r.Log.Info().AnErr("reason", a.Reason).Msg("role ended, looking for a leader")
	if errors.Is(a.Reason, member.ErrReconfigured) || errors.Is(a.Reason, zab.ErrRetired) {
		r.finish() // a client may have asked for the reconfiguration that ends the role
	}
	r.dropClients()
	r.Transport.Leave()
	if !r.flushLog() {
		return nil
	}
	r.durable.take()
	r.waiting = newWaiting()
	clear(r.received)
	r.batch = newBatch(r, 0)
	tail := make([]task, 0, len(r.outstanding))
	for _, e := range r.outstanding {
		if e.call == nil {
			e.commit.Client = nil
			tail = append(tail, task{commit: e.commit})
		}
	}
	r.outstanding = nil
	r.applies.put(tail...)
	if !r.flushApplier() {
		return nil
	}
	var window []zab.Entry
	if a.Partial {
		rec, err := r.reload()
		if err != nil {
			return err
		}
		window = recent(rec)
	}
	r.at(r.Database.LastZxid())
	r.Database.View(func(t *tree.Tree) {
		if c, ok := Reconfigured(t); ok {
			r.m.Recall(c)
		}
	})
	r.m.Look(r.committed, window, r.now())
	return nil
}

// finish waits until what is decided is logged and applied.
func (r *Replica) finish() bool {
	if !r.flushLog() {
		return false
	}
	if zxids := r.durable.take(); len(zxids) > 0 {
		r.logged = max(r.logged, zxids[len(zxids)-1])
		r.m.Durable(r.logged, r.now())
	}
	r.decided(r.committed)
	return r.flushApplier()
}

// dropClients ends all connections, and with them the local sessions.
func (r *Replica) dropClients() {
	r.Drop()
	r.applies.put(task{call: r.Database.DropLocals})
}

// reload loads the database from disk.
func (r *Replica) reload() (*storage.Recovered, error) {
	if !r.quiesce() {
		return nil, r.stopped.Err()
	}
	rec, err := r.Dir.Load()
	if err != nil {
		return nil, r.disk(fmt.Errorf("load the data directory: %w", err))
	}
	r.Database.Install(rec.Tree, rec.Sessions)
	r.applied.Store(int64(r.Database.LastZxid()))
	r.unlogged = false
	return rec, nil
}

// begin begins the role that an election has led to.
func (r *Replica) begin(a member.Action) error {
	r.elected()
	if err := r.keepHistory(); err != nil {
		return err
	}
	r.note()
	f, follows := a.(member.Follow)
	if !follows {
		r.Log.Info().Msg("leading")
		return r.Transport.Lead(links{r})
	}
	r.Log.Info().Stringer("leader", f.Leader.ID).Stringer("role", r.m.Role()).Msg("following")
	r.Transport.Follow(f.Link, f.Leader, links{r})
	return nil
}

// keepHistory decides at the beginning of a role whether what comes is logged. What an
// observer without a log has in memory only becomes durable when it is none any more: it
// will answer for that, and a log that begins now would have a hole before it. Java's
// servers begin it all the same.
func (r *Replica) keepHistory() error {
	r.logless = r.cfg.NoLog && r.m.Role() == member.Observing
	if r.logless || !r.unlogged || !r.quiesce() {
		return nil
	}
	r.unlogged = false
	_, err := r.snapshot(true)
	return r.disk(err)
}

// serve begins to serve clients, with everything that is decided by now.
func (r *Replica) serve(epoch int64) {
	if !r.finish() {
		return
	}
	if r.m.Role() == member.Leading {
		r.Database.Update(func(t *tree.Tree) { t.SetLastZxid(proto.NewZxid(epoch, 0)) })
		r.at(r.Database.LastZxid())
		r.applied.Store(int64(r.committed))
	}
	r.Database.Update(func(t *tree.Tree) {
		r.showConfig(t)
		t.SetDigestFrom(t.LastZxid()) // a snapshot may have shown transactions of up to here
	})
	r.pinged = 0
	r.m.Opened(epoch, r.Database.Sessions(), r.now())
	r.since.Store(r.now())
	r.served()
	r.sizes.reset()
	r.note()
	r.Log.Info().Stringer("role", r.m.Role()).Int64("epoch", epoch).Stringer("zxid", r.Database.LastZxid()).Msg("serving clients")
}

// Reconfigured returns the configuration that the newest reconfiguration in the tree's
// history made.
func Reconfigured(t *tree.Tree) (quorum.Config, bool) {
	n := t.FindString(proto.PathConfig)
	if !n.Exists() {
		return quorum.Config{}, false
	}
	c, err := quorum.Parse(string(n.Data()))
	return c, err == nil && c.Version > 0 && n.Stat().Mzxid == proto.Zxid(c.Version)
}

// showConfig writes the committed configuration into its node, if no transaction has.
func (r *Replica) showConfig(t *tree.Tree) {
	c := r.m.Quorum()
	text := c.String()
	if n := t.FindString(proto.PathConfig); !n.Exists() || n.Stat().Mzxid != proto.Zxid(c.Version) || string(n.Data()) != text {
		t.SetConfig([]byte(text), proto.Zxid(c.Version), r.wall())
	}
}

// install replaces the database by the snapshot that came with SNAP. Digests are not
// compared until all that was decided while it was taken is applied: what came behind
// NEWLEADER, too.
func (r *Replica) install(zxid proto.Zxid) error {
	var content *snapshot.Content
	for link, c := range r.received {
		content = c
		delete(r.received, link)
	}
	if content == nil {
		return errNoStream
	}
	if !r.quiesce() {
		return nil
	}
	content.Tree.SetLastZxid(zxid)
	content.Tree.SetDigestFrom(math.MaxInt64)
	r.Database.Install(content.Tree, content.Sessions)
	r.outstanding = nil
	r.at(zxid)
	r.applied.Store(int64(zxid))
	return nil
}

// truncate cuts the history, and loads what is left. A leader asks for it only when it
// shares the zxid; who does not have it, or no snapshot before it, cannot go on alone.
func (r *Replica) truncate(zxid proto.Zxid) error {
	if !r.quiesce() {
		return nil
	}
	r.outstanding = nil
	switch _, err := r.Dir.Truncate(zxid); {
	case errors.Is(err, storage.ErrNoBase):
		return fmt.Errorf("%w; move the data directories away, then the leader sends a snapshot", err)
	case err != nil:
		return r.disk(fmt.Errorf("truncate to %v: %w", zxid, err))
	}
	rec, err := r.reload()
	if err != nil {
		return err
	}
	if rec.LastZxid != zxid {
		return fmt.Errorf("truncated to %v, but the history ends with %v", zxid, rec.LastZxid)
	}
	r.at(zxid)
	r.m.Reloaded(recent(rec))
	return nil
}

// applyDirectly applies transactions behind a snapshot, which may hold them already.
func (r *Replica) applyDirectly(entries []zab.Entry) error {
	var tasks []task
	for _, e := range entries {
		x, err := txn.Decode(e.Raw, r.cfg.Limit)
		if err != nil {
			return fmt.Errorf("proposal %v: %w", e.Zxid, err)
		}
		if e.Zxid > r.committed {
			tasks = append(tasks, task{commit: database.Commit{Txn: x}})
			r.at(e.Zxid)
		}
	}
	r.applies.put(tasks...)
	return nil
}

// save makes the database durable as it is.
func (r *Replica) save() {
	if !r.flushApplier() {
		return
	}
	r.snapshots.put(picture{replace: true})
}
