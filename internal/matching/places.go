package matching

import (
	"math/bits"
	"time"

	"panah/internal/placement"
	"panah/internal/shelter"
)

// What parties use up beside beds: places of a unit that are limited, and the
// people a shelter takes in a day.

// wants are the persons of a party who need more than a bed, as bits.
type wants struct{ stepFree, medical uint32 }

func wantsOf(persons []placement.Person) (w wants) {
	for i := range persons {
		p := persons[i].Places()
		w.stepFree |= uint32(p.StepFree) << i
		w.medical |= uint32(p.Medical) << i
	}
	return w
}

// of is what some of them need.
func (w wants) of(who uint32) shelter.Places {
	return shelter.Places{StepFree: bits.OnesCount32(w.stepFree & who), Medical: bits.OnesCount32(w.medical & who)}
}

// lack is which of a shelter's places keep a party from it.
type lack uint8

const (
	lackStepFree lack = 1 << iota
	lackMedical
)

// settleTries bounds the search of settle. A party of a few persons who need more
// than a bed is searched to the end.
const settleTries = 4096

// assignPlaces puts everybody in a room as assign does, which must have found one
// for everybody, but those who need more than a bed only where there is a place
// left for them. Where that cannot be it says for want of what.
func (b *bedding) assignPlaces(n int, w wants) lack {
	if b.roomy(w.of(1<<n-1)) || b.assignWithin(n, w) {
		return 0
	}
	var out lack
	if !b.assignWithin(n, wants{stepFree: w.stepFree}) {
		out |= lackStepFree
	}
	if !b.assignWithin(n, wants{medical: w.medical}) || out == 0 {
		out |= lackMedical
	}
	return out
}

// roomy reports whether every room has the places of the whole party.
func (b *bedding) roomy(needed shelter.Places) bool {
	for i := range b.rooms {
		if !b.rooms[i].places.Covers(needed) {
			return false
		}
	}
	return true
}

// assignWithin is assign with limited places.
func (b *bedding) assignWithin(n int, w wants) bool {
	everybody := uint32(1)<<n - 1
	b.site, b.used, b.in = true, b.used[:0], b.in[:0]
	for _, r := range b.rooms {
		if r.free >= n && r.who == everybody && r.places.Covers(w.of(everybody)) {
			b.used = append(b.used, r)
			return true
		}
	}
	return b.bySite(func() bool {
		b.tries = settleTries
		return b.share(n, w)
	})
}

// settle finds a room for each person from p on who needs more than a bed, one
// after the other and back again, and then for all others.
func (b *bedding) settle(p, n int, w wants) bool {
	for p < n && (w.stepFree|w.medical)&(1<<p) == 0 {
		p++
	}
	if p == n {
		return b.placeOthers(n)
	}
	needed := w.of(1 << p)
	for i := range b.some {
		r := &b.some[i]
		if b.tries--; b.tries < 0 {
			return false
		}
		if r.who&(1<<p) == 0 || len(b.in[i]) >= r.free || !r.places.Covers(needed) {
			continue
		}
		b.in[i], b.settled, r.places = append(b.in[i], p), b.settled|1<<p, r.places.Minus(needed)
		if b.settle(p+1, n, w) {
			return true
		}
		b.in[i], b.settled, r.places = b.in[i][:len(b.in[i])-1], b.settled&^(1<<p), r.places.Plus(needed)
	}
	return false
}

// placeOthers finds a room for everybody who is not settled, moving no one who is.
func (b *bedding) placeOthers(n int) bool {
	for p := range n {
		if b.settled&(1<<p) != 0 {
			continue
		}
		clear(b.seen)
		if !b.place(p) {
			b.clearOthers()
			return false
		}
	}
	return true
}

func (b *bedding) clearOthers() {
	for i, who := range b.in {
		kept := who[:0]
		for _, p := range who {
			if b.settled&(1<<p) != 0 {
				kept = append(kept, p)
			}
		}
		b.in[i] = kept
	}
}

// day is the local day on which the party would come.
func (t *trial) day() shelter.Day {
	return shelter.DayAt(t.arrival(), t.offset()) + shelter.Day(t.DaysLater)
}

// dailyIntake holds the party against the people the shelter takes in on the day
// on which it would come.
func dailyIntake(t *trial) bool {
	limit := t.c.DailyIntake
	return !limit.Said() || len(t.Persons) <= limit.N()-t.c.Door.On(t.day(), t.At)
}

func stepFreeLeft(t *trial) bool { return t.lacks&lackStepFree == 0 }

func medicalLeft(t *trial) bool { return t.lacks&lackMedical == 0 }

// Scarce is one thing of a shelter that parties use up.
type Scarce struct {
	Shelter, Unit string      // the unit is empty for people a day
	What          Use         // of the unit
	Day           shelter.Day // for people a day
}

// Use is what of a unit is used.
type Use uint8

// The uses of a unit.
const (
	UseBeds Use = iota
	UseStepFree
	UseMedical
)

// Amount is how much of something a party uses.
type Amount struct {
	Scarce
	N int
}

// Uses are what a party uses of a shelter when it sleeps in parts and comes on a
// day, which is 0 where nobody counts.
func Uses(shelterID string, persons []placement.Person, parts []placement.Part, day shelter.Day) (out []Amount) {
	add := func(unit string, what Use, day shelter.Day, n int) {
		if n > 0 {
			out = append(out, Amount{Scarce{shelterID, unit, what, day}, n})
		}
	}
	w := wantsOf(persons)
	for _, part := range parts {
		who := uint32(0)
		for _, i := range part.Persons {
			who |= 1 << i
		}
		needed := w.of(who)
		add(part.Unit, UseBeds, 0, part.Claimed())
		add(part.Unit, UseStepFree, 0, needed.StepFree)
		add(part.Unit, UseMedical, 0, needed.Medical)
	}
	if day != 0 {
		add("", UseBeds, day, len(persons))
	}
	return out
}

// Left is how much there is of something that Uses names, as of an instant.
func (c *Candidate) Left(s Scarce, at time.Time) int {
	if s.Day != 0 {
		return max(0, c.DailyIntake.N()-c.Door.On(s.Day, at))
	}
	for i := range c.Units {
		u := &c.Units[i]
		if u.ID != s.Unit {
			continue
		}
		switch left := u.PlacesAt(at); s.What {
		case UseStepFree:
			return max(0, left.StepFree)
		case UseMedical:
			return max(0, left.Medical)
		}
		return max(0, u.FreeAt(at))
	}
	return 0
}
