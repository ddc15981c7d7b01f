package referral

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// RescueOutcome is a rescue with what became of its parties.
type RescueOutcome struct {
	placement.Rescue
	Parties  []PartyOutcome // as many as the rescue has, in order
	Replayed bool
}

// PartyOutcome is one party of a rescue: its placement once there is one, else
// where the plan puts it, or why nowhere.
type PartyOutcome struct {
	Placement *placement.Placement
	Plan      matching.Planned
}

// Next lists the moves of a rescue that its team could make now with success.
func (o RescueOutcome) Next() []string {
	if o.State == placement.RescueConfirming {
		return nil
	}
	var out []string
	if !o.Full() && len(o.Rescue.Parties) < placement.MaxTogether && o.Persons() < placement.MaxRescued {
		out = append(out, "parties")
	}
	if !o.Full() && slices.ContainsFunc(o.Parties, func(p PartyOutcome) bool { return looking(p.Placement) }) {
		out = append(out, "plan", "confirm")
	}
	departs := func(p PartyOutcome) bool { return p.Placement != nil && p.Placement.State == placement.Accepted }
	if len(o.Departs) < placement.MaxDeparts && slices.ContainsFunc(o.Parties, departs) {
		out = append(out, "depart")
	}
	return out
}

// looking reports whether a party has no beds yet and looks for them; nil is one
// that was not confirmed.
func looking(p *placement.Placement) bool {
	return p == nil || p.State == placement.Requested || p.State == placement.Waitlisted
}

// someOpen refuses to plan or confirm where every party has beds or needs none.
func (s *Service) someOpen(ctx context.Context, r placement.Rescue) error {
	if r.Made < len(r.Parties) {
		return nil
	}
	o, err := s.outcome(ctx, r, []matching.Planned{})
	if err != nil || slices.ContainsFunc(o.Parties, func(p PartyOutcome) bool { return looking(p.Placement) }) {
		return err
	}
	return fault.New(fault.IllegalMove, "every party of this rescue has beds already or needs none").WithAllowed(o.Next())
}

// NewRescue stores a rescue and plans it. Sent again under the same key it
// answers with the rescue as it is now.
func (s *Service) NewRescue(ctx context.Context, c caller.Caller, r placement.Rescue, cmd Command) (RescueOutcome, error) {
	if err := c.Allow(caller.RequestPlacement, caller.Resource{Team: c.Team()}); err != nil {
		return RescueOutcome{}, err
	}
	now := s.now()
	r.ID, r.Team, r.By, r.State, r.CreatedAt, r.ChangedAt = placement.RescueID(c.Team(), cmd.Key), c.Team(), c.Subject, placement.RescueOpen, now, now
	for range attempts {
		stored, err := s.loadRescue(ctx, r.ID)
		if err != nil {
			return RescueOutcome{}, err
		}
		if stored != nil {
			if _, err := stored.Replay(cmd.hash(c)); err != nil {
				return RescueOutcome{}, err
			}
			o, err := s.outcome(ctx, *stored, nil)
			o.Replayed = true
			return o, err
		}
		if err := r.Check(now); err != nil {
			return RescueOutcome{}, err
		}
		next, err := r.Remember(cmd.hash(c))
		if err != nil {
			return RescueOutcome{}, err
		}
		next, planned, err := s.plannedUnless(ctx, cmd.PlanLater, next, now)
		if err != nil {
			return RescueOutcome{}, err
		}
		it := record.FromRescue(next)
		if err := fitting(it); err != nil {
			return RescueOutcome{}, err
		}
		err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: []table.Op{table.PutOp(it, 0)}})
		if err == nil {
			next.Version = 1
			return s.outcome(ctx, next, planned)
		}
		if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return RescueOutcome{}, refusal(err)
		}
	}
	return RescueOutcome{}, errBusyRescue()
}

// fitting refuses a rescue that is too large to be stored.
func fitting(it table.Item) error {
	if len(it.Body) > record.MaxRescue {
		return fault.Field("parties", "says more than fits in one rescue: make it two rescues")
	}
	return nil
}

func errBusyRescue() error { return fault.New(fault.Busy, "the rescue is busy; send it again shortly") }

func (s *Service) loadRescue(ctx context.Context, id string) (*placement.Rescue, error) {
	it, err := s.Store.Get(ctx, record.RescueKey(id), table.Strong)
	if err != nil || it == nil {
		if errors.As(err, new(*table.Refused)) {
			return nil, nil
		}
		return nil, refusal(err)
	}
	r, err := record.ToRescue(it)
	return &r, err
}

