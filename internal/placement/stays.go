package placement

import (
	"slices"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
)

// EndByTransfer ends a stay because the party has arrived elsewhere.
func (p Placement) EndByTransfer(at, now time.Time) (Placement, []BedMove, error) {
	if at.Before(p.ArrivedAt) { // that they have come elsewhere is a fact, whatever the clocks say
		at = p.ArrivedAt
	}
	p, moves, err := p.End(nil, code.EndTransferred, at, now)
	p.Back = Back{} // only where they have arrived can it be taken back
	return p, moves, err
}

// Overtaken closes a request whose people have arrived elsewhere, or ask anew: what
// it had is given back, and nobody takes it back.
func (p Placement) Overtaken(now time.Time) (Placement, []BedMove, error) {
	p, moves, err := p.Supersede(now)
	p.Back = Back{}
	return p, moves, err
}

// Stayed takes back that the people of a stay have moved on at an instant: where it
// has ended with that, it goes on.
func (p Placement) Stayed(at, now time.Time) (Placement, []BedMove, bool) {
	var gone []int
	for i, s := range p.Stays {
		if s.Gone && s.Reason == code.EndTransferred && s.At.Equal(at) {
			gone = append(gone, i)
		}
	}
	if p.State != Ended || len(gone) == 0 {
		return p, nil, false
	}
	moves := p.unend(Back{Persons: gone})
	p.to(Arrived, now)
	return p, moves, true
}

// Receive records that the party has arrived at a shelter that holds or has held
// beds for it: a fact, taken late, over capacity, after a lapse, after cancelled,
// and after the party was held elsewhere, where the beds are then given back.
func (p Placement) Receive(shelter string, at, now time.Time) (Placement, []BedMove, error) {
	if err := p.enter(MoveReceive); err != nil {
		return p, nil, err
	}
	here, ok := p.HoldAt(shelter)
	if !ok {
		return p, nil, p.illegal("this shelter never held beds for the party")
	}
	if err := p.couldArrive(shelter, at); err != nil {
		return p, nil, err
	}
	var moves []BedMove
	basis, replaced := p.Basis, ""
	if p.State == Ended {
		p.Earlier = append(slices.Clone(p.Earlier), Stayed{Shelter: p.Hold.Shelter, ArrivedAt: p.ArrivedAt, Stays: p.Stays})
	}
	if p.Hold.Shelter != shelter {
		if p.State.Promised() {
			replaced = p.Hold.Shelter
		}
		if p.State == Arrived {
			return p, nil, p.illegal("the party has arrived elsewhere: end that stay first")
		}
		moves = p.drop()
		p.Past = p.remembered(shelter)
		p.Hold, p.ByPhone, p.Verified = here, false, false
	} else if p.State == Arrived {
		return p, nil, nil // said twice
	}
	if at.After(now) {
		at = now
	}
	moves = append(moves, p.beds(FillBeds, at)...)
	p.ArrivedAt = at
	p.Stays = make([]Stay, len(p.Request.Persons))
	p.leave(MoveReceive, House, Arrived, now)
	p.Back.Basis, p.Back.Replaced, p.Back.Day = basis, replaced, p.Hold.Day
	return p, moves, nil
}

// couldArrive refuses an instant at which nobody can have arrived: before the
// rescue, or while they stayed there already. Every other one may have been so,
// however late it is told and whatever was told before.
func (p Placement) couldArrive(shelter string, at time.Time) error {
	if p.State == Ended && p.Hold.Shelter == shelter && !at.Before(p.ArrivedAt) && at.Before(p.LeftAt()) {
		return fault.Field("occurredAt", "lies within a stay of the party with you that has ended: say when they came back")
	}
	return notBefore(at, p.Request.RescuedAt, "the rescue")
}

// LeftAt is when the last of those who arrived left; zero before.
func (p Placement) LeftAt() (last time.Time) {
	for _, s := range p.Stays {
		if s.Gone && s.At.After(last) && !p.ArrivedAt.IsZero() {
			last = s.At
		}
	}
	return last
}

