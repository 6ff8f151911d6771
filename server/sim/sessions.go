package sim

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"gokeeper/server/member"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
)

// Sessions that only one server knows, and servers that serve reads without a leader.

// clientele is what a plan says about them.
type clientele struct {
	local    bool // new sessions are local
	upgrade  bool // until they ask for an ephemeral, which is refused otherwise
	readOnly bool // servers without a leader serve reads
}

func drawClientele(c *source) clientele {
	p := clientele{local: c.chance(3)}
	p.upgrade = p.local && c.chance(2)
	p.readOnly = c.chance(4) || p.local && c.chance(2)
	return p
}

// String describes it.
func (p clientele) String() string {
	return fmt.Sprintf("local sessions %v upgraded %v read-only %v", p.local, p.upgrade, p.readOnly)
}

// local is a session that began as a local one.
type local struct {
	server quorum.ServerID
	asked  bool // for an ephemeral: it may be the ensemble's now
	over   bool // its client has closed it

	at      *process // that knows it
	stay    int      // of the process in a role
	heard   time.Duration
	timeout time.Duration
}

// touch notes that a client's session is alive at a server. One that was silent for too
// long, while the server was paused say, may have been ended already: that is not revived.
func (p *process) touch(id proto.SessionID, timeout int32) {
	s := p.s.w.locals[id]
	late := s != nil && s.at == p && s.stay == p.stay && p.s.w.now-s.heard >= s.timeout
	if s != nil && !late {
		s.at, s.stay, s.heard, s.timeout = p, p.stay, p.s.w.now, time.Duration(timeout)*time.Millisecond
	}
}

// refuses checks that a session that may not go on at a server has reason to.
func (p *process) refuses(id proto.SessionID) {
	w := p.s.w
	if p.readOnly && p.db.Global(id) {
		w.violated("Session", "server %v, which only serves reads, ends session %v of the ensemble", p.s.id, id)
	}
	if s := w.locals[id]; s != nil && !s.asked && !s.over && s.at == p && s.stay == p.stay && w.now-s.heard < s.timeout {
		w.violated("LocalSession", "server %v refuses session %v, of which it heard %v ago", p.s.id, id, w.now-s.heard)
	}
}

// began notes a new session of a client. It is in no history, unless its client asks for
// an ephemeral, and servers upgrade it for that.
func (w *world) began(id proto.SessionID, x *connection, readOnly bool) {
	at := x.p.s.id
	if w.plan.local {
		w.locals[id] = &local{server: at, at: x.p, stay: x.stay, heard: x.since, timeout: time.Duration(x.timeout) * time.Millisecond}
		w.stats.Events["local sessions"]++
	}
	if readOnly && !w.plan.local {
		w.violated("LocalSession", "the read-only server %v has opened session %v of the ensemble", at, id)
	}
}

// record adds a transaction to the ledger.
func (w *world) record(x *txn.Txn, raw []byte) {
	if x.Type == proto.OpCreateSession && w.plan.local {
		if s := w.locals[x.Session]; s == nil || !s.asked || !w.plan.upgrade {
			w.violated("LocalSession", "%v begins session %v, which is local", x.Zxid, x.Session)
		}
		w.stats.Events["local sessions upgraded"]++
	}
	if x.Type == proto.OpCloseSession && !w.ledger.knew(x.Session) {
		w.violated("LocalSession", "%v ends session %v, which has never begun", x.Zxid, x.Session)
	}
	if b, ok := x.Body.(*txn.Error); ok && b.Code == proto.UnknownSession {
		w.violated("Session", "%v fails since session %v is unknown, which a server had let in: it has expired", x.Zxid, x.Session)
	}
	w.ledger.add(x, raw)
	w.complaints()
	if b, ok := x.Body.(*txn.SetData); ok && x.Type == proto.OpReconfig {
		w.configured(mustParse(string(b.Data)))
	}
}

// knew says whether the session is or was one of the ensemble's.
func (l *ledger) knew(id proto.SessionID) bool {
	_, open := l.sessions[id]
	return open || l.closed[id] != 0
}