// Rescue answers one rescue to its team or to the desk of its district.
func (s *Service) Rescue(ctx context.Context, c caller.Caller, id string) (RescueOutcome, error) {
	r, err := s.ownRescue(ctx, c, caller.ReadPlacement, id)
	if err != nil {
		return RescueOutcome{}, err
	}
	return s.outcome(ctx, r, nil)
}

func (s *Service) ownRescue(ctx context.Context, c caller.Caller, a caller.Action, id string) (placement.Rescue, error) {
	r, err := s.loadRescue(ctx, id)
	if err != nil {
		return placement.Rescue{}, err
	}
	if r == nil {
		return placement.Rescue{}, missing(c.Allow(a, caller.Resource{}))
	}
	return *r, c.Allow(a, caller.Resource{Team: r.Team, District: r.Common.Place})
}

// AddParties adds parties found later and plans again, at once or later. Nobody who is held moves.
func (s *Service) AddParties(ctx context.Context, c caller.Caller, id string, parties []placement.Request, apart [][2]int, cmd Command) (RescueOutcome, error) {
	return s.changeRescue(ctx, c, id, cmd, func(r placement.Rescue, now time.Time) (placement.Rescue, error) {
		for i := range parties {
			parties[i] = withCommon(parties[i], r.Common)
		}
		return r.With(parties, apart, now)
	})
}

// PlanRescue plans anew, on the beds there are now.
func (s *Service) PlanRescue(ctx context.Context, c caller.Caller, id string, cmd Command) (RescueOutcome, error) {
	return s.changeRescue(ctx, c, id, cmd, func(r placement.Rescue, _ time.Time) (placement.Rescue, error) { return r, s.someOpen(ctx, r) })
}

// withCommon gives a party what is the same for the whole rescue.
func withCommon(p, common placement.Request) placement.Request {
	out := common
	out.Persons, out.Together, out.Preferences, out.HoldBest = p.Persons, p.Together, p.Preferences, true
	return out
}

// changeRescue changes a rescue that is not being confirmed, and plans it.
func (s *Service) changeRescue(ctx context.Context, c caller.Caller, id string, cmd Command, do func(placement.Rescue, time.Time) (placement.Rescue, error)) (RescueOutcome, error) {
	var planned []matching.Planned
	r, replayed, err := s.rewriteRescue(ctx, c, id, cmd, func(r placement.Rescue, now time.Time) (placement.Rescue, error) {
		if r.State == placement.RescueConfirming {
			return r, fault.New(fault.IllegalMove, "the rescue is being confirmed; wait until it is").WithAllowed([]string{})
		}
		r, err := do(r, now)
		if err != nil {
			return r, err
		}
		r, planned, err = s.plannedUnless(ctx, cmd.PlanLater, r, now)
		return r, err
	})
	if err != nil {
		return RescueOutcome{}, err
	}
	o, err := s.outcome(ctx, r, planned)
	o.Replayed = replayed
	return o, err
}

// rewriteRescue writes a change of a rescue by its version, once for each command.
func (s *Service) rewriteRescue(ctx context.Context, c caller.Caller, id string, cmd Command, do func(placement.Rescue, time.Time) (placement.Rescue, error)) (placement.Rescue, bool, error) {
	for range attempts {
		r, err := s.ownRescue(ctx, c, caller.MovePlacement, id)
		if err != nil {
			return r, false, err
		}
		if done, err := r.Replay(cmd.hash(c)); done || err != nil {
			return r, done, err
		}
		next, err := do(r, s.now())
		if err != nil {
			return r, false, err
		}
		if next, err = next.Remember(cmd.hash(c)); err != nil {
			return r, false, err
		}
		next.By = c.Subject
		if ok, err := s.putRescue(ctx, &next); ok || err != nil {
			return next, false, err
		}
	}
	return placement.Rescue{}, false, errBusyRescue()
}

// putRescue writes a rescue by its version; false: somebody else was faster, or
// perhaps it was written and only reading tells.
func (s *Service) putRescue(ctx context.Context, r *placement.Rescue) (bool, error) {
	it := record.FromRescue(*r)
	if err := fitting(it); err != nil {
		return false, err
	}
	err := s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: []table.Op{table.PutOp(it, r.Version)}})
	if err == nil {
		r.Version++
		return true, nil
	}
	if _, lost := table.IsStale(err); lost || errors.Is(err, table.ErrUnknown) {
		return false, nil
	}
	return false, refusal(err)
}

