package simulation

import (
	"slices"
	"time"

	"panah/internal/placement"
)

// truth is who really sleeps where, whatever has been recorded of it: facts
// reach the table late, censuses and arrivals cross each other, and in the end
// the counts must say what is true.
type truth struct {
	run   *run
	base  map[string]int // people by unit who never move
	there map[string]*guests
	order []string // placements in the order they first arrived
	found map[string]found
}

// found is whom the last census of a unit has named, as its staff know it.
type found struct {
	census uint64         // of the unit: a later one may have named others
	people map[string]int // by placement
}

// named reports whether the last census of each unit of theirs has named everybody of
// a placement who sleeps there.
func (t *truth) named(id string) bool {
	g := t.guests(id)
	for _, s := range t.run.desk {
		for _, u := range s.Units {
			name := s.ID + "/" + u.ID
			n, f := t.inside(id, s.ID, u.ID), t.found[name]
			if s.ID == g.shelter && n > 0 && (f.census != t.run.ledger.units[name].Census || f.people[id] < n) {
				return false
			}
		}
	}
	return true
}

// guests are a placement's people in one shelter.
type guests struct {
	shelter string
	unit    string // of a walk-in; otherwise the hold's parts say
	persons []int
	since   time.Time
	facts   []*request // told and not yet settled, in order: a phone sends one after the other
	frozen  bool       // a transfer is on its way: nobody of them moves otherwise
}

func newTruth(r *run) *truth {
	return &truth{run: r, base: map[string]int{}, there: map[string]*guests{}, found: map[string]found{}}
}

func (t *truth) guests(id string) *guests {
	g := t.there[id]
	if g == nil {
		g = &guests{}
		t.there[id] = g
		t.order = append(t.order, id)
	}
	return g
}

// kin are the guests that are the same people as a placement's, by transfers.
func (t *truth) kin(p placement.Placement) (out []*guests) {
	for _, id := range t.order {
		if id != p.ID && t.first(id) == t.first(p.ID) {
			out = append(out, t.there[id])
		}
	}
	return out
}

// first is the placement by which people came who have been moved since.
func (t *truth) first(id string) string {
	for of := t.run.ledger.placements[id].TransferOf; of != ""; of = t.run.ledger.placements[id].TransferOf {
		id = of
	}
	return id
}

// unsaid reports whether something of the same people is still to be told.
func (t *truth) unsaid(p placement.Placement) bool {
	return slices.ContainsFunc(t.kin(p), func(g *guests) bool { return len(g.facts) > 0 })
}

// inside is how many of a placement's people are in a unit.
func (t *truth) inside(id, shelter, unit string) int {
	g := t.there[id]
	if g == nil || g.shelter != shelter {
		return 0
	}
	p, ok := t.run.ledger.placements[id]
	if !ok { // a walk-in not recorded yet
		if g.unit == unit {
			return len(g.persons)
		}
		return 0
	}
	n, held := 0, false
	for _, h := range append([]placement.Hold{p.Hold}, p.Past...) {
		if h.Shelter != shelter {
			continue
		}
		for _, part := range h.Parts {
			for _, i := range part.Persons {
				if part.Unit == unit && slices.Contains(g.persons, i) {
					n++
				}
			}
		}
		held = true
		break
	}
	if !held && g.unit == unit { // placed apart from a party that was held there
		return len(g.persons)
	}
	return n
}

// elsewhere reports whether people of a placement are anywhere by another one.
func (t *truth) elsewhere(p placement.Placement) bool {
	return slices.ContainsFunc(t.kin(p), func(g *guests) bool { return len(g.persons) > 0 })
}

// parted moves the first of a party that sleeps in a shelter to a placement of their
// own; before is the party as it was.
func (t *truth) parted(before placement.Placement, apart string) {
	g, goes := t.guests(before.ID), t.guests(apart)
	h, _ := before.HoldAt(g.shelter)
	for _, part := range h.Parts {
		if slices.Contains(part.Persons, 0) {
			goes.unit = part.Unit
		}
	}
	if f := t.found[g.shelter+"/"+goes.unit]; f.people[before.ID] > 0 {
		f.people[before.ID], f.people[apart] = f.people[before.ID]-1, 1
	}
	goes.shelter, goes.since, goes.persons = g.shelter, g.since, []int{0}
	var stay []int
	for _, i := range g.persons {
		if i > 0 {
			stay = append(stay, i-1)
		}
	}
	g.persons = stay
}

// present is how many people are in a unit.
func (t *truth) present(shelter, unit string) int {
	n := t.base[shelter+"/"+unit]
	for _, id := range t.order {
		n += t.inside(id, shelter, unit)
	}
	return n
}

// settled takes a fact off its placement's queue.
func (t *truth) settled(q *request) {
	for _, g := range t.there {
		g.facts = slices.DeleteFunc(g.facts, func(f *request) bool { return f == q })
	}
}

// next reports whether a fact is the first its phone has to send.
func (t *truth) next(q *request) bool {
	if q.about == "" || !q.fact {
		return true
	}
	g := t.there[q.about]
	return g == nil || !slices.Contains(g.facts, q) || g.facts[0] == q
}
