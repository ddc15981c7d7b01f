// Package place knows the countries, states and districts Panah works in: their
// codes, names and a point for each, and how far apart two of them are.
//
// Codes are stable and public. Countries and states use ISO 3166 (IN, IN-KA);
// a district of India uses its Local Government Directory number (IN-LGD-525),
// one of Bangladesh its ISO 3166-2 code (BD-13), one of Nepal, which publishes
// no code, its name in capitals (NP-D-KASKI). Of Canada and the United States
// there is only what holds programmes that report: Toronto by the number of its
// census division (CA-CD-3520), Los Angeles County by its FIPS code.
//
// A point stands for a whole district. It says how far two districts are apart
// and never where anybody is. data/SOURCES.md says where every number is from.
package place

import (
	"math"
	"slices"
)

// Code names a country, a state or a district: "IN", "IN-KA", "IN-LGD-525".
type Code string

// Level says what kind of place a Place is.
type Level uint8

// The levels, from large to small. States are the states and union territories
// of India, the provinces of Nepal and Canada, the divisions of Bangladesh.
const (
	Country Level = iota + 1
	State
	District
)

// String returns country, state, district or unknown.
func (l Level) String() string {
	switch l {
	case Country:
		return "country"
	case State:
		return "state"
	case District:
		return "district"
	}
	return "unknown"
}

// Place is one country, state or district.
type Place struct {
	Code  Code
	Level Level

	// Country and State are the places it lies in, itself included: a country
	// has no State, a state's State is its own code.
	Country, State Code

	Name string

	// Lat and Lon are degrees (WGS 84). A district's point is its centre or a
	// town in it; that of a state or country is the mean of its districts.
	Lat, Lon float64

	// Approximate marks a district whose own point is not known: it carries
	// the mean of its state, which may be 300 km off.
	Approximate bool
}

// Lookup finds a country, state or district by its exact code.
func Lookup(c Code) (Place, bool) {
	i, ok := load().index[c]
	if !ok {
		return Place{}, false
	}
	return load().places[i], true
}

// Districts returns the districts of a country or state, or the district itself,
// sorted by code. An unknown code has none.
func Districts(within Code) []Place {
	p, ok := Lookup(within)
	if !ok {
		return nil
	}
	if p.Level == District {
		return []Place{p}
	}
	g := load()
	out := make([]Place, 0, len(g.districts[within]))
	for _, i := range g.districts[within] {
		out = append(out, g.places[i])
	}
	return out
}

// States returns the states of a country, sorted by code.
func States(country Code) []Place { return slices.Clone(load().states[country]) }

// Countries returns the countries, sorted by code.
func Countries() []Place { return slices.Clone(load().countries) }

// Within reports whether c is scope or lies in it. It is false when either code
// is unknown, so that a mistyped scope grants nothing.
func Within(c, scope Code) bool {
	p, ok := Lookup(c)
	if !ok {
		return false
	}
	if _, ok := Lookup(scope); !ok {
		return false
	}
	return scope == p.Code || scope == p.State || scope == p.Country
}

// earthRadiusKM is the mean radius R1 of the IUGG.
const earthRadiusKM = 6371.0088

// DistanceKM is the great-circle distance between the points of a and b
// (haversine; within 0.5 % of the ellipsoid).
func DistanceKM(a, b Place) float64 {
	lat1, lat2 := radians(a.Lat), radians(b.Lat)
	dLat, dLon := math.Sin((lat2-lat1)/2), math.Sin(radians(b.Lon-a.Lon)/2)
	h := dLat*dLat + math.Cos(lat1)*math.Cos(lat2)*dLon*dLon
	return 2 * earthRadiusKM * math.Asin(math.Sqrt(min(1, h)))
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }
