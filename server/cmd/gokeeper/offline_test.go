package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gokeeper/server/storage"
	"gokeeper/server/vfs"
)

const datadirs = "../../storage/testdata/datadirs"

// copyOf returns a copy of a directory that Java's servers left.
func copyOf(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(datadirs, name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// says wants a code, and words in what a command prints.
func (r result) says(t *testing.T, code int, words ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit %d, want %d\n%v", r.code, code, r)
	}
	for _, w := range words {
		if !strings.Contains(r.stdout+r.stderr, w) {
			t.Errorf("%q is not in\n%s%s", w, r.stdout, r.stderr)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestLogRepair mends a damaged log only when told to, keeps the original, and leaves a
// directory alone on which a server runs.
func TestLogRepair(t *testing.T) {
	dir := copyOf(t, "log-corrupt-middle/data")
	log := filepath.Join(dir, "version-2", "log.42")
	damaged := read(t, log)
	call(t, "log", "check", dir).says(t, exitDamaged, "log.42, offset 466: CRC check failed", "restore a backup")
	call(t, "log", "repair", log).says(t, 1, "offset 466: wrong checksum", "zxid 0x46 create /afTer/n-0000000002", "--yes")
	d, err := storage.Open(vfs.OS(), storage.Options{DataDir: dir, Owner: "the server"})
	if err != nil {
		t.Fatal(err)
	}
	call(t, "log", "repair", "--yes", log).says(t, 1, "in use by another server", "the server", "stop that server")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, log), damaged) {
		t.Fatal("the log was changed")
	}
	call(t, "log", "repair", "--yes", log).says(t, 0, "the original is")
	if !bytes.Equal(read(t, filepath.Join(dir, "version-2", "damaged-log.42")), damaged) {
		t.Error("the original was not kept")
	}
	call(t, "log", "check", dir).says(t, 0, "28 records, zxid 0x42 to 0x5d")
	call(t, "log", "repair", "--yes", log).says(t, 0, "nothing to repair")
	if d, err = storage.Open(vfs.OS(), storage.Options{DataDir: dir}); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if rec, err := d.Load(); err != nil || rec.LastZxid != 0x5d {
		t.Errorf("loaded to %v, %v", rec, err)
	}
}

// TestLogTruncate cuts behind a transaction that is there, and keeps the whole.
func TestLogTruncate(t *testing.T) {
	dir := copyOf(t, "java-3.9.6-standalone/data")
	log := filepath.Join(dir, "version-2", "log.1")
	whole := read(t, log)
	call(t, "log", "truncate", log).says(t, 2, "--to ZXID")
	call(t, "log", "truncate", log, "--to", "0x99").says(t, 1, "does not hold 0x99", "gokeeper log show")
	call(t, "log", "truncate", log, "--to", "0x10").says(t, 0, "49 records were cut", "log.42 holds more", "snapshot.41 holds more")
	call(t, "log", "check", log).says(t, 0, "16 records, zxid 0x1 to 0x10")
	if !bytes.Equal(read(t, filepath.Join(dir, "version-2", "whole-log.1")), whole) {
		t.Error("the whole was not kept")
	}
	call(t, "log", "truncate", log, "--to", "0x5").says(t, 1, "move it away first")
}

// TestShow prints logs and snapshots; what they print is tested in package toolkit.
func TestShow(t *testing.T) {
	dir := copyOf(t, "java-3.9.6-standalone/data")
	snapshot := filepath.Join(dir, "version-2", "snapshot.41")
	call(t, "log", "show", dir).says(t, 0, "EOF reached after 65 txns.", "EOF reached after 28 txns.")
	call(t, "log", "show", "--json", "--from", "0x50", dir).says(t, 0, `{"zxid":"0x50"`)
	call(t, "log", "show", filepath.Join(dir, "none")).says(t, 1, "no such file", "name a file")
	call(t, "log", "show", snapshot).says(t, exitDamaged, "not a transaction log")
	call(t, "snapshot", "show", "--data", snapshot).says(t, 0, "ZNode Details (count=39)", "  data = ")
	call(t, "snapshot", "show", "--ncdu", snapshot).says(t, 0, `[1,0,{"progname"`)
	call(t, "snapshot", "check", dir).says(t, 0, "snapshot.41: sound: 38 nodes, 449 bytes of data, 2 sessions, written up to 0x41")
	call(t, "snapshot", "diff", snapshot, snapshot).says(t, 0, "All layers compared.")
	call(t, "snapshot", "diff", "--json", filepath.Join(dir, "version-2", "snapshot.0"), snapshot).says(t, exitRemarks, `{"path":"/p","in":"right","bytes":315,"nodes":4}`)
	call(t, "snapshot", "summary", snapshot, "/zookeeper", "--depth", "1").says(t, 0, "-- /zookeeper/quota")
	call(t, "snapshot", "summary", snapshot, "/none").says(t, 1, "no node /none")
	call(t, "snapshot", "check", copyOf(t, "snapshot-corrupt-newest/data")).says(t, exitDamaged, "snapshot.41: damaged: offset 4016: CRC corruption")
	call(t, "zkSnapShotToolkit.sh", "-d", snapshot).says(t, 0, "ZNode Details (count=39)")
	call(t, "zkTxnLogToolkit.sh", "/nofile").is(t, 1, "", "File doesn't exist or not readable: /nofile\n")
}

// TestDataCheck gives scripts a code, and people words.
func TestDataCheck(t *testing.T) {
	check := func(name string, args ...string) result {
		return call(t, append([]string{"data", "check", filepath.Join(datadirs, name)}, args...)...)
	}
	check("java-3.9.6-standalone/data").says(t, 0, "log.42: 28 records, 0x42 to 0x5d, zero padding",
		"A server loads snapshot.41, replays 28 transactions, and goes on behind 0x5d with 45 nodes and 4 sessions.")
	check("java-3.9.6-standalone/data/version-2", "--json").says(t, 0, `"loads":"snapshot.41"`, `"zxid":"0x5d"`)
	check("many-logs-and-snapshots/data", "--log-dir", filepath.Join(datadirs, "many-logs-and-snapshots/datalog")).says(t, 0, "replays 10 transactions")
	check("snapshot-corrupt-newest/data").says(t, exitRemarks, "remark: snapshot.41 is damaged", "move this one away")
	check("log-corrupt-middle/data").says(t, exitDamaged, "damage: a server refuses to start", "offset 466", "restore a backup")
	check("log-gap/data", "--json").says(t, exitDamaged, `"severity":"damage"`, "put it back")
	check("none").says(t, 1, "name a data directory")
}

// TestBackupRestore goes through the commands; what they do is tested in package backup.
func TestBackupRestore(t *testing.T) {
	data, dir, to := copyOf(t, "java-3.9.6-standalone/data"), filepath.Join(t.TempDir(), "backup"), t.TempDir()
	call(t, "backup", dir).says(t, 2, "data", "server", "check")
	call(t, "restore", dir, "--to", to).says(t, 1, "no backup", "gokeeper backup")
	call(t, "backup", dir, "--data", data).says(t, 0, "generation 0001 was begun (the first), with 28 transactions", "it holds 0x41 to 0x5d")
	call(t, "backup", dir, "--data", data).says(t, 0, "0 transactions were added to generation 0001")
	call(t, "backup", dir, "--check").says(t, 0, "0001: 0x41", "all of it is sound")
	call(t, "restore", dir).says(t, 2, "--to DATADIR")
	call(t, "restore", dir, "--to", to, "--at", "yesterday").says(t, 2, "0x100000005", "2026-11-27T10:00:00Z")
	call(t, "restore", dir, "--to", to, "--at", "0x99").says(t, 1, "it holds 0x41", "say another --at")
	call(t, "restore", dir, "--to", to, "--at", "0x50").says(t, 0, "is as it was behind 0x50, from generation 0001")
	call(t, "data", "check", to).says(t, 0, "goes on behind 0x50")
	call(t, "restore", dir, "--to", to, "--at", "2026-11-22T10:21:24Z").says(t, 1, "holds data", "--replace")
	call(t, "restore", dir, "--to", to, "--at", "2026-11-22T10:21:24.5Z", "--replace").says(t, 0, "behind 0x59", "what was there is "+to)
	log := filepath.Join(dir, "0001", "version-2", "log.42")
	b := read(t, log)
	b[700] ^= 1
	if err := os.WriteFile(log, b, 0o644); err != nil {
		t.Fatal(err)
	}
	call(t, "restore", dir, "--to", to, "--replace").says(t, exitDamaged, "the backup is damaged: "+log+", offset ", "take another backup")
	call(t, "backup", dir, "--check").says(t, exitDamaged, log)
	call(t, "data", "check", to).says(t, 0, "goes on behind 0x59")
}

// TestBackupServer takes a snapshot from an admin server, and says what to do when it
// does not get one.
func TestBackupServer(t *testing.T) {
	quiet(t)
	snapshot := read(t, filepath.Join(datadirs, "java-3.9.6-standalone/data/version-2/snapshot.41"))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/commands/snapshot":
			http.NotFound(w, r)
		case r.Header.Get("Authorization") != "digest super:secret":
			http.Error(w, `{"error":"Not authenticated"}`, http.StatusUnauthorized)
		default:
			w.Header()["last_zxid"] = []string{"0x41"}
			w.Header().Set("Content-Type", "application/octet-stream")
			_, _ = w.Write(snapshot)
		}
	}))
	defer s.Close()
	dir, to := filepath.Join(t.TempDir(), "backup"), t.TempDir()
	call(t, "backup", dir, "--server", s.URL).says(t, 1, "401", "Not authenticated", "--auth")
	call(t, "backup", dir, "--server", s.URL, "--auth", "digest:super:secret").says(t, 0, "generation 0001 was begun", "it holds 0x41 to 0x41")
	t.Setenv(authVariable, "digest:super:secret")
	call(t, "backup", dir, "--server", strings.TrimPrefix(s.URL, "http://")).says(t, 0, "it holds 0x41")
	call(t, "restore", dir, "--to", to).says(t, 0, "behind 0x41")
	call(t, "data", "check", to).says(t, 0, "A server loads snapshot.41, replays 0 transactions")
	s.Close()
	call(t, "backup", dir, "--server", s.URL).says(t, 1, "admin.enableServer")
}

