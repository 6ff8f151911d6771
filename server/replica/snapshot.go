package replica

import (
	"fmt"
	"iter"
	"time"

	"gokeeper/server/database"
	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/zab"
)

// imagePiece is how many bytes of nodes are written while nothing is applied.
const imagePiece = 64 << 10

// image gives a database's dump the form that snapshots are written from.
type image struct {
	*database.Dump
	steps *Steps
}

// image begins an image of the database as it is now.
func (r *Replica) image() image {
	if r.steps != nil {
		return image{r.Database.Dump(r.steps.Piece, true), r.steps}
	}
	return image{r.Database.Dump(imagePiece, false), nil}
}

// Nodes appends encoded nodes and says whether there are more.
func (i image) Nodes(b []byte) ([]byte, bool) {
	b, more := i.Dump.Nodes(b)
	if i.steps != nil && more {
		i.steps.Meanwhile()
	}
	return b, more
}

// Sessions returns the session table.
func (i image) Sessions() []snapshot.Session {
	sessions := i.Dump.Sessions()
	out := make([]snapshot.Session, 0, len(sessions))
	for id, timeout := range sessions {
		out = append(out, snapshot.Session{ID: id, Timeout: timeout})
	}
	return out
}

// snapshot writes a snapshot of the database while it serves, and returns the zxid in
// its name; with replace nothing of what the directory held beyond it is left.
func (r *Replica) snapshot(replace bool) (proto.Zxid, error) {
	begin := time.Now()
	src := r.image()
	write := r.Dir.WriteSnapshot
	if replace {
		write = r.Dir.Replace
	}
	path, err := write(src.Zxid(), src)
	if err != nil {
		return 0, fmt.Errorf("write a snapshot: %w", err)
	}
	took := time.Since(begin)
	r.Events.Snapshot(took)
	r.Log.Info().Stringer("zxid", src.Zxid()).Str("file", path).Dur("took", took).Msg("snapshot taken")
	return src.Zxid(), nil
}

// history returns the transactions of the log on disk from the zxid on.
func (r *Replica) history(from proto.Zxid) iter.Seq2[zab.Entry, error] {
	return func(yield func(zab.Entry, error) bool) {
		for x, err := range r.Dir.History(from, r.cfg.DiskFactor) {
			if !yield(zab.Entry{Zxid: x.Zxid, Raw: x.Raw}, err) {
				return
			}
		}
	}
}
