package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gokeeper/server"
	zk "gokeeper/server/client"
	"gokeeper/server/proto"
)

// session is a client of the server.
func (r *running) session(credentials string) *zk.Client {
	r.t.Helper()
	c, err := zk.Open(zk.Config{Servers: r.ClientAddr().String()})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close(context.Background()) })
	if credentials != "" {
		if err := c.AddAuth("digest", []byte(credentials)); err != nil {
			r.t.Fatal(err)
		}
	}
	return c
}

// make creates a node that an ACL guards.
func (r *running) make(c *zk.Client, path, data string, acl []proto.ACL) {
	r.t.Helper()
	if _, _, err := c.Create(r.t.Context(), zk.Node{Path: path, Data: []byte(data), ACL: acl}); err != nil {
		r.t.Fatal(err)
	}
}

// crowd creates n children below a node, which it creates too.
func (r *running) crowd(c *zk.Client, parent string, n int) {
	r.t.Helper()
	const part = 1000
	r.make(c, parent, "", proto.OpenACL())
	var calls []*zk.MultiCall
	for at := 0; at < n; at += part {
		var ops []proto.MultiOp
		for i := at; i < min(at+part, n); i++ {
			ops = append(ops, zk.CreateOp(zk.Node{Path: fmt.Sprintf("%s/child-%06d", parent, i), Data: []byte("x"), ACL: proto.OpenACL()}))
		}
		calls = append(calls, c.StartMulti(ops...))
	}
	for _, call := range calls {
		if _, err := call.Await(r.t.Context()); err != nil {
			r.t.Fatal(err)
		}
	}
}

