package place

import "math"

// Journey is the band a journey falls into: all a rescue team learns of how far
// a shelter is, since exact minutes would help to find it.
type Journey uint8

// The bands. Each includes its lower end: 60 minutes is From1To3h.
const (
	Under1h Journey = iota
	From1To3h
	From3To6h
	Over6h
)

// String returns under_1h, 1_3h, 3_6h, over_6h or unknown.
func (j Journey) String() string {
	switch j {
	case Under1h:
		return "under_1h"
	case From1To3h:
		return "1_3h"
	case From3To6h:
		return "3_6h"
	case Over6h:
		return "over_6h"
	}
	return "unknown"
}

// The three numbers a journey is estimated from. They are planning assumptions,
// not measurements: see JourneyMinutes.
const (
	departMinutes = 20
	roadFactor    = 1.3
	roadKMH       = 40
)

// maxMinutes is more than any journey in these countries can take (30 days).
const maxMinutes = 30 * 24 * 60

// JourneyMinutes estimates a journey by road over km of straight line, rounded
// up to whole minutes.
//
// Roads are longer than the straight line by about 1.3 on average; country
// studies of road distances give 1.2 to 1.5, India near 1.3. Moving at 40 km/h
// is what a hired car makes over mixed district roads, at night, with a child
// and stops; a national highway is faster. Twenty minutes go to leaving one
// door and finding the other, so that a journey inside a district is never
// nothing. The estimate is too short in the high Himalaya, where a road may be
// twice the straight line, and means nothing between islands.
//
// A distance that is negative or not a number counts as endless, so that a
// broken point never looks near.
func JourneyMinutes(km float64) int {
	if !(km >= 0) {
		return maxMinutes
	}
	minutes := departMinutes + km*roadFactor/roadKMH*60
	return int(math.Ceil(min(minutes, maxMinutes)))
}

// BandOf returns the band a number of minutes falls into.
func BandOf(minutes int) Journey {
	switch {
	case minutes < 60:
		return Under1h
	case minutes < 3*60:
		return From1To3h
	case minutes < 6*60:
		return From3To6h
	}
	return Over6h
}
