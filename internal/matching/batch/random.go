package batch

import "math/bits"

// random is a small generator of our own (SplitMix64, public domain algorithm by
// S. Vigna), so that a seed means the same plan for as long as this code lives.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below is a number from 0 to n-1; n must be positive.
func (r *random) below(n int) int {
	hi, _ := bits.Mul64(r.next(), uint64(n))
	return int(hi)
}

// unit is a number in (0, 1].
func (r *random) unit() float64 { return float64(r.next()>>11+1) * (1.0 / (1 << 53)) }
