package server_test

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"gokeeper/server"
	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// javaAudit returns the records of Java's audit log, sessions and server's user made equal.
func javaAudit(t *testing.T) (lines []string) {
	t.Helper()
	b, err := os.ReadFile("audit/testdata/zookeeper_audit.log")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		_, record, _ := strings.Cut(line, "Slf4jAuditLogger: ")
		level := strings.Fields(line)[2]
		lines = append(lines, plain(strings.ToLower(level)+" "+strings.TrimSpace(strings.ReplaceAll(record, "\t", " ")), "root"))
	}
	return lines
}

var sessions = regexp.MustCompile(`session=0x[0-9a-f]+`)

func plain(line, user string) string {
	line = sessions.ReplaceAllString(line, "session=S")
	return strings.Replace(line, "user="+user+" ", "user=SERVER ", 1)
}

// ourAudit returns the records of our audit log in the same form.
func ourAudit(t *testing.T, text []byte) (lines []string) {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var r map[string]string
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out := r["level"]
		for _, key := range strings.Fields("session user ip operation znode znode_type acl result") {
			if r[key] != "" {
				out += " " + key + "=" + r[key]
			}
			delete(r, key)
		}
		if len(r) != 3 || r["message"] != "audit" || r["time"] == "" {
			t.Errorf("line %s", line)
		}
		lines = append(lines, plain(out, u.Username))
	}
	return lines
}

// multi sends a multi and returns its code.
func (c *client) multi(ops ...proto.MultiOp) proto.Error {
	var b []byte
	for i := range ops {
		b = ops[i].Append(b)
	}
	_, code := c.reply(c.send(proto.OpMulti, proto.AppendMultiEnd(b)))
	return code
}

// try sends a request that may fail.
func (c *client) try(op proto.Op, record []byte) { c.reply(c.send(op, record)) }

func dataRecord(path, data string, version int32) []byte {
	r := proto.SetDataRequest{Path: []byte(path), Data: []byte(data), Version: version}
	return r.Append(nil)
}

// TestAudit does what was done to the recorded Java server, and wants the same records.
func TestAudit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.log")
	cfg := configure(t, t.TempDir(), "audit.enable=true", "auditlog.file="+file, "extendedTypesEnabled=true",
		"DigestAuthenticationProvider.superDigest=super:UdxDQl4f9v5oITwcAsO9bmWgHSI=")
	r := start(t, cfg, server.Options{})
	c := r.mustConnect(nil)
	c.create("/a", "", proto.FlagPersistent)
	c.try(proto.OpCreate, createRecord("/a", "", proto.FlagPersistent))
	c.create("/e", "", proto.FlagEphemeral)
	c.create("/s-", "", proto.FlagSequential)
	c.create("/es-", "", proto.FlagEphemeralSequential)
	c.try(proto.OpSetData, dataRecord("/a", "1", -1))
	c.try(proto.OpSetData, dataRecord("/a", "1", 99))
	acl := proto.SetACLRequest{Path: []byte("/a"), Version: -1, ACL: []proto.ACL{{Perms: proto.PermRead | proto.PermAdmin, Identity: proto.Identity{Scheme: "world", ID: "anyone"}}}}
	c.do(proto.OpSetACL, acl.Append(nil))
	c.try(proto.OpSetData, dataRecord("/a", "2", -1))
	c.try(proto.OpDelete, deleteRecord("/nope"))
	c.auth("bob:x")
	c.create("/b", "", proto.FlagPersistent)
	c.do(proto.OpDelete, deleteRecord("/b"))
	m1 := proto.MultiOp{Op: proto.OpCreate, Create: proto.CreateRequest{Path: []byte("/m1"), ACL: proto.OpenACL()}}
	data := proto.MultiOp{Op: proto.OpSetData, Data: proto.SetDataRequest{Path: []byte("/m1"), Version: -1}}
	gone := proto.MultiOp{Op: proto.OpDelete, Path: proto.PathVersion{Path: []byte("/m1"), Version: -1}}
	if code := c.multi(m1, data, gone); code != proto.OK {
		t.Errorf("multi: %v", code)
	}
	c.multi(m1, m1)
	c.do(proto.OpCloseSession, nil)
	c = r.mustConnect(nil)
	c.do(proto.OpCreateContainer, createRecord("/cont", "", proto.FlagContainer))
	ttl := proto.CreateRequest{Path: []byte("/ttl"), ACL: proto.OpenACL(), Flags: proto.FlagPersistentTTL, TTL: 1000000}
	c.do(proto.OpCreateTTL, ttl.Append(nil, proto.OpCreateTTL))
	c.auth("super:test")
	c.create("/sup", "", proto.FlagPersistent)
	c.try(proto.OpReconfig, (&proto.ReconfigRequest{Version: -1}).Append(nil))
	r.halt()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, err := server.New(cfg, server.Options{Listen: ln.Addr().String()}); err == nil {
		t.Error("a port that is taken was opened")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, want := ourAudit(t, text), javaAudit(t)
	for _, lines := range [][]string{got, want} { // the ephemerals of a session end in no order
		if i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "ephemeralZNode") }); i >= 0 {
			slices.Sort(lines[i : i+2])
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// xidAuth is the xid of packets that authenticate.
const xidAuth = -4

// auth adds a digest identity.
func (c *client) auth(credentials string) {
	c.t.Helper()
	b := jute.AppendInt(jute.AppendInt(nil, xidAuth), int32(proto.OpAuth))
	b = jute.AppendInt(b, 0)
	b = jute.AppendBuffer(jute.AppendString(b, "digest"), []byte(credentials))
	c.write(b)
	if _, code := c.reply(xidAuth); code != proto.OK {
		c.t.Errorf("authenticate: %v", code)
	}
}

// TestAuditToLog wants records in the log without a file of their own, and none when
// nobody wants any; in an ensemble each from the server that the client is on.
func TestAuditToLog(t *testing.T) {
	var logs [3]bytes.Buffer
	e := newEnsemble(t, 3, 0, "audit.enable=true")
	for i := range e.members {
		e.members[i] = start(t, e.configs[i], server.Options{Log: zerolog.New(zerolog.SyncWriter(&logs[i]))})
	}
	e.settled()
	for i, r := range e.members {
		c := r.mustConnect(nil)
		c.create("/here"+string(rune('a'+i)), "", proto.FlagEphemeral)
		c.do(proto.OpCloseSession, nil)
	}
	e.sees("/", "")
	for i := range e.members {
		e.members[i].halt()
	}
	for i := range logs {
		text := logs[i].String()
		if n := strings.Count(text, `"operation":"create"`); n != 1 || !strings.Contains(text, `"znode":"/here`+string(rune('a'+i))+`"`) {
			t.Errorf("server %d has %d creates in its log", i+1, n)
		}
		if n := strings.Count(text, "ephemeralZNodeDeletionOnSessionCloseOrExpire"); n != 3 {
			t.Errorf("server %d has %d ephemerals in its log, want 3", i+1, n)
		}
	}
	var quiet bytes.Buffer
	r := start(t, configure(t, t.TempDir()), server.Options{Log: zerolog.New(zerolog.SyncWriter(&quiet))})
	r.mustConnect(nil).create("/a", "", proto.FlagPersistent)
	r.halt()
	if strings.Contains(quiet.String(), `"operation"`) || !strings.Contains(quiet.String(), "ZooKeeper audit is disabled.") {
		t.Errorf("log %s", quiet.String())
	}
}
