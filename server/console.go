package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"gokeeper/server/auth"
	"gokeeper/server/client"
	"gokeeper/server/console"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/tree"
)

// console returns what serves the page of the admin port, nil when it is switched off.
func (s *Server) console() http.Handler {
	if !s.cfg.Admin.Console {
		return nil
	}
	return console.New(console.Options{
		Source: viewed{s}, Facts: facts{s}, Probe: probe{s}, Forwarded: s.cfg.UseXForwardedFor,
		Patience: s.cfg.Admin.IdleTimeout, MaxData: s.cfg.JuteMaxBuffer,
	})
}

// viewed is the server as the console sees it.
type viewed struct{ s *Server }

// Identities implements [console.Source], as do the others. A session without enough
// credentials would be closed; here it is nobody, to whom even an open node is closed.
func (v viewed) Identities(l console.Login) ([]proto.Identity, bool) {
	ids := []proto.Identity{{Scheme: auth.IP, ID: auth.AddressText(l.Remote.Unmap())}}
	if l.Scheme != "" {
		more, ok := backup(v).Authenticate(l.Scheme, l.Credentials, l.Remote)
		if !ok {
			return nil, false
		}
		ids = append(ids, more...)
	}
	return ids, true
}

// allows says whether a client with the identities would be granted the permission.
func (v viewed) allows(acl []proto.ACL, who []proto.Identity, perm proto.Perm) proto.Error {
	switch {
	case !v.s.policy.Satisfied(who):
		return proto.SessionClosedRequireSASL
	case !v.s.policy.Allows(acl, who, perm):
		return proto.NoAuth
	}
	return proto.OK
}

// Members implements [console.Source].
func (v viewed) Members() []console.Member {
	current := v.s.members.current.Load()
	if !v.s.cfg.Distributed || current == nil {
		return []console.Member{{Self: true}}
	}
	var out []console.Member
	for _, m := range current.Members {
		x := console.Member{ID: int64(m.ID), Self: m.ID == v.s.cfg.MyID, Observer: m.Role == quorum.Observer, Host: m.Addresses[0].Host}
		x.Client = v.s.clientAddress(current, &m)
		out = append(out, x)
	}
	return out
}

// clientAddress returns where clients reach a member. Lines without one leave that to each
// member's own file; it is taken to be as here, unless several members share a host.
func (s *Server) clientAddress(c *quorum.Config, m *quorum.Member) string {
	host := m.Addresses[0].Host
	if !m.Client.IsZero() {
		if m.Client.Host != "0.0.0.0" && m.Client.Host != "::" {
			host = m.Client.Host
		}
		return net.JoinHostPort(host, strconv.Itoa(m.Client.Port))
	}
	for _, other := range c.Members {
		if other.ID != m.ID && other.Addresses[0].Host == host {
			return ""
		}
	}
	if s.cfg.ClientPort == 0 {
		return ""
	}
	return net.JoinHostPort(host, strconv.Itoa(s.cfg.ClientPort))
}

// Node implements [console.Source].
func (v viewed) Node(path string, who []proto.Identity) (out console.Node, ok bool) {
	v.s.db.View(func(t *tree.Tree) {
		n := t.FindString(path)
		if ok = n.Exists(); !ok {
			return
		}
		acl := t.ACL(n)
		out = console.Node{Stat: n.Stat(), NoAll: v.allows(acl, who, proto.PermRead), NoACL: v.allows(acl, who, proto.PermRead|proto.PermAdmin)}
		if out.NoAll == proto.OK {
			out.Data = n.Data()
		}
		switch {
		case out.NoACL != proto.OK:
		case v.allows(acl, who, proto.PermAdmin) == proto.OK:
			out.ACL = acl
		default:
			out.ACL = auth.MaskDigest(acl)
		}
	})
	return out, ok
}

// Children implements [console.Source].
func (v viewed) Children(path string, who []proto.Identity, f func(name string)) (code proto.Error) {
	v.s.db.View(func(t *tree.Tree) {
		n := t.FindString(path)
		if !n.Exists() {
			code = proto.NoNode
			return
		}
		if code = v.allows(t.ACL(n), who, proto.PermRead); code != proto.OK {
			return
		}
		for name := range n.Children() {
			f(name)
		}
	})
	return code
}

// Sessions implements [console.Source].
func (v viewed) Sessions() map[proto.SessionID]int32 { return v.s.db.Sessions() }

// How long a change may take, and how long its session lives should this server stop in
// the midst of it.
const (
	changeLimit   = 15 * time.Second
	changeSession = 10 * time.Second
)

// Change implements [console.Source]. It is a client of this server, over a pipe instead
// of a socket, from the address of the browser: limits, order, audit log and ACLs are
// those of clients.
func (v viewed) Change(ctx context.Context, l console.Login, c console.Change) (path string, err error) {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	session, err := client.Open(client.Config{
		Servers: "127.0.0.1", Timeout: changeSession,
		Dial: func(context.Context, string) (net.Conn, error) {
			near, far := net.Pipe()
			v.s.clients.Adopt(&piped{far, &net.TCPAddr{IP: l.Remote.AsSlice()}})
			return near, nil
		},
	})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, closed(session)) }()
	if err := session.AwaitAttempt(ctx); err != nil {
		return "", err
	}
	if err := session.AddAuth(l.Scheme, []byte(l.Credentials)); err != nil {
		return "", err
	}
	return apply(ctx, session, &c)
}

// closed ends a session; that it has ended before is no failure of what it was for.
func closed(session *client.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), changeLimit)
	defer cancel()
	if err := session.Close(ctx); !errors.Is(err, client.ErrConnectionLoss) && !errors.Is(err, proto.SessionExpired) {
		return err
	}
	return nil
}

func apply(ctx context.Context, session *client.Client, c *console.Change) (string, error) {
	switch c.Kind {
	case console.Set:
		_, err := session.Set(ctx, c.Path, c.Data, c.Version)
		return c.Path, err
	case console.Delete:
		return c.Path, session.Delete(ctx, c.Path, c.Version)
	}
	acl := proto.OpenACL()
	if c.Own {
		acl = []proto.ACL{{Perms: proto.PermAll, Identity: proto.Identity{Scheme: auth.Auth, ID: ""}}}
	}
	path, _, err := session.Create(ctx, client.Node{Path: c.Path, Data: c.Data, ACL: acl, Flags: c.Flags})
	return path, err
}

// piped is a connection inside the process that has the address of whom it is for.
type piped struct {
	net.Conn
	remote net.Addr
}

// RemoteAddr returns it.
func (p *piped) RemoteAddr() net.Addr { return p.remote }
