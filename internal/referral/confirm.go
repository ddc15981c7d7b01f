package referral

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

const (
	// confirmLease is how long a process has to confirm a rescue before the clock
	// goes on with it.
	confirmLease = 45 * time.Second
	// confirmRounds is how often parties that were refused are planned anew.
	confirmRounds = 3
	// inOneWrite is how many parties of one shelter are held in one write: with its
	// units and the turn of those kept apart that stays within the contract's limit.
	inOneWrite = 59
)

// ConfirmRescue takes the holds of a rescue's plan: placements first, then one
// write for each shelter, then what was refused planned anew, and whoever finds
// nothing waits. A crash at any step loses nothing: the clock goes on after the
// lease, skips what is held, and nothing is ever compensated.
func (s *Service) ConfirmRescue(ctx context.Context, c caller.Caller, id string, cmd Command) (RescueOutcome, error) {
	r, replayed, err := s.rewriteRescue(ctx, c, id, cmd, func(r placement.Rescue, now time.Time) (placement.Rescue, error) {
		if r.State == placement.RescueConfirming {
			return r, fault.New(fault.IllegalMove, "the rescue is being confirmed already").WithAllowed([]string{})
		}
		return r.Confirming(now.Add(confirmLease), now), s.someOpen(ctx, r)
	})
	if err != nil {
		return RescueOutcome{}, err
	}
	if !replayed {
		if r, err = s.confirm(ctx, r); err != nil {
			return RescueOutcome{}, err
		}
	}
	o, err := s.outcome(ctx, r, nil)
	o.Replayed = replayed
	return o, err
}

// resumeRescue goes on with a rescue whose process was lost.
func (s *Service) resumeRescue(ctx context.Context, id string) (int, error) {
	r, err := s.loadRescue(ctx, id)
	if err != nil || r == nil || r.State != placement.RescueConfirming || s.now().Before(r.LeaseTill) {
		return 0, err
	}
	next := r.Confirming(s.now().Add(confirmLease), s.now())
	if ok, err := s.putRescue(ctx, &next); !ok || err != nil {
		return 0, err // another one took it
	}
	_, err = s.confirm(ctx, next)
	return 1, err
}

func (s *Service) confirm(ctx context.Context, r placement.Rescue) (placement.Rescue, error) {
	apart, err := s.families(ctx, r)
	if err != nil {
		return r, err
	}
	if err := s.makePlacements(ctx, r, apart); err != nil {
		return r, err
	}
	if err := s.keptApart(ctx, r, apart); err != nil {
		return r, err
	}
	for round := range confirmRounds {
		if round > 0 {
			next, _, err := s.planned(ctx, r, s.now())
			if err != nil {
				return r, err
			}
			if r = next; len(r.Plan) == 0 {
				break
			}
		}
		open, err := s.holdPlan(ctx, r)
		if err != nil {
			return r, err
		}
		if open == 0 && round > 0 {
			break
		}
	}
	if err := s.letWait(ctx, r); err != nil {
		return r, err
	}
	done := r.Confirmed(s.now())
	ok, err := s.putRescue(ctx, &done)
	if err != nil || ok {
		return done, err
	}
	now, err := s.loadRescue(ctx, r.ID) // another process finished it, or the write landed and its answer was lost
	if err != nil || now == nil {
		return r, err
	}
	return *now, nil
}

// makePlacements writes a placement for each party that has none yet.
func (s *Service) makePlacements(ctx context.Context, r placement.Rescue, apart families) error {
	now := s.now()
	ops := make([]table.Op, len(r.Parties))
	for i, party := range r.Parties {
		p := placement.New(r.PartyID(i), r.Team, s.Policy.ID, party, now, placement.Command{})
		p.Commands, p.By, p.KeepFrom = nil, r.By, apart.keptFrom(r, i)
		if len(p.KeepFrom) > 0 {
			p.KeptIn = r.ID
		}
		p.Due = s.due(p)
		ops[i] = table.PutOp(record.FromPlacement(p), 0)
	}
	for chunk := range slices.Chunk(ops, table.MaxOps) {
		err := s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: chunk})
		if err == nil {
			continue
		}
		if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return refusal(err)
		}
		if err := s.each(len(chunk), func(i int) error { return s.makeOne(ctx, chunk[i]) }); err != nil {
			return err
		}
	}
	return nil
}

