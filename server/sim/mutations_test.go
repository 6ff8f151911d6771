package sim_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	mutate  = flag.Bool("mutations", false, "find every mistake of "+mutationFile)
	mutant  = flag.String("mutation", "", "only mistakes whose names contain this")
	allowed = flag.Int("within", 200, "seeds within which each must be found")
)

const mutationFile = "testdata/mutations.txt"

// mutation is a deliberate mistake.
type mutation struct {
	name  string
	edits []edit
}

// edit is text of a file of the product and what takes its place.
type edit struct{ file, before, after string }

// readMutations reads the table.
func readMutations(t *testing.T) []mutation {
	t.Helper()
	b, err := os.ReadFile(mutationFile)
	if err != nil {
		t.Fatal(err)
	}
	var list []mutation
	_, text, _ := strings.Cut(string(b), "\n== ")
	for part := range strings.SplitSeq(text, "\n== ") {
		name, rest, _ := strings.Cut(part, "\n")
		m := mutation{name: name}
		for e := range strings.SplitSeq(strings.TrimPrefix(rest, "file: "), "\nfile: ") {
			file, texts, _ := strings.Cut(e, "\n-- old\n")
			before, after, ok := strings.Cut(texts, "\n-- new")
			if !ok {
				t.Fatalf("%s: %q is not complete", mutationFile, name)
			}
			after = strings.TrimRight(strings.TrimPrefix(after, "\n"), "\n")
			m.edits = append(m.edits, edit{strings.TrimSpace(file), before, after})
		}
		list = append(list, m)
	}
	return list
}

// apply returns the mutated files by their paths.
func (m *mutation) apply(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, e := range m.edits {
		path, err := filepath.Abs(filepath.Join("..", filepath.FromSlash(e.file)))
		if err != nil {
			t.Fatal(err)
		}
		text, ok := files[path]
		if !ok {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		if n := strings.Count(text, e.before); n == 0 {
			t.Errorf("%s: the text of %q is not in %s any more:\n%s", mutationFile, m.name, e.file, e.before)
		}
		// The last one: of two that look alike it is the one that was meant.
		i := max(strings.LastIndex(text, e.before), 0)
		files[path] = text[:i] + e.after + strings.TrimPrefix(text[i:], e.before)
	}
	return files
}

// TestMutationsApply keeps the table in step with the product.
func TestMutationsApply(t *testing.T) {
	t.Parallel()
	list := readMutations(t)
	if len(list) < 25 {
		t.Errorf("%d mistakes, want at least 25", len(list))
	}
	for _, m := range list {
		m.apply(t)
	}
}

var failedSeed = regexp.MustCompile(`seed (\d+) \(.*\): ([A-Z]\w+): `)

// TestMutations makes each mistake and wants a seed to find it.
func TestMutations(t *testing.T) {
	if !*mutate {
		t.Skip("takes long: make mutations")
	}
	for _, m := range readMutations(t) {
		if strings.Contains(m.name, *mutant) {
			m.find(t)
		}
	}
}

// find builds the tests with the mistake, by an overlay of the files, and runs seeds.
func (m *mutation) find(t *testing.T) {
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for path, text := range m.apply(t) {
		changed := filepath.Join(dir, fmt.Sprint(len(overlay.Replace))+".go")
		if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[path] = changed
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	table, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "sim.test")
	if err := os.WriteFile(table, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", table, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", m.name, err, out)
		return
	}
	begin := time.Now()
	out, err := exec.Command(binary, "-test.run", "TestSeeds", "-seeds", fmt.Sprint(*allowed)).CombinedOutput()
	took := time.Since(begin).Round(time.Second)
	found := failedSeed.FindSubmatch(out)
	switch {
	case err == nil:
		t.Errorf("%-70s not found in %d seeds, %v", m.name, *allowed, took)
	case found == nil:
		t.Errorf("%-70s failed without a seed:\n%s", m.name, out)
	default:
		fmt.Printf("%-82s %4s seeds  %-18s %v\n", m.name, found[1], found[2], took)
	}
}
