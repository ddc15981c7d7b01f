package referral

import (
	"context"
	"slices"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
)

// Refuse is the party's no to the shelter held. Nothing else is held for it
// unasked: where nothing fits any more, it waits.
func (s *Service) Refuse(ctx context.Context, c caller.Caller, id string, why code.RefuseReason, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.MovePlacement, id, placement.MoveRefuse, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		p, beds, err := p.Refuse(why, now)
		if err != nil {
			return p, nil, err
		}
		return s.unheld(ctx, p, false, now), beds, nil
	})
}

// Extend gives a hold as much time again as its urgency allows. One that has as
// much already stays as it is; a late copy of the command changes nothing either.
func (s *Service) Extend(ctx context.Context, c caller.Caller, id string, cmd Command) (Outcome, error) {
	return s.alarming(ctx, c, caller.MovePlacement, id, placement.MoveExtend, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		d.next, d.beds, err = p.Extend(s.holdUntil(p, now), now)
		d.still = err == nil && d.next.Hold.ExpiresAt.Equal(p.Hold.ExpiresAt)
		return d, err
	})
}

// Divert records that the journey has left its way.
func (s *Service) Divert(ctx context.Context, c caller.Caller, id string, why code.DivertReason, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.MovePlacement, id, placement.MoveDivert, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		p, err := p.Divert(why, now)
		return p, nil, err
	})
}

// TurnAway records that the party could not go in. The next option is held in
// the same write, and the desk is told.
func (s *Service) TurnAway(ctx context.Context, c caller.Caller, id string, why code.DeclineReason, cmd Command) (Outcome, error) {
	action := caller.MovePlacement
	if c.Role == caller.Shelter {
		action = caller.AnswerPlacement
	}
	return s.alarming(ctx, c, action, id, placement.MoveTurnAway, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		if d.next, d.beds, err = p.TurnAway(why, now); err != nil {
			return d, err
		}
		d.alerts = append(d.alerts, alert(p, placement.AlertTurnedAway, now))
		d.next, d.beds, err = s.holdNext(ctx, d.next, d.beds, now)
		return d, err
	})
}

// Supersede closes a duplicate: the desk's alone.
func (s *Service) Supersede(ctx context.Context, c caller.Caller, id string, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.RulePlacement, id, placement.MoveSupersede, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		return p.Supersede(now)
	})
}

// DecideCommand is a decision of the Committee, a magistrate or the desk. Ground
// and ReviewBy are on what ground the party stays from then on; ReviewBy may be zero.
// ReturnTo and WaitingSince are of a repatriation that is ordered alone.
type DecideCommand struct {
	Command
	What         code.Decision
	Ground       *code.StayBasis
	ReviewBy     time.Time
	ReturnTo     place.Code
	WaitingSince time.Time
}

// Decide records a decision: it stops the legal clock that waits for one.
func (s *Service) Decide(ctx context.Context, c caller.Caller, id string, cmd DecideCommand) (Outcome, error) {
	return s.move(ctx, c, caller.RulePlacement, id, placement.MoveDecide, cmd.Command, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		if cmd.What == code.RepatriationOrdered || cmd.What == code.RepatriationWithdrawn {
			p, err := p.Repatriate(cmd.ReturnTo, cmd.WaitingSince, occurred(cmd.Command, now), now)
			return p, nil, err
		}
		basis, err := s.decided(p, cmd, now)
		if err != nil {
			return p, nil, err
		}
		p, err = p.Decide(cmd.What, basis, occurred(cmd.Command, now), now)
		return p, nil, err
	})
}

// Undo takes the last move back, for the side that made it. A promise that was
// given up is held again in the same write if its beds are still there.
func (s *Service) Undo(ctx context.Context, c caller.Caller, id string, cmd Command) (Outcome, error) {
	action := caller.MovePlacement
	switch c.Role {
	case caller.Shelter:
		action = caller.AnswerPlacement
	case caller.Desk:
		action = caller.RulePlacement
	}
	if cmd.HoldNo = 0; cmd.Version == 0 { // only the very move the sender saw is taken back
		return Outcome{}, fault.Field("version", "is required: the placement's version you saw")
	}
	return s.alarming(ctx, c, action, id, placement.MoveUndo, cmd, func(p placement.Placement, now time.Time) (decision, error) {
		side := sideFor(c, p, placement.MoveUndo)
		if err := notTheirs(c, p, side); err != nil {
			return decision{}, err
		}
		d, err := s.takeBack(ctx, p, side, now)
		if err != nil {
			return d, err
		}
		if p.Back.Told != "" {
			d.over = append(d.over, p.Back.Told)
		}
		if d.next.State == placement.Arrived && p.State == placement.Ended { // its shelter may have stopped, or taken part again, meanwhile
			if d.next, d.alerts, err = s.movesOn(ctx, d.next, now); err != nil {
				return d, err
			}
		}
		return s.stayedOn(ctx, p, d, c.Subject, now)
	})
}

