package matching

import (
	"time"

	"panah/internal/code"
	"panah/internal/place"
)

// Policy is everything matching weighs that is a matter of judgement, law or
// local practice: data with a version and sources, decoded elsewhere.
type Policy struct {
	ID          string
	Weights     Weights
	Fresh       Freshness
	Zone        int // shelters an area must hold to be told to a team
	Histogram   int // shelters that must have been considered before failed rules are counted out
	Journey     map[code.Urgency]int
	HoldFor     map[code.Urgency]time.Duration
	WaitFor     map[code.Urgency]time.Duration // how long a request waits when it does not say
	Overdue     time.Duration                  // a journey longer than this is told to the desk
	Reveal      time.Duration                  // how long after acceptance or departure the escort sees the handover point
	Found       time.Duration                  // how long beds that were found are left to a waiting party before it waits again
	LateHold    time.Duration                  // a request older than this is taken without a hold
	Lawful      map[code.Institution]Lawful
	Country     map[place.Code]Jurisdiction
	Elsewhere   Jurisdiction // of every other country
	ShortStay   int          // points a shelter loses that may not keep the party as long as it needs
	NearTie     NearTie
	FullDistant int // journey minutes that earn no point for distance
}

// Weights are the most points each part of a score can give.
type Weights struct{ Distance, Language, Needs, Freedom, Freshness, Load, Preference int }

// Freshness says how counts age.
type Freshness struct{ Unconfirmed, NoOffer time.Duration }

// Lawful is whom an institution of a type may take in: Ages by themselves,
// Accompanied only together with an adult of the party.
type Lawful struct {
	Ages, Accompanied code.Set[code.AgeBand]
	MaxStayDays       int // of the scheme the type works under; 0: no cap
}

// NearTie says which options are as good as each other: those whose scores fall
// into the same band of Points, last offered within the same Apart.
type NearTie struct {
	Points int
	Apart  time.Duration
}

// Jurisdiction is what differs by country.
type Jurisdiction struct {
	ID                     string
	UTCOffset              int // minutes local time is ahead
	ChildCall, AdultCall   string
	ChildPlace, AdultPlace string
	Clocks                 []LegalClock
	Reviews                map[code.StayBasis]Review
}

// Review is by when a stay is looked at again: After its ground began by default,
// at Most where an order says later.
type Review struct {
	After, Most time.Duration
	WarnAt      []int // percent of the time until the review
}

// Where is the jurisdiction of a place's country.
func (p Policy) Where(at place.Code) Jurisdiction {
	here, _ := place.Lookup(at)
	if j, ok := p.Country[here.Country]; ok {
		return j
	}
	return p.Elsewhere
}
