// Package matching decides which shelters fit a party, in which order, and why
// the others do not. It is pure: no clock, no input or output. Hard rules come
// first and are never outscored; the score only orders what the rules allow.
//
// A team learns where a shelter is only as a zone and a journey band, so
// distance is computed between the party's district and the zone, never from a
// shelter's own place: otherwise the order of options would give it away.
package matching

import (
	"math"
	"sync"
	"time"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/shelter"
)

// Candidate is a shelter with its units as the directory knows them.
type Candidate struct {
	shelter.Shelter
	Units []shelter.Unit // by id
	Zone  int            // index into World.Zones

	beds  []beds // of each unit, worked out once
	apart bool   // shelter and units are known from different moments
}

// beds are a unit's free beds until the first of its claims ends.
type beds struct {
	free  int
	until int64 // Unix seconds
}

// NewCandidate works out once what every ask looks at.
func NewCandidate(s shelter.Shelter, units []shelter.Unit, zone int) *Candidate {
	c := &Candidate{Shelter: s, Units: units, Zone: zone}
	c.summarize()
	return c
}

func (c *Candidate) summarize() {
	c.beds = make([]beds, len(c.Units))
	for i := range c.Units {
		u := &c.Units[i]
		c.beds[i] = beds{free: u.FreeAt(time.Time{}), until: math.MaxInt64}
		for _, claim := range u.Promised() {
			if !claim.Until.IsZero() {
				c.beds[i].until = min(c.beds[i].until, claim.Until.Unix())
			}
		}
		c.apart = c.apart || u.Rev != c.Rev
	}
}

// freeAt is how many more people may come to unit i.
func (c *Candidate) freeAt(i int, at time.Time) int {
	if at.Unix() < c.beds[i].until {
		return c.beds[i].free
	}
	return c.Units[i].FreeAt(at)
}

// LastOffered is when any unit was last promised.
func (c *Candidate) LastOffered() time.Time {
	var last time.Time
	for i := range c.Units {
		if t := c.Units[i].OfferedLast(); t.After(last) {
			last = t
		}
	}
	return last
}

// World is one snapshot of the directory. It does not change once made.
type World struct {
	Candidates []*Candidate // by id
	Zones      []Zone
	ByZone     [][]int32 // indexes of the candidates of each zone
	Journeys   *Journeys // worked out so far; worlds with the same zones share it
}

// NewWorld makes a world of candidates sorted by id.
func NewWorld(sorted []*Candidate, zones []Zone) World {
	for _, c := range sorted {
		if c.beds == nil {
			c.summarize()
		}
	}
	return World{Candidates: sorted, Zones: zones, ByZone: GroupByZone(sorted, len(zones)), Journeys: &Journeys{}}
}

// Journeys remembers the minutes from a district to every zone.
type Journeys struct{ from sync.Map }

func (w World) journeys(here place.Place) []int {
	if known, ok := w.Journeys.from.Load(here.Code); ok {
		if minutes, ok := known.([]int); ok {
			return minutes
		}
	}
	minutes := make([]int, len(w.Zones))
	for i, z := range w.Zones {
		minutes[i] = place.JourneyMinutes(place.DistanceKM(here, z.Center))
	}
	w.Journeys.from.Store(here.Code, minutes)
	return minutes
}

// GroupByZone lists the candidates of each zone.
func GroupByZone(sorted []*Candidate, zones int) [][]int32 {
	out := make([][]int32, zones)
	for i, c := range sorted {
		out[c.Zone] = append(out[c.Zone], int32(i))
	}
	return out
}

// Ask is one party's request as matching sees it.
type Ask struct {
	placement.Request
	At       time.Time
	Refused  []string // shelters that declined this party: a hard rule
	Unwanted []string // shelters the party refused: a hard rule, and no other shelter ranks lower for it
	Tried    []string // shelters not to be offered again by themselves
}

// Option is a shelter that fits.
type Option struct {
	Candidate   *Candidate
	Parts       []placement.Part
	Zone        Zone
	Minutes     int // of journey, between centroids
	Approximate bool
	Together    Closeness
	Languages   []language.Match // the best match for each person
	Intake      Intake
	Unconfirmed bool
	Score       int
	Points      []Points
	Reasons     []string
}

// Hold is the option as a placement holds it.
func (o Option) Hold() placement.Option {
	return placement.Option{Shelter: o.Candidate.ID, Parts: o.Parts, Score: o.Score, Rev: o.Candidate.Rev}
}

// Points is one part of a score.
type Points struct {
	Part   string
	Points int
}

// Closeness is how near each other a party sleeps.
type Closeness uint8

// The degrees of closeness.
const (
	Alone Closeness = iota
	SameUnit
	AdjacentUnits
	SameShelter
)

// Intake is when the shelter can take the party in.
type Intake uint8

// The kinds of intake.
const (
	OpenNow Intake = iota
	OpensLater
)

// Intakes names the kinds.
var Intakes = code.NewList[Intake]("open_now", "opens_later")

// Result is the answer to one ask.
type Result struct {
	Options    []Option
	Considered int
	FirstRule  map[string]int // the first failed rule of each shelter considered
	WouldHelp  []string
}

// Fallback is where to turn when nothing fits.
type Fallback struct {
	Desk  place.Code
	Call  string
	Place string
}
