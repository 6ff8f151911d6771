package tree

import (
	"fmt"
	"strconv"
	"strings"

	"gokeeper/server/proto"
)

// Names of the nodes that hold limits and usage, below /zookeeper/quota and the path
// they are for.
const (
	limitsName = "zookeeper_limits"
	statsName  = "zookeeper_stats"
)

// quotas holds the paths that have a limits node.
type quotas map[string]struct{}

// Limits are what a limits node says; -1 is no limit. Usage has the first two only.
type Limits struct {
	Count, Bytes         int64
	CountHard, BytesHard int64
}

// Quota is the limits and the usage of a path and all below it.
type Quota struct {
	Path      string
	Limits    Limits
	Usage     Limits
	Untracked bool // there is no usage: nothing is enforced
	Broken    bool // the limits cannot be read
}

// Check says whether a hard limit forbids so many more nodes and bytes.
func (q *Quota) Check(count, bytes int64) proto.Error {
	switch {
	case q.Broken:
		return proto.MarshallingError
	case q.Untracked:
		return proto.OK
	case count > 0 && q.Limits.CountHard > -1 && q.Usage.Count+count > q.Limits.CountHard:
		return proto.QuotaExceeded
	case bytes != 0 && q.Limits.BytesHard > -1 && q.Usage.Bytes+bytes > q.Limits.BytesHard:
		return proto.QuotaExceeded
	}
	return proto.OK
}

// parseLimits reads keys and values: count=1,bytes=2=;byteHardLimit=3;countHardLimit=4.
func parseLimits(text string) (Limits, error) {
	l := Limits{-1, -1, -1, -1}
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' }) {
		key, value, _ := strings.Cut(part, "=")
		value = strings.TrimRight(value, "=")
		if value == "" {
			continue
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return l, fmt.Errorf("quota %q: %w", text, err)
		}
		switch key {
		case "count":
			l.Count = n
		case "bytes":
			l.Bytes = n
		case "countHardLimit":
			l.CountHard = n
		case "byteHardLimit":
			l.BytesHard = n
		}
	}
	return l, nil
}

func limitsText(count, bytes int64) string { return fmt.Sprintf("count=%d,bytes=%d", count, bytes) }

// Quota returns the quota of the deepest path at or above the one given that has any.
func (t *Tree) Quota(path string) (Quota, bool) {
	base, ok := t.quotaBase(path)
	if !ok {
		return Quota{}, false
	}
	q := Quota{Path: base}
	limits := t.FindString(proto.PathQuota + base + "/" + limitsName)
	if limits == nil {
		return q, false
	}
	var err error
	if q.Limits, err = parseLimits(limits.data); err != nil || limits.null {
		q.Broken = true
	}
	stats := t.FindString(proto.PathQuota + base + "/" + statsName)
	if stats == nil {
		q.Untracked = true
		return q, true
	}
	if q.Usage, err = parseLimits(stats.data); err != nil || stats.null {
		q.Broken = true
	}
	return q, true
}

// Quotas returns the paths that have limits.
func (t *Tree) Quotas() []string {
	paths := make([]string, 0, len(t.quotas))
	for p := range t.quotas {
		paths = append(paths, p)
	}
	return paths
}

func (t *Tree) quotaBase(path string) (string, bool) {
	for len(t.quotas) > 0 {
		if _, ok := t.quotas[path]; ok {
			return path, true
		}
		if path == proto.PathRoot {
			break
		}
		path = proto.Parent(path)
	}
	return "", false
}

// quotaOf returns the path that a limits or usage node is for; "" for those directly
// below /zookeeper/quota, of which only usage means something, that of everything.
func quotaOf(path, name string) (string, bool) {
	if !strings.HasPrefix(path, proto.PathQuota+"/") {
		return "", false
	}
	return strings.CutSuffix(path[len(proto.PathQuota):], "/"+name)
}

// quotaCreated registers limits, begins to count, and counts a new node.
func (t *Tree) quotaCreated(path string, n *Node) {
	size := int64(len(n.data))
	if base, ok := quotaOf(path, limitsName); ok && base != "" {
		t.quotas[base] = struct{}{}
	}
	if base, ok := quotaOf(path, statsName); ok {
		t.recount(base)
	}
	t.quotaChanged(path, 1, size)
}

func (t *Tree) quotaDeleted(path string, n *Node) {
	if base, ok := quotaOf(path, limitsName); ok {
		delete(t.quotas, base)
	}
	t.quotaChanged(path, -1, -int64(len(n.data)))
}

// quotaChanged adds to the usage of the deepest quota above the path. The usage node
// changes in place: no version, no time, no event.
func (t *Tree) quotaChanged(path string, count, bytes int64) {
	base, ok := t.quotaBase(path)
	if !ok {
		return
	}
	stats := t.FindString(proto.PathQuota + base + "/" + statsName)
	if stats == nil {
		return
	}
	use, err := parseLimits(stats.data)
	if err != nil {
		return
	}
	t.setUsage(stats, use.Count+count, use.Bytes+bytes)
}

// setUsage writes the usage, keeping hard limits that stand in the same node. Java does
// not count the change of that node's length, so neither does DataSize.
func (t *Tree) setUsage(stats *Node, count, bytes int64) {
	text := limitsText(count, bytes)
	if i := strings.Index(stats.data, "=;"); i >= 0 {
		text += stats.data[i:]
	}
	stats.data, stats.null = text, false
}

// recount counts the subtree of the path and writes that into its usage node.
func (t *Tree) recount(base string) {
	stats := t.FindString(proto.PathQuota + base + "/" + statsName)
	n := t.FindString(base)
	if stats == nil {
		return
	}
	var count, bytes int64
	if n != nil {
		count, bytes = usage(n)
	}
	t.setUsage(stats, count, bytes)
}

func usage(n *Node) (count, bytes int64) {
	count, bytes = 1, int64(len(n.data))
	for _, c := range n.children {
		cc, cb := usage(c)
		count, bytes = count+cc, bytes+cb
	}
	return count, bytes
}

// registerQuotas finds the limits nodes of a loaded tree and counts anew.
func (t *Tree) registerQuotas() {
	root := t.FindString(proto.PathQuota)
	if root == nil {
		return
	}
	t.eachQuota(root, "")
	for base := range t.quotas {
		t.recount(base)
	}
}

func (t *Tree) eachQuota(n *Node, base string) {
	for name, c := range n.children {
		if name == limitsName && base != "" {
			t.quotas[base] = struct{}{}
		}
		t.eachQuota(c, base+"/"+name)
	}
}
