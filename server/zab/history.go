package zab

import (
	"errors"
	"iter"
	"slices"

	"gokeeper/server/proto"
)

// History is the window of the newest committed transactions, from which learners are
// brought up to date. Every server keeps it in every role, since any may lead next.
// Java: ZKDatabase.committedLog.
type History struct {
	entries []Entry // ascending
	keep    int
	applied proto.Zxid
}

// NewHistory returns an empty window of keep transactions.
func NewHistory(keep int) *History { return &History{keep: keep} }

// Add appends a committed transaction. One that is not newer than the last is ignored.
// Those that are not applied yet stay, however many they are: a snapshot lacks them. If
// one is missing before e, the window begins anew with e: learners must not get a history
// with a hole (ZOOKEEPER-4925).
func (h *History) Add(e Entry) {
	if n := len(h.entries); n > 0 {
		switch last := h.entries[n-1].Zxid; {
		case e.Zxid <= last:
			return
		case !follows(last, e.Zxid):
			h.entries = nil
		}
	}
	h.entries = append(h.entries, e)
	drop := 0
	for len(h.entries)-drop > h.keep && h.entries[drop].Zxid <= h.applied {
		drop++
	}
	// entries are shared with plans: moved only now and then, into fresh memory
	if drop > 0 {
		h.entries = h.entries[drop:]
	}
}

// Applied says that the database holds everything up to the zxid.
func (h *History) Applied(zxid proto.Zxid) { h.applied = zxid }

// Reset empties the window: the database was replaced.
func (h *History) Reset(applied proto.Zxid) { h.entries, h.applied = nil, applied }

// Last returns the newest zxid in the window; ok is false when it is empty.
func (h *History) Last() (last proto.Zxid, ok bool) {
	if len(h.entries) == 0 {
		return 0, false
	}
	return h.entries[len(h.entries)-1].Zxid, true
}

// Len returns the number of transactions in the window.
func (h *History) Len() int { return len(h.entries) }

// after returns the transactions behind the zxid.
func (h *History) after(zxid proto.Zxid) []Entry {
	i, found := slices.BinarySearchFunc(h.entries, zxid, func(e Entry, z proto.Zxid) int {
		return int(min(max(int64(e.Zxid)-int64(z), -1), 1))
	})
	if found {
		i++
	}
	return slices.Clip(h.entries[i:])
}

// Plan is how to bring a learner up: Op (Diff, Trunc or Snap) with its zxid, then the
// entries, each as PROPOSAL and COMMIT. A Snap's zxid is the snapshot's own.
//
// With Disk, the log on disk may hold what the window lacks: then [FromDisk] makes the
// plan, from the window's entries in Window; when it cannot, the plan is as it stands.
type Plan struct {
	Op      Type
	Zxid    proto.Zxid
	Entries []Entry
	Disk    bool
	Window  []Entry
}

// Plan decides how to bring up a learner whose last zxid is peer. last is the leader's
// last zxid; disk says whether the log on disk may be used.
//
// Java: LearnerHandler.syncFollower. It sends TRUNC also to the beginning of an epoch
// without transactions, which is in nobody's log.
func (h *History) Plan(peer, last proto.Zxid, disk bool) Plan {
	oldest, newest := last, last
	if n := len(h.entries); n > 0 {
		oldest, newest = h.entries[0].Zxid, h.entries[n-1].Zxid
	}
	fresh := peer.Counter() == 0 // in an epoch without transactions yet
	snap := Plan{Op: Snap, Entries: h.after(h.applied)}
	switch {
	case peer == last:
		return Plan{Op: Diff, Zxid: peer}
	case peer > newest && !fresh && newest.Counter() != 0:
		return Plan{Op: Trunc, Zxid: newest}
	case peer >= oldest && peer <= newest:
		if p, ok := walk(slices.Values(h.entries), peer, newest); ok {
			return p
		}
	case peer < oldest && disk:
		snap.Disk, snap.Window = true, slices.Clip(h.entries)
		if len(h.entries) == 0 {
			snap.Window = []Entry{{Zxid: last}}
		}
	}
	return snap
}

// ErrHole says that the log on disk does not reach from the learner's last zxid to the
// window.
var ErrHole = errors.New("the log lacks transactions that the learner needs")

// FromDisk makes a plan out of the log on disk, read from at or before peer on, and the
// window that p carries.
func (p *Plan) FromDisk(log iter.Seq2[Entry, error], peer proto.Zxid) (Plan, error) {
	oldest, newest := p.Window[0].Zxid, p.Window[len(p.Window)-1].Zxid
	var entries []Entry
	for e, err := range log {
		switch {
		case err != nil:
			return Plan{}, err
		case len(entries) == 0 && e.Zxid > peer:
			return Plan{}, ErrHole // does not begin early enough to know where the learner stands
		case len(entries) > 0 && !follows(entries[len(entries)-1].Zxid, e.Zxid):
			return Plan{}, ErrHole // between two files, say
		case e.Zxid > oldest:
		case e.Zxid < peer: // only the last one of these matters
			entries = append(entries[:0], e)
			continue
		default:
			entries = append(entries, e)
			continue
		}
		break
	}
	if n := len(entries); n == 0 || entries[n-1].Zxid != oldest {
		return Plan{}, ErrHole
	}
	if p.Window[0].Raw != nil {
		entries = append(entries, p.Window[1:]...)
	}
	plan, ok := walk(slices.Values(entries), peer, newest)
	if !ok {
		return Plan{}, ErrHole
	}
	return plan, nil
}

// walk finds where the learner's history leaves the leader's. It fails when that cannot
// be told: the learner's last transaction is of an epoch that ended otherwise.
func walk(entries iter.Seq[Entry], peer, newest proto.Zxid) (Plan, bool) {
	var p Plan
	var before proto.Zxid // the last entry that the learner has, too
	decided, known := false, false
	for e := range entries {
		switch {
		case e.Zxid < peer:
			before, known = e.Zxid, true
			continue
		case decided:
		case e.Zxid == peer:
			p, decided = Plan{Op: Diff, Zxid: newest}, true
			continue
		case peer.Counter() == 0:
			p, decided = Plan{Op: Diff, Zxid: newest}, true
		case e.Zxid.Epoch() != peer.Epoch() || !known:
			return Plan{}, false
		default:
			p, decided = Plan{Op: Trunc, Zxid: before}, true
		}
		p.Entries = append(p.Entries, e)
	}
	if !decided && peer.Counter() == 0 {
		return Plan{Op: Diff, Zxid: newest}, true
	}
	return p, decided
}
