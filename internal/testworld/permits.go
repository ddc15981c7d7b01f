package testworld

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	"panah/internal/table"
)

// Permits are what template.yaml lets each function do with the table, and which
// function serves a route.
type Permits struct {
	statements map[string][]statement // by function
	routes     *http.ServeMux
}

// statement allows actions on the table or one of its indexes, for partitions that
// match one of the patterns; none: for all.
type statement struct {
	actions    []string
	index      table.Index
	partitions []string
}

// list is one word or several, as a policy may be written.
type list []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (l *list) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*l = list{n.Value}
		return nil
	}
	return n.Decode((*[]string)(l))
}

type functionForm struct {
	Policies []struct {
		Statement []struct {
			Effect    string    `yaml:"Effect"`
			Action    list      `yaml:"Action"`
			Resource  yaml.Node `yaml:"Resource"`
			Condition struct {
				Keys map[string]list `yaml:"ForAllValues:StringLike"`
			} `yaml:"Condition"`
		} `yaml:"Statement"`
	} `yaml:"Policies"`
	Events map[string]struct {
		Properties struct {
			Method string `yaml:"Method"`
			Path   string `yaml:"Path"`
		} `yaml:"Properties"`
	} `yaml:"Events"`
}

// ReadPermits reads a template. What it does not understand is an error: a
// permission that is passed over would be one that nobody holds to the truth.
func ReadPermits(raw []byte) (*Permits, error) {
	var form struct {
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(raw, &form); err != nil {
		return nil, err
	}
	p := &Permits{map[string][]statement{}, http.NewServeMux()}
	for name, resource := range form.Resources {
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		var f functionForm
		if err := resource.Properties.Decode(&f); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := p.add(name, f); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p, nil
}

func (p *Permits) add(name string, f functionForm) error {
	for _, e := range f.Events {
		if e.Properties.Path != "" {
			p.routes.Handle(e.Properties.Method+" "+e.Properties.Path, served(name))
		}
	}
	for _, policy := range f.Policies {
		for _, s := range policy.Statement {
			index, ofTable := strings.CutPrefix(s.Resource.Value+"/index/", "Table.Arn/index/")
			if !ofTable {
				if index, ofTable = strings.CutPrefix(s.Resource.Value, "${Table.Arn}/index/"); !ofTable {
					continue // of a queue or a stream
				}
			}
			if s.Effect != "Allow" {
				return fmt.Errorf("effect %s", s.Effect)
			}
			keys := s.Condition.Keys["dynamodb:LeadingKeys"]
			if len(keys) == 0 && (len(s.Action) != 1 || s.Action[0] != "dynamodb:Scan") {
				return fmt.Errorf("%v without partitions", s.Action)
			}
			p.statements[name] = append(p.statements[name], statement{s.Action, table.Index(index), keys})
		}
	}
	return nil
}

// served stands in the table of routes for a function; it answers nothing.
type served string

// ServeHTTP implements http.Handler.
func (served) ServeHTTP(http.ResponseWriter, *http.Request) {}

// Route is the function that serves a request, none where the template has no such
// route.
func (p *Permits) Route(r *http.Request) string {
	h, _ := p.routes.Handler(r)
	name, _ := h.(served)
	return string(name)
}

// May reports whether a function may do something in a partition of the table or of
// an index.
func (p *Permits) May(function, action string, index table.Index, partition string) bool {
	for _, s := range p.statements[function] {
		if s.index != index {
			continue
		}
		for _, a := range s.actions {
			if a == "dynamodb:"+action && s.covers(partition) {
				return true
			}
		}
	}
	return false
}

func (s statement) covers(partition string) bool {
	for _, pattern := range s.partitions {
		// A partition may have a slash, which * of path does not pass.
		if ok, _ := path.Match(pattern, strings.ReplaceAll(partition, "/", "_")); ok {
			return true
		}
	}
	return len(s.partitions) == 0
}

// Template is what the template of the repository permits.
var Template = sync.OnceValues(func() (*Permits, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		raw, err := os.ReadFile(filepath.Join(dir, "template.yaml"))
		if err == nil {
			return ReadPermits(raw)
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return nil, errors.New("there is no template.yaml above this folder")
})

type functionKey struct{}

// As says which function of the template acts in a context. Who acts without one
// is a test that arranges something.
func As(ctx context.Context, function string) context.Context {
	return context.WithValue(ctx, functionKey{}, function)
}

// ErrDenied is what the cloud answers to a function that may not do something.
var ErrDenied = errors.New("testworld: the template does not permit this")

// Guarded is a store that lets each function do what the template permits, and no
// more; denied is told of all else.
type Guarded struct {
	table.Store
	permits *Permits
	denied  func(string)
}

// Guard wraps a store for a test, which fails where a function is denied something.
func Guard(t testing.TB, store table.Store) *Guarded {
	t.Helper()
	permits, err := Template()
	if err != nil {
		t.Fatal(err)
	}
	return &Guarded{store, permits, func(what string) { t.Errorf("template.yaml does not let %s", what) }}
}

func (g *Guarded) check(ctx context.Context, action string, index table.Index, partition string) error {
	function, acting := ctx.Value(functionKey{}).(string)
	if !acting || g.permits.May(function, action, index, partition) {
		return nil
	}
	g.denied(fmt.Sprintf("%s %s %s/%s", function, action, index, partition))
	return ErrDenied
}

// Get implements table.Store.
func (g *Guarded) Get(ctx context.Context, key table.Key, c table.Consistency) (*table.Item, error) {
	if err := key.Check(); err != nil {
		return nil, err
	}
	if err := g.check(ctx, "GetItem", table.Base, key.PK); err != nil {
		return nil, err
	}
	return g.Store.Get(ctx, key, c)
}

// Query implements table.Store.
func (g *Guarded) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := g.check(ctx, "Query", q.Index, q.PK); err != nil {
		return table.Page{}, err
	}
	return g.Store.Query(ctx, q)
}

// Write implements table.Store.
func (g *Guarded) Write(ctx context.Context, b table.Batch) error {
	for _, op := range b.Ops {
		action := "PutItem"
		if op.Take != nil {
			action = "UpdateItem"
		}
		if err := g.check(ctx, action, table.Base, op.Key().PK); err != nil {
			return err
		}
	}
	return g.Store.Write(ctx, b)
}

// Scan implements table.Scanner where the engine does.
func (g *Guarded) Scan(ctx context.Context, share, of int, after string) (table.Page, error) {
	s, ok := g.Store.(table.Scanner)
	if !ok {
		return table.Page{}, table.ErrNoScan
	}
	if err := g.check(ctx, "Scan", table.Base, ""); err != nil {
		return table.Page{}, err
	}
	return s.Scan(ctx, share, of, after)
}

// Changes implements table.Feed where the engine does.
func (g *Guarded) Changes(ctx context.Context, after string, limit int) ([]table.Change, string, error) {
	feed, ok := g.Store.(table.Feed)
	if !ok {
		return nil, "", errors.New("this store has no feed to read")
	}
	return feed.Changes(ctx, after, limit)
}
