package synthetic

import "math"

type houseKind int

const (
	forMen houseKind = iota
	forWomen
	mixed
	forFamilies
	forMinors
	forMothers
)

type house struct {
	kind               houseKind
	zone               int
	distance           float64 // km
	size               float64
	speaks, interprets [languages]bool
	mandate            bool
	quality, load      float64
	stepFree, medical  bool
}

func drawHouses(r *random) []house {
	out := make([]house, shelters)
	for i := range out {
		h := &out[i]
		h.zone, h.distance = r.below(zones), math.Abs(r.normal(90))
		r.unit() // a direction, not used
		h.kind = houseKind(r.weighted(16, 14, 26, 28, 8, 8))
		h.size = max(1, r.logNormal(0.8))
		for l := range languages {
			h.speaks[l] = r.unit() < .06+spoken[l]/120
		}
		for l := range languages {
			h.interprets[l] = r.chance(.45)
		}
		h.mandate, h.quality, h.load = r.chance(.7), r.unit(), r.unit()
		h.stepFree, h.medical = r.chance(.45), r.chance(.35)
	}
	return out
}

// supply is how a house's rooms are shared among kinds, as weights.
func (h *house) supply() (v [perShelter]float64) {
	z := h.size
	if h.kind == forMen || h.kind == mixed {
		v[men] = z
	}
	if h.kind == forWomen || h.kind == mixed {
		v[women] = z
	}
	switch h.kind {
	case forMinors:
		v[minors] = z
	case forMothers:
		v[babies] = z
	case forWomen:
		v[babies] = float64(z * .3)
	case forFamilies:
		v[small], v[large] = z, z
	case mixed:
		v[small], v[large] = z, float64(z*.4)
	}
	if h.stepFree {
		v[stepFree] = z
	}
	if h.medical {
		v[medical] = z
	}
	return v
}

// capacities spreads what is needed, times tightness, over the houses. Rounding
// errors are carried on to the next house, so that totals stay exact.
func capacities(r *random, houses []house, need [perShelter]int, tight float64) []int {
	out := make([]int, len(houses)*perShelter)
	for k := men; k <= medical; k++ {
		total := 0.0
		for i := range houses {
			total += houses[i].supply()[k]
		}
		if total == 0 {
			total = 1
		}
		target := float64(need[k]) * tight
		if k >= stepFree {
			target *= 1.25
		}
		carried := 0.0
		for i := range houses {
			carried += float64(houses[i].supply()[k] / total * target)
			out[i*perShelter+k] = int(carried)
			carried -= float64(int(carried))
		}
	}
	for i := range houses {
		c := out[i*perShelter : (i+1)*perShelter]
		beds := c[men] + c[women] + c[minors] + 3*c[babies] + 3*c[small] + 6*c[large]
		c[licence] = int(math.Ceil(float64(beds) * r.between(.75, 1)))
		c[intake] = []int{4, 6, 8, 12, 20}[r.below(5)]
	}
	return out
}