// End records that persons have left, for a reason; the placement ends with the
// last of them. persons are indexes into the party; nil means all who are there.
func (p Placement) End(persons []int, why code.EndReason, at, now time.Time) (Placement, []BedMove, error) {
	if p.State != Arrived {
		return p, nil, p.illegal("a placement that is %s does not allow a shelter to end it", p.State)
	}
	if err := p.enter(MoveEnd); err != nil {
		return p, nil, err
	}
	if err := notBefore(at, p.ArrivedAt, "the arrival"); err != nil {
		return p, nil, err
	}
	if at.After(now) {
		at = now
	}
	if at.Before(p.ArrivedAt) { // two clocks differ a little
		at = p.ArrivedAt
	}
	if persons != nil && len(persons) == 0 {
		return p, nil, fault.Field("persons", "names nobody: leave it out where all leave")
	}
	if persons == nil {
		for i, s := range p.Stays {
			if !s.Gone {
				persons = append(persons, i)
			}
		}
	}
	p.Stays = slices.Clone(p.Stays)
	for _, i := range persons {
		if i < 0 || i >= len(p.Stays) {
			return p, nil, fault.Field("persons", "names a person who is not in the party")
		}
		if p.Stays[i].Gone {
			return p, nil, fault.Field("persons", "names a person who has left already")
		}
		p.Stays[i] = Stay{Gone: true, Reason: why, At: at}
	}
	moves := p.vacate(persons, at)
	to := Arrived
	if p.PersonsHere() == 0 {
		to = Ended
	}
	p.leave(MoveEnd, House, to, now)
	p.Back.Persons = persons
	return p, moves, nil
}

// EndBefore records that the party will not arrive: it has left, someone has died
// on the way, or there never was such a party. The team's alone, and a fact: it
// needs no version, and is taken when nothing was awaited any more, too. Of part of a
// party it is recorded after a split.
func (p Placement) EndBefore(why code.EndReason, at, now time.Time) (Placement, []BedMove, error) {
	if p.State == Arrived || p.State == Ended {
		return p, nil, p.illegal("the party has arrived: its shelter records who leaves")
	}
	if err := p.enter(MoveEnd); err != nil {
		return p, nil, err
	}
	if !slices.Contains([]code.EndReason{code.EndOwnWish, code.EndLeftUnannounced, code.EndDied, code.EndEntryError}, why) {
		return p, nil, fault.Field("reason", "before arrival must be own_wish, left_unannounced, died or entry_error")
	}
	if err := notBefore(at, p.Request.RescuedAt, "the rescue"); err != nil {
		return p, nil, err
	}
	if at.After(now) {
		at = now
	}
	moves := p.drop()
	p.Stays = make([]Stay, len(p.Request.Persons))
	for i := range p.Stays {
		p.Stays[i] = Stay{Gone: true, Reason: why, At: at}
	}
	p.leave(MoveEnd, Team, Ended, now)
	return p, moves, nil
}

// ChildGone reports whether someone under 18 has left since before.
func (p Placement) ChildGone(before Placement) bool {
	for i, s := range p.Stays {
		if s.Gone && (i >= len(before.Stays) || !before.Stays[i].Gone) && p.Request.Persons[i].Child() {
			return true
		}
	}
	return false
}

// vacate is what becomes of the beds of those who leave; p knows of it already.
// Where the party has rooms to itself, they stay its own until the last has left.
func (p Placement) vacate(persons []int, at time.Time) []BedMove {
	var out []BedMove
	for _, part := range p.Hold.Parts {
		var left, before []int
		for _, i := range part.Persons {
			if leaves := slices.Contains(persons, i); leaves || !p.Stays[i].Gone {
				before = append(before, i)
				if !leaves {
					left = append(left, i)
				}
			}
		}
		if n := len(before) - len(left); n > 0 {
			out = append(out, BedMove{Kind: VacateBeds, Shelter: p.Hold.Shelter, Unit: part.Unit, Claim: ClaimID(p.ID, p.Hold.No), Persons: n, N: part.unblocked(n, len(left)), Until: at,
				Places: part.places(p.Request, before).Minus(part.places(p.Request, left))})
		}
	}
	return out
}

// unblocked is how many empty beds come free when n leave and so many stay;
// negative when the beds of those who left stay blocked.
func (p Part) unblocked(n, left int) int {
	switch {
	case p.Beds == 0:
		return 0
	case left > 0:
		return -n
	}
	return p.Beds - n
}

// PersonsHere is how many of the party are in the shelter.
func (p Placement) PersonsHere() int {
	n := 0
	for _, s := range p.Stays {
		if !s.Gone {
			n++
		}
	}
	return n
}

// Admit makes the placement of a party that is in the shelter already, though
// nobody asked before: a fact, taken over capacity too. beds are those of the
// rooms it has to itself.
func Admit(id, team, policy string, r Request, shelter, unit string, beds int, at, now time.Time, cmd Command) (Placement, []BedMove) {
	p := New(id, team, policy, r, now, cmd)
	part := Part{Unit: unit}
	part.Beds = beds
	for i := range r.Persons {
		part.Persons = append(part.Persons, i)
	}
	if at.After(now) || at.IsZero() {
		at = now
	}
	p.Hold = Hold{No: 1, Shelter: shelter, Parts: []Part{part}}
	p.ArrivedAt = at
	p.Stays = make([]Stay, len(r.Persons))
	p.to(Arrived, now)
	return p, p.beds(FillBeds, at)
}
