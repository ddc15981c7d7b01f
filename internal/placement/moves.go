package placement

import (
	"slices"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/shelter"
)

// Option is a shelter to hold, as matching found it.
type Option struct {
	Shelter string
	Parts   []Part
	Score   int
	Rev     uint64        // of the shelter's rules the option was found under
	Day     shelter.Day   // on which the party comes, where the shelter limits how many do; else 0
	Limit   shelter.Limit // of people on that day
}

// TakeHold holds an option until an instant. A live hold elsewhere is given
// back in the same write: at most one hold lives at a time.
func (p Placement) TakeHold(o Option, until, now time.Time) (Placement, []BedMove, error) {
	return p.take(MoveHold, o, until, now)
}

// TakeChosen is TakeHold for an option that was chosen: also a party that another
// shelter has accepted may choose it.
func (p Placement) TakeChosen(o Option, until, now time.Time) (Placement, []BedMove, error) {
	return p.take(MoveChoose, o, until, now)
}

func (p Placement) take(m Move, o Option, until, now time.Time) (Placement, []BedMove, error) {
	if err := p.enter(m); err != nil {
		return p, nil, err
	}
	if p.State == Held && p.Hold.Shelter == o.Shelter && now.Before(p.Hold.ExpiresAt) {
		return p, nil, p.illegal("this shelter is held already")
	}
	moves, no := p.drop(), p.lastNo()+1
	before, _ := p.HoldAt(o.Shelter)
	p.Past = p.remembered(o.Shelter)
	p.FoundAt, p.Late = time.Time{}, false
	p.Hold = Hold{No: no, Shelter: o.Shelter, Parts: o.Parts, Score: o.Score, ExpiresAt: until, Day: o.Day, PhoneTries: before.PhoneTries}
	p.ByPhone, p.Verified = false, false // what another shelter has said
	p.to(Held, now)
	take := p.beds(TakeBeds, until)
	for i := range take {
		take[i].Rev, take[i].Limit = o.Rev, o.Limit
	}
	return p, append(moves, take...), nil
}

// Wait puts a placement that nothing fits on the waiting list.
func (p Placement) Wait(until, now time.Time) Placement {
	if !p.Request.NeededUntil.After(now) { // not said, or over since: it waits anew
		p.Request.NeededUntil = until
	}
	p.FoundAt = time.Time{}
	p.to(Waitlisted, now)
	return p
}

// LeftToChoose leaves to the team what is not held by itself again: beds are to be
// had where the party's hold has lapsed before. It is told so as one that waited
// is, and when nobody chooses in time, it waits like any other.
func (p Placement) LeftToChoose(until, now time.Time) Placement {
	if !p.Request.NeededUntil.After(now) {
		p.Request.NeededUntil = until
	}
	p.FoundAt = now
	return p
}

// StopWaiting ends the waiting of a request whose time is over; it stays open.
func (p Placement) StopWaiting(now time.Time) Placement {
	p.to(Requested, now)
	return p
}

// Release gives the held beds back without ending the request.
func (p Placement) Release(side Side, now time.Time) (Placement, []BedMove, error) {
	if err := p.enter(MoveRelease); err != nil {
		return p, nil, err
	}
	moves := p.drop()
	p.leave(MoveRelease, side, Requested, now)
	return p, moves, nil
}

// Choose records who chose the shelter and what they were shown. The choice is
// about the live hold's shelter; choosing another one is a hold first.
func (p Placement) Choose(c Choice, now time.Time) (Placement, error) {
	if err := p.enter(MoveChoose); err != nil {
		return p, err
	}
	if err := c.allowedFor(p.Request); err != nil {
		return p, err
	}
	c.At = now
	p.Choice, p.ChangedAt, p.Back = c, now, Back{}
	return p, nil
}

func (r Request) allChildren() bool {
	return !slices.ContainsFunc(r.Persons, func(p Person) bool { return !p.Child() })
}

// Accept is the shelter's yes to the live hold. From here on the beds do not
// lapse. Team and shelter each get half of the door code. Where the team heard a yes on
// the phone and it is not sure whose it was, it is sure from now on: nothing else changes.
func (p Placement) Accept(doorTeam, doorHouse string, now time.Time) (Placement, []BedMove, error) {
	if p.State == Held {
		return p.accept(MoveAccept, doorTeam, doorHouse, now)
	}
	if err := p.enter(MoveAccept); err != nil {
		return p, nil, err
	}
	p.ByPhone, p.Verified, p.Back = false, true, Back{}
	return p, nil, nil
}

