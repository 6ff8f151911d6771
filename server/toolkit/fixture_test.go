package toolkit

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"gokeeper/server/vfs"
)

// datadirs are directories that Java's servers left.
const datadirs = "../storage/testdata/datadirs/"

// took is what differs from run to run.
var took = regexp.MustCompile(`in [0-9.]+ seconds|"timestamp":[0-9]+`)

func untimed(b []byte) string { return took.ReplaceAllString(string(b), "…") }

// TestDataDirectories prints files of Java's servers, and wants what Java's tools print.
func TestDataDirectories(t *testing.T) {
	const one, many, damaged = "java-3.9.6-standalone/", "many-logs-and-snapshots/", "log-corrupt-middle/"
	f := func(want, script string, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		code := Run(script, args, Streams{In: bytes.NewReader(nil), Out: &out, Err: &errs, FS: vfs.OS(), Zone: time.UTC, Now: time.Now})
		text, err := os.ReadFile("testdata/" + want)
		if err != nil {
			t.Fatal(err)
		}
		if code != 0 || errs.Len() > 0 || untimed(out.Bytes()) != untimed(text) {
			t.Errorf("%s %v: exit %d, %s\ngot\n%s\nwant\n%s", script, args, code, &errs, &out, text)
		}
	}
	const snapshot, log, summary = "zkSnapShotToolkit.sh", "zkTxnLogToolkit.sh", "zkSnapshotRecursiveSummaryToolkit.sh"
	dir := datadirs + one + "data/version-2/"
	f(one+"snapshotformatter-snapshot.41.txt", snapshot, dir+"snapshot.41")
	f(one+"snapshotformatter-d-snapshot.41.txt", snapshot, "-d", dir+"snapshot.41")
	f(one+"snapshotformatter-json-snapshot.41.txt", snapshot, "-json", dir+"snapshot.41")
	f(one+"recursivesummary-snapshot.41-root-0.txt", summary, dir+"snapshot.41", "/", "0")
	f(one+"recursivesummary-snapshot.41-root-1.txt", summary, dir+"snapshot.41", "/", "1")
	f(one+"txnlogtoolkit-log.1.txt", log, dir+"log.1")
	f(one+"txnlogtoolkit-log.42.txt", log, "-d", dir+"log.42")
	f(damaged+"txnlogtoolkit-dump.txt", log, datadirs+damaged+"data/version-2/log.42")
	dir = datadirs + many + "data/version-2/"
	f(many+"snapshotcomparer-12-60.txt", "zkSnapshotComparer.sh", "--left="+dir+"snapshot.12", "-r", dir+"snapshot.60", "-b1", "-n", "1")
}

// TestRecover repairs a damaged log as TxnLogToolkit does.
func TestRecover(t *testing.T) {
	damaged, err := os.ReadFile(datadirs + "log-corrupt-middle/data/version-2/log.42")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/log-corrupt-middle/txnlogtoolkit-recover.txt")
	if err != nil {
		t.Fatal(err)
	}
	f := func(answers string, code int, fixed bool, args ...string) string {
		t.Helper()
		log := filepath.Join(t.TempDir(), "log.42")
		if err := os.WriteFile(log, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		got := Run("zkTxnLogToolkit.sh", append(args, log), Streams{bytes.NewBufferString(answers), &out, &errs, vfs.OS(), time.UTC, time.Now})
		if got != code {
			t.Errorf("%v: exit %d, want %d: %s", args, got, code, &errs)
		}
		now, err := os.ReadFile(log)
		if err != nil || !bytes.Equal(now, damaged) {
			t.Errorf("%v: the original was changed (%v)", args, err)
		}
		if n, end, err := DumpLog(io.Discard, vfs.OS(), log+".fixed", LogOptions{Zone: time.UTC}); fixed && (err != nil || n != 28) {
			t.Errorf("%v: %d records, %v, %v in the repaired file", args, n, end, err)
		}
		return out.String() + errs.String()
	}
	name := regexp.MustCompile(`file \S+/log`)
	if got := f("", 0, true, "-r", "-y"); name.ReplaceAllString(got, "file log") != name.ReplaceAllString(string(want), "file log") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	asked := "Would you like to fix it (Yes/No/Abort) ? "
	if got := f("what\nno\n", 0, true, "-r"); !bytes.Contains([]byte(got), []byte(asked+asked+"EOF reached after 28 txns.\n")) {
		t.Errorf("got %q", got)
	}
	if got := f("abort\n", 0, false, "-r"); !bytes.HasSuffix([]byte(got), []byte(asked+"Recovery aborted.\n")) {
		t.Errorf("got %q", got)
	}
	f("", 1, false, "-r")
}

// TestChop wants Java's answers at the places where it says something.
func TestChop(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log.1")
	whole, err := os.ReadFile(datadirs + "java-3.9.6-standalone/data/version-2/log.1")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	const head = "ZooKeeper Transactional Log File with dbid 0 txnlog format version 2\n"
	f := func(zxid, want, copy string, size int64) {
		t.Helper()
		var out, errs bytes.Buffer
		code := Run("zkTxnLogToolkit.sh", []string{"-c", "-z", zxid, log}, Streams{nil, &out, &errs, vfs.OS(), time.UTC, time.Now})
		if code != 0 || out.String() != head+want {
			t.Errorf("-z %s: exit %d, got %q, want %q (%s)", zxid, code, &out, head+want, &errs)
		}
		if info, err := os.Stat(log + copy); err != nil || info.Size() != size {
			t.Errorf("-z %s: %v, %v; want %d bytes", zxid, info, err, size)
		}
	}
	f("0x5", "Chopping at 5 new log has 5 records\n", ".chopped5", 799)
	f("0x41", "EOF reached after 65 txns.\nGot exception: Failed to chop log.1\n", ".chopped65", 7244)
	f("153", "EOF reached after 65 txns.\nGot exception: Failed to chop log.1\n", ".chopped153", 7244)
	f("0x0", "This log does not contain zxid 0\nGot exception: Failed to chop log.1\n", ".chopped0", 16)
}

// TestText replaces what is no UTF-8 as Java does.
func TestText(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := string(appendText(nil, []byte(in))); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	f("aé中😀", "aé中😀")
	f("\x80\xbf", "��")
	f("\xc3", "�")
	f("\xe4\xb8", "�")
	f("\xe4\xb8a", "�a")
	f("\xe0\x80\x80", "���")
	f("\xf0\x9f\x98", "�")
	f("\xf0\x80\x80", "���")
	f("\xed\xa0\xbd\xed\xb8\x80", "��")
	f("\xc0\xaf\xff", "���")
}
