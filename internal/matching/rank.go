package matching

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"panah/internal/code"
	"panah/internal/place"
	"panah/internal/placement"
)

// Rank answers an ask with the best k options of a world, exactly and always in
// the same order: for adults open places before locked ones, then by score,
// then the shelter offered longest ago, then by id.
func Rank(w World, ask Ask, policy Policy, k int) Result {
	a := prepare(w, ask, policy)
	tally := tally{first: make([]int, len(Rules)), alone: make([]int, len(Rules))}
	fits, best := 0, make([]fit, 0, k)
	t := trial{asked: a}
	for zone, members := range w.ByZone {
		if a.minutes[zone] > 2*a.limit {
			continue // too far even for "farther" to help
		}
		if len(members) == 0 {
			continue
		}
		t.c = w.Candidates[members[0]]
		ofZone := t.judgeZone()
		for _, i := range members {
			t.c = w.Candidates[i]
			if tally.count(t.judge(ofZone, 2)) {
				fits++
				best = keepBest(best, t.fit(), k)
			}
		}
	}
	res := Result{Considered: tally.considered, Options: make([]Option, len(best))}
	for i := range res.Options {
		t.c = best[i].c
		t.assign()
		res.Options[i] = t.option()
	}
	if res.Considered >= policy.Histogram {
		res.FirstRule = tally.histogram()
	}
	if fits == 0 {
		res.WouldHelp = wouldHelp(tally.alone, ask)
	}
	return res
}

// tally counts which rules shelters fail.
type tally struct {
	considered int
	first      []int // by rule: shelters near enough that fail it before any other
	alone      []int // by rule: shelters that fail it and no other
}

// count notes a shelter's failed rules and reports whether it fits.
func (y *tally) count(failed uint32) bool {
	if failed&notNear == 0 {
		y.considered++
		if failed != 0 {
			y.first[first(failed)]++
		}
	}
	if failed != 0 && failed&(failed-1) == 0 {
		y.alone[first(failed)]++
	}
	return failed == 0
}

func (y *tally) histogram() map[string]int {
	out := map[string]int{}
	for i, n := range y.first {
		if n > 0 {
			out[Rules[i].ID] = n
		}
	}
	return out
}

// fit is a shelter that fits, with what it is ordered by.
type fit struct {
	c          *Candidate
	restricted bool
	again      bool
	score      int
}

func (t *trial) fit() fit {
	f := fit{c: t.c, restricted: t.grownUp && t.c.Locked(), again: slices.Contains(t.Tried, t.c.ID)}
	for _, p := range t.points() {
		f.score += p.Points
	}
	return f
}

// Try holds one shelter against an ask: the option, or the ids of every rule it breaks.
func Try(w World, id string, ask Ask, policy Policy) (Option, []string, bool) {
	a := prepare(w, ask, policy)
	i, ok := w.Find(id)
	if !ok {
		return Option{}, nil, false
	}
	t := trial{asked: a, c: w.Candidates[i]}
	if f := t.judge(t.judgeZone(), len(Rules)); f != 0 {
		return Option{}, ruleIDs(f), true
	}
	return t.option(), nil, true
}

// Find returns the place of a shelter in the world.
func (w World) Find(id string) (int, bool) {
	return slices.BinarySearchFunc(w.Candidates, id, func(c *Candidate, id string) int { return cmp.Compare(c.ID, id) })
}

func prepare(w World, ask Ask, policy Policy) *asked {
	a := &asked{Ask: ask, policy: policy, zones: w.Zones}
	a.here, _ = place.Lookup(ask.Place)
	a.minutes = w.journeys(a.here)
	a.limit = policy.Journey[ask.Urgency]
	if ask.MaxJourneyMinutes > 0 {
		a.limit = ask.MaxJourneyMinutes
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
		a.everybody = append(a.everybody, len(a.everybody))
	}
	return a
}

// judgeZone is what the shelter breaks of the rules that are the same for its
// whole zone.
func (t *trial) judgeZone() (failed uint32) {
	for i := range Rules {
		if Rules[i].zone && !Rules[i].ok(t) {
			failed |= 1 << i
		}
	}
	return failed
}

// judge is the set of rules the shelter breaks, as bits, given those of its
// zone. It looks until enough are found: a team is told only which rule comes
// first and whether it is the only one, so two are enough; for one shelter's own
// sake it looks at all. Beds are shared out last.
func (t *trial) judge(ofZone uint32, enough int) uint32 {
	failed := ofZone
	for i := range Rules {
		if Rules[i].zone {
			continue
		}
		if i > first(failed) && bits.OnesCount32(failed) >= enough {
			return failed
		}
		if i == needBeds {
			t.assign()
		}
		if !Rules[i].ok(t) {
			failed |= 1 << i
		}
	}
	return failed
}

// needBeds is the first of the rules that need beds shared out; they come last.
var needBeds = ruleIndex("beds.free")

func bit(id string) uint32 { return 1 << ruleIndex(id) }

// notNear are the rules of a shelter that is not considered at all.
var notNear = bit("legal.country") | bit("journey.limit")

func first(set uint32) int { return bits.TrailingZeros32(set) }

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
	for i := range t.c.Units {
		if u := &t.c.Units[i]; t.uses(u.ID) && t.At.Sub(u.ConfirmedAt) > t.policy.Fresh.Unconfirmed {
			return true
		}
	}
	return false
}

// uses reports whether the assignment has anyone in a unit.
func (t *trial) uses(unit string) bool {
	return slices.ContainsFunc(t.parts, func(p placement.Part) bool { return p.Unit == unit })
}

func (t *trial) arrival() time.Time {
	return t.At.Add(time.Duration(t.minutes[t.c.Zone]) * time.Minute)
}

func (t *trial) offset() int { return t.policy.Where(t.here.Code).UTCOffset }

// order compares two shelters that fit. Locked places stand behind every open
// one for adults, and places whose hold lapsed behind those not yet tried.
func order(x, y fit) int {
	if by := cmp.Or(after(x.restricted, y.restricted), after(x.again, y.again), cmp.Compare(y.score, x.score)); by != 0 {
		return by
	}
	return cmp.Or(x.c.LastOffered().Compare(y.c.LastOffered()), cmp.Compare(x.c.ID, y.c.ID))
}

// keepBest puts f among the best k so far, in order.
func keepBest(best []fit, f fit, k int) []fit {
	at, _ := slices.BinarySearchFunc(best, f, order)
	if at >= k {
		return best
	}
	if len(best) == k {
		best = best[:k-1]
	}
	return slices.Insert(best, at, f)
}

func after(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	}
	return -1
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
	j := policy.Where(ask.Place)
	if ask.Children() {
		return Fallback{ask.Place, j.ChildCall, j.ChildPlace}
	}
	return Fallback{ask.Place, j.AdultCall, j.AdultPlace}
}
