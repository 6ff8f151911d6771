package server_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// kind says what a package may touch.
type kind string

const (
	pure    kind = "pure"    // no I/O, clock, randomness, goroutine, lock, log
	locked  kind = "locked"  // pure but for locks and atomics
	disk    kind = "disk"    // files
	network kind = "network" // sockets
	glue    kind = "glue"    // joins parts
)

// packages is the whole tree: for each package what it may touch, and which packages
// of the tree it may import. Packages stand below those that they import.
var packages = []struct {
	dir     string
	kind    kind
	imports string
}{
	{"jute", pure, ""},
	{"proto", pure, "jute"},
	{"txn", pure, "jute proto"},
	{"quorum", pure, ""},
	{"tree", pure, "jute proto txn"},
	{"watch", pure, "proto"},
	{"session", pure, "proto"},
	{"auth", pure, "jute proto"},
	{"sasl", pure, ""},
	{"prep", pure, "jute proto txn tree auth quorum"},
	{"election", pure, "jute proto quorum"},
	{"zab", pure, "jute proto quorum"},
	{"member", pure, "jute proto txn quorum tree session auth prep election zab"},
	{"audit", pure, "jute proto txn auth"},
	{"config", pure, "quorum"},
	{"environment", pure, "config"},
	{"metrics", locked, ""},
	{"database", locked, "jute proto txn tree watch session auth"},
	{"vfs", disk, ""},
	{"txnlog", disk, "jute proto txn vfs"},
	{"snapshot", disk, "jute proto txn tree session vfs"},
	{"storage", disk, "jute proto txn tree session vfs txnlog snapshot"},
	{"toolkit", disk, "jute proto txn tree vfs txnlog snapshot storage"},
	{"backup", disk, "proto txn vfs txnlog snapshot storage"},
	{"recovery", disk, "proto txn quorum config vfs storage"},
	{"keystore", disk, ""},
	{"keystore/authority", disk, ""},
	{"secure", network, ""},
	{"conn", network, "jute proto sasl secure"},
	{"peer", network, "jute proto quorum election zab sasl secure"},
	{"admin", network, "proto auth metrics secure"},
	{"client", network, "jute proto sasl"},
	{"survey", network, ""},
	{"top", network, "survey"},
	{"console", network, "proto metrics admin survey"},
	{"replica", glue, "metrics jute proto txn quorum tree session auth prep election zab member txnlog snapshot storage database"},
	{"cli", glue, "proto sasl client keystore secure"},
	{".", glue, "jute proto txn quorum tree watch session auth sasl prep election zab member audit config metrics database " +
		"vfs txnlog snapshot storage keystore secure conn peer admin client survey console replica"},
	{"cmd/gokeeper", glue, ". sasl quorum config environment keystore secure survey top cli vfs txnlog snapshot storage proto txn toolkit backup recovery"},
	{"sim", glue, "jute proto txn quorum tree session auth prep election zab member database vfs txnlog snapshot storage replica"},
	{"freeport", network, ""},
}

// starters are the packages of the goroutine table in doc.go.
var starters = []string{"client", "conn", "peer", "replica", "admin", "survey", ".", "cmd/gokeeper"}

// Imports that a kind forbids, with all below them but for the harmless ones.
var (
	forbids = map[kind][]string{
		pure:   {"crypto/rand", "log", "math/rand", "net", "os", "runtime", "sync", "syscall", "testing", "github.com/rs/zerolog"},
		locked: {"crypto/rand", "log", "math/rand", "net", "os", "runtime", "syscall", "testing", "github.com/rs/zerolog"},
		disk:   {"log", "net", "os/exec", "os/signal", "testing", "github.com/rs/zerolog"},
	}
	harmless = []string{"net/netip", "net/url"}
)

// Names of other packages that stand for something a kind or place must not do.
var (
	clock = []string{"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.AfterFunc", "time.Tick",
		"time.NewTimer", "time.NewTicker"}
	timers  = []string{"time.AfterFunc", "context.AfterFunc"}
	process = []string{"os.Exit", "os.Args", "os.Getenv", "os.LookupEnv", "os.Environ", "signal.Notify", "signal.NotifyContext"}
)

var (
	vague   = regexp.MustCompile(`^(base|types|misc|shared|lib)$|(util|utils|common|commons|helper|helpers)$`)
	module  = "gokeeper/server"
	oneLine = regexp.MustCompile(`(?m)^\t([a-z][a-z/]*) {2,}\S`)
)

// source is one package of the tree without its tests.
type source struct {
	dir   string
	fset  *token.FileSet
	files []*ast.File
}

