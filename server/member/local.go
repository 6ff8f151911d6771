package member

import (
	"gokeeper/server/jute"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/session"
)

// Local sessions are known to one server only: they cost the ensemble nothing, and end
// with it. Their writes take the usual way; only they own no ephemerals. The first that
// is asked for makes the session a global one, or the leader refuses it.
// Java: LocalSessionTracker, UpgradeableSessionTracker.

// ReadOnly says that the server serves reads without a leader.
func (m *Member) ReadOnly() bool { return m.readOnly }

// LocalSessions says whether new sessions are local.
func (m *Member) LocalSessions() bool {
	return m.cfg.Ensemble != nil && m.cfg.Ensemble.LocalSessions && (m.serving || m.readOnly)
}

// Locals returns the local sessions, for reports.
func (m *Member) Locals() *session.Table { return m.locals }

// NewLocal returns the id of a new local session with the timeout in milliseconds.
func (m *Member) NewLocal(timeout int32, now int64) proto.SessionID {
	id := m.ids.Next()
	m.locals.Touch(id, timeout, now)
	return id
}

// IsLocal says whether a session is local to this server.
func (m *Member) IsLocal(id proto.SessionID) bool { return m.locals.Known(id) }

// Touch says that a local session goes on with another connection.
func (m *Member) Touch(id proto.SessionID, timeout int32, now int64) {
	m.locals.Touch(id, timeout, now)
}

// CloseLocal forgets a local session.
func (m *Member) CloseLocal(id proto.SessionID) { m.locals.Remove(id) }

// Upgrade says what becomes of a local session that asks for an ephemeral: it is global
// from now on by the request returned, which must come before the one at hand; or ok is
// false, and the leader will refuse that one. It keeps the timeout that it began with, as
// Java's do, even if its client has come back with another one.
func (m *Member) Upgrade(id proto.SessionID, now int64) (createSession prep.Request, ok bool) {
	if !m.cfg.Ensemble.Upgrade {
		return prep.Request{}, false
	}
	timeout := m.locals.Timeout(id)
	m.locals.Remove(id)
	if m.order != nil {
		m.order.begin(id, timeout, local, now)
	}
	return prep.Request{Session: id, Op: proto.OpCreateSession, Body: jute.AppendInt(nil, timeout)}, true
}

// ExpireLocal returns the local sessions whose time is up, and forgets them. heard is as
// for Expire.
func (m *Member) ExpireLocal(heard func(proto.SessionID) (int64, int32, bool), now int64) []proto.SessionID {
	var expired []proto.SessionID
	for _, id := range m.locals.Due(now) {
		if at, timeout, ok := heard(id); ok && m.locals.Touch(id, timeout, at) > now {
			continue
		}
		m.locals.Remove(id)
		expired = append(expired, id)
	}
	return expired
}

// stranger judges a session that the tracker of this server does not know. In an ensemble
// it was known when a server let it in, so it has expired; or it is local, to this server or
// to the one whose id it bears, and may do all that is not for global sessions only.
// Java: LeaderSessionTracker.
func (m *Member) stranger(id proto.SessionID, global bool) proto.Error {
	switch {
	case m.cfg.Ensemble == nil:
		return proto.UnknownSession
	case !m.cfg.Ensemble.LocalSessions:
		return proto.SessionExpired
	case !global && (m.locals.Known(id) || byte(uint64(id)>>56) != byte(m.cfg.ServerID)):
		return proto.OK
	}
	return proto.SessionExpired
}

// WantsEphemeral says whether a request creates an ephemeral.
func WantsEphemeral(op proto.Op, body []byte) bool {
	d := jute.NewDecoder(body)
	switch op {
	case proto.OpCreate, proto.OpCreate2:
		var c proto.CreateRequest
		c.Decode(d, op)
		return d.Err() == nil && isEphemeral(c.Flags)
	case proto.OpMulti:
		ops := proto.DecodeMulti(d)
		if d.Err() != nil {
			return false // it will fail as a whole
		}
		for _, op := range ops {
			if (op.Op == proto.OpCreate || op.Op == proto.OpCreate2) && isEphemeral(op.Create.Flags) {
				return true
			}
		}
	}
	return false
}

func isEphemeral(flags int32) bool {
	return flags == proto.FlagEphemeral || flags == proto.FlagEphemeralSequential
}
