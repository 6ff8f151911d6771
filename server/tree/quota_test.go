package tree

import (
	"fmt"
	"slices"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

func TestLimitsText(t *testing.T) {
	for text, want := range map[string]Limits{
		"":                {-1, -1, -1, -1},
		"count=5,bytes=6": {5, 6, -1, -1},
		"count=1,bytes=-1=;byteHardLimit=3;countHardLimit=4": {1, -1, 4, 3},
		",;count=;bytes,other=7;;bytes=2":                    {-1, 2, -1, -1},
	} {
		if got, err := parseLimits(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"count=x", "bytes=99999999999999999999", "count=1=2", "countHardLimit= 1"} {
		if _, err := parseLimits(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func FuzzLimits(f *testing.F) {
	f.Add("count=1,bytes=-1=;byteHardLimit=3;countHardLimit=4", int64(1), int64(-1))
	f.Fuzz(func(t *testing.T, text string, count, bytes int64) {
		parseLimits(text)
		want := Limits{count, bytes, -1, -1}
		if got, err := parseLimits(limitsText(count, bytes)); err != nil || got != want {
			t.Errorf("%+v becomes %+v, %v", want, got, err)
		}
	})
}

func TestHardLimits(t *testing.T) {
	none := Limits{-1, -1, -1, -1}
	hard := Limits{1, 1, 10, 100}
	for _, c := range []struct {
		name         string
		q            Quota
		count, bytes int64
		want         proto.Error
	}{
		{"the last node and byte", Quota{Limits: hard, Usage: Limits{Count: 9, Bytes: 90}}, 1, 10, proto.OK},
		{"one node more", Quota{Limits: hard, Usage: Limits{Count: 10}}, 1, 0, proto.QuotaExceeded},
		{"one byte more", Quota{Limits: hard, Usage: Limits{Bytes: 100}}, 0, 1, proto.QuotaExceeded},
		{"no more bytes", Quota{Limits: hard, Usage: Limits{Bytes: 200}}, 0, 0, proto.OK},
		{"fewer bytes, still too many", Quota{Limits: hard, Usage: Limits{Bytes: 200}}, 0, -1, proto.QuotaExceeded},
		{"no limits", Quota{Limits: none, Usage: Limits{Count: 1 << 40}}, 1, 1, proto.OK},
		{"limit of nothing", Quota{Limits: Limits{-1, -1, 0, -1}}, 1, 0, proto.QuotaExceeded},
		{"usage unknown", Quota{Limits: hard, Usage: Limits{Count: 10}, Untracked: true}, 1, 0, proto.OK},
		{"limits unknown", Quota{Broken: true}, 1, 0, proto.MarshallingError},
	} {
		if got := c.q.Check(c.count, c.bytes); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func createText(t *testing.T, tr *Tree, path, text string) {
	t.Helper()
	do(t, tr, 1, proto.OpCreate2, &txn.Create{Type: proto.OpCreate2, Path: path, Data: []byte(text), ParentCversion: txn.NoParentCversion})
}

// limit sets limits as an administrator's client does.
func limit(t *testing.T, tr *Tree, base, limits string) {
	t.Helper()
	createText(t, tr, proto.PathQuota+base, "")
	createText(t, tr, proto.PathQuota+base+"/"+limitsName, limits)
	createText(t, tr, proto.PathQuota+base+"/"+statsName, "count=0,bytes=0")
}

// TestUsageIsThatOfJava has numbers from DataTree of 3.9.6, also for a name that begins
// like that of the system, and for usage of everything.
func TestUsageIsThatOfJava(t *testing.T) {
	tr := New()
	for _, base := range []string{"/zookeeperX", "/app"} {
		createText(t, tr, base, "12")
		limit(t, tr, base, "count=5,bytes=5")
		createText(t, tr, base+"/c", "abc")
	}
	tr.SetConfig([]byte("hello"), 5, 5)
	createText(t, tr, proto.PathQuota+"/"+statsName, "x")
	for base, want := range map[string]string{"/zookeeperX": "count=2,bytes=5", "/app": "count=2,bytes=5", "": "count=15,bytes=76"} {
		if got := tr.FindString(proto.PathQuota + base + "/" + statsName).Data(); string(got) != want {
			t.Errorf("usage of %q is %s, want %s", base, got, want)
		}
	}
	createText(t, tr, proto.PathQuota+"/"+limitsName, "count=1") // Java dies of it; no quota
	quotas := tr.Quotas()
	if slices.Sort(quotas); !slices.Equal(quotas, []string{"/app", "/zookeeperX"}) {
		t.Errorf("quotas of %q", quotas)
	}
}

func TestUsageChangesInPlace(t *testing.T) {
	tr := New()
	createText(t, tr, "/a", "")
	limit(t, tr, "/a", "count=5,bytes=5")
	stats := tr.FindString(proto.PathQuota + "/a/" + statsName)
	do(t, tr, 1, proto.OpSetData, &txn.SetData{Path: proto.PathQuota + "/a/" + statsName, Data: []byte("count=1,bytes=0=;byteHardLimit=9"), Version: 1})
	before := stats.Persisted()
	r := try(tr, 1, proto.OpCreate2, &txn.Create{Type: proto.OpCreate2, Path: "/a/b", Data: []byte("xyz"), ParentCversion: 1})
	if got := string(stats.Data()); got != "count=2,bytes=3=;byteHardLimit=9" {
		t.Errorf("usage %q", got)
	}
	if stats.Persisted() != before || len(r.Changes) != 1 {
		t.Errorf("stat %+v, want %+v; %d changes", stats.Persisted(), before, len(r.Changes))
	}
}

// TestQuotaIsTheDeepest of those above a path. A node may be above its quota's path.
func TestQuotaIsTheDeepest(t *testing.T) {
	tr := New()
	createText(t, tr, "/a", "1")
	createText(t, tr, "/a/b", "22")
	limit(t, tr, "/a", "count=5,bytes=5")
	limit(t, tr, "/a/b", "countHardLimit=1")
	for path, want := range map[string]string{
		"/a": "/a 2 3", "/a/x": "/a 2 3", "/ab": "", "/a/b": "/a/b 1 2", "/a/b/c/d": "/a/b 1 2", "/": "", proto.PathQuota + "/a": "",
	} {
		got := ""
		if q, ok := tr.Quota(path); ok {
			got = fmt.Sprint(q.Path, " ", q.Usage.Count, " ", q.Usage.Bytes)
		}
		if got != want {
			t.Errorf("quota of %s is %q, want %q", path, got, want)
		}
	}
	do(t, tr, 1, proto.OpDelete, &txn.Delete{Path: proto.PathQuota + "/a/b/" + limitsName})
	if q, _ := tr.Quota("/a/b"); q.Path != "/a" {
		t.Errorf("without its limits /a/b has the quota of %q", q.Path)
	}
}

func TestBrokenAndUntrackedQuotas(t *testing.T) {
	for name, c := range map[string]struct {
		limits, stats     []byte
		broken, untracked bool
	}{
		"good":             {[]byte("count=1"), []byte("count=0,bytes=0"), false, false},
		"empty limits":     {[]byte{}, []byte("count=0,bytes=0"), false, false},
		"null limits":      {nil, []byte("count=0,bytes=0"), true, false},
		"limits no number": {[]byte("count=x"), []byte("count=0,bytes=0"), true, false},
		"usage no number":  {[]byte("count=1"), []byte("count=x"), true, false},
		"null usage":       {[]byte("count=1"), nil, true, false},
	} {
		tr := New()
		createText(t, tr, "/a", "")
		limit(t, tr, "/a", "count=1")
		for name, data := range map[string][]byte{limitsName: c.limits, statsName: c.stats} {
			do(t, tr, 1, proto.OpSetData, &txn.SetData{Path: proto.PathQuota + "/a/" + name, Data: data})
		}
		if q, ok := tr.Quota("/a"); !ok || q.Broken != c.broken || q.Untracked != c.untracked {
			t.Errorf("%s: %+v, there: %v", name, q, ok)
		}
	}
	tr := New()
	createText(t, tr, "/a", "")
	limit(t, tr, "/a", "count=1")
	do(t, tr, 1, proto.OpDelete, &txn.Delete{Path: proto.PathQuota + "/a/" + statsName})
	if q, ok := tr.Quota("/a"); !ok || q.Broken || !q.Untracked {
		t.Errorf("without usage: %+v, there: %v", q, ok)
	}
}

// TestUsageIsCountedAnewAtLoad, whatever the snapshot says.
func TestUsageIsCountedAnewAtLoad(t *testing.T) {
	tr := New()
	for _, path := range []string{"/a", "/a/b", "/a/b/c"} {
		createText(t, tr, path, "22")
	}
	createText(t, tr, proto.PathQuota+"/a", "")
	limit(t, tr, "/a/b", "count=1")
	do(t, tr, 1, proto.OpSetData, &txn.SetData{Path: proto.PathQuota + "/a/b/" + statsName, Data: []byte("count=99,bytes=99")})
	tr = reload(t, tr)
	if q, ok := tr.Quota("/a/b/c"); !ok || q.Usage.Count != 2 || q.Usage.Bytes != 4 {
		t.Errorf("usage %+v, there: %v; want 2 nodes and 4 bytes", q.Usage, ok)
	}
}
