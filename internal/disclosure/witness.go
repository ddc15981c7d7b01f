package disclosure

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
)

// How far the search for a witness looks. A wider search withholds a little
// less and takes longer; none of it touches the proof.
const (
	lookMembers = 8
	lookColumns = 32
	lookPlaces  = 8
	lookOthers  = 6
	lookFar     = 4 // times as far, before what was shown is withheld
)

// corner is one base cell of a move, raised or lowered.
type corner struct {
	cell int32
	sign int
}

// move is up to four base cells that differ by the same amount of one shift.
type move struct {
	corners [4]corner
	n       int
	shift   int
}

// offer is a move with what it costs in figures newly withheld.
type offer struct {
	move
	cost, amount int
}

// protect finds a witness for a withheld figure, withholding more where it must.
func (s *search) protect(t target) {
	measures := len(s.Scheme.Group)
	if s.sure[t.node*measures+t.measure] {
		return
	}
	changed, was := map[[2]int]int{}, map[int32]uint16{}
	s.narrow(t)
	s.past = false
	for _, direction := range s.directions(t) {
		if s.assemble(t, direction, changed, was) {
			break
		}
	}
	w := Witness{Node: t.node, Measure: t.measure}
	deltas := map[[2]int]int{} // by node and measure
	for _, at := range slices.SortedFunc(maps.Keys(changed), func(a, b [2]int) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }) {
		by := changed[at]
		if by == 0 {
			continue
		}
		w.Steps = append(w.Steps, Step{Cell: at[0], Measure: at[1], By: by})
		for _, n := range s.Cells[at[0]].Nodes {
			deltas[[2]int{int(n), at[1]}] += by
		}
		s.values[at[0]][at[1]] = s.Cells[at[0]].Values[at[1]] // the scratch as it was
	}
	s.proofs = append(s.proofs, w)
	s.settle(deltas, was)
}

// narrow is for a figure that could be different only where what was shown before
// is not remembered: no witness may hide it there, so everything of its places
// that was not shown yet is withheld with it.
func (s *search) narrow(t target) {
	if s.before.Shown == nil {
		return
	}
	if up, ok := s.best(t, 1, s.Width); ok && up.cost < shownCost {
		return
	}
	takes := s.takes[s.Scheme.Group[t.measure]]
	for _, n := range s.within(t.node) {
		fresh := takes &^ s.mask[n] &^ s.before.Shown[n]
		s.mask[n] |= fresh
		for g, m := range s.Scheme.Lead {
			if fresh&(1<<g) != 0 && s.sums[n][m] > 0 {
				s.want(int(n), m)
			}
		}
	}
}

