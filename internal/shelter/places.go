package shelter

import (
	"time"

	"panah/internal/fault"
)

// What a unit has fewer of than beds. A limit is declared by the register; what is
// used of it follows from the placements alone: people whom nobody placed here
// are not known to need one, so a shelter declares as many fewer.

// Limit is how many there are of something, once somebody has said so: the zero
// Limit says nothing and limits nothing.
type Limit int

// LimitOf is a limit of n, which may be 0.
func LimitOf(n int) Limit { return Limit(n + 1) }

// Said reports whether there is a limit.
func (l Limit) Said() bool { return l > 0 }

// N is how many there are; 0 also where nobody has said.
func (l Limit) N() int { return max(0, int(l)-1) }

// left is what is left of a limit: more than any party where there is none.
func (l Limit) left(used int) int {
	if !l.Said() {
		return MaxBeds
	}
	return l.N() - used
}

// Places are how many persons need, or how many beds have, more than a bed.
type Places struct {
	StepFree int // to be reached and used without a step
	Medical  int // with the care that a health need asks for
}

// Plus adds places.
func (p Places) Plus(o Places) Places { return Places{p.StepFree + o.StepFree, p.Medical + o.Medical} }

// Minus takes places off.
func (p Places) Minus(o Places) Places {
	return Places{p.StepFree - o.StepFree, p.Medical - o.Medical}
}

// Covers reports whether p has at least o of each; below nothing is nothing.
func (p Places) Covers(o Places) bool {
	return max(0, p.StepFree) >= o.StepFree && max(0, p.Medical) >= o.Medical
}

// Limits reports whether one of the needed places is limited in the unit: then
// only the unit as it is says whether there is one left.
func (u *Unit) Limits(needed Places) bool {
	return needed.StepFree > 0 && u.StepFree.Said() || needed.Medical > 0 && u.Medical.Said()
}

// UsedPlaces are the places of people who sleep here.
func (u *Unit) UsedPlaces() Places { return u.used }

// PlacesAt is how many places are left at an instant: those of claims whose time
// has passed are free, and where nobody has said how many there are, there is no
// end of them. It is negative where a fact went beyond the limit. At the zero
// time every claim counts.
func (u *Unit) PlacesAt(now time.Time) Places {
	taken := u.used
	for _, c := range u.claims {
		if !c.Dead(now) {
			taken = taken.Plus(c.Places)
		}
	}
	return Places{u.StepFree.left(taken.StepFree), u.Medical.left(taken.Medical)}
}

// HoldPlaces gives a claim just made the places its people need, or refuses where
// fewer are left.
func (u Unit) HoldPlaces(id string, needed Places, now time.Time) (Unit, error) {
	left := u.PlacesAt(now)
	switch {
	case needed.StepFree > max(0, left.StepFree):
		return u, fault.New(fault.ShelterFull, "fewer step-free places are free than this party needs").WithRules("places.step_free")
	case needed.Medical > max(0, left.Medical):
		return u, fault.New(fault.ShelterFull, "fewer medical places are free than this party needs").WithRules("places.medical")
	}
	return u.Needing(id, needed), nil
}

// Occupy adds the places of people who have come, or takes off those of people
// who have gone. It is a fact and may go beyond what there is.
func (u Unit) Occupy(by Places) Unit {
	u.used = u.used.Plus(by)
	u.used = Places{max(0, u.used.StepFree), max(0, u.used.Medical)}
	return u
}

// Needing gives a claim the places its people need; without the claim nothing changes.
func (u Unit) Needing(id string, needed Places) Unit {
	if c, ok := u.claims[id]; ok && c.Places != needed {
		c.Places = needed
		return u.WithClaim(id, c)
	}
	return u
}
