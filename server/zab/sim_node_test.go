package zab_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/zab"
)

// simDisk is what a server finds again when it starts. Of the log, a crash may take what
// was not synced.
type simDisk struct {
	snapshot          []zab.Entry // a history from the very first transaction on
	snapZxid          proto.Zxid
	log               []zab.Entry
	synced            int
	accepted, current int64
	config            quorum.Config  // committed
	seen              *quorum.Config // proposed and newer, nil: none
}

// history returns all transactions in the first n entries of the log and before.
func (d *simDisk) history(n int) []zab.Entry {
	h := slices.Clone(d.snapshot)
	for _, e := range d.log[:n] {
		if e.Zxid > d.snapZxid {
			h = append(h, e)
		}
	}
	return h
}

// simNode is a server: its disk, its database, and the machine of its role.
type simNode struct {
	w      *simWorld
	id     quorum.ServerID
	disk   simDisk
	down   bool
	window *zab.History

	// The transactions in the order of the log: the first applied ones are in the
	// database, the first decided ones are committed. zxid is the database's where that is
	// not its last transaction's: of a snapshot, or the beginning of an epoch.
	hist             []zab.Entry
	decided, applied int
	zxid             proto.Zxid

	leader  *zab.Leader
	learner *zab.Learner
	serving bool
	follows *simNode // elected, while learner or on the way to it
	heir    *simNode // who leads the new configuration, while a leader that does not waits for its end
	uplink  *simLink
	payload []zab.Entry // of the SNAP that is being stepped
	saving  []zab.Entry // being written
	saves   bool
}

func sameEntry(a, b zab.Entry) bool { return a.Zxid == b.Zxid && bytes.Equal(a.Raw, b.Raw) }

// last returns the end of the node's history, as votes and ACKEPOCH tell it.
func (n *simNode) last() proto.Zxid {
	if k := len(n.hist); k > 0 {
		return max(n.zxid, n.hist[k-1].Zxid)
	}
	return n.zxid
}

// position returns how many transactions there are up to the zxid.
func (n *simNode) position(z proto.Zxid) int {
	i := len(n.hist)
	for i > 0 && n.hist[i-1].Zxid > z {
		i--
	}
	return i
}

func (n *simNode) looking() bool {
	return !n.down && n.leader == nil && n.learner == nil && n.follows == nil
}

// load reads the disk.
func (n *simNode) load() {
	n.hist = n.disk.history(len(n.disk.log))
	n.zxid = n.disk.snapZxid
	n.decided, n.applied = len(n.hist), len(n.hist)
	n.recall()
	n.window.Reset(n.last())
	for _, e := range n.disk.log[max(0, len(n.disk.log)-n.w.keep):] {
		n.window.Add(e)
	}
}

// leave ends the role: what is being logged is finished and applied, unless the database
// is partial.
func (n *simNode) leave() {
	partial := n.learner != nil && n.learner.Partial()
	if n.saves {
		if n.w.chance(2) {
			n.saved()
		}
		n.saves = false
	}
	n.disk.synced = len(n.disk.log)
	for _, x := range n.w.links {
		if x.leader == n && n.leader != nil || x == n.uplink {
			n.w.breakLink(x)
		}
	}
	n.leader, n.learner, n.serving, n.follows, n.uplink, n.heir = nil, nil, false, nil, nil, nil
	if partial {
		n.load()
		return
	}
	if onDisk := n.disk.history(len(n.disk.log)); !slices.EqualFunc(n.hist, onDisk, sameEntry) {
		n.w.fail("server %v has %s in memory and %s on disk", n.id, showEntries(n.hist), showEntries(onDisk))
	}
	for _, e := range n.hist[n.decided:] {
		n.window.Add(e)
	}
	n.decided, n.applied = len(n.hist), len(n.hist)
	n.window.Applied(n.last())
	n.recall()
}

// crash loses the memory, and what the disk had not synced, all or the end of it.
func (n *simNode) crash() {
	d := &n.disk
	if n.saves && n.w.chance(2) { // the snapshot is there, the old log partly
		keep := d.log[:n.w.rand.IntN(len(d.log)+1)]
		zxid := n.last()
		d.snapshot, d.snapZxid = n.saving, zxid
		d.log, d.synced = keep, len(keep)
	}
	d.log = d.log[:d.synced+n.w.rand.IntN(len(d.log)-d.synced+1)]
	d.synced = len(d.log)
	for _, x := range n.w.links {
		if x.leader == n || x.learner == n {
			n.w.breakLink(x)
		}
	}
	n.leader, n.learner, n.serving, n.follows, n.uplink, n.heir, n.saves = nil, nil, false, nil, nil, nil, false
	n.down = true
}

