package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/vfs"
)

// goldens are files that Java wrote: fresh and used, with all trailers that it knows,
// and compressed.
var goldens = []struct {
	name    string
	trailer int
}{
	{"3.9.6-fresh.snapshot.0", 54},
	{"3.9.6.snapshot.41", 54},
	{"3.8.0.snapshot.41", 33},
	{"handmade.snapshot.0", 0},
	{"fuzzy.snapshot.9cb", 54},
	{"3.9.6-fresh.snapshot.0.gz", 54},
	{"3.9.6-fresh.snapshot.0.snappy", 54},
	{"3.9.6.snapshot.56.snappy", 54},
}

func golden(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	must(t, err)
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tape is a source that gives back what a visitor was given.
type tape struct {
	sessions []Session
	acls     []tree.ACLEntry
	nodes    [][]byte
	trailer  Trailer
}

func (p *tape) Session(s Session) error { p.sessions = append(p.sessions, s); return nil }

func (p *tape) ACL(id int64, acl []proto.ACL) error {
	p.acls = append(p.acls, tree.ACLEntry{ID: id, ACL: acl})
	return nil
}

func (p *tape) Node(n *Node) error {
	b := jute.AppendBuffer(nil, n.Path)
	b = jute.AppendBuffer(b, n.Data)
	b = jute.AppendLong(b, n.ACL)
	p.nodes = append(p.nodes, n.Stat.Append(b))
	return nil
}

func (p *tape) Sessions() []Session { return p.sessions }

func (p *tape) ACLs() []tree.ACLEntry { return p.acls }

func (p *tape) Nodes(b []byte) ([]byte, bool) {
	if len(p.nodes) == 0 {
		return jute.AppendString(b, "/"), false
	}
	b = append(b, p.nodes[0]...)
	p.nodes = p.nodes[1:]
	return b, true
}

func (p *tape) Last() (last, zxid proto.Zxid, digest uint64) {
	if p.trailer.Last != nil {
		last = *p.trailer.Last
	}
	if p.trailer.Digest != nil {
		zxid, digest = p.trailer.Digest.Zxid, p.trailer.Digest.Value
	}
	return last, zxid, digest
}

func (p *tape) options() Options {
	return Options{NoDigest: p.trailer.Digest == nil, NoLastZxid: p.trailer.Last == nil}
}

func plain(t testing.TB, name string) []byte {
	t.Helper()
	r, err := decompressor(bytes.NewReader(golden(t, name)), CompressionOf(name))
	must(t, err)
	b, err := io.ReadAll(r)
	must(t, err)
	return b
}

// TestGoldenBytes reads Java's files and writes them again with the same bytes.
func TestGoldenBytes(t *testing.T) {
	for _, g := range goldens {
		want := plain(t, g.name)
		p := &tape{}
		var err error
		p.trailer, err = Scan(bytes.NewReader(want), ReadOptions{}, p)
		must(t, err)
		if n := trailerSize(p.trailer); n != g.trailer {
			t.Errorf("%s: trailer of %d bytes, want %d", g.name, n, g.trailer)
		}
		var got bytes.Buffer
		must(t, Write(&got, p, p.options()))
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: written with other bytes", g.name)
		}
	}
}

// TestGoldenStreams does the same with what Java sent behind SNAP packets.
func TestGoldenStreams(t *testing.T) {
	for _, g := range []struct {
		name  string
		zxid  proto.Zxid
		nodes string
	}{
		{"3.9.6-follower.stream.200000001", 0x200000001, "/a /afterMove /bulk /cont /d0 /d1 /d2 /ttl-no /viaLeader /withauth"},
		{"3.9.6-observer.stream.100000000", 0x100000000, ""},
	} {
		want := golden(t, g.name)
		p := &tape{}
		d := newDecoder(bytes.NewReader(want), 0, true)
		d.body(p)
		must(t, d.err)
		var got bytes.Buffer
		must(t, WriteStream(&got, p))
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: written with other bytes", g.name)
		}
		c, err := ReadStream(bytes.NewReader(want), g.zxid, 0)
		must(t, err)
		var names []string
		for name := range c.Tree.FindString("/").Children() {
			if name != "zookeeper" {
				names = append(names, "/"+name)
			}
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != g.nodes || c.Tree.LastZxid() != g.zxid {
			t.Errorf("%s: %v with %s, want %s", g.name, c.Tree.LastZxid(), got, g.nodes)
		}
		if n := c.Tree.FindString("/zookeeper/config"); !n.Exists() || !strings.Contains(string(n.Data()), "version=100000000") {
			t.Errorf("%s: /zookeeper/config is not the ensemble's", g.name)
		}
	}
}

