package batch

import "math"

// wholePerson is what a person placed is worth to the search, in score: more than
// any option is likely to bring, little enough that a person can be given up for
// a while to get out of a dead end.
const wholePerson = 2500

type anneal struct {
	*state
	rnd                    random
	changed                []change // in the order they were made, to go back
	ejected                []int32
	best                   []int32
	bestPersons, bestTotal int
}

// change is what a group had before.
type change struct{ group, option int32 }

func newAnneal(s *state, seed uint64) *anneal {
	a := &anneal{state: s, rnd: random(seed)}
	a.keep()
	return a
}

func (a *anneal) keep() {
	a.best = append(a.best[:0], a.pick...)
	a.bestPersons, a.bestTotal = a.placed, a.total
}

func (a *anneal) better() bool {
	return a.placed > a.bestPersons || (a.placed == a.bestPersons && a.total > a.bestTotal)
}

// run searches until the work done reaches budget.
func (a *anneal) run(budget int, hot, cold float64) {
	start := a.work
	for a.work < budget {
		part := float64(a.work-start) / float64(budget-start)
		t := hot * math.Pow(cold/hot, part)
		for range 64 {
			a.step(t)
		}
	}
}

func (a *anneal) value() int { return a.placed*wholePerson + a.total }

func (a *anneal) step(t float64) {
	var g int32
	if n := len(a.out); n > 0 && a.rnd.below(100) < outShare {
		g = a.out[a.rnd.below(n)]
	} else {
		g = int32(a.rnd.below(len(a.name)))
	}
	first, end := a.optionsOf(g)
	if end-first < 1 {
		return
	}
	n := int(end - first)
	o := first + int32(min(a.rnd.below(n), a.rnd.below(n)))
	if a.pick[g] == o {
		return
	}
	before := a.value()
	a.changed = a.changed[:0]
	a.ejected = a.ejected[:0]
	if a.pick[g] != none {
		a.lift(g)
	}
	a.clear(o)
	a.give(o)
	for _, v := range a.ejected {
		if o := a.option(v); o != none {
			a.give(o)
		}
	}
	for i := 0; i < outTries && len(a.out) > 0; i++ {
		v := a.out[a.rnd.below(len(a.out))]
		if o := a.option(v); o != none {
			a.give(o)
		}
	}
	d := float64(a.value() - before)
	if d < 0 && d < t*math.Log(a.rnd.unit()) {
		a.undo()
		return
	}
	if a.better() {
		a.keep()
	}
}

var outShare, outTries = 20, 1

func (a *anneal) option(g int32) int32 {
	for o, end := a.optionsOf(g); o < end; o++ {
		if a.fits(o) && a.rnd.next()&31 != 0 {
			return o
		}
	}
	return none
}

func (a *anneal) lift(g int32) {
	a.changed = append(a.changed, change{g, a.pick[g]})
	a.take(g)
}

func (a *anneal) give(o int32) {
	a.changed = append(a.changed, change{a.group[o], none})
	a.put(o)
}

// clear makes room for o.
func (a *anneal) clear(o int32) {
	if a.apart != nil {
		for _, other := range a.apart[a.group[o]] {
			if p := a.pick[other]; p != none && a.site[p] == a.site[o] {
				a.ejected = append(a.ejected, other)
				a.lift(other)
			}
		}
	}
	for _, u := range a.usesOf(o) {
		for a.free[u.resource] < u.amount {
			at := a.at[u.resource]
			v := at[a.rnd.below(len(at))]
			a.ejected = append(a.ejected, v)
			a.lift(v)
		}
	}
}

func (a *anneal) undo() {
	for i := len(a.changed) - 1; i >= 0; i-- {
		c := a.changed[i]
		if c.option == none {
			a.take(c.group)
		} else {
			a.put(c.option)
		}
	}
}
