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
