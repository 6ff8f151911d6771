package server_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gokeeper/server"
	"gokeeper/server/backup"
	"gokeeper/server/proto"
	"gokeeper/server/storage"
	"gokeeper/server/vfs"
)

// TestBackupUnderLoad backs up a server that is being written to, again and again, and
// restores moments of it: each must hold what was written up to it, and nothing else.
func TestBackupUnderLoad(t *testing.T) {
	data, dir := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	s := start(t, configure(t, data, "snapCount=150", "autopurge.purgeInterval=0"), server.Options{})
	zxids, done := make(chan proto.Zxid, 1), make(chan struct{})
	go func() {
		defer close(zxids)
		c := s.mustConnect(nil)
		c.create("/n", "", proto.FlagPersistent)
		for i := 0; ; i++ {
			c.create(fmt.Sprint("/n/", i), "x", proto.FlagPersistent)
			select {
			case zxids <- c.zxid:
			case <-done:
				return
			}
		}
	}()
	var written []proto.Zxid // by number
	take := func(full bool) *backup.Result {
		t.Helper()
		res, err := backup.Take(vfs.OS(), dir, backup.Options{DataDir: data, Full: full, Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	added := 0
	for round := range 8 {
		for range 100 {
			z, ok := <-zxids
			if !ok {
				t.Fatal("the writer has ended")
			}
			written = append(written, z)
		}
		res := take(round == 4)
		if !res.New {
			added += res.Added
		}
		if last := proto.Zxid(res.Generation.Last); last < written[len(written)-1] {
			t.Errorf("round %d: the backup ends with %v, %v was acknowledged before", round, last, written[len(written)-1])
		}
	}
	close(done)
	for z := range zxids {
		written = append(written, z)
	}
	if added == 0 {
		t.Error("nothing was ever added to a generation")
	}
	m, err := backup.Verify(vfs.OS(), dir, nil)
	if err != nil || len(m.Generations) != 2 {
		t.Fatalf("%d generations, %v", len(m.Generations), err)
	}
	for i := 7; i < 800; i += 53 {
		to := t.TempDir()
		_, err := backup.Restore(vfs.OS(), dir, backup.Point{Zxid: written[i]}, backup.Target{DataDir: to, Now: time.Now()})
		if errors.Is(err, backup.ErrRange) && written[i] < proto.Zxid(m.Generations[0].From) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		holdsUpTo(t, to, i, written[i])
	}
}

// TestBackupStream keeps what the admin command snapshot sends, and restores it to the same
// state.
func TestBackupStream(t *testing.T) {
	r := start(t, configure(t, t.TempDir(), "admin.rateLimiterIntervalInMS=0"), server.Options{})
	c := r.mustConnect(nil)
	dir, to := filepath.Join(t.TempDir(), "backup"), t.TempDir()
	for i := range 5 {
		c.create(fmt.Sprint("/n", i), "data", proto.FlagPersistent)
		status, _, body := r.ask("GET", "/commands/snapshot", nil, "Authorization", "ip")
		res, err := backup.TakeStream(vfs.OS(), dir, "here", strings.NewReader(body), time.Now())
		if status != 200 || err != nil || !res.New || proto.Zxid(res.Generation.Last) != c.zxid {
			t.Fatalf("%d, %+v, %v; want the end at %v", status, res, err, c.zxid)
		}
	}
	c.create("/later", "", proto.FlagPersistent)
	if _, err := backup.Restore(vfs.OS(), dir, backup.Point{}, backup.Target{DataDir: to, Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	restored := start(t, configure(t, to), server.Options{}).mustConnect(nil)
	restored.holds("/n4", "data")
	if _, code := restored.get("/later"); code != proto.NoNode {
		t.Errorf("/later: %v", code)
	}
}

// holdsUpTo wants a directory to hold the nodes up to a number, and none behind.
func holdsUpTo(t *testing.T, data string, last int, zxid proto.Zxid) {
	t.Helper()
	in, err := storage.Inspect(vfs.OS(), storage.Options{DataDir: data}, nil)
	if err != nil || in.Recovered == nil || in.Recovered.LastZxid != zxid {
		t.Errorf("restored: %+v, %v; want the end at %v", in, err, zxid)
		return
	}
	tree := in.Recovered.Tree
	if n := tree.FindString("/n").NumChildren(); n != last+1 {
		t.Errorf("at %v there are %d nodes, want %d", zxid, n, last+1)
	}
	for i := range last + 1 {
		if !tree.FindString(fmt.Sprint("/n/", i)).Exists() {
			t.Errorf("at %v /n/%d is missing", zxid, i)
		}
	}
	if len(in.Recovered.Mismatches) > 0 {
		t.Errorf("digests differ at %v", in.Recovered.Mismatches)
	}
}
