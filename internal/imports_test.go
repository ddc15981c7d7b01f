package internal_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type layer struct {
	name    string
	rooms   []string
	own     []string // layers or rooms it may import
	same    bool     // and its own layer
	foreign []string // other modules it may import
}

// layers is the import rule: what each package may import of this module, and
// which other modules it may import directly. A package that is not listed fails.
var layers = []layer{
	{name: "contract", rooms: []string{"fault", "code", "packed", "table"}},
	{name: "place", rooms: []string{"place"}, own: []string{"fault"}},
	{name: "language", rooms: []string{"language", "language/names"}, own: []string{"fault"}, same: true, foreign: []string{"golang.org/x/text"}},
	{name: "caller", rooms: []string{"caller"}, own: []string{"fault", "place"}, foreign: []string{"github.com/cedar-policy/cedar-go"}},
	{name: "facts", rooms: []string{"shelter", "placement"}, own: []string{"fault", "code", "place", "language"}, same: true},
	{name: "decisions", rooms: []string{"matching", "matching/batch", "occupancy", "disclosure", "sms"}, own: []string{"facts", "fault", "code", "place", "language"}, same: true},
	{name: "registry", rooms: []string{"registry"}, own: []string{"fault", "code", "place", "language", "facts"}},
	{name: "use cases", rooms: []string{"policy", "record", "directory", "audit", "feed", "logbook", "referral", "history", "rollup"}, own: []string{"contract", "place", "language", "caller", "facts", "decisions", "registry"}, same: true},
	{name: "batch file", rooms: []string{"batchfile", "batchfile/synthetic"}, own: []string{"decisions"}, same: true},
	{name: "dynamo", rooms: []string{"dynamo", "dynamo/streams", "dynamo/local"}, own: []string{"table"}, same: true,
		foreign: []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}},
	{name: "embedded", rooms: []string{"embedded"}, own: []string{"table", "packed"}, foreign: []string{"go.etcd.io/bbolt"}},
	{name: "gateway", rooms: []string{"gateway"}, own: []string{"table"}, foreign: []string{"github.com/aws/aws-lambda-go", "github.com/awslabs/aws-lambda-go-api-proxy"}},
	{name: "httpapi", rooms: []string{"httpapi"}, own: []string{"contract", "place", "language", "caller", "facts", "decisions", "registry", "audit", "referral", "history"},
		foreign: []string{"github.com/danielgtaylor/huma"}},
	{name: "workbook", rooms: []string{"workbook"}, foreign: []string{"github.com/xuri/excelize"}},
	{name: "runtimeapi", rooms: []string{"runtimeapi"}},
	{name: "demo", rooms: []string{"demo"}, own: []string{"contract", "place", "language", "caller", "facts"}},
	{name: "tests", rooms: []string{"table/tabletest", "testworld"}, own: []string{"contract", "place", "language", "caller", "facts", "decisions", "use cases", "embedded"}, same: true, foreign: []string{"go.yaml.in/yaml"}},
	{name: "wiring", rooms: []string{"function", "local", "cmd/", "simulation", "mutants"}, own: []string{"*"}, foreign: []string{"*"}},
	{name: "mains", rooms: []string{"functions/"}, own: []string{"dynamo", "function", "gateway", "httpapi", "workbook"}},
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T, args ...string) (out []listed) {
	t.Helper()
	raw, err := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for d := json.NewDecoder(strings.NewReader(string(raw))); d.More(); {
		var p listed
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func room(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, "panah/internal/"), "panah/")
}

func holds(rooms []string, r string) bool {
	return slices.ContainsFunc(rooms, func(have string) bool {
		return have == r || (strings.HasSuffix(have, "/") && strings.HasPrefix(r, have))
	})
}

