package placement

import (
	"slices"
	"strings"
	"time"

	"panah/internal/code"
)

// Reading is how much of a placement a side may read.
type Reading uint8

// What may be read.
const (
	ReadWhole Reading = iota
	ReadLess          // consent was withdrawn, and they are or were in the house: beds, state and moves; what was told of the persons is erased
	ReadGone          // consent was withdrawn before arrival: nothing, but that it is gone
)

// ReadableBy says what a side may read of the placement; at is the shelter the reader
// works for, if any. Every answer to a reader asks here: single reads, lists, and what
// a device that was away is told. What was withdrawn before arrival stays gone for
// ever; only the house the people came to all the same sees the stay in its beds.
func (p Placement) ReadableBy(side Side, at string) Reading {
	switch {
	case p.Withdrawn.IsZero() || side == Office || side == Survivor || side == Clock:
		return ReadWhole
	case p.Sealed && (side != House || at != p.Hold.Shelter || p.ArrivedAt.IsZero()):
		return ReadGone
	}
	return ReadLess
}

// OnConsent reports whether the placement rests on the party's own consent, so
// that taking it back ends the sharing. A child's protection does not, nor does
// what a court has ordered: there the wish goes to those who decide.
func (r Request) OnConsent() bool {
	return !r.Children() && r.Consent.Basis != code.BasisCourtOrder
}

// Withdraw ends the sharing of a placement because its survivor takes consent back.
// Before arrival beds that are held are given back and the placement is closed;
// after it the bed and the stay remain facts. What was told of the persons beyond
// what a bed is counted by is erased. It is a fact and cannot be undone.
func (p Placement) Withdraw(now time.Time) (Placement, []BedMove, error) {
	if err := p.enter(MoveWithdraw); err != nil {
		return p, nil, err
	}
	moves := p.drop()
	if p.State == Arrived {
		p.keepPlaces()
	}
	p.Request = p.Request.erased()
	if open := p.State.Promised() || p.State == Requested || p.State == Waitlisted; open {
		p.Reason = uint8(code.CancelConsentWithdrawn)
		p.DoorTeam, p.DoorHouse = "", ""
		p.to(Cancelled, now)
	} else {
		p.ChangedAt, p.Back = now, Back{}
	}
	p.Withdrawn, p.Sealed = now, p.ArrivedAt.IsZero()
	p.Untold = p.Recipients()
	return p, moves, nil
}

// keepPlaces notes how many places beside beds the people here have, before it is
// erased what for: they are not free until those people leave.
func (p *Placement) keepPlaces() {
	p.Hold.Parts = slices.Clone(p.Hold.Parts)
	for i, part := range p.Hold.Parts {
		p.Hold.Parts[i].Kept = p.PlacesOf(part)
	}
}

// erased is the request without what is told only so that a shelter can be chosen
// and can prepare: needs, languages, that of the consent too, wishes, and the places that
// are not safe.
func (r Request) erased() Request {
	persons := make([]Person, len(r.Persons))
	for i, p := range r.Persons {
		persons[i] = Person{Age: p.Age, AgeStatus: p.AgeStatus, PlaceWith: p.PlaceWith}
	}
	r.Consent.HeardIn = ""
	r.Persons, r.Preferences, r.ExcludedDistricts, r.ExcludedShelters, r.HoldBest = persons, 0, nil, nil, false
	return r
}

// Recipient is somebody a placement was shared with.
type Recipient struct {
	Side Side   // Team or House
	ID   string // of the team or shelter
}

// houseTeam begins the team of a walk-in, which is its shelter's own.
const houseTeam = "house:"

// ByHouse reports whether a shelter asked, for somebody who lives with it. It is told
// nothing of what its people must be kept from.
func (p Placement) ByHouse() bool { return strings.HasPrefix(p.Team, houseTeam) }

// Recipients are all the placement was ever shared with: its team, and every
// shelter that holds or held beds for it.
func (p Placement) Recipients() []Recipient {
	var out []Recipient
	if house, ok := strings.CutPrefix(p.Team, houseTeam); !ok {
		out = append(out, Recipient{Team, p.Team})
	} else if !p.HeldBy(house) { // a shelter that asked for a place elsewhere
		out = append(out, Recipient{House, house})
	}
	for _, h := range append([]Hold{p.Hold}, p.Past...) {
		if h.Shelter != "" {
			out = append(out, Recipient{House, h.Shelter})
		}
	}
	return out
}

// Notice tells one recipient that consent was withdrawn, and keeps when it reached
// them.
type Notice struct {
	Placement string
	To        Recipient
	Closed    bool // before arrival: delete everything; otherwise sharing has ended
	At        time.Time
	Delivered time.Time
	How       Delivery
	Version   uint64
}

// Delivery is how a notice reached its recipient.
type Delivery uint8

// Deliveries lists the ways: an answer that it is gone, or a list that names it.
var Deliveries = code.NewList[Delivery]("gone", "list")

// The ways a notice reaches its recipient.
const (
	ByGone Delivery = iota
	ByList
)

// Notices are one for each recipient.
func (p Placement) Notices() []Notice { return p.notices(p.Recipients()) }

func (p Placement) notices(to []Recipient) (out []Notice) {
	for _, r := range to {
		out = append(out, Notice{Placement: p.ID, To: r, Closed: p.Sealed, At: p.Withdrawn})
	}
	return out
}

// Tell answers the notices to so many of those who are still to be told, and the
// placement with the others left.
func (p Placement) Tell(most int) (Placement, []Notice) {
	n := max(0, min(most, len(p.Untold)))
	told := p.notices(p.Untold[:n])
	if p.Untold = p.Untold[n:]; len(p.Untold) == 0 {
		p.Untold = nil
	}
	return p, told
}

// MayLeave reports whether leaving needs nobody's permission: adults whose stay is
// voluntary, and adults who have not arrived.
func (p Placement) MayLeave() bool {
	return !p.Request.Children() && (p.Basis.From.IsZero() || p.Basis.Ground == code.StayVoluntary) && p.Request.OnConsent()
}

// Decider is who decides where the party stays.
func (p Placement) Decider() code.Decider {
	switch {
	case !p.Basis.From.IsZero() && (p.Basis.Ground == code.StayAwaitingCommittee || p.Basis.Ground == code.StayCommitteeOrder):
		return code.DecidedByCommittee
	case !p.Basis.From.IsZero() && p.Basis.Ground != code.StayVoluntary:
		return code.DecidedByMagistrate
	case p.Request.Children():
		return code.DecidedByCommittee
	case !p.Request.OnConsent():
		return code.DecidedByMagistrate
	}
	return code.DecidedBySelf
}
