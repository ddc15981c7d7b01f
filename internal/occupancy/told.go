package occupancy

import (
	"cmp"
	"slices"

	"panah/internal/disclosure"
	"panah/internal/place"
)

// Told is what has been published of a country so far, row by row and whatever
// it was made from: hours, days, files. Counts can stand still from one table to
// the next, and the last day of a file is what is counted live the hour after, so
// that tables of any two instants may be put beside each other. What one withheld
// every later one withholds, and none hides behind what another has shown.
type Told []ToldRow // by place, type and population

// ToldRow is what was told of one row: groups of figures, as bit sets.
type ToldRow struct {
	Place            place.Code // of a country with the states added up: of others it is another sum
	Type, Population int8
	Withheld         uint16 // ever, in any table
	Hourly           uint16 // ever, in hours: these also withhold what only days show
	Shown            uint16 // ever, in any table
}

// allGroups are all groups of figures.
const allGroups uint16 = 1<<(RoomUse+1) - 1

// Before is what the next table has to follow.
func (t Told) Before() Before {
	b := Before{Stays: make([]Row, len(t)), Shown: make([]Row, len(t))}
	for i, r := range t {
		b.Stays[i] = Row{Place: r.Place, Type: r.Type, Population: r.Population, Withheld: r.Withheld}
		b.Shown[i] = Row{Place: r.Place, Type: r.Type, Population: r.Population, Withheld: allGroups &^ r.Shown}
	}
	return b
}

// Hour publishes the rows of an hour, and answers what has been told with it.
// What is withheld only because hours never show it binds later hours, not days.
func (t Told) Hour(c Count, p disclosure.Policy, never func(place.Code) bool) ([]Row, Told) {
	b := t.Before()
	always := c.Published(p, b)
	b.Stays, b.Never = slices.Concat(b.Stays, always), never
	for _, r := range t {
		b.Stays = append(b.Stays, Row{Place: r.Place, Type: r.Type, Population: r.Population, Withheld: r.Hourly})
	}
	rows := c.Published(p, b)
	return rows, t.with(always, rows, true)
}

// sumOf names what a place's rows add up: a country's, the states that were
// counted.
func sumOf(at place.Code, states []place.Code) place.Code {
	if p, _ := place.Lookup(at); p.Level != place.Country {
		return at
	}
	for _, s := range states {
		at += "+" + s
	}
	return at
}

// With is what has been told once rows are published.
func (t Told) With(rows []Row) Told { return t.with(rows, rows, false) }

func (t Told) with(always, rows []Row, hour bool) Told {
	at, out, states := map[node]int{}, slices.Clone(t), States(rows)
	for i, r := range out {
		at[node{r.Place, r.Type, r.Population}] = i
	}
	find := func(r Row) *ToldRow {
		r.Place = sumOf(r.Place, states)
		i, ok := at[node{r.Place, r.Type, r.Population}]
		if !ok {
			i = len(out)
			at[node{r.Place, r.Type, r.Population}] = i
			out = append(out, ToldRow{Place: r.Place, Type: r.Type, Population: r.Population})
		}
		return &out[i]
	}
	for _, r := range always {
		find(r).Withheld |= r.Withheld
	}
	for _, r := range rows {
		told := find(r)
		if told.Shown |= allGroups &^ r.Withheld; hour {
			told.Hourly |= r.Withheld
		}
	}
	slices.SortFunc(out, func(a, b ToldRow) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Population, b.Population))
	})
	return out
}
