package toolkit

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/tree"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
)

// A transcript is what Java's tools printed about one data directory, which is made anew
// from what they said about it.

// toolRun is one call of a tool.
type toolRun struct {
	args           []string // with the script's name
	note           string
	stdout, stderr string
	code           int
}

var runForm = regexp.MustCompile(`(?s)^(\S+) ?([^\n]*)\n(?:## note: ([^\n]*)\n)?## stdout\n(?:/usr/bin/java\n)?(.*)## stderr\n(.*)## exit (\d+)\n`)

func transcript(t *testing.T, name string) []toolRun {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	var runs []toolRun
	for _, part := range strings.Split("\n"+string(b), "\n$ ")[1:] {
		m := runForm.FindStringSubmatch(part + "\n")
		if m == nil {
			t.Fatalf("%s: cannot read %q", name, part)
		}
		code, _ := strconv.Atoi(m[6])
		runs = append(runs, toolRun{append([]string{m[1]}, strings.Fields(m[2])...), m[3], m[4], m[5], code})
	}
	return runs
}

var (
	lineForm   = regexp.MustCompile(`(?m)^(1\S+, \S+ \S+ UTC) session (\S+) cxid (\S+) zxid (\S+) (\S+) `)
	createForm = regexp.MustCompile(`(?s)^([^,]*),(.*),\[31,s\{'world,'anyone\}\n\],(.*)$`)
)

