// Package occupancy counts beds by place, institution type and population, and
// says which of the counts may be shown. It reads counts only, never a person,
// and full houses are not ranked: fullness is no target.
package occupancy

import (
	"cmp"
	"slices"
	"time"

	"panah/internal/code"
	"panah/internal/disclosure"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/shelter"
)

// Any stands for all institution types, or all populations, together.
const Any = -1

// Row is what is counted in one place, of one institution type or all, for one
// population or all.
type Row struct {
	Place            place.Code
	Type, Population int8 // numbers of code.Institutions and code.Populations, or Any
	Figures          [Figures]int
	Shelters         int    // that report here
	Unconfirmed      int    // of them with counts nobody has vouched for lately
	MedianStay       int    // days that half of the people here have stayed at most; -1: not known of enough people
	Withheld         uint16 // groups, as a bit set
}

// Hides reports whether a group of figures is withheld; with Beds nothing of the
// row is shown.
func (r Row) Hides(group int) bool { return r.Withheld&(1<<group) != 0 }

// Shows returns a figure, and whether it may be shown.
func (r Row) Shows(figure int) (int, bool) {
	if r.Hides(groupOf[figure]) {
		return 0, false
	}
	return r.Figures[figure], true
}

// Compare orders rows by place, type and population.
func Compare(a, b Row) int {
	return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Population, b.Population))
}

// Stay is one person's stay that is known.
type Stay struct {
	Since   time.Time
	Overdue bool // the legal clock of the stay has run out without a decision
}

// Source is what is counted: shelters as the directory has them and, by shelter
// and unit, the stays that are known.
type Source struct {
	World       matching.World
	Stays       map[string][]Stay // by StayKey
	At          time.Time
	Unconfirmed time.Duration // counts older than this are said to be unconfirmed
}

// StayKey names a unit in Source.Stays.
func StayKey(shelter, unit string) string { return shelter + "/" + unit }

// Count is everything counted of one country, down to base.
type Count struct {
	rows  []Row // by Compare, none withheld
	table disclosure.Table
	known [][]int // days of the stays known, by row
}

type node struct {
	place            place.Code
	kind, population int8
}

// Add counts the active shelters of a country, district by district or only
// state by state. Suspended and closed shelters are left out unless people still
// sleep there.
func Add(from Source, country place.Code, base place.Level) Count {
	b := builder{source: from, ids: map[node]int{}, cells: map[node]int{}, places: places(country)}
	for c := range from.World.All() {
		if d, ok := place.Lookup(c.District); ok && d.Country == country && counts(c) {
			b.shelter(c, d, base)
		}
	}
	return b.finish()
}

// places numbers the places of a country: those of one state are neighbours, in an
// order that does not change.
func places(country place.Code) map[place.Code]int {
	out := map[place.Code]int{}
	for _, s := range place.States(country) {
		out[s.Code] = len(out)
		for _, d := range place.Districts(s.Code) {
			out[d.Code] = len(out)
		}
	}
	return out
}

type builder struct {
	source Source
	ids    map[node]int
	cells  map[node]int
	places map[place.Code]int
	count  Count
}

func (b *builder) node(n node) int {
	id, ok := b.ids[n]
	if !ok {
		id = len(b.count.rows)
		b.ids[n] = id
		b.count.rows = append(b.count.rows, Row{Place: n.place, Type: n.kind, Population: n.population, MedianStay: -1})
		b.count.known = append(b.count.known, nil)
	}
	return id
}

// nodes are all that a unit is added up in, its base cell first.
func (b *builder) nodes(d place.Place, base place.Level, kind, population int8) (out []int32) {
	above := []place.Code{d.Code, d.State, d.Country}
	if base == place.State {
		above = above[1:]
	}
	for _, at := range above {
		for _, k := range []int8{kind, Any} {
			for _, p := range []int8{population, Any} {
				out = append(out, int32(b.node(node{at, k, p})))
			}
		}
	}
	return out
}

func (b *builder) shelter(c *matching.Candidate, d place.Place, base place.Level) {
	offered := c.Status == shelter.Active && c.RegisteredAt(b.source.At)
	met, stale := map[int32]bool{}, map[int32]bool{}
	for i := range c.Units {
		u := &c.Units[i]
		if counted := u.Counts(); u.Over(b.source.At) && counted.Occupied() == 0 && counted.Held() == 0 {
			continue // it is there no more
		}
		nodes := b.nodes(d, base, int8(c.Type), int8(u.Population))
		figures := b.unit(u, offered)
		b.cell(d, base, nodes, int(c.Type)*code.Populations.Len()+int(u.Population), figures)
		old := b.source.At.Sub(u.ConfirmedAt) > b.source.Unconfirmed
		for _, n := range nodes {
			met[n], stale[n] = true, stale[n] || old
			for m, v := range figures[:Figures] {
				b.count.rows[n].Figures[m] += v
			}
			for _, s := range b.source.Stays[StayKey(c.ID, u.ID)] {
				b.count.known[n] = append(b.count.known[n], int(b.source.At.Sub(s.Since).Hours()/24))
			}
		}
	}
	for n := range met {
		b.count.rows[n].Shelters++
		if stale[n] {
			b.count.rows[n].Unconfirmed++
		}
	}
}

