package matching_test

import (
	"fmt"
	"slices"
	"testing"

	"panah/internal/code"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

// Shelters of few and of many units stand in one cell; when one changes, each of
// the others keeps its own units.
func TestSheltersOfEverySizeKeepTheirOwnUnits(t *testing.T) {
	const n = 9
	p, book := rules(t), matching.NewBook()
	all := make([]matching.Candidate, n)
	sketches := make([]matching.Sketch, n)
	for i := range all {
		id := fmt.Sprintf("S%02d", i)
		var units []shelter.Unit
		for j := range 1 + 2*(i%5) {
			units = append(units, testworld.Unit(id, fmt.Sprint("g", j), code.Girls, testworld.SchoolAge, 5, 5-i%3))
		}
		units = append(units, testworld.Unit(id, "z", code.Boys, testworld.SchoolAge, 5, i%6))
		h := testworld.Home(id, testworld.District, code.ChildrensHome, units...)
		all[i] = matching.Candidate{Shelter: h.Shelter, Units: h.Units}
		sketches[i] = book.Sketch(uint32(i), &all[i])
	}
	zones := matching.NewZoning(map[place.Code]int{testworld.District: n}, 3)
	index := matching.NewIndex(zones, book, sketches)
	boys := slices.Repeat([]placement.Person{{Age: code.Age6To11, PlaceWith: code.Boys}}, 3)
	for i := range all {
		c := &all[i]
		c.Units = slices.Clone(c.Units)
		c.Units[len(c.Units)-1] = testworld.Unit(c.ID, "z", code.Boys, testworld.SchoolAge, 5, (i+1)%6)
		index = index.With(zones, book, []matching.Sketch{book.Sketch(uint32(i), c)})
		for _, a := range []matching.Ask{ask(girl()), ask(boys...), ask(append(slices.Clone(boys), girl(), girl(), girl())...)} {
			got, want := matching.Rank(matching.NewWorld(index, shelves(all)), a, p, n), matching.Rank(matching.WorldOf(slices.Clone(all), 3), a, p, n)
			if !slices.Equal(ids(got.Options), ids(want.Options)) || fmt.Sprint(got.FirstRule) != fmt.Sprint(want.FirstRule) {
				t.Errorf("with %s changed, for %d: %v %v, want %v %v", c.ID, len(a.Persons), ids(got.Options), got.FirstRule, ids(want.Options), want.FirstRule)
			}
		}
	}
}

// A zone lies amid its districts, east and west too.
func TestAZoneLiesAmidItsDistricts(t *testing.T) {
	for _, z := range matching.NewZoning(map[place.Code]int{"IN-LGD-315": 1, "IN-LGD-316": 1, "IN-LGD-320": 1}, 3).Zones {
		lon := 0.0
		for _, d := range z.Districts {
			p, _ := place.Lookup(d)
			lon += p.Lon / float64(len(z.Districts))
		}
		if diff := z.Center.Lon - lon; len(z.Districts) != 3 || diff > 1e-9 || diff < -1e-9 {
			t.Errorf("the center of %v is at %f, want %f", z.Districts, z.Center.Lon, lon)
		}
	}
}
