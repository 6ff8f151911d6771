package replica

import (
	"io"

	"gokeeper/server/snapshot"
	"gokeeper/server/zab"
)

// bring brings a learner up to date. The image is begun here, between two transactions,
// and written by the link.
func (r *Replica) bring(a zab.Bring) {
	var src image
	if a.Plan.Op == zab.Snap {
		src = r.image()
	}
	r.Transport.Stream(a.Link, func(w io.Writer) error {
		plan := a.Plan
		if plan.Disk {
			plan = r.fromDisk(a)
		}
		defer r.brings(plan.Op == zab.Snap)()
		r.Log.Info().Stringer("peer", a.Server).Stringer("zxid", a.Peer).Stringer("by", plan.Op).
			Int("txns", len(plan.Entries)).Msg("bringing a learner up to date")
		if plan.Op != zab.Snap {
			return writePackets(w, zab.Packet{Type: plan.Op, Zxid: plan.Zxid}, plan.Entries)
		}
		head := zab.Packet{Type: zab.Snap, Zxid: src.Zxid()}
		if _, err := w.Write(head.Append(nil)); err != nil {
			return err
		}
		if err := snapshot.WriteStream(&progress{Writer: w, r: r, link: a.Link}, src); err != nil {
			return err
		}
		behind := plan.Entries
		for len(behind) > 0 && behind[0].Zxid <= src.Zxid() {
			behind = behind[1:]
		}
		return writeHistory(w, behind)
	})
}

// progressStep is how many bytes of a snapshot a learner takes in between two words of it.
const progressStep = 8 << 20

// progress tells the loop that a learner takes in its snapshot, however long that takes.
type progress struct {
	io.Writer
	r    *Replica
	link zab.LinkID
	n    int
}

// Write writes to the link.
func (p *progress) Write(b []byte) (int, error) {
	if p.n += len(b); p.n >= progressStep {
		p.n = 0
		p.r.inbox.put(input{progress: p.link})
	}
	return p.Writer.Write(b)
}

func writePackets(w io.Writer, head zab.Packet, entries []zab.Entry) error {
	if _, err := w.Write(head.Append(nil)); err != nil {
		return err
	}
	return writeHistory(w, entries)
}

// writeHistory sends each transaction as proposal and commit.
func writeHistory(w io.Writer, entries []zab.Entry) error {
	var b []byte
	for _, e := range entries {
		proposal := zab.Packet{Type: zab.Proposal, Zxid: e.Zxid, Data: e.Raw}
		commit := zab.Packet{Type: zab.Commit, Zxid: e.Zxid}
		b = commit.Append(proposal.Append(b[:0]))
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// fromDisk makes the plan that brings a learner up from the log on disk, or returns the
// one that does without.
func (r *Replica) fromDisk(a zab.Bring) zab.Plan {
	plan, err := a.Plan.FromDisk(r.history(a.Peer), a.Peer)
	if err != nil {
		r.Log.Info().Stringer("peer", a.Server).Err(err).Msg("log on disk does not reach back far enough: sending a snapshot")
		return zab.Plan{Op: zab.Snap, Entries: a.Plan.Entries}
	}
	return plan
}
