package tabletest

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"panah/internal/table"
)

// Trouble is what happens to one call.
type Trouble string

// The troubles of the fault matrix.
const (
	None     Trouble = ""
	Before   Trouble = "before"   // the request is lost: nothing is written
	After    Trouble = "after"    // the answer is lost: it was written
	Throttle Trouble = "throttle" // refused
	Conflict Trouble = "conflict" // somebody else was faster
	Timeout  Trouble = "timeout"  // nobody answers; what was sent lands a moment later
)

// Troubles lists them.
var Troubles = []Trouble{Before, After, Throttle, Conflict, Timeout}

// Probe wraps a store, notes from which place in the code each call comes, and
// gives one of them trouble. It is for one goroutine.
type Probe struct {
	table.Store
	Trouble Trouble
	Blind   bool     // a failed condition comes without its images
	Lose    bool     // the answer to the next write is lost, besides the trouble
	At      int      // the number of the call that has it, from 0
	Sites   []string // of every call so far, as file:line
	Kinds   []string // read or write
	late    []table.Batch
}

// call notes a call and says what happens to it.
func (p *Probe) call(ctx context.Context, kind string) Trouble {
	for _, b := range p.late {
		_ = p.Store.Write(ctx, b) // whoever sent it has given up
	}
	p.late = nil
	p.Sites, p.Kinds = append(p.Sites, site()), append(p.Kinds, kind)
	if p.Trouble != None && len(p.Sites)-1 == p.At {
		return p.Trouble
	}
	return None
}

// site is the first frame that is not of this package.
func site() string {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.File, "/tabletest/") {
			return Site(f.File, f.Line)
		}
		if !more {
			return "?"
		}
	}
}

// Site names a place in the code by folder, file and line.
func Site(file string, line int) string {
	return fmt.Sprintf("%s/%s:%d", filepath.Base(filepath.Dir(file)), filepath.Base(file), line)
}

// readTrouble is a read that fails: whatever the trouble, an engine says Busy.
func readTrouble(t Trouble) error {
	if t == Timeout {
		return fmt.Errorf("%w: %w", table.ErrBusy, context.DeadlineExceeded)
	}
	return table.ErrBusy
}

// Get implements table.Store.
func (p *Probe) Get(ctx context.Context, key table.Key, c table.Consistency) (*table.Item, error) {
	if t := p.call(ctx, "read"); t != None {
		return nil, readTrouble(t)
	}
	return p.Store.Get(ctx, key, c)
}

// Query implements table.Store.
func (p *Probe) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if t := p.call(ctx, "read"); t != None {
		return table.Page{}, readTrouble(t)
	}
	return p.Store.Query(ctx, q)
}

// Write implements table.Store.
func (p *Probe) Write(ctx context.Context, b table.Batch) error {
	switch p.call(ctx, "write") {
	case Before:
		return table.ErrUnknown
	case After:
		if err := p.Store.Write(ctx, b); err != nil {
			return err
		}
		return table.ErrUnknown
	case Throttle:
		return table.ErrBusy
	case Timeout:
		p.late = append(p.late, b)
		return table.ErrUnknown
	case Conflict:
		if !p.race(ctx, b) {
			return table.ErrBusy // in conflict for too long
		}
	}
	err := p.Store.Write(ctx, b)
	if p.Lose && err == nil {
		p.Lose = false
		return table.ErrUnknown
	}
	if st, ok := table.IsStale(err); ok && p.Blind {
		return &table.Stale{Images: make([]table.Image, len(st.Images))}
	}
	return err
}

// race lets somebody else write first: where b makes something new, the very
// same; otherwise an item of b that is no placement, unchanged but for its version.
func (p *Probe) race(ctx context.Context, b table.Batch) bool {
	if put := b.Ops[0].Put; put != nil && put.IfVersion == 0 {
		return p.Store.Write(ctx, table.Batch{WriteID: "twin-" + b.WriteID, Ops: b.Ops}) == nil
	}
	for _, op := range b.Ops {
		if op.Put == nil || op.Put.IfVersion == 0 || op.Key().SK == "P" {
			continue
		}
		it, err := p.Store.Get(ctx, op.Key(), table.Strong)
		if err != nil || it == nil {
			return false
		}
		return p.Store.Write(ctx, table.Batch{WriteID: "other-" + b.WriteID, Ops: []table.Op{table.PutOp(*it, it.Version)}}) == nil
	}
	return false
}

// Settle lets what is still under way land.
func (p *Probe) Settle(ctx context.Context) {
	for _, b := range p.late {
		_ = p.Store.Write(ctx, b)
	}
	p.late = nil
}

// CallSites lists every place in a folder's code, without its tests, that calls
// Get, Query or Write with a context: the calls of a store.
func CallSites(dir string) (sites []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		full, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(set, full, nil, 0)
		if err != nil {
			return nil, err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 2 && len(call.Args) != 3 || !isContext(call.Args[0]) {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if ok && slices.Contains([]string{"Get", "Query", "Write"}, sel.Sel.Name) {
				sites = append(sites, Site(full, set.Position(sel.Sel.Pos()).Line))
			}
			return true
		})
	}
	return sites, nil
}

// isContext reports whether an argument is ctx or something's ctx.
func isContext(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "ctx"
	case *ast.SelectorExpr:
		return e.Sel.Name == "ctx"
	}
	return false
}
