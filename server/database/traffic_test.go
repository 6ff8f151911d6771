package database

import (
	"fmt"
	"testing"

	"gokeeper/server/auth"
	"gokeeper/server/jute"
	"gokeeper/server/metrics"
	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
)

// trafficDatabase holds /app with 10 bytes and its children one and three.
func trafficDatabase(t testing.TB, traffic Traffic) *Database {
	d := New(tree.New(), nil, &auth.Policy{})
	d.Report(traffic)
	open := proto.OpenACL()
	create := func(path string, n int) *txn.Create {
		return &txn.Create{Type: proto.OpCreate, Path: path, Data: make([]byte, n), ACL: open}
	}
	bodies := []txn.Body{
		create("/app", 10), create("/app/one", 0), create("/app/three", 0),
		&txn.Multi{Ops: []txn.Op{{Type: proto.OpCreate, Body: create("/m", 5)}, {Type: proto.OpSetData, Body: &txn.SetData{Path: "/m", Data: make([]byte, 7), Version: 1}}}},
		&txn.Multi{Ops: []txn.Op{{Type: proto.OpCreate, Body: create("/n", 5)}, {Type: proto.OpError, Body: &txn.Error{Code: proto.NoNode}}}},
		&txn.Error{Code: proto.NoNode}, &txn.Delete{Path: "/m"},
	}
	var commits []Commit
	for i, body := range bodies {
		commits = append(commits, Commit{Txn: txn.Txn{Header: txn.Header{Zxid: proto.Zxid(i + 1)}, Body: body}})
	}
	d.Apply(commits, func(*txn.Txn) { t.Error("digest") })
	return d
}

func trafficRequest(op proto.Op, xid int32, path string) proto.Request {
	return proto.Request{Op: op, Xid: xid, Body: jute.AppendBool(jute.AppendString(nil, path), false)}
}

// TestTraffic wants Java's numbers: path and data of a write; path, what was read and a
// stat of a read, one of sixteen being looked at.
func TestTraffic(t *testing.T) {
	var got []string
	d := trafficDatabase(t, Traffic{
		Read:  func(path []byte, bytes, n int64) { got = append(got, fmt.Sprintf("read %s %d*%d", path, bytes, n)) },
		Write: func(path []byte, bytes int64) { got = append(got, fmt.Sprintf("write %s %d", path, bytes)) },
	})
	expect := func(want ...string) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %q, want %q", got, want)
		}
		got = nil
	}
	expect("write /app 14", "write /app/one 8", "write /app/three 10", "write /m 7", "write /m 9", "write /m 2")
	read := func(op proto.Op, xid int32, path string) {
		r := trafficRequest(op, xid, path)
		d.Read(&fake{drop: true}, &r)
	}
	read(proto.OpExists, 16, "/app")
	read(proto.OpGetData, 32, "/app")
	read(proto.OpGetChildren, 48, "/app")
	read(proto.OpGetChildren2, 64, "/app")
	expect("read /app 72*16", "read /app 82*16", "read /app 80*16", "read /app 80*16")
	read(proto.OpGetData, 0, "/nothere")
	read(proto.OpGetData, 33, "/app")
	read(proto.OpPing, proto.XidPing, "")
	read(proto.OpGetACL, 16, "/app")
	expect()
	for xid := range int32(160) {
		read(proto.OpGetData, xid, "/app")
	}
	if len(got) != 10 {
		t.Errorf("%d of 160 reads were looked at, want 10", len(got))
	}
}

// BenchmarkTraffic measures what counting by namespace costs a read.
func BenchmarkTraffic(b *testing.B) {
	m := metrics.New()
	for _, counted := range []bool{false, true} {
		b.Run(fmt.Sprint("counted=", counted), func(b *testing.B) {
			var traffic Traffic
			if counted {
				traffic.Read = m.ReadBytes.Observe
			}
			d := trafficDatabase(b, traffic)
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				c := &fake{drop: true}
				for r := trafficRequest(proto.OpGetData, 0, "/app"); p.Next(); r.Xid++ {
					d.Read(c, &r)
				}
			})
		})
	}
}
