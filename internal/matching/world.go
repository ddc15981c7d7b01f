// Package matching decides which shelters fit a party, in which order, and why
// the others do not. It is pure: no clock, no input or output. Hard rules come
// first and are never outscored; the score only orders what the rules allow.
//
// A team learns where a shelter is only as a zone and a journey band, so
// distance is computed between the party's district and the zone, never from a
// shelter's own place: otherwise the order of options would give it away.
package matching

import (
	"cmp"
	"iter"
	"slices"
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
	Door  shelter.Door   // who comes on which day, where the shelter limits it
}

// apart reports whether shelter and units are known from different moments.
func (c *Candidate) apart() bool {
	for i := range c.Units {
		if c.Units[i].Rev != c.Rev {
			return true
		}
	}
	return false
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

// Shelves keep the shelters themselves, each under a slot that stays its own.
// What they hold does not change once a World is made of them.
type Shelves interface {
	// Open takes a shelter out; nil when only units of it are known yet. Its Zone is not set.
	Open(slot uint32) *Candidate
	// ID is the id of the shelter of a slot.
	ID(slot uint32) string
	// Compare compares two slots by the ids of their shelters.
	Compare(a, b uint32) int
	// Find is the slot of a shelter.
	Find(id string) (slot uint32, ok bool)
	// Slots are all slots, by id.
	Slots() iter.Seq[uint32]
}

// World is one snapshot of the directory. It does not change once made.
type World struct {
	*Index
	shelves Shelves
}

// NewWorld makes a world of an index and the shelves it was made from.
func NewWorld(x *Index, s Shelves) World { return World{Index: x, shelves: s} }

// WorldOf makes a world of plain candidates: for tests, benches and small worlds.
// They are put in order of id, and in zones of at least least shelters.
func WorldOf(all []Candidate, least int) World {
	list := make(listed, len(all))
	active := map[place.Code]int{}
	for i := range all {
		c := all[i]
		list[i] = &c
		active[c.District] += Active(&c.Shelter)
	}
	slices.SortFunc(list, func(a, b *Candidate) int { return cmp.Compare(a.ID, b.ID) })
	book := NewBook()
	sketches := make([]Sketch, len(list))
	for i, c := range list {
		sketches[i] = book.Sketch(uint32(i), c)
	}
	return NewWorld(NewIndex(NewZoning(active, least), book, sketches), list)
}

// Active is 1 for a shelter that takes part, else 0: for adding up.
func Active(s *shelter.Shelter) int {
	if s.Status == shelter.Active {
		return 1
	}
	return 0
}

// listed are shelves of plain candidates, by id.
type listed []*Candidate

func (l listed) Open(slot uint32) *Candidate { c := *l[slot]; return &c }
func (l listed) ID(slot uint32) string       { return l[slot].ID }
func (l listed) Compare(a, b uint32) int     { return cmp.Compare(a, b) }
func (l listed) Find(id string) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(l, id, func(c *Candidate, id string) int { return cmp.Compare(c.ID, id) })
	return uint32(i), ok
}
func (l listed) Slots() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for i := range l {
			if !yield(uint32(i)) {
				return
			}
		}
	}
}

// All are the shelters, by id.
func (w World) All() iter.Seq[*Candidate] {
	return func(yield func(*Candidate) bool) {
		for slot := range w.shelves.Slots() {
			if c := w.open(slot); c != nil && !yield(c) {
				return
			}
		}
	}
}

// Find takes out one shelter.
func (w World) Find(id string) (*Candidate, bool) {
	slot, ok := w.shelves.Find(id)
	if !ok {
		return nil, false
	}
	c := w.open(slot)
	return c, c != nil
}

func (w World) open(slot uint32) *Candidate {
	c := w.shelves.Open(slot)
	if c == nil {
		return nil
	}
	zone, ok := w.of[c.District]
	if !ok {
		return nil // in a district nobody knows
	}
	c.Zone = zone
	return c
}

// Journeys remembers, for each district asked from, the way to every zone.
type Journeys struct{ from sync.Map }

// journey is the way from one district: minutes by zone, and the zones of its
// country from near to far.
type journey struct {
	minutes []int
	near    []int32
}

func (x *Index) journey(here place.Place) *journey {
	if known, ok := x.journeys.from.Load(here.Code); ok {
		if j, ok := known.(*journey); ok {
			return j
		}
	}
	j := &journey{minutes: make([]int, len(x.Zones))}
	for i, z := range x.Zones {
		j.minutes[i] = place.JourneyMinutes(place.DistanceKM(here, z.Center))
		if z.Center.Country == here.Country {
			j.near = append(j.near, int32(i))
		}
	}
	slices.SortStableFunc(j.near, func(a, b int32) int { return cmp.Compare(j.minutes[a], j.minutes[b]) })
	x.journeys.from.Store(here.Code, j)
	return j
}

// Ask is one party's request as matching sees it.
type Ask struct {
	placement.Request
	At        time.Time
	Refused   []string // shelters that declined this party: a hard rule
	Unwanted  []string // shelters the party refused: a hard rule, and no other shelter ranks lower for it
	Tried     []string // shelters not to be offered again by themselves
	Paused    []string // shelters nobody new is sent to for now: a hard rule that counts as being full, so that no answer tells of it
	Discreet  bool     // whoever is answered must not learn that places are excluded: no count says so
	DaysLater int      // days after the earliest on which the party could come: for places with a limit on the day
	Seed      string   // the placement's id: puts near-ties in an order of its own; empty keeps them by score
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
	Day         shelter.Day // on which the party comes, where the shelter limits how many do; else 0
	Unconfirmed bool
	Score       int
	Points      []Points
	Reasons     []string
}

// Hold is the option as a placement holds it.
func (o Option) Hold() placement.Option {
	return placement.Option{Shelter: o.Candidate.ID, Parts: o.Parts, Score: o.Score, Rev: o.Candidate.Rev,
		Day: o.Day, Limit: o.Candidate.DailyIntake}
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
