package integration

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestInterchange lets this server and Java write one data directory in turns. Each must find what the other left: the
// same tree with the same stats, the same sessions, the same digests.
func TestInterchange(t *testing.T) {
	for _, version := range strings.Fields(cmp.Or(os.Getenv("GOKEEPER_PEERS"), "396")) {
		t.Run("java"+version+"/log", func(t *testing.T) {
			// the whole history is replayed each time: only the empty first snapshot is left
			interchange(t, version, func(s *server) {
				s.kill(t)
				for _, f := range s.files(t, "snapshot.") {
					if filepath.Base(f) != "snapshot.0" {
						if err := os.Remove(f); err != nil {
							t.Fatal(err)
						}
					}
				}
			})
		})
		t.Run("java"+version+"/snapshots", func(t *testing.T) {
			interchange(t, version, func(s *server) {
				s.stop(t)
				if n := len(s.files(t, "snapshot.")); n < 3 {
					t.Errorf("%s left %d snapshots: this proves nothing", s.name, n)
				}
			}, "snapCount=50")
		})
	}
}

// interchange runs four turns; end ends the process of a turn.
func interchange(t *testing.T, version string, end func(*server), keys ...string) {
	s := newServer(t, subject(t), keys...)
	targets := []target{s.target, java(t, version)}
	var before map[string]node
	var digests map[string]string
	var sessions []*client
	for turn := range 4 {
		s.target = targets[turn%2]
		s.start(t)
		after := dump(t, s)
		if turn > 0 {
			compareTrees(t, fmt.Sprintf("turn %d: %s reads what %s wrote", turn, s.name, targets[(turn+1)%2].name), before, after)
		}
		compareDigests(t, s, digests)
		sessions = takeOver(t, s, sessions)
		sessions = append(sessions, populate(t, s, fmt.Sprintf("/turn%d", turn), version != "380"))
		malformed(t, sessions[len(sessions)-1], fmt.Sprintf("/turn%d", turn))
		if n := s.metric("zk_digest_mismatches_count"); n != 0 {
			t.Errorf("turn %d: %s reports %v digest mismatches", turn, s.name, n)
		}
		before, digests = dump(t, s), digestLog(s)
		end(s)
		if t.Failed() {
			return
		}
	}
}

// takeOver resumes the sessions of earlier turns, and closes the oldest one, with its ephemerals, when there are two.
func takeOver(t *testing.T, s *server, sessions []*client) []*client {
	t.Helper()
	var resumed []*client
	for _, c := range sessions {
		resumed = append(resumed, s.connect(t, c.resume()))
	}
	if len(resumed) < 2 {
		return resumed
	}
	own := resumed[0].ok(t, opGetEphemerals, out(nil).str("/")).strs()
	if len(own) == 0 {
		t.Error("the resumed session has no ephemerals")
	}
	resumed[0].ok(t, opCloseSession, nil)
	for _, path := range own {
		resumed[1].fails(t, errNoNode, opExists, watched(path, false))
	}
	return resumed[1:]
}

var (
	aliceOnly = []acl{{31, "digest", digestID("alice", "wonder")}}
	auth      = []acl{{31, "auth", ""}}
	mixed     = []acl{{1, "ip", "127.0.0.0/8"}, {16, "world", "anyone"}, {31, "digest", digestID("bob", "builder")}}
)

func digestID(user, password string) string {
	sum := sha1.Sum([]byte(user + ":" + password))
	return user + ":" + base64.StdEncoding.EncodeToString(sum[:])
}

// login adds a digest identity to a connection.
func login(t testing.TB, c *client, user, password string) {
	t.Helper()
	c.ok(t, opAuth, out(nil).i32(0).str("digest").buf([]byte(user+":"+password)))
}

