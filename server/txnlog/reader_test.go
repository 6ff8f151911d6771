package txnlog

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/vfs"
)

// file makes a log file of the parts.
func file(t testing.TB, m vfs.FS, name string, parts ...[]byte) {
	t.Helper()
	f, err := m.Create(dir + "/" + name)
	must(t, err)
	_, err = f.WriteAt(slices.Concat(parts...), 0)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
	must(t, m.SyncDir(dir))
}

func record(z proto.Zxid) []byte { return AppendRecord(nil, body(z, 0)) }

func records(from, to proto.Zxid) []byte {
	var b []byte
	for z := from; z <= to; z++ {
		b = append(b, record(z)...)
	}
	return b
}

// changed returns a copy with byte i replaced.
func changed(b []byte, i int, v byte) []byte {
	b = slices.Clone(b)
	b[i] = v
	return b
}

func withLength(n int32) []byte {
	b := record(3)
	binary.BigEndian.PutUint32(b[8:], uint32(n))
	return b
}

// TestEnds goes through the ways in which a file can end, each in front of more
// records and once more as the newest file.
func TestEnds(t *testing.T) {
	head := AppendHeader(nil)
	zero := make([]byte, 100)
	whole := record(3)
	f := func(name string, third []byte, reason error) {
		t.Helper()
		// Behind a bad third record nothing of that file is seen.
		for _, newest := range []bool{false, true} {
			m := newMem(t)
			file(t, m, "log.1", head, records(1, 2), third)
			want := []proto.Zxid{1, 2}
			if !newest {
				file(t, m, "log.3", head, records(3, 4), zero)
				want = seq(1, 4)
			}
			if reason != nil {
				want = []proto.Zxid{1, 2}
			}
			got, err := readAll(t, m, 1)
			if !errors.Is(err, reason) || reason == nil && err != nil || !slices.Equal(got, want) {
				t.Errorf("%s, newest %v: %v, %v; want %v, %v", name, newest, got, err, want, reason)
			}
			var c *CorruptError
			if reason != nil && (!errors.As(err, &c) || c.File != dir+"/log.1" || c.Offset != int64(HeaderSize+len(records(1, 2)))) {
				t.Errorf("%s: error %v does not name the place", name, err)
			}
		}
	}
	f("exact end", nil, nil)
	f("11 bytes left", zero[:11], nil)
	f("11 bytes of a record", whole[:11], nil)
	f("zeros", zero, nil)
	f("zero length behind a checksum", append(slices.Clone(whole[:8]), zero...), nil)
	f("body cut", whole[:30], nil)
	f("end byte cut", whole[:len(whole)-1], nil)
	f("end byte wrong", changed(whole, len(whole)-1, 0), nil)
	f("end byte wrong, more behind", append(changed(whole, len(whole)-1, 0), records(4, 5)...), nil)
	f("end byte and checksum wrong", changed(changed(whole, len(whole)-1, 0x41), 20, 0xff), nil)
	f("checksum wrong", changed(whole, 20, 0xff), ErrChecksum)
	f("high half of the checksum", changed(whole, 0, 1), ErrChecksum)
	f("length -1", withLength(-1), ErrLength)
	f("length -2", withLength(-2), ErrLength)
	f("length above the limit", withLength(jute.DefaultLimit+1), ErrLength)
	f("length of the limit", withLength(jute.DefaultLimit), nil) // cut by the end
	f("shorter than a header", AppendRecord(nil, make([]byte, 31)), ErrLength)
}

func TestLimitOfLength(t *testing.T) {
	m := newMem(t)
	long := make([]byte, jute.DefaultLimit)
	binary.BigEndian.PutUint64(long[zxidOffset:], 1)
	file(t, m, "log.1", AppendHeader(nil), AppendRecord(nil, long))
	if got, err := readAll(t, m, 1); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	file(t, m, "log.1", AppendHeader(nil), AppendRecord(nil, append(long, 0)))
	if _, err := readAll(t, m, 1); !errors.Is(err, ErrLength) {
		t.Errorf("one byte more: %v", err)
	}
}

