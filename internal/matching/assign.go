package matching

import (
	"panah/internal/placement"
	"panah/internal/shelter"
)

// assign puts every person into a unit of the shelter that suits them and has a
// bed free: all in one unit if one can take them, else in one building, else
// anywhere in the shelter. It leaves t.parts nil when somebody finds no bed.
func (t *trial) assign() {
	usable := make([]shelter.Unit, 0, len(t.c.Units))
	for _, u := range t.c.Units {
		if u.FreeAt(t.At) > 0 && t.fresh(u) {
			usable = append(usable, u)
		}
	}
	for i := range usable {
		if t.parts = t.matchPersons(usable[i : i+1]); t.parts != nil {
			t.site = true
			return
		}
	}
	for _, site := range sites(usable) {
		if t.parts = t.matchPersons(site); t.parts != nil {
			t.site = true
			return
		}
	}
	t.parts = t.matchPersons(usable)
}

// sites groups units by building, in order of first appearance.
func sites(units []shelter.Unit) [][]shelter.Unit {
	var out [][]shelter.Unit
	at := map[uint8]int{}
	for _, u := range units {
		i, ok := at[u.Site]
		if !ok {
			i = len(out)
			at[u.Site] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], u)
	}
	return out
}

// matchPersons finds a unit for each person by augmenting paths, so that it
// finds an assignment whenever there is one. Units come back in their order.
func (t *trial) matchPersons(units []shelter.Unit) []placement.Part {
	persons := t.Persons
	in := make([][]int, len(units)) // who sleeps in each unit
	free := make([]int, len(units))
	for i, u := range units {
		free[i] = u.FreeAt(t.At)
	}
	var place func(p int, seen []bool) bool
	place = func(p int, seen []bool) bool {
		for i, u := range units {
			if seen[i] || !suits(persons[p], u) {
				continue
			}
			seen[i] = true
			if len(in[i]) < free[i] {
				in[i] = append(in[i], p)
				return true
			}
			for j, other := range in[i] {
				if place(other, seen) {
					in[i][j] = p
					return true
				}
			}
		}
		return false
	}
	for p := range persons {
		if !place(p, make([]bool, len(units))) {
			return nil
		}
	}
	parts := []placement.Part{}
	for i, who := range in {
		if len(who) > 0 {
			parts = append(parts, placement.Part{Unit: units[i].ID, Persons: sorted(who)})
		}
	}
	return parts
}