func TestImportRule(t *testing.T) {
	for _, p := range list(t, "panah/...") {
		r := room(p.ImportPath)
		at := slices.IndexFunc(layers, func(l layer) bool { return holds(l.rooms, r) })
		if p.ImportPath == "panah/internal" {
			continue // this test alone
		}
		if at < 0 {
			t.Errorf("%s is in no layer of the import rule", r)
			continue
		}
		for _, imported := range p.Imports {
			if !layers[at].allows(imported) {
				t.Errorf("%s (%s) may not import %s", r, layers[at].name, imported)
			}
		}
	}
}

func (l layer) allows(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case first == "panah":
		r := room(imported)
		if slices.Contains(l.own, "*") || slices.Contains(l.own, r) || (l.same && holds(l.rooms, r)) {
			return true
		}
		return slices.ContainsFunc(layers, func(o layer) bool { return slices.Contains(l.own, o.name) && holds(o.rooms, r) })
	case strings.Contains(first, "."):
		return slices.ContainsFunc(l.foreign, func(f string) bool { return f == "*" || strings.HasPrefix(imported, f) })
	}
	return true // the standard library
}

// What is linked into a function decides its cold start and what it could leak.
func TestFunctionsLinkNothingOfTheLocalRunner(t *testing.T) {
	for _, p := range list(t, "panah/functions/...") {
		for _, dep := range p.Deps {
			for _, never := range []string{"aws-sdk-go-v2/config", "go.etcd.io/bbolt", "lestrrat-go/jwx", "panah/internal/local", "panah/internal/demo",
				"panah/internal/embedded", "panah/internal/testworld", "golang.org/x/text/language/display"} {
				if strings.Contains(dep, never) {
					t.Errorf("%s links %s", p.ImportPath, dep)
				}
			}
		}
	}
}

// Workbooks weigh more than all the rest of a function: only one carries them.
func TestOnlyTheOccupancyFunctionLinksWorkbooks(t *testing.T) {
	for _, p := range list(t, "panah/functions/...") {
		links := slices.ContainsFunc(p.Deps, func(d string) bool { return strings.Contains(d, "xuri/excelize") })
		if links != (p.ImportPath == "panah/functions/occupancy") {
			t.Errorf("%s links workbooks: %v", p.ImportPath, links)
		}
	}
}

// Domain packages read no clock, no environment, no context and know no wire form.
func TestDomainIsPure(t *testing.T) {
	for _, p := range list(t, "panah/internal/fault", "panah/internal/code", "panah/internal/place", "panah/internal/language", "panah/internal/caller",
		"panah/internal/shelter", "panah/internal/placement", "panah/internal/matching", "panah/internal/matching/batch", "panah/internal/occupancy", "panah/internal/disclosure", "panah/internal/sms") {
		for _, imported := range p.Imports {
			if slices.Contains([]string{"os", "context", "net/http", "encoding/json", "database/sql", "math/rand", "math/rand/v2", "crypto/rand", "log", "log/slog"}, imported) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

// Each action that policies speak of is asked for somewhere, and each that is
// asked for is in the policies: a check nobody makes protects nobody.
func TestEveryActionIsInThePoliciesAndAskedFor(t *testing.T) {
	source, err := os.ReadFile("caller/caller.go")
	if err != nil {
		t.Fatal(err)
	}
	policies, err := os.ReadFile("caller/policies.cedar")
	if err != nil {
		t.Fatal(err)
	}
	uses, err := exec.Command("grep", "-rhoE", `caller\.[A-Z][A-Za-z]+`, "referral").Output()
	if err != nil {
		t.Fatal(err)
	}
	actions := regexp.MustCompile(`(?m)^\t([A-Z]\w+)\s+Action = "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(actions) < 10 {
		t.Fatalf("%d actions found", len(actions))
	}
	for _, a := range actions {
		if !strings.Contains(string(policies), `Action::"`+a[2]+`"`) {
			t.Errorf("no policy permits %s", a[2])
		}
		if !slices.Contains(strings.Fields(string(uses)), "caller."+a[1]) {
			t.Errorf("nothing asks for %s", a[1])
		}
	}
}
