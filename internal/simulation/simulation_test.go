package simulation

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"panah/internal/placement"
	"panah/internal/table"
	"panah/internal/testworld"
)

var (
	seeds = flag.Int("seeds", 12, "how many seeds TestSimulate runs")
	first = flag.Uint64("seed", 1, "the first of them")
	trace = flag.Bool("trace", false, "print the events of a seed")
)

// options of a seed: every other one has clocks that differ.
func options(seed uint64) Options {
	o := Usual
	switch seed % 4 {
	case 1:
		o.Skew = 3 * time.Second
	case 2:
		o.Crash, o.Lost = 0, 0
	}
	o.Outage = seed%5 == 0
	return o
}

func TestSimulate(t *testing.T) {
	began := time.Now()
	total := sum(t, *seeds, *first)
	t.Logf("%s, %s", total, time.Since(began).Round(time.Second))
	for _, r := range total.failed {
		t.Errorf("seed %d, after %d events: %s", r.Seed, r.Events, r.Failed)
	}
	if *trace {
		o := options(*first)
		o.Trace = func(line string) { fmt.Println(line) }
		if r, err := Run(*first, o); err != nil {
			t.Error(r, err)
		}
	}
	if missing := total.missing(); len(missing) > 0 {
		t.Logf("rows of the table of moves never made: %s", strings.Join(missing, "; "))
		if *seeds >= enoughSeeds {
			t.Errorf("%d rows of the table of moves were never made in %d seeds", len(missing), *seeds)
		}
	}
}

// enoughSeeds make every row of the table of moves.
const enoughSeeds = 1000

// totals of many seeds.
type totals struct {
	seeds, events, commands, crashes, lost, missed int
	faults, moves                                  map[string]int
	failed                                         []Report
}

func sum(t testing.TB, n int, from uint64) *totals {
	out := &totals{seeds: n, faults: map[string]int{}, moves: map[string]int{}}
	reports := make([]Report, n)
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				o := options(from + uint64(i))
				o.Permit = func(s table.Store) table.Store { return testworld.Guard(t, s) }
				r, err := Run(from+uint64(i), o)
				if err != nil {
					r.Failed = err.Error()
				}
				reports[i] = r
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	for _, r := range reports {
		out.events, out.commands, out.crashes = out.events+r.Events, out.commands+r.Commands, out.crashes+r.Crashes
		out.lost, out.missed = out.lost+r.Lost, out.missed+r.Missed
		for k, v := range r.Faults {
			out.faults[k] += v
		}
		for k, v := range r.Moves {
			out.moves[k] += v
		}
		if r.Failed != "" {
			out.failed = append(out.failed, r)
		}
	}
	return out
}

// missing are rows of the table of moves that no seed made.
func (s *totals) missing() (out []string) {
	for _, g := range Goal() {
		if s.moves[g] == 0 {
			out = append(out, g)
		}
	}
	return out
}

func (s *totals) String() string {
	rows := len(Goal()) - len(s.missing())
	return fmt.Sprintf("simulate: %d seeds, %d events, %d commands acknowledged, %d crashes, faults %v, %d changes lost by a feed that was cut (%d items found again), %d of %d rows of the table of moves, %d failed",
		s.seeds, s.events, s.commands, s.crashes, s.faults, s.lost, s.missed, rows, len(Goal()), len(s.failed))
}

func TestASeedReplaysBitIdentically(t *testing.T) {
	for _, seed := range []uint64{3, 5} {
		var one, two []string
		o := options(seed)
		o.Trace = func(line string) { one = append(one, line) }
		a, err := Run(seed, o)
		if err != nil {
			t.Fatal(err)
		}
		o.Trace = func(line string) { two = append(two, line) }
		b, err := Run(seed, o)
		if err != nil {
			t.Fatal(err)
		}
		if a.Hash != b.Hash || !slices.Equal(one, two) {
			for i := range one {
				if i >= len(two) || one[i] != two[i] {
					t.Fatalf("seed %d differs at event %d:\n%s\n%s", seed, i, one[i], two[min(i, len(two)-1)])
				}
			}
			t.Fatalf("seed %d: %s and %s", seed, a.Hash, b.Hash)
		}
	}
}

// A new move needs somebody who makes it here.
func TestEveryMoveHasADriver(t *testing.T) {
	for _, row := range placement.Rows() {
		if drivers[row.Move] == nil && !slices.Contains(physical, row.Move) && row.Side != placement.Clock {
			t.Errorf("no driver makes the move %q", row.Move)
		}
	}
}
