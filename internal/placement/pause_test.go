package placement

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// A pause lasts exactly as long as an alert is open, however many there are, and its
// item does not grow with them.
func TestAPauseNamesManyAlertsAndCountsTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, open, made := Pause{}, []string{}, 0
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			if len(open) == 0 || rapid.IntRange(0, 3).Draw(t, "what") > 0 {
				made++
				open = append(open, fmt.Sprint(made))
				p = p.For(open[len(open)-1], noon)
			} else {
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				p = p.Without(open[i])
				open = append(open[:i], open[i+1:]...)
			}
			if p.Open() != (len(open) > 0) || len(p.Alerts)+p.More != len(open) || len(p.Alerts) > MaxPausing {
				t.Fatalf("%d open, pause %+v", len(open), p)
			}
		}
	})
}