func TestHeaders(t *testing.T) {
	head := AppendHeader(nil)
	f := func(name string, header []byte, newest bool, reason error, want ...proto.Zxid) {
		t.Helper()
		m := newMem(t)
		file(t, m, "log.1", head, record(1))
		file(t, m, "log.2", header)
		if !newest {
			file(t, m, "log.3", head, record(3))
		}
		got, err := readAll(t, m, 1)
		if !errors.Is(err, reason) || reason == nil && err != nil {
			t.Errorf("%s, newest %v: %v, want %v", name, newest, err, reason)
		}
		if reason == nil && !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		removed, err := RemoveUnfinished(m, dir)
		if unfinished := newest && len(want) == 1 && reason == nil && len(header) != HeaderSize; (removed != "") != unfinished || err != nil {
			t.Errorf("%s: removed %q, %v", name, removed, err)
		}
	}
	second := slices.Concat(head, record(2))
	f("good", second, true, nil, 1, 2)
	f("other version and dbid", changed(changed(second, 7, 9), 15, 77), true, nil, 1, 2)
	f("wrong magic", changed(second, 0, 'X'), true, ErrMagic)
	f("wrong magic", changed(second, 0, 'X'), false, ErrMagic)
	f("empty", nil, true, nil, 1)
	f("empty", nil, false, ErrHeaderCut)
	f("part of a header", head[:9], true, nil, 1)
	f("part of a header", head[:15], false, ErrHeaderCut)
	f("zeros", make([]byte, 600_000), true, nil, 1)
	f("zeros", make([]byte, 600_000), false, ErrHeaderCut)
	f("zeros, then something", append(make([]byte, 600_000), 1), true, ErrMagic)
	f("header only", head, true, nil, 1)
}

func TestContinuity(t *testing.T) {
	head := AppendHeader(nil)
	f := func(from proto.Zxid, ok bool, zxids ...proto.Zxid) {
		t.Helper()
		m := newMem(t)
		var b []byte
		for _, z := range zxids {
			b = append(b, record(z)...)
		}
		file(t, m, "log.1", head, b)
		if got, err := readAll(t, m, from); ok != (err == nil) || !ok && !errors.Is(err, ErrGap) {
			t.Errorf("%v from %v: %v, %v; want readable %v", zxids, from, got, err, ok)
		}
	}
	e2 := proto.NewZxid(2, 0)
	f(1, true, 1, 2, 3)
	f(1, false, 1, 2, 4)
	f(4, true, 1, 2, 4, 5) // what lies before does not count
	f(3, true, 1, 2, 4, 5)
	f(1, true, 1, 2, e2+1, e2+2)
	f(1, true, 1, 2, e2+7)
	f(1, false, 1, 2, e2+1, e2+3)
	f(1, true, 1, 2, 3, 2, 3, 4) // repeated ones do not break the chain
	f(1, true, 1, 2, 3, 1, 2, 3)
	f(1, false, 1, 2, 3, 1, 2, 3, 5)
}

func TestRepeatedIsMarked(t *testing.T) {
	m := newMem(t)
	file(t, m, "log.1", AppendHeader(nil), records(1, 3))
	file(t, m, "log.1.fixed", AppendHeader(nil), records(1, 4))
	r, err := Read(m, dir, 2, 0)
	must(t, err)
	defer r.Close()
	var repeated []proto.Zxid
	n := 0
	for ; ; n++ {
		rec, err := r.Next()
		if err != nil {
			break
		}
		if rec.Repeated {
			repeated = append(repeated, rec.Zxid)
		}
	}
	if n != 5 || !slices.Equal(repeated, []proto.Zxid{2, 3}) {
		t.Errorf("%d records, repeated %v", n, repeated)
	}
}

func TestNames(t *testing.T) {
	f := func(name string, want proto.Zxid) {
		t.Helper()
		got, ok := ParseName(name)
		if got != want || ok != (want >= 0) {
			t.Errorf("%s: %v %v, want %v", name, got, ok, want)
		}
	}
	f("log.1", 1)
	f("log.1a.fixed", 0x1a)
	f("log.1.bak", 1)
	f("log.100000001", 0x100000001)
	f("log.zz", -1)
	f("log.2x", -1)
	f("log.-5", -1)
	f("LOG.3", -1)
	f("log", -1)
	f("log.", -1)
	f("log.ffffffffffffffff", -1)
	f("logs.3", -1)
	if Name(0x1A) != "log.1a" {
		t.Error(Name(0x1A))
	}
}

func TestFrom(t *testing.T) {
	files := []File{{Name: "log.1", Zxid: 1}, {Name: "log.5", Zxid: 5}, {Name: "log.5.bak", Zxid: 5}, {Name: "log.9", Zxid: 9}}
	f := func(z proto.Zxid, want int) {
		t.Helper()
		if got := From(files, z); len(got) != want {
			t.Errorf("from %v: %v, want %d files", z, got, want)
		}
	}
	f(0, 4)
	f(1, 4)
	f(2, 4)
	f(5, 4) // Java reads the one before, too
	f(6, 3)
	f(9, 3)
	f(10, 1)
	if got := From(nil, 3); len(got) != 0 {
		t.Error(got)
	}
}

