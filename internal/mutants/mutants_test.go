//go:build mutants

// Package mutants asks whether the tests would notice: it changes the domain,
// the use cases and the storage code in small ways, one at a time, and runs the
// tests on each. All changes are compiled in at once, each behind a switch, so
// that a mutant costs a run and not a build; and a first run of every test says
// which changes it comes by, so that only those tests are run. What survives is
// listed with a reason in survivors.txt.
package mutants

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	count   = flag.Int("n", 0, "how many mutants, drawn by seed; 0: all")
	seed    = flag.Uint64("draw", 1, "the seed they are drawn by")
	only    = flag.String("only", "", "only mutants whose name has this in it")
	again   = flag.Bool("again", false, "only mutants that survived when last run")
	workers = flag.Int("workers", 1, "how many at a time")
)

// kept is where results lie between runs, so that a run that was ended goes on.
const kept = "../../.build/mutants"

// memory is how much a run may take before it counts as noticed: a mutant may
// append for ever.
const memory = 6 << 30

func TestMutants(t *testing.T) {
	start := time.Now()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(kept, 0o755); err != nil {
		t.Fatal(err)
	}
	r := &machine{root: root, work: t.TempDir()}
	list, overlay := mutate(t, root, r.work)
	r.build(t, overlay)
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: memory, Max: memory}); err != nil {
		t.Fatal(err)
	}
	r.baseline(t)
	j := open(t, r.finger)
	run := draw(list, j)
	t.Logf("%d of %d mutants, %d tests, ready after %s", len(run), len(list), len(r.checks), time.Since(start).Round(time.Second))
	r.all(run, j)
	report(t, list, run, j, time.Since(start))
}

// draw is which mutants are run.
func draw(list []mutant, j *journal) []mutant {
	out := slices.DeleteFunc(slices.Clone(list), func(m mutant) bool {
		return !strings.Contains(m.name, *only) || *again && j.before[m.name] != survived
	})
	rand.New(rand.NewPCG(*seed, 1)).Shuffle(len(out), func(i, k int) { out[i], out[k] = out[k], out[i] })
	if *count > 0 {
		out = out[:min(*count, len(out))]
	}
	return out
}

// all runs mutants, some at a time; what the journal knows already is not run again.
func (r *machine) all(list []mutant, j *journal) {
	queue := make(chan mutant)
	done := make(chan bool)
	for range *workers {
		go func() {
			for m := range queue {
				j.note(m, r.kill(m, j.before[m.name]))
			}
			done <- true
		}()
	}
	for _, m := range list {
		if j.found[m.name] == "" {
			queue <- m
		}
	}
	close(queue)
	for range *workers {
		<-done
	}
}

// round is some tests of one suite, run in one process.
type round struct {
	suite    string
	tests    []string
	took     time.Duration
	together bool // more may be added
}

// kill runs the tests that come by a mutant until one fails, and names it. The
// test that noticed it before goes first.
func (r *machine) kill(m mutant, before string) string {
	rounds := r.rounds(m, before)
	if len(rounds) == 0 {
		return unreached
	}
	for _, some := range rounds {
		patience := 10*time.Second + 8*some.took
		if out, ok := r.run(some.suite, some.tests, patience, fmt.Sprint("PANAH_MUTANT=", m.id)); !ok {
			return some.suite + "." + failed(out, some.tests)
		}
	}
	return survived
}

// failed is the test whose failure an output tells of.
func failed(out string, tests []string) string {
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			name, _, _ := strings.Cut(rest, " ")
			return name
		}
	}
	if i := strings.Index(out, "running tests:\n"); i >= 0 {
		name, _, _ := strings.Cut(strings.TrimSpace(out[i+len("running tests:\n"):]), " ")
		return name
	}
	return strings.Join(tests, "|")
}

// few is how many of the most telling tests are tried before all the quick ones.
const few = 4

// quick is what a test may take to be run together with others.
const quick = 400 * time.Millisecond

// rounds are the tests that come by a mutant: the one that noticed it before, a
// few that take little and come by few others, all quick ones together, and the
// long ones last.
func (r *machine) rounds(m mutant, before string) (out []round) {
	tests := r.reaching(m, before)
	for i, c := range tests {
		if i < few || c.took > quick {
			out = append(out, round{suite: c.suite, tests: []string{c.name}, took: c.took})
		}
	}
	slow := min(few, len(out))
	for _, c := range tests[slow:] {
		if c.took > quick {
			continue
		}
		i := slices.IndexFunc(out[slow:], func(o round) bool { return o.suite == c.suite && o.together })
		if i < 0 {
			out = slices.Insert(out, slow, round{suite: c.suite, together: true})
			i = 0
		}
		o := &out[slow+i]
		o.tests, o.took = append(o.tests, c.name), o.took+c.took
	}
	return out
}

// reaching are the tests that come by a mutant, the most telling first.
func (r *machine) reaching(m mutant, before string) (out []check) {
	at := slices.IndexFunc(targets, func(t target) bool { return t.dir == m.dir })
	for _, c := range r.checks {
		if c.reaches[m.id] && slices.Contains(targets[at].runs, c.suite) {
			out = append(out, c)
		}
	}
	weight := func(c check) float64 {
		if c.String() == before {
			return 0
		}
		return c.took.Seconds() * float64(len(c.reaches))
	}
	slices.SortStableFunc(out, func(a, b check) int { return cmp.Compare(weight(a), weight(b)) })
	return out
}