// saved completes the snapshot that is being written.
func (n *simNode) saved() {
	n.disk.snapshot, n.disk.snapZxid = n.saving, n.last()
	n.disk.log, n.disk.synced = nil, 0
	n.saves = false
}

// lead begins to lead.
func (n *simNode) lead() {
	w := n.w
	n.leader = zab.Lead(zab.LeaderConfig{
		Self: n.id, Quorum: n.disk.config, LastSeen: n.disk.seen, Reconfig: w.reconfig, Accepted: n.disk.accepted, Current: n.disk.current, Last: n.last(),
		Tick: time.Second, InitLimit: 10, SyncLimit: 5, DiskSync: w.disk, ForceSnap: w.snap, History: n.window,
	}, w.now)
	n.act()
}

// append logs.
func (n *simNode) append(entries []zab.Entry) {
	n.hist = append(n.hist[:len(n.hist):len(n.hist)], entries...)
	n.disk.log = append(n.disk.log[:len(n.disk.log):len(n.disk.log)], entries...)
}

// sync makes the log durable.
func (n *simNode) sync() {
	d := &n.disk
	if d.synced == len(d.log) {
		return
	}
	d.synced += 1 + n.w.rand.IntN(len(d.log)-d.synced)
	z := d.log[d.synced-1].Zxid
	switch {
	case n.leader != nil:
		n.leader.Durable(z)
	case n.learner != nil:
		n.learner.Durable(z)
	}
	n.act()
}

// apply applies some of what is decided.
func (n *simNode) apply() {
	if n.applied < n.decided {
		n.applied += 1 + n.w.rand.IntN(n.decided-n.applied)
		n.window.Applied(n.hist[n.applied-1].Zxid)
	}
}

// act carries out what the machine wants done. A crash may come between any two actions.
func (n *simNode) act() {
	for {
		var list []zab.Action
		switch {
		case n.leader != nil:
			list = n.leader.Actions()
		case n.learner != nil:
			list = n.learner.Actions()
		}
		if len(list) == 0 {
			return
		}
		for _, a := range list {
			if n.w.crashes > 0 && n.w.chance(n.w.crashes) {
				n.crash()
			}
			if n.down || n.leader == nil && n.learner == nil {
				return
			}
			n.w.trace("%v %s", n.id, a)
			n.do(a)
		}
	}
}

// do carries out an action.
func (n *simNode) do(a zab.Action) {
	switch a := a.(type) {
	case zab.Send:
		if n.learner != nil {
			n.uplink.up = append(n.uplink.up, a.Packets...)
			return
		}
		for _, to := range a.To {
			for _, p := range a.Packets {
				n.w.link(to).down = append(n.w.link(to).down, simPacket{Packet: p})
			}
		}
	case zab.StoreAccepted:
		n.disk.accepted = a.Epoch
	case zab.StoreCurrent:
		n.disk.current = a.Epoch
	case zab.Serve:
		n.serve(a.Epoch)
	case zab.Decided:
		n.decide(a.Zxid)
	case zab.Stop:
		if n.learner != nil && !errors.Is(a.Reason, zab.ErrStaleLeader) {
			n.w.fail("learner %v stops: %v", n.id, a.Reason)
		}
		heir := n.heir
		n.leave()
		n.succeed(heir)
	case zab.Seen:
		n.see(a.Config)
	case zab.Activate:
		n.activate(a)
	case zab.Bring:
		n.bring(a)
	case zab.Close:
		if !isAny(a.Reason, zab.ErrAhead, zab.ErrReplaced, zab.ErrSilent, zab.ErrSlowToLog) &&
			(!n.w.reconfig || !errors.Is(a.Reason, zab.ErrConfig)) {
			n.w.fail("leader %v closes link %d: %v", n.id, a.Link, a.Reason)
		}
		n.w.breakLink(n.w.link(a.Link))
	case zab.Pinged:
		n.uplink.up = append(n.uplink.up, zab.Packet{Type: zab.Ping, Zxid: a.Zxid, Data: []byte{}})
	default:
		n.learn(a)
	}
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
}

