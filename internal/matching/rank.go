package matching

import (
	"cmp"
	"slices"
	"time"

	"panah/internal/code"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/shelter"
)

// Rank answers an ask with the best k options of a world, exactly and always in
// the same order: for adults open places before locked ones, then by score,
// then the shelter offered longest ago, then by id.
func Rank(w World, ask Ask, policy Policy, k int) Result {
	a := prepare(w, ask, policy)
	res := Result{FirstRule: map[string]int{}}
	helps := make([]int, len(Rules))
	var fits []Option
	for i := range w.Candidates {
		if a.minutes[w.Candidates[i].Zone] > 2*a.limit {
			continue // too far even for "farther" to help
		}
		t := a.try(w.Candidates[i])
		failed := t.failed()
		if failed&notNear == 0 {
			res.Considered++
			if failed != 0 {
				res.FirstRule[Rules[first(failed)].ID]++
			}
		}
		switch {
		case failed == 0:
			fits = append(fits, t.option())
		case failed&(failed-1) == 0:
			helps[first(failed)]++
		}
	}
	if res.Considered < policy.Histogram {
		res.FirstRule = nil
	}
	slices.SortFunc(fits, a.order)
	res.Options = fits[:min(k, len(fits))]
	if len(fits) == 0 {
		res.WouldHelp = wouldHelp(helps, ask)
	}
	return res
}

// Try holds one shelter against an ask: the option, or the ids of every rule it breaks.
func Try(w World, id string, ask Ask, policy Policy) (Option, []string, bool) {
	a := prepare(w, ask, policy)
	i, ok := w.Find(id)
	if !ok {
		return Option{}, nil, false
	}
	t := a.try(w.Candidates[i])
	if f := t.failed(); f != 0 {
		return Option{}, ruleIDs(f), true
	}
	return t.option(), nil, true
}

// Find returns the place of a shelter in the world.
func (w World) Find(id string) (int, bool) {
	return slices.BinarySearchFunc(w.Candidates, id, func(c *Candidate, id string) int { return cmp.Compare(c.ID, id) })
}

func prepare(w World, ask Ask, policy Policy) *asked {
	a := &asked{Ask: ask, policy: policy, zones: w.Zones, minutes: make([]int, len(w.Zones))}
	a.here, _ = place.Lookup(ask.Place)
	a.limit = policy.Journey[ask.Urgency]
	if ask.MaxJourneyMinutes > 0 {
		a.limit = ask.MaxJourneyMinutes
	}
	for i, z := range w.Zones {
		a.minutes[i] = place.JourneyMinutes(place.DistanceKM(a.here, z.Center))
	}
	a.excluded = make([]bool, len(w.Zones))
	for i, z := range w.Zones {
		a.excluded[i] = slices.ContainsFunc(z.Districts, func(d place.Code) bool {
			return slices.ContainsFunc(ask.ExcludedDistricts, func(e place.Code) bool { return place.Within(d, e) })
		})
	}
	for _, p := range ask.Persons {
		a.needs = a.needs.Union(p.Needs)
		a.grownUp = a.grownUp || !p.Child()
	}
	return a
}

func (a *asked) try(c *Candidate) *trial {
	t := &trial{asked: a, c: c}
	if withinJourney(t) { // beds of a place that is out of reach need not be shared out
		t.assign()
	}
	return t
}

// failed is the set of rules the shelter breaks, as bits: all of them, never
// only the first.
func (t *trial) failed() (set uint32) {
	for i, r := range Rules {
		if !r.ok(t) {
			set |= 1 << i
		}
	}
	return set
}

func bit(id string) uint32 { return 1 << ruleIndex(id) }

// notNear are the rules of a shelter that is not considered at all.
var notNear = bit("legal.country") | bit("journey.limit")

func first(set uint32) int {
	for i := range Rules {
		if set&(1<<i) != 0 {
			return i
		}
	}
	return -1
}

func ruleIDs(set uint32) (ids []string) {
	for i, r := range Rules {
		if set&(1<<i) != 0 {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

func (t *trial) option() Option {
	z := t.zones[t.c.Zone]
	o := Option{Candidate: t.c, Parts: t.parts, Zone: z, Minutes: t.minutes[t.c.Zone],
		Approximate: t.here.Approximate || z.Center.Approximate, Together: t.closeness(), Unconfirmed: t.unconfirmed()}
	if !t.c.Intake.OpenAt(t.arrival(), t.offset()) {
		o.Intake = OpensLater
	}
	t.score(&o)
	return o
}

func (t *trial) closeness() Closeness {
	switch {
	case len(t.Persons) == 1:
		return Alone
	case len(t.parts) == 1:
		return SameUnit
	case t.site:
		return AdjacentUnits
	}
	return SameShelter
}

func (t *trial) unconfirmed() bool {
	return slices.ContainsFunc(t.c.Units, func(u shelter.Unit) bool {
		used := slices.ContainsFunc(t.parts, func(p placement.Part) bool { return p.Unit == u.ID })
		return used && t.At.Sub(u.ConfirmedAt) > t.policy.Fresh.Unconfirmed
	})
}

func (t *trial) arrival() time.Time {
	return t.At.Add(time.Duration(t.minutes[t.c.Zone]) * time.Minute)
}

func (t *trial) offset() int { return t.policy.Country[t.here.Country].UTCOffset }

// order compares two options that fit.
func (a *asked) order(x, y Option) int {
	return cmp.Or(
		cmp.Compare(a.restriction(x), a.restriction(y)),
		cmp.Compare(a.again(x), a.again(y)),
		cmp.Compare(y.Score, x.Score),
		x.Candidate.LastOffered().Compare(y.Candidate.LastOffered()),
		cmp.Compare(x.Candidate.ID, y.Candidate.ID),
	)
}

// restriction puts every locked place behind every open one for adults.
func (a *asked) restriction(o Option) int {
	adult := slices.ContainsFunc(a.Persons, func(p placement.Person) bool { return !p.Child() })
	if adult && o.Candidate.Locked() {
		return 1
	}
	return 0
}

// again puts a place whose hold lapsed behind places not yet tried.
func (a *asked) again(o Option) int {
	if slices.Contains(a.Tried, o.Candidate.ID) {
		return 1
	}
	return 0
}

// helpers are the changes a team or desk may make, by the one rule each would
// satisfy. None touches law or safety.
var helpers = map[string]string{
	"journey.limit":  "farther",
	"intake.hours":   "later_today",
	"data.fresh":     "confirm_by_phone",
	"party.together": "apart_in_one_shelter",
	"need.required":  "need_met_elsewhere",
}

func wouldHelp(helps []int, ask Ask) []string {
	out := []string{}
	for i, r := range Rules {
		if change, ok := helpers[r.ID]; ok && helps[i] > 0 {
			out = append(out, change)
		}
	}
	if len(ask.Persons) > 1 && ask.Together == code.TogetherPreferred && helps[ruleIndex("beds.free")] > 0 {
		out = append(out, "split_by_decision")
	}
	return out
}

// FallbackFor is where to turn when nothing fits: the desk of the district, the
// helpline and the nearest kind of place that must take people in.
func FallbackFor(ask Ask, policy Policy) Fallback {
	here, _ := place.Lookup(ask.Place)
	j := policy.Country[here.Country]
	if ask.Children() {
		return Fallback{ask.Place, j.ChildCall, j.ChildPlace}
	}
	return Fallback{ask.Place, j.AdultCall, j.AdultPlace}
}

func sorted(list []int) []int { slices.Sort(list); return list }
