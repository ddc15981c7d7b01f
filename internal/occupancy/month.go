package occupancy

import (
	"cmp"
	"slices"

	"panah/internal/disclosure"
	"panah/internal/place"
)

// Family is one kind of figure of a month: what happened, by district and up to
// two codes. The members of a family are protected together.
type Family struct {
	Name     string
	Measures []string
	Totals   bool // codes exclude each other, so that sums over them mean something
	Shifts   []disclosure.Shift
	Over     func(second string) []string // wider second codes that one is part of; nil: none
	Parts    int                          // measures beyond Measures that keep relations true and are never shown
}

// The families. One event is counted once in each family it belongs to.
var (
	// GapPersons are persons for whom nothing fitted, by where they were to sleep and by age.
	GapPersons = single("gap_persons", "persons", true)
	// GapRequests are requests that nothing fitted, by urgency.
	GapRequests = single("gap_requests", "requests", true)
	// GapNeeds are requests that nothing fitted, by each need in them.
	GapNeeds = single("gap_needs", "requests", false)
	// GapLanguages are requests that nothing fitted, by each language spoken in them.
	GapLanguages = single("gap_languages", "requests", false)
	// Refusals are shelters' refusals by coded reason.
	Refusals = single("refusals", "refusals", true)
	// Waits are requests that had to wait, by urgency.
	Waits = single("waits", "requests", true)
	// Travels are persons who arrived, by what they had to cross.
	Travels = single("moves", "persons", true)
	// Returns are persons who waited at the end of the month to be brought home, by
	// the country they wait for and how long they have waited.
	Returns = Family{Name: "repatriation_waits", Measures: []string{"persons"}, Totals: true, Over: overs, Shifts: []disclosure.Shift{{Up: []int{0}}}}
	// Responses are requests by urgency and how far they came; each stage is part of the one before.
	Responses = Family{Name: "responses", Measures: []string{"requested", "offered", "accepted", "arrived"}, Totals: true, Parts: 3, Shifts: []disclosure.Shift{
		{Up: []int{0, 4}}, {Up: []int{1, 5}, Down: []int{4}}, {Up: []int{2, 6}, Down: []int{5}}, {Up: []int{3}, Down: []int{6}},
		{Up: []int{0, 1, 5}}, {Up: []int{0, 1, 2, 6}}, {Up: []int{0, 1, 2, 3}}}}
	// Clocks are legal clocks by id: those that came due, and of them the ones stopped in time and not.
	Clocks = Family{Name: "clocks", Measures: []string{"due", "met", "broken"}, Totals: true, Shifts: []disclosure.Shift{
		{Up: []int{0, 1}}, {Up: []int{0, 2}}, {Up: []int{1}, Down: []int{2}}, {Up: []int{2}, Down: []int{1}}}}
)

func single(name, measure string, totals bool) Family {
	return Family{Name: name, Measures: []string{measure}, Totals: totals, Shifts: []disclosure.Shift{{Up: []int{0}}}}
}

// Families lists them, in the order in which they are published.
var Families = []Family{GapPersons, GapRequests, GapNeeds, GapLanguages, Refusals, Waits, Travels, Returns, Responses, Clocks}

// FamilyOf finds a family by name.
func FamilyOf(name string) (Family, bool) {
	i := slices.IndexFunc(Families, func(f Family) bool { return f.Name == name })
	if i < 0 {
		return Family{}, false
	}
	return Families[i], true
}

// Tally is what happened in one district under one pair of codes.
type Tally struct {
	District place.Code
	Code     string // "" only where the family has no codes
	Second   string // a second code, where the family has one
	Values   []int  // the measures of the family
}

// Fact is a published figure of a month. An empty code stands for all together.
type Fact struct {
	Place        place.Code
	Code, Second string
	Values       []int
	Withheld     bool
	P50, P90     []int // minutes, by measure; -1 where not known of enough; nil where the family has none
}

// CompareFacts orders facts by place and codes.
func CompareFacts(a, b Fact) int {
	return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Second, b.Second))
}

// FactKey says what a fact is about.
type FactKey struct {
	Place        place.Code
	Code, Second string
}

