//go:build mutants

// Package mutants asks whether the tests would notice: it changes the domain,
// the use cases and the storage code in small ways, one at a time, and runs the
// tests on each. All changes are compiled in at once, each behind a switch, so
// that a mutant costs a run and not a build. What survives is listed with a
// reason in survivors.txt.
package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/printer"
	"go/token"
	"go/types"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	count = flag.Int("n", 200, "how many mutants, drawn by seed; 0: all")
	seed  = flag.Uint64("draw", 1, "the seed they are drawn by")
	only  = flag.String("only", "", "only mutants whose name has this in it")
)

// targets are the folders that are mutated, and by which tests.
var targets = []struct {
	dir  string
	runs []string // names of suites, the quickest first
}{
	{"shelter", []string{"referral", "simulation", "matrix", "httpapi", "directory"}},
	{"placement", []string{"placement", "referral", "simulation", "matrix", "httpapi"}},
	{"referral", []string{"referral", "simulation", "matrix", "audit", "httpapi"}},
	{"matching", []string{"matching", "referral", "httpapi"}},
	{"table", []string{"embedded", "referral"}},
	{"embedded", []string{"embedded", "simulation"}},
}

// suites are test binaries with what they are to run.
var suites = map[string]struct {
	pkg  string
	args []string
}{
	"placement":  {"placement", nil},
	"matching":   {"matching", []string{"-test.skip=TestWhatWouldHelpReallyHelps"}}, // draws its own seeds and sometimes finds too little
	"embedded":   {"embedded", nil},
	"directory":  {"directory", nil},
	"audit":      {"audit", nil},
	"referral":   {"referral", nil},
	"httpapi":    {"httpapi", nil},
	"simulation": {"simulation", []string{"-test.run=Simulate|Again|Lapse|Small", "-seeds=8", "-races=150"}},
	"matrix":     {"simulation", []string{"-test.run=Plain"}},
}

// mutant is one small change.
type mutant struct {
	id   int
	dir  string
	name string // file, function, what is changed
}

type mutator struct {
	set  *token.FileSet
	info *types.Info
	dir  string
	file string
	fn   string
	list *[]mutant
	seen map[string]int
}

func (m *mutator) add(what string, n ast.Node) *ast.BasicLit {
	var text bytes.Buffer
	_ = printer.Fprint(&text, m.set, n)
	short := strings.Join(strings.Fields(text.String()), " ")
	if len(short) > 70 {
		short = short[:70]
	}
	name := fmt.Sprintf("%s/%s %s %s `%s`", m.dir, m.file, m.fn, what, short)
	if m.seen[name]++; m.seen[name] > 1 {
		name += fmt.Sprint(" #", m.seen[name])
	}
	id := len(*m.list) + 1
	*m.list = append(*m.list, mutant{id, m.dir, name})
	return &ast.BasicLit{Kind: token.INT, Value: fmt.Sprint(id)}
}

func call(f string, args ...ast.Expr) ast.Expr {
	return &ast.CallExpr{Fun: ast.NewIdent(f), Args: args}
}

func paren(e ast.Expr) ast.Expr { return &ast.ParenExpr{X: e} }

// negated is e, or its opposite in the mutant.
func (m *mutator) negated(e ast.Expr) ast.Expr {
	id := m.add("negate", e)
	return paren(&ast.BinaryExpr{X: call("mutant_", id), Op: token.NEQ, Y: paren(m.inside(e))})
}

// inside mutates what a condition is made of.
func (m *mutator) inside(e ast.Expr) ast.Expr {
	switch b := e.(type) {
	case *ast.ParenExpr:
		return paren(m.inside(b.X))
	case *ast.BinaryExpr:
		switch {
		case b.Op == token.LAND || b.Op == token.LOR:
			return &ast.BinaryExpr{X: m.negated(b.X), Op: b.Op, Y: m.negated(b.Y)}
		case boundary[b.Op] != 0 && !m.constant(b):
			id := m.add("boundary", b)
			other := &ast.BinaryExpr{X: b.X, Op: boundary[b.Op], Y: b.Y}
			return paren(&ast.BinaryExpr{X: paren(&ast.BinaryExpr{X: call("mutant_", id), Op: token.LAND, Y: other}), Op: token.LOR,
				Y: paren(&ast.BinaryExpr{X: &ast.UnaryExpr{Op: token.NOT, X: call("mutant_", id)}, Op: token.LAND, Y: b})})
		}
	}
	return e
}

var boundary = map[token.Token]token.Token{token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR}

var arithmetic = map[token.Token]token.Token{token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.ADD}

func (m *mutator) constant(e ast.Expr) bool { return m.info.Types[e].Value != nil }

