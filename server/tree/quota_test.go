package tree

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// TestLimitsText reads texts as Java's StatsTrack does, and writes them.
func TestLimitsText(t *testing.T) {
	for text, want := range map[string]string{
		"":                "count=-1,bytes=-1",
		"count=5,bytes=6": "count=5,bytes=6",
		"count=1,bytes=-1=;byteHardLimit=3;countHardLimit=4": "count=1,bytes=-1=;byteHardLimit=3;countHardLimit=4",
		"a=1,b=2;A=3,count=7":                                "count=7,bytes=-1=;A=3;a=1;b=2",
		"count=1=2":                                          "count=1,bytes=-1",
		"count==3":                                           "count=-1,bytes=-1",
		"count=1,count=2,bytes=3":                            "count=2,bytes=3",
		"=5":                                                 "count=-1,bytes=-1=;=5",
		",":                                                  "count=-1,bytes=-1",
		"bytes=+5,;":                                         "count=-1,bytes=5",
		"countHardLimit=9":                                   "count=-1,bytes=-1=;countHardLimit=9",
	} {
		if got, err := parseLimits(text); err != nil || got.text() != want {
			t.Errorf("%q: %q, %v; want %q", text, got.text(), err, want)
		}
	}
	for _, text := range []string{"count=x", "bytes=99999999999999999999", "countHardLimit= 1", "count=", "count", "=", ";count=1", "=;count=1"} {
		if _, err := parseLimits(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func FuzzLimits(f *testing.F) {
	f.Add("count=1,bytes=-1=;byteHardLimit=3;countHardLimit=4")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parseLimits(text)
		if err != nil {
			return
		}
		l[CountKey], l[BytesKey] = l.Get(CountKey), l.Get(BytesKey)
		if got, err := parseLimits(l.text()); err != nil || !maps.Equal(got, l) {
			t.Errorf("%+v becomes %+v, %v", l, got, err)
		}
	})
}

func TestHardLimits(t *testing.T) {
	hard := Limits{CountKey: 1, BytesKey: 1, CountHardKey: 10, BytesHardKey: 100}
	used := func(count, bytes int64) Limits { return Limits{CountKey: count, BytesKey: bytes} }
	for _, c := range []struct {
		name         string
		q            Quota
		count, bytes int64
		want         proto.Error
	}{
		{"the last node and byte", Quota{Limits: hard, Usage: used(9, 90)}, 1, 10, proto.OK},
		{"one node more", Quota{Limits: hard, Usage: used(10, 0)}, 1, 0, proto.QuotaExceeded},
		{"one byte more", Quota{Limits: hard, Usage: used(0, 100)}, 0, 1, proto.QuotaExceeded},
		{"no more bytes", Quota{Limits: hard, Usage: used(0, 200)}, 0, 0, proto.OK},
		{"fewer bytes, still too many", Quota{Limits: hard, Usage: used(0, 200)}, 0, -1, proto.QuotaExceeded},
		{"no limits", Quota{Usage: used(1<<40, 0)}, 1, 1, proto.OK},
		{"soft limits", Quota{Limits: used(1, 1), Usage: used(9, 9)}, 1, 1, proto.OK},
		{"limit of nothing", Quota{Limits: Limits{CountHardKey: 0}, Usage: used(0, 0)}, 1, 0, proto.QuotaExceeded},
		{"no usage", Quota{Limits: hard, Usage: used(10, 0), Untracked: true}, 1, 0, proto.OK},
		{"limits unknown", Quota{Broken: true}, 0, 0, proto.MarshallingError},
		{"usage unknown", Quota{Limits: hard, Uncounted: true}, 1, 0, proto.MarshallingError},
		{"usage unknown, soft limits", Quota{Limits: used(1, -1), Uncounted: true}, 1, 0, proto.MarshallingError},
		{"usage unknown, not limited", Quota{Limits: used(1, -1), Uncounted: true}, 0, 1, proto.OK},
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
	find := func() Node { return tr.FindString(proto.PathQuota + "/a/" + statsName) }
	do(t, tr, 1, proto.OpSetData, &txn.SetData{Path: proto.PathQuota + "/a/" + statsName, Data: []byte("count=1,bytes=0=;byteHardLimit=9"), Version: 1})
	before := find().Persisted()
	r := try(tr, 1, proto.OpCreate2, &txn.Create{Type: proto.OpCreate2, Path: "/a/b", Data: []byte("xyz"), ParentCversion: 1})
	if got := string(find().Data()); got != "count=2,bytes=3=;byteHardLimit=9" {
		t.Errorf("usage %q", got)
	}
	if find().Persisted() != before || len(r.Changes) != 1 {
		t.Errorf("stat %+v, want %+v; %d changes", find().Persisted(), before, len(r.Changes))
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
			got = fmt.Sprint(q.Path, " ", q.Usage.Get(CountKey), " ", q.Usage.Get(BytesKey))
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
		broken, uncounted bool
	}{
		"good":             {[]byte("count=1"), []byte("count=0,bytes=0"), false, false},
		"empty limits":     {[]byte{}, []byte("count=0,bytes=0"), false, false},
		"null limits":      {nil, []byte("count=0,bytes=0"), true, false},
		"limits no number": {[]byte("count=x"), []byte("count=0,bytes=0"), true, false},
		"usage no number":  {[]byte("count=1"), []byte("count=x"), false, true},
		"null usage":       {[]byte("count=1"), nil, false, true},
	} {
		tr := New()
		createText(t, tr, "/a", "")
		limit(t, tr, "/a", "count=1")
		for name, data := range map[string][]byte{limitsName: c.limits, statsName: c.stats} {
			do(t, tr, 1, proto.OpSetData, &txn.SetData{Path: proto.PathQuota + "/a/" + name, Data: data})
		}
		if q, ok := tr.Quota("/a"); !ok || q.Broken != c.broken || q.Uncounted != c.uncounted || q.Untracked {
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
	if q, ok := tr.Quota("/a/b/c"); !ok || q.Usage.Get(CountKey) != 2 || q.Usage.Get(BytesKey) != 4 {
		t.Errorf("usage %+v, there: %v; want 2 nodes and 4 bytes", q.Usage, ok)
	}
}
