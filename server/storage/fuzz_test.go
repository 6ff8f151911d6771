package storage

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"strconv"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
)

// transactions cuts the input into transactions, each behind its length, and gives them
// consecutive zxids, so that only what they say is at random.
func transactions(in []byte) [][]byte {
	var list [][]byte
	for len(in) >= 2 && len(list) < 1000 {
		n := min(int(binary.BigEndian.Uint16(in)), len(in)-2)
		b := append([]byte(nil), in[2:2+n]...)
		if in = in[2+n:]; n < txn.HeaderSize {
			continue
		}
		list = append(list, b)
		binary.BigEndian.PutUint64(b[12:], uint64(len(list)))
	}
	return list
}

// samples are transactions as FuzzReplay takes them.
func samples() []byte {
	acl := proto.OpenACL()
	create := func(path string) *txn.Create {
		return &txn.Create{Type: proto.OpCreate, Path: path, Data: []byte("x"), ACL: acl, ParentCversion: -1}
	}
	mine := create("/a/e")
	mine.Ephemeral = true
	var all []byte
	for _, s := range []struct {
		op   proto.Op
		body txn.Body
	}{
		{proto.OpCreateSession, &txn.CreateSession{Timeout: 4000}},
		{proto.OpCreate, create("/a")},
		{proto.OpCreate, mine},
		{proto.OpCreate, create("/zookeeper/quota/a")},
		{proto.OpCreate, create("/zookeeper/quota/a/zookeeper_limits")},
		{proto.OpSetData, &txn.SetData{Path: "/a", Data: []byte("longer"), Version: 1}},
		{proto.OpSetACL, &txn.SetACL{Path: "/a", ACL: acl, Version: 1}},
		{proto.OpMulti, &txn.Multi{Ops: []txn.Op{{Type: proto.OpCreate, Body: create("/b")}, {Type: proto.OpDelete, Body: &txn.Delete{Path: "/b"}}}}},
		{proto.OpError, &txn.Error{Code: proto.NoNode}},
		{proto.OpDelete, &txn.Delete{Path: "/a"}},
		{proto.OpCloseSession, &txn.CloseSession{}},
	} {
		x := txn.Txn{Header: txn.Header{Session: 7, Time: 1000, Type: s.op}, Body: s.body}
		b := x.Append(nil)
		all = append(binary.BigEndian.AppendUint16(all, uint16(len(b))), b...)
	}
	return all
}

// FuzzReplay loads a log of whatever transactions. What comes out must be written to a
// snapshot and come back the same, with the digest and the counts that were kept along
// the way. (Not the data size: Java counts otherwise when it loads.)
func FuzzReplay(f *testing.F) {
	f.Add(samples())
	f.Fuzz(func(t *testing.T, in []byte) {
		m := vfs.NewMem()
		load(t, open(t, m)) // writes snapshot.0
		log := txnlog.AppendHeader(nil)
		for _, b := range transactions(in) {
			log = txnlog.AppendRecord(log, b)
		}
		m.Crash(nil) // releases the locks
		write(t, m, logs+"/log.1", log)
		d := open(t, m)
		got, err := d.Load()
		if err != nil {
			return
		}
		if _, err := d.WriteSnapshot(got.LastZxid+1, snapshot.Frozen(got.Tree, got.Sessions)); err != nil {
			t.Fatal(err)
		}
		again, err := d.Load()
		if err != nil {
			t.Fatalf("what was loaded and written does not load: %v", err)
		}
		if again.Rejected != nil {
			t.Fatalf("what was loaded and written is refused: %v", again.Rejected[0].Err)
		}
		a, b := got.Tree, again.Tree
		if a.NodeCount() != b.NodeCount() || a.EphemeralCount() != b.EphemeralCount() {
			t.Fatalf("%d nodes, %d ephemerals; from the snapshot %d, %d", a.NodeCount(), a.EphemeralCount(), b.NodeCount(), b.EphemeralCount())
		}
		// As in Java, usage is no part of the digest when it changes, but when it is loaded.
		if quota := a.FindString(proto.PathQuota); a.Digest() != b.Digest() && quota.Exists() && a.CountDescendants(quota) == 0 {
			t.Fatalf("digest %x, from the snapshot %x", a.Digest(), b.Digest())
		}
		if len(got.Sessions) != len(again.Sessions) {
			t.Fatalf("%d sessions, from the snapshot %d", len(got.Sessions), len(again.Sessions))
		}
	})
}

// FuzzEpoch reads an epoch file of whatever content: a number, or the error that says so.
func FuzzEpoch(f *testing.F) {
	for _, s := range []string{"1", "1\n", "-1\r\nx", "", "9223372036854775808", " 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m := vfs.NewMem()
		write(t, m, data+"/currentEpoch", in)
		d := open(t, m)
		e, err := d.CurrentEpoch()
		var wrong *LoadError
		if err != nil {
			if !errors.As(err, &wrong) || errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("%q: %v", in, err)
			}
			return
		}
		if err := d.SetCurrentEpoch(e); err != nil {
			t.Fatal(err)
		}
		if again, err := d.CurrentEpoch(); again != e || err != nil {
			t.Fatalf("%q: %s comes back as %d, %v", in, strconv.FormatInt(e, 10), again, err)
		}
	})
}