// localsAt returns how many local sessions of clients are alive at a server.
func (w *world) localsAt(s *server) int {
	n := 0
	for _, c := range w.clients {
		if c.open && !c.dead && c.server == int(s.id) && w.locals[c.session] != nil && !w.ledger.knew(c.session) {
			n++
		}
	}
	return n
}

// localsEnd says whether servers know of no local sessions but of those.
func (p *process) localsEnd() bool {
	n := p.s.w.localsAt(p.s)
	return p.db.Counts().Locals == n && p.steps.Member().Locals().Len() == n
}

// loseQuorum takes so many voters down that the others have no leader, for so long that
// they begin to serve reads.
func (w *world) loseQuorum() string {
	var set quorum.Set
	for _, id := range w.ids {
		if w.servers[id].process != nil {
			set.Add(id)
		}
	}
	d := w.between(2*time.Second, 3*time.Second+8*w.plan.tick)
	var ids []quorum.ServerID
	voters := slices.Clone(w.newest().Voters())
	w.Shuffle(len(voters), func(i, j int) { voters[i], voters[j] = voters[j], voters[i] })
	for _, id := range voters {
		s := w.servers[id]
		if !w.newest().HasQuorum(set) {
			break
		}
		if s.process != nil {
			s.process.kill()
			w.after(d+w.between(0, w.plan.tick), s.start)
			set.Remove(id)
			ids = append(ids, id)
		}
	}
	return fmt.Sprintf("%v for %v", ids, d)
}

// reads begins or ends to serve reads only.
func (p *process) reads(m *member.Member) {
	if m.ReadOnly() == p.readOnly {
		return
	}
	p.readOnly, p.book = m.ReadOnly(), nil
	p.s.w.trace("server %v serves reads only: %v", p.s.id, p.readOnly)
	if p.readOnly {
		p.s.w.stats.Events["read-only servers"]++
	}
}

// ledger returns what the server shows: everything that is committed, and while it serves
// reads only what it has itself, with a tail that nobody may ever commit. It is nil for
// one that shows more than it says, since it was brought a snapshot.
func (p *process) ledger() *ledger {
	if !p.readOnly {
		return p.s.w.ledger
	}
	if p.s.fuzzy {
		return nil
	}
	if p.book == nil {
		p.book = p.ownLedger(p.db.LastZxid())
		var wrong string
		p.db.View(func(t *tree.Tree) { wrong = p.book.compare(t, t.LastZxid()) })
		if wrong != "" {
			p.s.w.violated("Agreement", "server %v serves reads at %v: %s", p.s.id, p.db.LastZxid(), wrong)
		}
	}
	return p.book
}

// ownLedger returns a ledger of the server's own history: what is committed, as far as its
// log has the same, and the rest of that.
func (p *process) ownLedger(last proto.Zxid) *ledger {
	w := p.s.w
	l := newLedger(w.plan.ensemble.String())
	var tail []txnlog.Record
	r, err := txnlog.Read(p.s.disk.mem, filepath.Join(w.plan.logDir, versionDir), 0, w.plan.limit)
	for err == nil {
		var x txnlog.Record
		if x, err = r.Next(); err != nil || x.Zxid > last {
			break
		}
		if e := w.ledger.at(x.Zxid); len(tail) > 0 || e == nil || !bytes.Equal(e.raw, x.Body) {
			tail = append(tail, x)
		}
	}
	shared := w.ledger.index(last)
	if len(tail) > 0 {
		shared = w.ledger.index(tail[0].Zxid - 1)
	}
	for _, e := range w.ledger.entries[:shared] {
		l.add(&e.txn, e.raw)
	}
	for _, x := range tail {
		if t, err := txn.Decode(x.Body, w.plan.limit); err == nil {
			l.add(&t, x.Body)
		}
	}
	// A server may know of a newer configuration than its history does, and shows that.
	p.db.View(func(t *tree.Tree) {
		config := l.nodes[proto.PathConfig]
		config[len(config)-1].mzxid = t.FindString(proto.PathConfig).Stat().Mzxid
	})
	return l
}
