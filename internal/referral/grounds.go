package referral

import (
	"time"

	"panah/internal/fault"
	"panah/internal/placement"
)

// grounded is a placement that has arrived, with the ground of its stay. One that was
// said before keeps. Where the party was in a shelter before (again), what it stayed
// on there is over, unless an order still runs: the stay is reviewed from anew.
func (s *Service) grounded(p placement.Placement, again bool) placement.Placement {
	if p.Basis.From.IsZero() || (again && !p.Ordered(p.ArrivedAt)) {
		p.Basis = s.Policy.FirstBasis(p)
	}
	return p
}

// movedFrom is a placement whose arrival ends a stay elsewhere: the party stays on the
// same ground, under the same clocks. was is the placement before the arrival.
func (s *Service) movedFrom(was, p, stay placement.Placement) placement.Placement {
	p.Basis = was.Basis
	return s.grounded(p.StillUnder(stay), false)
}

// decided is the ground a decision says; nil where it says none. A review is after
// the decision that sets it, which may be told late.
func (s *Service) decided(p placement.Placement, cmd DecideCommand, now time.Time) (*placement.Basis, error) {
	if cmd.Ground == nil {
		return nil, nil
	}
	at := occurred(cmd.Command, now)
	if at.After(now) {
		at = now
	}
	if !cmd.ReviewBy.IsZero() && !cmd.ReviewBy.After(at) {
		return nil, fault.Field("reviewBy", "is not after the decision")
	}
	b := s.Policy.Basis(p, *cmd.Ground, at, cmd.ReviewBy)
	return &b, nil
}

// later is the later of two instants.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