func (p Placement) accept(m Move, doorTeam, doorHouse string, now time.Time) (Placement, []BedMove, error) {
	if err := p.enter(m); err != nil {
		return p, nil, err
	}
	if !now.Before(p.Hold.ExpiresAt) {
		return p, nil, fault.New(fault.HoldLapsed, "the hold has lapsed").WithAllowed([]string{})
	}
	p.DoorTeam, p.DoorHouse = doorTeam, doorHouse
	p.ByPhone, p.Verified = false, true
	p.to(Accepted, now)
	return p, p.beds(PinBeds, time.Time{}), nil
}

// Decline is the shelter's coded no. The shelter is not offered again to this party.
func (p Placement) Decline(why code.DeclineReason, now time.Time) (Placement, []BedMove, error) {
	if err := p.enter(MoveDecline); err != nil {
		return p, nil, err
	}
	moves := p.drop()
	p.Refused = appendNew(p.Refused, p.Hold.Shelter)
	p.Reason = uint8(why)
	p.leave(MoveDecline, House, Requested, now)
	return p, moves, nil
}

// Lapse gives the beds of a hold back whose time has passed. Only held lapses.
func (p Placement) Lapse(now time.Time) (Placement, []BedMove, error) {
	if err := p.enter(MoveLapse); err != nil {
		return p, nil, err
	}
	if now.Before(p.Hold.ExpiresAt) {
		return p, nil, p.illegal("the hold has time left")
	}
	moves := p.drop()
	p.Tried = appendNew(p.Tried, p.Hold.Shelter)
	p.to(Requested, now)
	return p, moves, nil
}

// Refuse is the party's no to the shelter held, at any time before arrival. The
// shelter is not offered again; nothing is ranked lower for it.
func (p Placement) Refuse(why code.RefuseReason, now time.Time) (Placement, []BedMove, error) {
	if err := p.enter(MoveRefuse); err != nil {
		return p, nil, err
	}
	moves := p.drop()
	p.Unwanted = appendNew(p.Unwanted, p.Hold.Shelter)
	p.Reason = uint8(why)
	p.leave(MoveRefuse, Team, Requested, now)
	return p, moves, nil
}

// Extend gives a hold more time. It is always allowed while the hold lives.
func (p Placement) Extend(until, now time.Time) (Placement, []BedMove, error) {
	if err := p.enter(MoveExtend); err != nil {
		return p, nil, err
	}
	if !now.Before(p.Hold.ExpiresAt) {
		return p, nil, fault.New(fault.HoldLapsed, "the hold has lapsed").WithAllowed([]string{})
	}
	if !until.After(p.Hold.ExpiresAt) {
		return p, nil, nil // it has as much time already
	}
	p.Hold.ExpiresAt, p.ChangedAt, p.Back = until, now, Back{}
	return p, p.beds(KeepBeds, until), nil
}

// TurnAway records that the party was not let in, or found it could not go in.
// From here it is urgent; the shelter is not offered again.
func (p Placement) TurnAway(why code.DeclineReason, now time.Time) (Placement, []BedMove, error) {
	if err := p.enter(MoveTurnAway); err != nil {
		return p, nil, err
	}
	moves := p.drop()
	p.Refused = appendNew(p.Refused, p.Hold.Shelter)
	p.Reason = uint8(why)
	p.Request.Urgency = code.UrgencyNow
	p.to(Requested, now)
	return p, moves, nil
}

// Divert records that the journey has left its way. The beds stay promised:
// nobody resells the bed of someone on the road.
func (p Placement) Divert(why code.DivertReason, now time.Time) (Placement, error) {
	if err := p.enter(MoveDivert); err != nil {
		return p, err
	}
	p.Reason = uint8(why)
	p.leave(MoveDivert, Team, Diverted, now)
	return p, nil
}

// Correct replaces what was said of the persons: an age or where somebody is to
// sleep was wrong. The party stays the same people, in the same order; beds are
// kept until they are swapped. A choice that would not count for who they are, and a
// ground they do not stay on, are theirs no more.
func (p Placement) Correct(persons []Person, now time.Time) (Placement, []BedMove, error) {
	if err := p.enter(MoveCorrect); err != nil {
		return p, nil, err
	}
	if len(persons) != len(p.Request.Persons) {
		return p, nil, fault.Field("persons", "must be the same persons in the same order")
	}
	before := p.Request
	p.Request.Persons = slices.Clone(persons)
	p.ChangedAt, p.Back = now, Back{}
	p.WarnedAt = time.Time{} // a clock of law may run now that did not before
	if p.Choice.allowedFor(p.Request) != nil {
		p.Choice = Choice{}
	}
	return p.regrounded(before), p.refit(before), nil
}

