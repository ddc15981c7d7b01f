//go:build bench

package bench

import (
	"testing"
	"time"

	"panah/internal/demo"
	"panah/internal/matching"
	"panah/internal/place"
)

// BenchmarkRank ranks the demo directory once for a girl in every district.
func BenchmarkRank(b *testing.B) {
	now, p := time.Now(), rules(b)
	d := demo.Build(seed, now)
	w, districts := worldOf(d, p.Zone), place.Districts(demo.India)
	var considered int
	for b.Loop() {
		for _, at := range districts {
			r := matching.Rank(w, matching.Ask{Request: ask{at.Code, []person{girl}}.request(), At: now}, p, 3)
			considered = max(considered, r.Considered)
		}
	}
	each := float64(b.Elapsed().Nanoseconds()) / float64(b.N*len(districts))
	b.ReportMetric(each, "ns/op")
	title("matching.Rank over the demo directory (%d shelters), one op for one ask", len(d.Shelters))
	line("ns/op", "%.0f", each)
}
