// Package synthetic makes mass rescues for measuring: 500 persons in groups (single
// people, children on their own, mothers with babies, families) and 200 shelters
// with ten resources each, with as much room as 0.85, 1, 1.15 or 2 times the
// demand, by the seed. Nothing in it is a real person or place. A seed gives the
// same instance as the public description of the format's generator in Python.
package synthetic

import (
	"math"

	"panah/internal/matching/batch"
)

const (
	persons   = 500
	shelters  = 200
	zones     = 20
	languages = 12
)

// The resources of a shelter.
const (
	licence = iota // persons in all
	men
	women
	minors
	babies // rooms for a mother and her baby
	small  // family rooms, up to three
	large  // family rooms, up to six
	stepFree
	medical
	intake // of one day
	perShelter
)

var tightness = [4]float64{0.85, 1, 1.15, 2}

var spoken = [languages]float64{30, 18, 12, 9, 8, 6, 5, 4, 3, 2, 2, 1}

// Tightness is how much room there is for the persons of a seed.
func Tightness(seed uint32) float64 { return tightness[seed%4] }

// Rescue is the instance of a seed.
func Rescue(seed uint32) batch.Problem {
	r := newRandom(seed)
	parties := drawParties(r)
	houses := drawHouses(r)
	p := batch.Problem{Cap: capacities(r, houses, demand(parties), Tightness(seed))}
	for i := range parties {
		p.Groups = append(p.Groups, batch.Group{Persons: parties[i].n, Options: parties[i].options(houses, p.Cap)})
	}
	return p
}

// options are the ways a party can be put up, shelter by shelter.
func (g *party) options(houses []house, capacity []int) (out []batch.Option) {
	for i := range houses {
		h, room := &houses[i], capacity[i*perShelter:(i+1)*perShelter]
		if h.zone == g.excluded || (g.mandate && !h.mandate) || !g.enters(room) {
			continue
		}
		for _, way := range g.ways() {
			if !way.fits(room) {
				continue
			}
			o := batch.Option{Score: g.score(h, way.penalty), Site: i}
			for _, u := range append(way.uses, g.always()...) {
				o.Uses = append(o.Uses, batch.Use{Resource: i*perShelter + u.Resource, Amount: u.Amount})
			}
			out = append(out, o)
		}
	}
	return out
}

// enters reports whether a shelter is large enough for the party at all.
func (g *party) enters(room []int) bool {
	return room[licence] >= g.n && room[intake] >= g.n && room[stepFree] >= g.stepFree && room[medical] >= g.medical
}

// way is a kind of room for a party, liked less by its penalty.
type way struct {
	uses    []batch.Use
	penalty float64
}

func (w way) fits(room []int) bool {
	for _, u := range w.uses {
		if room[u.Resource] < u.Amount {
			return false
		}
	}
	return true
}

func one(resource, amount int, penalty float64) way {
	return way{[]batch.Use{{Resource: resource, Amount: amount}}, penalty}
}

func (g *party) ways() []way {
	switch {
	case g.kind == single && g.man:
		return []way{one(men, g.n, 0)}
	case g.kind == single:
		return []way{one(women, g.n, 0)}
	case g.kind == alone:
		return []way{one(minors, g.n, 0)}
	case g.kind == mother && g.n <= 3:
		return []way{one(babies, 1, 0), one(small, 1, -60)}
	case g.kind == mother:
		return []way{one(babies, 1, 0), one(large, 1, -60)}
	case g.n <= 3:
		return []way{one(small, 1, 0), one(large, 1, -40)}
	case g.n <= 6:
		return []way{one(large, 1, 0), one(small, 2, -30)}
	}
	return []way{one(large, 2, 0), {[]batch.Use{{Resource: small, Amount: 1}, {Resource: large, Amount: 1}}, -10}}
}

// always is what the party uses whatever room it gets.
func (g *party) always() []batch.Use {
	uses := []batch.Use{{Resource: licence, Amount: g.n}, {Resource: intake, Amount: g.n}}
	if g.stepFree > 0 {
		uses = append(uses, batch.Use{Resource: stepFree, Amount: g.stepFree})
	}
	if g.medical > 0 {
		uses = append(uses, batch.Use{Resource: medical, Amount: g.medical})
	}
	return uses
}

// score of the whole party: near, its language, quality, not crowded, wished for.
func (g *party) score(h *house, penalty float64) int {
	s := float64(300 * math.Exp(-h.distance/60))
	switch {
	case h.speaks[g.language]:
		s += 250
	case h.interprets[g.language]:
		s += 120
	}
	s = s + float64(180*h.quality) + float64(120*(1-h.load))
	if h.zone == g.preferred {
		s += 100
	}
	return int(max(0, min(1000, s+50+penalty))) * g.n
}
