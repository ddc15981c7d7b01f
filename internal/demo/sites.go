package demo

import (
	"sort"

	"panah/internal/code"
	"panah/internal/place"
)

// site is where one shelter of a type is to be.
type site struct {
	district place.Place
	kind     code.Institution
	// reception marks the large children's homes of the biggest cities: both
	// wings in one building, at any hour, with a doctor and a few beds kept free.
	reception bool
}

// receptions is how many reception homes a large city has. Two, so that a
// brother and a sister have a choice there.
const receptions = 2

// numbers of shelters beyond the One Stop Centre of every district and the
// second one in large cities. The child care institutions are 3 010 together.
var numbers = []struct {
	kind code.Institution
	n    int
}{
	{code.ChildrensHome, 2240},
	{code.OpenShelter, 270},
	{code.AdoptionAgency, 400},
	{code.FitFacility, 100},
	{code.ShaktiSadan, 404},
	{code.Other, 60},
	{code.ProtectiveHome, 25},
	{code.CommunityBased, 15},
	{code.ObservationHome, 5}, // never lawful for someone rescued: there to be refused
}

// sites spreads the shelters over the country: one children's home in every
// district, the rest as people live.
func (w *world) sites(c country) []site {
	out := make([]site, 0, 4500)
	for _, d := range c.districts {
		out = append(out, site{district: d, kind: code.OneStopCentre})
		if c.city[d.Code] {
			out = append(out, site{district: d, kind: code.OneStopCentre})
		}
	}
	spread := newSpread(c.weight)
	for _, x := range numbers {
		left := x.n
		if x.kind == code.ChildrensHome {
			homes := c.homes()
			out, left = append(out, homes...), left-len(homes)
		}
		for range left {
			out = append(out, site{district: c.districts[spread.draw(w.dice)], kind: x.kind})
		}
	}
	return out
}

// homes are the children's homes that are always there: one a district, in
// large cities the reception homes.
func (c country) homes() (out []site) {
	for _, d := range c.districts {
		n := 1
		if c.city[d.Code] {
			n = receptions
		}
		for range n {
			out = append(out, site{district: d, kind: code.ChildrensHome, reception: c.city[d.Code]})
		}
	}
	return out
}

// spread draws an index by weight, many times.
type spread []float64

func newSpread(weights []float64) spread {
	s := make(spread, len(weights))
	sum := 0.0
	for i, w := range weights {
		sum += w
		s[i] = sum
	}
	return s
}

func (s spread) draw(d dice) int {
	i := sort.SearchFloat64s(s, d.Float64()*s[len(s)-1])
	return min(i, len(s)-1)
}