// TestRecover says what may be lost and changes nothing without --yes; what it does is
// tested with servers, in package server.
func TestRecover(t *testing.T) {
	quiet(t)
	dir := copyOf(t, "ensemble-3-nodes/1")
	cfg := filepath.Join(dir, "zoo.cfg")
	text := "dataDir=" + filepath.Join(dir, "data") + "\nclientPort=2181\ninitLimit=10\nsyncLimit=5\n" +
		"server.1=127.0.0.1:2888:3888\nserver.2=127.0.0.2:2888:3888\nserver.3=127.0.0.3:2888:3888\n"
	if err := os.WriteFile(cfg, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	call(t, "recover", cfg).says(t, 1, "The data of server.1 ends with 0x30000003a", "is lost", "nothing was changed", "--yes")
	if string(read(t, cfg)) != text || string(read(t, filepath.Join(dir, "data/version-2/currentEpoch"))) != "3" {
		t.Error("something was changed")
	}
	call(t, "recover", cfg, "--yes", "--member", "server.2=127.0.0.2:2888:3888").says(t, 2, "server.1, whose data it is")
	call(t, "recover", cfg, "--yes", "--member", "server.1=127.0.0.1:2888:3888", "--member", "server.4=127.0.0.4:2888:3888", "--member", "server.5=127.0.0.5:2888:3888").
		says(t, 0, "It is done", "needs 1 others that do", "initialize")
	now := string(read(t, cfg))
	if !strings.Contains(now, "server.5=127.0.0.5:2888:3888") || strings.Contains(now, "server.2") || string(read(t, cfg+".before-recover")) != text {
		t.Errorf("got\n%s", now)
	}
	if got := string(read(t, filepath.Join(dir, "data/version-2/currentEpoch"))); got != "103" {
		t.Errorf("currentEpoch is %s", got)
	}
	call(t, "data", "check", filepath.Join(dir, "data")).says(t, 0, "accepted epoch 103, its current one is 103")
}
