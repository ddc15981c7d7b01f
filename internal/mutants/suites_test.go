//go:build mutants

package mutants

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// target is a folder that is mutated, and the suites that are to notice.
type target struct {
	dir  string
	runs []string
}

var targets = []target{
	{"shelter", []string{"shelter", "registry", "directory", "referral", "simulation", "httpapi"}},
	{"placement", []string{"placement", "matching", "referral", "simulation", "httpapi"}},
	{"referral", []string{"referral", "rollup", "audit", "simulation", "httpapi"}},
	{"matching", []string{"matching", "directory", "occupancy", "referral", "httpapi"}},
	{"table", []string{"table", "embedded", "feed", "referral"}},
	{"embedded", []string{"embedded", "referral", "simulation"}},
}

// suite is a test binary with what is left out of it, and what it is called with.
// Left out is what needs another program, and what is long and says nothing that
// the rest does not.
type suite struct {
	without string
	args    []string
}

// drawn makes rapid draw the same cases for every mutant.
var drawn = []string{"-rapid.seed=7", "-rapid.nofailfile"}

var suites = map[string]suite{
	"shelter":    {"", drawn},
	"placement":  {},
	"matching":   {"TestWhatWouldHelpReallyHelps", drawn}, // some of its draws find nothing
	"table":      {},
	"embedded":   {},
	"directory":  {"TestReadersConvergeToTheTable|TestNoChangeIsEverLost", nil},
	"registry":   {},
	"occupancy":  {},
	"feed":       {},
	"audit":      {},
	"rollup":     {},
	"referral":   {},
	"httpapi":    {"TestTwoHundredHoldsOnOneBed|TestTheDocsPageOnAPhone", nil},
	"simulation": {"TestAHistoryOfManyRequestsForFewBeds|TestFaultMatrix", []string{"-seeds=8", "-races=150"}},
}

// check is one test of one suite, and which mutants it comes by.
type check struct {
	Suite, Name string
	Took        time.Duration // of processor time
	Reaches     map[int]bool
}

func (c check) String() string { return c.Suite + "." + c.Name }

// machine runs test binaries that hold every mutant. They lie in a folder named
// after the code they were made from, with what has been found with them.
type machine struct {
	root, dir string
	checks    []check
}

func (r *machine) binary(name string) string { return filepath.Join(r.dir, name+".test") }

// ready makes the binaries and runs every test once, unless that has been done
// for this code already.
func (r *machine) ready(t *testing.T) (list []mutant) {
	r.dir = filepath.Join(kept, finger(t, r.root))
	list, overlay := mutate(t, r.root, t.TempDir())
	memo := filepath.Join(r.dir, "checks.json")
	if raw, err := os.ReadFile(memo); err == nil {
		if err := json.Unmarshal(raw, &r.checks); err != nil {
			t.Fatal(err)
		}
		limitMemory(t)
		return list
	}
	old, _ := filepath.Glob(filepath.Join(kept, "code-*"))
	for _, dir := range old {
		_ = os.RemoveAll(dir)
	}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.build(t, overlay)
	limitMemory(t)
	r.baseline(t)
	raw, err := json.Marshal(r.checks)
	if err != nil {
		t.Fatal(err)
	}
	written(t, r.dir, "checks.json", raw)
	return list
}

// finger names the code: what was found with it holds for it only.
func finger(t *testing.T, root string) string {
	all := sha256.New()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "rapid" || d.Name() == "local") {
			return cmp.Or(err, fs.SkipDir)
		}
		if d.IsDir() || strings.HasSuffix(path, ".md") || strings.HasSuffix(path, "survivors.txt") {
			return nil
		}
		raw, err := os.ReadFile(path)
		_, _ = fmt.Fprintf(all, "%s %d\n%s", path, len(raw), raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return "code-" + hex.EncodeToString(all.Sum(nil))[:12]
}

// build makes a binary of each suite.
func (r *machine) build(t *testing.T, overlay string) {
	args := []string{"test", "-c", "-vet=off", "-tags=mutants", "-overlay", overlay, "-o", r.dir + "/"}
	for _, name := range names() {
		args = append(args, "./"+name)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = r.root
	if raw, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, raw[:min(len(raw), 3000)])
	}
}

// memory is how much a run may take before it counts as noticed: a mutant may
// append for ever.
const memory = 6 << 30

func limitMemory(t *testing.T) {
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: memory, Max: memory}); err != nil {
		t.Fatal(err)
	}
}

func names() []string { return slices.Sorted(maps.Keys(suites)) }

// baseline runs every test by itself, without a mutant: how long it takes and
// which mutants it could notice. All must pass.
func (r *machine) baseline(t *testing.T) {
	for _, name := range names() {
		for _, test := range r.parts(r.list(t, name)) {
			reached := filepath.Join(r.dir, "reached")
			_ = os.Remove(reached)
			out, took, ok := r.run(name, []string{test}, time.Minute, "PANAH_REACHED="+reached)
			if !ok {
				t.Fatalf("%s.%s fails without a mutant:\n%s", name, test, out[max(0, len(out)-1500):])
			}
			r.checks = append(r.checks, check{name, test, took, numbers(t, reached)})
		}
	}
}

func (r *machine) list(t *testing.T, name string) (tests []string) {
	cmd := exec.Command(r.binary(name), "-test.list", ".")
	cmd.Dir = filepath.Join(r.root, name)
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	without := regexp.MustCompile("^(" + suites[name].without + ")$")
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if (strings.HasPrefix(line, "Test") || strings.HasPrefix(line, "Example") || strings.HasPrefix(line, "Fuzz")) && !without.MatchString(line) {
			tests = append(tests, line)
		}
	}
	return tests
}

// parts takes the fault matrix apart, a file of use cases at a time.
func (r *machine) parts(tests []string) (out []string) {
	files, _ := filepath.Glob(filepath.Join(r.root, "referral", "*.go"))
	for _, test := range tests {
		if test != "TestTroubles" {
			out = append(out, test)
			continue
		}
		for _, f := range files {
			if !strings.HasSuffix(f, "_test.go") {
				out = append(out, test+"/"+filepath.Base(f))
			}
		}
	}
	return out
}

// pattern runs some tests, or a part of one.
func pattern(tests []string) string {
	return "-test.run=^(" + strings.ReplaceAll(strings.Join(tests, "|"), "/", ")$/^(") + ")$"
}

func numbers(t *testing.T, path string) map[int]bool {
	out := map[int]bool{}
	raw, err := os.ReadFile(path)
	if err != nil {
		return out // comes by none
	}
	for line := range strings.Lines(string(raw)) {
		n, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		out[n] = true
	}
	return out
}

// run runs some tests of a suite until one fails, in a folder of its own, and says
// what processor time it took. What does not end in time counts as failed.
func (r *machine) run(name string, tests []string, patience time.Duration, env ...string) (out string, took time.Duration, ok bool) {
	scratch, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return err.Error(), 0, false
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	args := append([]string{"-test.failfast", "-test.short", fmt.Sprint("-test.timeout=", patience), pattern(tests)}, suites[name].args...)
	cmd := exec.Command(r.binary(name), args...)
	cmd.Dir = filepath.Join(r.root, name)
	cmd.Env = append([]string{"PATH=", "HOME=" + os.Getenv("HOME"), "TMPDIR=" + scratch}, env...)
	timer := time.AfterFunc(patience+5*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	raw, err := cmd.CombinedOutput()
	return string(raw), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), err == nil
}
