// Package disclosure decides which figures of a table may be shown, so that no
// combination of everything that is shown tells a small number of persons, or a
// row about few shelters, more exactly than the policy allows.
//
// # What is promised
//
// A table is base cells (one place, one column) added up in nodes: the cell
// itself, its place, its state, its country, each by column and over columns.
// Every answer anybody may ever get is figures of nodes. For each figure that is
// withheld because it is small, or because withholding a small one needs it as a
// complement, Protect finds another table that agrees with this one in every
// figure shown, has no negative figure, obeys the same sums and the same
// relations between figures, and differs in the withheld one by at least the
// policy's width. Nobody who sees only what is shown can tell the two tables
// apart, whatever they add or subtract: that is the proof, and Witness keeps it.
//
// The package is pure and decides the same for the same table, always.
package disclosure

import (
	"cmp"
	"slices"
)

// Policy is what counts as small.
type Policy struct {
	K       int // a count of 1 to K-1 persons is withheld
	Width   int // the least width of the interval in which a withheld figure can be known to lie
	Sources int // a row about fewer shelters than this is withheld
}

// Scheme says how the figures of a table hang together.
type Scheme struct {
	Group  []int   // of each measure: figures of one group are shown or withheld together
	Within []int   // of each group: the group that takes this one along when it is withheld; -1: none
	Person []bool  // of each measure: it counts persons
	Lead   []int   // of each group: the measure that must be uncertain when the group is withheld as a whole
	Shifts []Shift // ways in which one base cell could be different
}

// Shift is a way one base cell could be different by one and still be a
// possible cell: the measures of Up are raised while those of Down are lowered.
// Relations between measures (beds are free or taken) are kept by construction.
type Shift struct{ Up, Down []int }

// Cell is one base cell.
type Cell struct {
	Place, Column int     // numbers of the caller's own; places of one state are neighbours
	Values        []int   // by measure
	Nodes         []int32 // every node the cell is added up in
}

// Table is base cells and how many nodes they are added up in.
type Table struct {
	Scheme  Scheme
	Cells   []Cell
	Sources []int // of each node: shelters behind it; nil where that does not matter
	Nodes   int
}

// Mask says of each node which groups are withheld, as a bit set.
type Mask []uint16

// Hides reports whether a group of a node is withheld.
func (m Mask) Hides(node, group int) bool { return m[node]&(1<<group) != 0 }

// Step is a base cell's share of a witness.
type Step struct {
	Cell, Measure, By int
}

// Witness is the difference to another table that looks the same to everybody,
// and the withheld figure it was looked for.
type Witness struct {
	Node, Measure int
	Steps         []Step
}

// Earlier is what was withheld before in a period: it stays withheld, so that
// what is complement to what does not change from one instant to the next.
type Earlier struct {
	Stays Mask // withheld again
	Shown Mask // taken as a complement only where nothing else will do: whoever remembers it sees past it
}

// Sums adds the cells up: by node, then measure.
func (t Table) Sums() [][]int {
	measures := len(t.Scheme.Group)
	flat := make([]int, t.Nodes*measures)
	out := make([][]int, t.Nodes)
	for n := range out {
		out[n] = flat[n*measures : (n+1)*measures]
	}
	for _, c := range t.Cells {
		for _, n := range c.Nodes {
			for m, v := range c.Values {
				out[n][m] += v
			}
		}
	}
	return out
}

// Protect decides what is withheld. The witnesses prove it.
func Protect(t Table, p Policy, before Earlier) (Mask, []Witness) {
	s := newSearch(t, p, before)
	s.primary()
	slices.SortStableFunc(s.queue, func(a, b target) int { // what is withheld widely first: the rest hides behind it
		return cmp.Or(cmp.Compare(s.Scheme.Group[a.measure], s.Scheme.Group[b.measure]), cmp.Compare(a.measure, b.measure), cmp.Compare(s.weight[a.node], s.weight[b.node]))
	})
	for len(s.queue) > 0 {
		next := s.queue[0]
		s.queue = s.queue[1:]
		s.protect(next)
	}
	return s.mask, s.proofs
}

// target is a withheld figure that needs a witness.
type target struct {
	node, measure int
	spare         int // 1 + a measure that must stay as it is; 0: none
}

