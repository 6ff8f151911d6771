package storage

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/vfs"
)

// judgements are what an inspection says of the fixtures, by the beginning of their name;
// of all others it has nothing to say.
var judgements = map[string]struct {
	worst Severity
	words string
}{
	"log-corrupt-middle":        {Damage, "a server refuses to start: transaction log"},
	"log-gap":                   {Damage, "0x40 is not the next proposal of 0x14"},
	"snapshot-corrupt-newest":   {Remark, "CRC corruption"},
	"snapshot-truncated-newest": {Remark, "snapshot is incomplete"},
	"log-tail-cut":              {Note, "unfinished record"},
	"log-tail-torn":             {Note, "unfinished record"},
	"log-tail-empty-file":       {Note, "nothing is in it"},
	"log-jump-after-snap":       {Note, "a snapshot must cover what is between them"},
}

// contents returns names and sums of all files below a directory.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %x\n", path, sha256.Sum256(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestInspectFixtures judges every directory as its description does, and touches none.
func TestInspectFixtures(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range allFixtures(t) {
		want, dir := f.expected(t), f.copyOf(t)
		before := contents(t, dir)
		in, err := Inspect(vfs.OS(), Options{DataDir: filepath.Join(dir, want.DataDir), LogDir: filepath.Join(dir, want.DataLogDir)}, nil)
		if err != nil {
			t.Errorf("%s: %v", f.name(), err)
			continue
		}
		if contents(t, dir) != before {
			t.Errorf("%s was changed", f.name())
		}
		if rec := in.Recovered; (rec != nil) != want.Load.OK || rec != nil && (rec.LastZxid != proto.Zxid(want.LastProcessedZxid) || rec.Snapshot != want.Load.Snapshot) {
			t.Errorf("%s: recovered %+v", f.name(), rec)
		}
		name := filepath.Base(f.dir)
		j, told := judgements[name]
		seen[name] = seen[name] || told
		if in.Worst() != j.worst || !strings.Contains(fmt.Sprint(in.Findings), j.words) || !told && len(in.Findings) > 0 {
			t.Errorf("%s: %v, %v; want %v, %q", f.name(), in.Worst(), in.Findings, j.worst, j.words)
		}
		if len(in.Logs) != len(want.Logs) || len(in.Snapshots) != len(want.Snapshots) {
			t.Errorf("%s: %d logs, %d snapshots", f.name(), len(in.Logs), len(in.Snapshots))
		}
	}
	for name := range judgements {
		if !seen[name] {
			t.Errorf("%s was not looked at", name)
		}
	}
}

// TestInspectFindings makes directories of which something is to be said.
func TestInspectFindings(t *testing.T) {
	f := func(worst Severity, words string, change func(dir string) error) {
		t.Helper()
		dir := fixture{fixtures + "/ensemble-3-nodes/1", ""}.copyOf(t)
		version := filepath.Join(dir, "data", versionDir)
		if err := change(version); err != nil {
			t.Fatal(err)
		}
		in, err := Inspect(vfs.OS(), Options{DataDir: filepath.Join(dir, "data")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if in.Worst() != worst || !strings.Contains(fmt.Sprint(in.Findings), words) {
			t.Errorf("%v, %v; want %v, %q", in.Worst(), in.Findings, worst, words)
		}
	}
	write := func(name, text string) func(string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644) }
	}
	f(Note, "", func(string) error { return nil })
	f(Damage, "The accepted epoch, 2 is less than the current epoch, 3", write("acceptedEpoch", "2"))
	f(Note, "is behind the log", write("currentEpoch", "2"))
	f(Remark, "is missing", func(dir string) error { return os.Remove(filepath.Join(dir, "currentEpoch")) })
	f(Note, "is no name of a log or snapshot", write("log.zz", ""))
	f(Note, "permits a start without data", write("../initialize", ""))
	f(Remark, "counts as a log or snapshot", func(dir string) error {
		return os.Link(filepath.Join(dir, "log.300000035"), filepath.Join(dir, "log.300000035.bak"))
	})
	f(Damage, "No snapshot found", func(dir string) error {
		all, err := filepath.Glob(filepath.Join(dir, "snapshot.*"))
		for _, path := range all {
			err = os.Remove(path)
		}
		return err
	})
	f(Remark, "does not read it now", func(dir string) error {
		b, err := os.ReadFile(filepath.Join(dir, "log.100000001"))
		if err != nil {
			return err
		}
		b[40] ^= 1
		return os.WriteFile(filepath.Join(dir, "log.100000001"), b, 0o644)
	})
}
