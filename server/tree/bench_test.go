package tree

import (
	"fmt"
	"runtime"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// forest is a tree of n nodes of 100 bytes in directories of so many, and the paths of
// the nodes. session owns them, if it is not 0.
func forest(n, fanout int, session proto.SessionID) (*Tree, []string) {
	tr, paths := New(), make([]string, 0, n)
	var r Result
	add := func(path string, data []byte, session proto.SessionID) {
		z := tr.LastZxid() + 1
		r.Reset()
		tr.Apply(&txn.Txn{
			Header: txn.Header{Session: session, Zxid: z, Time: 1_700_000_000_000 + int64(z), Type: proto.OpCreate},
			Body: &txn.Create{
				Type: proto.OpCreate, Path: path, Data: data, ACL: proto.OpenACL(), Ephemeral: session != 0, ParentCversion: txn.NoParentCversion,
			},
		}, &r)
	}
	tr.SetLastZxid(1 << 32)
	add("/load", nil, 0)
	for i := range n {
		dir := fmt.Sprintf("/load/p%d", i/fanout)
		if i%fanout == 0 {
			add(dir, nil, 0)
		}
		paths = append(paths, fmt.Sprintf("%s/node-%08d", dir, i))
		add(paths[i], make([]byte, 100), session)
	}
	return tr, paths
}

func overwrite(tr *Tree, path string, data []byte, r *Result) {
	z := tr.LastZxid() + 1
	r.Reset()
	tr.Apply(&txn.Txn{
		Header: txn.Header{Zxid: z, Time: 1_700_000_000_000 + int64(z), Type: proto.OpSetData},
		Body:   &txn.SetData{Path: path, Data: data, Version: 1},
	}, r)
}

// heap returns the bytes that are alive.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkMemory tells what a znode of 100 bytes costs.
func BenchmarkMemory(b *testing.B) {
	const n = 200_000
	f := func(name string, fanout int, session proto.SessionID, sets int) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				tr, paths := forest(n, fanout, session)
				var r Result
				for range sets {
					for _, path := range paths {
						overwrite(tr, path, make([]byte, 100), &r)
					}
				}
				r, paths = Result{}, nil
				b.ReportMetric(float64(heap()-before)/n, "B/znode")
				runtime.KeepAlive(tr)
			}
		})
	}
	f("created", 1000, 0, 0)
	f("set", 1000, 0, 3)
	f("ephemeral", 1000, 0x100012345670000, 0)
	f("alone", 1, 0, 0) // with its parent
	f("together", n, 0, 0)
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		tr, paths := forest(n, 1000, 0)
		keys := make([][]byte, len(paths))
		for i, path := range paths {
			keys[i*7919%n] = []byte(path)
		}
		var out []byte
		i := 0
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				node := tr.Find(keys[i%n])
				_ = tr.ACL(node)
				stat := node.Stat()
				out = stat.Append(node.AppendData(out[:0]))
				i++
			}
		})
	}
}

func BenchmarkSetData(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		tr, paths := forest(n, 1000, 0)
		data := make([]byte, 1024)
		var r Result
		i := 0
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				overwrite(tr, paths[i*7919%min(n, 100_000)], data, &r)
				i++
			}
		})
	}
}

func BenchmarkCreateDelete(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		tr, _ := forest(n, 1000, 0)
		data, acl := make([]byte, 100), proto.OpenACL()
		var r Result
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				z := tr.LastZxid() + 1
				path := fmt.Sprintf("/load/p0/c%010d", z)
				h := txn.Header{Zxid: z, Time: int64(z), Type: proto.OpCreate}
				r.Reset()
				tr.Apply(&txn.Txn{Header: h, Body: &txn.Create{Type: proto.OpCreate, Path: path, Data: data, ACL: acl, ParentCversion: txn.NoParentCversion}}, &r)
				h.Type = proto.OpDelete
				h.Zxid++
				r.Reset()
				tr.Apply(&txn.Txn{Header: h, Body: &txn.Delete{Path: path}}, &r)
			}
		})
	}
}

// BenchmarkCreate fills directories of a thousand, or one alone.
func BenchmarkCreate(b *testing.B) {
	for _, fanout := range []int{1000, 200_000} {
		b.Run(fmt.Sprint(fanout), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				forest(200_000, fanout, 0)
			}
		})
	}
}
