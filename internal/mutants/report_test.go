//go:build mutants

package mutants

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a journal says of a mutant, besides the name of the test that noticed it.
const (
	survived  = "survived"
	unreached = "survived: no test comes by it"
)

func lived(result string) bool { return strings.HasPrefix(result, survived) }

// journal is what has been found, a line a mutant.
type journal struct {
	mu     sync.Mutex
	files  []*os.File
	found  map[string]string // with this code
	before map[string]string // with any: where to look first
}

func open(t *testing.T, dir string) *journal {
	here, ever := filepath.Join(dir, "results.txt"), filepath.Join(kept, "results.txt")
	j := &journal{found: results(here), before: results(ever)}
	for _, path := range []string{here, ever} {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		j.files = append(j.files, f)
	}
	return j
}

func results(path string) map[string]string {
	out := map[string]string{}
	raw, err := os.ReadFile(path)
	if err != nil {
		return out // a first run
	}
	for line := range strings.Lines(string(raw)) {
		if name, result, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok {
			out[name] = result
		}
	}
	return out
}

func (j *journal) note(m mutant, result string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.found[m.name] = result
	for _, f := range j.files {
		_, _ = f.WriteString(m.name + "\t" + result + "\n")
	}
}

// equivalent begins the reason of a mutant that no test could ever tell from the
// code: it is not counted among those that could be noticed.
const equivalent = "equivalent: "

// survivors reads which mutants may live, and why: "name — reason" a line.
func survivors(t *testing.T) map[string]string {
	raw, err := os.ReadFile("survivors.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		if name, why, ok := strings.Cut(strings.TrimSpace(line), " — "); ok && !strings.HasPrefix(line, "#") {
			out[name] = why
		}
	}
	return out
}

// wanted is how many of a hundred mutants that could be noticed must be.
const wanted = 95

// report holds what was found against the reasons. It fails below what is
// wanted, when a survivor has no reason, and when a reason is of no mutant.
func report(t *testing.T, list, run []mutant, j *journal, took time.Duration) {
	reasons := survivors(t)
	for name := range reasons {
		if !slices.ContainsFunc(list, func(m mutant) bool { return m.name == name }) {
			t.Errorf("survivors.txt: there is no such mutant: %s", name)
		}
	}
	killed, same, explained, bare := 0, 0, 0, []string{}
	for _, m := range run {
		why := reasons[m.name]
		switch result := j.found[m.name]; {
		case !lived(result):
			killed++
			if why != "" {
				t.Logf("survivors.txt: %s notices %s", result, m.name)
			}
		case strings.HasPrefix(why, equivalent):
			same++
		case why != "":
			explained++
		default:
			bare = append(bare, result+": "+m.name)
		}
	}
	slices.Sort(bare)
	for _, line := range bare {
		t.Error(line)
	}
	share := 100 * float64(killed) / float64(max(1, len(run)-same))
	t.Logf("mutants: %d of %d run, %d killed, %d equivalent with a reason, %d survived with a reason, %d without: "+
		"%.1f %% killed of those not equivalent (%.1f %% of all), with at most %s of tests on each, in %s", len(run), len(list), killed, same, explained, len(bare),
		share, 100*float64(killed)/float64(max(1, len(run))), *budget, took.Round(time.Second))
	if share < wanted {
		t.Errorf("fewer than %d %% of the mutants that could be noticed were", wanted)
	}
}