func TestCheck(t *testing.T) {
	m := newMem(t)
	file(t, m, "log.1", AppendHeader(nil), records(1, 2), changed(record(3), 40, 0xff), records(4, 5), record(9), make([]byte, 50))
	rep, err := Check(m, dir+"/log.1", 0)
	if err != nil || rep.Records != 5 || rep.First != 1 || rep.Last != 9 || rep.End != EndPadding || len(rep.Bad) != 1 || len(rep.Gaps) != 2 {
		t.Errorf("%+v, %v", rep, err)
	}
	file(t, m, "log.2")
	if rep, err := Check(m, dir+"/log.2", 0); err != nil || rep.End != EndNoHeader {
		t.Errorf("%+v, %v", rep, err)
	}
}

func FuzzScanner(f *testing.F) {
	head := AppendHeader(nil)
	f.Add(slices.Concat(head, records(1, 3), make([]byte, 40)))
	f.Add(slices.Concat(head, record(1), changed(record(2), 50, 9)))
	f.Add(head[:9])
	f.Fuzz(func(t *testing.T, in []byte) {
		m := newMem(t)
		file(t, m, "log.1", in)
		rep, err := Check(m, dir+"/log.1", 0)
		var c *CorruptError
		if err != nil && !errors.As(err, &c) {
			t.Fatalf("%v is no CorruptError", err)
		}
		if rep.Offset > int64(len(in)) {
			t.Fatalf("ends at %d of %d", rep.Offset, len(in))
		}
		// What was read before the first error is written with the same bytes.
		s, err := NewScanner(reads(in), "log.1", 0)
		if err != nil {
			return
		}
		again := slices.Clone(in[:HeaderSize])
		for {
			rec, err := s.Next()
			if err != nil {
				break
			}
			again = AppendRecord(again, rec.Body)
		}
		if !slices.Equal(again, in[:len(again)]) {
			t.Fatal("records are written with other bytes")
		}
		_, _ = readAll(t, m, 2)
	})
}

// FuzzTruncate cuts two files of whatever content, except that it is in the order that
// their names promise. What is left can be read as far as
// before, without the records above the zxid, and cutting again changes nothing.
func FuzzTruncate(f *testing.F) {
	head := AppendHeader(nil)
	f.Add(slices.Concat(head, records(1, 3)), slices.Concat(head, records(4, 6), make([]byte, 40)), int64(4))
	f.Add(slices.Concat(head, records(1, 3), make([]byte, 20)), slices.Concat(head, record(4), changed(record(5), 50, 9)), int64(2))
	f.Add(slices.Concat(head, records(1, 3)), head[:9], int64(9))
	f.Fuzz(func(t *testing.T, first, second []byte, at int64) {
		if a, b := zxids(first), zxids(second); !slices.IsSorted(slices.Concat(a, []proto.Zxid{3}, b)) || slices.Contains(b, 3) {
			return
		}
		m := newMem(t)
		file(t, m, "log.1", first)
		file(t, m, "log.4", second)
		before, _ := readAll(t, m, 0)
		cut, err := Truncate(m, dir, proto.Zxid(at), 0)
		var c *CorruptError
		if err != nil {
			if !errors.As(err, &c) {
				t.Fatalf("%v is no CorruptError", err)
			}
			return
		}
		after, err := readAll(t, m, 0)
		for _, z := range after {
			if z > proto.Zxid(at) {
				t.Fatalf("%v is left behind %v", z, proto.Zxid(at))
			}
		}
		n := slices.IndexFunc(before, func(z proto.Zxid) bool { return z > proto.Zxid(at) })
		if n < 0 {
			n = len(before)
		}
		if err == nil && !slices.Equal(after, before[:n]) {
			t.Fatalf("%v becomes %v, %+v", before, after, cut)
		}
		if again, err := Truncate(m, dir, proto.Zxid(at), 0); err != nil || again.Cut != "" || again.Removed != nil {
			t.Fatalf("cutting again: %+v, %v", again, err)
		}
	})
}

// zxids returns those of the good records of a file.
func zxids(file []byte) (list []proto.Zxid) {
	s, err := NewScanner(reads(file), "log", 0)
	if err != nil {
		return nil
	}
	for {
		rec, err := s.Next()
		if err != nil {
			return list
		}
		list = append(list, rec.Zxid)
	}
}
