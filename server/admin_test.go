package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gokeeper/server"
	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// ask sends a request to the admin server and returns status, head and body.
func (r *running) ask(method, path string, body io.Reader, head ...string) (status int, h http.Header, text string) {
	r.t.Helper()
	q, err := http.NewRequest(method, "http://"+r.AdminAddr().String()+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(head); i += 2 {
		q.Header.Set(head[i], head[i+1])
	}
	c := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	a, err := c.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return a.StatusCode, a.Header, string(b)
}

func (r *running) command(name string) string {
	r.t.Helper()
	_, _, body := r.ask("GET", "/commands/"+name, nil)
	return body
}

// shape reduces an answer to names, their order, and the types of values. Names that are
// data become *, of lists only the first element counts, and lists may be empty.
func shape(t *testing.T, d *json.Decoder) string {
	t.Helper()
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch x := token.(type) {
	case json.Number:
		if strings.Contains(x.String(), ".") {
			return "fraction"
		}
		return "integer"
	case json.Delim:
		return shapeOf(t, d, x)
	case nil:
		return "null"
	}
	return fmt.Sprintf("%T", token)
}

var isData = regexp.MustCompile(`^(-?[0-9]+|/.*)$`)

func shapeOf(t *testing.T, d *json.Decoder, kind json.Delim) string {
	t.Helper()
	var parts []string
	for d.More() {
		name := ""
		if kind == '{' {
			token, _ := d.Token()
			name = fmt.Sprint(token)
			if name == "server_stats" { // Java's order is that of a hash table
				d2 := shape(t, d)
				fields := strings.Split(strings.Trim(d2, "{}"), " ")
				slices.Sort(fields)
				parts = append(parts, name+":{"+strings.Join(fields, " ")+"}")
				continue
			}
			if isData.MatchString(name) {
				name = "*"
			}
			name += ":"
		}
		if part := name + shape(t, d); part != "*:[]" { // as Java has times at which no session expires
			parts = append(parts, part)
		}
	}
	_, _ = d.Token()
	parts = slices.Compact(parts)
	if kind == '[' {
		return "[" + strings.Join(parts, " ") + "]"
	}
	return "{" + strings.Join(parts, " ") + "}"
}

func shapeText(t *testing.T, text string) string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return shape(t, d)
}

// javas calls f with the answers of a Java server in the role: the query behind
// /commands/, the status line and type, and the body.
func javas(t *testing.T, role string, f func(query, head, body string)) {
	t.Helper()
	files, err := filepath.Glob("admin/testdata/http/" + role + "/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, body, _ := strings.Cut(string(b), "\n\n")
		query := strings.TrimSuffix(filepath.Base(file), ".http")
		if name, mask, ok := strings.Cut(query, "_traceMask_"); ok {
			query = name + "?traceMask=" + mask
		}
		f(query, head, body)
	}
}

// monitors are the names of an answer to monitor, without those of namespaces, servers
// and levels of quantiles, and the forms of values.
func monitors(t *testing.T, body string) map[string]string {
	t.Helper()
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		t.Fatal(err)
	}
	labelled := regexp.MustCompile(`_per_namespace$|^(avg|min|max|cnt|sum|p50|p95|p99|p999)_[0-9]+_`)
	out := map[string]string{}
	for name, v := range all {
		if !labelled.MatchString(name) {
			out[name] = shapeText(t, string(v))
		}
	}
	return out
}

// compare wants of a server what Java answers in the same role.
func (r *running) compare(role string) {
	r.t.Helper()
	javas(r.t, role, func(query, head, body string) {
		status, h, got := r.ask("GET", "/commands/"+query, nil)
		if status != http.StatusOK || h.Get("Content-Type") != "application/json" {
			r.t.Errorf("%s: status %d, type %q", query, status, h.Get("Content-Type"))
		}
		switch query {
		case "system_properties": // there is no Java to tell about
			if shapeText(r.t, got) != "{command:string error:null}" {
				return
			}
		case "monitor":
			want, have := monitors(r.t, body), monitors(r.t, got)
			for name, form := range want {
				if have[name] != form {
					r.t.Errorf("%s monitor: %s is %q, want %q", role, name, have[name], form)
				}
				delete(have, name)
			}
			for name := range have {
				r.t.Errorf("%s monitor: Java has no %s", role, name)
			}
			return
		default:
			if got, want := shapeText(r.t, got), shapeText(r.t, body); got != want {
				r.t.Errorf("%s %s:\n got %s\nwant %s", role, query, got, want)
			}
		}
		for _, line := range regexp.MustCompile(`(?m)^  "(command|error|read_only|tracemask|is_leader|num_\w+|voting|zabstate|digest_version)" : .*$`).FindAllString(body, -1) {
			if !strings.Contains(got, line) {
				r.t.Errorf("%s %s: no line %s in\n%s", role, query, line, got)
			}
		}
	})
}