// makeOne writes one placement unless it is there.
func (s *Service) makeOne(ctx context.Context, op table.Op) error {
	for range attempts {
		err := s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: []table.Op{op}})
		if _, there := table.IsStale(err); there {
			return nil
		}
		if !errors.Is(err, table.ErrUnknown) && !errors.Is(err, table.ErrBusy) {
			return refusal(err)
		}
	}
	return errBusyRescue()
}

// holdPlan holds what the plan says, shelter by shelter, and answers how many
// parties it could not hold.
func (s *Service) holdPlan(ctx context.Context, r placement.Rescue) (open int, err error) {
	byShelter := map[string][]placement.Picked{}
	var order []string
	for _, pick := range r.Plan {
		if byShelter[pick.Shelter] == nil {
			order = append(order, pick.Shelter)
		}
		byShelter[pick.Shelter] = append(byShelter[pick.Shelter], pick)
	}
	jobs := oneAfterTheOther(r, order, byShelter)
	left := make([]int, len(jobs))
	err = s.each(len(jobs), func(i int) error {
		for _, shelterID := range jobs[i] {
			for picks := range slices.Chunk(byShelter[shelterID], inOneWrite) {
				n, err := s.holdGroup(ctx, r, shelterID, picks)
				if err != nil {
					return err
				}
				left[i] += n
			}
		}
		return nil
	})
	for _, n := range left {
		open += n
	}
	return open, err
}

// oneAfterTheOther are the shelters to be held in at once, each a job of its own,
// but those with parties that are kept apart in one job: their writes would only
// refuse each other.
func oneAfterTheOther(r placement.Rescue, order []string, picks map[string][]placement.Picked) (jobs [][]string) {
	var apart []string
	for _, shelterID := range order {
		if slices.ContainsFunc(picks[shelterID], func(pick placement.Picked) bool { return len(r.KeptFrom(pick.Party)) > 0 }) {
			apart = append(apart, shelterID)
		} else {
			jobs = append(jobs, []string{shelterID})
		}
	}
	if len(apart) > 0 {
		jobs = append(jobs, apart)
	}
	return jobs
}

// holdGroup holds the parties of one shelter in one write, as many as fit, and
// answers how many are still without beds.
func (s *Service) holdGroup(ctx context.Context, r placement.Rescue, shelterID string, picks []placement.Picked) (open int, err error) {
	for range attempts {
		now := s.now()
		group, err := s.openOf(ctx, r, picks)
		if err != nil || len(group) == 0 {
			return 0, err
		}
		fits, _, err := s.fitting(ctx, shelterID, group, now)
		if err != nil || len(fits) == 0 {
			return len(group), err
		}
		held, tries := false, 0
		_, _, err = s.run(ctx, fits[0].p.ID, func(lead *placement.Placement, now time.Time) (decision, error) {
			held = false
			if lead == nil || lead.Version != fits[0].p.Version {
				return decision{done: true}, nil // somebody moved it: look again
			}
			if tries++; tries > 1 {
				if same, err := s.unmoved(ctx, fits[1:]); !same || err != nil {
					return decision{next: *lead, done: true}, err
				}
			}
			d, err := s.holdTogether(ctx, r, shelterID, fits, now)
			held = err == nil && !d.done
			return d, err
		})
		switch {
		case fault.Is(err, fault.Busy):
			return len(group), nil // the next round finds them other beds
		case err != nil:
			return len(group), err
		case held && len(fits) == len(group):
			return 0, nil
		}
	}
	return len(picks), nil
}

// unmoved reports whether parties are at the versions they were read at.
func (s *Service) unmoved(ctx context.Context, group []waitingParty) (bool, error) {
	for _, g := range group {
		p, err := s.load(ctx, g.p.ID)
		if err != nil || p == nil || p.Version != g.p.Version {
			return false, err
		}
	}
	return true, nil
}