// exprs mutates arithmetic anywhere in an expression or statement.
func (m *mutator) arithmetic(n ast.Node) {
	replace(n, func(e ast.Expr) ast.Expr {
		b, ok := e.(*ast.BinaryExpr)
		if !ok || arithmetic[b.Op] == 0 || m.constant(b) {
			return e
		}
		t := m.info.TypeOf(b)
		if t == nil {
			return e
		}
		basic, ok := t.Underlying().(*types.Basic)
		if !ok || basic.Info()&types.IsNumeric == 0 || basic.Info()&types.IsUntyped != 0 {
			return e
		}
		id := m.add("arithmetic", b)
		return call("mutate_", id, b, &ast.BinaryExpr{X: paren(b.X), Op: arithmetic[b.Op], Y: paren(b.Y)})
	})
}

// block mutates the statements of a function.
func (m *mutator) block(list []ast.Stmt) {
	for i, s := range list {
		switch s := s.(type) {
		case *ast.IfStmt:
			m.ifs(s)
		case *ast.ForStmt:
			m.block(s.Body.List)
		case *ast.RangeStmt:
			m.block(s.Body.List)
		case *ast.BlockStmt:
			m.block(s.List)
		case *ast.SwitchStmt:
			for _, c := range s.Body.List {
				if c, ok := c.(*ast.CaseClause); ok {
					if s.Tag == nil {
						for j, e := range c.List {
							c.List[j] = m.negated(e)
						}
					}
					m.block(c.Body)
				}
			}
		case *ast.ReturnStmt:
			for j, e := range s.Results {
				if t := m.info.TypeOf(e); t != nil && types.Identical(t, types.Typ[types.Bool]) && !m.constant(e) {
					s.Results[j] = m.negated(e)
				} else {
					m.arithmetic(&ast.ReturnStmt{Results: s.Results[j : j+1]})
				}
			}
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				for j := range s.Rhs {
					m.arithmetic(&ast.ReturnStmt{Results: s.Rhs[j : j+1]})
				}
				continue
			}
			list[i] = m.removed(s)
		case *ast.IncDecStmt:
			list[i] = m.removed(s)
		case *ast.ExprStmt:
			var text bytes.Buffer
			_ = printer.Fprint(&text, m.set, s)
			if !strings.Contains(text.String(), ".Log.") && !strings.Contains(text.String(), ".log.") {
				list[i] = m.removed(s)
			}
		}
	}
}

func (m *mutator) ifs(s *ast.IfStmt) {
	s.Cond = m.negated(s.Cond)
	m.block(s.Body.List)
	switch e := s.Else.(type) {
	case *ast.IfStmt:
		m.ifs(e)
	case *ast.BlockStmt:
		m.block(e.List)
	}
}

func (m *mutator) removed(s ast.Stmt) ast.Stmt {
	id := m.add("remove", s)
	return &ast.IfStmt{Cond: &ast.UnaryExpr{Op: token.NOT, X: call("mutant_", id)}, Body: &ast.BlockStmt{List: []ast.Stmt{s}}}
}

// function mutates one function, and lets it return nothing at all.
func (m *mutator) function(f *ast.FuncDecl) {
	m.fn = f.Name.Name
	m.block(f.Body.List)
	ast.Inspect(f.Body, func(n ast.Node) bool { // closures carry most of the use cases
		if lit, ok := n.(*ast.FuncLit); ok {
			m.block(lit.Body.List)
			return false
		}
		return true
	})
	var zeros []ast.Expr
	if f.Type.Results != nil {
		for _, r := range f.Type.Results.List {
			for range max(1, len(r.Names)) {
				zeros = append(zeros, &ast.StarExpr{X: call("new", r.Type)})
			}
		}
	}
	id := m.add("return at once", f.Name)
	early := &ast.IfStmt{Cond: call("mutant_", id), Body: &ast.BlockStmt{List: []ast.Stmt{&ast.ReturnStmt{Results: zeros}}}}
	f.Body.List = append([]ast.Stmt{early}, f.Body.List...)
}

// replace rewrites the expressions of a return statement, the innermost last.
func replace(n ast.Node, f func(ast.Expr) ast.Expr) {
	r, ok := n.(*ast.ReturnStmt)
	if !ok {
		return
	}
	for i, e := range r.Results {
		r.Results[i] = f(e)
		if c, ok := e.(*ast.CallExpr); ok {
			for j, a := range c.Args {
				c.Args[j] = f(a)
			}
		}
	}
}

const switchFile = `package %s

import "os"

var mutantOn_ = os.Getenv("PANAH_MUTANT")

func mutant_(n int) bool { return mutantOn_ != "" && mutantOn_ == itoa_(n) }

func itoa_(n int) string {
	var b [8]byte
	i := len(b)
	for ; n > 0; n /= 10 {
		i--
		b[i] = byte('0' + n%%10)
	}
	return string(b[i:])
}

func mutate_[T any](n int, as, other T) T {
	if mutant_(n) {
		return other
	}
	return as
}
`

