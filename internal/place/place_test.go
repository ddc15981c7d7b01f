package place_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"panah/internal/place"
)

func must(t *testing.T, c place.Code) place.Place {
	t.Helper()
	p, ok := place.Lookup(c)
	if !ok {
		t.Fatalf("no place %s", c)
	}
	return p
}

func TestEveryDistrictAndStateIsThere(t *testing.T) {
	for _, tt := range []struct {
		country           place.Code
		states, districts int
	}{{"IN", 36, 763}, {"NP", 7, 77}, {"BD", 8, 64}, {"CA", 1, 1}, {"US", 1, 1}} {
		if got := len(place.States(tt.country)); got != tt.states {
			t.Errorf("%s has %d states, want %d", tt.country, got, tt.states)
		}
		if got := len(place.Districts(tt.country)); got != tt.districts {
			t.Errorf("%s has %d districts, want %d", tt.country, got, tt.districts)
		}
	}
	if got := len(place.Countries()); got != 5 {
		t.Errorf("%d countries, want 5", got)
	}
}

func TestEveryDistrictLiesInAStateOfItsCountry(t *testing.T) {
	for _, country := range place.Countries() {
		for _, d := range place.Districts(country.Code) {
			s := must(t, d.State)
			if s.Level != place.State || s.Country != country.Code || d.Country != country.Code {
				t.Errorf("%s: state %s is a %s of %s", d.Code, d.State, s.Level, s.Country)
			}
		}
		sum := 0
		for _, s := range place.States(country.Code) {
			n := len(place.Districts(s.Code))
			if n == 0 {
				t.Errorf("%s has no district", s.Code)
			}
			sum += n
		}
		if all := len(place.Districts(country.Code)); sum != all {
			t.Errorf("the states of %s have %d districts, the country %d", country.Code, sum, all)
		}
	}
}

func TestListsAreSortedAndTheCallersOwn(t *testing.T) {
	byCode := func(a, b place.Place) int { return strings.Compare(string(a.Code), string(b.Code)) }
	for name, list := range map[string][]place.Place{
		"countries": place.Countries(), "states": place.States("IN"),
		"districts": place.Districts("IN"), "of a state": place.Districts("IN-KA"),
	} {
		if !slices.IsSortedFunc(list, byCode) {
			t.Errorf("%s are not sorted by code", name)
		}
	}
	place.Districts("IN-GA")[0].Name = "changed"
	if place.Districts("IN-GA")[0].Name == "changed" {
		t.Error("a caller can change the table")
	}
}

func TestPointsLieInTheirCountry(t *testing.T) {
	boxes := map[place.Code][4]float64{ // south, north, west, east
		"IN": {6.7, 37.1, 68.1, 97.5}, "NP": {26.3, 30.5, 80.0, 88.3}, "BD": {20.5, 26.7, 88.0, 92.7},
		"CA": {42, 84, -141, -52}, "US": {24, 72, -180, -66},
	}
	for _, country := range place.Countries() {
		b := boxes[country.Code]
		all := append(place.Districts(country.Code), place.States(country.Code)...)
		for _, p := range append(all, country) {
			if p.Lat < b[0] || p.Lat > b[1] || p.Lon < b[2] || p.Lon > b[3] {
				t.Errorf("%s %s lies at %.2f,%.2f", p.Code, p.Name, p.Lat, p.Lon)
			}
		}
	}
}

func TestNoPointIsFarFromItsState(t *testing.T) {
	const far = 700 // Yanam, an enclave of Puducherry, is the farthest
	for _, country := range place.Countries() {
		for _, d := range place.Districts(country.Code) {
			if km := place.DistanceKM(d, must(t, d.State)); km > far {
				t.Errorf("%s %s is %.0f km from the middle of %s", d.Code, d.Name, km, d.State)
			}
		}
	}
}

// Fewer is better; more means that the table was made again with less care.
func TestApproximatePointsArePinned(t *testing.T) {
	got := map[place.Code]int{}
	for _, country := range place.Countries() {
		for _, d := range place.Districts(country.Code) {
			if d.Approximate {
				got[d.State]++
			}
		}
	}
	want := map[place.Code]int{"IN-AN": 1, "IN-AR": 10, "IN-AS": 1, "IN-HP": 1, "IN-ML": 3, "IN-MN": 5, "IN-NL": 1, "IN-SK": 2}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("approximate districts by state: %v, want %v", got, want)
	}
}

func TestNamesAreInTitleCase(t *testing.T) {
	for _, country := range place.Countries() {
		for _, d := range place.Districts(country.Code) {
			if len(d.Name) > 3 && d.Name == strings.ToUpper(d.Name) && !strings.Contains(d.Name, ".") {
				t.Errorf("%s is shouted: %s", d.Code, d.Name)
			}
			if d.Name == "" || d.Name != strings.TrimSpace(d.Name) {
				t.Errorf("%s has a bad name %q", d.Code, d.Name)
			}
		}
	}
}

