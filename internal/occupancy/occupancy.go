// Package occupancy sums beds by place and population. It reads counts only,
// never a person, and full houses are not ranked: fullness is no target.
package occupancy

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"panah/internal/code"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/shelter"
)

// Row is the beds for one population in one place.
type Row struct {
	Place      place.Code
	Population code.Population
	Sums
}

// Sums are added up over units; every sum of the children of a place equals the
// place's own.
type Sums struct {
	Sanctioned, Staffed, OutOfService, Occupied, Held int
	Free                                              int // beds that can be promised now: none in over-full units and in shelters that take nobody
	OverCapacity                                      int // people too many, unit by unit
	Units                                             int
	Unconfirmed                                       int // units whose counts nobody has vouched for lately
}

// add counts a unit; offered says whether its free beds can be promised at all.
func (s *Sums) add(u shelter.Unit, now time.Time, offered, stale bool) {
	c := u.Counts()
	s.Sanctioned += u.Sanctioned
	s.Staffed += c.Staffed()
	s.OutOfService += c.OutOfService()
	s.Occupied += c.Occupied()
	s.Held += c.Held()
	if offered {
		s.Free += max(0, u.FreeAt(now))
	}
	s.OverCapacity += c.OverCapacity()
	s.Units++
	if stale {
		s.Unconfirmed++
	}
}

// Answer is the beds of a scope.
type Answer struct {
	Rows     []Row // by place, then population
	Totals   Sums
	Shelters int // shelters counted
}

// Sum adds up every active shelter within a scope, by country, state or
// district. Counts nobody has confirmed for longer than unconfirmed are summed
// like the others and said to be unconfirmed. Suspended and closed shelters are
// left out unless people still sleep there.
func Sum(w matching.World, within place.Code, by place.Level, now time.Time, unconfirmed time.Duration) Answer {
	type key struct {
		at place.Code
		p  code.Population
	}
	sums := map[key]*Sums{}
	var a Answer
	for c := range w.All() {
		d, ok := place.Lookup(c.District)
		if !ok || !place.Within(c.District, within) || !counts(c) {
			continue
		}
		a.Shelters++
		offered := c.Status == shelter.Active && c.RegisteredAt(now)
		for _, u := range c.Units {
			k := key{parent(d, by), u.Population}
			if sums[k] == nil {
				sums[k] = &Sums{}
			}
			stale := now.Sub(u.ConfirmedAt) > unconfirmed
			sums[k].add(u, now, offered, stale)
			a.Totals.add(u, now, offered, stale)
		}
	}
	for _, k := range slices.Collect(maps.Keys(sums)) {
		a.Rows = append(a.Rows, Row{Place: k.at, Population: k.p, Sums: *sums[k]})
	}
	slices.SortFunc(a.Rows, func(x, y Row) int {
		return cmp.Or(cmp.Compare(x.Place, y.Place), cmp.Compare(x.Population, y.Population))
	})
	return a
}

func counts(c *matching.Candidate) bool {
	return c.Status == shelter.Active || slices.ContainsFunc(c.Units, func(u shelter.Unit) bool { return u.Counts().Occupied() > 0 })
}

func parent(d place.Place, by place.Level) place.Code {
	switch by {
	case place.Country:
		return d.Country
	case place.State:
		return d.State
	}
	return d.Code
}
