package batch

import "math"

// anneal is the search: it gives a group an option, throws out whoever is in the
// way, lets those find another place, and keeps the result when it is better or,
// while still hot, not much worse.
type anneal struct {
	*state
	rnd     random
	person  int      // what a person placed is worth, in score
	changed []change // of this step, in order, to go back
	ejected []int32  // groups thrown out in this step
	best    kept
}

// change is a group and the option it had before.
type change struct{ group, option int32 }

// kept is the best plan seen.
type kept struct {
	pick          []int32
	placed, total int
}

// phase is a stretch of the search: it cools from hot to cold, in units of score.
type phase struct{ hot, cold float64 }

func newAnneal(s *state, seed uint64) *anneal {
	a := &anneal{state: s, rnd: random(seed), person: personWorth * s.highest}
	a.keep()
	return a
}

// run searches until the work done reaches budget or done says so.
func (a *anneal) run(p phase, budget int, done func() bool) {
	begin := a.work
	for a.work < budget && !done() {
		part := float64(a.work-begin) / float64(budget-begin)
		t := p.hot * math.Pow(p.cold/p.hot, part)
		for range 64 {
			a.step(t)
		}
	}
}

// step tries one move at temperature t. The loss that will still be taken is
// drawn first, so that a move is given up as soon as it cannot stay within it.
func (a *anneal) step(t float64) {
	a.work += stepWork
	least := int(t * math.Log(a.rnd.unit()))
	g, waiting := a.anyone(), len(a.out) > 0
	o := a.draw(g, least, waiting)
	if o == none || o == a.pick[g] {
		return
	}
	a.changed, a.ejected = a.changed[:0], a.ejected[:0]
	before := a.value()
	if a.pick[g] != none {
		a.lift(g)
	}
	a.clear(o)
	a.give(o)
	if !a.resettle(before+least, waiting) {
		a.undo()
		return
	}
	if waiting && len(a.out) > 0 {
		a.settle(a.out[a.rnd.below(len(a.out))], math.MinInt)
	}
	if a.value() < before+least {
		a.undo()
	} else if a.placed > a.best.placed || (a.placed == a.best.placed && a.total > a.best.total) {
		a.keep()
	}
}

// anyone is a group to move: often one without an option.
func (a *anneal) anyone() int32 {
	if n := len(a.out); n > 0 && a.rnd.below(outOneIn) == 0 {
		return a.out[a.rnd.below(n)]
	}
	return int32(a.rnd.below(len(a.name)))
}

// draw is an option for g, rather a good one. When nobody waits for what g would
// leave behind, options that lose too much by themselves are not drawn.
func (a *anneal) draw(g int32, least int, waiting bool) int32 {
	first, end := a.optionsOf(g)
	if has := a.pick[g]; has != none && !waiting {
		end = a.notBelow(first, end, int(a.score[has])+least)
	}
	if first == end {
		return none
	}
	n := int(end - first)
	return first + int32(min(a.rnd.below(n), a.rnd.below(n)))
}

// notBelow is where options with less than score begin.
func (a *anneal) notBelow(first, end int32, score int) int32 {
	for first < end {
		if mid := (first + end) / 2; int(a.score[mid]) < score {
			end = mid
		} else {
			first = mid + 1
		}
	}
	return end
}

// clear throws out whoever is in the way of o.
func (a *anneal) clear(o int32) {
	if a.apart != nil {
		for _, other := range a.apart[a.group[o]] {
			if p := a.pick[other]; p != none && a.site[p] == a.site[o] {
				a.eject(other)
			}
		}
	}
	for _, u := range a.usesOf(o) {
		for a.free[u.resource] < u.amount {
			at := a.at[u.resource]
			a.eject(at[a.rnd.below(len(at))])
		}
	}
}

// resettle finds another place for those thrown out; false when the plan is sure
// to end below floor. With groups waiting nothing is sure: they may make up for it.
func (a *anneal) resettle(floor int, waiting bool) bool {
	hope := 0
	for _, g := range a.ejected {
		hope += a.worth(a.first[g])
	}
	for _, g := range a.ejected {
		if !waiting && a.value()+hope < floor {
			return false
		}
		hope -= a.worth(a.first[g])
		need := math.MinInt
		if !waiting {
			need = floor - a.value() - hope - a.person*int(a.persons[g])
		}
		a.settle(g, need)
	}
	return true
}

// settle gives g the best option that fits and has at least score need; now and
// then it passes one over, or the search would go in circles.
func (a *anneal) settle(g int32, need int) {
	for o, end := a.optionsOf(g); o < end && int(a.score[o]) >= need; o++ {
		if a.fits(o) && a.rnd.below(passOver) != 0 {
			a.give(o)
			return
		}
	}
}

// worth is what a plan gains by option o.
func (a *anneal) worth(o int32) int { return a.person*int(a.persons[a.group[o]]) + int(a.score[o]) }

func (a *anneal) value() int { return a.person*a.placed + a.total }

func (a *anneal) eject(g int32) {
	a.ejected = append(a.ejected, g)
	a.lift(g)
}

func (a *anneal) lift(g int32) {
	a.changed = append(a.changed, change{g, a.pick[g]})
	a.take(g)
}

func (a *anneal) give(o int32) {
	a.changed = append(a.changed, change{a.group[o], none})
	a.put(o)
}

// undo goes back to before this step.
func (a *anneal) undo() {
	for i := len(a.changed) - 1; i >= 0; i-- {
		if c := a.changed[i]; c.option == none {
			a.take(c.group)
		} else {
			a.put(c.option)
		}
	}
}

func (a *anneal) keep() {
	a.best = kept{append(a.best.pick[:0], a.pick...), a.placed, a.total}
}

// back returns to the best plan seen.
func (a *anneal) back() {
	for g, o := range a.pick {
		if o != none {
			a.take(int32(g))
		}
	}
	for _, o := range a.best.pick {
		if o != none {
			a.put(o)
		}
	}
}
