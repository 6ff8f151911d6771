package replica

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/auth"
	"gokeeper/server/database"
	"gokeeper/server/election"
	"gokeeper/server/jute"
	"gokeeper/server/member"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/storage"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
	"gokeeper/server/zab"
)

const patience = 60 * time.Second

// stage is server 1 of an ensemble of three, whose other servers the test plays.
type stage struct {
	t   *testing.T
	r   *Replica
	db  *database.Database
	dir *storage.Dir
	end chan error

	mu    sync.Mutex
	said  []string // what the transport was asked to do
	vote  election.Vote
	links Links
	up    zab.LinkID
}

// newStage opens the file system's directory and runs the server on it.
func newStage(t *testing.T, fsys vfs.FS) *stage {
	t.Helper()
	dir, err := storage.Open(fsys, storage.Options{DataDir: "/data", Log: txnlog.Options{PreAllocSize: -1}})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := dir.Load()
	if err != nil {
		t.Fatal(err)
	}
	epochs, err := dir.LoadEpochs(rec.LastZxid)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := quorum.Parse("server.1=h:1:2:participant\nserver.2=h:1:2:participant\nserver.3=h:1:2:participant\nversion=0")
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, dir: dir, db: database.New(rec.Tree, rec.Sessions, &auth.Policy{}), end: make(chan error, 1)}
	s.r = New(Config{
		Member: member.Config{
			ServerID: 1, Tick: 40 * time.Millisecond,
			Ensemble: &member.Ensemble{Self: 1, Quorum: cfg, InitLimit: 500, SyncLimit: 25, Recent: 500, LocalSessions: true, Reconfig: true},
		},
		SnapCount: 1 << 30, Limit: 1 << 20,
	}, Parts{
		Database: s.db, Dir: dir, Policy: &auth.Policy{}, Log: zerolog.Nop(), Start: time.Now(), Transport: s, Configs: s, Drop: func() {},
		Events: Events{
			Proposed: func(int, time.Duration) {}, Synced: func(int, time.Duration) {}, Applied: func(int) {},
			Snapshot: func(time.Duration) {}, Mismatch: func() { t.Error("digests differ") }, Expired: func(int) {},
		},
	}, rec, epochs, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { s.end <- s.r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-s.end
		_ = dir.Close() // what failed in the test may fail here again
	})
	return s
}

// lead makes the server the leader of epoch 1, with server 2 on link 7.
func (s *stage) lead() {
	s.t.Helper()
	s.until("a vote", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.vote.Round != 0 })
	s.elect()
	s.hears("lead")
	info := zab.Info{Server: 2, Protocol: zab.ProtocolVersion}
	s.links.Connected(7, nil)
	s.links.Received(7, []zab.Packet{{Type: zab.FollowerInfo, Data: info.Append(nil)}})
	s.hears("send LEADERINFO 0x100000000")
	s.links.Received(7, []zab.Packet{{Type: zab.AckEpoch, Data: jute.AppendInt(nil, 0)}})
	s.hears("send NEWLEADER 0x100000000")
	s.links.Received(7, []zab.Packet{{Type: zab.Ack, Zxid: 0x100000000}})
	s.hears("send UPTODATE 0xffffffffffffffff")
}

// createRequest is a client's.
func createRequest(path string) proto.Request {
	r := proto.CreateRequest{Path: []byte(path), ACL: proto.OpenACL()}
	return proto.Request{Op: proto.OpCreate, Body: r.Append(nil, proto.OpCreate)}
}

func (s *stage) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, fmt.Sprintf(format, args...))
}

// Configure does nothing: the members stay.
func (s *stage) Configure(quorum.Config, *quorum.Config) {}

