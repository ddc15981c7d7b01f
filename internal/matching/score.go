package matching

import (
	"slices"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/shelter"
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
	PartStay       = "stay" // never above 0, and only where the ask says for how long
)

// score fills in the points and reasons of an option.
func (t *trial) score(o *Option) {
	if o.Languages = t.served; o.Languages == nil {
		o.Languages = make([]language.Match, len(t.Persons))
		for i := range t.Persons {
			o.Languages[i] = bestLanguage(&t.Persons[i], t.c.Languages)
		}
	}
	points := t.points(o.Languages)
	o.Points = points[:]
	if t.StayDays == 0 {
		o.Points = points[:len(points)-1]
	}
	for _, p := range points {
		o.Score += p.Points
	}
	t.reasons(o)
}

// points are the parts of the score of a shelter that fits.
func (t *trial) points(languages []language.Match) [8]Points {
	w := t.policy.Weights
	return [...]Points{
		{PartDistance, share(w.Distance, t.policy.FullDistant-t.minutes(), t.policy.FullDistant)},
		{PartLanguage, t.languagePoints(languages)},
		{PartNeeds, share(w.Needs, t.c.OnSite.And(t.needs).Len(), t.needs.Len())},
		{PartFreedom, share(w.Freedom, freedom(&t.c.Shelter), 4)},
		{PartFreshness, share(w.Freshness, t.freshness(), 4)},
		{PartLoad, t.loadPoints()},
		{PartPreference, share(w.Preference, t.c.Features.And(t.Preferences).Len(), t.Preferences.Len())},
		{PartStay, t.stayPoints(t.c.Type, t.c.MaxStayDays)},
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
func (a *asked) languagePoints(best []language.Match) int {
	total := 0
	for _, m := range best {
		total += languageWorth(m)
	}
	return share(a.policy.Weights.Language, total, 8*len(a.Persons))
}

func bestLanguage(p *placement.Person, spoken []shelter.Language) language.Match {
	best := language.None
	for _, wanted := range p.Languages {
		for _, s := range spoken {
			m := language.Serves(s.Tag, wanted)
			if m != language.None && s.Via != code.ViaStaff {
				m = language.Interpreter
			}
			best = max(best, m)
		}
	}
	return best
}

// stayPoints takes points from a shelter that may not keep the party for as long
// as it needs: by its own cap or by that of the scheme it works under.
func (a *asked) stayPoints(kind code.Institution, own int) int {
	if a.StayDays == 0 || fitsStay(a.StayDays, own) && fitsStay(a.StayDays, a.policy.Lawful[kind].MaxStayDays) {
		return 0
	}
	return -a.policy.ShortStay
}

// fitsStay holds for a cap of 0, which is none.
func fitsStay(days, limit int) bool { return limit == 0 || days <= limit }

// freedom is 4 for open doors, 2 for doors locked at night, 0 for always locked.
func freedom(s *shelter.Shelter) int {
	switch {
	case s.Locked():
		return 0
	case s.HouseRules.Has(code.DoorsLockedAtNight):
		return 2
	}
	return 4
}

// What fresh counts and counts older than a day are worth of four.
const freshCounts, oldCounts = 4, 1

func (t *trial) freshness() int {
	if t.unconfirmed() {
		return oldCounts
	}
	return freshCounts
}

// loadPoints favours shelters with room to breathe over nearly full ones.
func (t *trial) loadPoints() int {
	free, staffed := 0, 0
	for _, r := range t.bedding.used {
		free, staffed = free+r.free, staffed+t.c.Units[r.unit].Counts().Staffed()
	}
	return share(t.policy.Weights.Load, free, max(staffed, 1))
}

// reasons says in ids why this option stands where it does.
func (t *trial) reasons(o *Option) {
	o.Reasons = make([]string, 0, 8)
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
	add(freedom(&t.c.Shelter) == 4, "freedom.open_doors")
	add(t.c.Locked(), "freedom.locked")
	add(t.Preferences.Len() > 0 && t.c.Features.HasAll(t.Preferences), "preference.all_met")
	add(t.stayPoints(t.c.Type, t.c.MaxStayDays) < 0, "stay.shorter_than_needed")
	add(o.Unconfirmed, "counts.unconfirmed")
	add(o.Intake == OpensLater, "intake.opens_later")
	add(place.BandOf(o.Minutes) == place.Under1h, "journey.short")
	add(o.Approximate, "journey.approximate")
}

// OptionType is what kind of help an option is.
type OptionType string

// The option types.
const (
	Residential OptionType = "residential"
	Kinship     OptionType = "kinship"   // relatives or a fit person
	Community   OptionType = "community" // support where the person lives
)

// OptionTypeOf is the option type of an institution.
func OptionTypeOf(kind code.Institution) OptionType {
	switch kind {
	case code.Kinship, code.FitPerson:
		return Kinship
	case code.CommunityBased:
		return Community
	}
	return Residential
}