func trailerSize(t Trailer) int {
	n := 0
	if t.Digest != nil {
		n += 33
	}
	if t.Last != nil {
		n += 21
	}
	return n
}

// TestSnappyBlocks compresses as Java does: the same header and blocks of 32 KiB.
func TestSnappyBlocks(t *testing.T) {
	const name = "3.9.6.snapshot.56.snappy"
	want := plain(t, name)
	var got bytes.Buffer
	w, err := compressor(&got, Snappy)
	must(t, err)
	for rest := want; len(rest) > 0; rest = rest[min(len(rest), 777):] {
		_, err := w.Write(rest[:min(len(rest), 777)])
		must(t, err)
	}
	must(t, w.Close())
	count := func(b []byte) (n int) {
		if !bytes.Equal(b[:16], snappyHeader[:]) {
			t.Errorf("header % x", b[:16])
		}
		for b = b[16:]; len(b) > 0; n++ {
			b = b[4+binary.BigEndian.Uint32(b):]
		}
		return n
	}
	if a, b := count(got.Bytes()), count(golden(t, name)); a != b || a != (len(want)+snappyBlock-1)/snappyBlock {
		t.Errorf("%d blocks, Java wrote %d", a, b)
	}
	r, err := decompressor(&got, Snappy)
	must(t, err)
	if back, err := io.ReadAll(r); err != nil || !bytes.Equal(back, want) {
		t.Errorf("read back %d bytes, %v", len(back), err)
	}
}

