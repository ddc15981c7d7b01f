package place

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed data/districts.csv
var districtsCSV string

//go:embed data/states.csv
var statesCSV string

// countryNames are the countries covered, in the order of their codes.
var countryNames = []struct {
	code Code
	name string
}{{"BD", "Bangladesh"}, {"CA", "Canada"}, {"IN", "India"}, {"NP", "Nepal"}, {"US", "United States"}}

// gazetteer is every place, and where to find it.
type gazetteer struct {
	places    []Place
	index     map[Code]int
	countries []Place
	states    map[Code][]Place // of a country
	districts map[Code][]int   // of a country or state, by position in places
}

// load reads the tables when they are first asked for (under half a
// millisecond) and panics when they are broken, which the tests rule out.
var load = sync.OnceValue(read)

func read() *gazetteer {
	g := &gazetteer{
		places:    make([]Place, 0, 1024),
		index:     make(map[Code]int, 1024),
		states:    make(map[Code][]Place, 4),
		districts: make(map[Code][]int, 64),
	}
	points := g.readDistricts()
	g.readStates(points)
	for _, c := range countryNames {
		p := Place{Code: c.code, Level: Country, Country: c.code, Name: c.name}
		p.Lat, p.Lon = points[c.code].mean()
		g.countries = append(g.countries, p)
		g.add(p)
	}
	return g
}

// readDistricts adds the districts and returns the sums of their points by
// state and country; approximate points do not count.
func (g *gazetteer) readDistricts() map[Code]*sum {
	points := make(map[Code]*sum, 64)
	eachRow(districtsCSV, func(f [7]string) {
		p := Place{
			Code: Code(f[0]), Level: District, Country: Code(f[1]), State: Code(f[2]), Name: f[3],
			Lat: number(f[4]), Lon: number(f[5]), Approximate: f[6] == "approximate",
		}
		g.add(p)
		for _, c := range [...]Code{p.State, p.Country} {
			g.districts[c] = append(g.districts[c], len(g.places)-1)
			if points[c] == nil {
				points[c] = new(sum)
			}
			points[c].add(p)
		}
	})
	return points
}

func (g *gazetteer) readStates(points map[Code]*sum) {
	eachRow(statesCSV, func(f [7]string) {
		p := Place{Code: Code(f[0]), Level: State, Country: Code(f[1]), State: Code(f[0]), Name: f[2]}
		p.Lat, p.Lon = points[p.Code].mean()
		g.states[p.Country] = append(g.states[p.Country], p)
		g.add(p)
	})
}

func (g *gazetteer) add(p Place) {
	if _, twice := g.index[p.Code]; twice {
		panic(fmt.Sprintf("place: %s is listed twice", p.Code))
	}
	g.index[p.Code] = len(g.places)
	g.places = append(g.places, p)
}

// sum adds up points whose mean is wanted.
type sum struct{ lat, lon, n float64 }

func (s *sum) add(p Place) {
	if !p.Approximate {
		s.lat, s.lon, s.n = s.lat+p.Lat, s.lon+p.Lon, s.n+1
	}
}

func (s *sum) mean() (lat, lon float64) { return s.lat / s.n, s.lon / s.n }

// eachRow calls do with the fields of every line after the header. The tables
// have neither quotes nor commas inside a field, so a cut is enough and costs
// a fraction of encoding/csv.
func eachRow(table string, do func(fields [7]string)) {
	_, rest, _ := strings.Cut(table, "\n")
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		var f [7]string
		for i := range f {
			f[i], line, _ = strings.Cut(line, ",")
		}
		do(f)
	}
}

func number(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic("place: a coordinate is not a number")
	}
	return v
}
