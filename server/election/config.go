package election

import (
	"slices"

	"gokeeper/server/quorum"
)

// SetConfig replaces the configurations: lastSeen is nil unless it is newer than the
// committed one. If the ensemble is another one than before, rounds are counted from the
// start again, and an election that goes on begins anew.
func (e *Election) SetConfig(committed quorum.Config, lastSeen *quorum.Config) {
	changed := !committed.Equal(e.cfg.Quorum)
	e.configure(committed, lastSeen)
	if !changed {
		e.settle() // the last seen one may ask for another quorum
		return
	}
	e.cfg.Observer = committed.IsObserver(e.cfg.Self)
	e.clock = 0
	if e.running {
		e.begin()
	}
}

func (e *Election) configure(committed quorum.Config, lastSeen *quorum.Config) {
	if lastSeen != nil && lastSeen.Version <= committed.Version {
		lastSeen = nil
	}
	e.cfg.Quorum, e.cfg.LastSeen = committed, lastSeen
	e.text = committed.String()
	e.voters = committed.Voters()
	if lastSeen != nil {
		e.voters = append(e.voters, lastSeen.Voters()...)
	}
	slices.Sort(e.voters)
	e.voters = slices.Compact(e.voters)
}

// adopt looks for a newer committed configuration while the member is looking, and says
// whether it describes another ensemble. Each version is asked for once: who does not
// want it goes on with the old one.
func (e *Election) adopt(n *Notification) bool {
	if e.state != Looking || n.Config == "" || n.Config == e.text {
		return false
	}
	c, err := quorum.Parse(n.Config)
	if err != nil || c.Version <= max(e.cfg.Quorum.Version, e.adopted) {
		return false // the vote counts all the same
	}
	e.adopted = c.Version
	e.do(Adopt{n.Config})
	return !c.Equal(e.cfg.Quorum)
}