// populate writes everything that a client can write below a new node, and returns the session that owns the ephemerals.
// Java 3.8.0 loses a create2 inside a multi, and what follows it, when it replays its log: create2 says whether to write one.
func populate(t *testing.T, s *server, base string, create2 bool) *client {
	t.Helper()
	c := s.connect(t, opening{timeout: 40000})
	login(t, c, "writer", "secret")
	mk := func(path string, data []byte, list []acl, flags int32) string {
		t.Helper()
		return c.ok(t, opCreate, create(base+path, data, list, flags)).str()
	}
	mk("", []byte(base), open, persistent)
	mk("/null", nil, open, persistent)
	mk("/empty", []byte{}, open, persistent)
	mk("/binary", []byte{0, 255, 10, 13, 128}, open, persistent)
	mk("/large", bytes.Repeat([]byte("large "), 50000), open, persistent)
	mk("/ünïcödé", []byte("ключ"), open, persistent)
	mk("/ünïcödé/節点 x", nil, open, persistent)
	mk("/a", nil, open, persistent)
	for path := "/a"; len(path) < 200; {
		path += "/deeper"
		mk(path, []byte(path), open, persistent)
	}
	populateSequential(t, c, base)
	mk("/acl-digest", []byte("secret"), aliceOnly, persistent)
	mk("/acl-auth", []byte("mine"), auth, persistent)
	mk("/acl-mixed", []byte("mixed"), mixed, persistent)
	c.ok(t, opSetACL, out(nil).str(base+"/acl-mixed").acl(append(slices.Clone(mixed), aliceOnly...)).i32(0))
	mk("/acl-none", nil, []acl{{0, "world", "anyone"}}, persistent)
	populateTypes(t, c, base)
	populateMulti(t, c, base, create2)
	populateFailures(t, c, base)
	populateQuota(t, c, base)
	brief := s.connect(t, opening{})
	brief.ok(t, opCreate, create(base+"/a/brief", nil, open, ephemeral))
	brief.ok(t, opCreate, create(base+"/a/brief-", nil, open, ephemeralSequential))
	brief.ok(t, opCloseSession, nil)
	for n := range 140 { // past a zxid of which the digest is kept
		c.ok(t, opSetData, setData(base+"/empty", fmt.Append(nil, n), int32(n)))
	}
	return c
}

func populateSequential(t *testing.T, c *client, base string) {
	t.Helper()
	c.ok(t, opCreate, create(base+"/seq", nil, open, persistent))
	for n := range 5 {
		path := c.ok(t, opCreate2, create(base+"/seq/s-", nil, open, persistentSequential)).str()
		if want := fmt.Sprintf("%s/seq/s-%010d", base, n); path != want {
			t.Errorf("sequential node %s, want %s", path, want)
		}
	}
	c.ok(t, opDelete, at(base+"/seq/s-0000000002", -1))
	c.ok(t, opCreate, create(base+"/seq/s-", nil, open, persistentSequential))
}

func populateTypes(t *testing.T, c *client, base string) {
	t.Helper()
	c.ok(t, opCreate, create(base+"/ephemeral", []byte("e"), open, ephemeral))
	c.ok(t, opCreate, create(base+"/seq/e-", nil, auth, ephemeralSequential))
	c.ok(t, opCreateContainer, create(base+"/container", nil, open, container))
	c.ok(t, opCreate, create(base+"/container/child", nil, open, persistent))
	c.ok(t, opCreateContainer, create(base+"/container-unused", nil, open, container))
	c.ok(t, opCreateTTL, createTTL(base+"/ttl", []byte("t"), open, withTTL, 1<<40-1))
	c.ok(t, opCreateTTL, createTTL(base+"/seq/ttl-", nil, open, sequentialWithTTL, 3600000))
	c.ok(t, opCreateTTL, createTTL(base+"/ttl/child", nil, open, withTTL, 7200000))
	c.ok(t, opSetData, setData(base+"/ttl", nil, 0))
}

