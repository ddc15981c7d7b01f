//go:build bench

package bench

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"panah/internal/demo"
	"panah/internal/matching"
	"panah/internal/place"
)

// sizes of the directory that ranking is measured at: the design goal and what
// leads up to it.
var sizes = []int{1_000, 10_000, 100_000}

// rankGoal is the median at the largest size.
const rankGoal = 100 * time.Microsecond

// BenchmarkRank ranks for three parties in every district, in the demo directory
// and in larger and smaller ones drawn in the same way.
func BenchmarkRank(b *testing.B) {
	now, p := time.Now(), rules(b)
	title("matching.Rank, k=3: a girl, a woman, and a girl with her brother, each in every district")
	for _, n := range append([]int{0}, sizes...) {
		d := demo.Build(seed, now)
		if n > 0 {
			d = demo.BuildOf(seed, now, n)
		}
		w := worldOf(d, p.Zone)
		runtime.GC()
		var took []float64
		considered := 0
		for _, party := range [][]person{{girl}, {woman}, {girl, boy}} {
			for _, at := range place.Districts(demo.India) {
				a := matching.Ask{Request: ask{at.Code, party}.request(), At: now, Seed: string(at.Code)}
				matching.Rank(w, a, p, 3) // the way from here to every zone is worked out once
				begin := time.Now()
				r := matching.Rank(w, a, p, 3)
				took = append(took, float64(time.Since(begin).Nanoseconds()))
				considered += r.Considered
			}
		}
		s, v := spreadOf(took), slices.Sorted(slices.Values(took))
		goal := ""
		if n == sizes[len(sizes)-1] {
			goal = fmt.Sprintf("   goal: p50 <= %v, %s", rankGoal, met(s.median <= float64(rankGoal)))
		}
		line(fmt.Sprintf("%d shelters", len(d.Shelters)), "p50 %.1f µs  p95 %.1f µs  max %.1f µs  %d considered on average%s",
			s.median/1e3, v[len(v)*95/100]/1e3, s.high/1e3, considered/len(took), goal)
		b.ReportMetric(s.median, fmt.Sprintf("ns/op-%d", len(d.Shelters)))
	}
}
