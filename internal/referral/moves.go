package referral

import (
	"cmp"
	"context"
	"slices"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/placement"
)

// move carries out one move of an existing placement: scope, replay, version
// and hold are checked before do decides.
func (s *Service) move(ctx context.Context, c caller.Caller, a caller.Action, id string, m placement.Move, cmd Command,
	do func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error)) (Outcome, error) {
	return s.alarming(ctx, c, a, id, m, cmd, func(p placement.Placement, now time.Time) (decision, error) {
		next, beds, err := do(p, now)
		return decision{next: next, beds: beds}, err
	})
}

// alarming carries out a move that may also raise alerts.
func (s *Service) alarming(ctx context.Context, c caller.Caller, a caller.Action, id string, m placement.Move, cmd Command,
	do func(p placement.Placement, now time.Time) (decision, error)) (Outcome, error) {
	p, replayed, err := s.run(ctx, id, func(stored *placement.Placement, now time.Time) (decision, error) {
		if stored == nil {
			return decision{}, missing(c.Allow(a, caller.Resource{}))
		}
		a, about := acting(c, a, m, *stored)
		allowed := c.Allow(a, about)
		if known := allowed == nil || stored.HeldBy(c.Shelter()); known && m != placement.MoveReceive { // that they came is a fact
			if gone := s.unlessGone(ctx, c, *stored); gone != nil {
				return decision{}, gone
			}
		}
		if fault.Is(allowed, fault.NotFound) && a == caller.AnswerPlacement {
			// A shelter that repeats its own decline is told so, though the party is elsewhere by now.
			if done, _ := stored.Replay(cmd.hash(c)); done {
				return decision{next: *stored, done: true}, nil
			}
		}
		if allowed != nil {
			return decision{}, allowed
		}
		if done, err := stored.Replay(cmd.hash(c)); done || err != nil {
			return decision{next: *stored, done: done}, err
		}
		if err := checkSender(*stored, m, cmd, now); err != nil {
			return decision{}, s.allowing(ctx, err, *stored, c)
		}
		d, err := do(*stored, now)
		if err != nil {
			return decision{}, s.allowing(ctx, err, *stored, c)
		}
		if d.next.By, d.next.Same = c.Subject, 0; d.still {
			d.next.Same = cmp.Or(stored.Same, stored.Version) // nobody need read it again
		}
		if d.next.State != stored.State || d.next.Verified != stored.Verified { // accepted, sure, on its way: the escort may look where to go
			d.next.RevealUntil = now.Add(s.Policy.Reveal)
		}
		if d.next.Back.Move == m && len(d.alerts) > 0 && d.alerts[0].Kind != placement.AlertMustMove { // an undo is the end of it
			d.next.Back.Told = alertCursor(d.alerts[0])
		}
		d.next, err = d.next.Remember(cmd.hash(c), m)
		return d, s.allowing(ctx, err, *stored, c)
	})
	if f, ok := fault.Of(err); ok && f.Allowed == nil && slices.Contains(conflicts, f.Kind) { // what a unit's beds refused
		if now, lerr := s.load(ctx, id); lerr == nil && now != nil {
			err = s.allowing(ctx, err, *now, c)
		}
	}
	return Outcome{Placement: p, Replayed: replayed}, err
}

// acting is the action a caller makes of a move, and what it is about.
func acting(c caller.Caller, a caller.Action, m placement.Move, p placement.Placement) (caller.Action, caller.Resource) {
	about := resource(p)
	switch {
	case m == placement.MoveReceive && p.HeldBy(c.Shelter()), // an arrival is a fact, also where the hold has moved on
		m == placement.MoveUndo && c.Shelter() != "" && p.Back.Shelter == c.Shelter(): // the move to take back was this shelter's
		about.Shelter = c.Shelter()
	}
	if c.Role == caller.Shelter && sideFor(c, p, m) == placement.Team {
		a = caller.TransferResident
	}
	return a, about
}