func populateMulti(t *testing.T, c *client, base string, create2 bool) {
	t.Helper()
	opX := int32(opCreate)
	if create2 {
		opX = opCreate2
	}
	c.ok(t, opMulti, multi(
		part{opCreate, create(base+"/m", nil, open, persistent)},
		part{opX, create(base+"/m/x", []byte("x"), auth, persistent)},
		part{opCreate, create(base+"/m/s-", nil, open, persistentSequential)},
		part{opCreate, create(base+"/m/e-", nil, open, ephemeralSequential)},
		part{opCreateContainer, create(base+"/m/c", nil, open, container)},
		part{opCreateTTL, createTTL(base+"/m/t", nil, open, withTTL, 3600000)},
		part{opSetData, setData(base+"/m/x", []byte("y"), 0)},
		part{opCheck, at(base+"/m/x", 1)},
		part{opCreate, create(base+"/m/d", nil, open, persistent)},
		part{opDelete, at(base+"/m/d", 0)},
	))
	i := c.ok(t, opMulti, multi(
		part{opCreate, create(base+"/never", nil, open, persistent)},
		part{opCheck, at(base+"/m/x", 17)},
		part{opDelete, at(base+"/m", -1)},
	))
	i.take(9)
	if first, _, second := i.i32(), i.take(9), i.i32(); first != 0 || second != errBadVersion {
		t.Errorf("failed multi: codes %d, %d", first, second)
	}
}

// populateFailures makes writes that fail: they take a zxid and leave an entry in the log.
func populateFailures(t *testing.T, c *client, base string) {
	t.Helper()
	c.fails(t, errNodeExists, opCreate, create(base, nil, open, persistent))
	c.fails(t, errNoNode, opCreate, create(base+"/no/where", nil, open, persistent))
	c.fails(t, errNotEmpty, opDelete, at(base, -1))
	c.fails(t, errBadVersion, opSetData, setData(base, nil, 5))
	c.fails(t, errInvalidACL, opCreate, create(base+"/x", nil, []acl{}, persistent))
	c.fails(t, errNoAuth, opSetData, setData(base+"/acl-digest", nil, -1))
	c.fails(t, errArguments, opCreate, create(base+"/..", nil, open, persistent))
	c.ok(t, opSetData, setData(base+"/null", nil, -1))
}

// malformed sends a write that cannot be read. Java logs it with a zxid that is taken already; a Java leader proposes it so,
// and commits nothing from then on.
func malformed(t *testing.T, c *client, base string) {
	t.Helper()
	c.fails(t, errMarshalling, opCreate, out(nil).str(base+"/short"))
	c.ok(t, opSetData, setData(base+"/null", nil, -1))
}

func populateQuota(t *testing.T, c *client, base string) {
	t.Helper()
	q := "/zookeeper/quota" + base
	c.ok(t, opCreate, create(q, nil, open, persistent))
	c.ok(t, opCreate, create(q+"/zookeeper_limits", []byte("count=1000,bytes=10000000"), open, persistent))
	c.ok(t, opCreate, create(q+"/zookeeper_stats", []byte("count=0,bytes=0"), open, persistent))
	c.ok(t, opCreate, create(base+"/counted", []byte("0123456789"), open, persistent))
	c.ok(t, opSetData, setData(base+"/counted", []byte("012"), 0))
}

// A node is all that a client can see of a znode.
type node struct {
	Data            []byte
	DataErr, ACLErr int32
	Stat            stat
	ACL             []acl
	Children        []string
}

// dump reads the whole tree.
func dump(t testing.TB, s *server) map[string]node {
	t.Helper()
	return dumpAs(t, s, reader)
}