// nodesOf describes a tree for comparison.
func nodesOf(tr *tree.Tree) string {
	var out []string
	var walk func(path string, n tree.Node)
	walk = func(path string, n tree.Node) {
		out = append(out, fmt.Sprintf("%s %q %v %+v %v", path, n.Data(), n.Data() == nil, n.Persisted(), tr.ACL(n)))
		for name := range n.Children() {
			walk(path+"/"+name, tr.FindString(path+"/"+name))
		}
	}
	walk("", tr.FindString("/"))
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// TestRoundTrip loads Java's files, writes them in every form and loads these.
func TestRoundTrip(t *testing.T) {
	for _, g := range goldens {
		if strings.HasPrefix(g.name, "fuzzy") {
			continue // its missing ACLs come with the log only
		}
		want, err := Read(bytes.NewReader(golden(t, g.name)), ReadOptions{Compression: CompressionOf(g.name)})
		must(t, err)
		want.Tree.SetLastZxid(0x1000) // nodes of later transactions would be left out
		check := func(form string, got *Content, err error) {
			t.Helper()
			must(t, err)
			if nodesOf(got.Tree) != nodesOf(want.Tree) || fmt.Sprint(got.Sessions) != fmt.Sprint(want.Sessions) ||
				got.Tree.Digest() != want.Tree.Digest() {
				t.Errorf("%s as %s: another state", g.name, form)
			}
		}
		for _, c := range []Compression{Plain, Gzip, Snappy} {
			var b bytes.Buffer
			must(t, Write(&b, Frozen(want.Tree, want.Sessions), Options{Compression: c}))
			got, err := Read(iotest.OneByteReader(&b), ReadOptions{Compression: c})
			check("file"+c.Suffix(), got, err)
		}
		var b bytes.Buffer
		must(t, WriteStream(&b, Frozen(want.Tree, want.Sessions)))
		b.WriteString("next packet")
		got, err := ReadStream(&b, 77, 0)
		check("stream", got, err)
		if got.Tree.LastZxid() != 77 || b.String() != "next packet" {
			t.Errorf("%s: last %v, left behind the stream %q", g.name, got.Tree.LastZxid(), b.String())
		}
	}
}

// seal appends a seal to the bytes of a file.
func seal(b []byte) []byte {
	b = jute.AppendLong(b, int64(adler32.Checksum(b)))
	return jute.AppendString(b, "/")
}

func TestTrailers(t *testing.T) {
	body := plain(t, "handmade.snapshot.0") // ends behind the first seal
	digest := func(b []byte) []byte {
		b = jute.AppendInt(jute.AppendLong(slices.Clone(b), 5), 2)
		return seal(jute.AppendLong(b, 77))
	}
	last := func(b []byte, z int64) []byte { return seal(jute.AppendLong(slices.Clone(b), z)) }
	old := func(s string) []byte {
		b := jute.AppendInt(jute.AppendLong(slices.Clone(body), 5), 1)
		return seal(jute.AppendString(b, s))
	}
	f := func(name string, in []byte, size int, text string, ok bool) {
		t.Helper()
		tr, err := Scan(bytes.NewReader(in), ReadOptions{}, Discard{})
		if !ok {
			var c *CorruptError
			if !errors.As(err, &c) {
				t.Errorf("%s: %v, want a CorruptError", name, err)
			}
			return
		}
		if err != nil || trailerSize(tr) != size {
			t.Errorf("%s: %v, %d bytes of trailer, want %d", name, err, trailerSize(tr), size)
			return
		}
		if tr.Digest != nil && (tr.Digest.Zxid != 5 || tr.Digest.Text != text || text == "" && tr.Digest.Value != 77) {
			t.Errorf("%s: %v", name, tr.Digest)
		}
		if tr.Last != nil && *tr.Last != 9 {
			t.Errorf("%s: last %v", name, *tr.Last)
		}
	}
	f("none", body, 0, "", true)
	f("zxid only", last(body, 9), 21, "", true)
	f("digest", digest(body), 33, "", true)
	f("both", last(digest(body), 9), 54, "", true)
	f("old digest", old("51c6d660"), 33, "51c6d660", true)
	f("old digest of 4 digits", old("51c6"), 33, "51c6", true) // also 33 bytes
	f("old digest and zxid", last(old("51c6d660"), 9), 54, "51c6d660", true)
	f("both and junk", append(last(digest(body), 9), "junk"...), 54, "", true)
	f("junk behind the first seal", append(slices.Clone(body), "junk"...), 0, "", false)
	f("cut in the zxid section", last(digest(body), 9)[:len(body)+40], 0, "", false)
	f("wrong seal 2", changed(digest(body), len(body)+3), 0, "", false)
	f("wrong seal 3", changed(last(digest(body), 9), len(body)+35), 0, "", false)
}

// changed returns a copy with one bit flipped.
func changed(b []byte, i int) []byte {
	b = slices.Clone(b)
	b[i] ^= 4
	return b
}

// TestDamage flips a bit of every byte and cuts at every length: nothing of it is
// taken for a whole snapshot, but for the cuts behind a seal, which are older formats.
func TestDamage(t *testing.T) {
	whole := plain(t, "3.9.6.snapshot.41")
	for i := range whole {
		// Version and dbid mean nothing to readers but are sealed like the rest.
		if _, err := Read(bytes.NewReader(changed(whole, i)), ReadOptions{}); err == nil {
			t.Errorf("bit flipped in byte %d: loaded", i)
		}
		_, err := Read(bytes.NewReader(whole[:i]), ReadOptions{})
		if older := i == len(whole)-54 || i == len(whole)-21; older != (err == nil) {
			t.Errorf("cut at %d of %d: %v", i, len(whole), err)
		}
	}
}

func TestRejects(t *testing.T) {
	head := jute.AppendLong(jute.AppendInt(binary.BigEndian.AppendUint32(nil, magic), 2), -1)
	file := func(parts ...[]byte) []byte { return seal(slices.Concat(append([][]byte{head}, parts...)...)) }
	zero := jute.AppendInt(nil, 0)
	node := func(path string) []byte {
		b := jute.AppendBuffer(jute.AppendString(nil, path), []byte{})
		return append(b, make([]byte, 8+statSize)...)
	}
	end := jute.AppendString(nil, "/")
	entry := func(id int64, acl []proto.ACL) []byte {
		return proto.AppendACL(jute.AppendLong(jute.AppendInt(nil, 1), id), acl)
	}
	f := func(name string, in []byte, reason error) {
		t.Helper()
		_, err := Read(bytes.NewReader(in), ReadOptions{})
		if !errors.Is(err, reason) || reason == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, reason)
		}
	}
	f("good", file(zero, zero, node(""), node("/a"), node("/a/b"), end), nil)
	f("child before parent", file(zero, zero, node(""), node("/a/b"), node("/a"), end), ErrRecord)
	f("no root", file(zero, zero, node("/a"), end), ErrRecord)
	f("no node", file(zero, zero, end), ErrRecord)
	f("null ACL", file(zero, entry(1, nil), node(""), end), ErrRecord)
	f("path too long", file(zero, zero, jute.AppendInt(nil, jute.DefaultLimit+1)), ErrLength)
	f("path of length -2", file(zero, zero, jute.AppendInt(nil, -2)), ErrLength)
	f("more sessions than bytes", file(jute.AppendInt(nil, 1<<30)), ErrShort)
	f("log", changed(file(zero, zero, node(""), end), 2), ErrMagic)
	f("empty", nil, ErrShort)
	f("header", head, ErrShort)
	boom := errors.New("boom")
	_, err := Read(io.MultiReader(bytes.NewReader(head), iotest.ErrReader(boom)), ReadOptions{})
	var c *CorruptError
	if !errors.Is(err, boom) || errors.As(err, &c) {
		t.Errorf("error of the disk: %v", err)
	}
	limit := make([]byte, jute.DefaultLimit)
	b := jute.AppendBuffer(jute.AppendString(nil, "/a"), limit)
	f("data as long as the limit", file(zero, zero, node(""), append(b, make([]byte, 8+statSize)...), end), nil)
}

