package config

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// leaves lists the fields of a Config with their values, structs of this package opened.
func leaves(c Config) map[string]any {
	out := map[string]any{}
	var walk func(prefix string, v reflect.Value)
	walk = func(prefix string, v reflect.Value) {
		for i := range v.NumField() {
			f, name := v.Field(i), prefix+v.Type().Field(i).Name
			if f.Kind() == reflect.Struct && f.Type().PkgPath() == v.Type().PkgPath() {
				walk(name+".", f)
				continue
			}
			out[name] = f.Interface()
		}
	}
	walk("", reflect.ValueOf(c))
	return out
}

// fieldOf finds the field a key sets by trying values.
func fieldOf(t *testing.T, k key) string {
	t.Helper()
	before := leaves(Config{})
	for _, value := range []string{
		"true", "7", "yes", "participant", "observer", "gz", "want", "text",
		"org.apache.zookeeper.metrics.impl.NullMetricsProvider", "org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
	} {
		var c Config
		if err := k.set(&c, value); err != nil {
			continue
		}
		for name, v := range leaves(c) {
			if !reflect.DeepEqual(v, before[name]) {
				return name
			}
		}
	}
	return ""
}

// TestPackageCommentHasEveryKey compares the table in doc.go with the code, both ways, and finds
// fields no key sets.
func TestPackageCommentHasEveryKey(t *testing.T) {
	want := map[string]string{}
	reached := map[string]bool{}
	tab := newTable()
	rows := slices.Collect(maps.Values(tab.keys))
	for _, k := range tab.families {
		k.name += "*"
		rows = append(rows, k)
	}
	for _, k := range rows {
		if k.ignored || k.name == "electionAlg" || k.name == "oraclePath" {
			continue
		}
		f := fieldOf(t, k)
		if f == "" {
			t.Errorf("no value sets a field by %s", k.name)
		}
		reached[f] = true
		if strings.HasPrefix(f, "QuorumTLS.") {
			continue
		}
		if rest, ok := strings.CutPrefix(f, "ClientTLS."); ok {
			k.name, f = "X"+strings.TrimPrefix(k.name, "ssl"), "*TLS."+rest
		}
		want[k.name] = f
	}
	for name := range leaves(Config{}) {
		switch name {
		case "File", "MyID", "Servers", "NextServers", "Distributed", "Properties":
		default:
			if !reached[name] {
				t.Errorf("no key sets %s", name)
			}
		}
	}

	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for line := range strings.Lines(string(doc)) {
		if row, ok := strings.CutPrefix(line, "//\t"); ok {
			if f := strings.Fields(row); len(f) == 2 {
				got[f[0]] = f[1]
			}
		}
	}
	if maps.Equal(got, want) {
		return
	}
	var b strings.Builder
	for _, name := range slices.SortedFunc(maps.Keys(want), func(a, b string) int {
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	}) {
		fmt.Fprintf(&b, "//\t%-46s %s\n", name, want[name])
	}
	t.Errorf("the table of doc.go should be\n%s", b.String())
}