// mutate writes every target with its mutants behind switches and answers the
// overlay that puts them in place.
func mutate(t *testing.T, root, work string) (list []mutant, overlay string) {
	replaced := map[string]string{}
	exports := exportData(t, root)
	for _, target := range targets {
		dir := filepath.Join(root, target.dir)
		set := token.NewFileSet()
		var files []*ast.File
		var names []string
		paths, _ := filepath.Glob(filepath.Join(dir, "*.go"))
		for _, p := range paths {
			if strings.HasSuffix(p, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(set, p, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files, names = append(files, f), append(names, p)
		}
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
		lookup := func(path string) (io.ReadCloser, error) {
			if exports[path] == "" {
				return nil, fmt.Errorf("no export data of %s", path)
			}
			return os.Open(exports[path])
		}
		conf := types.Config{Importer: importer.ForCompiler(set, "gc", lookup)}
		if _, err := conf.Check("panah/internal/"+target.dir, set, files, info); err != nil {
			t.Fatal(err)
		}
		for i, f := range files {
			m := &mutator{set: set, info: info, dir: target.dir, file: filepath.Base(names[i]), list: &list, seen: map[string]int{}}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil && fn.Name.Name != "init" && fn.Type.TypeParams == nil {
					m.function(fn)
				}
			}
			var out bytes.Buffer
			if err := format.Node(&out, token.NewFileSet(), f); err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(work, target.dir+"-"+m.file)
			if err := os.WriteFile(to, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			replaced[names[i]] = to
		}
		to := filepath.Join(work, target.dir+"-switch.go")
		if err := os.WriteFile(to, fmt.Appendf(nil, switchFile, files[0].Name.Name), 0o600); err != nil {
			t.Fatal(err)
		}
		replaced[filepath.Join(dir, "zz_switch.go")] = to
	}
	raw, _ := json.Marshal(map[string]any{"Replace": replaced})
	overlay = filepath.Join(work, "overlay.json")
	if err := os.WriteFile(overlay, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return list, overlay
}

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

func build(t *testing.T, root, work, overlay string) map[string]string {
	binaries := map[string]string{}
	for _, s := range suites {
		if binaries[s.pkg] != "" {
			continue
		}
		binaries[s.pkg] = filepath.Join(work, s.pkg+".test")
		cmd := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binaries[s.pkg], "./"+s.pkg)
		cmd.Dir = root
		if raw, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", s.pkg, err, raw[:min(len(raw), 3000)])
		}
	}
	return binaries
}

// patience is when a run counts as noticed because it does not end.
const patience = 90 * time.Second

// passes reports whether a suite passes with a mutant (0: none).
func passes(root string, binaries map[string]string, suite string, id int) (bool, string) {
	s := suites[suite]
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binaries[s.pkg], append([]string{"-test.failfast", "-test.short"}, s.args...)...)
	cmd.Dir = filepath.Join(root, s.pkg)
	cmd.Env = []string{"PATH=", "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(), fmt.Sprint("PANAH_MUTANT=", id)}
	raw, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = errors.Join(err, ctx.Err())
	}
	return err == nil, string(raw)
}

func TestMutants(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	list, overlay := mutate(t, root, work)
	binaries := build(t, root, work, overlay)
	for name := range suites {
		if ok, out := passes(root, binaries, name, 0); !ok {
			t.Fatalf("%s fails without a mutant:\n%s", name, out[max(0, len(out)-1500):])
		}
	}
	drawn := slices.DeleteFunc(slices.Clone(list), func(m mutant) bool { return !strings.Contains(m.name, *only) })
	rand.New(rand.NewPCG(*seed, 1)).Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	if *count > 0 {
		drawn = drawn[:min(*count, len(drawn))]
	}
	known := survivors(t)
	var mu sync.Mutex
	var wg sync.WaitGroup
	work2 := make(chan mutant)
	killed, by := 0, map[string]int{}
	var lived []string
	for range 2 {
		wg.Go(func() {
			for m := range work2 {
				suite := kill(root, binaries, m)
				mu.Lock()
				if suite != "" {
					killed++
					by[suite]++
				} else {
					lived = append(lived, m.name)
				}
				mu.Unlock()
			}
		})
	}
	for _, m := range drawn {
		work2 <- m
	}
	close(work2)
	wg.Wait()
	slices.Sort(lived)
	unexplained := 0
	for _, name := range lived {
		if known[name] == "" {
			unexplained++
			t.Logf("survived: %s", name)
		}
	}
	t.Logf("mutants: %d of %d drawn, %d killed (%.1f %%) %v, %d survived, %d of them without a reason in survivors.txt",
		len(drawn), len(list), killed, 100*float64(killed)/float64(len(drawn)), by, len(lived), unexplained)
	if killed*100 < 95*(len(drawn)-(len(lived)-unexplained)) {
		t.Errorf("fewer than 95 %% of those that could be noticed were")
	}
}

func kill(root string, binaries map[string]string, m mutant) (suite string) {
	for _, target := range targets {
		if target.dir != m.dir {
			continue
		}
		for _, s := range target.runs {
			if ok, _ := passes(root, binaries, s, m.id); !ok {
				return s
			}
		}
	}
	return ""
}

// survivors reads which mutants may live, and why: "name — reason" a line.
func survivors(t *testing.T) map[string]string {
	raw, err := os.ReadFile("survivors.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		name, why, ok := strings.Cut(strings.TrimSpace(line), " — ")
		if ok {
			out[name] = why
		}
	}
	return out
}