// takeBack takes the last move of a placement back.
func (s *Service) takeBack(ctx context.Context, p placement.Placement, side placement.Side, now time.Time) (d decision, err error) {
	back, moves, of, err := p.Undo(side, now)
	switch lapsed := p.Back.Move == placement.MoveReceive && p.Back.From == placement.Held; {
	case err != nil:
		return d, err
	case p.Back.Left != "" && (of != "" || lapsed): // whose beds are free is known once they are in theirs again
		back.Seek = true
		if onTheRoad(p.Back.From) {
			d.alerts = append(d.alerts, alert(p, placement.AlertBedsGone, now))
		}
		d.next, d.beds = back, moves
		return d, nil
	case of == "" && lapsed:
		d.next, d.beds, err = s.nextOption(ctx, back, moves, now)
		return d, err
	case of == "" && back.State == placement.Requested && p.State != placement.Requested && !back.Seek:
		return decision{next: s.unheld(ctx, back, side != placement.Team, now), beds: moves}, nil
	case of == "":
		return decision{next: back, beds: moves}, nil
	}
	var more []placement.BedMove
	d.next, more, err = s.hold(ctx, back, of, now, func(a matching.Ask) matching.Ask { return heldAgain(a, of) })
	if _, refused := fault.Of(err); refused && p.Back.Fact() { // that it did not happen is a fact, whatever became of the beds
		if onTheRoad(p.Back.From) {
			d.alerts = append(d.alerts, alert(p, placement.AlertBedsGone, now))
		}
		d.next, d.beds, err = s.nextOption(ctx, back, moves, now)
		return d, err
	}
	d.beds = slices.Concat(moves, more)
	return d, err
}

func onTheRoad(s placement.State) bool {
	return s == placement.InTransit || s == placement.Diverted
}

// Split places some of the party apart, in a placement of their own: the answer
// is the placement of those who stay, matched anew where the party wished to be
// held; apart is the id of the new one, for which the clock holds the best shelter
// at its next look.
func (s *Service) Split(ctx context.Context, c caller.Caller, id string, persons []int, by code.ChosenBy, cmd Command) (o Outcome, apart string, err error) {
	apart = placement.ID(c.Asks(), "split\x00"+id+"\x00"+cmd.Key)
	o, err = s.alarming(ctx, c, caller.MovePlacement, id, placement.MoveSplit, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		p.By = c.Subject
		var goes placement.Placement
		if d.next, goes, d.beds, err = p.SplitOff(apart, persons, uint8(by), by == code.ChosenByCommittee, now); err != nil {
			return d, err
		}
		if d.next, d.beds, err = s.nextOption(ctx, d.next, d.beds, now); err != nil {
			return d, err
		}
		partners, err := s.partners(ctx, goes)
		d.also = append(append(d.also, goes), partners...)
		return d, err
	})
	return o, apart, err
}

// Correct replaces what was said of the persons and runs the rules again. Beds
// are kept until they are swapped and nobody is ejected: where the shelter may
// not keep the party any more, the desk is told.
func (s *Service) Correct(ctx context.Context, c caller.Caller, id string, persons []placement.Person, cmd Command) (Outcome, error) {
	o, err := s.alarming(ctx, c, caller.MovePlacement, id, placement.MoveCorrect, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		if d.next, d.beds, err = p.Correct(persons, now); err != nil {
			return d, err
		}
		if d.next.State == placement.Arrived && d.next.Basis.From.IsZero() { // what it was is not theirs
			d.next.Basis = s.Policy.UndecidedBasis(d.next, now)
		}
		fits, err := s.stillFits(ctx, d.next, now)
		switch {
		case err == nil && fits:
			d.next.MustMove = "" // where the desk was told, that is over
		case err == nil:
			d.next, d.alerts, err = s.tellMustMove(ctx, d.next, alert(p, placement.AlertMustMove, now), now)
		}
		return d, err
	})
	if err == nil {
		o = s.ranked(ctx, o)
	}
	return o, err
}

// passing are rules about this moment or about beds the party has already.
var passing = []string{"beds.free", "places.step_free", "places.medical", "party.together", "intake.hours", "intake.daily", "data.fresh", "journey.limit"}

// stillFits reports whether the shelter that holds or has the party may keep it.
func (s *Service) stillFits(ctx context.Context, p placement.Placement, now time.Time) (bool, error) {
	if !p.State.Live() {
		return true, nil
	}
	if !p.Hold.Stopped.IsZero() {
		return false, nil
	}
	w, wanted, err := s.asking(ctx, p, now)
	if err != nil {
		return true, err
	}
	_, failed, there := matching.Try(w, p.Hold.Shelter, wanted, s.Policy)
	failed = slices.DeleteFunc(failed, func(rule string) bool { return slices.Contains(passing, rule) })
	return there && len(failed) == 0, nil
}

// Cancel ends the request before arrival.
func (s *Service) Cancel(ctx context.Context, c caller.Caller, id string, why code.CancelReason, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.MovePlacement, id, placement.MoveCancel, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		return p.Cancel(why, now)
	})
}
