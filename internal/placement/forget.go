package placement

import (
	"slices"

	"panah/internal/shelter"
)

// Closed reports whether nothing is to be done for the party any more.
func (s State) Closed() bool { return s == Ended || s == Cancelled || s == Superseded }

// Forget takes out of a closed placement what is known of the persons and is
// needed no longer: needs, languages, wishes, exclusions, where they were to be
// brought home. What counts and audits need stays: ages, times, places of the
// shelters, hashes. changed is false when nothing is left to take out.
func (p Placement) Forget() (next Placement, changed bool) {
	if !p.State.Closed() {
		return p, false
	}
	r := p.Request
	changed = p.Hold.kept() || slices.ContainsFunc(p.Past, Hold.kept) || r.Preferences != 0 || len(r.ExcludedDistricts)+len(r.ExcludedShelters) > 0 || r.Consent.HeardIn != "" || p.Return.To != "" || p.Back.Move != ""
	for _, one := range r.Persons {
		changed = changed || one.Needs != 0 || len(one.Languages) > 0
	}
	p.Request, p.Hold = r.erased(), p.Hold.withoutKept()
	p.Past = slices.Clone(p.Past)
	for i, h := range p.Past {
		p.Past[i] = h.withoutKept()
	}
	p.Return, p.Back = Return{}, Back{}
	return p, changed
}

// withoutKept is the hold without what was kept of its people's needs.
func (h Hold) withoutKept() Hold {
	h.Parts = slices.Clone(h.Parts)
	for i := range h.Parts {
		h.Parts[i].Kept = shelter.Places{}
	}
	return h
}

func (h Hold) kept() bool {
	return slices.ContainsFunc(h.Parts, func(part Part) bool { return part.Kept != (shelter.Places{}) })
}
