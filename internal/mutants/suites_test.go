//go:build mutants

package mutants

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
	suite, name string
	took        time.Duration
	reaches     map[int]bool
}

func (c check) String() string { return c.suite + "." + c.name }

// machine runs test binaries that hold every mutant.
type machine struct {
	root, work string
	checks     []check
	finger     string // of the binaries: what was found with them holds for them only
}

func (r *machine) binary(name string) string { return filepath.Join(r.work, name+".test") }

// build makes a binary of each suite. The same code makes the same binaries.
func (r *machine) build(t *testing.T, overlay string) {
	all := sha256.New()
	for _, name := range names() {
		cmd := exec.Command("go", "test", "-c", "-trimpath", "-vet=off", "-overlay", overlay, "-o", r.binary(name), "./"+name)
		cmd.Dir = r.root
		if raw, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, raw[:min(len(raw), 3000)])
		}
		raw, err := os.ReadFile(r.binary(name))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = all.Write(raw)
	}
	r.finger = hex.EncodeToString(all.Sum(nil))[:12]
}

func names() (out []string) {
	for name := range suites {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// baseline runs every test by itself, without a mutant: how long it takes and
// which mutants it could notice. All must pass.
func (r *machine) baseline(t *testing.T) {
	for _, name := range names() {
		for _, test := range r.list(t, name) {
			reached := filepath.Join(r.work, "reached")
			_ = os.Remove(reached)
			start := time.Now()
			if out, ok := r.run(name, []string{test}, time.Minute, "PANAH_REACHED="+reached); !ok {
				t.Fatalf("%s.%s fails without a mutant:\n%s", name, test, out[max(0, len(out)-1500):])
			}
			r.checks = append(r.checks, check{name, test, time.Since(start), numbers(t, reached)})
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

// run runs some tests of a suite until one fails, in a folder of its own. What
// does not end in time counts as failed.
func (r *machine) run(name string, tests []string, patience time.Duration, env ...string) (string, bool) {
	scratch, err := os.MkdirTemp(r.work, "run-")
	if err != nil {
		return err.Error(), false
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	args := append([]string{"-test.failfast", "-test.short", fmt.Sprint("-test.timeout=", patience),
		"-test.run=^(" + strings.Join(tests, "|") + ")$"}, suites[name].args...)
	cmd := exec.Command(r.binary(name), args...)
	cmd.Dir = filepath.Join(r.root, name)
	cmd.Env = append([]string{"PATH=", "HOME=" + os.Getenv("HOME"), "TMPDIR=" + scratch}, env...)
	timer := time.AfterFunc(patience+5*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	raw, err := cmd.CombinedOutput()
	return string(raw), err == nil
}
