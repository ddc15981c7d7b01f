package policy

import (
	"fmt"
	"slices"

	"panah/internal/code"
	"panah/internal/matching"
	"panah/internal/place"
)

// jurisdiction is one file under jurisdictions/: what law and practice say in one
// country, or, without a country, wherever no file says otherwise.
type jurisdiction struct {
	ID        string
	Country   string
	UTCOffset int `json:"utcOffsetMinutes"`
	Helplines struct{ Child, Adult, Source string }
	Fallback  struct{ Child, Adult string }
	Clocks    []struct {
		ID, Who, What, StoppedBy, Source string
		Hours                            int
		ExcludesJourney                  bool
		WarnAtPercent                    []int
	}
	Reviews map[string]struct {
		Days, MaxDays int
		WarnAtPercent []int
		Source        string
	}
}

// addJurisdiction reads a jurisdiction file into a policy. A limit without a
// source is not law, and every ground of a stay has a review.
func addJurisdiction(p *matching.Policy, raw []byte) error {
	var f jurisdiction
	if err := decode(raw, &f); err != nil {
		return err
	}
	where, known := place.Lookup(place.Code(f.Country))
	if f.ID == "" || (f.Country != "" && (!known || where.Level != place.Country)) || f.Helplines.Child == "" || f.Helplines.Adult == "" || f.Helplines.Source == "" {
		return fmt.Errorf("policy: jurisdiction %s needs an id, a known country or none, and helplines with a source", f.ID)
	}
	j := matching.Jurisdiction{ID: f.ID, UTCOffset: f.UTCOffset, ChildCall: f.Helplines.Child, AdultCall: f.Helplines.Adult,
		ChildPlace: f.Fallback.Child, AdultPlace: f.Fallback.Adult, Reviews: map[code.StayBasis]matching.Review{}}
	if err := f.clocks(&j); err != nil {
		return err
	}
	if err := f.reviews(&j); err != nil {
		return err
	}
	if f.Country == "" {
		p.Elsewhere = j
		return nil
	}
	p.Country[where.Code] = j
	return nil
}

func (f jurisdiction) clocks(j *matching.Jurisdiction) error {
	for _, c := range f.Clocks {
		if c.ID == "" || c.Source == "" || c.Hours < 1 || !rising(c.WarnAtPercent) || (c.Who != "child" && c.Who != "anyone") {
			return fmt.Errorf("policy: jurisdiction %s: clock %s needs who, hours, rising warnings and a source", f.ID, c.ID)
		}
		j.Clocks = append(j.Clocks, matching.LegalClock{ID: c.ID, Children: c.Who == "child", What: c.What, Limit: hours(c.Hours),
			ExcludesJourney: c.ExcludesJourney, WarnAt: c.WarnAtPercent, StoppedBy: c.StoppedBy})
	}
	return nil
}

func (f jurisdiction) reviews(j *matching.Jurisdiction) error {
	for name, r := range f.Reviews {
		ground, ok := code.StayBases.Parse(name)
		if !ok || r.Days < 1 || r.Source == "" || !rising(r.WarnAtPercent) {
			return fmt.Errorf("policy: jurisdiction %s: review of %s needs a known ground, days, rising warnings and a source", f.ID, name)
		}
		j.Reviews[ground] = matching.Review{After: hours(24 * r.Days), Most: hours(24 * max(r.Days, r.MaxDays)), WarnAt: r.WarnAtPercent}
	}
	if len(j.Reviews) != code.StayBases.Len() {
		return fmt.Errorf("policy: jurisdiction %s does not say when every ground of a stay is reviewed", f.ID)
	}
	return nil
}

func rising(percent []int) bool { return len(percent) > 0 && slices.IsSorted(percent) }
