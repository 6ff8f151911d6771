package sim

import (
	"errors"
	"io/fs"

	"gokeeper/server/quorum"
	"gokeeper/server/vfs"
)

// members keeps the configurations of the ensemble in two files of the server's disk. It
// implements replica.Configs as package server does: what cannot be written is not.
type members struct {
	s         *server
	committed quorum.Config
	seen      *quorum.Config
}

const (
	committedFile = "/conf/committed"
	seenFile      = "/conf/seen"
)

// newMembers reads the files. A server without any has what the operator gave it.
func newMembers(s *server) (*members, error) {
	m := &members{s: s, committed: s.w.plan.ensemble}
	c, err := m.read(committedFile)
	if err != nil {
		return nil, err
	}
	if c != nil {
		m.committed = *c
	}
	m.seen, err = m.read(seenFile)
	return m, err
}

func (m *members) read(file string) (*quorum.Config, error) {
	b, err := vfs.ReadFile(m.s.disk.fs, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := quorum.Parse(string(b))
	return &c, err
}

func (m *members) newest() int64 {
	if m.seen != nil {
		return max(m.seen.Version, m.committed.Version)
	}
	return m.committed.Version
}

// See implements replica.Configs.
func (m *members) See(c quorum.Config) {
	if c.Version <= m.committed.Version {
		m.forget()
		return
	}
	_ = vfs.WriteFile(m.s.disk.fs, seenFile, []byte(c.String())) // a failing disk ends the log, too
}

// Commit implements replica.Configs.
func (m *members) Commit(c quorum.Config, seen *quorum.Config) {
	m.committed = c
	m.s.configured(c)
	err := vfs.WriteFile(m.s.disk.fs, committedFile, []byte(c.String()))
	if err == nil && seen == nil {
		m.forget()
	}
}

func (m *members) forget() {
	if m.s.disk.fs.Remove(seenFile) == nil {
		_ = m.s.disk.fs.SyncDir("/conf") // as above
	}
}
