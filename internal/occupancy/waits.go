package occupancy

import "strconv"

// waitBands are how long somebody has waited to be brought home, in days: at least
// so many, and fewer than the next. The limits are what ministries ask about.
var waitBands = []struct {
	days int
	name string
}{{0, "under_90_days"}, {90, "90_to_179_days"}, {180, "180_to_364_days"}, {365, "365_days_and_more"}}

// Waited is the band of a wait of so many whole days.
func Waited(days int) string {
	name := waitBands[0].name
	for _, b := range waitBands {
		if days >= b.days {
			name = b.name
		}
	}
	return name
}

// Over names everybody who has waited so many days or more.
func Over(days int) string { return "over_" + strconv.Itoa(days) }

// overs are the counts "so many days or more" that a band is part of.
func overs(band string) (out []string) {
	for i, b := range waitBands {
		if i > 0 {
			out = append(out, Over(b.days))
		}
		if b.name == band {
			return out
		}
	}
	return nil
}
