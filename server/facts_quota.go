package server

import (
	"slices"
	"strconv"
	"strings"

	"gokeeper/server/metrics"
	"gokeeper/server/tree"
)

// quotas returns limits and usage of the namespaces, the first elements of paths, that
// have any. Java: QuotaMetricsUtils.
func (s *Server) quotas() (out []metrics.Line) {
	s.db.View(func(t *tree.Tree) {
		paths := t.Quotas()
		slices.Sort(paths)
		for _, path := range paths {
			q, ok := t.Quota(path)
			if !ok || q.Broken || q.Path != path || strings.Count(path, "/") != 1 || path == "/" {
				continue
			}
			add := func(name string, v int64) {
				if v >= 0 {
					out = append(out, metrics.Line{Name: name, Key: path[1:], Value: strconv.FormatInt(v, 10)})
				}
			}
			hard := func(hard, soft string) int64 {
				if v := q.Limits.Get(hard); v > -1 {
					return v
				}
				return q.Limits.Get(soft)
			}
			add("quota_count_limit_per_namespace", hard(tree.CountHardKey, tree.CountKey))
			add("quota_count_usage_per_namespace", q.Usage.Get(tree.CountKey))
			add("quota_bytes_limit_per_namespace", hard(tree.BytesHardKey, tree.BytesKey))
			add("quota_bytes_usage_per_namespace", q.Usage.Get(tree.BytesKey))
		}
	})
	return out
}
