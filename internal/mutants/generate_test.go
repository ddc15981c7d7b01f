//go:build mutants

package mutants

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"go/types"
	"strings"
)

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

// later is a function of no arguments that answers a condition.
func later(e ast.Expr) ast.Expr {
	result := &ast.FieldList{List: []*ast.Field{{Type: ast.NewIdent("bool")}}}
	return &ast.FuncLit{Type: &ast.FuncType{Params: &ast.FieldList{}, Results: result},
		Body: &ast.BlockStmt{List: []ast.Stmt{&ast.ReturnStmt{Results: []ast.Expr{e}}}}}
}

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
			return call("boundary_", id, later(b), later(other))
		}
	}
	return e
}

var boundary = map[token.Token]token.Token{token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR}

var arithmetic = map[token.Token]token.Token{token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.ADD}

func (m *mutator) constant(e ast.Expr) bool { return m.info.Types[e].Value != nil }

// arithmetic mutates sums and products in an expression or statement.
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
	inner := closures(f.Body)
	m.block(f.Body.List)
	for _, lit := range inner {
		m.block(lit.Body.List)
	}
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

// table mutates the functions written out in a variable, such as a table of rules.
func (m *mutator) table(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR {
			m.fn = v.Names[0].Name
			for _, lit := range closures(v) {
				m.block(lit.Body.List)
			}
		}
	}
}

// closures are the outermost function literals of a tree: they carry most of the
// use cases. They are mutated last, so that mutants around them are named after
// the code as it was.
func closures(n ast.Node) (out []*ast.FuncLit) {
	ast.Inspect(n, func(n ast.Node) bool {
		lit, ok := n.(*ast.FuncLit)
		if ok {
			out = append(out, lit)
		}
		return !ok
	})
	return out
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