// Notify and the others record what the replica asks for.
func (s *stage) Notify(to quorum.ServerID, n election.Notification) {
	s.mu.Lock()
	s.vote = n.Vote
	s.mu.Unlock()
	s.say("notify %v %v", n.State, n.Vote.Zxid)
}
func (s *stage) See(c quorum.Config) { s.say("see %v", proto.Zxid(c.Version)) }
func (s *stage) Commit(c quorum.Config, _ *quorum.Config) {
	s.say("configure %v", proto.Zxid(c.Version))
}
func (s *stage) Reached() []quorum.ServerID { return []quorum.ServerID{2, 3} }
func (s *stage) Lead(l Links) error {
	s.mu.Lock()
	s.links = l
	s.mu.Unlock()
	s.say("lead")
	return nil
}
func (s *stage) Follow(link zab.LinkID, leader quorum.Member, l Links) {
	s.mu.Lock()
	s.links, s.up = l, link
	s.mu.Unlock()
	s.say("follow %v", leader.ID)
}
func (s *stage) Leave() { s.say("leave") }
func (s *stage) Send(_ []zab.LinkID, packets []zab.Packet) {
	for _, p := range packets {
		if p.Type != zab.Ping {
			s.say("send %v", p)
		}
	}
}
func (s *stage) Stream(_ zab.LinkID, write func(io.Writer) error) {
	if err := write(io.Discard); err != nil {
		s.t.Error(err)
	}
}
func (s *stage) Close(link zab.LinkID, reason error) { s.say("close %d: %v", link, reason) }
func (s *stage) Silence(time.Duration)               {}

// until waits for a condition.
func (s *stage) until(what string, holds func() bool) {
	s.t.Helper()
	for limit := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) { // polls the condition
		if time.Now().After(limit) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.t.Fatalf("not in time: %s; said\n\t%s", what, strings.Join(s.said, "\n\t"))
		}
	}
}

// hears waits for something to be said, and forgets what was said before it.
func (s *stage) hears(what string) {
	s.t.Helper()
	s.until(what, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, x := range s.said {
			if x == what {
				s.said = s.said[i+1:]
				return true
			}
		}
		return false
	})
}

// silent wants something not to have been said.
func (s *stage) silent(what string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.said {
		if strings.HasPrefix(x, what) {
			s.t.Errorf("said %q", x)
		}
	}
}

// follow makes the server follow 3, which leads the epoch, up to ACKEPOCH.
func (s *stage) follow(epoch int64) {
	s.t.Helper()
	vote := election.Vote{Leader: 3, Zxid: proto.NewZxid(epoch-1, 9), Round: 99, Epoch: epoch - 1}
	s.r.Notified(2, election.Notification{State: election.Following, Vote: vote, Version: election.Version})
	s.r.Notified(3, election.Notification{State: election.Leading, Vote: vote, Version: election.Version})
	s.hears("follow 3")
	s.links.Connected(s.up, nil)
	s.packets(zab.Packet{Type: zab.LeaderInfo, Zxid: proto.NewZxid(epoch, 0), Data: make([]byte, 4)})
}

// packets come from the leader.
func (s *stage) packets(packets ...zab.Packet) { s.links.Received(s.up, packets) }

func newLeader(epoch int64) zab.Packet {
	return zab.Packet{Type: zab.NewLeader, Zxid: proto.NewZxid(epoch, 0)}
}

// create is the transaction that creates a node, as a proposal and its commit.
func create(zxid proto.Zxid, path string) (proposal, commit zab.Packet) {
	x := txn.Txn{
		Header: txn.Header{Zxid: zxid, Time: 1, Type: proto.OpCreate},
		Body:   &txn.Create{Path: path, ACL: proto.OpenACL(), ParentCversion: -1},
	}
	return zab.Packet{Type: zab.Proposal, Zxid: zxid, Data: x.Append(nil)}, zab.Packet{Type: zab.Commit, Zxid: zxid}
}

// has says whether the tree has the node.
func (s *stage) has(path string) (found bool) {
	s.db.View(func(t *tree.Tree) { found = t.FindString(path).Exists() })
	return found
}

// holds wants these nodes and not those behind the "-".
func (s *stage) holds(paths ...string) {
	s.t.Helper()
	want := true
	for _, p := range paths {
		if p == "-" {
			want = false
			continue
		}
		if s.has(p) != want {
			s.t.Errorf("%s: %v, want %v", p, !want, want)
		}
	}
}

// notifyAll has the two others say that they look for a leader, and for whom they vote.
func (s *stage) notifyAll(vote election.Vote) {
	for _, from := range []quorum.ServerID{2, 3} {
		s.r.Notified(from, election.Notification{State: election.Looking, Vote: vote, Version: election.Version})
	}
}
