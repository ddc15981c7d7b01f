package placement

import (
	"time"

	"panah/internal/code"
	"panah/internal/fault"
)

// InCustody reports whether somebody still answers for the party, with its stay or
// without: from the rescue until it has left, nobody was there, or another request
// stands for it. A request that is cancelled gives no child free from the law: only
// one who went home, or never was, waits for no decision.
func (p Placement) InCustody() bool {
	switch p.State {
	case Ended, Superseded:
		return false
	case Cancelled:
		why := code.CancelReason(p.Reason)
		return p.Request.Children() && why != code.CancelWentHome && why != code.CancelEntryError
	}
	return true
}

// PendingCommittee reports whether someone under 18 still waits for a first decision.
func (p Placement) PendingCommittee() bool {
	return p.InCustody() && p.Request.Children() && p.Ruling.At.IsZero()
}

// Under puts a placement under what was decided of another with the same people: of
// the stay it moves them from, or of the party they are placed apart from. Where
// they are said to be of another age than there, that counts (regrounded).
func (p Placement) Under(other Placement) Placement {
	p.Ruling, p.First, p.Basis, p.WarnedAt = other.Ruling, other.First, other.Basis, other.WarnedAt
	return p.regrounded(other.Request)
}

// MovesFrom makes a placement the transfer of a stay: the order and the clocks the
// party stays under go along with it.
func (p Placement) MovesFrom(stay Placement) Placement {
	p = p.Under(stay)
	p.Carried = p.Ruling
	return p
}

// StillUnder is a placement at whose arrival a stay elsewhere ends: what was decided
// of that stay since the transfer was asked for, or taken back, counts. So does what
// was decided of the transfer itself; of both, the later.
func (p Placement) StillUnder(stay Placement) Placement {
	there := p.Under(stay)
	switch {
	case p.Ruling.At.IsZero() || p.Ruling == p.Carried || p.Ruling == there.Ruling:
		there.Carried = there.Ruling
		return there
	case there.Ruling == p.Carried: // nothing new was decided of the stay
		p.WarnedAt = there.WarnedAt
		if p.Basis.same(there.Basis) {
			p.Basis = there.Basis
		}
		return p
	}
	if there.First.At.IsZero() || p.First.At.Before(there.First.At) {
		there.First = p.First
	}
	mine := !there.Ruling.At.After(p.Ruling.At)
	if p.saysGround() && mine || !there.saysGround() && (p.saysGround() || mine) {
		there.Basis = p.Basis
	}
	if mine {
		there.Ruling = p.Ruling
	}
	return there
}

// same reports whether a ground is another one, whatever was told of its review.
func (b Basis) same(other Basis) bool {
	b.WarnedAt = other.WarnedAt
	return b == other
}

// saysGround reports whether the latest decision said on what ground the party stays.
func (p Placement) saysGround() bool { return p.Basis.From.Equal(p.Ruling.At) }

// Ordered reports whether an order that still runs at an instant says on what ground
// the party stays.
func (p Placement) Ordered(at time.Time) bool {
	return !p.Basis.From.IsZero() && p.Basis.Ground.Order() && at.Before(p.Basis.ReviewBy)
}

// regrounded is what remains of ground and decisions of a party that was taken for
// another: adults, or not adults alone. A ground nobody has ordered is not theirs any
// more. What was decided of adults stops no clock that protects a child.
func (p Placement) regrounded(before Request) Placement {
	children := p.Request.Children()
	if children == before.Children() {
		return p
	}
	if !p.Basis.Ground.Order() {
		p.Basis = Basis{}
	}
	if children {
		p.Ruling, p.First, p.WarnedAt = Ruling{}, Ruling{}, time.Time{}
	}
	return p
}

// partOf is the ground of those of a party who are placed apart, or stay: an order of
// the committee binds no adults whose children are not with them.
func (p Placement) partOf(whole Request) Placement {
	if p = p.regrounded(whole); !p.Request.Children() && p.Basis.Ground == code.StayCommitteeOrder {
		p.Basis = Basis{}
	}
	return p
}

// allowedFor says why a choice does not count for a party.
func (c Choice) allowedFor(r Request) error {
	switch {
	case !c.HouseRulesShown:
		return fault.Field("houseRulesShown", "the house rules must be shown before a choice counts")
	case r.Children() && !c.Viewed:
		return fault.Field("childView", "a child's own view must be recorded, or that it could not be given")
	case c.By != code.ChosenBySelf && !r.Children():
		return fault.Field("chosenBy", "adults choose for themselves")
	case c.By == code.ChosenBySelf && r.allChildren():
		return fault.Field("chosenBy", "children are placed by a guardian or the committee, and heard")
	}
	return nil
}
