package demo

import (
	"cmp"
	"math"
	"slices"
	"time"

	"panah/internal/code"
	"panah/internal/shelter"
)

// wing is one unit before it has people in it.
type wing struct {
	id   string
	pop  code.Population
	ages code.Set[code.AgeBand]
	kind code.UnitKind
	beds int
	site uint8
}

// Ages of units. Each lies within what the policy calls lawful for the types of
// shelter it is used in; a test holds them together.
var (
	adults      = code.AdultBands
	schoolAges  = code.Of(code.Age6To11, code.Age12To14, code.Age15To17)
	underTwelve = code.Of(code.Age0To5, code.Age6To11)
	infants     = code.Of(code.Age0To5)
	mothers     = adults.Union(infants)
	families    = adults.Union(underTwelve)
)

// Kinds of unit.
var (
	bed  = mustParse(code.UnitKinds, "bed")
	cot  = mustParse(code.UnitKinds, "cot")
	room = mustParse(code.UnitKinds, "room")
)

// mustParse is the number of a code this package names itself.
func mustParse[T ~uint8](list code.List[T], name string) T {
	v, ok := list.Parse(name)
	if !ok {
		panic("demo: not on the list: " + name)
	}
	return v
}

// wings are the units a shelter of this kind has.
func (d dice) wings(s site) []wing {
	switch s.kind {
	case code.ChildrensHome:
		return d.childrensHome(s.reception)
	case code.OpenShelter:
		return d.childWings(25, schoolAges, .40)
	case code.FitFacility:
		return d.childWings(d.beds(6, 60), d.homeAges().Union(infants), .40)
	case code.ObservationHome:
		return []wing{{"boys", code.Boys, code.Of(code.Age12To14, code.Age15To17), bed, 50, 0}}
	case code.AdoptionAgency:
		return []wing{{"girls", code.Girls, infants, cot, d.between(4, 6), 0}, {"boys", code.Boys, infants, cot, d.between(4, 6), 0}}
	case code.OneStopCentre:
		return d.oneStopCentre()
	case code.ShaktiSadan:
		return d.shaktiSadan()
	case code.ProtectiveHome:
		return []wing{{"women", code.Women, adults, bed, d.beds(15, 100), 0}}
	case code.CommunityBased:
		return []wing{{"rooms", code.OwnRoom, adults, room, d.between(4, 14), 0}}
	}
	return d.other()
}

// childrensHome follows the norm of 50 children, or half or twice of it. Most
// homes are for girls or for boys; one in seven has a wing for each.
func (d dice) childrensHome(reception bool) []wing {
	if reception {
		return []wing{{"girls", code.Girls, schoolAges, bed, 50, 0}, {"boys", code.Boys, schoolAges, bed, 50, 0}}
	}
	beds := [...]int{25, 50, 100}[d.pick(.32, .60, .08)]
	return d.childWings(beds, d.homeAges(), .14)
}

// homeAges are the bands a home takes: all, or the younger or the older ones.
func (d dice) homeAges() code.Set[code.AgeBand] {
	switch d.pick(.58, .18, .16, .08) {
	case 1:
		return code.Of(code.Age6To11, code.Age12To14)
	case 2:
		return code.Of(code.Age12To14, code.Age15To17)
	case 3:
		return code.Of(code.Age6To11)
	}
	return schoolAges
}

// childWings is one unit for girls or for boys or, with probability both, a
// wing for each, half of them in a second building.
func (d dice) childWings(beds int, ages code.Set[code.AgeBand], both float64) []wing {
	apart := uint8(d.IntN(2))
	switch two, girls := d.chance(both), d.chance(.53); {
	case two:
		return []wing{{"girls", code.Girls, ages, bed, (beds + 1) / 2, 0}, {"boys", code.Boys, ages, bed, beds / 2, apart}}
	case girls:
		return []wing{{"girls", code.Girls, ages, bed, beds, 0}}
	}
	return []wing{{"boys", code.Boys, ages, bed, beds, 0}}
}

