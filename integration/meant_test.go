package integration

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// A difference is something that this server means to do otherwise than Java 3.9.6, and why. The generator of the
// differential test leaves it out.
type difference struct {
	name, why  string
	try        func(*testing.T, *server) string
	ours, java string
}

// differences are those that can be shown at will. Others depend on Java's timing and cannot:
//
//   - Behind its closeSession a connection gets no more answers. From Java it may get a SessionExpired.
//   - What is pipelined behind a setACL is checked against the new list. Java checks against the old one until the new one
//     is applied.
//   - A delete is refused with NotEmpty if the node has children. Java does that as well while the closeSession that
//     deletes the children is not applied yet.
//   - A session that is resumed elsewhere loses its old connection. Java may have forgotten which one that is.
//   - dump lists connections that are there. Java may list for a while those that have ended.
//   - dump lists sessions that have ephemerals, wchc and wchs those that watch something. Java counts on those that did.
//   - The error of a multi of reads has no digest in the log. In Java's it has.
//   - Ids of lists with code points above U+FFFF are the same after a restart. Java cannot read what it wrote of them.
//   - A request is queued until it is answered. Java counts one on which it failed inside for ever.
//   - mntr shows everything. Java's ends early if limits of a quota cannot be read.
//   - The node of the configuration has its lines in the order of the ids. Java's may have that of a hash table: 1, 9, 2, 3, 4.
//   - Who watches the configuration for good hears of a change once. From Java twice: it writes the node again when the
//     change takes effect.
//   - A leader ends the old connection of a session that has moved to a learner. Java's does so at its next request.
//   - What is pipelined behind a write of a session that has moved away is not answered. Java may answer what only reads.
//   - Logs have the transactions of a multi that fails as they were proposed. Java's learners may have marked them as errors.
//   - A write that cannot be read fails. A leader of Java's gives the failure the zxid of the write before, and commits nothing
//     from then on.
//   - A multi of a local session that cannot be read fails as well. A leader of Java's does what it could read of it.
//   - An answer to a four-letter word counts as one packet sent. Java counts one for each 2048 characters.
var differences = []difference{
	{
		name: "a request that cannot be decoded takes a zxid of its own",
		why:  "Java logs the error with the zxid of the transaction before, and warns of that when it does",
		try: func(t *testing.T, s *server) string {
			c := s.connect(t, opening{})
			before := mustCall(t, c, opCreate, create("/first", nil, open, persistent)).zxid
			mustCall(t, c, opDelete, out(nil).str("/x"))
			return fmt.Sprint(mustCall(t, c, opDelete, at("/first", -1)).zxid - before)
		},
		ours: "2", java: "1",
	},
	{
		name: "createSession is no request of a client",
		why:  "Java tracks the session once more and sends another connect response, which no client reads",
		try: func(t *testing.T, s *server) string {
			c := s.connect(t, opening{})
			if _, err := c.send(-10, out(nil).i32(30000)); err != nil {
				return err.Error()
			}
			b, err := c.packet()
			if err != nil {
				return err.Error()
			}
			if i := (in{b: b}); len(b) == 16 {
				return fmt.Sprint("xid ", i.i32(), " zxid ", i.i64(), " error ", i.i32())
			}
			return fmt.Sprint(len(b), " bytes")
		},
		ours: "xid 1 zxid -1 error -6", java: "37 bytes",
	},
	{
		name: "createContainer without the flag leaves no wrong digest",
		why:  "Java computes the digest of another kind of node than it creates, and then reports a mismatch",
		try: func(t *testing.T, s *server) string {
			c := s.connect(t, opening{})
			r := mustCall(t, c, opCreateContainer, create("/container", nil, open, persistent))
			return fmt.Sprint("error ", r.err, ", mismatches ", s.metric("zk_digest_mismatches_count"))
		},
		ours: "error 0, mismatches 0", java: "error 0, mismatches 1",
	},
	{
		name: "create with the flag of a container leaves no wrong digest",
		why:  "the node is a plain one, here and there, but Java computes the digest of a container",
		try: func(t *testing.T, s *server) string {
			c := s.connect(t, opening{})
			r := mustCall(t, c, opCreate2, create("/plain", nil, open, container))
			return fmt.Sprint("error ", r.err, ", mismatches ", s.metric("zk_digest_mismatches_count"))
		},
		ours: "error 0, mismatches 0", java: "error 0, mismatches 1",
	},
	{
		name: "createContainer with an ephemeral flag makes a container",
		why:  "so does Java, but while it is not applied the node counts as the session's",
		try: func(t *testing.T, s *server) string {
			c := s.connect(t, opening{})
			r := mustCall(t, c, opCreateContainer, create("/container", nil, open, ephemeral))
			mustCall(t, c, opCloseSession, nil)
			c = s.connect(t, opening{})
			return fmt.Sprint("error ", r.err, ", then ", mustCall(t, c, opExists, watched("/container", false)).err,
				", mismatches ", s.metric("zk_digest_mismatches_count"))
		},
		ours: "error 0, then 0, mismatches 0", java: "error 0, then 0, mismatches 1",
	},
}