// console asks an endpoint of the console and decodes what it answers.
func (r *running) console(want int, method, path, body string, head ...string) map[string]any {
	r.t.Helper()
	status, _, text := r.ask(method, "/console/"+path, strings.NewReader(body), head...)
	if status != want {
		r.t.Fatalf("%s %s %s: status %d, want %d: %s", method, path, body, status, want, text)
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		r.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return v
}

// code returns the code of an answer that is no success.
func code(v map[string]any) string {
	e, _ := v["error"].(map[string]any)
	s, _ := e["code"].(string)
	return s
}

// guarded is an ACL for one user alone.
func guarded(perms proto.Perm) []proto.ACL {
	return []proto.ACL{{Perms: perms, Identity: proto.Identity{Scheme: "auth"}}}
}

const (
	jo    = "digest jo:secret"
	other = "digest other:secret"
)

// TestConsolePage: browsers get a page at /, all others what Java has there, and a key
// switches it off.
func TestConsolePage(t *testing.T) {
	on := start(t, configure(t, t.TempDir()), server.Options{})
	off := start(t, configure(t, t.TempDir(), "admin.console.enabled=false"), server.Options{})
	const browser = "text/html,application/xhtml+xml,*/*;q=0.8"
	for _, c := range []struct {
		r            *running
		path, accept string
		want         int
	}{
		{on, "/", browser, 200}, {on, "/", "*/*", 404}, {on, "/", "", 404}, {off, "/", browser, 404},
		{on, "/console/console.js", "", 200}, {on, "/console/style.css", "", 200}, {on, "/console/nothing", "", 404},
		{off, "/console/state", "", 404},
	} {
		got, head, body := c.r.ask("GET", c.path, nil, "Accept", c.accept)
		if got != c.want {
			t.Errorf("%s for %q: %d, want %d", c.path, c.accept, got, c.want)
		}
		if got == 200 && !strings.HasPrefix(head.Get("Content-Security-Policy"), "default-src 'none'; ") {
			t.Errorf("%s may load anything: %q", c.path, head.Get("Content-Security-Policy"))
		}
		if got == 200 && c.path == "/" && !strings.Contains(body, "<title>") {
			t.Errorf("no page: %s", body)
		}
	}
}

// TestConsoleReads: the console shows what a client without or with credentials may read.
func TestConsoleReads(t *testing.T) {
	r := start(t, configure(t, t.TempDir()), server.Options{})
	c := r.session("jo:secret")
	r.make(c, "/open", "hello", proto.OpenACL())
	r.make(c, "/closed", "secret", guarded(proto.PermAll))
	r.make(c, "/closed/child", "", guarded(proto.PermAll))
	if got := r.console(200, "GET", "node?path=/open", ""); got["data"] != "aGVsbG8=" || got["noData"] != "" {
		t.Errorf("/open: %v", got)
	}
	hidden := r.console(200, "GET", "node?path=/closed", "")
	if hidden["data"] != nil || hidden["noData"] != "no permission" || hidden["noACL"] != "no permission" {
		t.Errorf("/closed to nobody: %v", hidden)
	}
	if stat := hidden["stat"].(map[string]any); stat["dataLength"] != 6.0 || stat["numChildren"] != 1.0 {
		t.Errorf("/closed to nobody: a state is everybody's: %v", stat)
	}
	shown := r.console(200, "GET", "node?path=/closed", "", "Authorization", jo)
	if acl := fmt.Sprint(shown["acl"]); shown["data"] != "c2VjcmV0" || !strings.Contains(acl, "digest") || strings.Contains(acl, "jo:x") {
		t.Errorf("/closed to its owner: %v", shown)
	}
	if got := r.console(200, "GET", "node?path=/closed", "", "Authorization", other); got["data"] != nil {
		t.Errorf("/closed to somebody else: %v", got)
	}
	r.console(403, "GET", "children?path=/closed", "")
	if got := r.console(200, "GET", "children?path=/closed", "", "Authorization", jo); fmt.Sprint(got["names"]) != "[child]" {
		t.Errorf("children of /closed: %v", got)
	}
	r.console(404, "GET", "node?path=/nothing", "")
	r.console(404, "GET", "children?path=/nothing", "")
	r.console(400, "GET", "node?path=nothing", "")
	r.console(401, "GET", "node?path=/open", "", "Authorization", "nonsense x")
}

// TestConsoleEnforced: where sessions must authenticate, the console shows nobody's nodes.
func TestConsoleEnforced(t *testing.T) {
	r := start(t, configure(t, t.TempDir(), "enforce.auth.enabled=true", "enforce.auth.schemes=digest"), server.Options{})
	if got := r.console(200, "GET", "node?path=/", ""); got["noData"] != "authentication required" {
		t.Errorf("to nobody: %v", got)
	}
	r.console(401, "GET", "children?path=/", "")
	r.console(200, "GET", "children?path=/", "", "Authorization", jo)
	r.console(200, "POST", "create", `{"path":"/a"}`, "Authorization", jo)
}

// TestConsoleChanges: changes want credentials, are those of a client with them, and are
// not taken from other sites.
func TestConsoleChanges(t *testing.T) {
	r := start(t, configure(t, t.TempDir()), server.Options{})
	c := r.session("jo:secret")
	if got := code(r.console(401, "POST", "create", `{"path":"/a"}`)); got != "LoginNeeded" {
		t.Errorf("without credentials: %s", got)
	}
	for _, from := range [][]string{{"Origin", "http://elsewhere.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
		if got := code(r.console(403, "POST", "create", `{"path":"/a"}`, append(from, "Authorization", jo)...)); got != "CrossOrigin" {
			t.Errorf("%v: %s", from, got)
		}
	}
	if _, err := c.Exists(t.Context(), "/a", false); err == nil {
		t.Fatal("a refused create was carried out")
	}
	if got := r.console(200, "POST", "create", `{"path":"/a","data":"aGVsbG8=","own":true}`, "Authorization", jo); got["path"] != "/a" {
		t.Errorf("create: %v", got)
	}
	if data, _, err := c.Get(t.Context(), "/a", false); err != nil || string(data) != "hello" {
		t.Errorf("the node is %q, %v", data, err)
	}
	r.console(409, "POST", "create", `{"path":"/a"}`, "Authorization", jo)
	r.console(403, "POST", "set", `{"path":"/a","data":""}`, "Authorization", other)
	r.console(409, "POST", "set", `{"path":"/a","data":"","version":7}`, "Authorization", jo)
	r.console(200, "POST", "set", `{"path":"/a","data":"","version":0}`, "Authorization", jo)
	if got := r.console(200, "POST", "create", `{"path":"/a/n-","sequential":true,"data":null}`, "Authorization", jo); got["path"] != "/a/n-0000000000" {
		t.Errorf("sequential: %v", got)
	}
	if data, _, err := c.Get(t.Context(), "/a/n-0000000000", false); err != nil || data != nil {
		t.Errorf("null data is %q, %v", data, err)
	}
	r.console(409, "POST", "delete", `{"path":"/a"}`, "Authorization", jo)
	r.console(200, "POST", "delete", `{"path":"/a/n-0000000000"}`, "Authorization", jo)
	r.console(200, "POST", "delete", `{"path":"/a","version":1}`, "Authorization", jo)
	r.console(400, "POST", "create", `{"path":"/b","sequential":true,"container":true}`, "Authorization", jo)
	r.console(400, "POST", "create", `{"path":"b"}`, "Authorization", jo)
	r.console(400, "POST", "create", `no JSON`, "Authorization", jo)
	if n := len(r.sessions()); n != 1 {
		t.Errorf("%d sessions are left, want the test's own", n)
	}
}

// sessions returns the rows of all sessions.
func (r *running) sessions() []any { return r.console(200, "GET", "sessions", "")["rows"].([]any) }

// TestConsoleChildren lists 100,000 children page by page.
func TestConsoleChildren(t *testing.T) {
	const n, page = 100_000, 1000
	r := start(t, configure(t, t.TempDir()), server.Options{})
	r.crowd(r.session(""), "/many", n)
	var all []string
	for after, more := "", true; more; after = all[len(all)-1] {
		got := r.console(200, "GET", fmt.Sprintf("children?path=/many&limit=%d&after=%s", page, after), "")
		names := got["names"].([]any)
		if len(names) != page || got["matched"] != float64(n) {
			t.Fatalf("a page behind %q has %d names of %v, want %d of %d", after, len(names), got["matched"], page, n)
		}
		for _, name := range names {
			all = append(all, name.(string))
		}
		more = got["more"].(bool)
	}
	if len(all) != n || !slices.IsSorted(all) || all[n-1] != "child-099999" {
		t.Errorf("%d names, sorted %v, the last is %s", len(all), slices.IsSorted(all), all[len(all)-1])
	}
	if got := r.console(200, "GET", "children?path=/many&prefix=child-00012", ""); got["matched"] != 10.0 || got["more"] != false {
		t.Errorf("with a prefix: %v", got)
	}
	if _, _, text := r.ask("GET", "/console/children?path=/many", nil); len(text) > 4000 {
		t.Errorf("a page without a limit has %d bytes", len(text))
	}
}

// TestConsoleLists shows sessions, watches and numbers.
func TestConsoleLists(t *testing.T) {
	r := start(t, configure(t, t.TempDir()), server.Options{})
	c := r.session("")
	r.make(c, "/w", "", proto.OpenACL())
	if _, _, err := c.Get(t.Context(), "/w", true); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Create(t.Context(), zk.Node{Path: "/e", ACL: proto.OpenACL(), Flags: proto.FlagEphemeral}); err != nil {
		t.Fatal(err)
	}
	id, _ := c.Session()
	row := r.sessions()[0].(map[string]any)
	if row["session"] != id.String() || row["ephemerals"] != 1.0 || row["remote"] == "" {
		t.Errorf("session: %v", row)
	}
	w := r.console(200, "GET", "watches", "")
	if fmt.Sprint(w["rows"]) != fmt.Sprintf("[map[path:/w sessions:[%v] watchers:1]]", id) {
		t.Errorf("watches: %v", w)
	}
	state := r.console(200, "GET", "state", "")
	numbers := state["server"].(map[string]any)
	if numbers["sessions"] != 1.0 || numbers["watches"] != 1.0 || numbers["writes"].(map[string]any)["count"].(float64) < 2 {
		t.Errorf("numbers: %v", numbers)
	}
	if status, _, _ := r.ask("POST", "/console/state", nil); status != http.StatusMethodNotAllowed {
		t.Errorf("POST of the state: %d", status)
	}
}

// TestConsoleEnsemble shows all members from whichever member. These share a host and their
// lines have no address for clients, so that each knows the role of itself alone.
func TestConsoleEnsemble(t *testing.T) {
	e := newEnsemble(t, 3, 1)
	e.start()
	leader := e.settled()
	for i, m := range e.members {
		state := m.console(200, "GET", "state", "")
		rows := state["members"].([]any)
		if len(rows) != len(e.members) {
			t.Fatalf("member %d shows %d members: %v", i+1, len(rows), rows)
		}
		for k, x := range rows {
			row := x.(map[string]any)
			want := map[bool]string{true: "leader", false: "follower"}[k+1 == leader]
			if k == 3 {
				want = "observer"
			}
			if row["self"] == true && row["mode"] != want || row["self"] == false && row["error"] == "" {
				t.Errorf("member %d shows %v, want %s", i+1, row, want)
			}
		}
	}
}
