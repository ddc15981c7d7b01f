package placement

import (
	"fmt"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/language"
	"panah/internal/place"
	"panah/internal/shelter"
)

// Limits of one request.
const (
	MaxPersons     = 20
	MaxLanguages   = 5
	MaxExclusions  = 20
	MaxOptions     = 10
	DefaultOptions = 3
	MaxStayDays    = 3660 // ten years
	// MaxLate is how long ago a queued command may have happened.
	MaxLate = 7 * 24 * time.Hour
	// yearsSince is further back than anybody who still needs a place after a rescue was
	// rescued: a child of that day is grown up. What is older is a clock that was never
	// set, and would end the clocks of law before they began.
	yearsSince = 20
	// MaxAhead is how far a phone's clock may run ahead.
	MaxAhead = 2 * time.Minute
)

// Person is one person of a party: what is needed to find the right bed and
// nothing that says who they are.
type Person struct {
	Age       code.AgeBand
	AgeStatus code.AgeStatus
	PlaceWith code.Population
	Languages []language.Tag // the first is the one they speak best
	Needs     code.Set[code.Need]
}

// Places are what this person needs beside a bed, of what a unit may have less of.
func (p Person) Places() (out shelter.Places) {
	if p.Needs.Has(code.NeedStepFree) {
		out.StepFree = 1
	}
	if p.Needs.Has(code.NeedMedical) {
		out.Medical = 1
	}
	return out
}

// PresumedAge is the band the rules use. A disputed or unknown age has the
// benefit of the doubt: the person is treated as a child until it is known
// (Juvenile Justice Act 2015 s.94; UNICEF guidance, presumption of minority).
func (p Person) PresumedAge() code.AgeBand {
	if p.DoubtfulAge() && !p.Age.Child() {
		return code.Age15To17
	}
	return p.Age
}

// DoubtfulAge reports whether the age is disputed or unknown.
func (p Person) DoubtfulAge() bool {
	return p.AgeStatus == code.AgeDisputed || p.AgeStatus == code.AgeUnknown
}

// Child reports whether child rules apply.
func (p Person) Child() bool { return p.PresumedAge().Child() }

// Consent records on what ground the request is made and how the person was heard.
type Consent struct {
	Basis    code.ConsentBasis
	View     code.View
	HeardIn  language.Tag
	HeardVia code.HeardVia
}

// Escort says who travels with the party.
type Escort struct{ SocialWorker, Woman bool }

// Request is what a rescue team asks for one party.
type Request struct {
	RescuedAt         time.Time
	Place             place.Code // district where the party is now
	Urgency           code.Urgency
	JourneyMinutes    int // from rescue to the authority: the law does not count it
	Together          code.Together
	Persons           []Person
	Consent           Consent
	Escort            Escort
	Preferences       code.Set[code.Feature]
	ExcludedDistricts []place.Code
	ExcludedShelters  []string
	MaxJourneyMinutes int // 0: no limit
	StayDays          int // how long a place is needed for; 0: not said
	NeededUntil       time.Time
	OccurredAt        time.Time
	HoldBest          bool
	Limit             int
}

// Check holds a request against the rules of the form. Fields are named as in
// the API; no message repeats a value.
func (r Request) Check(now time.Time) error {
	if here, ok := place.Lookup(r.Place); !ok || here.Level != place.District {
		return fault.Field("place.district", "is not a district Panah knows")
	}
	switch {
	case len(r.Persons) == 0:
		return fault.Field("party.persons", "needs at least one person")
	case len(r.Persons) > MaxPersons:
		return fault.Field("party.persons", "has more than %d persons: ask for a rescue instead", MaxPersons)
	case r.RescuedAt.After(now.Add(MaxAhead)):
		return fault.Field("rescuedAt", "is in the future")
	case r.RescuedAt.Before(now.AddDate(-yearsSince, 0, 0)):
		return fault.Field("rescuedAt", "is more than %d years ago", yearsSince)
	case r.HoldBest && r.Consent.Basis == code.BasisConsent && r.Consent.View == code.ViewDisagrees:
		return fault.Field("consent.view", "who does not agree is not held for on consent: ask with hold none and show the options")
	case r.MaxJourneyMinutes < 0:
		return fault.Field("maxJourneyMinutes", "must not be negative")
	case r.StayDays < 0 || r.StayDays > MaxStayDays:
		return fault.Field("stayDays", "must be between 0 and %d", MaxStayDays)
	case r.Limit < 1 || r.Limit > MaxOptions:
		return fault.Field("limit", "must be between 1 and %d", MaxOptions)
	case len(r.ExcludedDistricts) > MaxExclusions || len(r.ExcludedShelters) > MaxExclusions:
		return fault.Field("exclusions", "has more than %d entries", MaxExclusions)
	}
	for i, d := range r.ExcludedDistricts {
		if _, ok := place.Lookup(d); !ok {
			return fault.Field(fmt.Sprintf("exclusions.districts[%d]", i), "is not a place Panah knows")
		}
	}
	if err := CheckOccurred(r.OccurredAt, now); err != nil || r.OccurredAt.IsZero() {
		return err
	}
	return notBefore(r.OccurredAt, r.RescuedAt, "the rescue")
}

// CheckOccurred holds the instant a phone says a command was pressed against
// what may be: not in the future, at most seven days ago.
func CheckOccurred(at, now time.Time) error {
	switch {
	case at.IsZero():
		return nil
	case at.After(now.Add(MaxAhead)):
		return fault.Field("occurredAt", "is in the future")
	case at.Before(now.Add(-MaxLate)):
		return fault.Field("occurredAt", "is more than seven days ago")
	}
	return nil
}

// notBefore refuses an instant before another one, but for as much as two clocks
// may differ.
func notBefore(at, least time.Time, what string) error {
	if at.Before(least.Add(-MaxAhead)) {
		return fault.Field("occurredAt", "is before %s", what)
	}
	return nil
}

// Children reports whether child rules apply to anyone of the party.
func (r Request) Children() bool {
	for _, p := range r.Persons {
		if p.Child() {
			return true
		}
	}
	return false
}