// Above are the facts a tally is added up in, itself first.
func (f Family) Above(t Tally) []FactKey {
	d, ok := place.Lookup(t.District)
	if !ok {
		return nil
	}
	pairs := [][2]string{{t.Code, t.Second}}
	if f.Totals && t.Second != "" {
		pairs = append(pairs, [2]string{t.Code, ""}, [2]string{"", t.Second})
	}
	if f.Totals && t.Code != "" {
		pairs = append(pairs, [2]string{"", ""})
	}
	if f.Over != nil {
		for _, wider := range f.Over(t.Second) {
			pairs = append(pairs, [2]string{t.Code, wider}, [2]string{"", wider})
		}
	}
	var out []FactKey
	for _, at := range []place.Code{d.Code, d.State, d.Country} {
		for _, p := range pairs {
			out = append(out, FactKey{at, p[0], p[1]})
		}
	}
	return out
}

// Publish adds tallies up to every level and withholds what could single
// somebody out.
// What before withheld stays so: the same persons are counted again.
func (f Family) Publish(tallies []Tally, p disclosure.Policy, before []Fact) []Fact {
	slices.SortFunc(tallies, func(a, b Tally) int {
		return cmp.Or(cmp.Compare(stateOf(a.District), stateOf(b.District)), cmp.Compare(a.District, b.District), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Second, b.Second))
	})
	ids, cells := map[FactKey]int{}, map[FactKey]int{}
	places, columns := map[place.Code]int{}, map[[2]string]int{}
	var facts []Fact
	t := disclosure.Table{Scheme: f.scheme()}
	for _, tally := range tallies {
		above := f.Above(tally)
		if above == nil {
			continue
		}
		number(places, tally.District)
		key := above[0]
		i, ok := cells[key]
		if !ok {
			i = len(t.Cells)
			cells[key] = i
			c := disclosure.Cell{Place: number(places, tally.District), Column: number(columns, [2]string{tally.Code, tally.Second}), Values: make([]int, len(f.Measures)+f.Parts)}
			for _, k := range above {
				n, known := ids[k]
				if !known {
					n = len(facts)
					ids[k] = n
					facts = append(facts, Fact{Place: k.Place, Code: k.Code, Second: k.Second, Values: make([]int, len(f.Measures))})
				}
				c.Nodes = append(c.Nodes, int32(n))
			}
			t.Cells = append(t.Cells, c)
		}
		for m, v := range tally.Values {
			t.Cells[i].Values[m] += v
		}
	}
	for _, c := range t.Cells {
		for m := range f.Parts { // of stages that contain each other: who did not come to the next
			c.Values[len(f.Measures)+m] = c.Values[m] - c.Values[m+1]
		}
		for _, n := range c.Nodes {
			for m := range f.Measures {
				facts[n].Values[m] += c.Values[m]
			}
		}
	}
	t.Nodes = len(facts)
	mask, _ := disclosure.Protect(t, p, withheldBefore(before, ids, t.Nodes))
	for n := range facts {
		if facts[n].Withheld = mask.Hides(n, 0); facts[n].Withheld {
			facts[n].Values = nil
		}
	}
	slices.SortFunc(facts, CompareFacts)
	return facts
}

func withheldBefore(before []Fact, ids map[FactKey]int, nodes int) (e disclosure.Earlier) {
	if before == nil {
		return e
	}
	e.Stays = make(disclosure.Mask, nodes)
	for _, f := range before {
		if n, ok := ids[FactKey{f.Place, f.Code, f.Second}]; ok && f.Withheld {
			e.Stays[n] = 1
		}
	}
	return e
}

func number[K comparable](known map[K]int, k K) int {
	n, ok := known[k]
	if !ok {
		n = len(known)
		known[k] = n
	}
	return n
}

func stateOf(d place.Code) place.Code {
	p, _ := place.Lookup(d)
	return p.State
}

// scheme withholds a fact as a whole.
func (f Family) scheme() disclosure.Scheme {
	n := len(f.Measures) + f.Parts
	s := disclosure.Scheme{Group: make([]int, n), Within: []int{-1}, Person: make([]bool, n), Lead: []int{0}, Shifts: f.Shifts}
	for m := range n {
		s.Person[m] = true
	}
	return s
}
