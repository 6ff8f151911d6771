package storage

import (
	"testing"

	"gokeeper/server/vfs"
)

// TestProgress wants a load to tell how much it has read and replayed; nobody has to look.
func TestProgress(t *testing.T) {
	var none *Progress
	none.begin("x", 1)
	none.replayed()
	if n, err := none.Write([]byte("abc")); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	fs, p := vfs.NewMem(), &Progress{}
	if got := p.Now(); got != (Loaded{}) {
		t.Errorf("before: %+v", got)
	}
	d, err := Open(fs, Options{DataDir: "/d", Progress: p})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for range 2 { // the first writes snapshot.0
		if _, err := d.Load(); err != nil {
			t.Fatal(err)
		}
	}
	got := p.Now()
	if got.Snapshot != "snapshot.0" || got.Read != got.Size || got.Size == 0 || got.Replayed != 0 {
		t.Errorf("after: %+v", got)
	}
	if f, _, ok := d.Newest(); !ok || f.Name != "snapshot.0" {
		t.Errorf("newest: %+v %v", f, ok)
	}
}