// dumpAs reads the whole tree through sessions that open makes.
func dumpAs(t testing.TB, s *server, open func(testing.TB, *server) *client) map[string]node {
	t.Helper()
	c := open(t, s)
	defer func() { c.Close() }()
	tree := map[string]node{}
	for queue := []string{"/"}; len(queue) > 0; {
		path := queue[0]
		queue = queue[1:]
		n, err := see(c, path)
		if err != nil && s.name == "java380" {
			// seen now and then, also where all servers are of this version: a read that is never answered
			t.Logf("%s: %v; once more", s.name, err)
			c.Close()
			c = open(t, s)
			n, err = see(c, path)
		}
		if err != nil {
			t.Fatalf("%s: %s: %v", s.name, path, err)
		}
		tree[path] = n
		for _, child := range n.Children {
			queue = append(queue, strings.TrimSuffix(path, "/")+"/"+child)
		}
	}
	c.ok(t, opCloseSession, nil)
	return tree
}

// reader opens a session that may read what populate writes.
func reader(t testing.TB, s *server) *client {
	t.Helper()
	c := s.connect(t, opening{})
	login(t, c, "writer", "secret")
	login(t, c, "alice", "wonder")
	return c
}

// see reads one node; what is forbidden is noted as an error code, and the stat is getACL's then.
func see(c *client, path string) (node, error) {
	var n node
	r, err := c.call(opGetACL, out(nil).str(path))
	if err != nil {
		return n, err
	}
	if n.ACLErr = r.err; r.err == 0 {
		i := r.in()
		n.ACL, n.Stat = i.acls(), i.stat()
	}
	if r, err = c.call(opGetData, watched(path, false)); err != nil {
		return n, err
	}
	if n.DataErr = r.err; r.err == 0 {
		i := r.in()
		n.Data, n.Stat = i.buf(), i.stat()
	}
	if r, err = c.call(opGetChildren, watched(path, false)); err != nil {
		return n, err
	}
	if r.err == 0 {
		n.Children = r.in().strs()
		slices.Sort(n.Children)
	}
	return n, nil
}

// compareTrees is compareNodes for a tree that was populated.
func compareTrees(t testing.TB, what string, want, got map[string]node) {
	t.Helper()
	if len(want) < 50 {
		t.Errorf("%s: a tree of %d nodes proves nothing", what, len(want))
	}
	compareNodes(t, what, want, got)
}

func compareNodes(t testing.TB, what string, want, got map[string]node) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if g, there := got[path]; !there {
			t.Errorf("%s: %s is missing", what, path)
		} else if !reflect.DeepEqual(want[path], g) {
			t.Errorf("%s: %s\ngot  %s\nwant %s", what, path, g, want[path])
		}
	}
	for path := range got {
		if _, there := want[path]; !there {
			t.Errorf("%s: %s was not there", what, path)
		}
	}
}

func (n node) String() string {
	data := fmt.Sprintf("%q", n.Data[:min(len(n.Data), 100)])
	if n.Data == nil {
		data = "null"
	}
	return fmt.Sprintf("data %s (error %d) acl %v (error %d) children %q stat %+v", data, n.DataErr, n.ACL, n.ACLErr, n.Children, n.Stat)
}

// digestLog returns the lines of the four-letter word hash: zxid to digest.
func digestLog(s *server) map[string]string {
	log := map[string]string{}
	for line := range strings.Lines(s.word("hash")) {
		if zxid, digest, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			log[zxid] = digest
		}
	}
	return log
}

// compareDigests compares what the servers say about the same zxids; a server that loaded a snapshot may know none.
func compareDigests(t *testing.T, s *server, want map[string]string) {
	t.Helper()
	got := digestLog(s)
	same := 0
	for zxid, d := range want {
		if g, there := got[zxid]; there && g == d {
			same++
		} else if there {
			t.Errorf("digest at zxid %s: %s says %s, it was %s", zxid, s.name, g, d)
		}
	}
	if strings.HasSuffix(t.Name(), "/log") && same < len(want) {
		t.Errorf("%s replayed the whole log and knows %d of %d digests", s.name, same, len(want))
	}
	t.Logf("%s: %d digests compared", s.name, same)
	if n := s.metric("zk_digest_mismatches_count"); n != 0 {
		t.Errorf("%s reports %v digest mismatches after loading", s.name, n)
	}
}