// The directory's state numbers are those of the census: a few districts that
// everybody knows show that numbers and ISO codes were joined rightly.
func TestDistrictsAreInTheStateEverybodyKnows(t *testing.T) {
	for code, want := range map[place.Code][2]string{
		"IN-LGD-525": {"Bengaluru Urban", "IN-KA"}, "IN-LGD-545": {"Mysuru", "IN-KA"},
		"IN-LGD-482": {"Mumbai", "IN-MH"}, "IN-LGD-79": {"New Delhi", "IN-DL"},
		"IN-LGD-9": {"Leh Ladakh", "IN-LA"}, "IN-LGD-315": {"Kolkata", "IN-WB"},
		"IN-LGD-120": {"Prayagraj", "IN-UP"}, "IN-LGD-600": {"Pondicherry", "IN-PY"},
		"BD-13": {"Dhaka", "BD-C"}, "BD-11": {"Cox's Bazar", "BD-B"},
		"NP-D-KASKI": {"Kaski", "NP-P4"}, "NP-D-EASTERN-RUKUM": {"Eastern Rukum", "NP-P5"},
	} {
		if p := must(t, code); p.Name != want[0] || string(p.State) != want[1] {
			t.Errorf("%s is %s in %s, want %s in %s", code, p.Name, p.State, want[0], want[1])
		}
	}
}

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		name     string
		c, scope place.Code
		want     bool
	}{
		{"a district in its state", "IN-LGD-525", "IN-KA", true},
		{"a district in its country", "IN-LGD-525", "IN", true},
		{"a district in itself", "IN-LGD-525", "IN-LGD-525", true},
		{"a state in its country", "IN-KA", "IN", true},
		{"a country in itself", "NP", "NP", true},
		{"a district in another state", "IN-LGD-525", "IN-TN", false},
		{"a district in another country", "IN-LGD-525", "BD", false},
		{"a state in its district", "IN-KA", "IN-LGD-525", false},
		{"an unknown district", "IN-LGD-99999", "IN", false},
		{"an unknown scope", "IN-LGD-525", "IN-XX", false},
		{"nothing in nothing", "", "", false},
		{"a country in no state", "IN", "", false},
	} {
		if got := place.Within(tt.c, tt.scope); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b      place.Code
		km, slack float64
	}{
		{"IN-LGD-525", "IN-LGD-545", 130, 25},     // Bengaluru, Mysuru
		{"IN-LGD-79", "IN-LGD-482", 1150, 50},     // New Delhi, Mumbai
		{"IN-LGD-315", "BD-13", 245, 30},          // Kolkata, Dhaka
		{"NP-D-KATHMANDU", "NP-D-KASKI", 140, 25}, // Kathmandu, Pokhara's district
		{"IN-LGD-525", "IN-LGD-525", 0, 0},
	} {
		a, b := must(t, tt.a), must(t, tt.b)
		if km := place.DistanceKM(a, b); math.Abs(km-tt.km) > tt.slack {
			t.Errorf("%s to %s is %.0f km, want %.0f ± %.0f", a.Name, b.Name, km, tt.km, tt.slack)
		}
	}
}

func TestDistanceIsTheSameBothWays(t *testing.T) {
	all := place.Districts("IN")
	for i, a := range all {
		b := all[(i*7+13)%len(all)]
		if d, back := place.DistanceKM(a, b), place.DistanceKM(b, a); math.Abs(d-back) > 1e-9 {
			t.Errorf("%s to %s: %v and %v", a.Code, b.Code, d, back)
		}
	}
}

func TestJourneyMinutes(t *testing.T) {
	for _, tt := range []struct {
		km   float64
		want place.Journey
	}{
		{0, place.Under1h}, {20, place.Under1h}, {21, place.From1To3h}, {80, place.From1To3h},
		{90, place.From3To6h}, {170, place.From3To6h}, {180, place.Over6h},
		{-1, place.Over6h}, {math.NaN(), place.Over6h}, {math.Inf(1), place.Over6h},
	} {
		if got := place.BandOf(place.JourneyMinutes(tt.km)); got != tt.want {
			t.Errorf("%v km is %s, want %s", tt.km, got, tt.want)
		}
	}
}

func TestBandsIncludeTheirLowerEnd(t *testing.T) {
	for minutes, want := range map[int]string{
		0: "under_1h", 59: "under_1h", 60: "1_3h", 179: "1_3h", 180: "3_6h", 359: "3_6h", 360: "over_6h",
	} {
		if got := place.BandOf(minutes).String(); got != want {
			t.Errorf("%d minutes is %s, want %s", minutes, got, want)
		}
	}
}
