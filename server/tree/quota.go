package tree

import (
	"errors"
	"fmt"
	"maps"
	"slices"
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

// Limits is what a limits or usage node says: numbers by key, of which the server looks
// at four. What is missing is -1, no limit. (Java: StatsTrack.)
type Limits map[string]int64

// Keys of limits. Usage is kept under the first two.
const (
	CountKey     = "count"
	BytesKey     = "bytes"
	CountHardKey = "countHardLimit"
	BytesHardKey = "byteHardLimit"
)

// Get returns the number of the key.
func (l Limits) Get(key string) int64 {
	if n, ok := l[key]; ok {
		return n
	}
	return -1
}

// errPair says that a part of such a text is no key with a value.
var errPair = errors.New("not key=value")

// parseLimits reads count=1,bytes=2=;byteHardLimit=3;countHardLimit=4. The "=" behind the
// second number is there for old servers, and no value of its own.
func parseLimits(text string) (Limits, error) {
	l := Limits{}
	separates := func(r rune) bool { return r == ',' || r == ';' }
	text = strings.TrimRightFunc(text, separates)
	if strings.IndexFunc(text, separates) == 0 {
		return nil, fmt.Errorf("quota %q: %w", text, errPair)
	}
	for _, pair := range strings.FieldsFunc(text, separates) {
		parts := strings.Split(strings.TrimRight(pair, "="), "=")
		switch {
		case len(parts) < 2:
			return nil, fmt.Errorf("quota %q: %w", text, errPair)
		case parts[1] == "":
			l[parts[0]] = -1
			continue
		}
		n, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("quota %q: %w", text, err)
		}
		l[parts[0]] = n
	}
	return l, nil
}

// text writes count and bytes and, behind them, what else there is, sorted.
func (l Limits) text() string {
	b := fmt.Appendf(nil, "count=%d,bytes=%d", l.Get(CountKey), l.Get(BytesKey))
	end := "="
	for _, key := range slices.Sorted(maps.Keys(l)) {
		if key != CountKey && key != BytesKey {
			b = fmt.Appendf(b, "%s;%s=%d", end, key, l[key])
			end = ""
		}
	}
	return string(b)
}

// limits reads a limits or usage node; null is not empty.
func (n Node) limits() (Limits, bool) {
	data, null := n.content()
	l, err := parseLimits(data)
	return l, err == nil && !null
}

// Quota is the limits and the usage of a path and all below it.
type Quota struct {
	Path      string
	Limits    Limits
	Usage     Limits
	Untracked bool // there is no usage: nothing is enforced
	Broken    bool // the limits cannot be read
	Uncounted bool // the usage cannot be read
}

// Check says whether a hard limit forbids so many more nodes and bytes. Limits that
// cannot be read forbid everything, usage what is limited.
func (q *Quota) Check(count, bytes int64) proto.Error {
	limited := func(more int64, soft, hard string) bool {
		return more != 0 && (q.Limits.Get(soft) > -1 || q.Limits.Get(hard) > -1)
	}
	exceeded := func(more int64, key, hard string) bool {
		return more != 0 && q.Limits.Get(hard) > -1 && q.Usage.Get(key)+more > q.Limits.Get(hard)
	}
	switch {
	case q.Broken:
		return proto.MarshallingError
	case q.Untracked || !limited(count, CountKey, CountHardKey) && !limited(bytes, BytesKey, BytesHardKey):
		return proto.OK
	case q.Uncounted:
		return proto.MarshallingError
	case exceeded(count, CountKey, CountHardKey) || exceeded(bytes, BytesKey, BytesHardKey):
		return proto.QuotaExceeded
	}
	return proto.OK
}

// Quota returns the quota of the deepest path at or above the one given that has any.
func (t *Tree) Quota(path string) (Quota, bool) {
	base, ok := t.quotaBase(path)
	if !ok {
		return Quota{}, false
	}
	q := Quota{Path: base}
	limits := t.FindString(proto.PathQuota + base + "/" + limitsName)
	if !limits.Exists() {
		return q, false
	}
	q.Limits, ok = limits.limits()
	q.Broken = !ok
	stats := t.FindString(proto.PathQuota + base + "/" + statsName)
	if !stats.Exists() {
		q.Untracked = true
		return q, true
	}
	q.Usage, ok = stats.limits()
	q.Uncounted = !ok
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
func (t *Tree) quotaCreated(path string, size int) {
	if base, ok := quotaOf(path, limitsName); ok && base != "" {
		t.quotas[base] = struct{}{}
	}
	if base, ok := quotaOf(path, statsName); ok {
		t.recount(base)
	}
	t.quotaChanged(path, 1, int64(size))
}

func (t *Tree) quotaDeleted(path string, size int) {
	if base, ok := quotaOf(path, limitsName); ok {
		delete(t.quotas, base)
	}
	t.quotaChanged(path, -1, -int64(size))
}

// quotaChanged adds to the usage of the deepest quota above the path. The usage node
// changes in place: no version, no time, no event. Java does not count the change of its
// length, so neither does DataSize. Usage that cannot be read stays; Java dies of it.
func (t *Tree) quotaChanged(path string, count, bytes int64) {
	base, ok := t.quotaBase(path)
	if !ok {
		return
	}
	above, stats := t.locate(proto.PathQuota + base + "/" + statsName)
	if !stats.Exists() {
		return
	}
	if use, ok := stats.limits(); ok {
		use[CountKey], use[BytesKey] = use.Get(CountKey)+count, use.Get(BytesKey)+bytes
		t.write(above, stats, use)
	}
}

// recount counts the subtree of the path and writes that into its usage node, in place of
// everything that was there.
func (t *Tree) recount(base string) {
	above, stats := t.locate(proto.PathQuota + base + "/" + statsName)
	if !stats.Exists() {
		return
	}
	use := Limits{CountKey: 0, BytesKey: 0}
	if n := t.FindString(base); n.Exists() {
		use[CountKey], use[BytesKey] = usage(n)
	}
	t.write(above, stats, use)
}

// write puts usage into its node.
func (t *Tree) write(above *branch, stats Node, use Limits) {
	s := stats.state()
	s.data, s.null = use.text(), false
	t.store(above, stats, &s)
}

func usage(n Node) (count, bytes int64) {
	count, bytes = 1, int64(n.DataLen())
	for c := range n.below() {
		cc, cb := usage(c)
		count, bytes = count+cc, bytes+cb
	}
	return count, bytes
}

// registerQuotas finds the limits nodes of a loaded tree and counts anew.
func (t *Tree) registerQuotas() {
	root := t.FindString(proto.PathQuota)
	if !root.Exists() {
		return
	}
	t.eachQuota(root, "")
	for base := range t.quotas {
		t.recount(base)
	}
}

func (t *Tree) eachQuota(n Node, base string) {
	for c := range n.below() {
		name := c.name()
		if name == limitsName && base != "" {
			t.quotas[base] = struct{}{}
		}
		t.eachQuota(c, base+"/"+name)
	}
}