// conflicts are the refusals that list what could be done instead.
var conflicts = []fault.Kind{fault.IllegalMove, fault.StaleVersion, fault.HoldLapsed, fault.ShelterFull, fault.NotEligible, fault.TooManyMoves}

// allowing lists with a refused move those the sender could make now.
func (s *Service) allowing(ctx context.Context, err error, p placement.Placement, c caller.Caller) error {
	f, ok := fault.Of(err)
	if !ok || !slices.Contains(conflicts, f.Kind) {
		return err
	}
	list := []string{}
	for _, m := range s.Next(ctx, c, p) {
		list = append(list, string(m))
	}
	return f.WithAllowed(list)
}

func checkSender(p placement.Placement, m placement.Move, cmd Command, now time.Time) error {
	if err := placement.CheckOccurred(cmd.OccurredAt, now); err != nil {
		return err
	}
	if cmd.HoldNo != 0 {
		return p.CheckHold(m, cmd.HoldNo)
	}
	return p.CheckVersion(m, cmd.Version)
}

// Hold holds a shelter for a placement, or the best option when none is named. One that
// was pressed too long ago holds nothing, as with a new request.
func (s *Service) Hold(ctx context.Context, c caller.Caller, id, shelter string, cmd Command) (Outcome, error) {
	return s.pressing(ctx, c, id, placement.MoveHold, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		if d.next, d.beds, err = s.hold(ctx, p, shelter, now); err == nil && s.late(cmd.OccurredAt, now) {
			return late(p), nil
		}
		return d, err
	})
}

// late reports whether a hold was pressed so long ago that it takes no bed any more
// (DESIGN section 5): whoever pressed has gone on since.
func (s *Service) late(pressed, now time.Time) bool {
	return !pressed.IsZero() && now.Sub(pressed) > s.Policy.LateHold
}

// late leaves a placement as it is, marked.
func late(p placement.Placement) decision {
	p.Late = true
	return decision{next: p, still: true}
}

// pressing carries out a move that may take beds; where it came too late for that, the
// answer says what is to be had now.
func (s *Service) pressing(ctx context.Context, c caller.Caller, id string, m placement.Move, cmd Command,
	do func(p placement.Placement, now time.Time) (decision, error)) (Outcome, error) {
	o, err := s.alarming(ctx, c, caller.MovePlacement, id, m, cmd, do)
	if err == nil && o.Late {
		o = s.ranked(ctx, o)
	}
	return o, err
}

func (s *Service) hold(ctx context.Context, p placement.Placement, shelter string, now time.Time, but ...func(matching.Ask) matching.Ask) (placement.Placement, []placement.BedMove, error) {
	o, err := s.option(ctx, p, shelter, now, but...)
	if err != nil {
		return p, nil, err
	}
	return p.TakeHold(o, s.holdUntil(p, now), now)
}

// option is a shelter that could be held now, or the best where none is named.
func (s *Service) option(ctx context.Context, p placement.Placement, shelter string, now time.Time, but ...func(matching.Ask) matching.Ask) (none placement.Option, err error) {
	w, wanted, err := s.asking(ctx, p, now)
	if err != nil {
		return none, err
	}
	for _, change := range but {
		wanted = change(wanted)
	}
	if shelter == "" {
		best := matching.Rank(w, another(p, wanted, now), s.Policy, 1)
		if len(best.Options) == 0 {
			return none, fault.New(fault.ShelterFull, "no shelter fits this party now")
		}
		return best.Options[0].Hold(), nil
	}
	o, failed, ok := matching.Try(w, shelter, wanted, s.Policy)
	switch {
	case ok && slices.Equal(failed, []string{"beds.free"}):
		return none, fault.New(fault.ShelterFull, "fewer beds are free there than this party needs").WithRules(failed...)
	case !ok || len(failed) > 0:
		// One answer for a shelter that does not fit and one that is not there: which
		// rule fails would tell a team what it must not learn of a single shelter.
		return none, fault.New(fault.NotEligible, "this is not an option of this placement now")
	}
	return o.Hold(), nil
}

