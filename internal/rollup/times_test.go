package rollup

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestQuantilesAreThoseOfTheSortedTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.IntRange(0, 50), 1, 80).Draw(t, "minutes")
		var counted times
		for _, m := range all {
			counted.add(m)
		}
		slices.Sort(all)
		for _, percent := range []int{1, 50, 90, 100} {
			if got, want := counted.quantile(percent), all[(len(all)*percent+99)/100-1]; got != want {
				t.Fatalf("p%d is %d, not %d of %v", percent, got, want, all)
			}
		}
	})
}