// plannedUnless plans, unless more parties are to come before a plan is wanted: who
// had a place in the last plan keeps it.
func (s *Service) plannedUnless(ctx context.Context, later bool, r placement.Rescue, now time.Time) (placement.Rescue, []matching.Planned, error) {
	if later {
		return r, nil, nil
	}
	return s.planned(ctx, r, now)
}

// planned plans the parties that have no beds yet around those that have.
func (s *Service) planned(ctx context.Context, r placement.Rescue, now time.Time) (placement.Rescue, []matching.Planned, error) {
	made, err := s.madeOf(ctx, r)
	if err != nil {
		return r, nil, err
	}
	w, err := s.world(ctx)
	if err != nil {
		return r, nil, err
	}
	seed := placement.Hash(r.ID) + r.Version // another plan each time, the same for the same rescue
	crowd := matching.Crowd{Apart: r.Apart, There: map[int]string{}, Seed: seed}
	for i, party := range r.Parties {
		a := matching.Ask{Request: party, At: now, Seed: r.PartyID(i)}
		if i < len(made) && made[i] != nil {
			p := *made[i]
			if a, err = s.ask(ctx, p, now); err != nil {
				return r, nil, err
			}
			if p.State != placement.Requested && p.State != placement.Waitlisted {
				crowd.There[i] = "" // it has ended before anybody came
				if p.State.Live() {
					crowd.There[i] = p.Hold.Shelter
				}
			}
		} else if a, err = s.unpaused(ctx, a, ""); err != nil {
			return r, nil, err
		}
		crowd.Asks = append(crowd.Asks, a)
	}
	plan, err := matching.PlanTogether(w, crowd, s.Policy)
	if err != nil {
		return r, nil, err
	}
	var picks []placement.Picked
	for i, p := range plan {
		if p.Option != nil {
			picks = append(picks, placement.Picked{Party: i, Shelter: p.Option.Candidate.ID, Parts: p.Option.Parts, Score: p.Option.Score})
		}
	}
	return r.Planned(picks, seed, now), plan, nil
}

// each calls f for 0 to n-1, some at once, and joins what fails.
func (s *Service) each(n int, f func(i int) error) error {
	errs := make([]error, n)
	if s.Abreast == 1 {
		for i := range n {
			errs[i] = f(i)
		}
		return errors.Join(errs...)
	}
	var wait sync.WaitGroup
	room := make(chan struct{}, s.Abreast)
	for i := range n {
		room <- struct{}{}
		wait.Go(func() {
			defer func() { <-room }()
			errs[i] = f(i)
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// madeOf reads the placements of the parties that have one.
func (s *Service) madeOf(ctx context.Context, r placement.Rescue) ([]*placement.Placement, error) {
	out := make([]*placement.Placement, r.Made)
	err := s.each(r.Made, func(i int) (err error) {
		out[i], err = s.load(ctx, r.PartyID(i))
		return err
	})
	return out, err
}

// outcome shows what became of each party. planned may be nil: then the plan that
// is stored is shown.
func (s *Service) outcome(ctx context.Context, r placement.Rescue, planned []matching.Planned) (RescueOutcome, error) {
	o := RescueOutcome{Rescue: r, Parties: make([]PartyOutcome, len(r.Parties))}
	made, err := s.madeOf(ctx, r)
	if err != nil {
		return o, err
	}
	for i := range o.Parties {
		if i < len(made) {
			o.Parties[i].Placement = made[i]
		}
		if i < len(planned) {
			o.Parties[i].Plan = planned[i]
		}
	}
	if planned == nil {
		s.showPlan(ctx, &o)
	}
	return o, nil
}

// showPlan looks up the options of a stored plan; one that is none any more is
// left out, a new plan finds another.
func (s *Service) showPlan(ctx context.Context, o *RescueOutcome) {
	w, err := s.world(ctx)
	if err != nil {
		return // the placements are shown all the same
	}
	for _, pick := range o.Plan {
		a := matching.Ask{Request: o.Rescue.Parties[pick.Party], At: s.now(), Seed: o.PartyID(pick.Party)}
		if made := o.Parties[pick.Party].Placement; made != nil {
			a.Request = made.Request
		}
		if option, failed, ok := matching.Try(w, pick.Shelter, a, s.Policy); ok && len(failed) == 0 {
			option.Parts = pick.Parts
			o.Parties[pick.Party].Plan = matching.Planned{Option: &option}
		}
	}
}
