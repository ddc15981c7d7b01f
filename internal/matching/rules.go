package matching

import (
	"slices"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/shelter"
)

// Rule is one hard rule: a shelter that breaks it is never an option.
type Rule struct {
	ID   string
	Why  string // in plain words: "it …"
	Many string // the same of several: "12 …"
	ok   func(*trial) bool
}

// Rules are all hard rules, in the order in which the first failure is counted.
// Consent is not among them: people must see options to choose.
var Rules = []Rule{
	{ID: "legal.country", Why: "is in another country", Many: "are in another country", ok: sameCountry},
	{ID: "registration.current", Why: "is not registered, or is suspended or closed", Many: "are not registered, or are suspended or closed", ok: registered},
	{ID: "legal.institution_type", Why: "may not take this party in by law", Many: "may not take this party in by law", ok: lawful},
	{ID: "safety.excluded_area", Why: "is in an area that is not safe for this party", Many: "are in an area that is not safe for this party", ok: outsideExcludedArea},
	{ID: "safety.excluded_shelter", Why: "is not safe for this party", Many: "are not safe for this party", ok: notExcluded},
	{ID: "party.declined", Why: "has said no to this party", Many: "have said no to this party", ok: notDeclined},
	{ID: "party.refused", Why: "was refused by this party", Many: "were refused by this party", ok: notUnwanted},
	{ID: "journey.limit", Why: "is too far", Many: "are too far", ok: withinJourney},
	{ID: "gender.served", Why: "has no beds for someone of this party", Many: "have no beds for someone of this party", ok: populationServed},
	{ID: "age.range", Why: "does not take these ages", Many: "do not take these ages", ok: agesServed},
	{ID: "age.separate_sleeping", Why: "has no separate place to sleep while an age is in doubt", Many: "have no separate place to sleep while an age is in doubt", ok: separateSleeping},
	{ID: "need.required", Why: "cannot meet a need", Many: "cannot meet a need", ok: needsMet},
	{ID: "intake.hours", Why: "does not take people in at that hour", Many: "do not take people in at that hour", ok: intakeOpen},
	{ID: "intake.daily", Why: "takes in no more people on that day", Many: "take in no more people on that day", ok: dailyIntake},
	{ID: "data.fresh", Why: "has not confirmed its counts for days", Many: "have not confirmed their counts for days", ok: countsFresh},
	{ID: "beds.free", Why: "is full", Many: "are full", ok: bedsFree},
	{ID: "places.step_free", Why: "has no step-free place left", Many: "have no step-free place left", ok: stepFreeLeft},
	{ID: "places.medical", Why: "has no medical place left", Many: "have no medical place left", ok: medicalLeft},
	{ID: "party.together", Why: "cannot keep the party together", Many: "cannot keep the party together", ok: keptTogether},
}

// ruleIndex finds a rule by id.
func ruleIndex(id string) int {
	return slices.IndexFunc(Rules, func(r Rule) bool { return r.ID == id })
}

// trial is one shelter held against one ask.
type trial struct {
	*asked
	c       *Candidate
	bedding bedding
	placed  bool             // everybody found a bed
	served  []language.Match // how well each person is served, where it is known already
	lacks   lack             // of places beside beds, though everybody found a bed
}

// asked is what is the same for every shelter of one ask.
type asked struct {
	Ask
	policy    Policy
	here      place.Place
	ahead     int // minutes that local time is ahead of UTC
	limit     int // journey minutes
	journey   *journey
	excluded  []bool // zones that touch an excluded area; nil for none
	grownUp   bool   // an adult is in the party
	everybody []int  // the indexes of the whole party
	needs     code.Set[code.Need]
	wants     wants
	index     *Index
	seed      uint32
}

func sameCountry(t *trial) bool {
	return t.index.Zones[t.c.Zone].Center.Country == t.here.Country
}

// registered also holds back a shelter whose rules and units are known from
// different moments: changed together, they may arrive apart.
func registered(t *trial) bool {
	return !t.c.apart() && t.c.Status == shelter.Active && t.c.RegisteredAt(t.At)
}

// lawful holds the type of institution against the ages: a child never goes to
// an adults' place, an adult never to a children's home, and nobody rescued goes
// to a place for children in conflict with the law.
func lawful(t *trial) bool { return t.takenBy(t.c.Type) }

