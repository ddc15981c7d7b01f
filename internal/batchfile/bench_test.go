//go:build bench

package batchfile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"panah/internal/batchfile"
	"panah/internal/batchfile/synthetic"
	"panah/internal/matching/batch"
)

const command = "../../.build/panah"

// optimum of a seed, where it has been proven.
type optimum struct{ persons, score int }

// answer is what the command prints.
type answer struct {
	Persons, Score int
	Picks          []int
	CPUSeconds     float64
}

// tally is what many instances come to.
type tally struct {
	instances, persons, simple int // persons placed; placed by insertion alone
	known, best, lost, same    int // with an optimum: its persons, those lost, instances with none lost
	gaps, cpu                  []float64
}

// BenchmarkRescue runs the built command on one instance after another: seeds
// FIRST to LAST of RESCUE_SEEDS, against the optima that are known.
func BenchmarkRescue(b *testing.B) {
	first, last := 1, 40
	if s := os.Getenv("RESCUE_SEEDS"); s != "" {
		if _, err := fmt.Sscanf(s, "%d-%d", &first, &last); err != nil {
			b.Fatalf("RESCUE_SEEDS: say FIRST-LAST")
		}
	}
	optima := readOptima(b)
	var t tally
	for seed := first; seed <= last; seed++ {
		p := synthetic.Rescue(uint32(seed))
		o, known := optima[seed]
		t.add(b, p, solve(b, p), o, known)
	}
	t.print(fmt.Sprintf("seeds %d-%d", first, last))
}

func readOptima(b *testing.B) map[int]optimum {
	raw, err := os.ReadFile("testdata/optima.json")
	if err != nil {
		b.Fatal(err)
	}
	var in struct{ Optima [][3]int }
	if err := json.Unmarshal(raw, &in); err != nil {
		b.Fatal(err)
	}
	out := map[int]optimum{}
	for _, o := range in.Optima {
		out[o[0]] = optimum{o[1], o[2]}
	}
	return out
}

func solve(b *testing.B, p batch.Problem) (a answer) {
	var in bytes.Buffer
	if err := batchfile.WriteInstance(&in, p); err != nil {
		b.Fatal(err)
	}
	run := exec.Command(command, "solve")
	run.Stdin, run.Stderr, run.Env = &in, os.Stderr, append(os.Environ(), "GOMAXPROCS=1")
	out, err := run.Output()
	if err != nil {
		b.Fatalf("%s solve: %v", command, err)
	}
	if err := json.Unmarshal(out, &a); err != nil {
		b.Fatal(err)
	}
	a.CPUSeconds = max(a.CPUSeconds, (run.ProcessState.UserTime() + run.ProcessState.SystemTime()).Seconds())
	return a
}

func (t *tally) add(b *testing.B, p batch.Problem, a answer, o optimum, known bool) {
	if persons, score, err := p.Value(a.Picks); err != nil || persons != a.Persons || score != a.Score {
		b.Fatalf("the answer does not hold: %d persons, score %d, %v", persons, score, err)
	}
	simple, err := batch.Solve(p, 1, 0)
	if err != nil {
		b.Fatal(err)
	}
	t.instances++
	t.persons, t.simple = t.persons+a.Persons, t.simple+simple.Persons
	t.cpu = append(t.cpu, a.CPUSeconds)
	if !known {
		return
	}
	t.known++
	t.best, t.lost = t.best+o.persons, t.lost+o.persons-a.Persons
	if a.Persons == o.persons {
		t.same++
		t.gaps = append(t.gaps, 100*(1-float64(a.Score)/float64(o.score)))
	}
}

func (t *tally) print(title string) {
	fmt.Printf("\nRescues of 500 persons, 200 shelters, %s: %d instances\n", title, t.instances)
	fmt.Printf("  persons placed       %d; by regret insertion alone %d\n", t.persons, t.simple)
	fmt.Printf("  CPU seconds          mean %.2f, p95 %.2f, max %.2f (goal 2), reading included\n", mean(t.cpu), at(t.cpu, .95), at(t.cpu, 1))
	if t.known == 0 {
		return
	}
	fmt.Printf("  optimum known of     %d\n", t.known)
	fmt.Printf("  persons lost         %d of %d, %.3f %% (goal 0.1)\n", t.lost, t.best, 100*float64(t.lost)/float64(t.best))
	fmt.Printf("  persons as optimum   %d of %d, %.1f %% (goal 80)\n", t.same, t.known, 100*float64(t.same)/float64(t.known))
	if t.same > 0 {
		fmt.Printf("  score gap there      mean %.3f %% (goal 0.5), p95 %.3f %% (goal 1.5), max %.3f %%\n", mean(t.gaps), at(t.gaps, .95), at(t.gaps, 1))
	}
}

func mean(v []float64) (m float64) {
	for _, x := range v {
		m += x / float64(len(v))
	}
	return m
}

func at(v []float64, share float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[min(len(s)-1, int(share*float64(len(s))))]
}
