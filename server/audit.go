package server

import (
	"fmt"
	"os"
	"os/user"

	"github.com/rs/zerolog"

	"gokeeper/server/audit"
	"gokeeper/server/database"
)

// auditFileMode lets a group read who has done what.
const auditFileMode = 0o640

// auditor writes audit records as JSON lines, to a file of their own or to the log.
type auditor struct {
	log  zerolog.Logger
	file *os.File // nil: the log
	user string   // who runs the server
	size int      // longest buffer of a request
}

// openAudit begins the audit log, if the configuration wants one.
func (s *Server) openAudit() error {
	if !s.cfg.Audit {
		s.opt.Log.Info().Msg("ZooKeeper audit is disabled.")
		return nil
	}
	a := &auditor{log: s.opt.Log, size: s.cfg.JuteMaxBuffer + s.cfg.JuteExtra}
	if u, err := user.Current(); err == nil {
		a.user = u.Username
	}
	if s.cfg.AuditFile != "" {
		f, err := os.OpenFile(s.cfg.AuditFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, auditFileMode)
		if err != nil {
			return fmt.Errorf("open the audit log (auditlog.file): %w", err)
		}
		a.file, a.log = f, zerolog.New(f).With().Timestamp().Logger()
	}
	s.audit = a
	s.opt.Log.Info().Str("file", s.cfg.AuditFile).Msg("ZooKeeper audit is enabled.")
	return nil
}

// Close closes the file. A nil auditor does nothing, as with the other methods.
func (a *auditor) Close() error {
	if a == nil || a.file == nil {
		return nil
	}
	return a.file.Close()
}

// outcome keeps what became of a request, or of a session's ephemerals.
func (a *auditor) outcome(o *database.Outcome) {
	if o.Client != nil {
		q := audit.Request{
			Session: o.Client.Session(), IDs: o.Client.Identities(), Op: o.Op, Body: o.Body, Limit: a.size, Txn: o.Txn, Err: o.Err,
		}
		a.keep(q.Records())
	}
	a.keep(audit.Ended(o.Txn.Session, a.user, o.Ended))
}

// server keeps that the server begins or ends.
func (a *auditor) server(operation, result string) {
	if a != nil {
		a.keep([]audit.Record{{User: a.user, Operation: operation, Result: result}})
	}
}

func (a *auditor) keep(records []audit.Record) {
	for i := range records {
		r := &records[i]
		e := a.log.Info()
		if r.Result == audit.Failure {
			e = a.log.Error()
		}
		if r.Session != 0 {
			e = e.Stringer("session", r.Session)
		}
		for _, f := range [][2]string{
			{"user", r.User}, {"ip", r.IP}, {"operation", r.Operation}, {"znode", r.Znode}, {"znode_type", r.ZnodeType},
			{"acl", r.ACL}, {"result", r.Result},
		} {
			if f[1] != "" {
				e = e.Str(f[0], f[1])
			}
		}
		e.Msg("audit")
	}
}
