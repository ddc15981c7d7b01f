package demo

import (
	"math"
	"math/rand/v2"
)

// dice are the only source of chance.
type dice struct{ *rand.Rand }

// chance is true with probability p. It always rolls, so that what is drawn
// later does not depend on p.
func (d dice) chance(p float64) bool { return d.Float64() < p }

// between is a whole number from lo to hi, both included.
func (d dice) between(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

// pick is an index, each as likely as its weight.
func (d dice) pick(weights ...float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	x := d.Float64() * sum
	for i, w := range weights {
		if x < w {
			return i
		}
		x -= w
	}
	return len(weights) - 1
}

// beds is a number of beds as shelters that publish theirs have them:
// lognormal, cut off where a place would no longer be one.
func (d dice) beds(least, most int) int {
	n := math.Exp(3.34 + 1.08*d.NormFloat64())
	return min(max(int(math.Round(n)), least), most)
}

// occupancy is a share of the usable beds, drawn from measured quantiles: half
// of all units are over four fifths full, one in five exactly full, one in
// twenty over capacity.
func (d dice) occupancy() float64 {
	u := d.Float64()
	for i := 1; i < len(quantiles); i++ {
		if a, b := quantiles[i-1], quantiles[i]; u <= b.share {
			return a.rate + (b.rate-a.rate)*(u-a.share)/(b.share-a.share)
		}
	}
	return 1
}

var quantiles = []struct{ share, rate float64 }{
	{0, 0}, {.05, .09}, {.25, .53}, {.50, .81}, {.75, 1}, {.945, 1}, {.95, 1.02}, {1, 1.15},
}

// idLetters are those that nobody mistakes for another when read out or
// written down; without vowels, no id is a word.
const idLetters = "23456789BCDFGHJKLMNPQRSTVWXYZ"

// ids are n different shelter ids.
func (d dice) ids(n int) []string {
	seen := make(map[string]bool, n)
	out := make([]string, 0, n)
	for len(out) < n {
		var id [4]byte
		for i := range id {
			id[i] = idLetters[d.IntN(len(idLetters))]
		}
		if s := string(id[:]); !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
