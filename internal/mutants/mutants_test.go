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
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	count   = flag.Int("n", 0, "how many mutants, drawn by seed; 0: all")
	seed    = flag.Uint64("draw", 1, "the seed they are drawn by")
	only    = flag.String("only", "", "only mutants whose name has this in it")
	again   = flag.Bool("again", false, "only mutants that survived when last run")
	budget  = flag.Duration("budget", time.Minute, "what processor time the tests may take in all, as without a mutant, that are run on one")
	workers = flag.Int("workers", 1, "how many at a time")
)

// kept is where results lie between runs, so that a run that was ended goes on.
var kept, _ = filepath.Abs("../../.build/mutants")

func TestMutants(t *testing.T) {
	start := time.Now()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	r := &machine{root: root}
	list := r.ready(t)
	j := open(t, r.dir)
	run := draw(list, j)
	t.Logf("%d of %d mutants, %d tests, ready after %s", len(run), len(list), len(r.checks), time.Since(start).Round(time.Second))
	r.all(run, j)
	report(t, list, run, j, time.Since(start))
}

// draw is which mutants are run.
func draw(list []mutant, j *journal) []mutant {
	out := slices.DeleteFunc(slices.Clone(list), func(m mutant) bool {
		return !strings.Contains(m.name, *only) || *again && !lived(j.before[m.name])
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
	suite string
	tests []string
	took  time.Duration
}

// kill runs the tests that come by a mutant until one fails, and names it. The
// test that noticed it before goes first.
func (r *machine) kill(m mutant, before string) string {
	rounds := r.rounds(m, before)
	if len(rounds) == 0 {
		return unreached
	}
	var spent time.Duration
	for _, some := range rounds {
		if spent += some.took; spent > *budget {
			break
		}
		patience := 20*time.Second + 20*some.took // others may share the machine
		if out, _, ok := r.run(some.suite, some.tests, patience, fmt.Sprint("PANAH_MUTANT=", m.id)); !ok {
			return some.suite + "." + failed(out, some.tests)
		}
	}
	return survived
}

// failed is the test whose failure an output tells of.
func failed(out string, tests []string) string {
	if len(tests) == 1 {
		return tests[0]
	}
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

// few is how many of the most telling tests are tried one by one, quick what a
// test may take to be run together with others, and at most how long these take.
const (
	few      = 4
	quick    = 400 * time.Millisecond
	together = 1500 * time.Millisecond
)

// rounds are the tests that come by a mutant: a few of the most telling one by
// one, then the quick ones, many in one process, then the long ones.
func (r *machine) rounds(m mutant, before string) []round {
	var first, groups, long []round
	for i, c := range r.reaching(m, before) {
		alone := round{c.Suite, []string{c.Name}, c.Took}
		open := slices.IndexFunc(groups, func(g round) bool { return g.suite == c.Suite && g.took+c.Took < together })
		switch {
		case i < few:
			first = append(first, alone)
		case c.Took > quick || strings.Contains(c.Name, "/"):
			long = append(long, alone)
		case open < 0:
			groups = append(groups, alone)
		default:
			groups[open].tests = append(groups[open].tests, c.Name)
			groups[open].took += c.Took
		}
	}
	return slices.Concat(first, groups, long)
}

// reaching are the tests that come by a mutant, the most telling first.
func (r *machine) reaching(m mutant, before string) (out []check) {
	at := slices.IndexFunc(targets, func(t target) bool { return t.dir == m.dir })
	for _, c := range r.checks {
		_, file, part := strings.Cut(c.Name, "/") // of the fault matrix: the troubles of this file's calls
		if c.Reaches[m.id] && slices.Contains(targets[at].runs, c.Suite) && (!part || strings.HasPrefix(m.name, m.dir+"/"+file+" ")) {
			out = append(out, c)
		}
	}
	weight := func(c check) float64 {
		if c.String() == before {
			return 0
		}
		return c.Took.Seconds() * float64(len(c.Reaches))
	}
	slices.SortStableFunc(out, func(a, b check) int { return cmp.Compare(weight(a), weight(b)) })
	return out
}
