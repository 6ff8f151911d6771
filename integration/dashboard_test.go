package integration

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Names in a PromQL expression, without those of labels and functions.
var (
	braces     = regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]|\b(by|on) ?\([^)]*\)`)
	metricName = regexp.MustCompile(`[a-z_]{2,}\b *\(?`)
)

// TestDashboardNames wants the dashboard and the alerts of compose/ to ask for metrics
// that Java's servers have, so that they show those and ours side by side.
func TestDashboardNames(t *testing.T) {
	known := javaMetrics(t)
	n := 0
	for _, expr := range append(dashboardQueries(t), alertQueries(t)...) {
		for _, name := range metricName.FindAllString(braces.ReplaceAllString(expr, ""), -1) {
			if strings.HasSuffix(name, "(") {
				continue
			}
			if n++; !known[strings.TrimSpace(name)] {
				t.Errorf("%s: Java has no metric %s", expr, name)
			}
		}
	}
	if n < 50 {
		t.Errorf("found %d names of metrics; are these all?", n)
	}
}

// javaMetrics are the names that a Java leader was recorded with, and Prometheus's own.
func javaMetrics(t *testing.T) map[string]bool {
	text, err := os.ReadFile("../server/metrics/testdata/prometheus/leader.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"up": true}
	for line := range strings.Lines(string(text)) {
		known[line[:strings.IndexAny(line, "{ \n")]] = true
	}
	return known
}

func dashboardQueries(t *testing.T) []string {
	text, err := os.ReadFile("../compose/grafana/dashboards/gokeeper.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			ID      int
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	var queries []string
	ids := map[int]bool{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			queries = append(queries, target.Expr)
		}
	}
	return queries
}

func alertQueries(t *testing.T) []string {
	text, err := os.ReadFile("../compose/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var queries []string
	for line := range strings.Lines(string(text)) {
		if _, expr, ok := strings.Cut(line, "expr: "); ok {
			queries = append(queries, strings.TrimSpace(expr))
		}
	}
	return queries
}
