package sim_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	mutate  = flag.Bool("mutations", false, "find every mistake of the table")
	table   = flag.String("table", mutationFile, "the file of the mistakes")
	mutant  = flag.String("mutation", "", "only mistakes whose names match this")
	allowed = flag.Int("within", 300, "seeds within which each must be found")
	note    = flag.Bool("found", false, "write down in "+foundFile+" which seed finds which mistake")
)

const (
	mutationFile = "testdata/mutations.txt"
	foundFile    = "testdata/found.txt"
)

// harmless begins the names of changes that are none: all seeds must survive them.
const harmless = "no mistake: "

// mutation is a deliberate mistake.
type mutation struct {
	name  string
	test  string // package and name of a test that finds it, if the simulation cannot; or ""
	edits []edit
}

// edit is text of a file of the product and what takes its place.
type edit struct{ file, before, after string }

// readMutations reads the table.
func readMutations(t *testing.T) []mutation {
	t.Helper()
	b, err := os.ReadFile(*table)
	if err != nil {
		t.Fatal(err)
	}
	var list []mutation
	_, text, _ := strings.Cut(string(b), "\n== ")
	for part := range strings.SplitSeq(text, "\n== ") {
		name, rest, _ := strings.Cut(part, "\n")
		m := mutation{name: name}
		if after, ok := strings.CutPrefix(rest, "test: "); ok {
			m.test, rest, _ = strings.Cut(after, "\n")
		}
		for e := range strings.SplitSeq(strings.TrimPrefix(rest, "file: "), "\nfile: ") {
			file, texts, _ := strings.Cut(e, "\n-- old\n")
			before, after, ok := strings.Cut(texts, "\n-- new")
			if !ok {
				t.Fatalf("%s: %q is not complete", *table, name)
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
			t.Errorf("%s: the text of %q is not in %s any more:\n%s", *table, m.name, e.file, e.before)
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
	names := map[string]bool{}
	for _, m := range list {
		if m.apply(t); names[m.name] {
			t.Errorf("%s: %q is there twice", *table, m.name)
		}
		names[m.name] = true
	}
	for name := range readFound(t) {
		if !names[name] {
			t.Errorf("%s: %q is not in %s", foundFile, name, *table)
		}
	}
}

// readFound returns the lines of the table of what was found, by the names of the mistakes.
func readFound(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile(foundFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 2 && f[0] != "#" {
			found[strings.Join(f[2:], " ")] = strings.TrimSpace(line)
		}
	}
	return found
}

// writeFound writes the table, in the order of the mistakes.
func writeFound(t *testing.T, list []mutation, found map[string]string) {
	t.Helper()
	b := []byte("# The first seed that finds each mistake, and the invariant that is violated: make mutations.\n")
	for _, m := range list {
		if line := found[m.name]; line != "" {
			b = fmt.Appendln(b, line)
		}
	}
	if err := os.WriteFile(foundFile, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestMutations makes each mistake and wants a seed to find it. One processor works on one
// mistake, so that the seed is the first one.
func TestMutations(t *testing.T) {
	if !*mutate {
		t.Skip("takes long: make mutations")
	}
	only, err := regexp.Compile(*mutant)
	if err != nil {
		t.Fatal(err)
	}
	list, found := readMutations(t), readFound(t)
	var (
		mu sync.Mutex
		wg sync.WaitGroup
	)
	work := make(chan mutation)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for m := range work {
				if line := m.find(t); line != "" {
					mu.Lock()
					found[m.name] = line
					mu.Unlock()
				}
			}
		})
	}
	for _, m := range list {
		if only.MatchString(m.name) {
			work <- m
		}
	}
	close(work)
	wg.Wait()
	if *note {
		writeFound(t, list, found)
	}
}

var failedSeed = regexp.MustCompile(`seed (\d+) \(.*\): ([A-Z]\w+): `)

// find builds the tests with the mistake, by an overlay of the files, and runs seeds. It
// returns the line for the table.
func (m *mutation) find(t *testing.T) string {
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for path, text := range m.apply(t) {
		changed := filepath.Join(dir, fmt.Sprint(len(overlay.Replace))+".go")
		if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
			t.Error(err)
			return ""
		}
		overlay.Replace[path] = changed
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		t.Error(err)
		return ""
	}
	changes := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(changes, b, 0o600); err != nil {
		t.Error(err)
		return ""
	}
	if m.test != "" {
		return m.findByTest(t, changes)
	}
	return m.findBySeed(t, changes, filepath.Join(dir, "sim.test"))
}

// findByTest wants a test of the package that has the mistake to fail.
func (m *mutation) findByTest(t *testing.T, changes string) string {
	in, name, _ := strings.Cut(m.test, " ")
	out, err := exec.Command("go", "test", "-vet=off", "-overlay", changes, "-run", "^"+name+"$", "../"+in).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--- FAIL: "+name) {
		t.Errorf("%s: %s does not find it: %v\n%s", m.name, m.test, err, out)
		return ""
	}
	fmt.Printf("%-82s      not by a seed, by %s\n", m.name, m.test)
	return fmt.Sprintf("   -  %-18s %s", name, m.name)
}

// findBySeed wants a seed to fail.
func (m *mutation) findBySeed(t *testing.T, changes, binary string) string {
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", changes, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", m.name, err, out)
		return ""
	}
	defer os.Remove(binary)
	begin := time.Now()
	run := exec.Command(binary, "-test.run", "TestSeeds", "-seeds", fmt.Sprint(*allowed), "-test.timeout", "0", "-test.cpu", "1")
	out, err := run.CombinedOutput()
	took := time.Since(begin).Round(time.Second)
	seed := failedSeed.FindSubmatch(out)
	switch {
	case strings.HasPrefix(m.name, harmless):
		if err != nil {
			t.Errorf("%s: %v\n%s", m.name, err, out)
			return ""
		}
		seed = [][]byte{nil, []byte("-"), []byte("-")}
	case err == nil:
		t.Errorf("%-82s not found in %d seeds, %v", m.name, *allowed, took)
		return ""
	case seed == nil:
		t.Errorf("%-82s failed without a seed:\n%s", m.name, out)
		return ""
	}
	fmt.Printf("%-82s %4s seeds  %-18s %v\n", m.name, seed[1], seed[2], took)
	return fmt.Sprintf("%4s  %-18s %s", seed[1], seed[2], m.name)
}