// Release gives the held beds back.
func (s *Service) Release(ctx context.Context, c caller.Caller, id string, cmd Command) (Outcome, error) {
	side, action := placement.Team, caller.MovePlacement
	if c.Role == caller.Desk { // a bed that is held for nobody any more
		side, action = placement.Office, caller.RulePlacement
	}
	return s.move(ctx, c, action, id, placement.MoveRelease, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		p, beds, err := p.Release(side, now)
		if err != nil {
			return p, nil, err
		}
		return s.unheld(ctx, p, side != placement.Team, now), beds, nil
	})
}

// Choose records the choice of an option; where it is not the one held or accepted,
// the hold is swapped in the same write. One that would take beds and was pressed too
// long ago takes none.
func (s *Service) Choose(ctx context.Context, c caller.Caller, id string, choice placement.Choice, cmd Command) (Outcome, error) {
	return s.pressing(ctx, c, id, placement.MoveChoose, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		d.next = p
		takes := choice.Shelter != p.Hold.Shelter || !p.State.Live()
		if takes {
			o, err := s.option(ctx, p, choice.Shelter, now)
			if err != nil {
				return d, err
			}
			if d.next, d.beds, err = p.TakeChosen(o, s.holdUntil(p, now), now); err != nil {
				return d, err
			}
		}
		if d.next, err = d.next.Choose(choice, now); err == nil && takes && s.late(cmd.OccurredAt, now) {
			return late(p), nil
		}
		return d, err
	})
}

// AcceptByPhone is a yes the team heard on the phone; code is what the shelter
// said its code is, empty when it was not asked. A right code makes the yes sure
// also later, until too many wrong ones were said.
func (s *Service) AcceptByPhone(ctx context.Context, c caller.Caller, id, code string, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.MovePlacement, id, placement.MovePhone, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		h, err := s.handover(ctx, p.Hold.Shelter)
		if err != nil {
			return p, nil, err
		}
		return p.AcceptByPhone(placement.HearPhoneCode(code, h.Code), s.Code(), s.Code(), now)
	})
}

// Accept is the shelter's yes; it makes one sure that the team heard on the phone.
func (s *Service) Accept(ctx context.Context, c caller.Caller, id string, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.AnswerPlacement, id, placement.MoveAccept, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		return p.Accept(s.Code(), s.Code(), now)
	})
}

// Decline is the shelter's coded no; the next option is held by itself where
// the party agreed to that.
func (s *Service) Decline(ctx context.Context, c caller.Caller, id string, why code.DeclineReason, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.AnswerPlacement, id, placement.MoveDecline, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		p, beds, err := p.Decline(why, now)
		if err != nil {
			return p, nil, err
		}
		back := p.Back
		p, beds, err = s.nextOption(ctx, p, beds, now)
		p.Back = back // the shelter may have pressed the wrong button
		return p, beds, err
	})
}

// nextOption holds the best shelter not tried yet, when the team asked for a
// hold in the first place; else it is told what fits. When nothing does, the
// placement waits.
func (s *Service) nextOption(ctx context.Context, p placement.Placement, beds []placement.BedMove, now time.Time) (placement.Placement, []placement.BedMove, error) {
	if !p.Request.HoldBest {
		return s.unheld(ctx, p, true, now), beds, nil
	}
	return s.holdNext(ctx, p, beds, now)
}