type search struct {
	Table
	Policy
	before  Earlier
	sums    [][]int
	mask    Mask
	sure    []bool // by node and measure: a witness is known
	queue   []target
	proofs  []Witness
	values  [][]int   // of the cells, changed while a witness is put together
	members [][]int32 // cells of each node
	byPlace map[int][]int32
	byCol   map[int][]int32 // cells of a column, in order of place
	at      map[[2]int]int32
	spot    []int32  // where a cell stands in its column
	ranked  []int32  // cells in order of place
	rank    []int    // where a cell stands there
	takes   []uint16 // of each group: the groups withheld with it
	touches []uint16 // of each shift: the groups withheld where it shows
	net     []int32  // scratch: by node
	touched []int32
	seen    []int // by node: the round that met it last
	round   int
	past    bool // the witness changes what was shown before: it proves nothing to whoever remembers
	look    int  // how many times as far as usual is looked
	weight  []int
}

func newSearch(t Table, p Policy, before Earlier) *search {
	s := &search{Table: t, Policy: p, before: before, sums: t.Sums(), mask: make(Mask, t.Nodes),
		sure: make([]bool, t.Nodes*len(t.Scheme.Group)), values: make([][]int, len(t.Cells)), members: make([][]int32, t.Nodes),
		byPlace: map[int][]int32{}, byCol: map[int][]int32{}, at: map[[2]int]int32{}, spot: make([]int32, len(t.Cells)),
		net: make([]int32, t.Nodes), seen: make([]int, t.Nodes), weight: make([]int, t.Nodes), look: 1}
	for i, c := range t.Cells {
		s.values[i] = slices.Clone(c.Values)
		s.byPlace[c.Place] = append(s.byPlace[c.Place], int32(i))
		s.byCol[c.Column] = append(s.byCol[c.Column], int32(i))
		s.at[[2]int{c.Place, c.Column}] = int32(i)
		for _, n := range c.Nodes {
			s.members[n] = append(s.members[n], int32(i))
		}
	}
	for _, cells := range s.byCol {
		slices.SortStableFunc(cells, func(a, b int32) int { return cmp.Compare(t.Cells[a].Place, t.Cells[b].Place) })
		for k, i := range cells {
			s.spot[i] = int32(k)
		}
	}
	s.rank = make([]int, len(t.Cells))
	for i := range t.Cells {
		s.ranked = append(s.ranked, int32(i))
	}
	slices.SortStableFunc(s.ranked, func(a, b int32) int { return cmp.Compare(t.Cells[a].Place, t.Cells[b].Place) })
	for k, i := range s.ranked {
		s.rank[i] = k
	}
	for n := range s.weight {
		s.weight[n] = 1 + len(s.members[n])*len(s.members[n]) // what sums up many cells is missed most
	}
	for g := range t.Scheme.Within { // what goes along when a group is withheld
		bits := uint16(1 << g)
		for h := range t.Scheme.Within {
			for up := h; up >= 0; up = t.Scheme.Within[up] {
				if up == g {
					bits |= 1 << h
				}
			}
		}
		s.takes = append(s.takes, bits)
	}
	for _, shift := range t.Scheme.Shifts {
		bits := uint16(0)
		for _, m := range slices.Concat(shift.Up, shift.Down) {
			bits |= s.takes[t.Scheme.Group[m]]
		}
		s.touches = append(s.touches, bits)
	}
	return s
}

// primary withholds what is small by itself and what was withheld before.
func (s *search) primary() {
	for n := range s.Nodes {
		if len(s.members[n]) == 0 {
			continue
		}
		for m, v := range s.sums[n] {
			if s.Scheme.Person[m] && v > 0 && v < s.K {
				s.withhold(n, s.Scheme.Group[m])
				s.want(n, m)
			}
		}
		if s.Table.Sources != nil && s.Table.Sources[n] > 0 && s.Table.Sources[n] < s.Policy.Sources {
			s.whole(n, 0)
		}
		if s.before.Stays == nil {
			continue
		}
		for g := range s.Scheme.Lead {
			if s.before.Stays.Hides(n, g) {
				s.whole(n, g)
			}
		}
	}
}

// whole withholds a group and all that goes with it, and wants every figure of
// it that is not nothing to be uncertain.
func (s *search) whole(n, group int) {
	s.withhold(n, group)
	for g, m := range s.Scheme.Lead {
		if s.takes[group]&(1<<g) != 0 && s.sums[n][m] > 0 {
			s.want(n, m)
		}
	}
	for m, v := range s.sums[n] {
		if s.Scheme.Person[m] && v > 0 && s.takes[group]&(1<<s.Scheme.Group[m]) != 0 {
			s.want(n, m)
		}
	}
}

func (s *search) withhold(n, group int) { s.mask[n] |= s.takes[group] }

func (s *search) want(n, m int) {
	if !s.sure[n*len(s.Scheme.Group)+m] {
		s.queue = append(s.queue, target{node: n, measure: m})
	}
}
