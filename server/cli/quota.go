package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gokeeper/server/client"
	"gokeeper/server/proto"
)

// A quota of /a/b lives in two nodes below /zookeeper/quota/a/b: what is allowed, and what
// is counted. Servers count in the second and look into the first.
const (
	limitsName = "zookeeper_limits"
	statsName  = "zookeeper_stats"
)

// quotaLetters are the options of quotas, with what they limit.
var quotaLetters = []struct{ letter, limit string }{
	{"n", "count"}, {"b", "bytes"}, {"N", "countHardLimit"}, {"B", "byteHardLimit"},
}

// limits are the numbers of a quota node; -1 is no limit. Java: StatsTrack.
type limits map[string]int64

// parseLimits reads "count=1,bytes=2" with ";name=3" behind, and a stray equals sign in
// between that old servers wanted.
func parseLimits(data []byte) limits {
	l := limits{}
	for part := range strings.FieldsFuncSeq(string(data), func(r rune) bool { return r == ',' || r == ';' }) {
		name, value, _ := strings.Cut(part, "=")
		n, err := strconv.ParseInt(strings.TrimSuffix(value, "="), 10, 64)
		if err != nil {
			n = -1
		}
		l[name] = n
	}
	return l
}

// get returns a number, -1 when there is none.
func (l limits) get(name string) int64 {
	if n, ok := l[name]; ok {
		return n
	}
	return -1
}

// String returns what is stored.
func (l limits) String() string {
	text := fmt.Sprintf("count=%d,bytes=%d", l.get("count"), l.get("bytes"))
	var rest []string
	for name, n := range l {
		if name != "count" && name != "bytes" {
			rest = append(rest, fmt.Sprintf("%s=%d", name, n))
		}
	}
	if len(rest) == 0 {
		return text
	}
	slices.Sort(rest)
	return text + "=;" + strings.Join(rest, ";")
}

// The root has no quota: its path would have an empty name in it, which is what Java says.
func quotaPath(path string) string  { return proto.PathQuota + path }
func limitsPath(path string) string { return quotaPath(path) + "/" + limitsName }
func statsPath(path string) string  { return quotaPath(path) + "/" + statsName }

// readLimits reads a node of a quota.
func readLimits(ctx context.Context, zk *client.Client, path string) (limits, error) {
	data, _, err := zk.Get(ctx, path, false)
	return parseLimits(data), err
}

func (s *Shell) listQuota(ctx context.Context, a *arguments) (answer, error) {
	path := a.words[1]
	out := answer{err: "absolute path is " + limitsPath(path)}
	zk, err := s.zk()
	if err != nil {
		return out, err
	}
	allowed, err := readLimits(ctx, zk, limitsPath(path))
	var counted limits
	if err == nil {
		counted, err = readLimits(ctx, zk, statsPath(path))
	}
	switch {
	case errors.Is(err, proto.NoNode):
		return out, complaint{text: "quota for " + path + " does not exist."}
	case err != nil:
		return out, err
	}
	out.out = fmt.Sprintf("Output quota for %s %v\nOutput stat for %s %v\n", path, allowed, path, counted)
	out.doc = doc{"path": path, "quota": allowed, "stat": counted}
	return out, nil
}

func (s *Shell) delQuota(ctx context.Context, a *arguments) (answer, error) {
	if err := chooseOne(a, false); err != nil {
		return answer{}, err
	}
	if len(a.words) < 2 {
		c, _ := find("delquota")
		return answer{}, usageError(c.usageText())
	}
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	path := a.words[1]
	allowed, err := readLimits(ctx, zk, limitsPath(path))
	if errors.Is(err, proto.NoNode) {
		return answer{}, complaint{"Quota does not exist for " + path, true}
	}
	if err != nil {
		return answer{}, err
	}
	done := answer{doc: doc{"path": path}}
	for _, l := range quotaLetters {
		if a.has(l.letter) {
			allowed[l.limit] = -1
			_, err := zk.Set(ctx, limitsPath(path), []byte(allowed.String()), client.AnyVersion)
			return done, err
		}
	}
	return done, removeQuota(ctx, zk, quotaPath(path))
}

// removeQuota deletes the nodes of a quota, and those above that have no other children.
func removeQuota(ctx context.Context, zk *client.Client, at string) error {
	names, _, err := zk.Children(ctx, at, false)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := zk.Delete(ctx, below(at, name), client.AnyVersion); err != nil {
			return err
		}
	}
	for ; at != proto.PathQuota; at = proto.Parent(at) {
		names, _, err := zk.Children(ctx, at, false)
		if err != nil || len(names) > 0 {
			return err
		}
		if err := zk.Delete(ctx, at, client.AnyVersion); err != nil {
			return err
		}
	}
	return nil
}

// chooseOne wants at most one of the options, or exactly one.
func chooseOne(a *arguments, must bool) error {
	chosen := ""
	for _, o := range a.order {
		if chosen != "" && o != chosen {
			return usageError(fmt.Sprintf("org.apache.commons.cli.AlreadySelectedException: The option '%s' was specified "+
				"but an option from this group has already been selected: '%s'", o, chosen))
		}
		chosen = o
	}
	if chosen == "" && must {
		return usageError("org.apache.commons.cli.MissingOptionException: Missing required option: " +
			"[-n num soft quota, -b bytes soft quota, -N num hard quota, -B bytes hard quota]")
	}
	return nil
}
