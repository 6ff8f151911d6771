package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
)

// hexID is a zxid, session id or digest as expected.json writes it.
type hexID uint64

func (h *hexID) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 0, 64)
	*h = hexID(n)
	return err
}

// expected is a fixture's expected.json: the state to which the directory loads in
// Java 3.9.6.
type expected struct {
	DataDir    string
	DataLogDir string
	Load       struct {
		OK       bool
		Error    string
		Snapshot string
		Replayed int
	}
	LastProcessedZxid hexID
	TreeDigest        hexID
	DigestMismatches  []hexID
	Sessions          map[hexID]int32
	Ephemerals        map[hexID][]string
	Containers        []string
	TTLs              []string
	Snapshots         map[string]struct {
		Loadable       bool
		LooksValid     bool
		Sessions       map[hexID]int32
		ACLEntries     int
		Nodes          int
		TrailerBytes   int
		Digest         *struct{ Zxid, Value hexID }
		LastZxid       *hexID
		DanglingACLIDs []int64
	}
	Logs map[string]struct {
		Size         int64
		End          string
		EndOffset    *int64
		Count        int
		Error        string
		BodiesSha256 string
		FirstZxid    *hexID
		LastZxid     *hexID
		Txns         []struct {
			ClientID hexID
			Cxid     int32
			Zxid     hexID
			Time     int64
			Type     int32
			Digest   *struct{ TreeDigest hexID }
		}
	}
	Nodes []struct {
		Path string
		Data *string
		ACL  []struct {
			Perms      int32
			Scheme, ID string
		}
		Czxid, Mzxid, Pzxid         hexID
		Ctime, Mtime                int64
		Version, Cversion, Aversion int32
		EphemeralOwner              hexID
	}
}

const fixtures = "testdata/datadirs"

// fixture is one directory of testdata, with the name of its expectation.
type fixture struct{ dir, want string }