// waitingParty is a party without beds, with where the plan puts it.
type waitingParty struct {
	p    placement.Placement
	pick placement.Picked
	day  shelter.Day // on which it comes, where the shelter limits how many do
}

func (s *Service) openOf(ctx context.Context, r placement.Rescue, picks []placement.Picked) (out []waitingParty, err error) {
	for _, pick := range picks {
		p, err := s.load(ctx, r.PartyID(pick.Party))
		if err != nil {
			return nil, err
		}
		if p != nil && (p.State == placement.Requested || p.State == placement.Waitlisted) {
			out = append(out, waitingParty{p: *p, pick: pick})
		}
	}
	return out, nil
}

// fitting are the parties that the shelter may still take, together, on the beds
// the directory knows of, with the shelter as it was judged.
func (s *Service) fitting(ctx context.Context, shelterID string, group []waitingParty, now time.Time) (out []waitingParty, c *matching.Candidate, err error) {
	w, err := s.world(ctx)
	if err != nil {
		return nil, nil, err
	}
	c, ok := w.Find(shelterID)
	if !ok {
		return nil, nil, nil
	}
	left := map[matching.Scarce]int{}
	for _, g := range group {
		a, err := s.ask(ctx, g.p, now)
		if err != nil {
			return nil, c, err
		}
		if slices.ContainsFunc(out, func(o waitingParty) bool { return slices.Contains(g.p.KeepFrom, o.p.ID) }) {
			continue
		}
		o, failed, _ := matching.Try(w, shelterID, a, s.Policy)
		uses := matching.Uses(shelterID, g.p.Request.Persons, g.pick.Parts, o.Day)
		for _, use := range uses {
			if _, seen := left[use.Scarce]; !seen {
				left[use.Scarce] = c.Left(use.Scarce, now)
			}
		}
		if len(failed) > 0 || slices.ContainsFunc(uses, func(use matching.Amount) bool { return left[use.Scarce] < use.N }) {
			continue
		}
		for _, use := range uses {
			left[use.Scarce] -= use.N
		}
		g.day = o.Day
		out = append(out, g)
	}
	return out, c, nil
}

// holdTogether is the one write of a group: every placement and each unit once.
func (s *Service) holdTogether(ctx context.Context, r placement.Rescue, shelterID string, group []waitingParty, now time.Time) (d decision, err error) {
	again, c, err := s.fitting(ctx, shelterID, group, now)
	if err != nil || len(again) != len(group) {
		return decision{next: group[0].p, done: true}, err
	}
	for i, g := range again {
		o := placement.Option{Shelter: shelterID, Parts: g.pick.Parts, Score: g.pick.Score, Rev: c.Rev, Day: g.day, Limit: c.DailyIntake}
		next, beds, err := g.p.TakeHold(o, s.holdUntil(g.p, now), now)
		if err != nil {
			return d, err
		}
		next.By = r.By
		if i == 0 {
			d.next = next
		} else {
			d.also = append(d.also, next)
		}
		d.beds = append(d.beds, beds...)
	}
	return d, nil
}

// letWait puts whoever found nothing on the waiting list.
func (s *Service) letWait(ctx context.Context, r placement.Rescue) error {
	return s.each(len(r.Parties), func(i int) error {
		_, _, err := s.run(ctx, r.PartyID(i), func(p *placement.Placement, now time.Time) (decision, error) {
			if p == nil || p.State != placement.Requested {
				return decision{done: true}, nil
			}
			return decision{next: p.Wait(now.Add(s.Policy.WaitFor[p.Request.Urgency]), now)}, nil
		})
		return err
	})
}

// Bulk is what became of one placement in a command over many.
type Bulk struct {
	ID    string
	State placement.State
	Err   error // a fault: why it did not move
}

