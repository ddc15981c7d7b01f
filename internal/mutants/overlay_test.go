//go:build mutants

package mutants

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/printer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// switchFile goes into every mutated package. PANAH_MUTANT names the mutant that
// is on. PANAH_REACHED names a file into which, in a run without a mutant, the
// numbers of those are written that this run could notice: their statement was
// come by, and for a boundary or a sum the two readings differed. Scratch is
// where a killed run may leave files behind.
const switchFile = `package %s

import (
	"os"
	"strconv"
	"sync/atomic"
)

var (
	mutantOn_, _    = strconv.Atoi(os.Getenv("PANAH_MUTANT"))
	mutantReached_  = os.Getenv("PANAH_REACHED")
	mutantRecords_  = mutantReached_ != ""
	mutantSeen_     [1 << 16]atomic.Bool
	mutantScratch_  = os.TempDir()
)

func mutant_(n int) bool {
	if mutantRecords_ {
		mutantReach_(n)
	}
	return n == mutantOn_
}

func mutantReach_(n int) {
	if mutantSeen_[n].Load() || mutantSeen_[n].Swap(true) {
		return
	}
	f, err := os.OpenFile(mutantReached_, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	if _, err := f.WriteString(strconv.Itoa(n) + "\n"); err != nil {
		panic(err)
	}
	_ = f.Close()
}

func mutate_[T comparable](n int, as, other T) T {
	if mutantRecords_ && as != other {
		mutantReach_(n)
	}
	if n == mutantOn_ {
		return other
	}
	return as
}

func boundary_(n int, as, other func() bool) bool {
	if mutantRecords_ {
		is := as()
		if is != other() {
			mutantReach_(n)
		}
		return is
	}
	if n == mutantOn_ {
		return other()
	}
	return as()
}

var _, _, _ = mutate_[int], boundary_, mutantScratch_
`

// sameLines prints code that says of each line where it stands in the original:
// the fault matrix knows calls by that.
var sameLines = printer.Config{Mode: printer.UseSpaces | printer.TabIndent | printer.SourcePos, Tabwidth: 8}

// mutate writes every target with its mutants behind switches and answers the
// overlay that puts them in place.
func mutate(t *testing.T, root, work string) (list []mutant, overlay string) {
	replaced := map[string]string{}
	exports := exportData(t, root)
	for _, target := range targets {
		p := parsed(t, filepath.Join(root, target.dir))
		info := p.check(t, "panah/internal/"+target.dir, exports)
		for i, f := range p.files {
			m := &mutator{set: p.set, info: info, dir: target.dir, file: filepath.Base(p.paths[i]), list: &list, seen: map[string]int{}}
			m.whole(f)
			var out bytes.Buffer
			if err := sameLines.Fprint(&out, p.set, f); err != nil {
				t.Fatal(err)
			}
			replaced[p.paths[i]] = written(t, work, target.dir+"-"+m.file, out.Bytes())
		}
		replaced[filepath.Join(root, target.dir, "zz_switch.go")] = written(t, work, target.dir+"-switch.go", fmt.Appendf(nil, switchFile, p.files[0].Name.Name))
	}
	raw, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	return list, written(t, work, "overlay.json", raw)
}

// whole mutates a file, and keeps what it would leave in shared memory in the
// run's own folder.
func (m *mutator) whole(f *ast.File) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil && d.Name.Name != "init" && d.Type.TypeParams == nil {
				m.function(d)
			}
		case *ast.GenDecl:
			m.table(d)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Value == `"/dev/shm"` {
			lit.Value = "mutantScratch_"
		}
		return true
	})
}

func written(t *testing.T, dir, name string, raw []byte) string {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pkg is a package as the parser read it, without its tests.
type pkg struct {
	set   *token.FileSet
	files []*ast.File
	paths []string
}

func parsed(t *testing.T, dir string) pkg {
	p := pkg{set: token.NewFileSet()}
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(p.set, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		p.files, p.paths = append(p.files, f), append(p.paths, path)
	}
	return p
}

// check finds the types of everything in a package.
func (p pkg) check(t *testing.T, path string, exports map[string]string) *types.Info {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: importer.ForCompiler(p.set, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(exports[path])
	})}
	if _, err := conf.Check(path, p.set, p.files, info); err != nil {
		t.Fatal(err)
	}
	return info
}

// exportData is where the compiled form of every imported package lies.
func exportData(t *testing.T, root string) map[string]string {
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "./...")
	cmd.Dir = root
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		out[path] = file
	}
	return out
}