// where returns a position as file:line.
func (s *source) where(n ast.Node) string {
	p := s.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// readTree parses the packages of the tree, by directory.
func readTree(t *testing.T) map[string]*source {
	t.Helper()
	all := map[string]*source{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || name != "." && strings.ContainsAny(d.Name()[:1], "._")):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		dir := filepath.ToSlash(filepath.Dir(name))
		if all[dir] == nil {
			all[dir] = &source{dir: dir, fset: token.NewFileSet()}
		}
		f, err := parser.ParseFile(all[dir].fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		all[dir].files = append(all[dir].files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// eachPackage runs f for every package of the tree.
func eachPackage(t *testing.T, f func(t *testing.T, s *source)) {
	t.Parallel()
	for dir, s := range readTree(t) {
		t.Run(dir, func(t *testing.T) { f(t, s) })
	}
}

// kindOf returns what the table says of the package, "" if it does not know it.
func kindOf(dir string) kind {
	for _, p := range packages {
		if p.dir == dir {
			return p.kind
		}
	}
	return ""
}

// imports calls f for each import of the package.
func (s *source) imports(f func(at *ast.ImportSpec, name string)) {
	for _, file := range s.files {
		for _, at := range file.Imports {
			name, err := strconv.Unquote(at.Path.Value)
			if err != nil {
				panic(err) // the parser has accepted it
			}
			f(at, name)
		}
	}
}

// uses calls f for each pkg.Name in the package that is in the list.
func (s *source) uses(list []string, f func(n ast.Node, name string)) {
	s.inspect(func(n ast.Node) {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return
		}
		if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(list, x.Name+"."+sel.Sel.Name) {
			f(n, x.Name+"."+sel.Sel.Name)
		}
	})
}

func (s *source) inspect(f func(n ast.Node)) {
	for _, file := range s.files {
		ast.Inspect(file, func(n ast.Node) bool { f(n); return true })
	}
}

// TestTable keeps the table complete and free of cycles.
func TestTable(t *testing.T) {
	t.Parallel()
	var above []string
	for _, p := range packages {
		for _, im := range strings.Fields(p.imports) {
			if !slices.Contains(above, im) {
				t.Errorf("%s may import %s, which does not stand above it: the order of the table excludes cycles", p.dir, im)
			}
			if (p.kind == pure || p.kind == locked) && kindOf(im) != pure && kindOf(im) != p.kind {
				t.Errorf("%s is %s and may import %s, which is %s: what it imports would do what it must not", p.dir, p.kind, im, kindOf(im))
			}
		}
		above = append(above, p.dir)
	}
	for dir := range readTree(t) {
		if kindOf(dir) == "" {
			t.Errorf("%s is not in the table of packages: say what it may touch and import", dir)
		}
	}
}

// TestImports holds the table: who needs more than its line allows is in the wrong place.
func TestImports(t *testing.T) {
	eachPackage(t, func(t *testing.T, s *source) {
		var allowed []string
		for _, p := range packages {
			if p.dir == s.dir {
				allowed = strings.Fields(p.imports)
			}
		}
		s.imports(func(at *ast.ImportSpec, name string) {
			rest, inside := strings.CutPrefix(name, module)
			if !inside {
				return
			}
			dir := path.Clean(strings.TrimPrefix(rest, "/"))
			if !slices.Contains(allowed, dir) {
				t.Errorf("%s: %s must not import %s; the table allows %q", s.where(at), s.dir, dir, allowed)
			}
		})
	})
}

// TestKinds keeps I/O, time, chance, goroutines and locks out of where decisions are
// made, so that these can be tested and simulated by calling them.
func TestKinds(t *testing.T) {
	eachPackage(t, func(t *testing.T, s *source) {
		k := kindOf(s.dir)
		s.imports(func(at *ast.ImportSpec, name string) {
			for _, no := range forbids[k] {
				if (name == no || strings.HasPrefix(name, no+"/")) && !slices.Contains(harmless, name) {
					t.Errorf("%s: %s is %s and must not import %s", s.where(at), s.dir, k, name)
				}
			}
			if at.Name != nil && (name == "time" || name == "os") {
				t.Errorf("%s: %s imported under another name hides from these rules", s.where(at), name)
			}
		})
		if k != pure && k != locked {
			return
		}
		s.uses(clock, func(n ast.Node, name string) {
			t.Errorf("%s: %s is %s and must not use %s; the time is an argument", s.where(n), s.dir, k, name)
		})
	})
}

// TestGoroutines knows every package that starts one.
func TestGoroutines(t *testing.T) {
	eachPackage(t, func(t *testing.T, s *source) {
		if slices.Contains(starters, s.dir) {
			return
		}
		s.inspect(func(n ast.Node) {
			_, starts := n.(*ast.GoStmt)
			if call, ok := n.(*ast.CallExpr); ok { // of a sync.WaitGroup
				sel, ok := call.Fun.(*ast.SelectorExpr)
				starts = ok && sel.Sel.Name == "Go" && len(call.Args) == 1
			}
			if starts {
				t.Errorf("%s: %s starts a goroutine; only %q do, see the table in doc.go", s.where(n), s.dir, starters)
			}
		})
		s.uses(timers, func(n ast.Node, name string) {
			t.Errorf("%s: %s runs its function in a goroutine; only %q start some", s.where(n), name, starters)
		})
	})
}

// TestProcess leaves arguments, environment, signals and exit to the command, so that
// several servers can live in one process.
func TestProcess(t *testing.T) {
	eachPackage(t, func(t *testing.T, s *source) {
		if strings.HasPrefix(s.dir, "cmd/") {
			return
		}
		s.uses(process, func(n ast.Node, name string) {
			t.Errorf("%s: %s belongs into cmd/gokeeper alone", s.where(n), name)
		})
		s.imports(func(at *ast.ImportSpec, name string) {
			if name == "flag" || strings.HasPrefix(name, "github.com/spf13/") {
				t.Errorf("%s: %s belongs into cmd/gokeeper alone", s.where(at), name)
			}
		})
	})
}

// TestNoInit keeps importing a package free of effects.
func TestNoInit(t *testing.T) {
	eachPackage(t, func(t *testing.T, s *source) {
		s.inspect(func(n ast.Node) {
			if f, ok := n.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: an init function runs without being called; call it", s.where(n))
			}
		})
	})
}

// TestPackageNames wants nouns: what has no better name than these has no home yet.
func TestPackageNames(t *testing.T) {
	eachPackage(t, func(t *testing.T, s *source) {
		for _, f := range s.files {
			if name := f.Name.Name; vague.MatchString(name) {
				t.Errorf("%s: package %s says nothing about what is in it", s.where(f), name)
			}
		}
	})
}

// TestPackageComments wants one comment per package, in one place.
func TestPackageComments(t *testing.T) {
	eachPackage(t, func(t *testing.T, s *source) {
		var at []string
		for _, f := range s.files {
			if f.Doc == nil {
				continue
			}
			at = append(at, s.where(f))
			want := "Package " + f.Name.Name + " "
			if f.Name.Name == "main" {
				want = "Command " + path.Base(s.dir) + " "
			}
			if !strings.HasPrefix(f.Doc.Text(), want) {
				t.Errorf("%s: the package comment does not begin with %q", s.where(f), want)
			}
		}
		if len(at) != 1 {
			t.Errorf("%s has %d package comments, want 1: %q", s.dir, len(at), at)
		}
	})
}

// TestDocumented wants a comment on every exported name.
func TestDocumented(t *testing.T) {
	eachPackage(t, func(t *testing.T, s *source) {
		for _, f := range s.files {
			for _, d := range f.Decls {
				for _, name := range undocumented(d) {
					t.Errorf("%s: %s is exported and has no comment", s.where(d), name)
				}
			}
		}
	})
}

// undocumented returns the exported names of a declaration that have no comment, neither
// their own nor that of their group.
func undocumented(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		var names []string
		for _, spec := range d.Specs {
			if d.Doc == nil {
				names = append(names, undocumentedIn(spec)...)
			}
		}
		return names
	}
	return nil
}

func undocumentedIn(spec ast.Spec) []string {
	var names []string
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Doc == nil && s.Comment == nil && s.Name.IsExported() {
			names = append(names, s.Name.Name)
		}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if s.Doc == nil && s.Comment == nil && n.IsExported() {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

// exportedReceiver says whether others can see the methods of the function's receiver,
// if it has one.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	for e := d.Recv.List[0].Type; ; {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// TestTour keeps the list of parts in doc.go true.
func TestTour(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	_, parts, _ := strings.Cut(f.Doc.Text(), "# The parts\n")
	parts, _, _ = strings.Cut(parts, "\n# ")
	var told []string
	for _, m := range oneLine.FindAllStringSubmatch(parts, -1) {
		told = append(told, m[1])
		if _, err := os.Stat(m[1]); err != nil {
			t.Errorf("doc.go tells of %s, which is not there", m[1])
		}
	}
	for dir := range readTree(t) {
		if dir != "." && !slices.Contains(told, dir) {
			t.Errorf("doc.go does not tell what %s is", dir)
		}
	}
}