// DepartAll starts the journey of every accepted party of a rescue whose choice is
// recorded; the others say why not. Which they are is written before anybody
// departs: the same command sent again finishes what it began and takes along
// nobody who was accepted, or has chosen, since.
func (s *Service) DepartAll(ctx context.Context, c caller.Caller, id string, socialWorker bool, cmd Command) (out []Bulk, replayed bool, err error) {
	r, replayed, err := s.rewriteRescue(ctx, c, id, cmd, func(r placement.Rescue, now time.Time) (placement.Rescue, error) {
		if err := placement.CheckOccurred(cmd.OccurredAt, now); err != nil {
			return r, err
		}
		if r.State == placement.RescueConfirming {
			return r, fault.New(fault.IllegalMove, "the rescue is being confirmed; wait until it is").WithAllowed([]string{})
		}
		made, err := s.madeOf(ctx, r)
		if err != nil {
			return r, err
		}
		var ready []placement.Departing
		for i, p := range made {
			if p != nil && p.State == placement.Accepted {
				ready = append(ready, placement.Departing{Party: i, Version: p.Version})
			}
		}
		if len(ready) == 0 {
			o, err := s.outcome(ctx, r, []matching.Planned{})
			if err != nil {
				return r, err
			}
			return r, fault.New(fault.IllegalMove, "no party of this rescue is accepted and waits to depart").WithAllowed(o.Next())
		}
		return r.Departing(cmd.hash(c), ready, now)
	})
	if err != nil {
		return nil, false, err
	}
	leaving := r.Departure(cmd.hash(c).Key)
	out, err = s.bulk(len(leaving), func(i int) (Outcome, string, error) {
		one, party := cmd, r.PartyID(leaving[i].Party)
		one.Key, one.Version = cmd.Key+"/"+party, leaving[i].Version
		o, err := s.Depart(ctx, c, party, socialWorker, nil, one)
		return o, party, err
	})
	return out, replayed, err
}

// ReceiveAll records the arrival of many placements at one shelter. The shelter
// remembers which they are before anybody is received: the same command sent again
// finishes what it began, and is refused for others.
func (s *Service) ReceiveAll(ctx context.Context, c caller.Caller, shelterID string, ids []string, cmd Command) (out []Bulk, replayed bool, err error) {
	if err := c.Allow(caller.AnswerPlacement, caller.Resource{Shelter: shelterID}); err != nil {
		return nil, false, err
	}
	if replayed, err = s.markedOnce(ctx, shelterID, "receive", cmd.hash(c)); err != nil {
		return nil, false, err
	}
	out, err = s.bulk(len(ids), func(i int) (Outcome, string, error) {
		one := cmd
		one.Key = cmd.Key + "/" + ids[i]
		o, err := s.Receive(ctx, c, ids[i], one)
		return o, ids[i], err
	})
	return out, replayed, err
}

// markedOnce leaves the mark of a command at a shelter before it is carried out and
// reports whether it was there; one of another payload under the same key is refused.
func (s *Service) markedOnce(ctx context.Context, shelterID, command string, cmd placement.Command) (bool, error) {
	mark := record.Mark(shelterID, command, cmd.Key, s.now())
	mark.Body = []byte(strconv.FormatUint(cmd.Payload, 16))
	writeID := s.NewID()
	err := s.Store.Write(ctx, table.Batch{WriteID: writeID, Ops: []table.Op{table.PutOp(mark, 0)}})
	if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
		return false, refusal(err)
	}
	it, err := s.Store.Get(ctx, mark.Key, table.Strong)
	switch {
	case err != nil:
		return false, refusal(err)
	case it == nil:
		return false, fault.New(fault.Busy, "the shelter is busy; send it again shortly")
	case !bytes.Equal(it.Body, mark.Body):
		return false, fault.New(fault.KeyReused, "this Idempotency-Key was used for another request")
	}
	return it.WriteID != writeID, nil
}

// bulk carries out n commands, some at once. What is no fault ends it.
func (s *Service) bulk(n int, do func(i int) (Outcome, string, error)) ([]Bulk, error) {
	out := make([]Bulk, n)
	err := s.each(n, func(i int) error {
		o, id, err := do(i)
		if _, ok := fault.Of(err); err != nil && !ok {
			return err
		}
		out[i] = Bulk{ID: id, State: o.State, Err: err}
		return nil
	})
	return out, err
}
