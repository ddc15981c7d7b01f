package shelter

import (
	"slices"
	"time"

	"panah/internal/fault"
)

// after lists from which statuses each one can be reached. A shelter is
// registered, vetted and then active; a closed one may open again.
var after = map[Status][]Status{
	Vetted:    {Registered, Closed},
	Active:    {Vetted, Suspended, Closed},
	Suspended: {Active},
	Closed:    {Active, Suspended, Registered, Vetted},
}

// Moved gives the shelter another status. Nobody takes part without having been
// vetted, with house rules nobody has recorded (a person is shown them before
// choosing), without a unit, or, at first, without current registration.
func (s Shelter) Moved(to Status, units int, now time.Time) (Shelter, error) {
	if !slices.Contains(after[to], s.Status) || (to == Vetted && !s.Unvetted) || (to == Active && s.Unvetted) {
		return s, fault.New(fault.IllegalMove, "a shelter that is %s cannot become %s", Statuses.Name(s.Status), Statuses.Name(to)).WithAllowed(s.moves())
	}
	if to == Active {
		switch {
		case !s.RulesRecorded():
			return s, fault.Field("houseRules", "must be recorded before the shelter takes part")
		case units == 0:
			return s, fault.Field("units", "the shelter has none yet")
		case s.Status == Vetted && !s.RegisteredAt(now):
			return s, fault.Field("registeredUntil", "registration is not current")
		}
	}
	if to == Vetted {
		s.Unvetted = false
	}
	s.Status = to
	s.Rev++
	return s, nil
}

// MovesOut reports whether a shelter of this status takes nobody any more, so that
// who is there, or comes all the same, must move.
func (s Status) MovesOut() bool { return s == Suspended || s == Closed }

// moves are the names of the moves allowed now.
func (s Shelter) moves() []string {
	switch {
	case s.Unvetted && s.Status == Closed:
		return []string{"vet"}
	case s.Status == Registered:
		return []string{"vet", "close"}
	case s.Status == Vetted:
		return []string{"activate", "close"}
	case s.Status == Active:
		return []string{"suspend", "close"}
	case s.Status == Suspended:
		return []string{"resume", "close"}
	}
	return []string{"resume"}
}