// learn carries out what only a learner wants.
func (n *simNode) learn(a zab.Action) {
	switch a := a.(type) {
	case zab.Install:
		n.hist, n.zxid = slices.Clone(n.payload), a.Zxid
		n.decided, n.applied = len(n.hist), len(n.hist)
		n.window.Reset(a.Zxid)
	case zab.Truncate:
		n.truncate(a.Zxid)
	case zab.Apply:
		n.hist = append(n.hist[:len(n.hist):len(n.hist)], a.Entries...)
		n.decided, n.applied = len(n.hist), len(n.hist)
		for _, e := range a.Entries {
			n.window.Add(e)
		}
		n.window.Applied(n.last())
	case zab.Save:
		n.saving, n.saves = slices.Clone(n.hist), true
	case zab.Log:
		n.append(a.Entries)
	default:
		n.w.fail("unexpected %T", a)
	}
}

// truncate cuts the log, or takes an older snapshot.
func (n *simNode) truncate(z proto.Zxid) {
	d := &n.disk
	all := d.history(len(d.log))
	i := slices.IndexFunc(all, func(e zab.Entry) bool { return e.Zxid == z })
	if i < 0 && z != d.snapZxid {
		n.w.fail("server %v is to be truncated behind %s and has %s", n.id, show(z), showEntries(all))
		return
	}
	if z < d.snapZxid {
		d.snapshot, d.snapZxid, d.log = all[:i+1], z, nil
	}
	k := 0
	for k < len(d.log) && d.log[k].Zxid <= z {
		k++
	}
	d.log = d.log[:k]
	d.synced = k
	n.load()
}

// bring sends what a leader's plan says.
func (n *simNode) bring(b zab.Bring) {
	x, plan := n.w.link(b.Link), b.Plan
	if plan.Disk {
		if p, err := plan.FromDisk(n.logged(), b.Peer); err == nil {
			plan = p
		}
	}
	op := simPacket{Packet: zab.Packet{Type: plan.Op, Zxid: plan.Zxid}}
	if plan.Op == zab.Snap {
		if n.w.chance(2) {
			n.apply() // the plan repeats what the snapshot holds
		}
		op.payload, op.Zxid = slices.Clone(n.hist[:n.applied]), n.zxid
		if n.applied > 0 {
			op.Zxid = max(op.Zxid, n.hist[n.applied-1].Zxid)
		}
	}
	x.down = append(x.down, op)
	for _, e := range plan.Entries {
		x.down = append(x.down, simPacket{Packet: zab.Packet{Type: zab.Proposal, Zxid: e.Zxid, Data: e.Raw}},
			simPacket{Packet: zab.Packet{Type: zab.Commit, Zxid: e.Zxid}})
	}
	n.w.trace("   %v %s %s", op.Type, show(op.Zxid), showEntries(plan.Entries))
}

func (n *simNode) logged() iter.Seq2[zab.Entry, error] {
	return func(yield func(zab.Entry, error) bool) {
		for _, e := range n.disk.log {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// serve begins the broadcast. All that a leader has is committed now.
func (n *simNode) serve(epoch int64) {
	n.serving = true
	if n.leader == nil {
		n.w.agree(n, n.hist[:n.decided])
		return
	}
	if other, ok := n.w.established[epoch]; ok {
		n.w.fail("servers %v and %v both lead epoch %d", other, n.id, epoch)
	}
	n.w.established[epoch] = n.id
	n.w.agree(n, n.hist)
	if n.w.epochZxid {
		n.zxid = proto.NewZxid(epoch, 0)
	}
}

// decide notes what is committed. Before it serves, a learner believes a leader who may
// fail.
func (n *simNode) decide(z proto.Zxid) {
	was := n.decided
	n.decided = max(was, n.position(z))
	if n.decided == 0 || n.hist[n.decided-1].Zxid != z {
		n.w.fail("server %v commits %s of %s", n.id, show(z), showEntries(n.hist))
		return
	}
	for _, e := range n.hist[was:n.decided] {
		n.window.Add(e)
	}
	if n.serving {
		n.w.agree(n, n.hist[:n.decided])
	}
}

func (n *simNode) String() string {
	role := "looks"
	switch {
	case n.down:
		role = "is down"
	case n.leader != nil:
		role = fmt.Sprintf("leads epoch %d", n.leader.Epoch())
	case n.learner != nil:
		role = fmt.Sprintf("learns epoch %d from %v", n.learner.Epoch(), n.follows.id)
	}
	config := showConfig(n.disk.config)
	if n.disk.seen != nil {
		config += ", seen " + showConfig(*n.disk.seen)
	}
	return fmt.Sprintf("server %v %s serving=%v: %s; accepted %d current %d history %s decided %d applied %d; disk snapshot %s log %s synced %d",
		n.id, role, n.serving, config, n.disk.accepted, n.disk.current, showEntries(n.hist), n.decided, n.applied,
		show(n.disk.snapZxid), showEntries(n.disk.log), n.disk.synced)
}
