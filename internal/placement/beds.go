package placement

import (
	"slices"
	"strconv"
	"time"

	"panah/internal/shelter"
)

// Part is the beds of one unit in a hold, and who sleeps in them.
type Part struct {
	Unit    string
	Persons []int          // indexes into the party
	Beds    int            // of the whole rooms the party has to itself; 0 where each has a bed
	Kept    shelter.Places // places beside beds that its people have although what they need is erased
}

// Claimed is how many beds the part takes from others.
func (p Part) Claimed() int { return max(p.Beds, len(p.Persons)) }

// ClaimID names the hold's claim in a unit.
func ClaimID(id string, holdNo int) string { return id + "." + strconv.Itoa(holdNo) }

// BedMove is what must become of beds of one unit when a move is written.
type BedMove struct {
	Kind          BedKind
	Shelter, Unit string
	Rev           uint64 // of the shelter's rules the decision was made on, for TakeBeds
	Claim         string
	N             int // beds: of whole rooms, where the party has them to itself
	Persons       int // people who come or go
	Until         time.Time
	Vouched       bool // with PinBeds: the shelter said on the phone that its counts are true

	Places shelter.Places // that these people need beside beds
	Day    shelter.Day    // on which they come, where the shelter limits how many do
	Limit  shelter.Limit  // on that day, for TakeBeds
	Other  string         // with PartBeds: the claim of those placed apart
	Came   bool           // with EmptyBeds: they had come there before, on Day, and that stands
}

// BedKind is one way beds change.
type BedKind uint8

// The ways beds change.
const (
	TakeBeds    BedKind = iota // free → held, guarded by the unit itself
	PinBeds                    // held stays held, without an end
	DropBeds                   // held → free
	KeepBeds                   // held stays held, until a later instant
	FillBeds                   // held → occupied
	VacateBeds                 // occupied → free: N empty beds of their rooms come free with them
	RefillBeds                 // occupied → held, without an end: an arrival is taken back
	EmptyBeds                  // occupied → free: an arrival that had no claim is taken back
	ReturnBeds                 // free → occupied: a departure is taken back
	RefitBeds                  // held stays held: its people need other places than was said
	RecountBeds                // occupied stays occupied: so many places more or, below 0, fewer are used
	PartBeds                   // nothing changes but whose they are: so many of those a census has named are placed apart
)

func (p Placement) beds(kind BedKind, until time.Time) []BedMove {
	out := make([]BedMove, len(p.Hold.Parts))
	for i, part := range p.Hold.Parts {
		out[i] = BedMove{Kind: kind, Shelter: p.Hold.Shelter, Unit: part.Unit,
			Claim: ClaimID(p.ID, p.Hold.No), N: part.Claimed(), Persons: len(part.Persons), Until: until,
			Places: part.places(p.Request, part.Persons), Day: p.Hold.Day}
	}
	return out
}

// places are those that some of the party need beside beds.
func (r Request) places(persons []int) (out shelter.Places) {
	for _, i := range persons {
		out = out.Plus(r.Persons[i].Places())
	}
	return out
}

// places are those beside beds that some of a part's people have. Where their needs
// are erased nobody knows any more whose places are kept: each has at most one.
func (p Part) places(r Request, persons []int) shelter.Places {
	kept := shelter.Places{StepFree: min(p.Kept.StepFree, len(persons)), Medical: min(p.Kept.Medical, len(persons))}
	return r.places(persons).Plus(kept)
}

// PlacesOf are the places beside beds that the people of a part of the hold have or
// are promised: of all who have not left.
func (p Placement) PlacesOf(part Part) shelter.Places {
	return part.places(p.Request, p.notGone(part))
}

// notGone are the persons of a part who have not left.
func (p Placement) notGone(part Part) []int {
	return slices.DeleteFunc(slices.Clone(part.Persons), func(i int) bool { return i < len(p.Stays) && p.Stays[i].Gone })
}

// HeldBy reports whether a shelter holds or has ever held beds for the party:
// that is who may record its arrival.
func (p Placement) HeldBy(shelter string) bool {
	_, ok := p.HoldAt(shelter)
	return ok
}

// lastNo is the number of the latest hold. After an arrival at a shelter that held
// beds before, it is not that of the hold there.
func (p Placement) lastNo() int {
	last := p.Hold.No
	for _, h := range p.Past {
		last = max(last, h.No)
	}
	return last
}

// HoldAt is the live or last hold at a shelter.
func (p Placement) HoldAt(shelter string) (Hold, bool) {
	for _, h := range append([]Hold{p.Hold}, p.Past...) {
		if h.Shelter == shelter && shelter != "" {
			return h, true
		}
	}
	return Hold{}, false
}

// BedsIn is how many of the party were to sleep in a unit of a shelter that
// holds or held beds for them.
func (p Placement) BedsIn(shelter, unit string) int {
	h, _ := p.HoldAt(shelter)
	n := 0
	for _, part := range h.Parts {
		if part.Unit == unit {
			n += len(part.Persons)
		}
	}
	return n
}

// Inside is how many of the party a shelter means that counts it among those in a
// unit: of who lives there, those who have not left, otherwise all.
func (p Placement) Inside(shelter, unit string) (n int) {
	if p.State != Arrived || p.Hold.Shelter != shelter {
		return p.BedsIn(shelter, unit)
	}
	for _, part := range p.Hold.Parts {
		if part.Unit == unit {
			n += len(p.notGone(part))
		}
	}
	return n
}

// ClaimAt names the claim of the live or last hold at a shelter.
func (p Placement) ClaimAt(shelter string) string {
	h, _ := p.HoldAt(shelter)
	return ClaimID(p.ID, h.No)
}

// remembered are the earlier holds once the present one is replaced.
func (p Placement) remembered(next string) []Hold {
	past := slices.DeleteFunc(slices.Clone(p.Past), func(h Hold) bool { return h.Shelter == next || h.Shelter == p.Hold.Shelter })
	if p.Hold.Shelter != "" && p.Hold.Shelter != next {
		past = append(past, p.Hold)
	}
	return past
}

// drop gives back the beds of the live hold, if there is one.
func (p Placement) drop() []BedMove {
	if p.State.Promised() {
		return p.beds(DropBeds, time.Time{})
	}
	return nil
}
