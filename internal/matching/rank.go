package matching

import (
	"cmp"
	"slices"
	"time"

	"panah/internal/place"
)

// fit is a shelter that fits, with what it is ordered by.
type fit struct {
	slot       uint32
	restricted bool
	again      bool
	score      int
	band       int    // of near-ties
	tongues    uint32 // its list of languages
	since      uint32 // when it was last offered, as near-ties see it
	dice       uint32
	offered    uint32 // when it was last offered
}

// rate works out what a fit with a score is ordered by among near-ties. Without
// a seed there are none: score, last offer and id decide.
func (a *asked) rate(f *fit, offered, mix uint32) {
	f.band, f.since, f.offered = a.band(f.score), offered, offered
	if a.Seed != "" {
		if apart := uint32(a.policy.NearTie.Apart / time.Second); apart > 0 {
			f.since = offered / apart
		}
		f.dice = throw(a.seed ^ mix)
	}
}

// band numbers scores that are as good as each other. Bands are fixed, not drawn
// around the best option, so that whether two shelters are near-ties does not
// depend on a third: one that declines changes nothing between the others.
func (a *asked) band(score int) int {
	points := a.policy.NearTie.Points
	if a.Seed == "" || points < 2 {
		return score
	}
	return score / points
}

// throw makes dice of 32 bits (the finishing steps of MurmurHash3).
func throw(h uint32) uint32 {
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

// Try holds one shelter against an ask: the option, or the ids of every rule it breaks.
func Try(w World, id string, ask Ask, policy Policy) (Option, []string, bool) {
	c, ok := w.Find(id)
	if !ok {
		return Option{}, nil, false
	}
	t := trial{asked: prepare(w, ask, policy), c: c}
	if f := t.judge(); f != 0 {
		return Option{}, ruleIDs(f), true
	}
	return t.option(), nil, true
}

func prepare(w World, ask Ask, policy Policy) *asked {
	a := &asked{Ask: ask, policy: policy, index: w.Index, seed: mix(ask.Seed)}
	a.here, _ = place.Lookup(ask.Place)
	a.ahead = policy.Where(ask.Place).UTCOffset
	a.journey = w.journey(a.here)
	a.limit = policy.limit(ask)
	if len(ask.ExcludedDistricts) > 0 {
		a.excluded = make([]bool, len(w.Zones))
		for i, z := range w.Zones {
			a.excluded[i] = slices.ContainsFunc(z.Districts, func(d place.Code) bool {
				return slices.ContainsFunc(ask.ExcludedDistricts, func(e place.Code) bool { return place.Within(d, e) })
			})
		}
	}
	a.wants = wantsOf(ask.Persons)
	for i := range ask.Persons {
		p := &ask.Persons[i]
		a.needs = a.needs.Union(p.Needs)
		a.grownUp = a.grownUp || !p.Child()
		a.everybody = append(a.everybody, len(a.everybody))
	}
	return a
}

// limit is how many minutes of journey an ask allows.
func (p Policy) limit(ask Ask) int {
	if ask.MaxJourneyMinutes > 0 {
		return ask.MaxJourneyMinutes
	}
	return p.Journey[ask.Urgency]
}

// judge is the set of rules the shelter breaks, as bits. Beds are shared out once.
func (t *trial) judge() (failed uint32) {
	t.assign()
	for i := range Rules {
		if !Rules[i].ok(t) {
			failed |= 1 << i
		}
	}
	return failed
}

func bit(id string) uint32 { return 1 << ruleIndex(id) }

// notNear are the rules of a shelter that is not considered at all.
var notNear = bit("legal.country") | bit("journey.limit")

func ruleIDs(set uint32) (ids []string) {
	for i, r := range Rules {
		if set&(1<<i) != 0 {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

func (t *trial) option() Option {
	z := t.index.Zones[t.c.Zone]
	o := Option{Candidate: t.c, Parts: t.bedding.parts(t.c.Units, t.everybody), Zone: z, Minutes: t.minutes(),
		Approximate: t.here.Approximate || z.Center.Approximate, Together: t.closeness(), Unconfirmed: t.unconfirmed()}
	if !t.c.Intake.OpenAt(t.arrival(), t.offset()) {
		o.Intake = OpensLater
	}
	if t.c.DailyIntake.Said() {
		o.Day = t.day()
	}
	t.score(&o)
	return o
}

func (t *trial) closeness() Closeness {
	switch {
	case len(t.Persons) == 1:
		return Alone
	case len(t.bedding.used) == 1:
		return SameUnit
	case t.bedding.site:
		return AdjacentUnits
	}
	return SameShelter
}

func (t *trial) unconfirmed() bool {
	return slices.ContainsFunc(t.bedding.used, func(r room) bool {
		return t.At.Sub(t.c.Units[r.unit].ConfirmedAt) > t.policy.Fresh.Unconfirmed
	})
}

func (t *trial) arrival() time.Time {
	return t.At.Add(time.Duration(t.minutes()) * time.Minute)
}

func (a *asked) offset() int { return a.ahead }

// order compares two shelters that fit. Locked places stand behind every open
// one for adults, and places whose hold lapsed behind those not yet tried.
func (w World) order(x, y *fit) int {
	switch {
	case x.restricted != y.restricted:
		return after(x.restricted, y.restricted)
	case x.again != y.again:
		return after(x.again, y.again)
	case x.band != y.band:
		return cmp.Compare(y.band, x.band)
	case x.since != y.since:
		return cmp.Compare(x.since, y.since)
	case x.dice != y.dice:
		return cmp.Compare(x.dice, y.dice)
	case x.score != y.score:
		return cmp.Compare(y.score, x.score)
	case x.offered != y.offered:
		return cmp.Compare(x.offered, y.offered)
	}
	return w.shelves.Compare(x.slot, y.slot)
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

// FallbackFor is where to turn when nothing fits: the desk of the district, the
// helpline and the nearest kind of place that must take people in.
func FallbackFor(ask Ask, policy Policy) Fallback {
	j := policy.Where(ask.Place)
	if ask.Children() {
		return Fallback{ask.Place, j.ChildCall, j.ChildPlace}
	}
	return Fallback{ask.Place, j.AdultCall, j.AdultPlace}
}
