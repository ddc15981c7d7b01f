package demo

import (
	_ "embed"
	"strconv"
	"strings"

	"panah/internal/language"
	"panah/internal/place"
)

//go:embed data/speakers.csv
var speakersCSV string

//go:embed data/states.csv
var statesCSV string

//go:embed data/cities.csv
var citiesCSV string

// share is a language and how many speak it.
type share struct {
	tag     language.Tag
	persons float64
}

// readSpeakers gives the languages of each state, the most spoken first.
func readSpeakers() map[place.Code][]share {
	out := make(map[place.Code][]share, 36)
	eachRow(speakersCSV, func(f []string) {
		state := place.Code(f[0])
		out[state] = append(out[state], share{language.Tag(f[1]), number(f[2])})
	})
	return out
}

// country is India's districts and how the shelters spread over them.
type country struct {
	districts []place.Place
	city      map[place.Code]bool
	weight    []float64 // by district: persons, more in the district of a large city
}

// cityFactor is how much more a large city's district has than its share of the
// state's people: places to stay are where roads and courts are.
const cityFactor = 3

func readCountry() country {
	c := country{districts: place.Districts(India), city: make(map[place.Code]bool, 39)}
	eachRow(citiesCSV, func(f []string) { c.city[place.Code(f[0])] = true })
	persons := make(map[place.Code]float64, 36)
	eachRow(statesCSV, func(f []string) { persons[place.Code(f[0])] = number(f[1]) })
	of := make(map[place.Code]float64, 36)
	for _, d := range c.districts {
		of[d.State]++
	}
	c.weight = make([]float64, len(c.districts))
	for i, d := range c.districts {
		c.weight[i] = persons[d.State] / of[d.State]
		if c.city[d.Code] {
			c.weight[i] *= cityFactor
		}
	}
	return c
}

// number reads a whole number; the tables are part of the program and a broken
// one is found by the tests.
func number(s string) float64 {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic("demo: not a number in a table: " + s)
	}
	return float64(n)
}

// eachRow calls do with the fields of every line after the header.
func eachRow(table string, do func(fields []string)) {
	_, rest, _ := strings.Cut(table, "\n")
	for line := range strings.Lines(rest) {
		do(strings.Split(strings.TrimSuffix(line, "\n"), ","))
	}
}
