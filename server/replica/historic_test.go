package replica

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/vfs"
	"gokeeper/server/zab"
)

// Mistakes that ZooKeeper once made, in what replica does about them.

// onLog calls f before each sync, and each write, of a transaction log.
func onLog(f func(vfs.Op) error) vfs.FS {
	return vfs.Failing(vfs.NewMem(), func(op vfs.Op, name string) error {
		if strings.Contains(name, "/log.") && (op == vfs.OpSync || op == vfs.OpWrite) {
			return f(op)
		}
		return nil
	})
}

// heldLog is a disk on which one sync of a transaction log takes long.
type heldLog struct {
	fs               vfs.FS
	hold             atomic.Bool // the next one
	reached, release chan struct{}
}

func newHeldLog() *heldLog {
	h := &heldLog{reached: make(chan struct{}), release: make(chan struct{})}
	h.fs = onLog(func(op vfs.Op) error {
		if op == vfs.OpSync && h.hold.CompareAndSwap(true, false) {
			close(h.reached)
			<-h.release
		}
		return nil
	})
	return h
}

// TestZOOKEEPER4882: a transaction that could not be logged is not acknowledged, and its
// commit does not reach memory; the server stops instead. Java goes on with memory ahead
// of its log.
func TestZOOKEEPER4882(t *testing.T) {
	broken := errors.New("input/output error")
	var failing atomic.Bool
	s := newStage(t, onLog(func(vfs.Op) error {
		if failing.Load() {
			return broken
		}
		return nil
	}))
	s.follow(1)
	s.packets(zab.Packet{Type: zab.Diff}, newLeader(1))
	s.hears("send ACK 0x100000000")
	p, c := create(0x100000001, "/a")
	s.packets(zab.Packet{Type: zab.UpToDate}, p, c)
	s.hears("send ACK 0x100000001")
	failing.Store(true)
	p, c = create(0x100000002, "/b")
	s.packets(p)
	s.packets(c)
	err := <-s.end
	s.end <- err
	if !errors.Is(err, broken) {
		t.Errorf("ended with %v", err)
	}
	s.silent("send ACK 0x100000002")
	s.holds("/a", "-", "/b")
}

// TestZOOKEEPER3911: NEWLEADER is acknowledged when what came before it is durable, and
// the epoch is stored between the two (ZOOKEEPER-4643, 4646).
func TestZOOKEEPER3911(t *testing.T) {
	log := newHeldLog()
	s := newStage(t, log.fs)
	log.hold.Store(true)
	s.follow(1)
	p, c := create(0x1, "/a")
	s.packets(zab.Packet{Type: zab.Diff, Zxid: 1}, p, c, newLeader(1))
	<-log.reached
	if got, err := s.dir.CurrentEpoch(); got != 0 || err != nil {
		t.Errorf("epoch %d, %v, before its transactions are durable", got, err)
	}
	s.silent("send ACK ")
	close(log.release)
	s.hears("send ACK 0x100000000")
	if got, err := s.dir.CurrentEpoch(); got != 1 || err != nil {
		t.Errorf("epoch %d, %v, acknowledged before it is durable", got, err)
	}
}

// TestZOOKEEPER2845: a leader that logged a proposal which it could not commit stands for
// it in the next election, in memory too; and a leader that does not have it makes both
// forget it.
func TestZOOKEEPER2845(t *testing.T) {
	s := newStage(t, vfs.NewMem())
	s.lead()
	write := func(path string) { s.r.Submit(&Write{Request: createRequest(path)}) }
	write("/committed")
	s.hears("send PROPOSAL 0x100000001")
	s.links.Received(7, []zab.Packet{{Type: zab.Ack, Zxid: 0x100000001}})
	s.hears("send COMMIT 0x100000001")
	write("/tail")
	s.hears("send PROPOSAL 0x100000002")
	s.hears("leave") // the follower is silent for longer than it may be
	s.hears("notify LOOKING 0x100000002")
	s.holds("/committed", "/tail")

	s.follow(2)
	s.hears("send ACKEPOCH 0x100000002")
	s.packets(zab.Packet{Type: zab.Trunc, Zxid: 0x100000001}, newLeader(2))
	s.hears("send ACK 0x200000000")
	s.holds("/committed", "-", "/tail")
	rec, err := s.dir.Load()
	if err != nil || rec.LastZxid != 0x100000001 || rec.Tree.FindString("/tail").Exists() {
		t.Errorf("on disk %v, %v", rec.LastZxid, err)
	}
}

// TestProposalFirst: the file of a proposed configuration is written when the log has the
// proposal. A server whose log lost it would wait, in elections, for voters that may not
// know yet that they are.
func TestProposalFirst(t *testing.T) {
	log := newHeldLog()
	s := newStage(t, log.fs)
	s.follow(1)
	s.packets(zab.Packet{Type: zab.Diff}, newLeader(1), zab.Packet{Type: zab.UpToDate})
	s.hears("send ACK 0x100000000")
	s.hears("send ACK 0x100000000")
	const zxid proto.Zxid = 0x100000001
	x := txn.Txn{
		Header: txn.Header{Zxid: zxid, Type: proto.OpReconfig},
		Body: &txn.SetData{
			Path: proto.PathConfig, Version: -1,
			Data: []byte("server.1=h:1:2:participant\nserver.3=h:1:2:participant\nversion=100000001"),
		},
	}
	log.hold.Store(true)
	s.packets(zab.Packet{Type: zab.Proposal, Zxid: zxid, Data: x.Append(nil)})
	<-log.reached
	s.silent("see")
	close(log.release)
	s.hears("see 0x100000001")
	s.hears("send ACK 0x100000001")
}

// elect lets the others vote for the server.
func (s *stage) elect() {
	s.mu.Lock()
	vote := s.vote
	s.mu.Unlock()
	s.notifyAll(vote)
}

// TestZOOKEEPER3642: a snapshot that was interrupted leaves nothing: memory and the next
// vote are what the disk holds.
func TestZOOKEEPER3642(t *testing.T) {
	s := newStage(t, vfs.NewMem())
	s.follow(1)
	p, c := create(0x1, "/mine")
	s.packets(zab.Packet{Type: zab.Diff, Zxid: 1}, p, c, newLeader(1), zab.Packet{Type: zab.UpToDate})
	s.hears("send ACK 0x100000000")
	s.hears("send ACK 0x100000000")
	s.links.Gone(s.up, errors.New("closed"))
	s.hears("leave")

	s.follow(2)
	other := tree.New()
	var r tree.Result
	x := txn.Txn{
		Header: txn.Header{Zxid: 0x100000005, Type: proto.OpCreate},
		Body:   &txn.Create{Path: "/theirs", ACL: proto.OpenACL(), ParentCversion: -1},
	}
	other.Apply(&x, &r)
	var stream bytes.Buffer
	if err := snapshot.WriteStream(&stream, snapshot.Frozen(other, nil)); err != nil {
		t.Fatal(err)
	}
	snap := zab.Packet{Type: zab.Snap, Zxid: 0x100000005}
	if err := s.links.Snapshot(s.up, snap, &stream); err != nil {
		t.Fatal(err)
	}
	s.packets(snap)
	s.until("the snapshot", func() bool { return s.has("/theirs") })
	s.links.Gone(s.up, errors.New("closed"))
	s.hears("notify LOOKING 0x1")
	s.holds("/mine", "-", "/theirs")
}

// TestZOOKEEPER3701: a server that cannot forget what the leader tells it to forget stops.
func TestZOOKEEPER3701(t *testing.T) {
	full := errors.New("no space left on device")
	var failing atomic.Bool
	s := newStage(t, vfs.Failing(vfs.NewMem(), func(op vfs.Op, _ string) error {
		if op == vfs.OpRename && failing.Load() {
			return full
		}
		return nil
	}))
	s.follow(1)
	p, c := create(0x1, "/kept")
	q, d := create(0x2, "/forgotten")
	s.packets(zab.Packet{Type: zab.Diff, Zxid: 2}, p, c, q, d, newLeader(1), zab.Packet{Type: zab.UpToDate})
	s.hears("send ACK 0x100000000")
	s.hears("send ACK 0x100000000")
	s.links.Gone(s.up, errors.New("closed"))
	s.hears("leave")
	s.follow(2)
	failing.Store(true)
	s.packets(zab.Packet{Type: zab.Trunc, Zxid: 1}, newLeader(2))
	err := <-s.end
	s.end <- err
	if !errors.Is(err, full) {
		t.Errorf("ended with %v", err)
	}
	s.silent("send ACK 0x2")
}

// TestZOOKEEPER4712: what is still being logged when a role ends is finished before the
// next begins, is part of its vote, and is acknowledged to nobody (ZOOKEEPER-4541).
func TestZOOKEEPER4712(t *testing.T) {
	log := newHeldLog()
	s := newStage(t, log.fs)
	s.follow(1)
	s.packets(zab.Packet{Type: zab.Diff}, newLeader(1), zab.Packet{Type: zab.UpToDate})
	s.hears("send ACK 0x100000000")
	s.hears("send ACK 0x100000000")
	log.hold.Store(true)
	p, _ := create(0x100000001, "/late")
	s.packets(p)
	<-log.reached
	s.links.Gone(s.up, errors.New("closed"))
	s.hears("leave")
	s.silent("notify")
	close(log.release)
	s.hears("notify LOOKING 0x100000001")
	s.follow(2)
	s.hears("send ACKEPOCH 0x100000001")
	s.packets(zab.Packet{Type: zab.Diff, Zxid: 0x100000001}, newLeader(2), zab.Packet{Type: zab.UpToDate})
	s.hears("send ACK 0x200000000")
	s.hears("send ACK 0x200000000")
	s.silent("send ACK 0x1")
	s.holds("/late")
}

// TestNothingSaved: who stops before the snapshot that the leader sent is on disk does
// not go on as if it were; the epoch would be stored, and acknowledged, over nothing.
func TestNothingSaved(t *testing.T) {
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	r := &Replica{inbox: newQueue[input](), snapshots: newQueue[picture](), stopped: stopped}
	r.snapshots.put(picture{replace: true})
	r.take()
	if in := r.inbox.take(); len(in) != 0 {
		t.Errorf("the loop is told %+v", in)
	}
}
