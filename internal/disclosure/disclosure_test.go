package disclosure

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// The tables of these tests have the measures of an occupancy table in small:
// beds, taken, promised, free, too many, late reviews and the rest of the taken.
const (
	beds = iota
	taken
	promised
	free
	tooMany
	late
	onTime
	measures
)

var scheme = Scheme{
	Group: []int{0, 1, 2, 2, 2, 3, 3}, Within: []int{-1, 0, 1, 1},
	Person: []bool{false, true, true, false, true, true, false}, Lead: []int{beds, taken, promised, late},
	Shifts: []Shift{
		{Up: []int{taken, onTime}, Down: []int{free}}, {Up: []int{beds, taken, onTime}},
		{Up: []int{promised}, Down: []int{free}}, {Up: []int{promised}, Down: []int{taken, onTime}}, {Up: []int{beds, promised}},
		{Up: []int{tooMany, free}},
		{Up: []int{late}, Down: []int{onTime}}, {Up: []int{beds, taken, late}},
	},
}

var small = Policy{K: 11, Width: 10, Sources: 3}

// world makes a table of states, districts and columns (kind × population) with
// nodes as in production: each place by kind, by population, by both and over all.
func world(states, districts, kinds, pops int, draw func(most int) int) (Table, []string) {
	ids, names := map[string]int32{}, []string{}
	node := func(name string) int32 {
		if _, ok := ids[name]; !ok {
			ids[name] = int32(len(names))
			names = append(names, name)
		}
		return ids[name]
	}
	t := Table{Scheme: scheme}
	for s := range states {
		for d := range districts {
			for k := range kinds {
				for p := range pops {
					if draw(4) == 0 {
						continue
					}
					c := Cell{Place: s*districts + d, Column: k*pops + p, Values: make([]int, measures)}
					v := c.Values
					v[taken], v[promised], v[free], v[tooMany] = draw(40), draw(3), draw(30), draw(2)
					v[beds] = v[taken] + v[promised] + v[free] - v[tooMany]
					if v[beds] < 0 {
						v[free] -= v[beds]
						v[beds] = 0
					}
					v[late] = draw(v[taken])
					v[onTime] = v[taken] - v[late]
					for _, at := range []string{fmt.Sprintf("s%dd%d", s, d), fmt.Sprint("s", s), "all"} {
						for _, kind := range []string{fmt.Sprint("k", k), "*"} {
							for _, pop := range []string{fmt.Sprint("p", p), "*"} {
								c.Nodes = append(c.Nodes, node(at+" "+kind+" "+pop))
							}
						}
					}
					t.Cells = append(t.Cells, c)
				}
			}
		}
	}
	t.Nodes = len(names)
	t.Sources = make([]int, t.Nodes)
	for _, c := range t.Cells {
		n := 1 + draw(3)
		for _, at := range c.Nodes {
			t.Sources[at] += n
		}
	}
	return t, names
}

// holds checks every promise of the package on its own terms: each witness is
// another possible table that agrees in everything shown and differs by the
// width where something is withheld.
func holds(t interface{ Fatalf(string, ...any) }, tb Table, p Policy, mask Mask, proofs []Witness) {
	sums := tb.Sums()
	proved := map[[2]int]bool{}
	for _, w := range proofs {
		deltas := map[[2]int]int{}
		shifted := map[int][]int{}
		for _, s := range w.Steps {
			if shifted[s.Cell] == nil {
				shifted[s.Cell] = append([]int(nil), tb.Cells[s.Cell].Values...)
			}
			shifted[s.Cell][s.Measure] += s.By
			for _, n := range tb.Cells[s.Cell].Nodes {
				deltas[[2]int{int(n), s.Measure}] += s.By
			}
		}
		for c, v := range shifted {
			for m := range v {
				if v[m] < 0 {
					t.Fatalf("witness for %v: figure %d of cell %d is negative", w, m, c)
				}
			}
			if v[beds] != v[taken]+v[promised]+v[free]-v[tooMany] || v[taken] != v[late]+v[onTime] {
				t.Fatalf("witness for %v: cell %d is not a possible cell: %v", w, c, v)
			}
		}
		for at, by := range deltas {
			if by != 0 && !mask.Hides(at[0], tb.Scheme.Group[at[1]]) {
				t.Fatalf("witness for %v changes figure %v that is shown", w, at)
			}
			if max(by, -by) >= p.Width {
				proved[at] = true
			}
		}
		if !proved[[2]int{w.Node, w.Measure}] {
			t.Fatalf("witness for node %d measure %d moves it too little", w.Node, w.Measure)
		}
	}
	for n, v := range sums {
		for m, person := range tb.Scheme.Person {
			if !person || v[m] < 1 {
				continue
			}
			if v[m] < p.K && !mask.Hides(n, tb.Scheme.Group[m]) {
				t.Fatalf("node %d shows %d persons", n, v[m])
			}
			few := tb.Sources[n] > 0 && tb.Sources[n] < p.Sources
			if few && !mask.Hides(n, 0) {
				t.Fatalf("node %d shows a row about %d shelters", n, tb.Sources[n])
			}
			if (v[m] < p.K || few) && !proved[[2]int{n, m}] {
				t.Fatalf("node %d measure %d has no witness", n, m)
			}
		}
	}
}