// holdNext holds the best shelter not tried yet; when nothing fits, the
// placement waits. Where all that fits has been tried, the team is told, and
// the placement waits if it chooses nothing: the directory may have been wrong,
// and nobody is forgotten between holding and waiting.
func (s *Service) holdNext(ctx context.Context, p placement.Placement, beds []placement.BedMove, now time.Time) (placement.Placement, []placement.BedMove, error) {
	w, wanted, err := s.asking(ctx, p, now)
	if err != nil {
		p.Seek = true       // the clock looks for the next option
		return p, beds, nil //nolint:nilerr // giving beds back does not wait for a directory
	}
	best := matching.Rank(w, wanted, s.Policy, 1)
	until := now.Add(s.Policy.WaitFor[p.Request.Urgency])
	switch {
	case len(best.Options) == 0:
		return p.Wait(until, now), beds, nil
	case slices.Contains(p.Tried, best.Options[0].Candidate.ID):
		return p.LeftToChoose(until, now), beds, nil
	}
	p, more, err := p.TakeHold(best.Options[0].Hold(), s.holdUntil(p, now), now)
	return p, append(beds, more...), err
}

// Depart starts the journey; one without a social worker is told to the desk.
func (s *Service) Depart(ctx context.Context, c caller.Caller, id string, socialWorker bool, override *code.Override, cmd Command) (Outcome, error) {
	return s.alarming(ctx, c, caller.MovePlacement, id, placement.MoveDepart, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		var why code.Override
		if override != nil {
			why = *override
		}
		d.next, err = p.Depart(socialWorker, why, override != nil, now)
		if d.next.Overridden && p.State == placement.Accepted {
			d.alerts = append(d.alerts, alert(p, placement.AlertNoSocialWorker, now))
		}
		return d, err
	})
}

// Receive records the arrival. Where the party has stayed elsewhere, that stay ends
// in the same write: nobody is counted in two places.
func (s *Service) Receive(ctx context.Context, c caller.Caller, id string, cmd Command) (Outcome, error) {
	return s.alarming(ctx, c, caller.AnswerPlacement, id, placement.MoveReceive, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		if d.next, d.beds, err = p.Receive(c.Shelter(), occurred(cmd, now), now); err != nil {
			return d, err
		}
		if len(d.beds) > 0 {
			d.next, d.beds = s.atItsDoor(ctx, d.next, d.beds)
			if p.Hold.Shelter != d.next.Hold.Shelter {
				d.next.MustMove = "" // that was about another shelter
			}
		}
		d.next = s.grounded(d.next, p.State == placement.Ended || p.TransferOf != "" && p.State != placement.Arrived)
		d, err = s.movedIn(ctx, p, d, c.Subject, now)
		if len(d.beds) > 0 && d.next.State == placement.Arrived && err == nil {
			d.next, d.alerts, err = s.movesOn(ctx, d.next, now)
		}
		return d, err
	})
}

// End records that persons have left, or, for the team, that the party will not
// arrive. A child who left, unannounced or by their own wish, and a death
// are told to the desk; an adult who leaves by their own wish is nobody's alarm.
func (s *Service) End(ctx context.Context, c caller.Caller, id string, persons []int, why code.EndReason, cmd Command) (Outcome, error) {
	action := caller.AnswerPlacement
	if c.Role == caller.Rescue {
		action = caller.MovePlacement
	}
	return s.alarming(ctx, c, action, id, placement.MoveEnd, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		if sideFor(c, p, placement.MoveEnd) == placement.Team {
			if persons != nil {
				return d, fault.Field("persons", "before arrival is the whole party: split it first")
			}
			d.next, d.beds, err = p.EndBefore(why, occurred(cmd, now), now)
		} else {
			d.next, d.beds, err = p.End(persons, why, occurred(cmd, now), now)
		}
		if err != nil {
			return d, err
		}
		switch {
		case why == code.EndDied:
			d.alerts = append(d.alerts, alert(p, placement.AlertDied, now))
		case why == code.EndLeftUnannounced && d.next.ChildGone(p):
			d.alerts = append(d.alerts, alert(p, placement.AlertChildUnannounced, now))
		case why == code.EndOwnWish && d.next.ChildGone(p):
			d.alerts = append(d.alerts, alert(p, placement.AlertChildOwnWish, now))
		}
		return d, nil
	})
}
