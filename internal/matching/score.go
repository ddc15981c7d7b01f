package matching

import (
	"slices"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/place"
	"panah/internal/placement"
)

// The parts of a score. They sum to it.
const (
	PartDistance   = "distance"
	PartLanguage   = "language"
	PartNeeds      = "needs"
	PartFreedom    = "freedom"
	PartFreshness  = "freshness"
	PartLoad       = "load"
	PartPreference = "preference"
)

// score fills in the points and reasons of an option.
func (t *trial) score(o *Option) {
	points := t.points()
	o.Points = points[:]
	for _, p := range points {
		o.Score += p.Points
	}
	o.Languages = make([]language.Match, len(t.Persons))
	for i := range t.Persons {
		o.Languages[i] = t.bestLanguage(&t.Persons[i])
	}
	t.reasons(o)
}

// points are the parts of the score of a shelter that fits.
func (t *trial) points() [7]Points {
	w := t.policy.Weights
	return [...]Points{
		{PartDistance, share(w.Distance, t.policy.FullDistant-t.minutes[t.c.Zone], t.policy.FullDistant)},
		{PartLanguage, t.languagePoints()},
		{PartNeeds, share(w.Needs, t.c.OnSite.And(t.needs).Len(), t.needs.Len())},
		{PartFreedom, share(w.Freedom, t.freedom(), 4)},
		{PartFreshness, share(w.Freshness, t.freshness(), 4)},
		{PartLoad, t.loadPoints()},
		{PartPreference, share(w.Preference, t.c.Features.And(t.Preferences).Len(), t.Preferences.Len())},
	}
}

// share is weight × part/whole, rounded down; nothing asked is fully met.
func share(weight, part, whole int) int {
	if whole == 0 {
		return weight
	}
	return weight * min(max(part, 0), whole) / whole
}

// languageWorth is what a match is worth of eight.
func languageWorth(m language.Match) int {
	switch m {
	case language.Exact:
		return 8
	case language.Macrolanguage:
		return 6
	case language.Intelligible:
		return 5
	case language.Interpreter:
		return 3
	}
	return 0
}

// languagePoints averages the best language each person shares with the
// shelter; no language in common is flagged, not hidden.
func (t *trial) languagePoints() int {
	total := 0
	for i := range t.Persons {
		total += languageWorth(t.bestLanguage(&t.Persons[i]))
	}
	return share(t.policy.Weights.Language, total, 8*len(t.Persons))
}

func (t *trial) bestLanguage(p *placement.Person) language.Match {
	best := language.None
	for _, wanted := range p.Languages {
		for _, spoken := range t.c.Languages {
			m := language.Serves(spoken.Tag, wanted)
			if m != language.None && spoken.Via != code.ViaStaff {
				m = language.Interpreter
			}
			best = max(best, m)
		}
	}
	return best
}

// freedom is 4 for open doors, 2 for doors locked at night, 0 for always locked.
func (t *trial) freedom() int {
	switch {
	case t.c.Locked():
		return 0
	case t.c.HouseRules.Has(code.DoorsLockedAtNight):
		return 2
	}
	return 4
}

// freshness is 4 for counts of the last day, 1 for older ones.
func (t *trial) freshness() int {
	if t.unconfirmed() {
		return 1
	}
	return 4
}

// loadPoints favours shelters with room to breathe over nearly full ones.
func (t *trial) loadPoints() int {
	free, staffed := 0, 0
	for i := range t.c.Units {
		if u := &t.c.Units[i]; t.uses(u.ID) {
			free, staffed = free+max(0, t.c.freeAt(i, t.At)), staffed+u.Counts().Staffed()
		}
	}
	return share(t.policy.Weights.Load, free, max(staffed, 1))
}

// reasons says in ids why this option stands where it does.
func (t *trial) reasons(o *Option) {
	add := func(when bool, id string) {
		if when {
			o.Reasons = append(o.Reasons, id)
		}
	}
	worst := slices.Min(o.Languages)
	add(slices.ContainsFunc(t.Persons, func(p placement.Person) bool { return len(p.Languages) > 0 }), "language."+worst.String())
	add(o.Together == SameUnit, "together.same_unit")
	add(o.Together == AdjacentUnits, "together.adjacent_units")
	add(o.Together == SameShelter, "together.same_shelter")
	add(t.needs.Len() > 0 && t.c.OnSite.HasAll(t.needs), "needs.on_site")
	add(t.needs.Len() > 0 && !t.c.OnSite.HasAll(t.needs), "needs.partner_nearby")
	add(t.freedom() == 4, "freedom.open_doors")
	add(t.c.Locked(), "freedom.locked")
	add(t.Preferences.Len() > 0 && t.c.Features.HasAll(t.Preferences), "preference.all_met")
	add(o.Unconfirmed, "counts.unconfirmed")
	add(o.Intake == OpensLater, "intake.opens_later")
	add(place.BandOf(o.Minutes) == place.Under1h, "journey.short")
	add(o.Approximate, "journey.approximate")
}
