package place_test

import (
	"fmt"

	"panah/internal/place"
)

func ExampleDistanceKM() {
	bengaluru, _ := place.Lookup("IN-LGD-525")
	mysuru, _ := place.Lookup("IN-LGD-545")
	km := place.DistanceKM(bengaluru, mysuru)
	fmt.Printf("%s to %s: %.0f km, %s\n",
		bengaluru.Name, mysuru.Name, km, place.BandOf(place.JourneyMinutes(km)))
	// Output: Bengaluru Urban to Mysuru: 128 km, 3_6h
}

func ExampleDistricts() {
	for _, d := range place.Districts("IN-GA") {
		fmt.Println(d.Code, d.Name)
	}
	// Output:
	// IN-LGD-551 North Goa
	// IN-LGD-552 South Goa
}
