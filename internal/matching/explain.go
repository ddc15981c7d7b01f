package matching

import "slices"

// Verdict is one shelter held against an ask: an option, or every rule it breaks.
type Verdict struct {
	Option Option // with its candidate, zone and minutes also when it does not fit
	Failed []string
	Rank   int // from 1; 0 when it does not fit
}

// Explain holds every shelter within reach against every rule, one by one and
// without the short cuts of Rank: options first, in Rank's order, then the
// others from near to far, then by id.
func Explain(w World, ask Ask, policy Policy) []Verdict {
	a := prepare(w, ask, policy)
	type ranked struct {
		fit
		Verdict
	}
	var fits []ranked
	var others []Verdict
	for c := range w.All() {
		t := trial{asked: a, c: c}
		failed := t.judge()
		switch {
		case failed&notNear != 0:
		case failed == 0:
			o := t.option()
			slot, _ := w.shelves.Find(c.ID)
			f := fit{slot: slot, restricted: a.grownUp && c.Locked(), again: slices.Contains(a.Tried, c.ID), score: o.Score}
			a.rate(&f, seconds(c.LastOffered()), mix(c.ID))
			fits = append(fits, ranked{f, Verdict{Option: o}})
		default:
			others = append(others, Verdict{Option: Option{Candidate: c, Zone: w.Zones[c.Zone], Minutes: t.minutes()}, Failed: ruleIDs(failed)})
		}
	}
	slices.SortFunc(fits, func(x, y ranked) int { return w.order(&x.fit, &y.fit) })
	slices.SortStableFunc(others, func(x, y Verdict) int { return x.Option.Minutes - y.Option.Minutes })
	out := make([]Verdict, 0, len(fits)+len(others))
	for i, f := range fits {
		f.Rank = i + 1
		out = append(out, f.Verdict)
	}
	return append(out, others...)
}
