package simulation

import (
	"context"
	"slices"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/placement"
	"panah/internal/referral"
)

// driver makes the call of one move.
type driver func(r *run, p placement.Placement, cmd referral.Command) func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error)

type call = func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error)

// drivers has one for every move in the table; a test fails when one is missing.
// Arrivals and departures are made by comeOrGo, lapses by the clock.
var drivers = map[placement.Move]driver{
	placement.MoveHold: func(r *run, p placement.Placement, cmd referral.Command) call {
		where := ""
		if r.chance(0.5) {
			where = pick(r, r.desk).ID
		}
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Hold(ctx, c, p.ID, where, cmd)
		}
	},
	placement.MoveRelease: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Release(ctx, c, p.ID, cmd)
		}
	},
	placement.MoveChoose: func(r *run, p placement.Placement, cmd referral.Command) call {
		choice := placement.Choice{By: code.ChosenByGuardian, Shelter: p.Hold.Shelter, HouseRulesShown: true, Viewed: true}
		if !p.Request.Children() {
			choice.By = code.ChosenBySelf
		}
		if choice.Shelter == "" || r.chance(0.1) {
			choice.Shelter = pick(r, r.desk).ID
		}
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Choose(ctx, c, p.ID, choice, cmd)
		}
	},
	placement.MoveAccept: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Accept(ctx, c, p.ID, cmd)
		}
	},
	placement.MoveDecline: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Decline(ctx, c, p.ID, 2, cmd)
		}
	},
	placement.MoveDepart: func(r *run, p placement.Placement, cmd referral.Command) call {
		worker, why := r.chance(0.7), code.Override(1)
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Depart(ctx, c, p.ID, worker, &why, cmd)
		}
	},
	placement.MoveCancel: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Cancel(ctx, c, p.ID, 0, cmd)
		}
	},
	placement.MoveRefuse: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Refuse(ctx, c, p.ID, 0, cmd)
		}
	},
	placement.MoveExtend: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Extend(ctx, c, p.ID, cmd)
		}
	},
	placement.MoveDivert: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Divert(ctx, c, p.ID, 0, cmd)
		}
	},
	placement.MoveTurnAway: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.TurnAway(ctx, c, p.ID, 2, cmd)
		}
	},
	placement.MoveSupersede: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Supersede(ctx, c, p.ID, cmd)
		}
	},
	placement.MoveDecide: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Decide(ctx, c, p.ID, referral.DecideCommand{Command: cmd, What: 2})
		}
	},
	placement.MovePhone: func(r *run, p placement.Placement, cmd referral.Command) call {
		said := pick(r, []string{"", "wrong", phoneCode})
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.AcceptByPhone(ctx, c, p.ID, said, cmd)
		}
	},
	placement.MoveReveal: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			shown, err := s.Reveal(ctx, c, p.ID, cmd)
			return shown.Outcome, err
		}
	},
	placement.MoveSplit: func(r *run, p placement.Placement, cmd referral.Command) call {
		g := r.truth.there[p.ID]
		if g != nil && !r.unaware && (len(g.persons) > 0 || len(g.facts) > 0) {
			return nil // they are through a door already
		}
		r.truth.guests(p.ID).frozen = true
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			o, _, err := s.Split(ctx, c, p.ID, []int{0}, code.ChosenByCommittee, cmd)
			return o, err
		}
	},
	placement.MoveEnd: func(r *run, p placement.Placement, cmd referral.Command) call {
		g := r.truth.there[p.ID]
		if g != nil && !r.unaware && (len(g.persons) > 0 || len(g.facts) > 0) {
			return nil // they are through a door already
		}
		r.truth.guests(p.ID).frozen = true
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.End(ctx, c, p.ID, nil, code.EndLeftUnannounced, cmd)
		}
	},
	// An arrival or departure is told when it has happened: it is not taken back but by
	// secondThoughts, where it has not.
	placement.MoveUndo: func(_ *run, p placement.Placement, cmd referral.Command) call {
		if toldByPeople(p.Back.Side, p.Back.Move) {
			return nil
		}
		cmd.Version, cmd.HoldNo = p.Version, 0
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Undo(ctx, c, p.ID, cmd)
		}
	},
	placement.MoveWithdraw: func(r *run, p placement.Placement, cmd referral.Command) call {
		v := r.ledger.voices[p.ID]
		if v.CodeNo == 0 || !p.Request.OnConsent() {
			return nil // nobody has a code, or it is a wish: speakUp makes those
		}
		said := placement.MakeStayCode([]byte(staySecret), p.ID, v.CodeNo).String()
		return func(ctx context.Context, s *referral.Service, _ caller.Caller) (referral.Outcome, error) {
			_, err := s.Speak(ctx, referral.Saying{Code: said, Ask: code.AskWithdraw}, cmd)
			return referral.Outcome{}, err
		}
	},
	placement.MoveCorrect: func(_ *run, p placement.Placement, cmd referral.Command) call {
		persons := slices.Clone(p.Request.Persons)
		for i := range persons {
			persons[i].AgeStatus = code.AgeStated
			if persons[i].Age == code.Age12To14 {
				persons[i].Age = code.Age15To17
			}
		}
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Correct(ctx, c, p.ID, persons, cmd)
		}
	},
}
