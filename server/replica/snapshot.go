package replica

import (
	"fmt"
	"time"

	"gokeeper/server/database"
	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
)

// image gives a database's dump the form that snapshots are written from.
type image struct{ *database.Dump }

// Sessions returns the session table.
func (i image) Sessions() []snapshot.Session {
	sessions := i.Dump.Sessions()
	out := make([]snapshot.Session, 0, len(sessions))
	for id, timeout := range sessions {
		out = append(out, snapshot.Session{ID: id, Timeout: timeout})
	}
	return out
}

// Snapshot writes a snapshot of the database while it serves, and returns the zxid in
// its name.
func (r *Replica) Snapshot() (proto.Zxid, error) {
	begin := time.Now()
	src := image{r.Database.Dump()}
	path, err := r.Dir.WriteSnapshot(src.Zxid(), src)
	if err != nil {
		return 0, fmt.Errorf("write a snapshot: %w", err)
	}
	took := time.Since(begin)
	r.Events.Snapshot(took)
	r.Log.Info().Stringer("zxid", src.Zxid()).Str("file", path).Dur("took", took).Msg("snapshot taken")
	return src.Zxid(), nil
}