func TestWhateverIsWithheldCouldBeSomethingElse(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		tb, _ := world(rapid.IntRange(1, 3).Draw(r, "states"), rapid.IntRange(1, 4).Draw(r, "districts"), rapid.IntRange(1, 2).Draw(r, "kinds"),
			rapid.IntRange(1, 3).Draw(r, "pops"), func(most int) int { return rapid.IntRange(0, most).Draw(r, "n") })
		mask, proofs := Protect(tb, small, Earlier{})
		holds(r, tb, small, mask, proofs)
		again, _ := Protect(tb, small, Earlier{})
		if fmt.Sprint(mask) != fmt.Sprint(again) {
			r.Fatalf("decided differently the second time")
		}
	})
}

// The attacker knows every figure shown, that sums add up, that beds are free,
// taken or promised, and that nothing is negative: a linear programme finds the
// least and the most each withheld figure can be.
func TestALinearProgrammeFindsNoNarrowInterval(t *testing.T) {
	for seed := range uint64(12) {
		dice := rand.New(rand.NewPCG(seed, 7))
		tb, names := world(2, 2, 1, 2, func(most int) int { return dice.IntN(most + 1) })
		mask, _ := Protect(tb, small, Earlier{})
		sums := tb.Sums()
		lp := attacker(tb, mask, sums)
		checked := 0
		for n := range tb.Nodes {
			for m, person := range scheme.Person {
				if !person || !mask.Hides(n, scheme.Group[m]) || sums[n][m] < 1 || sums[n][m] >= small.K {
					continue
				}
				least, most := lp.bounds(t, tb, n, m)
				if least > float64(sums[n][m])+1e-6 || most < float64(sums[n][m])-1e-6 {
					t.Fatalf("the programme is wrong: %d is not in %v..%v", sums[n][m], least, most)
				}
				if most-least < float64(small.Width)-1e-6 {
					t.Errorf("seed %d: %s figure %d (%d) is known to lie in %.1f..%.1f", seed, names[n], m, sums[n][m], least, most)
				}
				checked++
			}
		}
		if checked == 0 {
			t.Errorf("seed %d: nothing was withheld: the test tests nothing", seed)
		}
	}
}

// A mask that withholds what is small and nothing else falls to the attacker:
// the programme is able to find what it looks for.
func TestTheAttackerSucceedsWhereNoComplementsAreWithheld(t *testing.T) {
	found := 0
	for seed := range uint64(12) {
		dice := rand.New(rand.NewPCG(seed, 7))
		tb, _ := world(2, 2, 1, 2, func(most int) int { return dice.IntN(most + 1) })
		s := newSearch(tb, small, Earlier{})
		s.primary()
		sums := tb.Sums()
		lp := attacker(tb, s.mask, sums)
		for n := range tb.Nodes {
			for m, person := range scheme.Person {
				if person && sums[n][m] > 0 && sums[n][m] < small.K {
					if least, most := lp.bounds(t, tb, n, m); most-least < 1e-6 {
						found++
					}
				}
			}
		}
	}
	if found == 0 {
		t.Error("no figure was found out: the attacker is too weak to be a test")
	}
}

// programme is rows of equalities over the measures of all cells.
type programme struct {
	a [][]float64
	b []float64
}