// within are the nodes that have cells only in places where a node has.
func (s *search) within(node int) (out []int32) {
	places, met := map[int]bool{}, map[int32]bool{}
	for _, c := range s.members[node] {
		places[s.Cells[c].Place] = true
	}
	for at := range places {
		for _, c := range s.byPlace[at] {
			for _, n := range s.Cells[c].Nodes {
				if !met[n] {
					met[n] = true
					if !slices.ContainsFunc(s.members[n], func(c int32) bool { return !places[s.Cells[c].Place] }) {
						out = append(out, n)
					}
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// settle notes what a witness makes uncertain enough; a new complement that it
// moves by less needs a witness of its own.
func (s *search) settle(deltas map[[2]int]int, was map[int32]uint16) {
	measures := len(s.Scheme.Group)
	keys := slices.SortedFunc(maps.Keys(deltas), func(a, b [2]int) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	for _, at := range keys {
		by := deltas[at]
		switch {
		case by == 0:
		case max(by, -by) >= s.Width && !s.past:
			s.sure[at[0]*measures+at[1]] = true
		case was[int32(at[0])]&(1<<s.Scheme.Group[at[1]]) != 0 || !known(was, at[0]): // withheld before
		case s.Scheme.Person[at[1]] || slices.Contains(s.Scheme.Lead, at[1]):
			s.want(at[0], at[1])
		}
	}
}

func known(was map[int32]uint16, n int) bool { _, ok := was[int32(n)]; return ok }

// directions are up, and down where there is enough to take away.
func (s *search) directions(t target) []int {
	if s.sums[t.node][t.measure] >= s.Width+s.K {
		return []int{-1, 1}
	}
	return []int{1}
}

// assemble adds up moves until the figure differs by the width, and withholds
// what they touch. It reports false, and leaves everything as it was, when this
// direction has no more moves.
func (s *search) assemble(t target, direction int, changed map[[2]int]int, was map[int32]uint16) bool {
	var made []offer
	eased := false
	for left := s.Width; left > 0; {
		best, ok := s.best(t, direction, left)
		if (!ok || best.cost > 0) && direction > 0 && !eased {
			eased = true
			if made = append(made, s.ease(t, left, changed)...); len(made) > 0 {
				continue
			}
		}
		if !ok {
			for _, o := range made {
				s.apply(o.move, -o.amount, changed)
			}
			for n, bits := range was {
				s.mask[n] = bits
			}
			clear(was)
			return false
		}
		s.past = s.past || best.cost >= shownCost
		s.apply(best.move, best.amount, changed)
		s.nets(best.move)
		for _, n := range s.touched {
			if _, seen := was[n]; !seen {
				was[n] = s.mask[n]
			}
			s.mask[n] |= s.touches[best.shift]
		}
		s.clear()
		made = append(made, best)
		left -= best.amount
	}
	return true
}

// ease makes room for a target where it can be had for nothing: a figure that
// the target's shifts lower is raised first, by moves that touch only what is
// withheld already.
func (s *search) ease(t target, left int, changed map[[2]int]int) (made []offer) {
	for _, shift := range s.Scheme.Shifts {
		if !slices.Contains(shift.Up, t.measure) {
			continue
		}
		for _, a := range s.some(t.node) {
			for _, f := range shift.Down {
				for need := left - s.values[a][f]; need > 0; {
					best, ok := s.best(target{node: int(s.Cells[a].Nodes[0]), measure: f, spare: t.measure + 1}, 1, need)
					if !ok || best.cost > 0 {
						break
					}
					s.apply(best.move, best.amount, changed)
					made = append(made, best)
					need -= best.amount
				}
			}
		}
	}
	return made
}

// best is the move that newly withholds least, and among equals moves most. It
// looks far before it withholds what has been shown already.
func (s *search) best(t target, direction, left int) (best offer, ok bool) {
	s.look = 1
	if best, ok = s.bestNear(t, direction, left); s.before.Shown != nil && (!ok || best.cost >= shownCost) {
		s.look = lookFar
		best, ok = s.bestNear(t, direction, left)
		s.look = 1
	}
	return best, ok
}

func (s *search) bestNear(t target, direction, left int) (best offer, ok bool) {
	consider := func(m move, side int) bool {
		amount := s.room(m, left)
		if amount < 1 {
			return false
		}
		cost, moved := s.cost(m, t.node)
		if moved*side != direction {
			return false
		}
		if !ok || cost < best.cost || (cost == best.cost && amount > best.amount) {
			best, ok = offer{m, cost, amount}, true
		}
		return best.cost == 0
	}
	for k, shift := range s.Scheme.Shifts {
		side := 0
		if t.spare > 0 && (slices.Contains(shift.Up, t.spare-1) || slices.Contains(shift.Down, t.spare-1)) {
			continue
		}
		if slices.Contains(shift.Up, t.measure) {
			side = 1
		} else if slices.Contains(shift.Down, t.measure) {
			side = -1
		}
		if side == 0 {
			continue
		}
		for _, a := range s.some(t.node) {
			if s.around(a, t.node, k, side*direction, func(m move) bool { return consider(m, side) }) {
				return best, ok
			}
		}
	}
	return best, ok
}

// some are a few base cells of a node: those with most and with least people.
func (s *search) some(n int) []int32 {
	all := s.members[n]
	if len(all) <= s.look*lookMembers {
		return all
	}
	return append(slices.Clone(all[:s.look*lookMembers/2]), all[len(all)-s.look*lookMembers/2:]...)
}

// around tries the moves a base cell takes part in: by itself, against another
// column of its place, against its column elsewhere, against a neighbor, and
// against two of them at once. It stops when try says so.
func (s *search) around(a int32, node, shift, sign int, try func(move) bool) bool {
	if !s.gives(a, shift, sign) {
		return false
	}
	columns, places, anywhere := s.columns(a, node, shift, -sign), s.places(a, node, shift, -sign), s.anywhere(a, node, shift, -sign)
	for _, c := range slices.Concat(columns, anywhere) {
		for _, e := range places {
			if e == c {
				continue
			}
			if d, ok := s.at[[2]int{s.Cells[e].Place, s.Cells[c].Column}]; ok {
				if try(move{[4]corner{{a, sign}, {c, -sign}, {e, -sign}, {d, sign}}, 4, shift}) {
					return true
				}
				continue
			}
			for _, d := range s.others(e, shift, sign) {
				if try(move{[4]corner{{a, sign}, {c, -sign}, {e, -sign}, {d, sign}}, 4, shift}) {
					return true
				}
			}
		}
	}
	for _, other := range [][]int32{columns, places, anywhere} {
		for _, c := range other {
			if try(move{[4]corner{{a, sign}, {c, -sign}}, 2, shift}) {
				return true
			}
		}
	}
	return try(move{[4]corner{{a, sign}}, 1, shift})
}

// gives reports whether a cell can be moved by one at least.
func (s *search) gives(cell int32, shift, sign int) bool {
	return s.room(move{[4]corner{{cell, sign}}, 1, shift}, 1) > 0
}

// others are a few other cells of a cell's place that can be moved.
func (s *search) others(e int32, shift, sign int) (out []int32) {
	for _, d := range s.byPlace[s.Cells[e].Place] {
		if d != e && s.gives(d, shift, sign) && len(out) < s.look*lookOthers {
			out = append(out, d)
		}
	}
	return out
}

// columns are the other cells of the same place, outside the node, that can be
// moved the other way.
func (s *search) columns(a int32, node, shift, sign int) (out []int32) {
	for _, c := range s.byPlace[s.Cells[a].Place] {
		if c != a && s.gives(c, shift, sign) && !slices.Contains(s.Cells[c].Nodes, int32(node)) && len(out) < s.look*lookColumns {
			out = append(out, c)
		}
	}
	return out
}

// places are the nearest cells of the same column, outside the node, that can be
// moved the other way.
func (s *search) places(a int32, node, shift, sign int) (out []int32) {
	col := s.byCol[s.Cells[a].Column]
	for lo, hi := int(s.spot[a])-1, int(s.spot[a])+1; (lo >= 0 || hi < len(col)) && len(out) < s.look*lookPlaces; lo, hi = lo-1, hi+1 {
		for _, k := range []int{lo, hi} {
			if k >= 0 && k < len(col) && s.gives(col[k], shift, sign) && !slices.Contains(s.Cells[col[k]].Nodes, int32(node)) {
				out = append(out, col[k])
			}
		}
	}
	return out
}

// anywhere are the nearest cells of any column, outside the node, that can be
// moved the other way.
func (s *search) anywhere(a int32, node, shift, sign int) (out []int32) {
	for lo, hi := s.rank[a]-1, s.rank[a]+1; (lo >= 0 || hi < len(s.ranked)) && len(out) < s.look*lookPlaces; lo, hi = lo-1, hi+1 {
		for _, k := range []int{lo, hi} {
			if k >= 0 && k < len(s.ranked) && s.gives(s.ranked[k], shift, sign) && !slices.Contains(s.Cells[s.ranked[k]].Nodes, int32(node)) {
				out = append(out, s.ranked[k])
			}
		}
	}
	return out
}

// room is how far a move can go before a figure becomes negative.
func (s *search) room(m move, most int) int {
	shift := s.Scheme.Shifts[m.shift]
	for _, c := range m.corners[:m.n] {
		lowered := shift.Down
		if c.sign < 0 {
			lowered = shift.Up
		}
		for _, f := range lowered {
			most = min(most, s.values[c.cell][f])
		}
	}
	return most
}

// shownCost is what it costs to withhold what was shown before: more than to
// withhold all that never was.
const shownCost = 1 << 40

// cost weighs what a move would newly withhold; moved is the sign by which it
// moves the node's figures of Up.
func (s *search) cost(m move, node int) (cost, moved int) {
	s.nets(m)
	for _, n := range s.touched {
		fresh := s.touches[m.shift] &^ s.mask[n]
		if s.before.Shown != nil {
			known := s.before.Shown[n]
			if s.before.Stays != nil {
				known &^= s.before.Stays[n]
			}
			cost += shownCost * bits.OnesCount16(s.touches[m.shift]&known)
		}
		cost += s.weight[n] * bits.OnesCount16(fresh)
	}
	moved = int(s.net[node])
	s.clear()
	return cost, max(-1, min(1, moved))
}

// nets adds up the corners of a move by node and lists the nodes it changes.
func (s *search) nets(m move) {
	s.round++
	for _, c := range m.corners[:m.n] {
		for _, n := range s.Cells[c.cell].Nodes {
			if s.seen[n] != s.round {
				s.seen[n] = s.round
				s.touched = append(s.touched, n)
			}
			s.net[n] += int32(c.sign)
		}
	}
	s.touched = slices.DeleteFunc(s.touched, func(n int32) bool { return s.net[n] == 0 })
}

func (s *search) clear() {
	for _, n := range s.touched {
		s.net[n] = 0
	}
	s.touched = s.touched[:0]
}

// apply changes the scratch values and keeps account of it.
func (s *search) apply(m move, amount int, changed map[[2]int]int) {
	shift := s.Scheme.Shifts[m.shift]
	for _, c := range m.corners[:m.n] {
		for _, f := range shift.Up {
			s.values[c.cell][f] += c.sign * amount
			changed[[2]int{int(c.cell), f}] += c.sign * amount
		}
		for _, f := range shift.Down {
			s.values[c.cell][f] -= c.sign * amount
			changed[[2]int{int(c.cell), f}] -= c.sign * amount
		}
	}
}
