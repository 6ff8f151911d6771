package server

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync/atomic"

	"github.com/rs/zerolog"

	"gokeeper/server/config"
	"gokeeper/server/quorum"
	"gokeeper/server/vfs"
)

// membership keeps the configuration of the ensemble, in memory for reports and in files
// for the next start. Where files cannot be written, as in a container with its
// configuration mounted read-only, the server goes on without, as Java does.
type membership struct {
	fs      vfs.FS
	file    string // the configuration file, "" for none
	self    quorum.ServerID
	log     zerolog.Logger
	current atomic.Pointer[quorum.Config]
	moved   func(client quorum.HostPort) // called when clients connect elsewhere; nil: nobody is told
}

func newMembership(fsys vfs.FS, cfg *config.Config, log zerolog.Logger) *membership {
	m := &membership{fs: fsys, file: cfg.File, self: cfg.MyID, log: log}
	m.current.Store(&cfg.Servers)
	return m
}

// backup copies the configuration file while it still has the members.
func (m *membership) backup() {
	if m.file == "" {
		return
	}
	text, err := vfs.ReadFile(m.fs, m.file)
	if err == nil {
		err = vfs.WriteFile(m.fs, config.BackupName(m.file), text)
	}
	m.report(err, "copy the configuration file")
}

// See implements replica.Configs. What is not newer than the committed one says that
// nothing is proposed any more.
func (m *membership) See(c quorum.Config) {
	switch {
	case m.file == "":
	case c.Version <= m.current.Load().Version:
		m.forget()
	default:
		m.report(vfs.WriteFile(m.fs, config.NextName(m.file), config.DynamicText(c, true)), "write the configuration that is proposed")
	}
}

// Commit implements replica.Configs.
func (m *membership) Commit(c quorum.Config, seen *quorum.Config) {
	was, _ := m.current.Swap(&c).Member(m.self)
	if own, ok := c.Member(m.self); ok && m.moved != nil && !own.Client.IsZero() && own.Client != was.Client {
		m.moved(own.Client)
	}
	if m.file == "" {
		return
	}
	m.report(m.write(c), "write the new configuration")
	if seen == nil {
		m.forget()
	}
}

// forget removes the file of the configuration that was seen last.
func (m *membership) forget() {
	next := config.NextName(m.file)
	err := m.fs.Remove(next)
	if err == nil {
		err = m.fs.SyncDir(filepath.Dir(next))
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	m.report(err, "remove the configuration that was proposed")
}

// write makes the dynamic file, and then has the configuration file point to it.
func (m *membership) write(c quorum.Config) error {
	dynamic, err := filepath.Abs(config.DynamicName(m.file, c.Version))
	if err != nil {
		return err
	}
	if err := vfs.WriteFile(m.fs, dynamic, config.DynamicText(c, false)); err != nil {
		return err
	}
	static, err := vfs.ReadFile(m.fs, m.file)
	if err != nil {
		return err
	}
	own, _ := c.Member(m.self)
	return vfs.WriteFile(m.fs, m.file, config.Rewrite(static, filepath.ToSlash(dynamic), !own.Client.IsZero() && !own.ClientFromStatic))
}

func (m *membership) report(err error, what string) {
	if err != nil {
		m.log.Error().Str("file", m.file).Err(err).Msg("cannot " + what)
	}
}