// oneStopCentre has about five beds for women, mothers with young children and,
// with the child authorities, girls.
func (d dice) oneStopCentre() []wing {
	out := []wing{
		{"women", code.Women, adults, bed, d.between(2, 3), 0},
		{"mothers", code.MotherAndChild, families, bed, d.between(2, 3), 0},
	}
	if d.chance(.45) {
		out = append(out, wing{"girls", code.Girls, code.Of(code.Age12To14, code.Age15To17), bed, 1, 0})
	}
	return out
}

// shaktiSadan is for women; most have a part for mothers with young children.
func (d dice) shaktiSadan() []wing {
	beds, apart := d.beds(10, 120), uint8(d.pick(.8, .2))
	out := []wing{{"women", code.Women, adults, bed, beds, 0}}
	if d.chance(.75) {
		out[0].beds = beds - beds/3
		ages := families
		if d.chance(.5) {
			ages = mothers
		}
		out = append(out, wing{"mothers", code.MotherAndChild, ages, bed, beds / 3, apart})
	}
	if d.chance(.05) {
		out = append(out, wing{"rooms", code.OwnRoom, adults, room, d.between(1, 4), 0})
	}
	return out
}

// other are places outside the schemes: for men, families, transgender persons,
// or with a room for each.
func (d dice) other() []wing {
	switch d.pick(.30, .33, .23, .14) {
	case 0:
		return []wing{{"men", code.Men, adults, bed, d.beds(8, 120), 0}}
	case 1:
		return []wing{{"families", code.Family, families, bed, d.beds(8, 60), 0}}
	case 2:
		return []wing{{"rooms", code.OwnRoom, adults, room, d.between(1, 4), 0}, {"transgender", code.TransgenderUnit, adults, bed, 25, 0}}
	}
	return []wing{{"rooms", code.OwnRoom, adults, room, d.between(4, 12), 0}}
}

// units puts people into the wings of a shelter.
func (w *world) units(id string, s site) []shelter.Unit {
	confirmed := w.confirmed(s.reception)
	out := []shelter.Unit{}
	for _, g := range w.dice.wings(s) {
		u := shelter.Unit{
			Shelter: id, ID: g.id, Population: g.pop, Ages: g.ages, Kind: g.kind, Site: g.site,
			SeparateSleeping: w.dice.chance(.30) || g.kind == room || g.pop == code.Family,
			Rev:              1, Census: 1, Sanctioned: g.beds,
			CountedAt: confirmed, ConfirmedAt: confirmed,
		}
		out = append(out, shelter.Restore(u, w.counts(g.beds, s.reception), nil))
	}
	slices.SortFunc(out, func(a, b shelter.Unit) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// counts are the people in a unit with so many sanctioned beds. A tenth of the
// units are short of staff, a few have beds that cannot be used.
func (w *world) counts(sanctioned int, reception bool) shelter.Counts {
	staffed, out, rate := sanctioned, 0, w.dice.occupancy()
	if w.dice.chance(.10) && sanctioned >= 10 {
		staffed -= sanctioned / w.dice.between(5, 10)
	}
	if w.dice.chance(.07) && sanctioned >= 5 {
		out = w.dice.between(1, max(1, staffed/12))
	}
	usable := staffed - out
	present := int(math.Round(rate * float64(usable)))
	if rate > 1 {
		present = int(math.Ceil(rate * float64(usable)))
	}
	if reception {
		present = min(present, usable-w.dice.between(3, 8))
	}
	c, err := shelter.NewCounts(staffed, out, present, 0)
	if err != nil {
		panic("demo: " + err.Error())
	}
	return c
}

// confirmed is when a shelter last vouched for its counts: four in five within
// a day, one in twenty longer ago than anyone may rely on.
func (w *world) confirmed(reception bool) time.Time {
	minutes := 0
	switch w.dice.pick(.80, .15, .05) {
	case 0:
		minutes = w.dice.between(5, 23*60)
	case 1:
		minutes = w.dice.between(24*60, 71*60)
	case 2:
		minutes = w.dice.between(73*60, 240*60)
	}
	if reception {
		minutes %= 12 * 60
	}
	return w.now.Add(-time.Duration(minutes) * time.Minute)
}
