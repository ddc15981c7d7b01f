package synthetic

// kind of a party.
type kind int

const (
	single kind = iota
	alone       // children without a grown-up, siblings together
	mother
	family
)

type party struct {
	kind                kind
	n                   int
	man                 bool
	language            int
	stepFree, medical   int // persons in need of it
	mandate             bool
	excluded, preferred int // zones; excluded may be -1
}

func drawParties(r *random) (out []party) {
	for total := 0; total < persons; {
		g := party{excluded: -1}
		g.kind, g.n = drawKind(r)
		if g.n = min(g.n, persons-total); g.n == 1 && (g.kind == mother || g.kind == family) {
			g.kind = single
		}
		g.man = r.weighted(62, 38) == 0
		g.language = r.weighted(spoken[:]...)
		g.stepFree, g.medical = drawMany(r, g.n, .05), drawMany(r, g.n, .07)
		g.mandate = r.chance(.25)
		if r.chance(.2) {
			g.excluded = r.below(zones)
		}
		g.preferred = r.below(zones)
		out, total = append(out, g), total+g.n
	}
	return out
}

func drawKind(r *random) (kind, int) {
	switch u := r.unit(); {
	case u < 0.42:
		return single, 1
	case u < 0.50:
		if r.chance(.7) {
			return alone, 1
		}
		return alone, 2 + r.below(2)
	case u < 0.58:
		return mother, []int{2, 2, 3}[r.below(3)]
	}
	return family, 2 + r.weighted(18, 24, 24, 16, 10, 5, 3)
}

// drawMany is how many of n something is true of.
func drawMany(r *random, n int, chance float64) (many int) {
	for range n {
		if r.chance(chance) {
			many++
		}
	}
	return many
}

// demand is what the parties need of each resource.
func demand(parties []party) (need [perShelter]int) {
	for _, g := range parties {
		need[licence] += g.n
		switch {
		case g.kind == single && g.man:
			need[men] += g.n
		case g.kind == single:
			need[women] += g.n
		case g.kind == alone:
			need[minors] += g.n
		case g.kind == mother:
			need[babies]++
		case g.n <= 3:
			need[small]++
		case g.n <= 6:
			need[large]++
		default:
			need[large] += 2
		}
		need[stepFree] += g.stepFree
		need[medical] += g.medical
	}
	return need
}
