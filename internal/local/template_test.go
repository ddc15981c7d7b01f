package local_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"panah/internal/httpapi"
	"panah/internal/local"
)

var templatePath = filepath.Join("..", "..", "template.yaml")

// Routes are written in three places; they say the same.
func TestRoutesAreTheSameInTemplateAndOpenAPI(t *testing.T) {
	template, err := local.ReadTemplate(templatePath)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := httpapi.Document()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Security *[]map[string][]string
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	var inCode, inTemplate []string
	for path, methods := range doc.Paths {
		for method, op := range methods {
			inCode = append(inCode, fmt.Sprintf("%s %s open=%v", strings.ToUpper(method), path, op.Security == nil || len(*op.Security) == 0))
		}
	}
	for _, r := range template.Routes {
		if r.Path == "/openapi.json" || r.Path == "/docs" { // pages, not operations
			continue
		}
		inTemplate = append(inTemplate, fmt.Sprintf("%s open=%v", r.Pattern(), r.Open))
		if !r.Open && len(r.Scopes) == 0 {
			t.Errorf("%s needs a scope", r.Pattern())
		}
	}
	slices.Sort(inCode)
	slices.Sort(inTemplate)
	if !slices.Equal(inCode, inTemplate) {
		t.Errorf("in code     %v\nin template %v", inCode, inTemplate)
	}
}

// tool finds a checker. Where it is missing the test is skipped, in CI it fails.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

func TestTemplatePassesCfnLint(t *testing.T) {
	if out, err := exec.Command(tool(t, "cfn-lint"), templatePath).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTemplatePassesSamValidate(t *testing.T) {
	cmd := exec.Command(tool(t, "sam"), "validate", "--lint", "--template", templatePath)
	cmd.Env = append(os.Environ(), "SAM_CLI_TELEMETRY=0", "AWS_DEFAULT_REGION=ap-south-1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