// unit is the figures of one unit. Surge beds that have come to their end are
// beds no more; whoever is still in them is counted.
func (b *builder) unit(u *shelter.Unit, offered bool) []int {
	c, f := u.Counts(), make([]int, measures)
	f[Staffed], f[OutOfService], f[Occupied], f[Held] = c.Staffed(), c.OutOfService(), c.Occupied(), c.Held()
	if f[Sanctioned] = u.Sanctioned; u.Surge() {
		f[Surge], f[Sanctioned], f[Staffed] = f[Staffed], 0, 0
	}
	f[Rooms], f[RoomsOccupied] = u.Rooms(), u.RoomsOccupied()
	if u.Over(b.source.At) {
		f[Surge], f[OutOfService], f[Rooms] = 0, 0, 0
	}
	f[roomsEmpty] = max(0, f[Rooms]-f[RoomsOccupied])
	if offered && !u.Over(b.source.At) {
		f[Free] = max(0, u.FreeAt(b.source.At))
	}
	f[OverCapacity] = c.OverCapacity()
	for _, s := range b.source.Stays[StayKey(u.Shelter, u.ID)] {
		if s.Overdue && f[Overdue] < f[Occupied] {
			f[Overdue]++
		}
	}
	f[onTime] = f[Occupied] - f[Overdue]
	return f
}

func (b *builder) cell(d place.Place, base place.Level, nodes []int32, column int, figures []int) {
	at := b.count.rows[nodes[0]]
	key := node{at.Place, at.Type, at.Population}
	i, ok := b.cells[key]
	if !ok {
		i = len(b.count.table.Cells)
		b.cells[key] = i
		home := d.Code
		if base == place.State {
			home = d.State
		}
		b.count.table.Cells = append(b.count.table.Cells, disclosure.Cell{Place: b.places[home], Column: column, Values: make([]int, measures), Nodes: nodes})
	}
	for m, v := range figures {
		b.count.table.Cells[i].Values[m] += v
	}
}

func (b *builder) finish() Count {
	c := b.count
	if c.table.Scheme.Group == nil {
		c.table.Scheme = scheme
	}
	c.table.Nodes, c.table.Sources = len(c.rows), make([]int, len(c.rows))
	for n := range c.rows {
		c.table.Sources[n] = c.rows[n].Shelters
		slices.Sort(c.known[n])
	}
	return c
}

// Rows are the rows as counted, nothing withheld: for whoever may see single
// shelters, never for publication.
func (c Count) Rows() []Row {
	rows := slices.Clone(c.rows)
	slices.SortFunc(rows, Compare)
	return rows
}

// Published are rows of which anybody may combine what is shown.
func (c Count) Published(p disclosure.Policy, before Before) []Row {
	mask, _ := c.protect(p, before)
	out := make([]Row, len(c.rows))
	for n, r := range c.rows {
		r.Withheld = mask[n]
		if days := c.known[n]; len(days) >= p.K && !r.Hides(People) {
			r.MedianStay = days[len(days)/2]
		}
		out[n] = r.blank()
	}
	slices.SortFunc(out, Compare)
	return out
}

func (c Count) protect(p disclosure.Policy, before Before) (disclosure.Mask, []disclosure.Witness) {
	return disclosure.Protect(c.table, p, before.masks(c.rows))
}

// blank drops what is withheld, so that it is not even kept.
func (r Row) blank() Row {
	for m := range r.Figures {
		if r.Hides(groupOf[m]) {
			r.Figures[m] = 0
		}
	}
	if r.Hides(Beds) {
		r.Shelters, r.Unconfirmed = 0, 0
	}
	return r
}

// Before is what was withheld earlier. What Stays names is withheld again, so
// that the figures of a cell and of its complement never appear in turn; what
// Shown shows is taken as a complement last, for whoever remembers it sees past it.
type Before struct {
	Stays []Row
	Shown []Row
	Never func(place.Code) bool // places whose figures are not shown at this instant at all
}

func (b Before) masks(rows []Row) disclosure.Earlier {
	var e disclosure.Earlier
	states := States(rows)
	mark := func(from []Row, groups func(Row) uint16) disclosure.Mask {
		seen := make(map[node]uint16, len(from))
		for _, r := range from {
			seen[node{r.Place, r.Type, r.Population}] |= groups(r)
		}
		m := make(disclosure.Mask, len(rows))
		for n, r := range rows {
			m[n] = seen[node{r.Place, r.Type, r.Population}] | seen[node{sumOf(r.Place, states), r.Type, r.Population}]
		}
		return m
	}
	e.Stays = mark(b.Stays, func(r Row) uint16 { return r.Withheld })
	if b.Shown != nil {
		e.Shown = mark(b.Shown, func(r Row) uint16 { return allGroups &^ r.Withheld })
	}
	if b.Never != nil {
		for n, r := range rows {
			if b.Never(r.Place) {
				e.Stays[n] |= 1 << Beds
			}
		}
	}
	return e
}

func counts(c *matching.Candidate) bool {
	return c.Status == shelter.Active || slices.ContainsFunc(c.Units, func(u shelter.Unit) bool { return u.Counts().Occupied() > 0 })
}