// deadly are requests that end Java, which then dies of its log each time it starts.
var deadly = []difference{
	{
		name: "createTTL without a flag of its own and with a negative time",
		why:  "Java takes it for a plain node and dies when it applies it",
		try: func(t *testing.T, s *server) string {
			return lastWords(s, s.connect(t, opening{}), action{op: opCreateTTL, body: createTTL("/ttl", nil, open, persistent, -1)})
		},
		ours: "error -8", java: "ended",
	},
	{
		name: "limits of no path",
		why:  "Java dies of a quota for everything",
		try: func(t *testing.T, s *server) string {
			return lastWords(s, s.connect(t, opening{}), action{op: opCreate, body: create("/zookeeper/quota/zookeeper_limits", nil, open, persistent)})
		},
		ours: "error 0", java: "ended",
	},
	{
		name: "usage that is no number",
		why:  "Java dies of adding to it",
		try: func(t *testing.T, s *server) string {
			c := s.connect(t, opening{})
			const quota = "/zookeeper/quota/a"
			for _, path := range []string{"/a", quota, quota + "/zookeeper_limits", quota + "/zookeeper_stats"} {
				c.ok(t, opCreate, create(path, nil, open, persistent))
			}
			c.ok(t, opSetData, setData(quota+"/zookeeper_stats", []byte("count=many"), -1))
			return lastWords(s, c, action{op: opCreate, body: create("/a/b", nil, open, persistent)})
		},
		ours: "error 0", java: "ended",
	},
}

// TestMeantDifferences shows what is meant to be different. What ends Java is tried with Java only if GOKEEPER_DEADLY is
// set: each takes a server of its own.
func TestMeantDifferences(t *testing.T) {
	t.Run("gokeeper", func(t *testing.T) {
		tryAll(t, subject(t), slices.Concat(differences, deadly), func(d difference) string { return d.ours })
	})
	t.Run("java", func(t *testing.T) {
		all := slices.Clone(differences)
		if os.Getenv("GOKEEPER_DEADLY") != "" {
			all = append(all, deadly...)
		}
		tryAll(t, java(t, "396"), all, func(d difference) string { return d.java })
	})
}

func tryAll(t *testing.T, tg target, all []difference, want func(difference) string) {
	var s *server
	for _, d := range all {
		if s == nil || !s.running() || strings.Contains(d.java, "mismatches") {
			s = newServer(t, tg)
			s.start(t)
		}
		if got := d.try(t, s); got != want(d) {
			t.Errorf("%s: %q, want %q\n%s", d.name, got, want(d), d.why)
		}
	}
}

// mustCall is call for a request that must be answered in some way.
func mustCall(t *testing.T, c *client, op int32, body out) reply {
	t.Helper()
	r, err := c.call(op, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// lastWords says how a request was answered, or that the server ended.
func lastWords(s *server, c *client, a action) string {
	r, err := c.call(a.op, a.body)
	if err == nil {
		return fmt.Sprint("error ", r.err)
	}
	select {
	case <-s.done:
		return "ended"
	case <-time.After(answerLimit):
		return err.Error()
	}
}