func TestRejectsCompressed(t *testing.T) {
	f := func(name string, in []byte, c Compression) {
		t.Helper()
		var e *CorruptError
		if _, err := Read(bytes.NewReader(in), ReadOptions{Compression: c}); !errors.As(err, &e) {
			t.Errorf("%s: %v, want a CorruptError", name, err)
		}
	}
	gz, sn := golden(t, "3.9.6-fresh.snapshot.0.gz"), golden(t, "3.9.6-fresh.snapshot.0.snappy")
	f("gz cut", gz[:len(gz)-9], Gzip)
	f("gz sum", changed(gz, len(gz)-6), Gzip)
	f("plain as gz", plain(t, "3.9.6-fresh.snapshot.0.gz"), Gzip)
	f("snappy cut in a block", sn[:len(sn)-5], Snappy)
	f("snappy cut in a length", sn[:18], Snappy)
	f("snappy header", changed(sn, 1), Snappy)
	f("snappy length below 0", changed(slices.Concat(sn[:16], []byte{0x84}, sn[17:]), 16+0), Snappy)
	f("snappy size bomb", slices.Concat(sn[:16], []byte{0, 0, 0, 6, 0xff, 0xff, 0xff, 0xff, 0x0f, 0}), Snappy)
	f("gz as snappy", gz, Snappy)
}

func TestStreamSignature(t *testing.T) {
	var b bytes.Buffer
	must(t, WriteStream(&b, Frozen(tree.New(), nil)))
	in := b.Bytes()
	if _, err := ReadStream(bytes.NewReader(changed(in, len(in)-1)), 1, 0); !errors.Is(err, ErrSignature) {
		t.Errorf("wrong signature: %v", err)
	}
	for i := range in {
		if _, err := ReadStream(bytes.NewReader(in[:i]), 1, 0); err == nil {
			t.Errorf("cut at %d: loaded", i)
		}
	}
}

func TestValid(t *testing.T) {
	m := vfs.NewMem()
	f := func(name string, content []byte, want bool) {
		t.Helper()
		file, err := m.Create("/" + name)
		must(t, err)
		_, err = file.WriteAt(content, 0)
		must(t, err)
		must(t, file.Close())
		if got, err := Valid(m, "/"+name); err != nil || got != want {
			t.Errorf("%s with %d bytes: %v, %v; want %v", name, len(content), got, err, want)
		}
	}
	end := []byte{0, 0, 0, 1, '/'}
	f("snapshot.1", append(make([]byte, 5), end...), true)
	f("snapshot.1", append(make([]byte, 4), end...), false)
	f("snapshot.1", nil, false)
	f("snapshot.1", make([]byte, 100), false)
	f("snapshot.1.tmp", append(make([]byte, 5), end...), true)
	f("snapshot.1.gz", []byte{0x1f, 0x8b}, true)
	f("snapshot.1.GZ", []byte{0x1f, 0x8b}, true)
	f("snapshot.1.gz", []byte{0x1f}, false)
	f("snapshot.1.snappy", snappyHeader[:8], true)
	f("snapshot.1.snappy", snappyHeader[:7], false)
	if _, err := Valid(m, "/snapshot.2"); err == nil {
		t.Error("a missing file has a validity")
	}
}

func TestNames(t *testing.T) {
	f := func(name string, want proto.Zxid) {
		t.Helper()
		if got, ok := ParseName(name); got != want || ok != (want >= 0) {
			t.Errorf("%s: %v %v, want %v", name, got, ok, want)
		}
	}
	f("snapshot.1a", 0x1a)
	f("snapshot.1a.gz", 0x1a)
	f("snapshot.8.tmp", 8)
	f("snapshot.zz", -1)
	f("snapshot.ffffffffffffffff", -1)
	f("snapshot", -1)
	f(".unfinished-snapshot.5", -1)
	if Name(0x1A, Gzip) != "snapshot.1a.gz" || Name(0, Snappy) != "snapshot.0.snappy" || Name(16, Plain) != "snapshot.10" {
		t.Error("names differ from Java's")
	}
}

