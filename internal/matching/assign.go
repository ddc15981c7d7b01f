package matching

import (
	"slices"

	"panah/internal/placement"
	"panah/internal/shelter"
)

// assign puts every person into a unit of the shelter that suits them and has a
// bed free: all in one unit if one can take them, else in one building, else
// anywhere in the shelter. It leaves t.parts nil when somebody finds no bed.
func (t *trial) assign() {
	t.parts, t.site = nil, false
	usable := t.usable[:0]
	for i := range t.c.Units {
		u := &t.c.Units[i]
		free := t.c.freeAt(i, t.At)
		if free < 1 || !t.fresh(u) || !t.wanted(u) {
			continue
		}
		if free >= len(t.Persons) && t.takesAll(u) {
			t.parts, t.site = []placement.Part{{Unit: u.ID, Persons: t.everybody}}, true
			return
		}
		usable = append(usable, u)
	}
	t.usable = usable
	if len(usable) == 0 || len(t.Persons) == 1 {
		return
	}
	for _, site := range sites(usable) {
		if t.parts = t.share(site); t.parts != nil {
			t.site = true
			return
		}
	}
	t.parts = t.share(usable)
}

// takesAll reports whether a unit suits the whole party.
func (t *trial) takesAll(u *shelter.Unit) bool {
	for i := range t.Persons {
		if !suits(&t.Persons[i], u) {
			return false
		}
	}
	return true
}

// wanted reports whether a unit suits anyone of the party.
func (t *trial) wanted(u *shelter.Unit) bool {
	for i := range t.Persons {
		if suits(&t.Persons[i], u) {
			return true
		}
	}
	return false
}

// sites groups units by building, in order of first appearance.
func sites(units []*shelter.Unit) [][]*shelter.Unit {
	var out [][]*shelter.Unit
	for _, u := range units {
		i := slices.IndexFunc(out, func(site []*shelter.Unit) bool { return site[0].Site == u.Site })
		if i < 0 {
			i = len(out)
			out = append(out, nil)
		}
		out[i] = append(out[i], u)
	}
	return out
}

// share finds a unit for each person by augmenting paths, so that it finds an
// assignment whenever there is one. Units come back in their order.
func (t *trial) share(units []*shelter.Unit) []placement.Part {
	s := sharing{persons: t.Persons, units: units, in: make([][]int, len(units)), free: make([]int, len(units))}
	total := 0
	for i, u := range units {
		s.free[i] = u.FreeAt(t.At)
		total += s.free[i]
	}
	if total < len(t.Persons) {
		return nil
	}
	for p := range t.Persons {
		if !s.place(p, make([]bool, len(units))) {
			return nil
		}
	}
	parts := make([]placement.Part, 0, len(units))
	for i, who := range s.in {
		if len(who) > 0 {
			slices.Sort(who)
			parts = append(parts, placement.Part{Unit: units[i].ID, Persons: who})
		}
	}
	return parts
}

// sharing is who sleeps where so far.
type sharing struct {
	persons []placement.Person
	units   []*shelter.Unit
	in      [][]int // by unit
	free    []int   // beds, by unit
}

// place finds person p a bed, moving others on where that makes room.
func (s *sharing) place(p int, seen []bool) bool {
	for i, u := range s.units {
		if seen[i] || !suits(&s.persons[p], u) {
			continue
		}
		seen[i] = true
		if len(s.in[i]) < s.free[i] {
			s.in[i] = append(s.in[i], p)
			return true
		}
		for j, other := range s.in[i] {
			if s.place(other, seen) {
				s.in[i][j] = p
				return true
			}
		}
	}
	return false
}
