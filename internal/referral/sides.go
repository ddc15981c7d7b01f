package referral

import (
	"context"
	"slices"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
)

// sidesOf are the sides a caller has of a placement. A shelter has two of what it
// asked for itself: who asks, and where the party stays.
func sidesOf(c caller.Caller, p placement.Placement) (out []placement.Side) {
	if c.Asks() != "" && c.Asks() == p.Team {
		out = append(out, placement.Team)
	}
	if p.HeldBy(c.Shelter()) {
		out = append(out, placement.House)
	}
	if c.Role == caller.Survivor && c.Scope == p.ID {
		out = append(out, placement.Survivor)
	}
	if c.Role == caller.Desk && place.Within(p.Request.Place, c.Region()) {
		out = append(out, placement.Office)
	}
	return out
}

// SideOf is the side from which an answer shows a placement to a caller: whoever
// asked for it, where it is both.
func SideOf(c caller.Caller, p placement.Placement) placement.Side {
	if sides := sidesOf(c, p); len(sides) > 0 {
		return sides[0]
	}
	return placement.Observer
}

// roleSide is the side of a caller's role, whatever the placement.
func roleSide(c caller.Caller) placement.Side {
	switch c.Role {
	case caller.Shelter:
		return placement.House
	case caller.Rescue:
		return placement.Team
	case caller.Desk:
		return placement.Office
	case caller.Survivor:
		return placement.Survivor
	}
	return placement.Observer
}

// sideFor is from which side a caller makes a move.
func sideFor(c caller.Caller, p placement.Placement, m placement.Move) placement.Side {
	if c.Role != caller.Shelter || p.Team != c.House() {
		return roleSide(c)
	}
	switch m {
	case placement.MoveEnd:
		if p.State == placement.Arrived {
			return placement.House
		}
	case placement.MoveTurnAway:
		if p.Hold.Shelter == c.Shelter() {
			return placement.House
		}
	case placement.MoveUndo:
		if p.Back.Side != placement.Team {
			return placement.House
		}
	default:
		if !placement.MadeBy(m, placement.Team) {
			return placement.House
		}
	}
	return placement.Team
}

// Next lists the moves that would succeed if this caller made them now.
func (s *Service) Next(ctx context.Context, c caller.Caller, p placement.Placement) (out []placement.Move) {
	now := s.now()
	var looked, found bool
	fits := func() bool { // asked by several moves, ranked once
		if !looked {
			looked, found = true, s.fitsElsewhere(ctx, p, now)
		}
		return found
	}
	for _, side := range sidesOf(c, p) {
		for _, m := range p.Could(side, now) {
			if m != placement.MoveReceive && p.ReadableBy(side, c.Shelter()) == placement.ReadGone { // that they came is a fact
				continue
			}
			if sideFor(c, p, m) == side && !slices.Contains(out, m) && s.would(ctx, c, p, m, fits, now) {
				out = append(out, m)
			}
		}
	}
	return out
}

// would reports whether a move that the placement allows would succeed, as far as
// that hangs on who makes it and on beds. What cannot be looked up is not ruled out.
// fits reports whether one more shelter could be held.
func (s *Service) would(ctx context.Context, c caller.Caller, p placement.Placement, m placement.Move, fits func() bool, now time.Time) bool {
	side := sideFor(c, p, m)
	switch {
	case m == placement.MoveUndo:
		return s.wouldUndo(ctx, c, p, side, now)
	case m == placement.MoveReceive:
		return p.HeldBy(c.Shelter()) && (p.State != placement.Arrived || p.Hold.Shelter == c.Shelter())
	case side == placement.House:
		return p.Hold.Shelter == c.Shelter()
	case m == placement.MoveReveal:
		_, _, err := s.whereTo(ctx, p)
		return p.EscortMayBe(c.Subject) && !fault.Is(err, fault.NotFound)
	case m == placement.MoveHold, m == placement.MoveChoose && !p.State.Live():
		return fits()
	}
	return true
}

// fitsElsewhere reports whether one more shelter could be held.
func (s *Service) fitsElsewhere(ctx context.Context, p placement.Placement, now time.Time) bool {
	w, wanted, err := s.asking(ctx, p, now)
	return err != nil || len(matching.Rank(w, another(p, wanted, now), s.Policy, 1).Options) > 0
}

// another is what is asked when one more shelter is to be held: not the one that is.
func another(p placement.Placement, wanted matching.Ask, now time.Time) matching.Ask {
	if p.State == placement.Held && now.Before(p.Hold.ExpiresAt) {
		wanted.Refused = append(slices.Clone(wanted.Refused), p.Hold.Shelter)
	}
	return wanted
}

// wouldUndo reports whether the last move can be taken back: where beds were given
// up for it, whether they are still to be had.
func (s *Service) wouldUndo(ctx context.Context, c caller.Caller, p placement.Placement, side placement.Side, now time.Time) bool {
	back, _, of, err := p.Undo(side, now)
	if err != nil || notTheirs(c, p, side) != nil {
		return false
	}
	if p.Back.Move == placement.MoveEnd && p.State == placement.Ended && back.State == placement.Arrived {
		k, err := s.kinOf(ctx, p)
		return err == nil && !k.arrived()
	}
	if of == "" || p.Back.Fact() {
		return true
	}
	w, wanted, err := s.asking(ctx, back, now)
	if err != nil {
		return true
	}
	_, failed, there := matching.Try(w, of, heldAgain(wanted, of), s.Policy)
	return there && len(failed) == 0
}

// notTheirs refuses a shelter that would take back what another one did.
func notTheirs(c caller.Caller, p placement.Placement, side placement.Side) error {
	if side == placement.House && p.Back.Shelter != c.Shelter() {
		return fault.New(fault.IllegalMove, "the last move is not one of yours that can be taken back")
	}
	return nil
}