// TestFreshBytes is the size that a fresh server's snapshot.0 has in Java.
func TestFreshBytes(t *testing.T) {
	var b bytes.Buffer
	must(t, Write(&b, Frozen(tree.New(), nil), Options{}))
	if b.Len() != 478 {
		t.Errorf("%d bytes, Java writes 478", b.Len())
	}
	b.Reset()
	must(t, Write(&b, Frozen(tree.New(), nil), Options{NoLastZxid: true}))
	if b.Len() != 457 {
		t.Errorf("%d bytes, Java 3.8 writes 457", b.Len())
	}
}

type brokenWriter struct{ left int }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestWriteErrors(t *testing.T) {
	c, err := Read(bytes.NewReader(plain(t, "fuzzy.snapshot.9cb")), ReadOptions{})
	must(t, err)
	for _, comp := range []Compression{Plain, Gzip, Snappy} {
		for _, left := range []int{0, 10, 20, 10_000} {
			err := Write(&brokenWriter{left}, Frozen(c.Tree, c.Sessions), Options{Compression: comp})
			if !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("%d, disk full after %d: %v", comp, left, err)
			}
		}
	}
	if err := WriteStream(&brokenWriter{1000}, Frozen(c.Tree, nil)); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	for _, g := range goldens[:5] {
		f.Add(plain(f, g.name), byte(0))
	}
	f.Add(golden(f, "3.9.6-fresh.snapshot.0.gz"), byte(1))
	f.Add(golden(f, "3.9.6-fresh.snapshot.0.snappy"), byte(2))
	f.Fuzz(func(t *testing.T, in []byte, c byte) {
		opt := ReadOptions{Compression: Compression(c % 3)}
		got, err := Read(bytes.NewReader(in), opt)
		var corrupt *CorruptError
		if err != nil {
			if !errors.As(err, &corrupt) {
				t.Fatalf("%v is no CorruptError", err)
			}
			return
		}
		var b bytes.Buffer
		must(t, Write(&b, Frozen(got.Tree, got.Sessions), Options{}))
		if _, err := Read(&b, ReadOptions{}); err != nil {
			t.Fatalf("what was loaded and written does not load: %v", err)
		}
	})
}

// FuzzSealed puts valid seals behind what is between header and first seal.
func FuzzSealed(f *testing.F) {
	whole := plain(f, "handmade.snapshot.0")
	f.Add(whole[16 : len(whole)-sealSize])
	f.Fuzz(func(t *testing.T, in []byte) {
		file := seal(slices.Concat(whole[:16], in))
		c, err := Read(bytes.NewReader(file), ReadOptions{})
		if err == nil {
			_ = nodesOf(c.Tree)
		}
		_, _ = ReadStream(bytes.NewReader(in), 1, 0)
	})
}

// big is a tree of n nodes with 100 bytes each, in directories of 1000.
func big(b *testing.B, n int) *tree.Tree {
	b.Helper()
	tr := tree.New()
	var r tree.Result
	data := bytes.Repeat([]byte("x"), 100)
	for i := range n {
		path := fmt.Sprintf("/d%d", i/1000)
		if i%1000 != 0 {
			path = fmt.Sprintf("/d%d/n%d", i/1000, i)
		}
		r.Reset()
		tr.Apply(&txn.Txn{
			Header: txn.Header{Zxid: proto.Zxid(i + 1), Time: 1, Type: proto.OpCreate},
			Body:   &txn.Create{Type: proto.OpCreate, Path: path, Data: data, ACL: proto.OpenACL(), ParentCversion: -1},
		}, &r)
	}
	return tr
}

func BenchmarkWrite(b *testing.B) {
	tr := big(b, 100_000)
	for _, c := range []Compression{Plain, Gzip, Snappy} {
		b.Run("100k"+c.Suffix(), func(b *testing.B) {
			for b.Loop() {
				must(b, Write(io.Discard, Frozen(tr, nil), Options{Compression: c}))
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	tr := big(b, 100_000)
	for _, c := range []Compression{Plain, Gzip, Snappy} {
		var buf bytes.Buffer
		must(b, Write(&buf, Frozen(tr, nil), Options{Compression: c}))
		b.Run("100k"+c.Suffix(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := Read(bytes.NewReader(buf.Bytes()), ReadOptions{Compression: c})
				must(b, err)
			}
		})
		b.Run("scan100k"+c.Suffix(), func(b *testing.B) {
			for b.Loop() {
				_, err := Scan(bytes.NewReader(buf.Bytes()), ReadOptions{Compression: c}, Discard{})
				must(b, err)
			}
		})
	}
}
