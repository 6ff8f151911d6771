package server_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gokeeper/server"
	zk "gokeeper/server/client"
	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/sasl"
)

const (
	saslProvider = "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider"
	digestModule = "org.apache.zookeeper.server.auth.DigestLoginModule required "
)

// jaas writes a JAAS file and returns its name.
func jaas(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "jaas.conf")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// startJAAS runs a server with these lines and users.
func startJAAS(t *testing.T, text string, lines ...string) *running {
	t.Helper()
	cfg := configure(t, t.TempDir(), lines...)
	cfg.JAASFile = jaas(t, text)
	return start(t, cfg, server.Options{})
}

// token sends a token and returns the answer.
func (c *client) token(token []byte) ([]byte, proto.Error) {
	c.t.Helper()
	b, code := c.reply(c.send(proto.OpSASL, jute.AppendBuffer(nil, token)))
	return jute.NewDecoder(b).Buffer(), code
}

// login logs in, and returns what becomes of that.
func (c *client) login(user, password string) proto.Error {
	c.t.Helper()
	exchange := sasl.NewClient(sasl.Clients, sasl.Credentials{User: user, Password: password}, "cnonce")
	token := []byte{}
	for token != nil {
		answer, code := c.token(token)
		if code != proto.OK {
			if answer != nil {
				c.t.Errorf("a token with %v: %q", code, answer)
			}
			return code
		}
		var err error
		if token, err = exchange.Next(answer); err != nil {
			c.t.Fatal(err)
		}
	}
	return proto.OK
}