func allFixtures(t *testing.T) []fixture {
	t.Helper()
	var all []fixture
	err := filepath.WalkDir(fixtures, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.Name() != "expected.json" {
			return err
		}
		dir := filepath.Dir(path)
		if base := filepath.Base(dir); base != "ensemble-3-nodes" && base != "ensemble-truncate" {
			all = append(all, fixture{dir, path})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 21 {
		t.Fatalf("%d fixtures, want 21: does an ignore rule drop some?", len(all))
	}
	return all
}

func (f fixture) name() string { return strings.TrimPrefix(f.dir, fixtures+"/") }

func (f fixture) expected(t *testing.T) *expected {
	t.Helper()
	b, err := os.ReadFile(f.want)
	if err != nil {
		t.Fatal(err)
	}
	var e expected
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	return &e
}

// copyOf copies the fixture, because a load may change it.
func (f fixture) copyOf(t *testing.T) string {
	t.Helper()
	dst := t.TempDir()
	if err := os.CopyFS(dst, os.DirFS(f.dir)); err != nil {
		t.Fatal(err)
	}
	return dst
}

func openDir(t *testing.T, opt Options) *Dir {
	t.Helper()
	d, err := Open(vfs.OS(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestFixturesLoad(t *testing.T) {
	for _, f := range allFixtures(t) {
		t.Run(f.name(), func(t *testing.T) {
			t.Parallel()
			want, dir := f.expected(t), f.copyOf(t)
			d := openDir(t, Options{DataDir: filepath.Join(dir, want.DataDir), LogDir: filepath.Join(dir, want.DataLogDir)})
			rec, err := d.Load()
			if !want.Load.OK {
				checkRefused(t, err, want.Load.Error)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkState(t, rec, want)
		})
	}
}

// checkRefused holds a load error against the text of Java's exception.
func checkRefused(t *testing.T, err error, java string) {
	t.Helper()
	if err == nil {
		t.Fatalf("loaded, want refusal: %s", java)
	}
	_, text, _ := strings.Cut(java, ": ")
	text = strings.TrimPrefix(text, "Committed proposal cached out of order: ")
	if !strings.Contains(err.Error(), text) {
		t.Fatalf("error %q, want Java's %q in it", err, text)
	}
	var c *txnlog.CorruptError
	if !errors.As(err, &c) || c.File == "" || c.Offset == 0 || c.Remedy == "" {
		t.Fatalf("error %#v does not say file, offset and remedy", err)
	}
}

func checkState(t *testing.T, rec *Recovered, want *expected) {
	t.Helper()
	if rec.Snapshot != want.Load.Snapshot || rec.Replayed != want.Load.Replayed {
		t.Errorf("snapshot %s and %d replayed, want %s and %d", rec.Snapshot, rec.Replayed, want.Load.Snapshot, want.Load.Replayed)
	}
	if rec.LastZxid != proto.Zxid(want.LastProcessedZxid) || rec.Tree.LastZxid() != rec.LastZxid {
		t.Errorf("last zxid %v, the tree's %v, want %x", rec.LastZxid, rec.Tree.LastZxid(), want.LastProcessedZxid)
	}
	if rec.Tree.Digest() != uint64(want.TreeDigest) {
		t.Errorf("digest %x, want %x", rec.Tree.Digest(), want.TreeDigest)
	}
	var mismatches []hexID
	for _, z := range rec.Mismatches {
		mismatches = append(mismatches, hexID(z))
	}
	if !slices.Equal(mismatches, want.DigestMismatches) {
		t.Errorf("digest mismatches %x, want %x", mismatches, want.DigestMismatches)
	}
	sessions := map[hexID]int32{}
	for id, timeout := range rec.Sessions {
		sessions[hexID(id)] = timeout
	}
	if fmt.Sprint(sessions) != fmt.Sprint(want.Sessions) {
		t.Errorf("sessions %v, want %v", sessions, want.Sessions)
	}
	if n := len(rec.Recent); n != min(rec.Replayed, minRecent) {
		t.Errorf("%d recent transactions of %d", n, rec.Replayed)
	}
	checkNodes(t, rec.Tree, want)
	checkOwners(t, rec.Tree, want)
}

func checkNodes(t *testing.T, tr *tree.Tree, want *expected) {
	t.Helper()
	if n := tr.CountDescendants(tr.FindString("/")) + 1; n != len(want.Nodes) {
		t.Errorf("%d nodes, want %d", n, len(want.Nodes))
	}
	for _, w := range want.Nodes {
		n := tr.FindString(w.Path)
		if !n.Exists() {
			t.Errorf("%s is missing", w.Path)
			continue
		}
		p := tree.Persisted{
			Czxid: proto.Zxid(w.Czxid), Mzxid: proto.Zxid(w.Mzxid), Pzxid: proto.Zxid(w.Pzxid),
			Ctime: w.Ctime, Mtime: w.Mtime, Version: w.Version, Cversion: w.Cversion, Aversion: w.Aversion,
			Owner: int64(w.EphemeralOwner),
		}
		if n.Persisted() != p {
			t.Errorf("%s: stat %+v, want %+v", w.Path, n.Persisted(), p)
		}
		var acl []proto.ACL
		for _, a := range w.ACL {
			acl = append(acl, proto.ACL{Perms: proto.Perm(a.Perms), Identity: proto.Identity{Scheme: a.Scheme, ID: a.ID}})
		}
		got := tr.ACL(n)
		if len(got) == 0 {
			got = proto.OpenACL()
		}
		if !slices.Equal(got, acl) {
			t.Errorf("%s: ACL %v, want %v", w.Path, got, acl)
		}
		checkData(t, n, w.Path, w.Data)
	}
}

func checkData(t *testing.T, n tree.Node, path string, want *string) {
	t.Helper()
	got := n.Data()
	if want == nil {
		if got != nil {
			t.Errorf("%s: data %q, want null", path, got)
		}
		return
	}
	data, err := base64.StdEncoding.DecodeString(*want)
	if err != nil {
		t.Fatal(err)
	}
	if got == nil || !bytes.Equal(got, data) {
		t.Errorf("%s: data %q, want %q", path, got, data)
	}
}

func checkOwners(t *testing.T, tr *tree.Tree, want *expected) {
	t.Helper()
	for owner, paths := range want.Ephemerals {
		slices.Sort(paths)
		if got := tr.Ephemerals(proto.SessionID(owner)); !slices.Equal(got, paths) {
			t.Errorf("ephemerals of %x: %v, want %v", owner, got, paths)
		}
	}
	owners := 0
	for range tr.EphemeralOwners() {
		owners++
	}
	if owners != len(want.Ephemerals) {
		t.Errorf("%d owners of ephemerals, want %d", owners, len(want.Ephemerals))
	}
	for _, p := range append(want.Containers, want.TTLs...) {
		if n := tr.FindString(p); !n.Exists() || n.Stat().EphemeralOwner != 0 || n.Persisted().Owner == 0 {
			t.Errorf("%s is neither container nor TTL node", p)
		}
	}
}

func TestFixtureRecovered(t *testing.T) {
	t.Parallel()
	f := fixture{fixtures + "/log-corrupt-middle", fixtures + "/log-corrupt-middle/expected-recovered.json"}
	dir, want := f.copyOf(t), f.expected(t)
	// Our repair gives the toolkit's records, without its padding.
	log := filepath.Join(dir, "data/version-2/log.42")
	var fixed bytes.Buffer
	n, _, err := txnlog.Repair(vfs.OS(), log, &fixed, 0, func(_ txnlog.Record, bad *txnlog.CorruptError) (bool, error) { return bad != nil, nil })
	if err != nil || n != 1 {
		t.Fatalf("repair: %d fixed, %v; want 1", n, err)
	}
	toolkit, err := os.ReadFile(filepath.Join(dir, "toolkit/log.42.fixed"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(toolkit, fixed.Bytes()) || len(bytes.Trim(toolkit[fixed.Len():], "\x00")) != 0 {
		t.Error("our repair differs from the toolkit's")
	}
	if err := os.WriteFile(log, fixed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	rec, err := openDir(t, Options{DataDir: filepath.Join(dir, "data")}).Load()
	if err != nil {
		t.Fatal(err)
	}
	checkState(t, rec, want)
}

func TestFixtureLogs(t *testing.T) {
	for _, f := range allFixtures(t) {
		t.Run(f.name(), func(t *testing.T) {
			t.Parallel()
			want := f.expected(t)
			for name, w := range want.Logs {
				path := filepath.Join(f.dir, want.DataLogDir, versionDir, name)
				rep, err := txnlog.Check(vfs.OS(), path, 0)
				if err != nil {
					t.Fatal(err)
				}
				if w.Error != "" {
					if len(rep.Bad) != 1 || !strings.Contains(rep.Bad[0].Error(), "CRC check failed") {
						t.Errorf("%s: %v, want %s", name, rep.Bad, w.Error)
					}
					continue
				}
				if rep.Records != w.Count || !strings.HasSuffix(w.End, rep.End.String()) || w.EndOffset != nil && rep.Offset != *w.EndOffset {
					t.Errorf("%s: %d records, %v at %d, want %+v", name, rep.Records, rep.End, rep.Offset, w)
				}
				if w.Count > 0 && (rep.First != proto.Zxid(*w.FirstZxid) || rep.Last != proto.Zxid(*w.LastZxid)) {
					t.Errorf("%s: %v to %v, want %x to %x", name, rep.First, rep.Last, *w.FirstZxid, *w.LastZxid)
				}
				if w.Count > 0 {
					checkBodies(t, path, w.BodiesSha256, func(i int, x *txn.Txn) {
						if i >= len(w.Txns) {
							return
						}
						e := w.Txns[i]
						head := txn.Header{Session: proto.SessionID(e.ClientID), Cxid: e.Cxid, Zxid: proto.Zxid(e.Zxid), Time: e.Time, Type: proto.Op(e.Type)}
						if x.Header != head || (x.Digest == nil) != (e.Digest == nil) || x.Digest != nil && x.Digest.Value != uint64(e.Digest.TreeDigest) {
							t.Errorf("%s, record %d: %+v %+v, want %+v", name, i, x.Header, x.Digest, e)
						}
					})
				}
			}
		})
	}
}

// checkBodies decodes every record, encodes it again, and writes the records with
// the same bytes.
func checkBodies(t *testing.T, path, sha string, check func(i int, x *txn.Txn)) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := txnlog.NewScanner(bytes.NewReader(raw), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	sum, again := sha256.New(), txnlog.AppendHeader(nil)
	for i := 0; ; i++ {
		rec, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(rec.Body)
		x, err := txn.Decode(rec.Body, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if b := x.Append(nil); !bytes.Equal(b, rec.Body) {
			t.Errorf("%s: %v encodes to %x, was %x", path, rec.Zxid, b, rec.Body)
		}
		again = txnlog.AppendRecord(again, rec.Body)
		check(i, &x)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != sha {
		t.Errorf("%s: bodies hash to %s, want %s", path, got, sha)
	}
	if !bytes.HasPrefix(raw, again) {
		t.Errorf("%s: records are written with other bytes", path)
	}
}

// counter counts what a snapshot holds.
type counter struct {
	sessions map[hexID]int32
	acls     map[int64]bool
	nodes    int
	dangling map[int64]bool
}

func (c *counter) Session(s snapshot.Session) error {
	c.sessions[hexID(s.ID)] = s.Timeout
	return nil
}

func (c *counter) ACL(id int64, _ []proto.ACL) error {
	c.acls[id] = true
	return nil
}

func (c *counter) Node(n *snapshot.Node) error {
	c.nodes++
	if n.ACL != -1 && !c.acls[n.ACL] {
		c.dangling[n.ACL] = true
	}
	return nil
}

func TestFixtureSnapshots(t *testing.T) {
	for _, f := range allFixtures(t) {
		t.Run(f.name(), func(t *testing.T) {
			t.Parallel()
			want := f.expected(t)
			for name, w := range want.Snapshots {
				path := filepath.Join(f.dir, want.DataDir, versionDir, name)
				if ok, err := snapshot.Valid(vfs.OS(), path); err != nil || ok != w.LooksValid {
					t.Errorf("%s: looks valid %v, %v; want %v", name, ok, err, w.LooksValid)
				}
				file, err := os.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				c := &counter{map[hexID]int32{}, map[int64]bool{}, 0, map[int64]bool{}}
				trailer, err := snapshot.Scan(file, snapshot.ReadOptions{Compression: snapshot.CompressionOf(name)}, c)
				if (err == nil) != w.Loadable {
					t.Errorf("%s: error %v, want loadable %v", name, err, w.Loadable)
				}
				if err != nil {
					continue
				}
				if c.nodes != w.Nodes || len(c.acls) != w.ACLEntries || len(c.dangling) != len(w.DanglingACLIDs) ||
					fmt.Sprint(c.sessions) != fmt.Sprint(w.Sessions) {
					t.Errorf("%s: %d nodes, %d ACLs, dangling %v, sessions %v; want %+v", name, c.nodes, len(c.acls), c.dangling, c.sessions, w)
				}
				checkTrailer(t, name, trailer, w.TrailerBytes)
				if w.Digest != nil && (trailer.Digest == nil || trailer.Digest.Zxid != proto.Zxid(w.Digest.Zxid) || trailer.Digest.Value != uint64(w.Digest.Value)) {
					t.Errorf("%s: digest %v, want %+v", name, trailer.Digest, *w.Digest)
				}
				if w.LastZxid != nil && (trailer.Last == nil || *trailer.Last != proto.Zxid(*w.LastZxid)) {
					t.Errorf("%s: last zxid %v, want %x", name, trailer.Last, *w.LastZxid)
				}
			}
		})
	}
}

func checkTrailer(t *testing.T, name string, got snapshot.Trailer, bytes int) {
	t.Helper()
	n := 0
	if got.Digest != nil {
		n += 33
	}
	if got.Last != nil {
		n += 21
	}
	if n != bytes {
		t.Errorf("%s: trailer of %d bytes, want %d", name, n, bytes)
	}
}