// transactions returns the history that the first dump of the transcript shows.
func transactions(t *testing.T, dump string) []txn.Txn {
	t.Helper()
	var all []txn.Txn
	at := lineForm.FindAllStringSubmatchIndex(dump, -1)
	for i, m := range at {
		end := strings.Index(dump, "EOF reached")
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		field := func(k int) string { return dump[m[2*k]:m[2*k+1]] }
		number := func(s string) int64 {
			n, err := strconv.ParseInt(s, 0, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		when, err := time.Parse(shortDate, field(1))
		if err != nil {
			t.Fatal(err)
		}
		x := txn.Txn{Header: txn.Header{
			Session: proto.SessionID(number(field(2))), Cxid: int32(number(field(3))), Zxid: proto.Zxid(number(field(4))), Time: when.UnixMilli(),
		}}
		x.Type, x.Body = body(t, field(5), strings.TrimSuffix(dump[m[1]:end], "\n"), x.Zxid)
		all = append(all, x)
	}
	return all
}

// body reads what a dump shows of a transaction.
func body(t *testing.T, typ, text string, zxid proto.Zxid) (proto.Op, txn.Body) {
	t.Helper()
	f := strings.Split(text, ",")
	last, _ := strconv.ParseInt(f[len(f)-1], 10, 64)
	create := func(op proto.Op) *txn.Create {
		m := createForm.FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("cannot read %q", text)
		}
		c := &txn.Create{Type: op, Path: m[1], Data: []byte(m[2]), ACL: proto.OpenACL(), ParentCversion: int32(last)}
		c.Ephemeral = strings.HasPrefix(m[3], "true")
		return c
	}
	switch typ {
	case "createSession":
		return proto.OpCreateSession, &txn.CreateSession{Timeout: int32(last)}
	case "create":
		return proto.OpCreate, create(proto.OpCreate)
	case "createContainer":
		return proto.OpCreateContainer, create(proto.OpCreateContainer)
	case "createTTL":
		c := create(proto.OpCreateTTL)
		c.ParentCversion, c.TTL = 3, last
		return proto.OpCreateTTL, c
	case "setData":
		return proto.OpSetData, &txn.SetData{Path: f[0], Data: []byte(f[1]), Version: int32(last)}
	case "setACL":
		return proto.OpSetACL, &txn.SetACL{Path: strings.TrimPrefix(f[0], "'"), ACL: []proto.ACL{{Perms: proto.PermRead, Identity: proto.Identity{Scheme: "world", ID: "anyone"}}}, Version: int32(last)}
	case "delete":
		return proto.OpDelete, &txn.Delete{Path: strings.TrimPrefix(text, "'")}
	case "closeSession":
		paths := strings.Trim(text, "v{'}")
		if paths == "" {
			return proto.OpCloseSession, &txn.CloseSession{}
		}
		return proto.OpCloseSession, &txn.CloseSession{Paths: []string{paths}}
	case "multi": // of which the dump shows raw bytes
		if zxid == 0x15 {
			return proto.OpMulti, &txn.Multi{Ops: []txn.Op{
				{Type: proto.OpCreate, Body: &txn.Create{Type: proto.OpCreate, Path: "/m2", Data: []byte("q"), ACL: proto.OpenACL(), ParentCversion: 5}},
				{Type: proto.OpError, Body: &txn.Error{Code: proto.NodeExists}},
			}}
		}
		return proto.OpMulti, &txn.Multi{Ops: []txn.Op{
			{Type: proto.OpCreate, Body: &txn.Create{Type: proto.OpCreate, Path: "/m1", Data: []byte("one"), ACL: proto.OpenACL(), ParentCversion: 4}},
			{Type: proto.OpSetData, Body: &txn.SetData{Path: "/app", Data: []byte("three"), Version: 2}},
			{Type: proto.OpDelete, Body: &txn.Delete{Path: "/m1"}},
		}}
	}
	t.Fatalf("unknown type %q", typ)
	return 0, nil
}

// inOrder is the source of a tree with the nodes in a given order, which that of Java's
// hash tables was.
type inOrder struct {
	snapshot.Source
	tree  *tree.Tree
	order []string
}

func (s inOrder) Nodes(b []byte) ([]byte, bool) {
	for _, path := range s.order {
		n := s.tree.FindString(path)
		if !n.Exists() {
			continue // this snapshot is older
		}
		b = jute.AppendString(b, strings.TrimSuffix(path, "/"))
		b = n.AppendData(b)
		b = append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
		p := n.Persisted()
		b = p.Append(b)
	}
	return append(b, 0, 0, 0, 1, '/'), false
}

// rebuild makes the directory that the transcripts are about.
func rebuild(t *testing.T, data string) {
	t.Helper()
	dir := filepath.Join(data, "version-2")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var dump string
	for _, r := range transcript(t, "zkTxnLogToolkit") {
		if len(r.args) == 2 && r.code == 0 && strings.HasPrefix(r.args[1], "/data/") {
			dump = r.stdout
		}
	}
	var order []string
	for _, r := range transcript(t, "zkSnapShotToolkit") {
		at := 0
		for _, m := range regexp.MustCompile(`(?m)^(/.*)$`).FindAllString(r.stdout, -1) {
			if !slices.Contains(order, m) {
				order = slices.Insert(order, at, m)
			}
			at = slices.Index(order, m) + 1
		}
	}
	state := tree.New()
	sessions := map[proto.SessionID]int32{}
	keep := func(zxid proto.Zxid) {
		var b bytes.Buffer
		if err := snapshot.Write(&b, inOrder{snapshot.Frozen(state, sessions), state, order}, snapshot.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, snapshot.Name(zxid, snapshot.Plain)), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	keep(0)
	log := txnlog.AppendHeader(nil)
	var result tree.Result
	for _, x := range transactions(t, dump) {
		log = txnlog.AppendRecord(log, x.Append(nil))
		result.Reset()
		state.Apply(&x, &result)
		switch x.Zxid {
		case 0xc, 0x16, 0x19, 0x1c, 0x1f:
			keep(x.Zxid)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "log.1"), log, 0o644); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(data, "tmp")
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(log)
	bad[txnlog.HeaderSize+7] ^= 1
	for name, content := range map[string][]byte{"log.bad": bad, "log.notlog": []byte("this is no log at all")} {
		if err := os.WriteFile(filepath.Join(other, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTranscripts repeats every call of the transcripts.
func TestTranscripts(t *testing.T) {
	for _, name := range []string{
		"zkTxnLogToolkit", "zkSnapShotToolkit", "zkSnapshotRecursiveSummaryToolkit", "zkSnapshotComparer", "zkCleanup",
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			rebuild(t, data)
			runs := transcript(t, name)
			if len(runs) < 3 {
				t.Fatalf("only %d runs", len(runs))
			}
			for _, r := range runs {
				repeat(t, data, r)
			}
		})
	}
}

// repeat makes a call, with the paths of the transcript in the directory.
func repeat(t *testing.T, data string, r toolRun) {
	t.Helper()
	here := strings.NewReplacer("/data/", data+"/", "/tmp/", data+"/tmp/")
	there := strings.NewReplacer(data+"/tmp/", "/tmp/", data+"/", "/data/")
	var args []string
	for _, a := range r.args[1:] {
		args = append(args, here.Replace(a))
	}
	if r.args[0] == "zkCleanup.sh" { // the script looks into zoo.cfg
		args = append([]string{data}, args...)
		dates(t, data, r.stdout)
	}
	var out, errs bytes.Buffer
	code := Run(r.args[0], args, Streams{In: strings.NewReader(""), Out: &out, Err: &errs, FS: vfs.OS(), Zone: time.UTC, Now: time.Now})
	if code != r.code {
		t.Errorf("%s: exit %d, want %d\n%s", r.args, code, r.code, &errs)
	}
	got, want := untimed([]byte(there.Replace(out.String()))), untimed([]byte(r.stdout))
	if r.args[0] == "zkCleanup.sh" && code == 0 { // in the order of a hash table
		got, want = sorted(got), sorted(want)
	}
	if slices.Contains(args, "-json") {
		want = strings.TrimSuffix(want, "\n") // which the recorder has added
	}
	if got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", r.args, got, want)
	}
	if strings.HasPrefix(r.stderr, "Exception in thread") {
		if errs.Len() == 0 {
			t.Errorf("%s says nothing where Java shows a stack", r.args)
		}
		return
	}
	if got := there.Replace(errs.String()); got != r.stderr {
		t.Errorf("%s: got error\n%q\nwant\n%q", r.args, got, r.stderr)
	}
}

func sorted(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// dates gives files the times that the transcript shows.
func dates(t *testing.T, data, stdout string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`Removing file: ([^\t]*)\t/data(\S+)`).FindAllStringSubmatch(stdout, -1) {
		when, err := time.Parse(purgeDate, m[1])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(data+m[2], when, when); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDumpJSON has one line per record, each of them JSON by itself.
func TestDumpJSON(t *testing.T) {
	var out bytes.Buffer
	n, _, err := DumpLog(&out, vfs.OS(), datadirs+"java-3.9.6-standalone/data/version-2/log.1", LogOptions{JSON: true, From: 0x27, To: 0x28})
	if err != nil || n != 65 {
		t.Fatalf("%d records, %v", n, err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], `"zxid":"0x27"`) || !strings.Contains(lines[0], `"op":"createContainer","path":"/m/c"`) ||
		!strings.Contains(lines[1], `"op":"error","error":-103`) || !strings.Contains(lines[2], `"records":65,"end":"zero padding"`) {
		t.Errorf("got\n%s", &out)
	}
	out.Reset()
	if err := FormatSnapshot(&out, vfs.OS(), datadirs+"java-3.9.6-standalone/data/version-2/snapshot.41", SnapshotOptions{JSON: true, Data: true}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`{"path":"/acl/z","data":"eg==","dataLength":1,"acl":[{"perms":1,"scheme":"world","id":"anyone"}`, `"lastZxid":"0x41"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in\n%s", want, &out)
		}
	}
	if _, _, err := DumpLog(io.Discard, vfs.OS(), datadirs+"log-corrupt-middle/data/version-2/log.42", LogOptions{JSON: true}); err != nil {
		t.Error(err)
	}
}