// busy gives a server a client like the one that the recorded servers had.
func (r *running) busy(n int) {
	c := r.mustConnect(nil)
	c.create(fmt.Sprintf("/app/members/m-%d", n), "", proto.FlagEphemeral)
	c.do(proto.OpGetData, pathRecord("/app/data", true))
	c.reply(c.send(proto.OpExists, pathRecord("/app/nothere", true)))
	c.do(proto.OpGetChildren, pathRecord("/app", true))
	for range 16 { // one in so many is looked at for traffic
		c.get("/app/data")
	}
}

func (c *client) prepare() {
	for _, path := range []string{"/app", "/app/data", "/app/members"} {
		c.create(path, "", proto.FlagPersistent)
	}
	for range 130 {
		c.do(proto.OpSetData, append(pathRecord("/app", false)[:8], 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff))
	}
	c.do(proto.OpCloseSession, nil)
}

// TestAdminStandalone compares every command with Java's answers.
func TestAdminStandalone(t *testing.T) {
	cfg := configure(t, t.TempDir())
	cfg.File = filepath.Join(t.TempDir(), "zoo.cfg")
	if err := os.WriteFile(cfg.File, []byte("tickTime=2000\nclientPort=2181\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, cfg, server.Options{Version: "3.9.6-0, built on 2026-01-02 03:04 UTC"})
	r.mustConnect(nil).prepare()
	r.busy(0)
	r.compare("standalone")
	if got, want := r.command("initial_configuration"), `"tickTime=2000\nclientPort=2181\n"`; !strings.Contains(got, want) {
		t.Errorf("initial configuration %s, want %s", got, want)
	}
}

// TestAdminEnsemble compares leader, follower and observer.
func TestAdminEnsemble(t *testing.T) {
	e := newEnsemble(t, 3, 1)
	e.start()
	leader := e.settled()
	e.connect(leader, nil).prepare()
	for i, r := range e.members {
		r.busy(i)
	}
	for i, r := range e.members {
		c := r.mustConnect(nil)
		c.do(proto.OpSync, jute.AppendString(nil, "/"))
		c.do(proto.OpCloseSession, nil)
		role := e.mode(i + 1)
		for limit := time.Now().Add(patience); time.Now().Before(limit); runtime.Gosched() { // until the word's connection is gone
			if list := r.command("connections"); strings.Count(list, "remote_socket_address") == strings.Count(list, "session_id") {
				break
			}
		}
		r.compare(role)
		if got, want := r.command("leader"), fmt.Sprintf(`"leader_id" : %d,`, leader); !strings.Contains(got, want) {
			t.Errorf("%s: %s in %s", role, want, got)
		}
	}
}

// TestAdminNotServing has a server without its quorum asked.
func TestAdminNotServing(t *testing.T) {
	e := newEnsemble(t, 3, 0)
	e.start(1)
	r := e.members[0]
	javas(t, "not_serving", func(query, head, body string) {
		_, _, got := r.ask("GET", "/commands/"+query, nil)
		switch {
		case query == "monitor": // where Java's servlet fails
			if want := strings.Replace(r.command("dirs"), "dirs", "monitor", 1); got != want {
				t.Errorf("monitor: got %s, want %s", got, want)
			}
		case query == "environment":
			if got, want := shapeText(t, got), shapeText(t, body); got != want {
				t.Errorf("environment: got %s, want %s", got, want)
			}
		case got != body:
			t.Errorf("%s: got %s, want %s", query, got, body)
		}
	})
}

// TestAdminHTTP is about everything but commands.
func TestAdminHTTP(t *testing.T) {
	r := start(t, configure(t, t.TempDir()), server.Options{Version: "3.9.6-abc, built on x"})
	f := func(method, path string, status int, head, body string) {
		t.Helper()
		got, h, text := r.ask(method, path, nil)
		name, value, _ := strings.Cut(head, ": ")
		if got != status || head != "" && h.Get(name) != value || body != "*" && text != body {
			t.Errorf("%s %s: %d %v %q", method, path, got, h, text)
		}
	}
	list, err := os.ReadFile("admin/testdata/http/get__commands.http")
	if err != nil {
		t.Fatal(err)
	}
	_, links, _ := strings.Cut(string(list), "\n\n")
	f("GET", "/commands", 200, "Content-Type: ", links)
	f("GET", "/commands/", 200, "Content-Type: ", links)
	f("GET", "/", 404, "", "*")
	f("GET", "/command", 404, "", "*")
	f("HEAD", "/commands/ruok", 200, "Content-Length: 42", "")
	f("GET", "/commands/RUOK", 200, "", "{\n  \"command\" : \"RUOK\",\n  \"error\" : \"Unknown command: RUOK\"\n}")
	f("GET", "/commands/ruok/", 200, "", "{\n  \"command\" : \"ruok/\",\n  \"error\" : \"Unknown command: ruok/\"\n}")
	f("POST", "/commands/ruok", 405, "Allow: GET, HEAD", "*")
	f("PUT", "/commands/ruok", 405, "", "*")
	f("DELETE", "/commands/ruok", 405, "", "*")
	f("TRACE", "/commands/ruok", 403, "", "*")
	f("OPTIONS", "/commands/ruok", 200, "Allow: GET, HEAD, POST, TRACE, OPTIONS", "")
	f("GET", "/livez", 200, "", "ok\n")
	f("GET", "/readyz", 200, "", "ok\n")
	f("GET", "/version", 200, "", "{\n  \"version\" : \"3.9.6\",\n  \"build\" : \"3.9.6-abc, built on x\"\n}")
	for alias, name := range map[string]string{"srvr": "server_stats", "conf": "configuration", "config": "configuration", "env": "environment",
		"mntr": "monitor", "lsnp": "last_snapshot", "icfg": "initial_configuration", "orst": "observer_connection_stat_reset"} {
		if got, want := r.command(alias), fmt.Sprintf(`"command" : %q`, name); !strings.Contains(got, want) {
			t.Errorf("%s: no %s in %s", alias, want, got)
		}
	}
}

// TestAdminPortTaken wants a standalone server refused, and a member of an ensemble not.
func TestAdminPortTaken(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := fmt.Sprintf("admin.serverPort=%d", ln.Addr().(*net.TCPAddr).Port)
	if s, err := server.New(configure(t, t.TempDir(), taken), server.Options{Listen: "127.0.0.1:0"}); err == nil || !strings.Contains(err.Error(), server.ErrAdminServer.Error()) {
		t.Errorf("standalone: %v, %v", s, err)
	}
	e := newEnsemble(t, 1, 0, taken, "standaloneEnabled=false")
	e.start()
	e.settled()
	if a := e.members[0].AdminAddr(); a != nil {
		t.Errorf("a member has an admin server at %v", a)
	}
}

// TestPortsTakenUnasked has a server without a configuration file find the ports of the
// admin server and of metrics taken: it serves its clients all the same.
func TestPortsTakenUnasked(t *testing.T) {
	ln, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	port := fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
	cfg := configure(t, t.TempDir(), "admin.serverPort="+port, prometheus, "metricsProvider.httpPort="+port)
	cfg.File = ""
	r := start(t, cfg, server.Options{})
	r.mustConnect(nil).do(proto.OpGetData, pathRecord("/", false))
	if r.AdminAddr() != nil || r.MetricsAddr() != nil {
		t.Errorf("served on %v and %v", r.AdminAddr(), r.MetricsAddr())
	}
}

// TestReady wants a server without its quorum to say who is missing, and to be alive.
func TestReady(t *testing.T) {
	e := newEnsemble(t, 3, 0)
	e.start(1)
	status, _, body := e.members[0].ask("GET", "/readyz", nil)
	if status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
	for _, want := range []string{"not ready\n", "no leader is elected\n", "server 2 is not connected (127.0.0.1:", "server 3 is not connected (127.0.0.1:"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in %q", want, body)
		}
	}
	if status, _, _ := e.members[0].ask("GET", "/livez", nil); status != http.StatusOK {
		t.Errorf("not alive: %d", status)
	}
	e.start(2, 3)
	e.settled()
	for i := range 3 {
		if status, _, body := e.members[i].ask("GET", "/readyz", nil); status != http.StatusOK {
			t.Errorf("server %d: %d %q", i+1, status, body)
		}
	}
}

const anyone = "digest a:b"

// TestSnapshotCommand sends a snapshot and takes it back, and compares all refusals with
// Java's.
func TestSnapshotCommand(t *testing.T) {
	java := map[string]string{}
	javas(t, "snapshot_restore", func(name, head, body string) { java[name] = strings.Fields(head)[1] + " " + body })
	r := start(t, configure(t, t.TempDir(), "admin.rateLimiterIntervalInMS=0"), server.Options{})
	check := func(name, method, path string, body io.Reader, head ...string) http.Header {
		t.Helper()
		status, h, text := r.ask(method, "/commands/"+path, body, head...)
		number := regexp.MustCompile(`"last_zxid" : [0-9]+`)
		got := number.ReplaceAllString(fmt.Sprintf("%d %s", status, text), `"last_zxid" : N`)
		if want := number.ReplaceAllString(java[name], `"last_zxid" : N`); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		return h
	}
	c := r.mustConnect(nil)
	c.create("/kept", "as it was", proto.FlagPersistent)
	check("snapshot_no_auth", "GET", "snapshot", nil)
	check("restore_no_auth", "POST", "restore", nil)
	check("snapshot_unknown_scheme", "GET", "snap", nil, "Authorization", "basic YTpi")
	check("snapshot_unknown_scheme", "GET", "snap", nil, "Authorization", "digest a b")
	check("snapshot_unknown_scheme", "GET", "snap", nil, "Authorization", "digest")
	check("snapshot_streaming_false", "GET", "snapshot?streaming=nosuch", nil, "Authorization", "digest nocolon")
	h := check("snapshot_streaming_false", "GET", "snapshot?streaming=false", nil, "Authorization", anyone)
	if got := h.Get("last_zxid"); got != "0x2" {
		t.Errorf("last_zxid: %s", got)
	}
	status, h, file := r.ask("GET", "/commands/snapshot", nil, "Authorization", "ip")
	if status != 200 || h.Get("Content-Type") != "application/octet-stream" || h.Get("snapshot_size") != fmt.Sprint(len(file)) {
		t.Fatalf("%d %v, %d bytes", status, h, len(file))
	}
	c.create("/kept/not", "", proto.FlagPersistent)
	check("restore_garbage", "POST", "restore", strings.NewReader("this is no snapshot"), "Authorization", anyone)
	check("restore_garbage", "POST", "restore", strings.NewReader(file[:len(file)/2]), "Authorization", anyone)
	check("restore_garbage", "POST", "restore", strings.NewReader(file[:100]+"x"+file[101:]), "Authorization", anyone)
	c.holds("/kept/not", "") // the client is still there as well
	check("restore_ok", "POST", "rest", strings.NewReader(file), "Authorization", anyone)
	c = r.mustConnect(c) // its session is in the snapshot
	c.holds("/kept", "as it was")
	if _, code := c.get("/kept/not"); code != proto.NoNode {
		t.Errorf("restored, and still there: %v", code)
	}
	c.create("/kept/new", "", proto.FlagPersistent)
	if status, _, _ := r.ask("GET", "/commands/restore", nil, "Authorization", anyone); status != http.StatusMethodNotAllowed {
		t.Errorf("GET restore: %d", status)
	}
}

// TestRestoreLasts restores, and starts again.
func TestRestoreLasts(t *testing.T) {
	dir := t.TempDir()
	r := start(t, configure(t, dir), server.Options{})
	c := r.mustConnect(nil)
	c.create("/a", "1", proto.FlagPersistent)
	_, _, file := r.ask("GET", "/commands/snapshot", nil, "Authorization", anyone)
	c.create("/b", "2", proto.FlagPersistent)
	if status, _, text := r.ask("POST", "/commands/restore", strings.NewReader(file), "Authorization", anyone); status != 200 {
		t.Fatalf("restore: %d %s", status, text)
	}
	c = r.mustConnect(nil)
	c.create("/c", "3", proto.FlagPersistent)
	r.halt()
	r = start(t, configure(t, dir), server.Options{})
	c = r.mustConnect(nil)
	c.holds("/a", "1")
	c.holds("/c", "3")
	if _, code := c.get("/b"); code != proto.NoNode {
		t.Errorf("/b: %v", code)
	}
	other := start(t, configure(t, t.TempDir()), server.Options{}) // a fresh one
	if status, _, text := other.ask("POST", "/commands/restore", bytes.NewReader([]byte(file)), "Authorization", anyone); status != 200 {
		t.Fatalf("restore elsewhere: %d %s", status, text)
	}
	other.mustConnect(nil).holds("/a", "1")
}

// TestRestoreEnsemble gives every member the same snapshot.
func TestRestoreEnsemble(t *testing.T) {
	e := newEnsemble(t, 3, 0)
	e.start()
	c := e.connect(e.settled(), nil)
	c.create("/a", "1", proto.FlagPersistent)
	e.sees("/a", "1")
	_, _, file := e.members[0].ask("GET", "/commands/snapshot", nil, "Authorization", anyone)
	c.create("/b", "2", proto.FlagPersistent)
	e.sees("/b", "2")
	for _, r := range e.members {
		if status, _, text := r.ask("POST", "/commands/restore", strings.NewReader(file), "Authorization", anyone); status != 200 {
			t.Fatalf("restore: %d %s", status, text)
		}
	}
	e.connect(1, nil).create("/c", "3", proto.FlagPersistent)
	e.sees("/a", "1")
	e.sees("/c", "3")
	for i := range e.members {
		if _, code := e.connect(i+1, nil).get("/b"); code != proto.NoNode {
			t.Errorf("server %d has /b: %v", i+1, code)
		}
	}
	for i := range e.members {
		e.halt(i + 1)
	}
	e.start()
	e.settled()
	e.sees("/c", "3")
}

// TestBackupRefused is about what is off, limited, or not permitted.
func TestBackupRefused(t *testing.T) {
	r := start(t, configure(t, t.TempDir(), "admin.rateLimiterIntervalInMS=3600000000"), server.Options{})
	off := start(t, configure(t, t.TempDir(), "admin.snapshot.enabled=false", "admin.restore.enabled=false"), server.Options{})
	check := func(r *running, method, name string, want int) {
		t.Helper()
		if got, _, text := r.ask(method, "/commands/"+name, strings.NewReader(""), "Authorization", anyone); got != want {
			t.Errorf("%s: %d %s, want %d", name, got, text, want)
		}
	}
	check(off, "GET", "snapshot", 503)
	check(off, "POST", "restore", 503)
	check(r, "GET", "snapshot", 200)
	check(r, "GET", "snapshot", 429)
	check(r, "POST", "restore", 500)
	check(r, "POST", "restore", 429)
	got, _ := r.monitored()
	for name, want := range map[string]string{"zk_snapshot_rate_limited_count": "1", "zk_restore_rate_limited_count": "1", "zk_restore_error_count": "1"} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
	c := r.mustConnect(nil)
	c.do(proto.OpSetACL, aclRecord("/", "digest", "only:me"))
	check(r, "GET", "snapshot", 403)
}

// aclRecord is the record of a setACL for one identity.
func aclRecord(path, scheme, id string) []byte {
	b := jute.AppendInt(jute.AppendString(nil, path), 1)
	b = jute.AppendInt(b, int32(proto.PermAll))
	b = jute.AppendString(jute.AppendString(b, scheme), id)
	return jute.AppendInt(b, -1)
}