func (a *asked) takenBy(kind code.Institution) bool {
	law, ok := a.policy.Lawful[kind]
	if !ok {
		return false
	}
	if a.grownUp {
		law.Ages = law.Ages.Union(law.Accompanied)
	}
	for i := range a.Persons {
		if !law.Ages.Has(a.Persons[i].PresumedAge()) {
			return false
		}
	}
	return true
}

// outsideExcludedArea looks at the whole zone: a team that learns only zones
// must not find a shelter's district by excluding one after the other, and what
// lies next door to danger is not safe either.
func outsideExcludedArea(t *trial) bool { return t.excluded == nil || !t.excluded[t.c.Zone] }

func notExcluded(t *trial) bool { return !slices.Contains(t.ExcludedShelters, t.c.ID) }

func notDeclined(t *trial) bool { return !slices.Contains(t.Refused, t.c.ID) }

func notUnwanted(t *trial) bool { return !slices.Contains(t.Unwanted, t.c.ID) }

func withinJourney(t *trial) bool { return t.minutes() <= t.limit }

func populationServed(t *trial) bool { return t.everyone(servesPopulation) }

func agesServed(t *trial) bool { return t.everyone(servesAge) }

func separateSleeping(t *trial) bool { return t.everyone(sleepsApart) }

func needsMet(t *trial) bool { return t.c.OnSite.Union(t.c.Arranged).HasAll(t.needs) }

// intakeOpen asks whether the door opens when the party gets there. Only who
// needs a bed now can come at a closed door; others plan for opening hours.
func intakeOpen(t *trial) bool {
	return t.Urgency != code.UrgencyNow || t.c.Intake.OpenAt(t.arrival(), t.offset())
}

func countsFresh(t *trial) bool {
	return t.everyone(func(p *placement.Person, u *shelter.Unit) bool { return suits(p, u) && t.fresh(u) })
}

// bedsFree holds a paused shelter for full: who asks must not tell one from the other.
func bedsFree(t *trial) bool { return t.placed && !slices.Contains(t.Paused, t.c.ID) }

func keptTogether(t *trial) bool {
	return t.Together != code.TogetherRequired || !t.placed || t.lacks != 0 || t.bedding.site
}

// everyone reports whether each person has at least one unit with ok.
func (t *trial) everyone(ok func(*placement.Person, *shelter.Unit) bool) bool {
	for i := range t.Persons {
		if !t.anywhere(&t.Persons[i], ok) {
			return false
		}
	}
	return true
}

func (t *trial) anywhere(p *placement.Person, ok func(*placement.Person, *shelter.Unit) bool) bool {
	for i := range t.c.Units {
		if ok(p, &t.c.Units[i]) {
			return true
		}
	}
	return false
}

func servesPopulation(p *placement.Person, u *shelter.Unit) bool { return u.Population == p.PlaceWith }

func servesAge(p *placement.Person, u *shelter.Unit) bool {
	return servesPopulation(p, u) && u.Ages.Has(p.PresumedAge())
}

// sleepsApart holds for anyone whose age is not in doubt, and otherwise where
// the unit lets a person sleep apart.
func sleepsApart(p *placement.Person, u *shelter.Unit) bool {
	return servesPopulation(p, u) && (!p.DoubtfulAge() || u.SeparateSleeping)
}

func suits(p *placement.Person, u *shelter.Unit) bool { return servesAge(p, u) && sleepsApart(p, u) }

func (t *trial) fresh(u *shelter.Unit) bool {
	return t.At.Sub(u.ConfirmedAt) <= t.policy.Fresh.NoOffer
}

// assign shares out the beds of the shelter's units with fresh counts.
func (t *trial) assign() {
	t.bedding.rooms = t.bedding.rooms[:0]
	for i := range t.c.Units {
		u := &t.c.Units[i]
		free, who := u.Takes(u.FreeAt(t.At)), t.suited(u)
		if free >= 1 && who != 0 && t.fresh(u) {
			t.bedding.rooms = append(t.bedding.rooms, room{unit: i, who: who, free: free, site: u.Site, places: u.PlacesAt(t.At)})
		}
	}
	if t.placed, t.lacks = t.bedding.assign(len(t.Persons)), 0; t.placed {
		t.lacks = t.bedding.assignPlaces(len(t.Persons), t.wants)
	}
}

// suited are the persons a unit suits, as bits.
func (t *trial) suited(u *shelter.Unit) (who uint32) {
	for i := range t.Persons {
		if suits(&t.Persons[i], u) {
			who |= 1 << i
		}
	}
	return who
}

func (t *trial) minutes() int { return t.journey.minutes[t.c.Zone] }
