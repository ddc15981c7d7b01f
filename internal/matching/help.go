package matching

import (
	"math"
	"math/bits"
	"slices"

	"panah/internal/code"
)

// relaxation is one thing a team or desk may change about an ask when nothing
// fits. None touches law or safety: who may take whom, excluded places, people
// who must sleep apart, and who declined stay as they are.
type relaxation struct {
	id   string
	with func(*Ask, *Policy) bool // false: there is nothing to relax
}

// relaxations stand from what costs least to what costs most.
var relaxations = []relaxation{
	{"confirm_by_phone", func(_ *Ask, p *Policy) bool {
		p.Fresh.NoOffer = math.MaxInt64
		return true
	}},
	{"later_today", func(a *Ask, p *Policy) bool {
		urgent := a.Urgency == code.UrgencyNow
		a.MaxJourneyMinutes = p.limit(*a)
		a.Urgency = code.UrgencyToday
		return urgent
	}},
	{"next_day", func(a *Ask, _ *Policy) bool {
		a.DaysLater++
		return true
	}},
	{"interpreter_by_phone", func(a *Ask, _ *Policy) bool { return a.drop(interpreted) }},
	{"apart_in_one_shelter", func(a *Ask, _ *Policy) bool {
		together := len(a.Persons) > 1 && a.Together == code.TogetherRequired
		a.Together = code.TogetherPreferred
		return together
	}},
	{"farther", func(a *Ask, p *Policy) bool {
		a.MaxJourneyMinutes = 2 * p.limit(*a)
		return true
	}},
	{"need_met_elsewhere", func(a *Ask, _ *Policy) bool { return a.drop(^interpreted) }},
}

// interpreted are the needs that a voice on the telephone can meet for a while.
var interpreted = func() code.Set[code.Need] {
	needs, _ := code.Needs.ParseSet([]string{"interpreter"})
	return needs
}()

// drop takes needs off everybody's list.
func (a *Ask) drop(needs code.Set[code.Need]) (any bool) {
	a.Persons = slices.Clone(a.Persons)
	for i := range a.Persons {
		p := &a.Persons[i]
		any = any || p.Needs.And(needs) != 0
		p.Needs = p.Needs.Minus(needs)
	}
	return any
}

// wouldHelp is the smallest sets of relaxations that open an option, each tried
// by asking again: first one alone, then two ("farther+later_today" needs both).
// That the party be split is for parties who would be together if they could.
func wouldHelp(w World, ask Ask, policy Policy) []string {
	out := []string{}
	var one []int
	for i, r := range relaxations {
		a, p := ask, policy
		if !r.with(&a, &p) {
			continue
		}
		one = append(one, i)
		if Fits(w, a, p) {
			out = append(out, r.id)
		}
	}
	if splits(w, ask, policy) {
		out = append(out, "split_by_decision")
	}
	if len(out) > 0 {
		return out
	}
	for i, first := range one {
		for _, second := range one[i+1:] {
			a, p := ask, policy
			if relaxations[first].with(&a, &p) && relaxations[second].with(&a, &p) && Fits(w, a, p) {
				out = append(out, relaxations[first].id+"+"+relaxations[second].id)
			}
		}
	}
	return out
}

// splitMost is how many persons a party has at most of whom every division in
// two is tried; larger ones are divided by where they are to sleep.
const splitMost = 6

// splits reports whether the party fits when divided in two. A child under six
// is never taken from the adults of its party, and the smaller children's legal
// place is judged for each half as for any party.
func splits(w World, ask Ask, policy Policy) bool {
	n := len(ask.Persons)
	if n < 2 || ask.Together != code.TogetherPreferred {
		return false
	}
	for _, half := range halves(ask) {
		if bits.OnesCount32(half) == n || half == 0 || parts(ask, half) {
			continue
		}
		a, b := best(w, only(ask, half), policy, 2), best(w, only(ask, ^half), policy, 2)
		if len(a) > 0 && len(b) > 0 && (len(a)+len(b) > 2 || a[0] != b[0]) {
			return true // in two shelters: one that fits both halves lacks the beds for both
		}
	}
	return false
}

// halves are the divisions to try, as bits of who is in the first half.
func halves(ask Ask) (out []uint32) {
	n := len(ask.Persons)
	if n <= splitMost {
		for half := uint32(1); half < 1<<(n-1); half++ {
			out = append(out, half)
		}
		return out
	}
	for first := range code.Populations.Len() {
		half := uint32(0)
		for i := range ask.Persons {
			if int(ask.Persons[i].PlaceWith) == first {
				half |= 1 << i
			}
		}
		out = append(out, half)
	}
	return out
}

// parts reports whether a division takes a child under six from all adults of
// its party.
func parts(ask Ask, half uint32) bool {
	var grown, small [2]bool
	for i := range ask.Persons {
		side := half >> i & 1
		grown[side] = grown[side] || !ask.Persons[i].Child()
		small[side] = small[side] || ask.Persons[i].PresumedAge() == code.Age0To5
	}
	return (grown[0] || grown[1]) && (small[0] && !grown[0] || small[1] && !grown[1])
}

func only(ask Ask, half uint32) Ask {
	all := ask.Persons
	ask.Persons = nil
	for i := range all {
		if half>>i&1 == 1 {
			ask.Persons = append(ask.Persons, all[i])
		}
	}
	return ask
}