// identities returns what whoAmI says.
func (c *client) identities() string {
	c.t.Helper()
	d := jute.NewDecoder(c.do(proto.OpWhoAmI, nil))
	var all []string
	for range d.Int() {
		all = append(all, d.String()+":"+d.String())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// ends wants the connection closed.
func (c *client) ends() {
	c.t.Helper()
	if b, err := c.read(); err == nil {
		c.t.Errorf("the connection is open: %x", b)
	}
}

// TestLogin lets clients log in with DIGEST-MD5, and wants who they are in the checks of
// access.
func TestLogin(t *testing.T) {
	r := startJAAS(t, `Server { `+digestModule+`user_bob="b" user_eve="e" user_super="s" user_admin="a"; };`,
		saslProvider, "fips-mode=false", "SASLAuthenticationProvider.superPassword=other", "superUser=root", "superUser.2=admin")
	bob := r.mustConnect(nil)
	if code := bob.login("bob", "b"); code != proto.OK || bob.identities() != "ip:127.0.0.1 sasl:bob" {
		t.Errorf("bob: %v, %s", code, bob.identities())
	}
	record := jute.AppendBuffer(jute.AppendString(nil, "/a"), nil)
	acl := []proto.ACL{{Perms: proto.PermAll, Identity: proto.Identity{Scheme: "auth"}}}
	bob.do(proto.OpCreate, jute.AppendInt(proto.AppendACL(record, acl), 0))
	bob.holds("/a", "")
	for _, who := range []struct {
		user, password, identities string
		may                        proto.Error
	}{
		{"eve", "e", "ip:127.0.0.1 sasl:eve", proto.NoAuth},
		{"bob", "b", "ip:127.0.0.1 sasl:bob", proto.OK},
		{"admin", "a", "ip:127.0.0.1 sasl:admin super:", proto.OK},
		{"super", "other", "ip:127.0.0.1 sasl:super", proto.OK},
	} {
		c := r.mustConnect(nil)
		if code := c.login(who.user, who.password); code != proto.OK || c.identities() != who.identities {
			t.Errorf("%s: %v, %s", who.user, code, c.identities())
		}
		if _, code := c.get("/a"); code != who.may {
			t.Errorf("%s gets %v, want %v", who.user, code, who.may)
		}
	}
	if _, code := r.mustConnect(nil).get("/a"); code != proto.NoAuth {
		t.Errorf("nobody gets %v", code)
	}
	if _, code := bob.token([]byte{}); code != proto.AuthFailed {
		t.Errorf("a second login on a connection: %v", code)
	}
	bob.ends()
	for user, password := range map[string]string{"eve": "b", "nobody": "b", "super": "s"} {
		c := r.mustConnect(nil)
		if code := c.login(user, password); code != proto.AuthFailed {
			t.Errorf("%s: %v", user, code)
		}
		c.ends()
	}
}

// TestLoginOrElse wants what no login and a failed one cost, by what the configuration says.
func TestLoginOrElse(t *testing.T) {
	const users = `Server { ` + digestModule + `user_bob="b"; };`
	f := func(lines string, first, bad, without proto.Error) {
		t.Helper()
		r := startJAAS(t, users, append(strings.Fields(lines), saslProvider)...)
		c := r.mustConnect(nil)
		if b, code := c.token([]byte{}); code != first || code == proto.OK && bad != proto.OK && len(b) == 0 {
			t.Errorf("%s: first token: %q, %v", lines, b, code)
		}
		if first == proto.OK {
			if b, code := c.token([]byte("username=x")); code != bad || b != nil {
				t.Errorf("%s: bad token: %q, %v", lines, b, code)
			}
		}
		if first == proto.OK && bad == proto.OK {
			c.do(proto.OpExists, pathRecord("/", false))
		} else {
			c.ends()
		}
		c = r.mustConnect(nil)
		if _, code := c.reply(c.send(proto.OpExists, pathRecord("/", false))); code != without {
			t.Errorf("%s: a read without a login: %v", lines, code)
		}
		r.halt()
	}
	const required = proto.SessionClosedRequireSASL
	f("fips-mode=false", proto.OK, proto.AuthFailed, proto.OK)
	f("fips-mode=false allowSaslFailedClients=true", proto.OK, proto.OK, proto.OK)
	f("", proto.AuthFailed, 0, proto.OK)
	f("allowSaslFailedClients=true", proto.OK, proto.OK, proto.OK)
	f("fips-mode=false sasl.serverconfig=Nobody", proto.OK, proto.OK, proto.OK)
	f("fips-mode=false sessionRequireClientSASLAuth=true", proto.OK, required, required)
	f("fips-mode=false sessionRequireClientSASLAuth=true allowSaslFailedClients=true", proto.OK, required, required)
	f("fips-mode=false enforce.auth.enabled=true enforce.auth.schemes=digest,sasl", proto.OK, required, required)
	f("fips-mode=false enforce.auth.enabled=true enforce.auth.schemes=digest", proto.OK, proto.AuthFailed, required)
	f("fips-mode=false enforce.auth.enabled=true enforce.auth.schemes=ip", proto.OK, proto.AuthFailed, proto.OK)
}

// TestLoginEnforced wants a login to be enough.
func TestLoginEnforced(t *testing.T) {
	c := startJAAS(t, `Server { `+digestModule+`user_bob="b"; };`, saslProvider, "fips-mode=false", "sessionRequireClientSASLAuth=true").mustConnect(nil)
	if code := c.login("bob", "b"); code != proto.OK {
		t.Fatal(code)
	}
	c.create("/a", "x", proto.FlagPersistent)
}

// TestLoginFiles wants a server not to begin without the logins that it was told to have.
func TestLoginFiles(t *testing.T) {
	t.Parallel()
	f := func(text string, want error) {
		t.Helper()
		cfg := configure(t, t.TempDir(), saslProvider)
		cfg.JAASFile = "file:" + jaas(t, text)
		s, err := server.New(cfg, server.Options{Listen: "127.0.0.1:0"})
		if err == nil {
			err = s.Close()
		}
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
	f("", nil)
	f("Other { org.example.Module required; };", nil)
	f("Server { org.example.Module required; };", sasl.ErrModule)
	f("Server { com.sun.security.auth.module.Krb5LoginModule required; };", sasl.ErrKerberos)
	f("Server {", sasl.ErrJAAS)
	cfg := configure(t, t.TempDir())
	cfg.JAASFile = filepath.Join(t.TempDir(), "none")
	if _, err := server.New(cfg, server.Options{Listen: "127.0.0.1:0"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the file: %v", err)
	}
}

// TestMemberLogins wants a member not to begin that could never find the others.
func TestMemberLogins(t *testing.T) {
	t.Parallel()
	const (
		learner = `QuorumLearner { ` + digestModule + `username="a" password="b"; };`
		both    = learner + `QuorumServer { ` + digestModule + `user_a="b"; };`
	)
	f := func(text, lines, want string) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "myid"), []byte("1"), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg := configure(t, dir, append(strings.Fields(lines), "initLimit=5", "syncLimit=5", "server.1=127.0.0.1:1:2", "standaloneEnabled=false")...)
		cfg.JAASFile = jaas(t, text)
		s, err := server.New(cfg, server.Options{Listen: "127.0.0.1:0"})
		if err == nil {
			err = errors.Join(s.Close(), errors.New("it begins"))
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s, %s: %v, want %s", lines, text, err, want)
		}
	}
	const enabled = "quorum.auth.enableSasl=true "
	f(both, enabled, "fips-mode=false")
	f("", enabled+"fips-mode=false", "section QuorumLearner: the JAAS file has no such section")
	f(learner, enabled+"fips-mode=false", "section QuorumServer: the JAAS file has no such section")
	f(learner+learner[:5], enabled+"fips-mode=false", "{ expected")
	f(both, enabled+"fips-mode=false quorum.auth.server.saslLoginContext=QuorumLearner quorum.auth.learner.saslLoginContext=QuorumServer", "no username")
}

// TestClientLogin has the client library log in, on each connection anew.
func TestClientLogin(t *testing.T) {
	const users = `Server { ` + digestModule + `user_bob="b"; };`
	logins := startJAAS(t, users, saslProvider, "fips-mode=false", "sessionRequireClientSASLAuth=true").ClientAddr().String()
	none := start(t, configure(t, t.TempDir()), server.Options{}).ClientAddr().String()
	var last net.Conn
	events := make(chan string, 100)
	open := func(address, password string) *zk.Client {
		t.Helper()
		c, err := zk.Open(zk.Config{
			Servers: address, Login: &sasl.Credentials{User: "bob", Password: password},
			Watcher: func(e zk.Event) { events <- e.State.String() },
			Dial: func(ctx context.Context, address string) (nc net.Conn, err error) {
				nc, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
				last = nc
				return nc, err
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Leave() })
		return c
	}
	tells := func(want ...string) {
		t.Helper()
		for _, w := range want {
			select {
			case got := <-events:
				if got != w {
					t.Fatalf("told %s, want %s", got, w)
				}
			case <-time.After(patience):
				t.Fatalf("not told %s", w)
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := open(logins, "b")
	for range 2 {
		tells("SyncConnected", "SaslAuthenticated")
		if ids, err := c.WhoAmI(ctx); err != nil || !slices.Contains(ids, proto.Identity{Scheme: "sasl", ID: "bob"}) {
			t.Errorf("%v, %v", ids, err)
		}
		last.Close()
		tells("Disconnected")
	}
	tells("SyncConnected", "SaslAuthenticated")
	c.Leave()
	for address, password := range map[string]string{logins: "wrong", none: "b"} {
		c := open(address, password)
		tells("SyncConnected", "AuthFailed")
		if _, err := c.WhoAmI(ctx); !errors.Is(err, proto.AuthFailed) {
			t.Errorf("%v, want %v", err, proto.AuthFailed)
		}
		c.Leave()
	}
}

// TestEnsembleName wants who means another ensemble cut off, without a word.
func TestEnsembleName(t *testing.T) {
	r := start(t, configure(t, t.TempDir(), "ensembleAuthName=x,y", "authProvider.1=org.apache.zookeeper.server.auth.EnsembleAuthenticationProvider"),
		server.Options{})
	c := r.mustConnect(nil)
	packet := func(name string) []byte {
		p := proto.AuthPacket{Scheme: []byte("ensemble"), Auth: []byte(name)}
		return p.Append(nil)
	}
	c.do(proto.OpAuth, packet("y"))
	c.do(proto.OpAuth, packet(""))
	if got := c.identities(); got != "ip:127.0.0.1" {
		t.Error(got)
	}
	c.send(proto.OpAuth, packet("z"))
	c.ends()
	got := r.word("mntr")
	for _, line := range []string{"zk_ensemble_auth_success\t1\n", "zk_ensemble_auth_skip\t1\n", "zk_ensemble_auth_fail\t1\n"} {
		if !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
}