func attacker(tb Table, mask Mask, sums [][]int) programme {
	vars := len(tb.Cells) * measures
	var p programme
	row := func() []float64 { p.a = append(p.a, make([]float64, vars)); return p.a[len(p.a)-1] }
	for i := range tb.Cells {
		r := row()
		r[i*measures+beds], r[i*measures+taken], r[i*measures+promised], r[i*measures+free], r[i*measures+tooMany] = 1, -1, -1, -1, 1
		r = row()
		r[i*measures+taken], r[i*measures+late], r[i*measures+onTime] = 1, -1, -1
		p.b = append(p.b, 0, 0)
	}
	for n := range tb.Nodes {
		for m := range measures {
			if mask.Hides(n, scheme.Group[m]) {
				continue
			}
			r := row()
			for i, c := range tb.Cells {
				for _, at := range c.Nodes {
					if int(at) == n {
						r[i*measures+m] = 1
					}
				}
			}
			p.b = append(p.b, float64(sums[n][m]))
		}
	}
	return p
}

// bounds solves for the least and most of one figure of one node; most is
// infinite where nothing bounds it.
func (p programme) bounds(t *testing.T, tb Table, node, m int) (least, most float64) {
	c := make([]float64, len(tb.Cells)*measures)
	for i, cell := range tb.Cells {
		for _, at := range cell.Nodes {
			if int(at) == node {
				c[i*measures+m] = 1
			}
		}
	}
	least = p.minimize(t, c)
	for i := range c {
		c[i] = -c[i]
	}
	return least, -p.minimize(t, c)
}

// minimize is the two-phase simplex method on a dense tableau, with Bland's rule.
func (p programme) minimize(t *testing.T, cost []float64) float64 {
	rows, vars := len(p.a), len(cost)
	tab := make([][]float64, rows+2) // constraints, then the two objectives
	for i := range tab {
		tab[i] = make([]float64, vars+rows+1)
	}
	basis := make([]int, rows)
	for i, r := range p.a {
		sign := 1.0
		if p.b[i] < 0 {
			sign = -1
		}
		for j, v := range r {
			tab[i][j] = sign * v
		}
		tab[i][vars+i], tab[i][vars+rows], basis[i] = 1, sign*p.b[i], vars+i
		for j := range vars {
			tab[rows+1][j] -= tab[i][j]
		}
		tab[rows+1][vars+rows] -= tab[i][vars+rows]
	}
	copy(tab[rows], cost)
	if !pivotUntilDone(tab, basis, rows, vars, rows+1) || math.Abs(tab[rows+1][vars+rows]) > 1e-6 {
		t.Fatalf("the figures shown contradict each other: %v", tab[rows+1][vars+rows])
	}
	if !pivotUntilDone(tab, basis, rows, vars, rows) {
		return math.Inf(-1)
	}
	return -tab[rows][vars+rows]
}

func pivotUntilDone(tab [][]float64, basis []int, rows, vars, objective int) bool {
	last := len(tab[0]) - 1
	for {
		enter := -1
		for j := range vars {
			if tab[objective][j] < -1e-9 {
				enter = j
				break
			}
		}
		if enter < 0 {
			return true
		}
		leave, ratio := -1, math.Inf(1)
		for i := range rows {
			if objective == rows && basis[i] >= vars && math.Abs(tab[i][enter]) > 1e-9 { // an artificial variable stays at nothing
				leave = i
				break
			}
			if tab[i][enter] > 1e-9 {
				if r := tab[i][last] / tab[i][enter]; r < ratio-1e-12 || (r < ratio+1e-12 && leave >= 0 && basis[i] < basis[leave]) {
					leave, ratio = i, r
				}
			}
		}
		if leave < 0 {
			return false
		}
		f := tab[leave][enter]
		for j := range tab[leave] {
			tab[leave][j] /= f
		}
		for i := range tab {
			if k := tab[i][enter]; i != leave && k != 0 {
				for j := range tab[i] {
					tab[i][j] -= k * tab[leave][j]
				}
			}
		}
		basis[leave] = enter
	}
}

func TestATableOfANationIsProtectedAndMostOfItShown(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	tb, names := world(8, 12, 5, 4, func(most int) int { return dice.IntN(most + 1) })
	mask, proofs := Protect(tb, small, Earlier{})
	holds(t, tb, small, mask, proofs)
	shown, districts := 0, 0
	for n, name := range names {
		if name[len(name)-3:] == "* *" {
			districts++
			if !mask.Hides(n, 1) {
				shown++
			}
		}
	}
	t.Logf("%d cells, %d nodes, %d witnesses; of %d places %d show how many people are there", len(tb.Cells), tb.Nodes, len(proofs), districts, shown)
	if shown*10 < districts*8 {
		t.Errorf("only %d of %d places show how many people are there", shown, districts)
	}
}