// refit is what becomes of the places beside beds when other needs are known of
// the party than before.
func (p Placement) refit(before Request) (out []BedMove) {
	if !p.State.Live() {
		return nil
	}
	kind := RefitBeds
	if p.State == Arrived {
		kind = RecountBeds
	}
	for _, m := range p.beds(kind, time.Time{}) {
		i := slices.IndexFunc(p.Hold.Parts, func(part Part) bool { return part.Unit == m.Unit })
		who := p.notGone(p.Hold.Parts[i])
		change := p.Request.places(who).Minus(before.places(who))
		if kind == RecountBeds {
			m.Places = change
		}
		if m.Day = 0; change != (shelter.Places{}) {
			out = append(out, m)
		}
	}
	return out
}

// Stop notes since when the shelter that has the party, or holds beds for it, takes
// nobody any more; a zero instant, that it takes part again.
func (p Placement) Stop(since, now time.Time) Placement {
	p.Hold.Stopped, p.ChangedAt, p.Same = since, now, 0
	return p
}

// Overdue notes that the desk was told of a journey that takes too long.
func (p Placement) Overdue() Placement { p.LateTold = true; return p }

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

// Supersede closes a request that another one replaces: the desk's alone, no
// team is told that another request exists.
func (p Placement) Supersede(now time.Time) (Placement, []BedMove, error) {
	if err := p.enter(MoveSupersede); err != nil {
		return p, nil, err
	}
	moves := p.drop()
	p.leave(MoveSupersede, Office, Superseded, now)
	return p, moves, nil
}

// Decide records a decision of the Committee, a magistrate or the desk, and on
// what ground the party stays from then on, where the decision says so.
func (p Placement) Decide(what code.Decision, basis *Basis, at, now time.Time) (Placement, error) {
	if err := p.enter(MoveDecide); err != nil {
		return p, err
	}
	if err := notBefore(at, p.Request.RescuedAt, "the rescue"); err != nil {
		return p, err
	}
	switch {
	case onReturn(what):
		return p, fault.Field("decision", "is about a return: it needs its own facts")
	case basis != nil && basis.Ground == code.StayVoluntary && p.Request.Children():
		return p, fault.Field("basis", "is for adults: someone under 18 stays on the decision of others, and is heard")
	}
	if at.After(now) {
		at = now
	}
	p.Back = Back{Move: MoveDecide, Side: Office, From: p.State, At: now, Ruling: p.Ruling, Basis: p.Basis, Return: p.Return}
	p.Ruling, p.ChangedAt = Ruling{What: what, At: at}, now
	if p.First.At.IsZero() {
		p.First = p.Ruling
	}
	if basis != nil {
		p.Basis = *basis
	}
	return p, nil
}

// Found tells a waiting request that beds are to be had. Nothing is held unasked.
func (p Placement) Found(now time.Time) Placement {
	p.FoundAt = now
	p.to(Requested, now)
	return p
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(slices.Clone(list), s)
}

// Depart starts the journey. It needs a recorded choice and a social worker,
// or a coded override that is reported.
func (p Placement) Depart(socialWorker bool, override code.Override, overridden bool, now time.Time) (Placement, error) {
	if err := p.enter(MoveDepart); err != nil {
		return p, err
	}
	if p.State == Diverted {
		p.leave(MoveDepart, Team, InTransit, now)
		return p, nil
	}
	if !socialWorker && !overridden {
		return p, fault.Field("socialWorker", "a social worker travels with the party, or override says why not")
	}
	p.Override, p.Overridden = override, overridden && !socialWorker
	p.leave(MoveDepart, Team, InTransit, now)
	return p, nil
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

// Cancel ends the request before arrival.
func (p Placement) Cancel(why code.CancelReason, now time.Time) (Placement, []BedMove, error) {
	if err := p.enter(MoveCancel); err != nil {
		return p, nil, err
	}
	moves := p.drop()
	p.Reason = uint8(why)
	p.leave(MoveCancel, Team, Cancelled, now)
	return p, moves, nil
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
