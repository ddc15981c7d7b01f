package synthetic

import (
	"math"
	"math/big"
	"math/bits"
)

// random draws the numbers that CPython's random module draws from the same seed
// (Mersenne Twister MT19937, Matsumoto and Nishimura 1998), so that an instance
// here is the instance the reference optimum was proven for.
type random struct {
	state [624]uint32
	at    int
	gauss *float64 // the second of the last pair
}

func newRandom(seed uint32) *random {
	r := &random{at: 624}
	r.state[0] = 19650218
	for i := uint32(1); i < 624; i++ {
		r.state[i] = 1812433253*(r.state[i-1]^r.state[i-1]>>30) + i
	}
	i := 1
	next := func() {
		if i++; i == 624 {
			r.state[0], i = r.state[623], 1
		}
	}
	for range 624 {
		r.state[i] = r.state[i] ^ (r.state[i-1]^r.state[i-1]>>30)*1664525 + seed
		next()
	}
	for range 623 {
		r.state[i] = r.state[i] ^ (r.state[i-1]^r.state[i-1]>>30)*1566083941 - uint32(i)
		next()
	}
	r.state[0] = 1 << 31
	return r
}

func (r *random) word() uint32 {
	if r.at == 624 {
		r.twist()
	}
	y := r.state[r.at]
	r.at++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

func (r *random) twist() {
	for i := range r.state {
		y := r.state[i]&(1<<31) | r.state[(i+1)%624]&(1<<31-1)
		r.state[i] = r.state[(i+397)%624] ^ y>>1 ^ (y&1)*0x9908b0df
	}
	r.at = 0
}

// unit is in [0, 1).
func (r *random) unit() float64 {
	a, b := r.word()>>5, r.word()>>6
	return (float64(a)*(1<<26) + float64(b)) / (1 << 53)
}

// below is from 0 to n-1.
func (r *random) below(n int) int {
	for {
		if w := int(r.word() >> (32 - bits.Len(uint(n)))); w < n {
			return w
		}
	}
}

func (r *random) chance(p float64) bool { return r.unit() < p }

func (r *random) between(low, high float64) float64 { return low + float64((high-low)*r.unit()) }

// weighted is an index, as likely as its weight.
func (r *random) weighted(weights ...float64) int {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	x, sum := r.unit()*total, 0.0
	for i, w := range weights[:len(weights)-1] {
		if sum += w; x < sum {
			return i
		}
	}
	return len(weights) - 1
}

// normal is drawn in pairs, by Box and Muller.
func (r *random) normal(sigma float64) float64 {
	if z := r.gauss; z != nil {
		r.gauss = nil
		return *z * sigma
	}
	angle := r.unit() * 2 * math.Pi
	radius := math.Sqrt(-2 * math.Log(1-r.unit()))
	second := math.Sin(angle) * radius
	r.gauss = &second
	return math.Cos(angle) * radius * sigma
}

// logNormal is drawn by Kinderman and Monahan's ratio of uniforms.
func (r *random) logNormal(sigma float64) float64 {
	magic := 4 * math.Exp(-0.5) / math.Sqrt2
	for {
		u, v := r.unit(), 1-r.unit()
		if z := magic * (u - 0.5) / v; z*z/4 <= -math.Log(v) {
			return exp(z * sigma)
		}
	}
}

// exp is rounded correctly: the room in a shelter is cut off at whole numbers that
// sums of sizes just reach, where the last bit decides.
func exp(x float64) float64 {
	const precision, halvings = 160, 10
	small := new(big.Float).SetPrec(precision).SetMantExp(big.NewFloat(x), -halvings)
	sum, term := big.NewFloat(1).SetPrec(precision), big.NewFloat(1).SetPrec(precision)
	for n := 1; n < 40; n++ {
		term.Mul(term, small).Quo(term, big.NewFloat(float64(n)))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	out, _ := sum.Float64()
	return out
}
